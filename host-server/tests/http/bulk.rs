//! Entries in the binary form, and sums of whatever is asked for.

use core_nostd::{
    book::BookKind,
    ciphersuite::Ristretto255Sha512,
    ciphertext::Ciphertext,
    group::{Group, ristretto255::Ristretto255},
    keys::Nonce,
};
use host_api::{self as api, Outcome, binary};
use serde_json::json;

use crate::fixtures::{Keys, Raw, Server, Writer, account, append, book, rng};

const BINARY: (&str, &str) = ("content-type", binary::MEDIA_TYPE);

fn record(entry: &api::Entry) -> binary::Entry {
    let mut record = binary::Entry {
        writer: [0; 16],
        seq: entry.seq,
        account: [0; 32],
        prev: entry.prev,
        c1: entry.c1.0.clone(),
        c2: entry.c2.0.clone(),
        tag: entry.tag.0.clone(),
        account_tag: entry.account_tag.0.clone(),
    };
    hex::decode_to_slice(&entry.writer, &mut record.writer).expect("hexadecimal");
    hex::decode_to_slice(&entry.account, &mut record.account).expect("hexadecimal");
    record
}

fn records(entries: &[api::Entry]) -> Vec<u8> {
    let one = |entry| postcard::to_stdvec(&record(entry)).expect("serialises");
    entries.iter().flat_map(one).collect()
}

fn binary_log(server: &Server, path: &str) -> Vec<binary::StoredEntry> {
    let Raw {
        status,
        headers,
        body,
    } = server.raw("GET", path, &[("accept", binary::MEDIA_TYPE)], &[]);
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &binary::MEDIA_TYPE.parse().expect("a value"))
    );
    let (mut log, mut rest) = (Vec::new(), &body[..]);
    while !rest.is_empty() {
        let (entry, behind) = postcard::take_from_bytes(rest).expect("a record");
        log.push(entry);
        rest = behind;
    }
    log
}

#[test]
fn binary_and_json_are_the_same_entries() {
    let server = Server::start();
    let keys = book(&server);
    let path = keys.path("/entries");
    let entries = Writer::new(1).entries(&keys, &(0..600).collect::<Vec<_>>());
    let body = records(&entries);
    let json = serde_json::to_vec(&append(entries.clone())).expect("serialises");
    assert!(
        body.len() * 5 < json.len() * 3,
        "{} of {}",
        body.len(),
        json.len()
    );
    let stored: api::Appended = server.send("POST", &path, &[BINARY], &body).ok();
    assert!(
        stored
            .entries
            .iter()
            .all(|one| one.outcome == Outcome::Stored)
    );
    let again: api::Appended = server.post(&path, &append(entries.clone())).ok();
    assert!(
        again
            .entries
            .iter()
            .all(|one| one.outcome == Outcome::Already)
    );

    let log = binary_log(&server, &path);
    assert_eq!(log.len(), 600);
    for (stored, sent) in log.iter().zip(&entries) {
        let binary::StoredEntry::Authenticated { entry, .. } = stored else {
            panic!("of an authenticated book");
        };
        assert_eq!(*entry, record(sent));
    }
    assert_eq!(
        binary_log(&server, &keys.path("/entries?from=598")),
        log[598..]
    );
}

#[test]
fn records_of_an_open_book_have_its_identifiers() {
    let server = Server::start();
    let keys = Keys::<Ristretto255Sha512>::new("open", BookKind::Open).create(&server);
    let (c1, c2) = keys
        .secret
        .public_key()
        .encrypt(5, Nonce::random(&mut rng(1)))
        .to_bytes();
    let entry = binary::OpenEntry {
        entry: [7; 16],
        c1: c1[..].into(),
        c2: c2[..].into(),
    };
    let body = postcard::to_stdvec(&entry).expect("serialises");
    let path = keys.path("/entries");
    assert_eq!(server.send("POST", &path, &[BINARY], &body).status, 200);
    let log = binary_log(&server, &path);
    assert!(
        matches!(&log[..], [binary::StoredEntry::Open { entry: found, seq: 0, .. }]
        if *found == entry)
    );
}

#[test]
fn records_that_are_cut_short_or_none_store_nothing() {
    let server = Server::start();
    let keys = book(&server);
    let path = keys.path("/entries");
    let entries = Writer::new(1).entries(&keys, &[1, 2, 3]);
    let body = records(&entries);
    // The last record is never whole, and without it the others are not taken either.
    let second = records(&entries[..2]).len();
    for len in (second + 1..body.len()).step_by(7) {
        let reply = server.send("POST", &path, &[BINARY], &body[..len]);
        reply.problem(422, "invalid-body");
    }
    // A length of 2^63 bytes, and numbers that never end.
    for body in [&[0xff; 400][..], &[0x80; 400], b"{\"entries\": []}"] {
        let reply = server.send("POST", &path, &[BINARY], body);
        assert!(matches!(reply.status, 409 | 422), "{reply:?}");
    }
    assert!(server.log(&keys.id).is_empty());
}

#[test]
fn sums_of_accounts_and_of_stretches_are_of_what_they_say() {
    let server = Server::start();
    let keys = book(&server);
    let (mut one, mut two) = (Writer::new(1), Writer::new(2));
    let entries = vec![
        one.entry(&keys, account(1), 5),
        one.entry(&keys, account(2), 70),
        one.entry(&keys, account(3), 900),
        two.entry(&keys, account(1), 1000),
    ];
    server.post(&keys.path("/entries"), &append(entries));
    let ask = |body: serde_json::Value| server.post(&keys.path("/sum"), &body);
    let opens_to = |sum: &api::AskedSum, minor| {
        let sum = Ciphertext::from_bytes(&sum.c1.0, &sum.c2.0).expect("decodes");
        keys.secret.decrypt_to_element(&sum) == Ristretto255::mul_base_i64(minor)
    };
    let (a, b) = (account(1).to_string(), account(2).to_string());
    let nobody = account(9).to_string();

    let sum: api::AskedSum = ask(json!({ "accounts": [b, a, nobody, a] })).ok();
    assert!(opens_to(&sum, 5 + 70 + 1000));
    assert_eq!((sum.count, sum.bound.as_str()), (3, "3000000"));
    let api::SumParts::Accounts(parts) = sum.parts else {
        panic!("accounts were asked for");
    };
    let parts: Vec<_> = parts
        .iter()
        .map(|part| (part.account.clone(), part.last.len()))
        .collect();
    assert_eq!(parts, [(a.clone(), 2), (b, 1)]);

    let spans = json!({ "spans": [
        { "writer": two.id.to_string() },
        { "writer": one.id.to_string(), "from": 1, "to": 99 },
    ] });
    let sum: api::AskedSum = ask(spans).ok();
    assert!(opens_to(&sum, 70 + 900 + 1000));
    assert_eq!(sum.count, 3);

    let writer = one.id.to_string();
    let twice = json!({ "spans": [{ "writer": writer }, { "writer": writer, "from": 2 }] });
    ask(twice).problem(409, "spans-overlap");
    ask(json!({ "accounts": [nobody] })).problem(404, "nothing-to-sum");
    ask(json!({ "spans": [{ "writer": writer, "from": 9 }] })).problem(404, "nothing-to-sum");
    for wrong in [
        json!({ "accounts": [] }),
        json!({ "accounts": ["x"] }),
        json!({ "accounts": vec![a.clone(); 1001] }),
        json!({ "spans": [{ "writer": writer, "to": 1u64 << 53 }] }),
        json!({ "spans": [{}] }),
        json!({ "all": true }),
    ] {
        ask(wrong).problem(422, "invalid-body");
    }
    ask(json!({ "accounts": [a], "spans": [] })).problem(400, "malformed-json");
}
