//! What every store has to do: the promises of [`Store`], as checks that panic where one is broken.
//!
//! Each check works in books that it makes up for itself, so all of them, and many at once, can
//! share a store, also one that has seen years of use.

use core_nostd::{
    book::BookKind,
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle, WriterId},
};

use super::{Appended, Put, Store};
use crate::ledger::{Body, Book, OpenEntry, Stored};

mod api_keys;
mod chains;
mod open;
mod races;
mod records;
mod sums;

pub use self::{
    api_keys::check_keys,
    chains::{
        check_account_entries, check_append, check_append_refusals, check_entries,
        check_extreme_values, check_heads, check_next_place,
    },
    open::{check_open_entries, check_open_identifiers_are_per_writer},
    races::{
        check_racing_appends, check_racing_equal_appends, check_racing_open_appends,
        check_racing_open_identifiers, check_racing_records, check_racing_writers,
        check_reads_are_snapshots, check_reads_see_acknowledged,
    },
    records::{
        check_accounts, check_books, check_cuts, check_intents, check_last_cut, check_ping,
        check_statements,
    },
    sums::{check_account_sums, check_checkpoints, check_forgotten_sums, check_racing_sums},
};

/// Every check, one after the other.
///
/// # Panics
/// At the first promise that `store` breaks.
pub async fn check_all<S: Store>(store: &S) {
    check_ping(store).await;
    check_books(store).await;
    check_accounts(store).await;
    check_cuts(store).await;
    check_last_cut(store).await;
    check_statements(store).await;
    check_checkpoints(store).await;
    check_account_sums(store).await;
    check_forgotten_sums(store).await;
    check_intents(store).await;
    check_keys(store).await;
    check_append(store).await;
    check_append_refusals(store).await;
    check_entries(store).await;
    check_extreme_values(store).await;
    check_heads(store).await;
    check_next_place(store).await;
    check_account_entries(store).await;
    check_open_entries(store).await;
    check_open_identifiers_are_per_writer(store).await;
    check_reads_see_acknowledged(store).await;
    check_reads_are_snapshots(store).await;
    check_racing_appends(store).await;
    check_racing_equal_appends(store).await;
    check_racing_writers(store).await;
    check_racing_open_appends(store).await;
    check_racing_open_identifiers(&[store; 4]).await;
    check_racing_records(store).await;
    check_racing_sums(store).await;
}

const STORED: Appended = Appended::Put(Put::Stored);
const ALREADY: Appended = Appended::Put(Put::Already);
const CONFLICT: Appended = Appended::Put(Put::Conflict);

/// A store error's text is what a failed check shows.
const WORKS: &str = "the store works";

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

fn some_book() -> BookId {
    BookId(random())
}

fn some_writer() -> WriterId {
    WriterId(random())
}

fn some_account() -> Handle {
    Handle(random())
}

/// A book that nobody else has: its name is random.
fn new_book(suite: SuiteId, kind: BookKind, currency: &str) -> Book {
    Book {
        suite,
        kind,
        currency: Currency::from_code(currency).expect("an active code"),
        cap: 100_000,
        min_entries: 16,
        name: format!("Dépôts {}", some_writer()),
        public_key: random::<32>().to_vec(),
    }
}

/// An entry with elements of its own.
fn entry(book: BookId, writer: WriterId, seq: u64, account: Handle, prev: Option<u64>) -> Stored {
    let element = || random::<32>().to_vec();
    let body = Body::Authenticated {
        account,
        prev,
        tag: element(),
        account_tag: element(),
    };
    Stored {
        book,
        writer,
        seq,
        c1: element(),
        c2: element(),
        body,
        arrived_ms: 1_700_000_000_000,
    }
}

/// The first `len` entries of a chain, all of one account.
fn chain(book: BookId, writer: WriterId, account: Handle, len: u64) -> Vec<Stored> {
    (0..len)
        .map(|seq| entry(book, writer, seq, account, seq.checked_sub(1)))
        .collect()
}

fn open_entry() -> OpenEntry {
    OpenEntry {
        entry: random(),
        c1: random::<32>().to_vec(),
        c2: random::<32>().to_vec(),
    }
}

/// Appends entries that must all be new.
async fn append_new<S: Store>(store: &S, entries: &[Stored]) {
    let outcomes = store.append(entries).await.expect(WORKS);
    assert_eq!(outcomes, vec![STORED; entries.len()]);
}

/// The whole chain.
async fn read_chain<S: Store>(store: &S, book: &BookId, writer: &WriterId) -> Vec<Stored> {
    store
        .entries(book, writer, 0, usize::MAX)
        .await
        .expect(WORKS)
}
