//! Moving a ledger between stores and files, in one order that all of them share.
//!
//! A source gives [`Batch`]es, a [`Sink`] takes them. A sink skips what it has and refuses what
//! contradicts it; so a move that was stopped is begun again and goes on where it was. Everything
//! that passes is hashed item by item ([`Fingerprint`]), however it was cut into batches; at the
//! end what arrived is read once more and has to have the same hash.
//!
//! Books, cuts, statements, accounts and entries are moved. What can be derived (indexes, sums) is
//! made anew, and what belongs to one server (API keys, the keys of requests under way) stays.

use core_nostd::{
    book::BookKind,
    ids::{BookId, WriterId},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    ledger::{Account, Book, ChainCut, Stored},
    maintenance::progress::Progress,
    store::{
        Store, StoreError,
        inspect::{Flaw, Found, Inspect, Place},
    },
};

pub mod file;
mod frame;
pub mod into_store;

/// Items read at a time.
const PAGE_LEN: usize = 1000;

/// Things of one kind in the order of the ledger. A book comes before what is in it, and cuts
/// before entries: what is copied while a server writes has no cut beyond the end of its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// A book.
    Book(Book),
    /// Cuts of a book.
    Cuts(BookId, Vec<ChainCut>),
    /// Statements of a book.
    Statements(BookId, Vec<String>),
    /// Accounts.
    Accounts(Vec<Account>),
    /// Consecutive entries of one chain.
    Entries(Vec<Stored>),
}

/// Why a ledger was not moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file can't be read or written.
    #[error("{0}")]
    File(String),
    /// What is there already is not what is to be put there, or arrived otherwise.
    #[error("{0}")]
    Differs(String),
}

/// A result of a move.
pub type Result<T> = std::result::Result<T, TransferError>;

/// Takes what a source gives.
pub trait Sink {
    /// Takes a batch; when this returns, the sink may have it only in memory.
    ///
    /// # Errors
    /// [`TransferError`].
    fn put(&mut self, batch: &Batch) -> impl Future<Output = Result<()>>;
}

/// Takes everything and keeps nothing: for the fingerprint.
pub struct Nowhere;

impl Sink for Nowhere {
    async fn put(&mut self, _: &Batch) -> Result<()> {
        Ok(())
    }
}

/// Counts of a ledger, and a hash over every canonical record of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Books.
    pub books: u64,
    /// Accounts.
    pub accounts: u64,
    /// Entries.
    pub entries: u64,
    /// Cuts.
    pub cuts: u64,
    /// Statements.
    pub statements: u64,
    /// SHA-256.
    pub sha256: [u8; 32],
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            books,
            accounts,
            entries,
            cuts,
            statements,
            sha256,
        } = self;
        write!(
            f,
            "{books} books, {accounts} accounts, {entries} entries, {cuts} cuts, {statements} \
             statements; SHA-256 {}",
            hex::encode(sha256)
        )
    }
}

/// A [`Summary`] in the making.
#[derive(Default)]
pub struct Fingerprint {
    counts: Summary,
    hash: Sha256,
}

impl Fingerprint {
    /// Adds a batch.
    ///
    /// # Panics
    /// Never: every item has a form in postcard.
    pub fn add(&mut self, batch: &Batch) {
        let counts = &mut self.counts;
        let (count, len) = match batch {
            Batch::Book(_) => (&mut counts.books, 1),
            Batch::Cuts(_, cuts) => (&mut counts.cuts, cuts.len()),
            Batch::Statements(_, texts) => (&mut counts.statements, texts.len()),
            Batch::Accounts(accounts) => (&mut counts.accounts, accounts.len()),
            Batch::Entries(entries) => (&mut counts.entries, entries.len()),
        };
        *count += len as u64;
        for item in frame::items(batch) {
            self.hash.update((item.len() as u64).to_be_bytes());
            self.hash.update(item);
        }
    }

    /// What was added.
    #[must_use]
    pub fn summary(self) -> Summary {
        Summary {
            sha256: self.hash.finalize().into(),
            ..self.counts
        }
    }
}

/// Gives everything that a store has to a sink.
///
/// # Errors
/// Those of the store and the sink.
pub async fn read_store<S: Inspect>(
    store: &S,
    sink: &mut impl Sink,
    progress: &Progress,
) -> Result<Summary> {
    let mut passing = Passing {
        print: Fingerprint::default(),
        sink,
        progress,
    };
    let mut books = store.books().await?;
    books.sort_by_key(|book| book.id().0);
    for book in books {
        let id = book.id();
        passing.on(Batch::Book(book)).await?;
        for cuts in store.cuts(&id).await?.chunks(PAGE_LEN) {
            passing.on(Batch::Cuts(id, cuts.to_vec())).await?;
        }
        for texts in store.statements(&id).await?.chunks(PAGE_LEN) {
            passing.on(Batch::Statements(id, texts.to_vec())).await?;
        }
        let mut after = None;
        loop {
            let page = store.accounts(&id, after.as_ref(), PAGE_LEN).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.handle);
            passing.on(Batch::Accounts(page)).await?;
        }
        for (writer, head) in store.heads(&id).await? {
            passing.chain(store, &id, &writer, head).await?;
        }
    }
    Ok(passing.print.summary())
}

/// How many accounts and entries a store has, for a progress bar. Accounts are not counted: that
/// would take as long as to read them.
///
/// # Errors
/// Those of the store.
pub async fn len<S: Store>(store: &S) -> Result<u64> {
    let mut len = 0;
    for book in store.books().await? {
        let heads = store.heads(&book.id()).await?;
        len += heads.iter().map(|(_, head)| head).sum::<u64>();
    }
    Ok(len)
}

/// What passes from a source to a sink.
struct Passing<'a, K> {
    print: Fingerprint,
    sink: &'a mut K,
    progress: &'a Progress,
}

impl<K: Sink> Passing<'_, K> {
    async fn on(&mut self, batch: Batch) -> Result<()> {
        self.print.add(&batch);
        self.sink.put(&batch).await?;
        if let Batch::Entries(entries) = &batch {
            self.progress.add(entries.len() as u64);
        }
        Ok(())
    }

    /// The chain as it was when its head was read.
    async fn chain<S: Inspect>(
        &mut self,
        store: &S,
        book: &BookId,
        writer: &WriterId,
        head: u64,
    ) -> Result<()> {
        let mut from = 0;
        while from < head {
            let limit = usize::try_from(head - from).map_or(PAGE_LEN, |left| left.min(PAGE_LEN));
            let page = store.scan((*book, *writer, from), limit).await?;
            let mut entries = Vec::with_capacity(page.len());
            for found in page {
                entries.push(sound(found, (*book, *writer, from))?);
                from += 1;
            }
            if entries.is_empty() {
                return Err(damaged((*book, *writer, from), "the entry is missing"));
            }
            self.on(Batch::Entries(entries)).await?;
        }
        Ok(())
    }
}

/// The entry at a place, if it is as it was written: what was changed by hand is not carried on,
/// for it would look sound afterwards.
fn sound(found: Found, place: Place) -> Result<Stored> {
    match (found.entry, found.flaws.first()) {
        _ if found.place != place => Err(damaged(place, "the entry is missing")),
        (_, Some(flaw)) => Err(damaged(place, flaw)),
        (Some(entry), None) => Ok(entry),
        (None, None) => Err(damaged(place, Flaw::Unreadable)),
    }
}

fn damaged((book, writer, seq): Place, what: impl std::fmt::Display) -> TransferError {
    let text = format!("book {book}, writer {writer}, seq {seq}: {what}");
    StoreError::Damaged(text).into()
}

/// Whether entries of the book get their positions from the store.
fn is_open(book: &Book) -> bool {
    book.kind == BookKind::Open
}

#[cfg(test)]
mod tests;
