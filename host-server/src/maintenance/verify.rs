//! `host-server verify`: derives everything anew from the log and compares it with what is kept,
//! record by record; what is not as it should be is named.
//!
//! What can be found without a key: an entry that is missing, changed, put elsewhere or no longer
//! found by its account; elements that are none; a checkpoint or an account's sum that is not the
//! sum of its entries; a cut beyond the end of its chain; a statement whose proof does not verify.
//! Somebody who changes an entry and makes everything derived from it anew is not found here: the
//! tags of the entries no longer fit then, and a token refuses the sum.
//!
//! Servers may go on writing to a MongoDB meanwhile. Memory does not grow with the log.

use std::collections::HashMap;

use core_nostd::{
    book::BookKind,
    ids::{BookId, WriterId},
};
use host_api as api;

use self::{chain::Chain, segment::Segment};
use super::progress::Progress;
use crate::{
    ledger::{Book, ChainCut},
    store::{
        Result, StoreError,
        inspect::{self, Flaw, Inspect, Place},
    },
    sums::Of,
    verify,
};

mod accounts;
mod chain;
mod segment;

/// Entries read at a time.
const PAGE_LEN: usize = 4096;

/// What was looked at, and how much of it is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Books.
    pub books: u64,
    /// Accounts.
    pub accounts: u64,
    /// Entries.
    pub entries: u64,
    /// Cuts.
    pub cuts: u64,
    /// Checkpoints of chains.
    pub checkpoints: u64,
    /// Kept sums of accounts.
    pub account_sums: u64,
    /// Statements.
    pub statements: u64,
    /// Whatever is wrong.
    pub faults: u64,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            books,
            accounts,
            entries,
            cuts,
            checkpoints,
            account_sums,
            statements,
            faults,
        } = self;
        write!(
            f,
            "{books} books, {accounts} accounts, {entries} entries, {cuts} cuts, {checkpoints} \
             checkpoints, {account_sums} sums of accounts, {statements} statements; {faults} faults"
        )
    }
}

/// Looks through a whole ledger, and says each fault as it is found, a line each.
///
/// # Errors
/// Those of the store, but for damage, which is a fault.
pub async fn verify<S: Inspect>(
    store: &S,
    progress: &Progress,
    say: &mut dyn FnMut(&str),
) -> Result<Report> {
    let mut verifier = Verifier {
        store,
        progress,
        say,
        report: Report::default(),
        books: HashMap::new(),
    };
    verifier.books().await?;
    verifier.log().await?;
    verifier.indexes().await?;
    let mut books: Vec<_> = verifier.books.values().cloned().collect();
    books.sort_by_key(|book| book.id().0);
    for book in books {
        let id = book.id();
        verifier.cuts(&book, &id).await?;
        verifier.accounts(&book, &id).await?;
        verifier.statements(&book, &id).await?;
    }
    Ok(verifier.report)
}

struct Verifier<'a, S> {
    store: &'a S,
    progress: &'a Progress,
    say: &'a mut dyn FnMut(&str),
    report: Report,
    books: HashMap<BookId, Book>,
}

impl<S: Inspect> Verifier<'_, S> {
    fn fault(&mut self, text: &str) {
        self.report.faults += 1;
        (self.say)(text);
    }

    fn fault_at(&mut self, (book, writer, seq): Place, what: impl std::fmt::Display) {
        self.fault(&format!("book {book}, writer {writer}, seq {seq}: {what}"));
    }

    /// What was read; damage is a fault, and nothing was read.
    fn sound<T>(&mut self, read: Result<T>) -> Result<Option<T>> {
        match read {
            Err(StoreError::Damaged(text)) => {
                self.fault(&text);
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    async fn books(&mut self) -> Result<()> {
        let books = self.store.books().await;
        for book in self.sound(books)?.unwrap_or_default() {
            self.report.books += 1;
            self.books.insert(book.id(), book);
        }
        Ok(())
    }

    /// Every record of the log, in order, and the checkpoints beside it.
    async fn log(&mut self) -> Result<()> {
        let mut from = Some(inspect::FIRST);
        let mut chain: Option<Chain> = None;
        while let Some(place) = from {
            let page = self.store.scan(place, PAGE_LEN).await?;
            from = page.last().and_then(|last| inspect::next(last.place));
            self.report.entries += page.len() as u64;
            self.progress.add(page.len() as u64);
            let of = |book: &BookId| self.books.get(book).map(Of::from);
            for segment in segment::compute(Segment::cut(page, of)).await? {
                let same = chain.take_if(|chain| chain.id != segment.id);
                if let Some(ended) = same {
                    self.end(ended).await?;
                }
                let mut growing = match chain.take() {
                    Some(growing) => growing,
                    None => self.begin(segment.id),
                };
                self.extend(&mut growing, segment).await?;
                chain = Some(growing);
            }
        }
        match chain {
            Some(ended) => self.end(ended).await,
            None => Ok(()),
        }
    }

    async fn indexes(&mut self) -> Result<()> {
        for place in self.store.strays().await? {
            self.fault_at(place, Flaw::Stray);
        }
        Ok(())
    }

    async fn cuts(&mut self, book: &Book, id: &BookId) -> Result<()> {
        let cuts = self.store.cuts(id).await;
        let Some(cuts) = self.sound(cuts)? else {
            return Ok(());
        };
        // Heads after the cuts, so that every sound cut lies within its chain.
        let heads: HashMap<WriterId, u64> = self.store.heads(id).await?.into_iter().collect();
        for ChainCut {
            writer, position, ..
        } in cuts
        {
            self.report.cuts += 1;
            let head = heads.get(&writer).copied().unwrap_or(0);
            if position > head {
                let text = format!("a cut is here, but the chain ends at {head}");
                self.fault_at((*id, writer, position), text);
            } else if position == 0 || book.kind == BookKind::Open {
                self.fault_at((*id, writer, position), "no token cuts a chain here");
            }
        }
        Ok(())
    }

    async fn statements(&mut self, book: &Book, id: &BookId) -> Result<()> {
        let texts = self.store.statements(id).await;
        for text in self.sound(texts)?.unwrap_or_default() {
            self.report.statements += 1;
            let wrong = match serde_json::from_str::<api::Statement>(&text) {
                Err(error) => Some(error.to_string()),
                Ok(statement) if statement.book.book != id.to_string() => {
                    Some(format!("it is about book {}", statement.book.book))
                }
                Ok(statement) => match verify::statement(book, &statement) {
                    Err(error) => Some(format!("number {}: {error}", statement.number)),
                    Ok(()) => None,
                },
            };
            if let Some(wrong) = wrong {
                self.fault(&format!("book {id}: a statement does not verify: {wrong}"));
            }
        }
        Ok(())
    }
}
