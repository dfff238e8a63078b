//! Entries in bulk: records in postcard, one after the other, each ending where the next begins.
//!
//! A record takes about half the room of its JSON. `POST …/entries` takes [`Entry`] (or
//! [`OpenEntry`]) after [`Entry`]; `GET …/entries` answers [`StoredEntry`] after [`StoredEntry`].

use serde::{Deserialize, Serialize};

/// Media type of a body of such records.
pub const MEDIA_TYPE: &str = "application/vnd.tallystick.entries";

/// One entry of an authenticated book: the fields of [`crate::Entry`], as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The writer.
    pub writer: [u8; 16],
    /// Position in the writer's chain.
    pub seq: u64,
    /// The account.
    pub account: [u8; 32],
    /// Position of the account's previous entry in the chain.
    pub prev: Option<u64>,
    /// `c1`.
    pub c1: Vec<u8>,
    /// `c2`.
    pub c2: Vec<u8>,
    /// Tag for totals.
    pub tag: Vec<u8>,
    /// Tag for the account's balance.
    pub account_tag: Vec<u8>,
}

/// One entry of an open book: the fields of [`crate::OpenEntry`], as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenEntry {
    /// The client's own identifier of the entry.
    pub entry: [u8; 16],
    /// `c1`.
    pub c1: Vec<u8>,
    /// `c2`.
    pub c2: Vec<u8>,
}

/// An entry as stored, of a book of either kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredEntry {
    /// Of an authenticated book.
    Authenticated {
        /// When it arrived: milliseconds since 1970, by the server's clock.
        arrived_ms: u64,
        /// The entry.
        entry: Entry,
    },
    /// Of an open book.
    Open {
        /// When it arrived: milliseconds since 1970, by the server's clock.
        arrived_ms: u64,
        /// The writer whose chain it is.
        writer: [u8; 16],
        /// Its position.
        seq: u64,
        /// The entry.
        entry: OpenEntry,
    },
}

impl From<Entry> for crate::Entry {
    fn from(entry: Entry) -> Self {
        Self {
            writer: hex(&entry.writer),
            seq: entry.seq,
            account: hex(&entry.account),
            prev: entry.prev,
            c1: entry.c1.into(),
            c2: entry.c2.into(),
            tag: entry.tag.into(),
            account_tag: entry.account_tag.into(),
        }
    }
}

impl From<OpenEntry> for crate::OpenEntry {
    fn from(entry: OpenEntry) -> Self {
        Self {
            entry: hex(&entry.entry),
            c1: entry.c1.into(),
            c2: entry.c2.into(),
        }
    }
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
