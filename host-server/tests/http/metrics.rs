//! What `/metrics` counts, and what it does not say.

use host_api as api;

use crate::{
    desk::{Desk, key},
    fixtures::{Server, Writer, account, book},
    line::Fault,
};

/// The value of a metric with these labels.
fn value(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

#[test]
fn entries_chains_and_requests_are_counted() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let entries = writer.entries(&keys, &[1, 2, 3]);
    let append = api::AppendEntries {
        entries: entries.clone(),
    };
    let path = keys.path("/entries");
    for _ in 0..2 {
        server.post(&path, &append).ok::<api::Appended>();
    }
    let far = writer.entry(&keys, account(1), 5);
    let gap = api::AppendEntries {
        entries: vec![api::Entry { seq: 9, ..far }],
    };
    server.post(&path, &gap).problem(409, "entry-gap");
    server.send_head("BREW /v1/books HTTP/1.1\r\nHost: localhost\r\n");

    let reply = server.get("/metrics");
    assert_eq!(reply.status, 200);
    let kind = reply.headers["content-type"].to_str().expect("text");
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = &reply.text;
    assert!(text.ends_with("# EOF\n"));
    let chain = format!("{{book=\"{}\",writer=\"{}\"}}", keys.id, writer.id);
    let route = "method=\"POST\",route=\"/v1/books/{book}/entries\"";
    for (name, expected) in [
        ("tallystick_entries_total{outcome=\"stored\"}".to_owned(), 3),
        (
            "tallystick_entries_total{outcome=\"already\"}".to_owned(),
            3,
        ),
        ("tallystick_entries_total{outcome=\"gap\"}".to_owned(), 1),
        (format!("tallystick_chain_entries{chain}"), 3),
        (format!("tallystick_checkpoint_lag_entries{chain}"), 3),
        (
            format!("tallystick_requests_total{{{route},status=\"200\"}}"),
            2,
        ),
        (
            format!("tallystick_requests_total{{{route},status=\"409\"}}"),
            1,
        ),
        ("tallystick_store_up".to_owned(), 1),
    ] {
        assert_eq!(value(text, &name), Some(expected), "{name} in {text}");
    }
    assert!(!text.contains("BREW"), "clients can't make up labels");
    assert!(!text.contains("\ntallystick_token_up"), "there is no token");
    assert!(!text.contains(&account(1).to_string()));
}

#[test]
fn a_token_that_is_unplugged_is_seen() {
    let desk = Desk::open();
    let up = || value(&desk.server.get("/metrics").text, "tallystick_token_up{}");
    assert_eq!(up(), Some(1));
    desk.line.break_at_posting(Fault::LoseRequest, true);
    desk.post("DE1111", "2.00", &key(1))
        .problem(503, "token-unavailable");
    assert_eq!(up(), Some(0));
    desk.line.mend();
    while up() != Some(1) {}
}
