//! Looking at what is stored as it is, for `host-server verify` and `rebuild`. The methods of
//! [`Store`] trust what a store has written, and answer damage with an error; these look at every
//! record of the log, and at the indexes beside it, and go on.

use std::future::Future;

use core_nostd::ids::{BookId, WriterId};

use super::{Result, Store, key};
use crate::ledger::Stored;

/// Book, writer and position.
pub type Place = (BookId, WriterId, u64);

/// The least place there can be.
pub const FIRST: Place = (BookId([0; 32]), WriterId([0; 16]), 0);

/// The least place above this one.
#[must_use]
pub fn next((book, writer, seq): Place) -> Option<Place> {
    let mut key = key::entry(&book, &writer, seq);
    for byte in key.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(key::split_entry(&key));
        }
    }
    None
}

/// A record of the log, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// The entry, if the record is one.
    pub entry: Option<Stored>,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
}

/// What may be wrong with a record of the log or with what leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Its bytes are no record.
    #[error("the record can't be read")]
    Unreadable,
    /// It is not what was written at this position: changed, or copied from elsewhere.
    #[error(
        "the entry is not the one that was stored here: it was changed, or put here from elsewhere"
    )]
    Altered,
    /// The index that finds it by its account or identifier does not name it.
    #[error("the index by account or identifier does not lead to the entry")]
    NotIndexed,
    /// An index names it, but it is not there, or it is another account's.
    #[error("an index leads here, but the entry is missing or not the one it should be")]
    Stray,
}

/// Inspection of a store, beside its daily work.
pub trait Inspect: Store {
    /// At most `limit` records of the log at or above `from`, in the order of book, writer,
    /// position; also those of books that the store does not know.
    fn scan(&self, from: Place, limit: usize) -> impl Future<Output = Result<Vec<Found>>> + Send;

    /// Places that an index leads to in vain.
    fn strays(&self) -> impl Future<Output = Result<Vec<Place>>> + Send;

    /// Makes the indexes of the log anew.
    fn reindex(&self) -> impl Future<Output = Result<()>> + Send;
}
