//! The main job: a token posts a hundred entries of ten accounts in two books, token and server
//! lose power on the way, and every balance and total opens to the right amount.

use std::{collections::BTreeMap, path::Path};

use core_nostd::{
    book::BookKind,
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle},
    wire::{Policy, Posting},
};
use e2e_tests::{
    desk::Desk,
    server::{Server, StoreKind},
    token::{Carrier, TestToken},
};
use token_client::OwnedRules;

/// The PIN of every token.
pub const PIN: &str = "271828";
const ENTRIES: usize = 100;
const ACCOUNTS: usize = 10;
/// An amount whose bytes and digits can't be there by chance. It is withdrawn again.
const CONSPICUOUS: i64 = 86_753_090_123;

/// Everything may be opened.
pub const ALL: Policy = Policy {
    totals: true,
    balances: true,
    open_sums: true,
};

/// Rules of a euro book that is cut after 8 entries.
pub fn rules(name: &str) -> OwnedRules {
    OwnedRules {
        suite: SuiteId::Ristretto255,
        kind: BookKind::Authenticated,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 100_000_000_000,
        min_entries: 8,
        name: name.to_owned(),
    }
}

/// Makes keys on a new token.
pub fn provision(desk: &mut Desk) {
    desk.token
        .provision(PIN, ALL)
        .expect("the token makes keys");
    desk.token.hello().expect("it says who it is now");
}

fn nid(account: usize) -> String {
    format!("nid-{account}x0wner")
}

/// The amount of entry `i`, withdrawals among them; the sum of all stays small.
fn amount(i: usize) -> i64 {
    match i {
        3 => CONSPICUOUS,
        23 => -CONSPICUOUS,
        _ => i64::try_from(i * 7919 % 20_011).expect("small") - 9_000,
    }
}

/// What the ledger should say, kept in clear by the test alone.
#[derive(Default)]
struct Expected {
    totals: BTreeMap<BookId, i64>,
    balances: BTreeMap<(BookId, Handle), i64>,
}

impl Expected {
    fn add(&mut self, book: BookId, account: Handle, minor: i64) {
        *self.totals.entry(book).or_default() += minor;
        *self.balances.entry((book, account)).or_default() += minor;
    }
}

fn story(carrier: Carrier, kind: &StoreKind, dir: &Path) {
    let mut token = TestToken::start(carrier, dir);
    let mut server = Server::start(kind);
    let mut desk = Desk::new(token.client(), server.api.clone());
    provision(&mut desk);
    let rules = [rules("savings"), rules("loans")];
    let books = rules.each_ref().map(|rules| desk.create_book(rules));
    let accounts = books.map(|book| {
        (0..ACCOUNTS)
            .map(|a| desk.open_account(book, &nid(a)))
            .collect::<Vec<_>>()
    });
    let mut expected = Expected::default();

    // Entry i goes to book i % 2 and, over ten rounds, to every account of it.
    let entry = |i: usize| (i % 2, accounts[i % 2][i / 2 * 3 % ACCOUNTS], amount(i));
    for i in 0..ENTRIES / 2 {
        let (book, account, minor) = entry(i);
        desk.post(books[book], account, minor);
        expected.add(books[book], account, minor);
    }
    power_cuts(&mut desk, &mut token, &mut server, kind);
    lost_on_the_way(&mut desk, books[0], accounts[0][0]);
    expected.add(books[0], accounts[0][0], 4_200);
    for batch in (ENTRIES / 2..ENTRIES - 2).collect::<Vec<_>>().chunks(8) {
        for (which, &book) in books.iter().enumerate() {
            let mine = batch
                .iter()
                .map(|&i| entry(i))
                .filter(|(b, ..)| *b == which);
            let amounts: Vec<_> = mine.map(|(_, account, minor)| (account, minor)).collect();
            desk.post_batch(book, &amounts);
            amounts
                .iter()
                .for_each(|&(account, minor)| expected.add(book, account, minor));
        }
    }
    let (book, account, minor) = entry(ENTRIES - 1);
    desk.post(books[book], account, minor);
    expected.add(books[book], account, minor);

    check_totals(&mut desk, &rules, &expected);
    for (&(book, account), &balance) in &expected.balances {
        assert_eq!(desk.open_balance(book, account), balance);
    }
    power_cuts(&mut desk, &mut token, &mut server, kind);
    check_totals(&mut desk, &rules, &expected);
    nothing_is_readable(&desk, &books);
}

/// Token and server lose power, where they can, and come back.
fn power_cuts(desk: &mut Desk, token: &mut TestToken, server: &mut Server, kind: &StoreKind) {
    if token.can_restart() {
        token.kill();
        token.power_on();
        desk.token = token.client();
        desk.token.unlock(PIN).expect("it unlocks");
    }
    if kind.survives() {
        // Stopped first: a file has one owner.
        let stopped = std::mem::replace(server, Server::start(&StoreKind::Memory));
        drop(stopped);
        *server = Server::start(kind);
        desk.api = server.api.clone();
    }
}

/// The host loses a signed entry before the server has it: the token gives out the same bytes
/// again, both when asked the same and when asked for its last entry, and signs nothing anew.
fn lost_on_the_way(desk: &mut Desk, book: BookId, account: Handle) {
    let next = desk.next_place(book, account);
    let posting = Posting {
        account,
        prev: next.prev,
        minor: 4_200,
    };
    let signed = desk
        .token
        .post(book, next.next_seq, posting)
        .expect("signed");
    assert_eq!(
        desk.token
            .post(book, next.next_seq, posting)
            .expect("again"),
        signed
    );
    assert_eq!(desk.token.last_entry(book).expect("stored"), signed);
    let other = Posting {
        minor: 4_201,
        ..posting
    };
    desk.token
        .post(book, next.next_seq, other)
        .expect_err("another entry at that place");
    desk.deliver(book, &signed);
    desk.deliver(book, &signed);
}

fn check_totals(desk: &mut Desk, rules: &[OwnedRules], expected: &Expected) {
    for rules in rules {
        let book = rules.as_rules().id();
        let (minor, statement) = desk.open_total(book);
        assert_eq!(minor, expected.totals[&book]);
        assert_eq!(statement.count, desk.head(book));
        let again = desk.token.last_statement().expect("stored");
        assert_eq!(again, statement, "a lost answer is given out again");
        let document = desk.statement_document(rules, &statement, minor);
        let path = format!("/v1/books/{book}/statements");
        desk.api
            .post(&path, &document)
            .expect("the statement verifies");
        let mut lie = document.clone();
        lie.minor = (minor + 1).to_string();
        desk.api
            .post(&path, &lie)
            .expect_err("another amount does not");
    }
}

/// No NID, no amount and no PIN is in anything the server gives out.
fn nothing_is_readable(desk: &Desk, books: &[BookId]) {
    let mut seen = String::new();
    for book in books {
        let head = desk.head(*book);
        let lines = desk
            .api
            .text(&format!("/v1/books/{book}/entries"))
            .expect("the log");
        assert_eq!(lines.lines().count() as u64, head);
        seen.push_str(&lines);
        for path in ["accounts", "heads", "cuts"] {
            let path = format!("/v1/books/{book}/{path}");
            seen.push_str(&desk.api.text(&path).expect("an answer"));
        }
    }
    for secret in secrets() {
        assert!(
            !seen.contains(&String::from_utf8_lossy(&secret)[..]),
            "{secret:?}"
        );
    }
}

/// Byte strings that must not be stored anywhere: NIDs as typed and normalised, the conspicuous
/// amount in digits and both byte orders, the PIN.
fn secrets() -> Vec<Vec<u8>> {
    let mut secrets = vec![
        CONSPICUOUS.to_string().into_bytes(),
        b"867530901.23".to_vec(),
        CONSPICUOUS.to_le_bytes().to_vec(),
        CONSPICUOUS.to_be_bytes().to_vec(),
        (-CONSPICUOUS).to_le_bytes().to_vec(),
        (-CONSPICUOUS).to_be_bytes().to_vec(),
    ];
    for account in 0..ACCOUNTS {
        secrets.push(nid(account).into_bytes());
        secrets.push(format!("NID{account}X0WNER").into_bytes());
    }
    secrets
}

fn assert_unreadable(what: &str, bytes: &[u8]) {
    assert!(bytes.len() > 1000, "{what} holds something");
    for secret in secrets() {
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(
            !found,
            "{what} holds {:?}",
            String::from_utf8_lossy(&secret)
        );
    }
}

fn on_redb(carrier: Carrier) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("ledger.redb");
    story(carrier, &StoreKind::Redb(file.clone()), dir.path());
    assert_unreadable("the ledger's file", &std::fs::read(file).expect("the file"));
}

#[test]
fn in_process_on_memory() {
    let dir = tempfile::tempdir().expect("a folder");
    story(Carrier::InProcess, &StoreKind::Memory, dir.path());
    let state = std::fs::read(dir.path().join("token.bin")).expect("the token's flash");
    assert_unreadable("the token's flash", &state);
}

#[test]
fn in_process_on_redb() {
    on_redb(Carrier::InProcess);
}

#[test]
fn pty_on_redb() {
    on_redb(Carrier::Pty);
}

#[cfg(feature = "qemu")]
#[test]
fn qemu_on_redb() {
    on_redb(Carrier::Qemu);
}

#[cfg(feature = "mongo")]
mod mongo {
    use e2e_tests::mongod;

    use super::*;

    fn on_mongo(carrier: Carrier) {
        let dir = tempfile::tempdir().expect("a folder");
        let database = mongod::Database::fresh();
        story(carrier, &StoreKind::Mongo(database.uri()), dir.path());
        assert_unreadable("the database", &database.dump());
    }

    #[test]
    fn pty_on_mongo() {
        on_mongo(Carrier::Pty);
    }

    #[cfg(feature = "qemu")]
    #[test]
    fn qemu_on_mongo() {
        on_mongo(Carrier::Qemu);
    }
}
