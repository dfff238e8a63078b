//! What is the same for every route: paths, methods, media types, JSON, hosts, health.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use host_api as api;
use host_server::http::BODY_LEN_MAX;

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
        let reply = server.send_head(&format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n"));
        assert!(
            reply.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host}: {reply}"
        );
    }
}

#[test]
fn a_body_that_is_declared_too_long_is_refused_before_it_is_sent() {
    let server = Server::start();
    let keys = book(&server);
    for len in [BODY_LEN_MAX + 1, 99_999_999_999] {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {len}\r\n",
            keys.path("/entries")
        );
        let reply = server.send_head(&head);
        assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
        assert!(
            reply.contains("urn:tallystick:problem:body-too-large"),
            "{reply}"
        );
    }
    let longest = vec![b' '; BODY_LEN_MAX];
    let json = [("content-type", "application/json")];
    server
        .send("POST", &keys.path("/entries"), &json, &longest)
        .problem(400, "malformed-json");
}

#[test]
fn a_refused_request_leaves_its_connection_usable() {
    let server = Server::start();
    let address = server.url.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let body = vec![b'x'; 1 << 20];
    // An unknown path, a wrong method, a malformed id, a body nobody asked for: all ignore it.
    for (request, status) in [
        ("POST /nowhere", "404"),
        ("DELETE /v1/books", "405"),
        ("PUT /v1/books/x", "400"),
        ("GET /livez", "200"),
    ] {
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(&body).expect("sent");
        let reply = read_reply(&mut stream);
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
    }
}

/// One answer with a declared length.
fn read_reply(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    let head_len = loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        reply.push(byte[0]);
        if reply.ends_with(b"\r\n\r\n") {
            break reply.len();
        }
    };
    let head = String::from_utf8(reply.clone()).expect("ASCII");
    let len: usize = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .expect("a length");
    reply.resize(head_len + len, 0);
    stream.read_exact(&mut reply[head_len..]).expect("a body");
    String::from_utf8(reply).expect("text")
}
