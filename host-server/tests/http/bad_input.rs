//! Every route with what does not belong there: the right refusal, nothing of the inside in it, and
//! nothing stored.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use core_nostd::account::SEALED_NID_LEN;
use host_api as api;
use serde_json::{Value, json};

use crate::fixtures::{Keys, Reply, Server, Writer, account, append, book};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A server with a book and what is in it, to see whether something else gets in.
struct Ledger {
    server: Server,
    keys: Keys<core_nostd::ciphersuite::Ristretto255Sha512>,
    before: Vec<String>,
}

impl Ledger {
    fn new() -> Self {
        let server = Server::start();
        let keys = book(&server);
        let mut writer = Writer::new(1);
        server.post(
            &keys.path("/entries"),
            &append(writer.entries(&keys, &[1, 2, 3, 4])),
        );
        server.post(&keys.path("/cuts"), &writer.cut(&keys));
        let mut ledger = Self {
            server,
            keys,
            before: Vec::new(),
        };
        ledger.before = ledger.all();
        ledger
    }

    /// Everything there is to read.
    fn all(&self) -> Vec<String> {
        let in_book = [
            "",
            "/accounts",
            "/entries",
            "/cuts",
            "/statements",
            "/total",
            "/heads",
        ];
        let paths = in_book.map(|rest| self.keys.path(rest));
        let all = paths.into_iter().chain(["/v1/books".to_owned()]);
        all.map(|path| self.server.get(&path).text).collect()
    }

    /// Every route that takes a body, with a right one.
    fn routes(&self) -> Vec<(&'static str, String, Value)> {
        let mut writer = Writer::new(2);
        let entries = writer.entries(&self.keys, &[5, 6]);
        let path = |rest: &str| self.keys.path(rest);
        let other = Keys::<core_nostd::ciphersuite::Ristretto255Sha512>::new(
            "other",
            core_nostd::book::BookKind::Authenticated,
        );
        vec![
            ("PUT", other.path(""), json!(other.api())),
            (
                "PUT",
                path(&format!("/accounts/{}", account(9))),
                json!(api::OpenAccount {
                    sealed_nid: vec![1; SEALED_NID_LEN].into()
                }),
            ),
            ("POST", path("/entries"), json!(append(entries))),
            ("POST", path("/cuts"), json!(writer.cut(&self.keys))),
            (
                "POST",
                path("/statements"),
                json!(crate::statements::total(&self.keys)),
            ),
            (
                "POST",
                path("/sum"),
                json!({ "accounts": [account(1).to_string()] }),
            ),
            (
                "POST",
                "/v1/keys".into(),
                json!({ "name": "x", "scopes": ["read"] }),
            ),
        ]
    }

    /// A refusal that shows nothing of the inside.
    #[track_caller]
    fn refused(&self, reply: &Reply, what: &str) {
        assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
        let problem: api::Problem = serde_json::from_str(&reply.text).expect("a problem");
        assert_eq!(problem.status, reply.status);
        for inside in ["panicked", "src/", ".rs", "host_server", "RUST_BACKTRACE"] {
            assert!(!reply.text.contains(inside), "{what}: {reply:?}");
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.all(), self.before, "nothing was stored");
        }
    }
}

/// `value` with each of its fields, however deep, replaced by `other` in turn.
fn with_each_replaced(value: &Value, other: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let mut put = |field| {
                    let mut whole = value.clone();
                    whole[name] = field;
                    all.push(whole);
                };
                put(other.clone());
                with_each_replaced(field, other)
                    .into_iter()
                    .for_each(&mut put);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(1) {
                for replaced in [vec![other.clone()], with_each_replaced(item, other)].concat() {
                    let mut whole = value.clone();
                    whole[index] = replaced;
                    all.push(whole);
                }
            }
        }
        _ => {}
    }
    all
}

#[test]
fn no_field_takes_a_value_of_another_type() {
    let ledger = Ledger::new();
    let deep = (0..100).fold(json!(1), |inside, _| json!([inside]));
    for (method, path, body) in ledger.routes() {
        for other in [
            json!({}),
            json!([[]]),
            json!(true),
            json!(-1),
            json!(1.5),
            deep.clone(),
        ] {
            for wrong in with_each_replaced(&body, &other) {
                let reply = ledger.server.json(method, &path, &wrong);
                ledger.refused(&reply, &format!("{method} {path} {wrong}"));
            }
            let reply = ledger.server.json(method, &path, &other);
            ledger.refused(&reply, &format!("{method} {path} {other}"));
        }
    }
}

#[test]
fn no_route_takes_a_body_in_another_form() {
    let ledger = Ledger::new();
    let deep = [b"[".repeat(1 << 20), b"{\"a\":".repeat(200_000)];
    for (method, path, body) in ledger.routes() {
        let text = body.to_string();
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bom = ["\u{feff}", &text].concat();
        let half = &text.as_bytes()[..text.len() / 2];
        let twice = text.replacen('{', "{\"book\":0,\"entries\":0,", 1);
        let bodies: [&[u8]; 8] = [
            half,
            &utf16,
            bom.as_bytes(),
            b"\xff\xfe\xfd",
            twice.as_bytes(),
            b"nan",
            &deep[0],
            &deep[1],
        ];
        for wrong in bodies {
            let reply = ledger.server.send(method, &path, &[JSON], wrong);
            ledger.refused(&reply, &format!("{method} {path}"));
        }
        for media_type in [
            "text/plain",
            "application/xml",
            "application/json-seq",
            "",
            "/",
        ] {
            let headers = [("content-type", media_type)];
            let reply = ledger.server.send(method, &path, &headers, text.as_bytes());
            reply.problem(415, "unsupported-media-type");
        }
    }
}

#[test]
fn elements_of_other_suites_and_other_lengths_are_refused_wherever_they_stand() {
    let ledger = Ledger::new();
    let bytes = |len: usize, byte: u8| json!(api::Base64(vec![byte; len]));
    let mut sent = 0;
    for (method, path, body) in ledger.routes() {
        let names = [
            "public_key",
            "c1",
            "c2",
            "tag",
            "account_tag",
            "d",
            "proof_c",
            "proof_s",
        ];
        let fields = |body: &Value, put: &Value| {
            let of = with_each_replaced(body, put);
            let same = |one: &Value| names.iter().any(|name| differs_at(one, body, name));
            of.into_iter().filter(same).collect::<Vec<_>>()
        };
        for len in [0, 1, 31, 33, 64, 256, 384] {
            for wrong in fields(&body, &bytes(len, 2)) {
                let reply = ledger.server.json(method, &path, &wrong);
                ledger.refused(&reply, &format!("{method} {path} {wrong}"));
            }
        }
        for text in ["AA==", "A", "A+/A", "é", "AB\u{0}C", "aGVsbG8\n"] {
            for wrong in fields(&body, &json!(text)) {
                sent += 1;
                let reply = ledger.server.json(method, &path, &wrong);
                ledger.refused(&reply, &format!("{method} {path} {wrong}"));
            }
        }
    }
    // One of a book, four of entries and six of a statement with its book; six texts each.
    assert_eq!(sent, (1 + 4 + 6) * 6);
}

/// Whether two documents differ in a field of this name.
fn differs_at(one: &Value, other: &Value, name: &str) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one.iter().any(|(field, value)| {
            let before = &other[field];
            value != before && (field == name || differs_at(value, before, name))
        }),
        (Value::Array(one), Value::Array(other)) => one
            .iter()
            .zip(other)
            .any(|(one, other)| differs_at(one, other, name)),
        _ => false,
    }
}

#[test]
fn a_request_that_stops_half_way_is_forgotten() {
    let ledger = Ledger::new();
    let address = ledger
        .server
        .url
        .strip_prefix("http://")
        .expect("plain HTTP");
    for (method, path, body) in ledger.routes() {
        let text = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            text.len()
        );
        let whole = [head.as_bytes(), text.as_bytes()].concat();
        for len in [
            3,
            head.len() - 2,
            head.len(),
            head.len() + 1,
            whole.len() - 1,
        ] {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.write_all(&whole[..len]).expect("sent");
            stream.shutdown(Shutdown::Write).expect("half-closed");
            let mut reply = String::new();
            // Either nothing or a refusal comes back, and the server hangs up.
            let _ = stream.read_to_string(&mut reply);
            assert!(
                reply.is_empty() || reply.starts_with("HTTP/1.1 4"),
                "{len}: {reply}"
            );
        }
    }
}
