//! Two writers and one treasury, each a token with a host of its own, and one server between them:
//! chains interleaved in one book, totals and balances over all of them, a writer revoked.

use std::path::Path;

use core_nostd::{
    ids::{BookId, Handle},
    tag::Range,
    wire::{Closing, State, TokenError},
};
use e2e_tests::{
    desk::{Desk, Sum},
    server::{Server, StoreKind},
    token::{Carrier, TestToken},
};
use token_client::{ClientError, enrol};

use crate::story::{PIN, provision, rules};

/// The PIN of the writers.
const BRANCH_PIN: &str = "branch 42";

/// A token, and the desk of the host it is plugged into.
struct Place {
    token: TestToken,
    desk: Desk,
}

impl Place {
    fn open(carrier: Carrier, dir: &Path, server: &Server) -> Self {
        std::fs::create_dir_all(dir).expect("a folder");
        let token = TestToken::start_in_ceremony_mode(carrier, dir);
        let desk = Desk::new(token.client(), server.api.clone());
        Self { token, desk }
    }

    /// Loses its power, if it can, and comes back, without the button held.
    fn power_cut(&mut self, pin: &str) {
        if self.token.can_restart() {
            self.token.restart();
            self.desk.token = self.token.client();
            assert_eq!(self.desk.token.info().state, State::Locked);
            self.desk.token.unlock(pin).expect("it unlocks");
        }
    }
}

/// What the test alone knows: amounts by account.
#[derive(Default)]
struct Expected([i64; 3]);

fn refusal<R: std::fmt::Debug>(answer: Result<R, ClientError>) -> TokenError {
    match answer {
        Err(ClientError::Token(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

fn story(carrier: Carrier, kind: &StoreKind, dir: &Path) {
    let server = Server::start(kind);
    let place = |name: &str| Place::open(carrier, &dir.join(name), &server);
    let (mut treasury, mut north, mut south) = (place("treasury"), place("north"), place("south"));
    provision(&mut treasury.desk);
    let savings = rules("savings");
    let book = treasury.desk.create_book(&savings);

    for (branch, name) in [(&mut north, "north"), (&mut south, "south")] {
        let (chief, joining) = (&mut treasury.desk.token, &mut branch.desk.token);
        let id = enrol(chief, joining, name, BRANCH_PIN, |_| {}).expect("it is enrolled");
        joining.hello().expect("it says who it is now");
        assert_eq!(branch.desk.writer(), id);
        give(&mut treasury, branch, book);
    }
    let accounts = ["alice-1x", "bobby-2x", "carol-3x"];
    let accounts = accounts.map(|nid| treasury.desk.open_account(book, nid));
    assert_eq!(north.desk.open_account(book, "ALICE 1X"), accounts[0]);

    let mut expected = Expected::default();
    let round = |expected: &mut Expected, places: &mut [&mut Place], entries: usize| {
        for i in 0..entries {
            let minor = i64::try_from(i * 7919 % 1009).expect("small") - 300;
            let account = (i * i + i / 3) % 3;
            places[i % places.len()]
                .desk
                .post(book, accounts[account], minor);
            expected.0[account] += minor;
        }
    };
    round(
        &mut expected,
        &mut [&mut treasury, &mut north, &mut south],
        24,
    );
    north.power_cut(BRANCH_PIN);
    south.power_cut(BRANCH_PIN);
    treasury.power_cut(PIN);
    round(
        &mut expected,
        &mut [&mut south, &mut treasury, &mut north],
        24,
    );
    check(
        &mut treasury,
        [&mut north, &mut south],
        book,
        accounts,
        &expected,
    );
    what_a_server_may_try(&mut treasury, book);
    what_a_writer_may_not_do(&mut north, book);
    a_later_book(&mut treasury, &mut south);
    revoked(&mut treasury, &mut south, book, accounts[0]);
}

fn give(treasury: &mut Place, branch: &mut Place, book: BookId) {
    let grant = treasury.desk.token.grant_book(book, branch.desk.writer());
    let grant = grant.expect("the treasury vouches for it");
    let taken = branch.desk.token.take_book(&grant).expect("a book");
    assert_eq!((taken.id, taken.next_seq), (book, 0));
    let keys = [treasury, branch].map(|place| place.desk.token.public_key(book).expect("a key"));
    assert_eq!(keys[0], keys[1]);
}

/// Everybody cuts; the total and every balance run over all three chains.
fn check(
    treasury: &mut Place,
    branches: [&mut Place; 2],
    book: BookId,
    accounts: [Handle; 3],
    expected: &Expected,
) {
    for branch in branches {
        branch.desk.cut(book);
    }
    let (minor, statement) = treasury.desk.open_total(book);
    assert_eq!(minor, expected.0.iter().sum::<i64>());
    assert_eq!(statement.count, 48);
    let document = treasury
        .desk
        .statement_document(&rules("savings"), &statement, minor);
    assert!(
        matches!(&document.scope, host_api::Scope::Total { ranges } if ranges.len() == 3),
        "{:?}",
        document.scope
    );
    let path = format!("/v1/books/{book}/statements");
    let posted = treasury.desk.api.post(&path, &document);
    posted.expect("the statement verifies");
    for (account, minor) in accounts.into_iter().zip(expected.0) {
        assert_eq!(treasury.desk.balance(book, account).last.len(), 3);
        assert_eq!(treasury.desk.open_balance(book, account), minor);
    }
}

/// The sum of three chains is no sum of two, nor of one chain under another's name.
fn what_a_server_may_try(treasury: &mut Place, book: BookId) {
    let sum = treasury.desk.total(book);
    let mut refuse = |ranges: &[Range], sum: &Sum| {
        let answer = treasury
            .desk
            .token
            .release_total(book, ranges, sum.elements());
        assert_eq!(refusal(answer), TokenError::ClaimRefused);
    };
    for left_out in 0..3 {
        let mut ranges = sum.ranges.clone();
        ranges.remove(left_out);
        refuse(&ranges, &sum);
    }
    let mut swapped = sum.ranges.clone();
    (swapped[0].to, swapped[1].to) = (swapped[1].to, swapped[0].to);
    refuse(&swapped, &sum);
}

/// A writer has no secret key of any book, and does not begin to look at a claim.
fn what_a_writer_may_not_do(branch: &mut Place, book: BookId) {
    let sum = branch.desk.total(book);
    let token = &mut branch.desk.token;
    let answer = token.release_total(book, &sum.ranges, sum.elements());
    assert_eq!(refusal(answer), TokenError::WrongRole);
    let answer = token.create_book(&rules("its own").as_rules());
    assert_eq!(refusal(answer), TokenError::WrongRole);
    let nobody = token.info().writer.expect("it is a writer");
    assert_eq!(
        refusal(token.grant_book(book, nobody)),
        TokenError::WrongRole
    );
}

/// A book that is granted long after the enrolment, without ceremony; only to whom it is for.
fn a_later_book(treasury: &mut Place, branch: &mut Place) {
    let loans = rules("loans");
    let book = treasury.desk.create_book(&loans);
    assert_eq!(
        refusal(branch.desk.token.public_key(book)),
        TokenError::UnknownBook
    );
    let grant = treasury.desk.token.grant_book(book, branch.desk.writer());
    let mut forged = grant.expect("the treasury vouches for it");
    forged.public_key = branch
        .desk
        .token
        .public_key(rules("savings").as_rules().id())
        .expect("a key")
        .try_into()
        .expect("32 bytes");
    let answer = branch.desk.token.take_book(&forged);
    assert_eq!(refusal(answer), TokenError::GrantRefused);
    give(treasury, branch, book);
    let account = branch.desk.open_account(book, "alice-1x");
    for minor in 1..=8 {
        branch.desk.post(book, account, minor);
    }
    branch.desk.cut(book);
    assert_eq!(treasury.desk.open_total(book).0, 36);
}

/// What a writer posts after it was revoked counts in nothing.
fn revoked(treasury: &mut Place, branch: &mut Place, book: BookId, account: Handle) {
    if treasury.token.can_restart() {
        treasury.token.restart_in_ceremony_mode();
        treasury.desk.token = treasury.token.client();
        treasury.desk.token.unlock(PIN).expect("it unlocks");
    }
    let (id, end) = (branch.desk.writer(), branch.desk.head(book));
    let before = treasury.desk.total(book);
    let token = &mut treasury.desk.token;
    let index = (0..)
        .find(|index| {
            let listed = token.book(*index).expect("an answer");
            listed.expect("the book is listed").id == book
        })
        .expect("a place");
    token
        .revoke_writer(id, &[Closing { index, end }])
        .expect("it is revoked");
    // Not listed among the closings: nothing of it counts in the other book.
    let loans = rules("loans").as_rules().id();
    let sum = treasury.desk.total(loans);
    let token = &mut treasury.desk.token;
    let answer = token.release_total(loans, &sum.ranges, sum.elements());
    assert_eq!(refusal(answer), TokenError::ClaimRefused);

    let posts = vec![(account, 1_i64); 8];
    for (account, minor) in posts {
        branch.desk.post(book, account, minor);
    }
    branch.desk.cut(book);
    let (after, balance) = (
        treasury.desk.total(book),
        treasury.desk.balance(book, account),
    );
    assert_eq!(after.count, before.count + 8);
    let token = &mut treasury.desk.token;
    let answer = token.release_total(book, &after.ranges, after.elements());
    assert_eq!(refusal(answer), TokenError::ClaimRefused);
    let answer = token.release_balance(book, account, &balance.last, balance.elements());
    assert_eq!(refusal(answer), TokenError::ClaimRefused);
    let answer = token.release_total(book, &before.ranges, before.elements());
    assert_eq!(answer.expect("up to there it counts").count, before.count);
}

#[test]
fn in_process_on_memory() {
    let dir = tempfile::tempdir().expect("a folder");
    story(Carrier::InProcess, &StoreKind::Memory, dir.path());
}

fn on_redb(carrier: Carrier) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("ledger.redb");
    story(carrier, &StoreKind::Redb(file), dir.path());
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
#[test]
fn in_process_on_mongo() {
    let dir = tempfile::tempdir().expect("a folder");
    let database = e2e_tests::mongod::Database::fresh();
    let store = StoreKind::Mongo(database.uri());
    story(Carrier::InProcess, &store, dir.path());
}
