//! Where it may listen, under which names, and how long it waits for the slow.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use host_server::{
    AppState,
    listen::{Limits, Listener},
    serve,
    store::memory::MemoryStore,
};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    pki::{Authority, Client, NAME},
    program::Ledger,
};

#[test]
fn other_machines_are_served_only_with_tls_a_name_and_a_key() {
    let (ledger, authority) = (Ledger::new(), Authority::new());
    let tls = ledger.tls(&authority.issue(2100));
    let tls: Vec<&str> = tls.iter().map(String::as_str).collect();
    let (name, certificate) = tls.split_at(2);
    let open = ["--listen", "0.0.0.0:0"];
    for (arguments, word) in [
        (vec![], "--tls-cert FILE"),
        (name.to_vec(), "--tls-cert FILE"),
        (certificate.to_vec(), "--public-name NAME"),
        (tls.clone(), "host-server key create"),
        (vec![certificate[0], certificate[1]], "--tls-key together"),
        (vec!["--client-ca", "x"], "needs TLS"),
    ] {
        let said = ledger.refused(&[&open[..], &arguments].concat());
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    let (_, id) = ledger.create_key(&["--read"]);
    let revoke = ledger.program(&["key", "revoke", &id]).output();
    assert!(revoke.expect("it runs").status.success());
    let said = ledger.refused(&[&open[..], &tls].concat());
    assert!(
        said.contains("no API key"),
        "a revoked key does not count: {said}"
    );
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let (ledger, authority) = (Ledger::new(), Authority::new());
    ledger.create_key(&["--read"]);
    let one = ledger.tls(&authority.issue(2100));
    let other = authority.issue(2100);
    let start = || {
        let arguments: Vec<&str> = one.iter().map(String::as_str).collect();
        ledger.refused(&[&["--listen", "127.0.0.1:0"], &arguments[..]].concat())
    };
    std::fs::write(ledger.path().join("server.key"), &other.key).expect("written");
    assert!(start().contains("does not go with"));
    std::fs::write(ledger.path().join("server.key"), "nothing").expect("written");
    assert!(start().contains("server.key has no private key"));
    std::fs::remove_file(ledger.path().join("server.pem")).expect("removed");
    assert!(start().contains("server.pem can't be read"));
}

#[test]
fn it_answers_to_its_names_and_no_others() {
    let (ledger, authority) = (Ledger::new(), Authority::new());
    let public = ["--public-name".to_owned(), NAME.to_owned()];
    let server = ledger.start_on("127.0.0.1:0", &public);
    for (host, status) in [
        (NAME, 200),
        ("LEDGER.example:80", 200),
        ("rebound.example", 421),
    ] {
        let mut stream = TcpStream::connect(&server.address).expect("it listens");
        let head = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    let error = Client::of(&authority).get(&server.address, "/livez", None);
    error.expect_err("no TLS is spoken there");
}

#[test]
fn clients_that_are_silent_or_slow_make_room_for_others() {
    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let short = Duration::from_millis(50);
    let limits = Limits {
        connections: 2,
        handshake: short,
        head: short,
    };
    let listener = Listener::from(listener).with_limits(limits);
    let state = AppState::new(MemoryStore::new());
    runtime.spawn(serve(listener, state, std::future::pending()));

    let silent = TcpStream::connect(address).expect("it listens");
    let mut slow = TcpStream::connect(address).expect("it listens");
    slow.write_all(b"GET /livez HTTP/1.1\r\nHo").expect("sent");
    let mut quick = TcpStream::connect(address).expect("it listens");
    let head = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    quick.write_all(head).expect("sent");
    let mut answer = String::new();
    quick.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop((silent, slow));
}
