//! What surrounds every request: its name, packing, limits, and which pages may make it.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use host_api::{self as api, Outcome};
use host_server::{
    AppState,
    http::{BODY_LEN_MAX, Options, REQUEST_ID, Rate},
    store::memory::MemoryStore,
};

use crate::fixtures::{Server, Writer, account, append, book};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Packs or unpacks.
type Packing = fn(&[u8]) -> Vec<u8>;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("a Vec takes every byte");
    encoder.finish().expect("a Vec takes every byte")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("it packs")
}

fn with(options: Options) -> Server {
    Server::on(AppState::new(MemoryStore::new()).with_options(options))
}

#[test]
fn every_answer_and_every_problem_names_its_request() {
    let server = Server::start();
    let given = server.send("GET", "/nowhere", &[(REQUEST_ID, "a-1_b.2")], &[]);
    assert_eq!(given.headers[REQUEST_ID], "a-1_b.2");
    let problem = given.problem(404, "not-found");
    assert_eq!(problem.request_id.as_deref(), Some("a-1_b.2"));

    let long = "x".repeat(65);
    let mut seen = Vec::new();
    for odd in ["", "a b", "a\"b", "<script>", &long] {
        let reply = server.send("GET", "/livez", &[(REQUEST_ID, odd)], &[]);
        let made = reply.headers[REQUEST_ID]
            .to_str()
            .expect("ASCII")
            .to_owned();
        assert_eq!(made.len(), 32, "{made}");
        assert!(!seen.contains(&made), "fresh each time");
        seen.push(made);
    }
}

#[test]
fn answers_are_packed_for_those_who_ask() {
    let server = Server::start();
    let keys = book(&server);
    let entries = Writer::new(1).entries(&keys, &[1, 2, 3]);
    server.post(&keys.path("/entries"), &append(entries));
    let path = keys.path("/entries");
    let plain = server.send("GET", &path, &[("accept-encoding", "identity")], &[]);
    assert!(!plain.headers.contains_key("content-encoding"));
    let unpack: [(&str, Packing); 2] = [
        ("gzip", |packed| {
            let mut bytes = Vec::new();
            GzDecoder::new(packed)
                .read_to_end(&mut bytes)
                .expect("gzip");
            bytes
        }),
        ("zstd", |packed| zstd::decode_all(packed).expect("zstd")),
    ];
    for (encoding, unpack) in unpack {
        let packed = server.raw("GET", &path, &[("accept-encoding", encoding)], &[]);
        assert_eq!(packed.headers["content-encoding"], encoding);
        let vary = packed.headers.get_all("vary").iter();
        assert!(vary.into_iter().any(|value| value == "accept-encoding"));
        assert!(packed.body.len() < plain.text.len());
        assert_eq!(unpack(&packed.body), plain.text.as_bytes(), "{encoding}");
    }
}

#[test]
fn bodies_may_be_packed_but_not_be_bombs() {
    let server = Server::start();
    let keys = book(&server);
    let body = append(Writer::new(1).entries(&keys, &[1, 2]));
    let body = serde_json::to_vec(&body).expect("serialises");
    let path = keys.path("/entries");
    let packings: [(&str, Packing, Outcome); 2] = [
        ("gzip", gzip, Outcome::Stored),
        ("zstd", zstd, Outcome::Already),
    ];
    let bomb = vec![b' '; 32 * BODY_LEN_MAX];
    for (encoding, pack, outcome) in packings {
        let headers = [JSON, ("content-encoding", encoding)];
        let reply = server.send("POST", &path, &headers, &pack(&body));
        assert_eq!(reply.ok::<api::Appended>().entries[1].outcome, outcome);
        let bomb = pack(&bomb);
        assert!(bomb.len() < BODY_LEN_MAX / 10, "small on the line");
        let reply = server.send("POST", &path, &headers, &bomb);
        reply.problem(413, "body-too-large");
        let reply = server.send("POST", &path, &headers, b"not packed");
        reply.problem(400, "broken-body");
    }
    let unknown = [JSON, ("content-encoding", "br")];
    let reply = server.send("POST", &path, &unknown, &body);
    reply.problem(415, "unsupported-encoding");
    assert_eq!(reply.headers["accept-encoding"], "gzip, zstd");
    assert_eq!(server.log(&keys.id).len(), 2);
}

#[test]
fn a_sum_that_the_caller_has_is_not_sent_again() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let post = |entries| server.post(&keys.path("/entries"), &append(entries));
    post(writer.entries(&keys, &[1, 2, 3, 4]));
    server.post(&keys.path("/cuts"), &writer.cut(&keys));
    let balance = format!("/accounts/{}/balance", account(1));
    for path in ["/total?to=1", "/total", &balance] {
        let path = keys.path(path);
        let first = server.get(&path);
        let tag = first.headers["etag"].to_str().expect("ASCII").to_owned();
        for seen in [
            tag.clone(),
            format!("\"x\", {tag}"),
            tag.replace("W/", ""),
            "*".into(),
        ] {
            let again = server.send("GET", &path, &[("if-none-match", &seen)], &[]);
            assert_eq!((again.status, again.text.as_str()), (304, ""), "{seen}");
            assert_eq!(again.headers["etag"], *tag);
        }
        let other = [("if-none-match", "W/\"0123\"")];
        assert_eq!(server.send("GET", &path, &other, &[]).text, first.text);
    }
    let tags = || {
        ["/total?to=1", "/total", &balance]
            .map(|path| server.get(&keys.path(path)).headers["etag"].clone())
    };
    let before = tags();
    post(writer.entries(&keys, &[5, 6, 7, 8]));
    server.post(&keys.path("/cuts"), &writer.cut(&keys));
    let after = tags();
    assert_eq!(before[0], after[0], "closed for good");
    assert!(
        before[1] != after[1] && before[2] != after[2],
        "more entries, another sum"
    );
}

#[test]
fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let server = with(Options {
        rate: Rate::PerSecond(1),
        ..Options::default()
    });
    let replies: Vec<_> = (0..10).map(|_| server.get("/v1/books")).collect();
    assert_eq!(replies[0].status, 200);
    let refused = replies
        .iter()
        .find(|reply| reply.status == 429)
        .expect("ten requests do not take eight seconds");
    refused.problem(429, "too-many-requests");
    let seconds = refused.headers["retry-after"].to_str().expect("ASCII");
    assert!((1..=2).contains(&seconds.parse().expect("a number")));
}

#[test]
fn pages_of_other_origins_read_and_write_only_where_it_is_allowed() {
    let (page, stranger) = ("https://console.example", "https://stranger.example");
    let allow = "access-control-allow-origin";
    let closed = Server::start();
    let open = with(Options {
        cors_origins: vec![page.parse().expect("a header value")],
        ..Options::default()
    });
    let read = |server: &Server, origin| {
        let reply = server.send("GET", "/v1/books", &[("origin", origin)], &[]);
        reply
            .headers
            .get(allow)
            .map(|value| value.to_str().expect("ASCII").to_owned())
    };
    assert_eq!(read(&closed, page), None);
    assert_eq!(read(&open, stranger), None);
    assert_eq!(read(&open, page).as_deref(), Some(page));

    let write =
        |server: &Server, origin: &str| server.send("POST", "/nowhere", &[("origin", origin)], &[]);
    for origin in [stranger, "null"] {
        write(&closed, origin).problem(403, "foreign-origin");
        write(&open, origin).problem(403, "foreign-origin");
    }
    write(&open, page).problem(404, "not-found");
    let own = closed.url.clone();
    write(&closed, &own).problem(404, "not-found");

    let ask = [("origin", page), ("access-control-request-method", "PUT")];
    let reply = open.send("OPTIONS", "/v1/books", &ask, &[]);
    assert_eq!(
        (reply.status, &reply.headers[allow]),
        (200, &page.parse().expect("a value"))
    );
}
