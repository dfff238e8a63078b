//! `/openapi.json` says what the server does, and its examples are real.

use std::{fs, path::Path};

use core_nostd::account::SEALED_NID_LEN;
use host_api as api;
use serde_json::{Value, json};

use crate::{
    desk::Desk,
    fixtures::{Server, Writer, account, append, book},
    statements,
};

/// The examples, made with the keys of the fixtures: a book, an account with four entries, the cut
/// behind them and a statement.
fn examples(server: &Server) -> Value {
    let keys = book(server);
    let mut writer = Writer::new(1);
    let entries = writer.entries(&keys, &[500, -125, 2000, 1]);
    json!({
        "Book": keys.api(),
        "OpenAccount": api::OpenAccount { sealed_nid: vec![7; SEALED_NID_LEN].into() },
        "AppendEntries": append(entries),
        "AskSum": api::AskSum::Accounts(vec![account(1).to_string()]),
        "Cut": writer.cut(&keys),
        "Statement": statements::total(&keys),
        "book": keys.id.to_string(),
        "handle": account(1).to_string(),
        "writer": writer.id.to_string(),
        "idempotency-key": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    })
}

fn document(server: &Server) -> Value {
    server.get("/openapi.json").ok()
}

/// The beginning of the problem of a path that nobody serves.
const NOT_FOUND: &str = "{\"type\":\"urn:tallystick:problem:not-found";

/// Every method of every path.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("an object");
    let methods = |(path, methods): (&String, &Value)| {
        let path = path.clone();
        let methods = methods.as_object().expect("an object").clone();
        methods
            .into_iter()
            .map(move |(method, about)| (path.clone(), method, about))
    };
    paths.iter().flat_map(methods).collect()
}

#[test]
fn the_examples_are_those_of_real_keys() {
    let server = Server::start();
    let made = serde_json::to_string_pretty(&examples(&server)).expect("serialises");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/openapi/examples.json");
    let kept = fs::read_to_string(&path).expect("readable");
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        fs::write(&path, made.clone() + "\n").expect("writable");
    }
    // They differ after a change of the fixtures or of a type: set UPDATE_EXAMPLES=1 once.
    assert_eq!(kept.trim_end(), made);
}

#[test]
fn every_example_is_taken_by_the_server() {
    let server = Server::start();
    let document = document(&server);
    let example = |schema: &str| &document["components"]["schemas"][schema]["examples"][0];
    let id = example("Book")["book"].as_str().expect("an id");
    let path = |rest: &str| format!("/v1/books/{id}{rest}");
    let writer = example("Cut")["writer"].as_str().expect("a writer");
    let handle = account(1).to_string();
    let account = path(&format!("/accounts/{handle}"));

    assert_eq!(server.put(&path(""), example("Book")).status, 201);
    assert_eq!(server.put(&account, example("OpenAccount")).status, 201);
    let entries = server.post(&path("/entries"), example("AppendEntries"));
    assert_eq!(entries.ok::<api::Appended>().entries.len(), 4);
    assert_eq!(server.post(&path("/cuts"), example("Cut")).status, 201);
    assert_eq!(
        server
            .post(&path("/statements"), example("Statement"))
            .status,
        201
    );
    let read: api::Account = server.get(&format!("{account}?writer={writer}")).ok();
    assert_eq!(read.next.expect("asked for").next_seq, 4);
    assert_eq!(server.get(&format!("{account}/balance")).status, 200);
    assert_eq!(server.get(&path("/total?to=1")).status, 200);
    assert_eq!(server.post(&path("/sum"), example("AskSum")).status, 200);
}

#[test]
fn what_is_described_is_served() {
    let desk = Desk::open();
    let document = document(&desk.server);
    let all = operations(&document);
    let tellers = all
        .iter()
        .filter(|(path, ..)| path.starts_with("/v1/teller/"));
    assert_eq!(tellers.count(), 9, "this server has a token");
    for (path, method, about) in &all {
        let concrete = path
            .replace("{book}", &desk.book)
            .replace("{handle}", &account(1).to_string());
        if about["responses"]["200"]["content"]["text/event-stream"].is_object() {
            continue;
        }
        let reply = desk.server.raw(&method.to_uppercase(), &concrete, &[], &[]);
        let text = String::from_utf8_lossy(&reply.body);
        assert!(
            reply.status != 405 && !text.starts_with(NOT_FOUND),
            "{path}: {text}"
        );
        assert!(about["summary"].is_string() && about["operationId"].is_string());
    }
    assert!(
        !document.to_string().contains("\\[`"),
        "no links of the source's documentation"
    );
}

#[test]
fn what_is_served_is_described() {
    // Nothing but `Routes` makes routes, and it describes each.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    for file in fs::read_dir(folder).expect("readable") {
        let path = file.expect("readable").path();
        if path.extension().is_none_or(|end| end != "rs") || path.ends_with("openapi.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        assert!(
            !text.contains(".route("),
            "{} has a route of its own",
            path.display()
        );
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn check(node: &Value, document: &Value) {
        match node {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').expect("within the document");
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(|member| check(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let desk = Desk::open();
    let document = document(&desk.server);
    assert_eq!(document["openapi"], "3.1.0");
    check(&document, &document);
}

#[test]
fn the_pages_need_nothing_from_elsewhere() {
    let server = Server::start();
    for path in [
        "/docs",
        "/docs/problems",
        "/docs/page.js",
        "/docs/style.css",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.text.contains("://"), "{path} names another place");
        let policy = reply.headers["content-security-policy"]
            .to_str()
            .expect("ASCII");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    let problems = server.get("/docs/problems").text;
    for kind in host_server::http::problem::Kind::ALL {
        assert!(
            problems.contains(&format!("id=\"{}\"", kind.name())),
            "{kind:?}"
        );
        assert!(kind.help().ends_with(['.', '?']), "{kind:?}");
    }
}
