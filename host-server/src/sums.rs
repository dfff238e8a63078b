//! Sums, derived from the log: the log is the truth.
//!
//! A sum is of exactly the entries it names: positions are fixed first and then read, and a
//! position that can't be read is an error, never a smaller sum.
//!
//! Let `P(n)` be the sum of a chain's first `n` entries. Every [`CHECKPOINT_EVERY`] entries `P` is
//! kept in the store as a checkpoint; nobody ever changes one, since the entries below it never
//! change, and whoever derives it again finds the same. So a range of a chain, `P(to) − P(from)`,
//! costs at most twice that many additions however long the chain is, and less if `P` was asked for
//! nearby lately: such sums are remembered as group elements. An account's sum is kept, too, and
//! moved on by compare-and-set once [`ACCOUNT_TAIL`] entries have followed it; its balance is that
//! sum and the entries after it.
//!
//! Checkpoints are made in the background as chains grow (`sums/folder.rs`), and by whoever reads
//! past where there should be one. Nothing depends on when: a server that was killed, a second
//! server on the same store, and a checkpoint that was never written all give the same sums.

use std::{num::NonZero, sync::Arc, thread};

use core_nostd::{
    book::BookKind,
    ciphersuite::SuiteId,
    error::DecodeError,
    ids::{BookId, Handle, WriterId},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinError;

use self::{
    cache::{Cache, Prefix},
    folder::Folder,
};
use crate::{
    events::{Event, Events},
    ledger::{AccountSum, Book, Checkpoint, Stored, Summand},
    store::{Store, StoreError},
};

mod cache;
mod folder;
mod sum;

pub(crate) use self::sum::Sum;

/// Entries between two checkpoints of a chain. A chain of `n` entries has about 150 · n / 512
/// bytes of them.
pub const CHECKPOINT_EVERY: u64 = 512;
/// So many entries follow an account's kept sum before it is moved on.
pub const ACCOUNT_TAIL: usize = 64;
/// So many checkpoints are written at a time.
const CHECKPOINTS_LEN_MAX: usize = 64;

/// Why there is no sum.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SumError {
    /// The store failed, or contradicts itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread that decoded entries died.
    #[error("decoding entries failed: {0}")]
    Task(#[from] JoinError),
}

/// The entries `from … to − 1` of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The writer.
    pub writer: WriterId,
    /// Position of the first entry.
    pub from: u64,
    /// Position after the last entry.
    pub to: u64,
}

/// The sum of an account's whole history, as one snapshot of the store had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceSum {
    /// The sum.
    pub sum: Summand,
    /// For each writer that has entries of the account, ascending, its last position.
    pub last: Vec<(WriterId, u64)>,
    /// Number of entries.
    pub count: u64,
}

/// What is summed: which book, and how its elements are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    /// The book.
    pub book: BookId,
    /// Its suite.
    pub suite: SuiteId,
    /// Whether its entries have tags.
    pub is_tagged: bool,
}

impl From<&Book> for Of {
    fn from(book: &Book) -> Self {
        Self {
            book: book.id(),
            suite: book.suite,
            is_tagged: book.kind == BookKind::Authenticated,
        }
    }
}

/// The sums of a store.
pub struct Sums<S> {
    store: Arc<S>,
    cache: Cache,
    folder: Folder,
    events: Events,
}

impl<S: Store> Sums<S> {
    /// The sums of this store.
    pub fn new(store: Arc<S>) -> Self {
        Self {
            store,
            cache: Cache::default(),
            folder: Folder::new(),
            events: Events::default(),
        }
    }

    /// The store.
    pub fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// What happens to the store, for those who watch.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// `Σ rows`, all with a tag or all without; `None` if there are none.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a row can't be decoded.
    pub async fn add_up(&self, of: Of, rows: Vec<Summand>) -> Result<Option<Summand>, SumError> {
        match rows.is_empty() {
            true => Ok(None),
            false => Ok(Some(add_up(of, rows).await?.to_summand())),
        }
    }

    /// Says that these consecutive entries of a chain are stored: what keeps sums has work, sooner
    /// or later.
    pub fn has_grown(&self, of: Of, entries: &[Stored]) {
        self.folder.has_grown(of, entries);
        if let Some(last) = entries.last() {
            self.events
                .tell(Event::Entries(of.book, last.writer, last.seq + 1));
        }
    }

    /// Says that a chain of an open book has so many entries more, and ends before `to`.
    pub fn has_grown_to(&self, of: Of, writer: &WriterId, by: u64, to: u64) {
        self.folder.chain_has_grown(of, writer, by, to);
        self.events.tell(Event::Entries(of.book, *writer, to));
    }

    /// Keeps sums as chains grow, until the server ends. The first call does the work.
    pub async fn fold(&self) {
        self.folder.run(self).await;
    }

    /// The sum of exactly the entries in `spans`, with the tags for totals; `None` if there are
    /// none.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if one of them is missing or can't be decoded.
    pub async fn total(&self, of: Of, spans: &[Span]) -> Result<Option<Summand>, SumError> {
        let mut total: Option<Arc<Sum>> = None;
        for Span { writer, from, to } in spans.iter().filter(|span| span.from < span.to) {
            let end = self.prefix(of, writer, *to).await?;
            let sum = match from {
                0 => end,
                from => Arc::new(end.minus(&*self.prefix(of, writer, *from).await?)),
            };
            total = Some(match total {
                Some(total) => Arc::new(total.plus(&sum)),
                None => sum,
            });
        }
        Ok(total.map(|total| total.to_summand()))
    }

    /// The sum of an account's history, with the tags for balances; `None` if it has no entries.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if an entry or the kept sum can't be decoded.
    pub async fn balance(&self, of: Of, account: &Handle) -> Result<Option<BalanceSum>, SumError> {
        let kept = self.store.account_sum(&of.book, account).await?;
        let after = kept.as_ref().map_or([].as_slice(), |kept| &kept.last);
        let tail = self.store.account_entries(&of.book, account, after).await?;
        let old_count = kept.as_ref().map_or(0, |kept| kept.count);
        let mut last = after.to_vec();
        move_on(&mut last, &tail);
        let is_long = tail.len() >= ACCOUNT_TAIL;
        let count = old_count + tail.len() as u64;
        let rows = kept.into_iter().map(|kept| kept.sum);
        let rows: Vec<_> = rows
            .chain(tail.into_iter().map(Stored::for_balance))
            .collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let sum = add_up(of, rows).await?.to_summand();
        if is_long {
            let new = AccountSum {
                book: of.book,
                account: *account,
                count,
                last: last.clone(),
                sum: sum.clone(),
            };
            // Whoever is quicker; the next to read it moves it on again.
            self.store.move_account_sum(old_count, &new).await?;
        }
        Ok(Some(BalanceSum { sum, last, count }))
    }

    /// `P(to)` of a chain. Keeps the checkpoints that it passes.
    async fn prefix(&self, of: Of, writer: &WriterId, to: u64) -> Result<Arc<Sum>, SumError> {
        let chain = (of.book, *writer);
        let known = self.cache.get(&chain, to);
        let known = match known {
            Some(known) if to - known.through < CHECKPOINT_EVERY => Some(known),
            known => self.kept(of, writer, to).await?.or(known),
        };
        let start = match known {
            Some(known) => known,
            None => Prefix {
                through: 0,
                sum: Arc::new(Sum::of(of.suite, of.is_tagged, &[]).map_err(unfit)?),
            },
        };
        if start.through == to {
            return Ok(start.sum);
        }
        let sum = self.walk(of, writer, start, to).await?;
        let prefix = Prefix {
            through: to,
            sum: sum.clone(),
        };
        self.cache.put(chain, prefix);
        Ok(sum)
    }

    /// The last checkpoint up to a position.
    async fn kept(&self, of: Of, writer: &WriterId, to: u64) -> Result<Option<Prefix>, SumError> {
        let kept = self.store.last_checkpoint(&of.book, writer, to).await?;
        let Some(Checkpoint { through, sum, .. }) = kept else {
            return Ok(None);
        };
        let sum = Sum::of(of.suite, of.is_tagged, &[sum]).map_err(unfit)?;
        Ok(Some(Prefix {
            through,
            sum: Arc::new(sum),
        }))
    }

    /// `P(to)` from an earlier `P`: pages between checkpoints are read and added up on as many
    /// threads as there are cores, then put together in their order.
    async fn walk(
        &self,
        of: Of,
        writer: &WriterId,
        start: Prefix,
        to: u64,
    ) -> Result<Arc<Sum>, SumError> {
        let next_end = |from: u64| (from / CHECKPOINT_EVERY + 1) * CHECKPOINT_EVERY;
        let mut from = start.through;
        let pages = std::iter::from_fn(|| {
            let page = (from < to).then(|| (from, next_end(from).min(to)))?;
            from = page.1;
            Some(page)
        });
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let mut sums = stream::iter(pages)
            .map(|(from, to)| async move {
                let rows = self.page(of, writer, from, to).await?;
                Ok::<_, SumError>((to, add_up(of, rows).await?))
            })
            .buffered(cores + 1);
        let mut sum = start.sum;
        let mut passed = Vec::new();
        while let Some((through, page)) = sums.try_next().await? {
            sum = Arc::new(sum.plus(&page));
            if through.is_multiple_of(CHECKPOINT_EVERY) {
                passed.push(Checkpoint {
                    book: of.book,
                    writer: *writer,
                    through,
                    sum: sum.to_summand(),
                });
            }
            if passed.len() >= CHECKPOINTS_LEN_MAX {
                self.keep(&passed).await?;
                passed.clear();
            }
        }
        if !passed.is_empty() {
            self.keep(&passed).await?;
        }
        Ok(sum)
    }

    async fn keep(&self, passed: &[Checkpoint]) -> Result<(), SumError> {
        self.store.put_checkpoints(passed).await?;
        for Checkpoint {
            book,
            writer,
            through,
            ..
        } in passed
        {
            self.events
                .tell(Event::Checkpoint(*book, *writer, *through));
        }
        Ok(())
    }

    /// The entries `from … to − 1` of a chain, all of them.
    async fn page(
        &self,
        of: Of,
        writer: &WriterId,
        from: u64,
        to: u64,
    ) -> Result<Vec<Summand>, SumError> {
        let len = usize::try_from(to - from).unwrap_or(usize::MAX);
        let page = self.store.entries(&of.book, writer, from, len).await?;
        let is_there = |(entry, seq): (&Stored, u64)| (entry.writer, entry.seq) == (*writer, seq);
        if page.len() != len || !page.iter().zip(from..).all(is_there) {
            let book = of.book;
            let text = format!("chain {writer} of book {book} can't be read from {from} to {to}");
            return Err(StoreError::Damaged(text).into());
        }
        Ok(page.into_iter().map(Stored::for_total).collect())
    }
}

/// The last positions after some more entries, by writer, then position.
fn move_on(last: &mut Vec<(WriterId, u64)>, entries: &[Stored]) {
    for entry in entries {
        match last.binary_search_by_key(&entry.writer, |(writer, _)| *writer) {
            Ok(index) => last[index].1 = entry.seq,
            Err(index) => last.insert(index, (entry.writer, entry.seq)),
        }
    }
}

/// Adds up rows off the threads that serve requests.
async fn add_up(of: Of, rows: Vec<Summand>) -> Result<Sum, SumError> {
    let (suite, is_tagged) = (of.suite, of.is_tagged);
    let adding = move || Sum::of(suite, is_tagged, &rows);
    let sum = tokio::task::spawn_blocking(adding).await?;
    Ok(sum.map_err(unfit)?)
}

fn unfit(error: DecodeError) -> StoreError {
    StoreError::Damaged(format!("a stored element can't be decoded: {error}"))
}

#[cfg(test)]
mod tests;
