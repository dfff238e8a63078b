//! A store as a sink: it takes what it does not have, and refuses what contradicts what it has.

use std::collections::{HashMap, HashSet};

use core_nostd::ids::{BookId, WriterId};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Batch, Result, Sink, TransferError, is_open};
use crate::{
    ledger::{Account, Body, Book, ChainCut, OpenEntry, Stored},
    store::{Appended, Put, Store},
};

/// So many single records are put at the same time: stores commit together what arrives together.
const PUTS_MAX: usize = 256;

/// A store that is being filled.
pub struct StoreSink<'a, S> {
    store: &'a S,
    /// The books seen, and whether they are open ones.
    books: HashMap<BookId, bool>,
    /// Where the chains end that were there before.
    heads: HashMap<(BookId, WriterId), u64>,
    kept: u64,
}

impl<'a, S: Store> StoreSink<'a, S> {
    /// A sink.
    pub fn new(store: &'a S) -> Self {
        Self {
            store,
            books: HashMap::new(),
            heads: HashMap::new(),
            kept: 0,
        }
    }

    /// How many entries were there before.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept
    }

    async fn book(&mut self, book: &Book) -> Result<()> {
        let id = book.id();
        if self.store.put_book(book).await? == Put::Conflict {
            let text = format!("book {id} is there with another public key");
            return Err(TransferError::Differs(text));
        }
        self.books.insert(id, is_open(book));
        for (writer, head) in self.store.heads(&id).await? {
            self.heads.insert((id, writer), head);
        }
        Ok(())
    }

    async fn cuts(&self, book: &BookId, cuts: &[ChainCut]) -> Result<()> {
        let puts = stream::iter(cuts).map(|cut| async move {
            match self.store.put_cut(book, cut).await? {
                Put::Conflict => Err(TransferError::Differs(format!(
                    "book {book}, writer {}: another cut is at {}",
                    cut.writer, cut.position
                ))),
                _ => Ok(()),
            }
        });
        puts.buffer_unordered(PUTS_MAX).try_collect().await
    }

    /// One after the other: their order is that of their arrival.
    async fn statements(&self, book: &BookId, texts: &[String]) -> Result<()> {
        let there: HashSet<_> = self.store.statements(book).await?.into_iter().collect();
        for text in texts.iter().filter(|text| !there.contains(*text)) {
            self.store.put_statement(book, text).await?;
        }
        Ok(())
    }

    async fn accounts(&self, accounts: &[Account]) -> Result<()> {
        let puts = stream::iter(accounts).map(|account| async move {
            match self.store.put_account(account).await? {
                Put::Conflict => Err(TransferError::Differs(format!(
                    "book {}: account {} is there with another sealed NID",
                    account.book, account.handle
                ))),
                _ => Ok(()),
            }
        });
        puts.buffer_unordered(PUTS_MAX).try_collect().await
    }

    async fn entries(&mut self, entries: &[Stored]) -> Result<()> {
        let Some(Stored { book, writer, .. }) = entries.first() else {
            return Ok(());
        };
        let head = self.heads.get(&(*book, *writer)).copied().unwrap_or(0);
        let new = entries.partition_point(|entry| entry.seq < head);
        self.kept += new as u64;
        let new = &entries[new..];
        match self.books.get(book) {
            Some(true) => self.open_entries(book, writer, new).await,
            Some(false) => {
                let outcomes = self.store.append(new).await?;
                let refused = |outcome: &Appended| {
                    matches!(outcome, Appended::Gap(_) | Appended::Put(Put::Conflict))
                };
                match outcomes.iter().position(refused) {
                    Some(index) => Err(other_entry(&new[index])),
                    None => Ok(()),
                }
            }
            None => Err(TransferError::Differs(format!("book {book} is missing"))),
        }
    }

    /// The store gives out positions: they have to be the same.
    async fn open_entries(&self, book: &BookId, writer: &WriterId, new: &[Stored]) -> Result<()> {
        for run in new.chunk_by(|one, next| one.arrived_ms == next.arrived_ms) {
            let open = |stored: &Stored| match stored.body {
                Body::Open { entry } => Some(OpenEntry {
                    entry,
                    c1: stored.c1.clone(),
                    c2: stored.c2.clone(),
                }),
                Body::Authenticated { .. } => None,
            };
            let entries: Option<Vec<_>> = run.iter().map(open).collect();
            let entries = entries.ok_or_else(|| other_entry(&run[0]))?;
            let arrived_ms = run[0].arrived_ms;
            let append = self.store.append_open(book, writer, &entries, arrived_ms);
            for (stored, (seq, put)) in run.iter().zip(append.await?) {
                if seq != stored.seq || put == Put::Conflict {
                    return Err(other_entry(stored));
                }
            }
        }
        Ok(())
    }
}

fn other_entry(stored: &Stored) -> TransferError {
    let Stored {
        book, writer, seq, ..
    } = stored;
    TransferError::Differs(format!(
        "book {book}, writer {writer}, seq {seq}: another entry is there, or it does not belong \
         there"
    ))
}

impl<S: Store> Sink for StoreSink<'_, S> {
    async fn put(&mut self, batch: &Batch) -> Result<()> {
        match batch {
            Batch::Book(book) => self.book(book).await,
            Batch::Cuts(book, cuts) => self.cuts(book, cuts).await,
            Batch::Statements(book, texts) => self.statements(book, texts).await,
            Batch::Accounts(accounts) => self.accounts(accounts).await,
            Batch::Entries(entries) => self.entries(entries).await,
        }
    }
}
