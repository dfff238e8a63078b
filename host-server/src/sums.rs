//! Sums, folded from the log: the log is the truth, and every sum is derived from it.
//!
//! A sum is of exactly the entries it names: positions are fixed first and then read, and a
//! position that can't be read is an error, never a smaller sum. Work is O(n) in the entries
//! summed; pages are decoded on as many threads as there are cores while the next ones are read.

use std::{num::NonZero, thread};

use core_nostd::{
    ciphersuite::{Ciphersuite, Element, SuiteId, SuiteVisitor},
    error::DecodeError,
    group::Group,
    ids::{BookId, Handle, WriterId},
};
use host_kernels::sum::sum_elements;
use tokio::task::{JoinError, JoinSet};

use crate::{
    ledger::{Body, Stored},
    store::{Store, StoreError},
};

/// Entries read and decoded at a time.
const PAGE_LEN: usize = 512;

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

/// Canonical encodings of `c1`, `c2` and, in an authenticated book, a tag: of one entry or of the
/// sum of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summand {
    /// `Σc1`.
    pub c1: Vec<u8>,
    /// `Σc2`.
    pub c2: Vec<u8>,
    /// `Σtag` or `Σaccount_tag`.
    pub tag: Option<Vec<u8>>,
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

/// The sum of exactly the entries in `spans`, with the tags for totals; `None` if there are none.
///
/// # Errors
/// [`StoreError::Damaged`] if one of them is missing or can't be decoded.
pub async fn total<S: Store>(
    store: &S,
    suite: SuiteId,
    book: &BookId,
    spans: &[Span],
) -> Result<Option<Summand>, SumError> {
    let mut folding = Folding::new(suite);
    for Span { writer, from, to } in spans {
        let mut next = *from;
        while next < *to {
            let limit = usize::try_from(to - next).map_or(PAGE_LEN, |left| left.min(PAGE_LEN));
            let page = store.entries(book, writer, next, limit).await?;
            if page.is_empty() || page.len() > limit {
                let text = format!("chain {writer} of book {book} can't be read at {next}");
                return Err(StoreError::Damaged(text).into());
            }
            for entry in &page {
                if (entry.writer, entry.seq) != (*writer, next) {
                    let text = format!("chain {writer} of book {book} has a gap at {next}");
                    return Err(StoreError::Damaged(text).into());
                }
                next += 1;
            }
            folding
                .add(page.into_iter().map(for_total).collect())
                .await?;
        }
    }
    folding.finish().await
}

/// The sum of an account's history, with the tags for balances; `None` if it has no entries.
///
/// # Errors
/// [`StoreError::Damaged`] if an entry can't be decoded.
pub async fn balance<S: Store>(
    store: &S,
    suite: SuiteId,
    book: &BookId,
    account: &Handle,
) -> Result<Option<BalanceSum>, SumError> {
    let entries = store.account_entries(book, account).await?;
    let count = entries.len() as u64;
    let mut last: Vec<(WriterId, u64)> = Vec::new();
    for entry in &entries {
        match last.last_mut() {
            Some((writer, seq)) if *writer == entry.writer => *seq = entry.seq,
            _ => last.push((entry.writer, entry.seq)),
        }
    }
    let mut folding = Folding::new(suite);
    let mut rows = entries.into_iter().map(for_balance).peekable();
    while rows.peek().is_some() {
        folding.add(rows.by_ref().take(PAGE_LEN).collect()).await?;
    }
    let sum = folding.finish().await?;
    Ok(sum.map(|sum| BalanceSum { sum, last, count }))
}

fn for_total(entry: Stored) -> Summand {
    let tag = match entry.body {
        Body::Authenticated { tag, .. } => Some(tag),
        Body::Open { .. } => None,
    };
    Summand {
        c1: entry.c1,
        c2: entry.c2,
        tag,
    }
}

fn for_balance(entry: Stored) -> Summand {
    let tag = match entry.body {
        Body::Authenticated { account_tag, .. } => Some(account_tag),
        Body::Open { .. } => None,
    };
    Summand {
        c1: entry.c1,
        c2: entry.c2,
        tag,
    }
}

/// Sums of pages that are being computed, and those that are done.
struct Folding {
    suite: SuiteId,
    running: JoinSet<Result<Summand, DecodeError>>,
    running_max: usize,
    done: Vec<Summand>,
}

impl Folding {
    fn new(suite: SuiteId) -> Self {
        Self {
            suite,
            running: JoinSet::new(),
            running_max: thread::available_parallelism().map_or(1, NonZero::get),
            done: Vec::new(),
        }
    }

    /// Begins to add up a page, first waiting for another to be done if all cores are busy.
    async fn add(&mut self, page: Vec<Summand>) -> Result<(), SumError> {
        if self.running.len() == self.running_max {
            self.wait_for_one().await?;
        }
        if self.done.len() >= PAGE_LEN {
            let page = std::mem::take(&mut self.done);
            self.start(page);
        }
        self.start(page);
        Ok(())
    }

    /// The sum of everything that was added.
    async fn finish(mut self) -> Result<Option<Summand>, SumError> {
        loop {
            while self.wait_for_one().await? {}
            match self.done.len() {
                0 | 1 => return Ok(self.done.pop()),
                _ => {
                    let page = std::mem::take(&mut self.done);
                    self.start(page);
                }
            }
        }
    }

    fn start(&mut self, page: Vec<Summand>) {
        let suite = self.suite;
        self.running
            .spawn_blocking(move || suite.dispatch(AddUp(&page)));
    }

    /// Whether there was one to wait for.
    async fn wait_for_one(&mut self) -> Result<bool, SumError> {
        let Some(joined) = self.running.join_next().await else {
            return Ok(false);
        };
        let sum = joined?.map_err(|error| {
            StoreError::Damaged(format!("a stored entry can't be decoded: {error}"))
        })?;
        self.done.push(sum);
        Ok(true)
    }
}

/// Adds up rows in a suite.
struct AddUp<'a>(&'a [Summand]);

impl SuiteVisitor for AddUp<'_> {
    type Output = Result<Summand, DecodeError>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let column = |get: fn(&Summand) -> Option<&[u8]>| {
            let elements: Vec<Element<S>> = self
                .0
                .iter()
                .filter_map(get)
                .map(S::Group::decode)
                .collect::<Result<_, _>>()?;
            let sum = S::Group::encode(&sum_elements::<S::Group>(&elements));
            Ok::<_, DecodeError>(sum.as_ref().to_vec())
        };
        let tagged = self.0.iter().any(|row| row.tag.is_some());
        Ok(Summand {
            c1: column(|row| Some(&row.c1))?,
            c2: column(|row| Some(&row.c2))?,
            tag: if tagged {
                Some(column(|row| row.tag.as_deref())?)
            } else {
                None
            },
        })
    }
}
