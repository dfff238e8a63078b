//! Where the ledger is kept, in the ledger's own words.
//!
//! The log of entries is the truth; every sum is derived from it. An implementation promises, and
//! `conformance` (a module of the feature of that name) checks on every one of them:
//!
//! * what is answered `Stored` or `Already` is durable, and stays so whatever crashes;
//! * a chain has no gap: the entry at `n + 1` is stored only after the one at `n`;
//! * a position holds one entry for ever: the same bytes again are `Already`, others `Conflict`;
//! * reads see everything that was acknowledged before they began.

use std::future::Future;

use core_nostd::ids::{BookId, Handle, WriterId};

use crate::{
    keys::{ApiKey, KeyId},
    ledger::{Account, AccountSum, At, Book, ChainCut, Checkpoint, OpenEntry, Stored},
};

mod chain;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod faulty;
pub mod inspect;
pub(crate) mod key;
pub mod memory;
#[cfg(feature = "mongo")]
pub mod mongo;
pub(crate) mod record;
pub mod redb;

/// What became of something put under a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Durable now.
    Stored,
    /// The same was there already.
    Already,
    /// Something else is stored under that key; nothing was changed.
    Conflict,
}

/// What became of one entry of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Durable now, or already there, or refused for other bytes at its position.
    Put(Put),
    /// The entry before it is missing; the chain's next position is this.
    Gap(u64),
}

/// Where an account stands in one chain, from one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextPlace {
    /// Next position of the chain.
    pub next_seq: u64,
    /// The account's last position in it.
    pub prev: Option<u64>,
}

/// A posting that a teller has begun, kept for [`INTENT_LIFE_MS`] so that a retry finds it. It has
/// no amount and no NID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The book.
    pub book: BookId,
    /// The writer.
    pub writer: WriterId,
    /// The position the posting was begun for.
    pub expected_seq: u64,
    /// A hash of the request, so that a key used for another request is noticed.
    pub request: [u8; 32],
    /// When it was begun: milliseconds since 1970.
    pub begun_ms: u64,
}

impl Intent {
    /// Whether it still counts at `now_ms`.
    #[must_use]
    pub fn is_alive(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.begun_ms) < INTENT_LIFE_MS
    }
}

/// How long an intent lives: 24 hours.
pub const INTENT_LIFE_MS: u64 = 24 * 60 * 60 * 1000;

/// Why a store could not do its work. Nothing that was not acknowledged can be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database can't be reached or did not answer in time.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The database has no room left.
    #[error("the store is full: {0}")]
    Full(String),
    /// What is stored contradicts what was promised: a gap, or bytes that no server wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The database belongs to a newer or unknown version of this server.
    #[error("the store has schema {found}, this server speaks {expected}")]
    Schema {
        /// What the database says.
        found: String,
        /// What this server can read.
        expected: u32,
    },
}

/// Another sum than this is kept for the same entries.
fn other_sum(new: &Checkpoint) -> StoreError {
    let Checkpoint {
        book,
        writer,
        through,
        ..
    } = new;
    StoreError::Damaged(format!(
        "book {book}, writer {writer}: the checkpoint at {through} is not the sum of the entries \
         below; `host-server verify` says more"
    ))
}

/// The schema number of everything stored.
pub const SCHEMA: u32 = 1;

/// A result of a store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A ledger store. All methods may be called from many tasks at once.
pub trait Store: Send + Sync + 'static {
    /// Adds a book under its id.
    fn put_book(&self, book: &Book) -> impl Future<Output = Result<Put>> + Send;
    /// The book of that id.
    fn book(&self, id: &BookId) -> impl Future<Output = Result<Option<Book>>> + Send;
    /// All books, by name, then id.
    fn books(&self) -> impl Future<Output = Result<Vec<Book>>> + Send;

    /// Opens an account under (book, handle).
    fn put_account(&self, account: &Account) -> impl Future<Output = Result<Put>> + Send;
    /// The account of that book and handle.
    fn account(
        &self,
        book: &BookId,
        handle: &Handle,
    ) -> impl Future<Output = Result<Option<Account>>> + Send;
    /// At most `limit` accounts of a book with handles above `after`, ascending.
    fn accounts(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Account>>> + Send;

    /// Appends entries of one chain of an authenticated book, given in ascending order without
    /// gaps. Outcomes are in the same order; from the first `Conflict` or `Gap` on, nothing is
    /// stored and every further outcome is a `Gap`.
    fn append(&self, entries: &[Stored]) -> impl Future<Output = Result<Vec<Appended>>> + Send;
    /// Appends entries of an open book to `writer`'s chain, giving out positions. An entry whose
    /// identifier is known is `Already` (or `Conflict` for other bytes) with its position; the
    /// others are stored whatever became of those before them.
    fn append_open(
        &self,
        book: &BookId,
        writer: &WriterId,
        entries: &[OpenEntry],
        arrived_ms: u64,
    ) -> impl Future<Output = Result<Vec<(u64, Put)>>> + Send;
    /// Where every chain of a book ends: (writer, next position), by writer.
    fn heads(&self, book: &BookId) -> impl Future<Output = Result<Vec<(WriterId, u64)>>> + Send;
    /// The next position of a chain and the account's last one in it, from one snapshot.
    fn next_place(
        &self,
        book: &BookId,
        writer: &WriterId,
        account: &Handle,
    ) -> impl Future<Output = Result<NextPlace>> + Send;
    /// At most `limit` entries of a chain from position `from` on, ascending. A gap is
    /// [`StoreError::Damaged`].
    fn entries(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Stored>>> + Send;
    /// All entries of an account but, for each writer in `after` (ascending), those up to that
    /// position: by writer, then position, from one snapshot.
    fn account_entries(
        &self,
        book: &BookId,
        account: &Handle,
        after: &[(WriterId, u64)],
    ) -> impl Future<Output = Result<Vec<Stored>>> + Send;

    /// Keeps a cut of a chain of `book`, under (book, writer, position).
    fn put_cut(&self, book: &BookId, cut: &ChainCut) -> impl Future<Output = Result<Put>> + Send;
    /// The cut with the highest position in a chain that is not after a moment.
    fn last_cut(
        &self,
        book: &BookId,
        writer: &WriterId,
        at: At,
    ) -> impl Future<Output = Result<Option<ChainCut>>> + Send;
    /// All cuts of a book, by writer, then position.
    fn cuts(&self, book: &BookId) -> impl Future<Output = Result<Vec<ChainCut>>> + Send;

    /// Keeps checkpoints, each under (book, writer, through). One that is there stays; if another
    /// sum is there, that is [`StoreError::Damaged`].
    fn put_checkpoints(&self, new: &[Checkpoint]) -> impl Future<Output = Result<()>> + Send;
    /// The checkpoint of a chain with the highest `through` up to `at_most`.
    fn last_checkpoint(
        &self,
        book: &BookId,
        writer: &WriterId,
        at_most: u64,
    ) -> impl Future<Output = Result<Option<Checkpoint>>> + Send;
    /// At most `limit` checkpoints of a chain with `through` from `from` on, ascending.
    fn checkpoints(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Checkpoint>>> + Send;
    /// The kept sum of an account.
    fn account_sum(
        &self,
        book: &BookId,
        account: &Handle,
    ) -> impl Future<Output = Result<Option<AccountSum>>> + Send;
    /// Keeps a sum of an account in place of the one of `old_count` entries, 0 for none. Whether it
    /// did: if another one is there, somebody else was quicker, and nothing is changed.
    fn move_account_sum(
        &self,
        old_count: u64,
        new: &AccountSum,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// At most `limit` kept sums of a book's accounts with handles above `after`, ascending.
    fn account_sums(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<AccountSum>>> + Send;
    /// Forgets every checkpoint and every account's sum of a book, so that they are made anew.
    fn forget_sums(&self, book: &BookId) -> impl Future<Output = Result<()>> + Send;

    /// Publishes a statement of a book, as JSON; the same text twice is kept once.
    fn put_statement(&self, book: &BookId, json: &str) -> impl Future<Output = Result<Put>> + Send;
    /// The published statements of a book in the order of their arrival.
    fn statements(&self, book: &BookId) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Keeps `intent` under an idempotency key unless one that is younger than
    /// [`INTENT_LIFE_MS`] is there; gives back the one that is kept.
    fn begin(&self, key: &str, intent: &Intent) -> impl Future<Output = Result<Intent>> + Send;

    /// Keeps an API key under its id.
    fn put_key(&self, key: &ApiKey) -> impl Future<Output = Result<Put>> + Send;
    /// The API key of that id, revoked or not.
    fn key(&self, id: &KeyId) -> impl Future<Output = Result<Option<ApiKey>>> + Send;
    /// All API keys, also revoked ones, in the order they were made.
    fn keys(&self) -> impl Future<Output = Result<Vec<ApiKey>>> + Send;
    /// Revokes an API key for good, and gives it back; `None` if there is none. One that was
    /// revoked before keeps its time.
    fn revoke_key(
        &self,
        id: &KeyId,
        now_ms: u64,
    ) -> impl Future<Output = Result<Option<ApiKey>>> + Send;

    /// Whether the store answers.
    fn ping(&self) -> impl Future<Output = Result<()>> + Send;
}
