//! The documents, and how a range of keys is asked for.

use core_nostd::ids::{BookId, WriterId};
use mongodb::{
    ClientSession, Cursor, SessionCursor,
    bson::{Binary, DateTime, Document, doc, spec::BinarySubtype},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    ledger::Stored,
    store::{
        Result,
        inspect::Flaw,
        key::{self, AccountEntryKey, EntryKey, OpenKey, StatementKey},
        record::{EntryRecord, IntentRecord},
    },
};

/// How many documents to ask for at a time.
pub const FETCH_LEN: u32 = 1000;

/// A record under its key, whose order is that of its bytes.
#[derive(Serialize, Deserialize)]
pub struct Row<R> {
    /// The key.
    #[serde(rename = "_id", with = "serde_bytes")]
    pub id: Vec<u8>,
    /// The record.
    pub record: R,
}

/// An entry. `account`, which entries of authenticated books have, is indexed.
#[derive(Serialize, Deserialize)]
pub struct EntryDocument {
    #[serde(rename = "_id", with = "serde_bytes")]
    id: EntryKey,
    #[serde(with = "serde_bytes", default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountEntryKey>,
    record: EntryRecord,
}

impl From<Stored> for EntryDocument {
    fn from(stored: Stored) -> Self {
        let Stored {
            book, writer, seq, ..
        } = stored;
        let account = stored
            .account()
            .map(|account| key::account_entry(&book, account, &writer, seq));
        let id = key::entry(&book, &writer, seq);
        Self {
            id,
            account,
            record: stored.into(),
        }
    }
}

impl EntryDocument {
    /// The entry.
    pub fn into_stored(self) -> Stored {
        let place = self.place();
        self.record.into_stored(place)
    }

    /// What is wrong with it.
    pub fn flaws(&self) -> Vec<Flaw> {
        let place = self.place();
        let (book, writer, seq) = place;
        let account = self.record.account();
        let indexed = account.map(|account| key::account_entry(&book, &account, &writer, seq));
        let mut flaws = Vec::new();
        if !self.record.is_intact(place) {
            flaws.push(Flaw::Altered);
        }
        if self.account != indexed {
            flaws.push(Flaw::NotIndexed);
        }
        flaws
    }

    /// Its book, writer and position.
    pub fn place(&self) -> (BookId, WriterId, u64) {
        key::split_entry(&self.id)
    }
}

/// Where an entry of an open book may be, by its identifier.
#[derive(Serialize, Deserialize)]
pub struct OpenIdDocument {
    #[serde(rename = "_id", with = "serde_bytes")]
    id: OpenKey,
    at: Vec<i64>,
}

impl OpenIdDocument {
    /// That an entry may be where it is planned.
    pub fn new(stored: &Stored, id: &[u8; 16]) -> Self {
        Self {
            id: key::open(&stored.book, &stored.writer, id),
            at: vec![stored.seq.cast_signed()],
        }
    }

    /// The key and the positions.
    pub fn into_key_and_places(self) -> (OpenKey, Vec<u64>) {
        let at = self.at.into_iter().map(i64::cast_unsigned).collect();
        (self.id, at)
    }
}

/// A statement. `book` and `json` together are unique.
#[derive(Serialize, Deserialize)]
pub struct StatementDocument {
    /// The book and the statement's number in it.
    #[serde(rename = "_id", with = "serde_bytes")]
    pub id: StatementKey,
    /// The book.
    #[serde(with = "serde_bytes")]
    pub book: [u8; BookId::LEN],
    /// The statement.
    pub json: String,
}

/// An intent.
#[derive(Serialize, Deserialize)]
pub struct IntentDocument {
    /// The idempotency key.
    #[serde(rename = "_id")]
    pub id: String,
    /// When it was begun; MongoDB removes it some time after its life is over.
    pub begun: DateTime,
    /// The intent.
    pub record: IntentRecord,
}

/// Bytes as a value of BSON.
pub fn binary(bytes: &[u8]) -> Binary {
    Binary {
        subtype: BinarySubtype::Generic,
        bytes: bytes.to_vec(),
    }
}

/// Asks for keys from `least` to `greatest`, both included. Keys of one field have one length, and
/// MongoDB compares binary values of one length byte by byte.
pub fn range(field: &str, least: &[u8], greatest: &[u8]) -> Document {
    doc! { field: { "$gte": binary(least), "$lte": binary(greatest) } }
}

/// Everything that a cursor gives.
pub async fn collect<T: DeserializeOwned>(mut cursor: Cursor<T>) -> Result<Vec<T>> {
    let mut found = Vec::new();
    while cursor.advance().await? {
        found.push(cursor.deserialize_current()?);
    }
    Ok(found)
}

/// Everything that the cursor of a session gives.
pub async fn collect_in<T: DeserializeOwned>(
    session: &mut ClientSession,
    mut cursor: SessionCursor<T>,
) -> Result<Vec<T>> {
    let mut found = Vec::new();
    while cursor.advance(session).await? {
        found.push(cursor.deserialize_current()?);
    }
    Ok(found)
}
