//! `/v1/books/{book}/entries` and `/heads`.

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ffdhe2048Sha512, Ristretto255Sha512},
    keys::Nonce,
};
use host_api::{self as api, Outcome};

use crate::fixtures::{FFDHE2048_P, Keys, Server, Writer, account, append, book, rng};

fn outcomes(entries: &[api::EntryOutcome]) -> Vec<Outcome> {
    entries.iter().map(|entry| entry.outcome).collect()
}

#[test]
fn entries_are_stored_once_and_read_back_byte_for_byte() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let entries = writer.entries(&keys, &[500, -125, 0]);
    let path = keys.path("/entries");
    let first: api::Appended = server.post(&path, &append(entries.clone())).ok();
    assert_eq!(outcomes(&first.entries), [Outcome::Stored; 3]);
    let again: api::Appended = server.post(&path, &append(entries.clone())).ok();
    assert_eq!(outcomes(&again.entries), [Outcome::Already; 3]);

    let log = server.log(&keys.id);
    assert_eq!(log.len(), 3);
    for (stored, sent) in log.iter().zip(&entries) {
        assert_eq!((&stored.writer, stored.seq), (&sent.writer, sent.seq));
        assert_eq!(
            (stored.account.as_ref(), stored.prev),
            (Some(&sent.account), sent.prev)
        );
        assert_eq!((&stored.c1, &stored.c2), (&sent.c1, &sent.c2));
        assert_eq!(stored.tag.as_ref(), Some(&sent.tag));
        assert_eq!(stored.account_tag.as_ref(), Some(&sent.account_tag));
    }
}

#[test]
fn several_writers_share_a_body_in_any_order() {
    let server = Server::start();
    let keys = book(&server);
    let (mut one, mut two) = (Writer::new(1), Writer::new(2));
    let entries = vec![
        two.entry(&keys, account(1), 1),
        one.entry(&keys, account(1), 2),
        two.entry(&keys, account(2), 3),
        one.entry(&keys, account(2), 4),
    ];
    let sent: Vec<_> = entries
        .iter()
        .map(|entry| (entry.writer.clone(), entry.seq))
        .collect();
    let answer: api::Appended = server.post(&keys.path("/entries"), &append(entries)).ok();
    let answered: Vec<_> = answer
        .entries
        .iter()
        .map(|entry| (entry.writer.clone(), entry.seq))
        .collect();
    assert_eq!(answered, sent);
    let heads: api::Heads = server.get(&keys.path("/heads")).ok();
    let heads: Vec<_> = heads
        .heads
        .into_iter()
        .map(|head| (head.writer, head.next_seq))
        .collect();
    assert_eq!(heads, [(one.id.to_string(), 2), (two.id.to_string(), 2)]);
}

#[test]
fn other_bytes_at_a_used_position_are_a_conflict_and_change_nothing() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let path = keys.path("/entries");
    server.post(&path, &append(writer.entries(&keys, &[1, 2])));
    let before = server.log(&keys.id);

    let mut twin = Writer::new(1);
    let _ = twin.entries(&keys, &[1]);
    let mut forged = twin.entries(&keys, &[999, 3]);
    forged.insert(0, Writer::new(1).entries(&keys, &[1]).remove(0));
    let problem = server
        .post(&path, &append(forged))
        .problem(409, "entry-conflict");
    let expected = [Outcome::Already, Outcome::Conflict, Outcome::Gap];
    assert_eq!(outcomes(&problem.entries), expected);
    assert_eq!(server.log(&keys.id), before);
}

#[test]
fn an_entry_after_a_gap_is_refused_and_those_before_it_are_stored() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let mut entries = writer.entries(&keys, &[1, 2, 3, 4]);
    let missing = entries.remove(2);
    let path = keys.path("/entries");
    let problem = server
        .post(&path, &append(entries.clone()))
        .problem(409, "entry-gap");
    let expected = [Outcome::Stored, Outcome::Stored, Outcome::Gap];
    assert_eq!(outcomes(&problem.entries), expected);
    assert_eq!(server.log(&keys.id).len(), 2);
    let rest = vec![missing, entries.remove(2)];
    assert_eq!(server.post(&path, &append(rest)).status, 200);
    assert_eq!(server.log(&keys.id).len(), 4);
}

#[test]
fn an_odd_prev_is_taken_because_its_token_has_signed_it() {
    let server = Server::start();
    let keys = book(&server);
    let mut entries = Writer::new(1).entries(&keys, &[1]);
    entries[0].prev = Some(77);
    assert_eq!(
        server.post(&keys.path("/entries"), &append(entries)).status,
        200
    );
    assert_eq!(server.log(&keys.id)[0].prev, Some(77));
}

#[test]
fn elements_that_are_not_canonical_of_the_suite_or_the_identity_are_refused() {
    let server = Server::start();
    let keys = book(&server);
    let good = Writer::new(1).entries(&keys, &[1, 2]);
    let odd = {
        // 2^255 − 19 + 1: the same field element as 1, in another spelling.
        let mut bytes = vec![0xff; 32];
        (bytes[0], bytes[31]) = (0xee, 0x7f);
        bytes
    };
    type Field = fn(&mut api::Entry) -> &mut api::Base64;
    let fields: [(&str, Field); 4] = [
        ("c1", |entry| &mut entry.c1),
        ("c2", |entry| &mut entry.c2),
        ("tag", |entry| &mut entry.tag),
        ("account_tag", |entry| &mut entry.account_tag),
    ];
    for (name, field) in fields {
        for bytes in [
            vec![0xff; 32],
            odd.clone(),
            vec![],
            vec![0; 31],
            vec![2; 256],
        ] {
            let mut entries = good.clone();
            *field(&mut entries[1]) = bytes.into();
            let reply = server.post(&keys.path("/entries"), &append(entries));
            let detail = reply
                .problem(409, "bad-element")
                .detail
                .expect("says which");
            assert!(
                detail.starts_with(&format!("entries[1].{name}: ")),
                "{detail}"
            );
        }
    }
    let mut entries = good.clone();
    entries[0].c1 = vec![0; 32].into();
    let reply = server.post(&keys.path("/entries"), &append(entries));
    assert!(
        reply
            .problem(409, "bad-element")
            .detail
            .expect("says why")
            .contains("identity")
    );
    assert!(
        server.log(&keys.id).is_empty(),
        "not even the good entries beside them"
    );
}

#[test]
fn an_element_of_order_two_is_refused_in_a_finite_field_suite() {
    let server = Server::start();
    let keys = Keys::<Ffdhe2048Sha512>::new("f", BookKind::Open).create(&server);
    let mut minus_one = hex::decode(FFDHE2048_P).expect("hexadecimal");
    *minus_one.last_mut().expect("not empty") -= 1;
    let (c1, c2) = keys
        .secret
        .public_key()
        .encrypt(5, Nonce::random(&mut rng(2)))
        .to_bytes();
    let good = api::OpenEntry {
        entry: "ab".repeat(16),
        c1: c1[..].into(),
        c2: c2[..].into(),
    };
    for bad in [
        api::OpenEntry {
            c1: minus_one.clone().into(),
            ..good.clone()
        },
        api::OpenEntry {
            c2: minus_one.into(),
            ..good.clone()
        },
        api::OpenEntry {
            c2: hex::decode(FFDHE2048_P).expect("hexadecimal").into(),
            ..good.clone()
        },
    ] {
        let reply = server.post(&keys.path("/entries"), &append(vec![bad]));
        reply.problem(409, "bad-element");
    }
    assert!(server.log(&keys.id).is_empty());
    assert_eq!(
        server
            .post(&keys.path("/entries"), &append(vec![good]))
            .status,
        200
    );
}

#[test]
fn an_open_book_gives_out_positions_and_knows_entries_by_their_identifier() {
    let server = Server::start();
    let keys = Keys::<Ristretto255Sha512>::new("open", BookKind::Open).create(&server);
    let entry = |id: u8, nonce| {
        let nonce = Nonce::random(&mut rng(nonce));
        let (c1, c2) = keys.secret.public_key().encrypt(5, nonce).to_bytes();
        api::OpenEntry {
            entry: hex::encode([id; 16]),
            c1: c1[..].into(),
            c2: c2[..].into(),
        }
    };
    let path = keys.path("/entries");
    let body = append(vec![entry(1, 1), entry(2, 2)]);
    let stored: api::Appended = server.post(&path, &body).ok();
    assert_eq!(
        stored
            .entries
            .iter()
            .map(|entry| entry.seq)
            .collect::<Vec<_>>(),
        [0, 1]
    );
    let again: api::Appended = server.post(&path, &body).ok();
    assert_eq!(outcomes(&again.entries), [Outcome::Already; 2]);
    let mixed = append(vec![entry(2, 9), entry(3, 3)]);
    let problem = server.post(&path, &mixed).problem(409, "entry-conflict");
    assert_eq!(
        outcomes(&problem.entries),
        [Outcome::Conflict, Outcome::Stored]
    );
    let log = server.log(&keys.id);
    assert_eq!(log.len(), 3);
    assert_eq!(log[2].entry, Some(hex::encode([3; 16])));
}

#[test]
fn entries_of_the_other_kind_of_book_are_refused() {
    let server = Server::start();
    let keys = book(&server);
    let open = api::OpenEntry {
        entry: "ab".repeat(16),
        c1: vec![0; 32].into(),
        c2: vec![0; 32].into(),
    };
    let reply = server.post(&keys.path("/entries"), &append(vec![open]));
    reply.problem(409, "wrong-kind");
}

#[test]
fn identifiers_and_numbers_that_do_not_fit_are_refused() {
    let server = Server::start();
    let keys = book(&server);
    let good = serde_json::to_value(&Writer::new(1).entries(&keys, &[1])[0]).expect("serialises");
    for (field, value) in [
        ("writer", serde_json::json!("ab")),
        ("writer", serde_json::json!("g".repeat(32))),
        ("account", serde_json::json!("00")),
        ("seq", serde_json::json!(-1)),
        ("seq", serde_json::json!(1.5)),
        ("seq", serde_json::json!(1e30)),
        ("prev", serde_json::json!("0")),
        ("c1", serde_json::json!("+/==")),
        ("tag", serde_json::json!(null)),
        ("amount", serde_json::json!(12)),
    ] {
        let mut entry = good.clone();
        entry[field] = value;
        let body = serde_json::json!({ "entries": [entry] });
        server
            .post(&keys.path("/entries"), &body)
            .problem(422, "invalid-body");
    }
    let mut huge = good.clone();
    huge["seq"] = serde_json::json!(u64::MAX);
    let body = serde_json::json!({ "entries": [huge] });
    server
        .post(&keys.path("/entries"), &body)
        .problem(409, "entry-gap");
    let none: [api::Entry; 0] = [];
    server
        .post(&keys.path("/entries"), &append(none.to_vec()))
        .problem(422, "invalid-body");
    assert!(server.log(&keys.id).is_empty());
}

#[test]
fn too_many_entries_are_refused() {
    let server = Server::start();
    let keys = Keys::<Ristretto255Sha512>::new("open", BookKind::Open).create(&server);
    let tiny = |id: usize| api::OpenEntry {
        entry: format!("{id:032x}"),
        c1: vec![].into(),
        c2: vec![].into(),
    };
    let body = append((0..4097).map(tiny).collect());
    server
        .post(&keys.path("/entries"), &body)
        .problem(413, "too-many-entries");
    assert!(server.log(&keys.id).is_empty());
}

#[test]
fn the_log_is_read_from_any_position_and_over_all_chains() {
    let server = Server::start();
    let keys = book(&server);
    let (mut one, mut two) = (Writer::new(1), Writer::new(2));
    // More than a page of the stream.
    let amounts: Vec<i64> = (0..600).collect();
    server.post(
        &keys.path("/entries"),
        &append(one.entries(&keys, &amounts)),
    );
    server.post(
        &keys.path("/entries"),
        &append(two.entries(&keys, &[1, 2, 3])),
    );
    let places = |query: &str| -> Vec<(String, u64)> {
        let lines: Vec<api::StoredEntry> = server.get(&keys.path(query)).lines();
        lines
            .into_iter()
            .map(|line| (line.writer, line.seq))
            .collect()
    };
    let chain = |writer: &Writer, from, to| {
        let id = writer.id.to_string();
        (from..to).map(move |seq| (id.clone(), seq))
    };
    let all: Vec<_> = chain(&one, 0, 600).chain(chain(&two, 0, 3)).collect();
    assert_eq!(places("/entries"), all);
    assert_eq!(places("/entries?limit=602"), all[..602]);
    let tail: Vec<_> = chain(&one, 598, 600).collect();
    assert_eq!(
        places(&format!("/entries?writer={}&from=598", one.id)),
        tail
    );
    assert_eq!(
        places(&format!("/entries?writer={}&from=598&limit=1", one.id)),
        tail[..1]
    );
    assert_eq!(
        places(&format!(
            "/entries?writer={}&from={}",
            one.id,
            (1u64 << 53) - 1
        )),
        []
    );
    assert_eq!(
        places(&format!("/entries?writer={}", Writer::new(9).id)),
        []
    );
    assert_eq!(
        places("/entries?from=2")[598..],
        all[602..],
        "of each chain"
    );
    server
        .get(&keys.path("/entries?writer=xyz"))
        .problem(400, "bad-query");
    for wrong in [
        "from=18446744073709551616",
        "from=9007199254740992",
        "limit=0",
        "limit=-1",
    ] {
        let query = format!("/entries?writer={}&{wrong}", one.id);
        server.get(&keys.path(&query)).problem(400, "bad-query");
    }
}

#[test]
fn entries_for_an_unknown_book_are_refused() {
    let server = Server::start();
    let keys = Keys::<Ristretto255Sha512>::new("never created", BookKind::Authenticated);
    let entries = Writer::new(1).entries(&keys, &[1]);
    server
        .post(&keys.path("/entries"), &append(entries))
        .problem(404, "unknown-book");
    server
        .get(&keys.path("/entries"))
        .problem(404, "unknown-book");
}
