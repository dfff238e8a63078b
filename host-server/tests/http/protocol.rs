//! What is the same for every route: paths, methods, media types, JSON, hosts, health.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use host_api as api;

use crate::fixtures::{Server, book};

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn the_server_says_that_it_lives_and_is_ready() {
    let server = Server::start();
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.get(path).ok::<api::Health>().status, "ok");
    }
}

#[test]
fn unknown_paths_and_methods_are_problems_too() {
    let server = Server::start();
    for path in [
        "/",
        "/v1",
        "/v1/book",
        "/v2/books",
        "/v1/books/",
        "/v1/teller/info",
    ] {
        server.get(path).problem(404, "not-found");
    }
    let reply = server.send("DELETE", "/v1/books", &[], &[]);
    reply.problem(405, "method-not-allowed");
    assert_eq!(reply.headers["allow"], "GET,HEAD");
}

#[test]
fn only_declared_json_is_read() {
    let server = Server::start();
    let keys = book(&server);
    let path = keys.path("/cuts");
    server
        .send("POST", &path, &[], b"{}")
        .problem(415, "unsupported-media-type");
    let text = [("content-type", "text/plain")];
    server
        .send("POST", &path, &text, b"{}")
        .problem(415, "unsupported-media-type");
    let charset = [("content-type", "Application/JSON; charset=utf-8")];
    server
        .send("POST", &path, &charset, b"{}")
        .problem(422, "invalid-body");
}

#[test]
fn malformed_json_and_wrong_documents_are_told_apart() {
    let server = Server::start();
    let keys = book(&server);
    let path = keys.path("/entries");
    let deep = b"[".repeat(100_000);
    for body in [
        &b"{"[..],
        b"{\"entries\": [}",
        b"{\"entries\": []} x",
        b"\xff\xfe",
        b"nul",
    ] {
        let reply = server.send("POST", &path, &[JSON], body);
        reply.problem(400, "malformed-json");
    }
    for body in [
        &b"{}"[..],
        b"null",
        b"[]",
        b"{\"entries\": {}}",
        b"{\"entries\": [], \"entries\": []}",
        b"{\"entries\": [], \"force\": true}",
        b"{\"Entries\": []}",
        &deep,
    ] {
        let reply = server.send("POST", &path, &[JSON], body);
        reply.problem(422, "invalid-body");
    }
    assert!(server.log(&keys.id).is_empty());
}

#[test]
fn queries_are_refused_where_there_is_nothing_to_ask() {
    let server = Server::start();
    let keys = book(&server);
    server.get("/v1/books?limit=1").problem(400, "bad-query");
    server.get(&keys.path("/heads?x")).problem(400, "bad-query");
    server
        .put(&keys.path("?force=true"), &keys.api())
        .problem(400, "bad-query");
    server
        .get(&keys.path("/total?to=1&to=2"))
        .problem(400, "bad-query");
}

#[test]
fn a_request_under_a_foreign_host_name_is_refused() {
    let server = Server::start();
    for (host, status) in [
        ("127.0.0.1:80", 200),
        ("localhost", 200),
        ("[::1]:8470", 200),
        ("ledger.example", 421),
        ("127.0.0.1.example:80", 421),
        ("", 421),
    ] {
        let reply = raw(&server, &format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n"));
        assert!(
            reply.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host}: {reply}"
        );
    }
}

#[test]
fn a_body_that_claims_to_be_huge_is_refused_before_it_is_sent() {
    let server = Server::start();
    let keys = book(&server);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: 99999999999\r\n",
        keys.path("/entries")
    );
    let reply = raw(&server, &head);
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
    assert!(
        reply.contains("urn:tallystick:problem:body-too-large"),
        "{reply}"
    );
}

/// Sends a request head by hand and returns the whole answer.
fn raw(server: &Server, head: &str) -> String {
    let address = server.url.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
        .expect("sent");
    let mut reply = String::new();
    stream
        .read_to_string(&mut reply)
        .expect("an answer in UTF-8");
    reply
}
