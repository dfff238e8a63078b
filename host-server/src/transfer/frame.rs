//! Batches as bytes, and the canonical bytes of each item of one.

use core_nostd::ids::{BookId, Handle, WriterId};
use serde::{Deserialize, Serialize};

use super::{Batch, Summary};
use crate::{
    ledger::{Account, ChainCut, Stored},
    store::record::{AccountRecord, BookRecord, CutRecord, EntryRecord},
};

/// What a file holds between its first line and its end, in postcard.
#[derive(Serialize, Deserialize)]
pub enum Frame {
    Book([u8; 32], BookRecord),
    Cuts([u8; 32], Vec<([u8; 16], u64, CutRecord)>),
    Statements([u8; 32], Vec<String>),
    Accounts([u8; 32], Vec<([u8; 32], AccountRecord)>),
    /// Book, writer, position of the first.
    Entries([u8; 32], [u8; 16], u64, Vec<EntryRecord>),
    /// Nothing follows.
    End(Summary),
}

impl From<&Batch> for Frame {
    fn from(batch: &Batch) -> Self {
        match batch {
            Batch::Book(book) => Self::Book(book.id().0, book.into()),
            Batch::Cuts(book, cuts) => {
                let cut = |cut: &ChainCut| (cut.writer.0, cut.position, cut.into());
                Self::Cuts(book.0, cuts.iter().map(cut).collect())
            }
            Batch::Statements(book, texts) => Self::Statements(book.0, texts.clone()),
            Batch::Accounts(accounts) => {
                let book = accounts.first().map_or([0; 32], |account| account.book.0);
                let account = |account: &Account| (account.handle.0, account.into());
                Self::Accounts(book, accounts.iter().map(account).collect())
            }
            Batch::Entries(entries) => {
                let first = entries.first();
                let place = first.map_or(([0; 32], [0; 16], 0), |first| {
                    (first.book.0, first.writer.0, first.seq)
                });
                let records = entries.iter().cloned().map(EntryRecord::from).collect();
                Self::Entries(place.0, place.1, place.2, records)
            }
        }
    }
}

/// What a frame turns out to be.
pub enum Read {
    Batch(Batch),
    End(Summary),
}

impl Frame {
    /// The batch; `None` if a record does not fit its place.
    pub fn read(self) -> Option<Read> {
        Some(Read::Batch(match self {
            Self::Book(id, record) => Batch::Book(record.into_book(&BookId(id)).ok()?),
            Self::Cuts(book, cuts) => {
                let cut = |(writer, position, record): ([u8; 16], u64, CutRecord)| {
                    record.into_cut(WriterId(writer), position)
                };
                Batch::Cuts(BookId(book), cuts.into_iter().map(cut).collect())
            }
            Self::Statements(book, texts) => Batch::Statements(BookId(book), texts),
            Self::Accounts(book, accounts) => {
                let account = |(handle, record): ([u8; 32], AccountRecord)| {
                    record.into_account(&BookId(book), &Handle(handle))
                };
                Batch::Accounts(accounts.into_iter().map(account).collect())
            }
            Self::Entries(book, writer, first, records) => {
                let entry = |(record, seq): (EntryRecord, u64)| {
                    let place = (BookId(book), WriterId(writer), seq);
                    record.is_intact(place).then(|| record.into_stored(place))
                };
                let entries = records.into_iter().zip(first..).map(entry);
                Batch::Entries(entries.collect::<Option<Vec<Stored>>>()?)
            }
            Self::End(summary) => return Some(Read::End(summary)),
        }))
    }
}

/// The canonical bytes of each item: a frame with this item alone, or the text of a statement with
/// its book.
pub fn items(batch: &Batch) -> Vec<Vec<u8>> {
    let one = |batch: Batch| to_bytes(&Frame::from(&batch));
    match batch {
        Batch::Book(_) => vec![to_bytes(&Frame::from(batch))],
        Batch::Cuts(book, cuts) => {
            let one = |cut: &ChainCut| one(Batch::Cuts(*book, vec![*cut]));
            cuts.iter().map(one).collect()
        }
        Batch::Statements(book, texts) => {
            let one = |text: &String| one(Batch::Statements(*book, vec![text.clone()]));
            texts.iter().map(one).collect()
        }
        Batch::Accounts(accounts) => {
            let one = |account: &Account| one(Batch::Accounts(vec![account.clone()]));
            accounts.iter().map(one).collect()
        }
        Batch::Entries(entries) => {
            let one = |entry: &Stored| one(Batch::Entries(vec![entry.clone()]));
            entries.iter().map(one).collect()
        }
    }
}

/// A frame in postcard.
pub fn to_bytes(frame: &Frame) -> Vec<u8> {
    postcard::to_allocvec(frame).expect("postcard has a form for all of it")
}
