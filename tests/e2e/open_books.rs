//! Open books: the classic scheme in a finite-field group. Anybody with the public key encrypts,
//! the server adds, and the token opens the sum because its policy says so.

use core_nostd::{
    book::BookKind,
    check_amount,
    ciphersuite::{Ciphersuite, Ffdhe2048Sha512, SuiteId},
    group::Group,
    keys::{Nonce, PublicKey},
    wire::TokenError,
};
use e2e_tests::{
    desk::Desk,
    reference::{ReferenceGroup, Residues},
    server::{Server, StoreKind},
    token::{Carrier, TestToken},
};
use host_api as api;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use token_client::OwnedRules;

use crate::story::{provision, rules};

type Suite = Ffdhe2048Sha512;
type G = <Suite as Ciphersuite>::Group;

const AMOUNTS: [i64; 5] = [1250, -300, 0, 7, 99];

fn sums_and_opens(carrier: Carrier, kind: &StoreKind, dir: &std::path::Path) {
    let token = TestToken::start(carrier, dir);
    let server = Server::start(kind);
    let mut desk = Desk::new(token.client(), server.api.clone());
    provision(&mut desk);
    let rules = OwnedRules {
        suite: SuiteId::Ffdhe2048,
        kind: BookKind::Open,
        ..rules("classic")
    };
    let book = desk.create_book(&rules);
    let key = desk.token.public_key(book).expect("a key");
    let key = PublicKey::<Suite>::from_bytes(&key).expect("in the group");

    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut entries = Vec::new();
    for (i, m) in (1_u8..).zip(AMOUNTS) {
        let (c1, c2) = key.encrypt(m, Nonce::random(&mut rng)).to_bytes();
        let (c1, c2) = (c1.to_vec().into(), c2.to_vec().into());
        entries.push(api::OpenEntry {
            entry: format!("{i:032x}"),
            c1,
            c2,
        });
    }
    let path = format!("/v1/books/{book}/entries");
    let body = api::AppendEntries { entries };
    let first = desk.api.post(&path, &body).expect("the entries are taken");
    let again = desk
        .api
        .post(&path, &body)
        .expect("sent again, they are there already");
    let outcomes = |text: &str| serde_json::from_str::<api::Appended>(text).expect("outcomes");
    let seqs = |text: &str| {
        outcomes(text)
            .entries
            .iter()
            .map(|e| e.seq)
            .collect::<Vec<_>>()
    };
    assert_eq!(seqs(&first), [0, 1, 2, 3, 4]);
    assert_eq!(seqs(&again), seqs(&first));
    let all = |text: &str, outcome| outcomes(text).entries.iter().all(|e| e.outcome == outcome);
    assert!(all(&first, api::Outcome::Stored) && all(&again, api::Outcome::Already));

    let sum = desk.total(book);
    assert_eq!(sum.count, 5);
    let [c1, c2, tag] = sum.elements();
    let statement = desk
        .token
        .release_open(book, sum.count, [c1, c2])
        .expect("it opens");
    let total: i64 = AMOUNTS.iter().sum();
    let d = G::decode(&statement.d).expect("an element");
    assert!(bool::from(check_amount::<Suite>(total, &d)));
    desk.token
        .confirm_decode(statement.number, total)
        .expect("the token agrees");
    let wrong = desk.token.confirm_decode(statement.number, total + 1);
    assert_eq!(
        wrong.expect_err("not so").token(),
        Some(TokenError::WrongAmount)
    );
    let document = desk.statement_document(&rules, &statement, total);
    desk.api
        .post(&format!("/v1/books/{book}/statements"), &document)
        .expect("it verifies");

    // The command for authenticated totals does not open it, and entries can't be posted there.
    let ranges = desk.token.release_total(book, &[], [c1, c2, tag]);
    assert_eq!(
        ranges.expect_err("wrong kind").token(),
        Some(TokenError::WrongKind)
    );
    refuses_foreign_elements(&desk, &path);
}

/// Elements outside the group of prime order, and those of another suite, are not taken.
fn refuses_foreign_elements(desk: &Desk, path: &str) {
    let before = desk.api.text(path).expect("the log");
    let good = G::encode(&G::generator()).to_vec();
    // −1 has order two; −2 is in the group modulo p, but not in its subgroup; p stands for 0.
    let p = Residues::ffdhe2048().order() * 2_u8 + 1_u8;
    let identity = G::encode(&G::identity()).to_vec();
    let residues = [&p - 1_u8, &p - 2_u8, p].map(|residue| residue.to_bytes_be());
    for bad in [identity, vec![0; 256], vec![0xFF; 256], vec![8; 32]]
        .into_iter()
        .chain(residues)
    {
        let entry = api::OpenEntry {
            entry: "ff".repeat(16),
            c1: bad.into(),
            c2: good.clone().into(),
        };
        let refused = desk.api.post(
            path,
            &api::AppendEntries {
                entries: vec![entry],
            },
        );
        assert_eq!(refused.expect_err("no element").status, 409);
    }
    assert_eq!(
        desk.api.text(path).expect("the log"),
        before,
        "nothing was stored"
    );
}

#[test]
fn in_process_on_redb() {
    let dir = tempfile::tempdir().expect("a folder");
    let kind = StoreKind::Redb(dir.path().join("ledger.redb"));
    sums_and_opens(Carrier::InProcess, &kind, dir.path());
}

#[cfg(feature = "qemu")]
#[test]
fn qemu_on_memory() {
    let dir = tempfile::tempdir().expect("a folder");
    sums_and_opens(Carrier::Qemu, &StoreKind::Memory, dir.path());
}

#[cfg(feature = "mongo")]
#[test]
fn pty_on_mongo() {
    let dir = tempfile::tempdir().expect("a folder");
    let database = e2e_tests::mongod::Database::fresh();
    sums_and_opens(Carrier::Pty, &StoreKind::Mongo(database.uri()), dir.path());
}
