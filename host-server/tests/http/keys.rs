//! API keys: which requests need one, and what each scope opens.

use core_nostd::{book::BookKind, ciphersuite::Ristretto255Sha512, keys::Nonce};
use host_api as api;
use host_server::{
    AppState,
    keys::{ApiKey, Scopes},
    store::{Store, memory::MemoryStore},
};
use serde::Serialize;

use crate::fixtures::{Keys, Reply, Server, Writer, append};

/// A server that has one key, with the scope `admin`, and the key.
fn guarded() -> (Server, String) {
    let store = MemoryStore::new();
    let scopes = Scopes::parse(&["admin".to_owned()]).expect("a scope");
    let (secret, key) = ApiKey::new("root", scopes, 1).expect("a key");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(store.put_key(&key)).expect("stored");
    let server = Server::on(AppState::new(store));
    (server, secret.expose_text().to_string())
}

/// Sends a request with a key.
fn send(server: &Server, key: &str, method: &str, path: &str, body: &impl Serialize) -> Reply {
    let bearer = format!("Bearer {key}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = serde_json::to_vec(body).expect("serialises");
    let body = if method == "GET" { Vec::new() } else { body };
    server.send(method, path, &headers, &body)
}

fn get(server: &Server, key: &str, path: &str) -> Reply {
    send(server, key, "GET", path, &())
}

fn create(server: &Server, admin: &str, scopes: &[&str]) -> api::keys::CreatedKey {
    let new = api::keys::NewKey {
        name: "a key".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    let reply = send(server, admin, "POST", "/v1/keys", &new);
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.ok()
}

#[test]
fn without_a_key_only_the_health_of_a_guarded_server_is_told() {
    let (server, admin) = guarded();
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in ["/v1/books", "/v1/keys", "/v1/books/00/total"] {
        let reply = server.get(path);
        reply.problem(401, "key-missing");
        assert_eq!(
            reply.headers["www-authenticate"],
            "Bearer realm=\"tallystick\""
        );
    }
    server.get("/nowhere").problem(404, "not-found");
    assert_eq!(get(&server, &admin, "/v1/keys").status, 200);
}

#[test]
fn a_wrong_key_is_refused_whatever_is_wrong_with_it() {
    let (server, admin) = guarded();
    let mut other = admin.clone();
    let last = other.pop().expect("not empty");
    other.push(if last == '0' { '1' } else { '0' });
    for key in [
        other.as_str(),
        &admin[..20],
        "",
        "tally_",
        &admin.to_uppercase(),
    ] {
        let reply = get(&server, key, "/v1/keys");
        reply.problem(401, "key-unknown");
        let challenge = "Bearer realm=\"tallystick\", error=\"invalid_token\"";
        assert_eq!(reply.headers["www-authenticate"], challenge);
    }
    let basic = format!("Basic {admin}");
    let reply = server.send("GET", "/v1/keys", &[("authorization", &basic)], &[]);
    reply.problem(401, "key-unknown");
}

#[test]
fn a_scope_opens_its_own_routes_and_no_others() {
    let (server, admin) = guarded();
    let writer = Writer::new(1).id;
    let read = create(&server, &admin, &["read"]).secret;
    let post = create(&server, &admin, &[&format!("post:{writer}")]).secret;
    let teller = create(&server, &admin, &["teller"]).secret;
    let book = Keys::<Ristretto255Sha512>::new("guarded", BookKind::Authenticated);
    let put = |key| send(&server, key, "PUT", &book.path(""), &book.api());
    for key in [&read, &post, &teller] {
        put(key).problem(403, "scope-missing");
        get(&server, key, "/v1/keys").problem(403, "scope-missing");
    }
    assert_eq!(put(&admin).status, 201);
    for (key, allowed) in [
        (&read, true),
        (&post, false),
        (&teller, false),
        (&admin, false),
    ] {
        for path in ["/accounts", "/statements"] {
            let reply = get(&server, key, &book.path(path));
            if allowed {
                assert_eq!(reply.status, 200, "{path}");
            } else {
                reply.problem(403, "scope-missing");
            }
        }
    }
    for (key, status) in [(&read, 200), (&post, 200), (&teller, 403), (&admin, 403)] {
        assert_eq!(get(&server, key, &book.path("/heads")).status, status);
    }
}

#[test]
fn entries_and_cuts_are_taken_only_from_a_key_of_their_writer_until_it_is_revoked() {
    let (server, admin) = guarded();
    let book = Keys::<Ristretto255Sha512>::new("guarded", BookKind::Authenticated);
    send(&server, &admin, "PUT", &book.path(""), &book.api());
    let (mut one, mut two) = (Writer::new(1), Writer::new(2));
    let key = create(&server, &admin, &[&format!("post:{}", one.id)]);
    let post = |path: &str, body: &serde_json::Value| {
        send(&server, &key.secret, "POST", &book.path(path), body)
    };

    let own = json(&append(one.entries(&book, &[1, 2, 3, 4])));
    let foreign = json(&append(two.entries(&book, &[1, 2, 3, 4])));
    assert_eq!(post("/entries", &own).status, 200);
    let reply = post("/entries", &foreign);
    reply.problem(403, "writer-not-allowed");
    let challenge = "Bearer realm=\"tallystick\", error=\"insufficient_scope\"";
    assert_eq!(reply.headers["www-authenticate"], challenge);
    let mixed = append([one.entries(&book, &[5]), two.entries(&book, &[5])].concat());
    post("/entries", &json(&mixed)).problem(403, "writer-not-allowed");
    let heads: api::Heads = get(&server, &key.secret, &book.path("/heads")).ok();
    assert_eq!(
        heads.heads.len(),
        1,
        "nothing of a refused request is stored"
    );
    assert_eq!(heads.heads[0].next_seq, 4);

    let cut = api::Cut {
        position: 4,
        ..one.cut(&book)
    };
    assert_eq!(post("/cuts", &json(&cut)).status, 201);
    let cut = api::Cut {
        writer: two.id.to_string(),
        ..cut
    };
    post("/cuts", &json(&cut)).problem(403, "writer-not-allowed");

    let path = format!("/v1/keys/{}", key.key.id);
    for _ in 0..2 {
        let revoked: api::keys::KeyInfo = send(&server, &admin, "DELETE", &path, &()).ok();
        assert!(revoked.revoked_ms.is_some());
    }
    post("/entries", &own).problem(401, "key-revoked");
}

fn json(body: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(body).expect("serialises")
}

#[test]
fn in_an_open_book_each_key_has_a_chain_of_its_own() {
    let (server, admin) = guarded();
    let book = Keys::<Ristretto255Sha512>::new("open", BookKind::Open);
    send(&server, &admin, "PUT", &book.path(""), &book.api());
    let writer = Writer::new(1).id;
    let closed = create(&server, &admin, &[&format!("post:{writer}")]);
    let keys = [(); 2].map(|()| create(&server, &admin, &["post:open"]));
    let nonce = Nonce::random(&mut crate::fixtures::rng(9));
    let (c1, c2) = book.secret.public_key().encrypt(7, nonce).to_bytes();
    let entry = |name: u8| api::OpenEntry {
        entry: hex::encode([name; 16]),
        c1: c1.as_slice().into(),
        c2: c2.as_slice().into(),
    };
    let path = book.path("/entries");
    let refused = send(
        &server,
        &closed.secret,
        "POST",
        &path,
        &append(vec![entry(1)]),
    );
    refused.problem(403, "writer-not-allowed");
    for key in &keys {
        let reply = send(&server, &key.secret, "POST", &path, &append(vec![entry(1)]));
        let appended: api::Appended = reply.ok();
        assert_eq!(appended.entries[0].writer, key.key.id);
        assert_eq!(appended.entries[0].seq, 0);
    }
}

#[test]
fn the_first_key_closes_an_open_server() {
    let server = Server::start();
    assert_eq!(server.get("/v1/books").status, 200);
    let new = api::keys::NewKey {
        name: "first".to_owned(),
        scopes: vec!["admin".to_owned()],
    };
    let created: api::keys::CreatedKey = server.post("/v1/keys", &new).ok();
    server.get("/v1/books").problem(401, "key-missing");
    let listed: api::keys::Keys = get(&server, &created.secret, "/v1/keys").ok();
    assert_eq!(listed.keys, std::slice::from_ref(&created.key));
    let list = get(&server, &created.secret, "/v1/keys").text;
    assert!(!list.contains(&created.secret[6..]), "shown only once");
    // It stays closed when no key is left.
    let path = format!("/v1/keys/{}", created.key.id);
    assert_eq!(
        send(&server, &created.secret, "DELETE", &path, &()).status,
        200
    );
    server.get("/v1/books").problem(401, "key-missing");
    get(&server, &created.secret, "/v1/keys").problem(401, "key-revoked");
}

#[test]
fn a_key_that_makes_no_sense_is_not_made() {
    let (server, admin) = guarded();
    for (name, scopes) in [
        ("", "read"),
        ("x", "root"),
        ("x", "post:1"),
        ("a\nb", "read"),
    ] {
        let new = api::keys::NewKey {
            name: name.to_owned(),
            scopes: vec![scopes.to_owned()],
        };
        let reply = send(&server, &admin, "POST", "/v1/keys", &new);
        reply.problem(422, "invalid-body");
    }
    let nothing = api::keys::NewKey {
        name: "x".to_owned(),
        scopes: Vec::new(),
    };
    send(&server, &admin, "POST", "/v1/keys", &nothing).problem(422, "invalid-body");
    let unknown = format!("/v1/keys/{}", "0".repeat(32));
    send(&server, &admin, "DELETE", &unknown, &()).problem(404, "unknown-key");
    send(&server, &admin, "DELETE", "/v1/keys/x", &()).problem(400, "bad-path");
}

#[test]
fn every_route_that_is_described_needs_a_key_but_for_health_and_documents() {
    let (server, _) = guarded();
    let document: serde_json::Value = server.get("/openapi.json").ok();
    let paths = document["paths"].as_object().expect("paths");
    let mut guarded = 0;
    for (path, methods) in paths {
        let public = ["/livez", "/readyz", "/openapi.json", "/docs"];
        let is_public = public.iter().any(|prefix| path.starts_with(prefix));
        for method in methods.as_object().expect("methods").keys() {
            let place = path.replace(['{', '}'], "0");
            let reply = server.send(&method.to_uppercase(), &place, &[], &[]);
            if is_public {
                assert_eq!(reply.status, 200, "{method} {path}");
            } else {
                reply.problem(401, "key-missing");
                guarded += 1;
            }
        }
    }
    assert!(guarded > 15, "{guarded} routes");
}
