//! Who gets through a handshake, and with what.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use crate::{
    pki::{Authority, Client},
    program::Ledger,
};

#[test]
fn a_client_that_trusts_the_authority_is_answered() {
    let (ledger, authority) = (Ledger::new(), Authority::new());
    ledger.create_key(&["--read"]);
    let server = ledger.start(&ledger.tls(&authority.issue(2100)));
    assert_eq!(server.scheme, "https");
    let client = Client::of(&authority);
    let answer = client
        .get(&server.address, "/livez", None)
        .expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let stranger = Authority::new();
    let error = Client::of(&stranger).get(&server.address, "/livez", None);
    let error = error.expect_err("another authority").to_string();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[test]
fn tls_1_2_and_plain_text_get_no_answer() {
    let (ledger, authority) = (Ledger::new(), Authority::new());
    ledger.create_key(&["--read"]);
    let server = ledger.start(&ledger.tls(&authority.issue(2100)));
    let old = Client {
        speaks: &rustls::version::TLS12,
        ..Client::of(&authority)
    };
    let error = old.get(&server.address, "/livez", None);
    let error = error.expect_err("too old").to_string();
    assert!(error.contains("ProtocolVersion"), "{error}");

    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    let head = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(head).expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(
        !String::from_utf8_lossy(&answer).contains("HTTP"),
        "{answer:?}"
    );
}

#[test]
fn a_certificate_that_has_ended_is_replaced_without_a_restart() {
    let (ledger, authority) = (Ledger::new(), Authority::new());
    ledger.create_key(&["--read"]);
    let mut server = ledger.start(&ledger.tls(&authority.issue(2001)));
    let client = Client::of(&authority);
    let error = client.get(&server.address, "/livez", None);
    let error = error.expect_err("it has ended").to_string();
    assert!(error.contains("expired"), "{error}");

    // Half of a replacement changes nothing.
    let new = authority.issue(2100);
    fs::write(ledger.path().join("server.key"), &new.key).expect("written");
    let said = server.hang_up();
    assert!(said.contains("stays in use"), "{said}");
    let error = client.get(&server.address, "/livez", None);
    error.expect_err("the old one is in use");

    new.write(ledger.path());
    assert!(server.hang_up().contains("was replaced"));
    assert!(client.get(&server.address, "/livez", None).is_ok());
    assert!(server.hang_up().contains("has not changed"));
}

#[test]
fn with_an_authority_for_clients_each_needs_a_certificate_of_it() {
    let (ledger, authority, of_clients) = (Ledger::new(), Authority::new(), Authority::new());
    ledger.create_key(&["--read"]);
    let roots = ledger.path().join("clients.pem");
    fs::write(&roots, of_clients.pem()).expect("written");
    let mut arguments = ledger.tls(&authority.issue(2100));
    arguments.extend(["--client-ca".to_owned(), roots.display().to_string()]);
    let server = ledger.start(&arguments);

    let (good, ended, foreign) = (
        of_clients.issue(2100),
        of_clients.issue(2001),
        authority.issue(2100),
    );
    let get = |presents| {
        let client = Client {
            presents,
            ..Client::of(&authority)
        };
        client.get(&server.address, "/livez", None)
    };
    assert!(
        get(Some(&good))
            .expect("an answer")
            .starts_with("HTTP/1.1 200 ")
    );
    for (identity, alert) in [
        (None, "CertificateRequired"),
        (Some(&ended), "Expired"),
        (Some(&foreign), "UnknownCA"),
    ] {
        let error = get(identity).expect_err(alert).to_string();
        assert!(error.contains(alert), "{alert}: {error}");
    }
}
