//! `/v1/books/{book}/accounts`.

use core_nostd::{account::SEALED_NID_LEN, book::BookKind, ciphersuite::Ristretto255Sha512};
use host_api as api;

use crate::fixtures::{Keys, Server, Writer, account, append, book};

fn sealed(byte: u8) -> api::OpenAccount {
    api::OpenAccount {
        sealed_nid: vec![byte; SEALED_NID_LEN].into(),
    }
}

#[test]
fn an_account_is_opened_once_and_read() {
    let server = Server::start();
    let keys = book(&server);
    let path = keys.path(&format!("/accounts/{}", account(1)));
    server.get(&path).problem(404, "unknown-account");
    assert_eq!(server.put(&path, &sealed(7)).status, 201);
    assert_eq!(server.put(&path, &sealed(7)).status, 200);
    server
        .put(&path, &sealed(8))
        .problem(409, "account-conflict");
    let read: api::Account = server.get(&path).ok();
    assert_eq!(read.account, account(1).to_string());
    assert_eq!(read.sealed_nid, sealed(7).sealed_nid);
    assert_eq!(read.next, None);
}

#[test]
fn the_next_place_follows_the_writers_chain_and_the_accounts_last_entry() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let path = keys.path(&format!("/accounts/{}", account(1)));
    server.put(&path, &sealed(7));
    let next = || {
        let path = format!("{path}?writer={}", Writer::new(1).id);
        server
            .get(&path)
            .ok::<api::Account>()
            .next
            .expect("asked for")
    };
    assert_eq!(
        next(),
        api::NextPlace {
            next_seq: 0,
            prev: None
        }
    );
    let entries = vec![
        writer.entry(&keys, account(1), 5),
        writer.entry(&keys, account(2), 6),
    ];
    assert_eq!(
        server.post(&keys.path("/entries"), &append(entries)).status,
        200
    );
    assert_eq!(
        next(),
        api::NextPlace {
            next_seq: 2,
            prev: Some(0)
        }
    );
}

#[test]
fn accounts_are_paged_by_handle() {
    let server = Server::start();
    let keys = book(&server);
    for number in [5, 1, 4, 2, 3] {
        server.put(
            &keys.path(&format!("/accounts/{}", account(number))),
            &sealed(number),
        );
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page: api::Accounts = server
            .get(&keys.path(&format!("/accounts?limit=2{after}")))
            .ok();
        seen.extend(page.accounts.into_iter().map(|account| account.account));
        match page.after {
            Some(handle) => after = format!("&after={handle}"),
            None => break,
        }
    }
    assert_eq!(
        seen,
        [1, 2, 3, 4, 5].map(|number| account(number).to_string())
    );
}

#[test]
fn malformed_handles_queries_and_boxes_are_refused() {
    let server = Server::start();
    let keys = book(&server);
    let short = keys.path("/accounts/abcd");
    server.put(&short, &sealed(1)).problem(400, "bad-path");
    let not_hex = keys.path(&format!("/accounts/{}", "g".repeat(64)));
    server.put(&not_hex, &sealed(1)).problem(400, "bad-path");
    server
        .get(&keys.path("/accounts/%ff"))
        .problem(400, "bad-path");
    server.get("/v1/books/xyz").problem(400, "bad-path");
    let path = keys.path(&format!("/accounts/{}", account(1)));
    let body = api::OpenAccount {
        sealed_nid: vec![1; 5].into(),
    };
    server.put(&path, &body).problem(422, "invalid-body");
    server
        .get(&keys.path("/accounts?limit=0"))
        .problem(400, "bad-query");
    server
        .get(&keys.path("/accounts?limit=1001"))
        .problem(400, "bad-query");
    server
        .get(&keys.path("/accounts?limit=x"))
        .problem(400, "bad-query");
    server
        .get(&keys.path("/accounts?after=12"))
        .problem(400, "bad-query");
    server
        .get(&keys.path("/accounts?limits=5"))
        .problem(400, "bad-query");
    server.put(&path, &sealed(1));
    server
        .get(&format!("{path}?writer=12"))
        .problem(400, "bad-query");
    let list: api::Accounts = server.get(&keys.path("/accounts")).ok();
    assert_eq!(list.accounts.len(), 1);
}

#[test]
fn an_open_book_has_no_accounts() {
    let server = Server::start();
    let keys = Keys::<Ristretto255Sha512>::new("open", BookKind::Open).create(&server);
    let path = keys.path(&format!("/accounts/{}", account(1)));
    server.put(&path, &sealed(7)).problem(409, "wrong-kind");
    server
        .get(&format!("{path}/balance"))
        .problem(409, "wrong-kind");
}
