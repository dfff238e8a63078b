//! What is stored under a key: the fields that the key does not hold. The same records are written
//! as postcard into redb and as BSON into MongoDB.
//!
//! BSON has no unsigned 64-bit numbers: they are kept as signed ones with the same bits.

use core_nostd::{
    book::BookKind,
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle, WriterId},
};
use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Intent, Result, StoreError, key};
use crate::ledger::{
    Account, AccountSum, Body, Book, ChainCut, Checkpoint, OpenEntry, Stored, Summand,
};

mod api_key;

pub use api_key::{KeyRecord, sort as sort_keys};

/// A book; its key is its identifier.
#[derive(Serialize, Deserialize)]
pub struct BookRecord {
    suite: String,
    kind: String,
    currency: String,
    cap: i64,
    min_entries: u32,
    name: String,
    #[serde(with = "serde_bytes")]
    public_key: Vec<u8>,
}

impl From<&Book> for BookRecord {
    fn from(book: &Book) -> Self {
        Self {
            suite: book.suite.name().to_owned(),
            kind: book.kind.name().to_owned(),
            currency: book.currency.code().to_owned(),
            cap: book.cap.cast_signed(),
            min_entries: book.min_entries,
            name: book.name.clone(),
            public_key: book.public_key.clone(),
        }
    }
}

impl BookRecord {
    /// The book. Fails if the rules are not those whose hash is `id`.
    pub fn into_book(self, id: &BookId) -> Result<Book> {
        let damaged = || StoreError::Damaged(format!("book {id} does not have the rules it names"));
        let book = Book {
            suite: SuiteId::from_name(&self.suite).ok_or_else(damaged)?,
            kind: BookKind::from_name(&self.kind).ok_or_else(damaged)?,
            currency: Currency::from_code(&self.currency).map_err(|_| damaged())?,
            cap: self.cap.cast_unsigned(),
            min_entries: self.min_entries,
            name: self.name,
            public_key: self.public_key,
        };
        if book.id() == *id {
            Ok(book)
        } else {
            Err(damaged())
        }
    }
}

/// An account; its key is (book, handle).
#[derive(Serialize, Deserialize)]
pub struct AccountRecord {
    #[serde(with = "serde_bytes")]
    sealed_nid: Vec<u8>,
}

impl From<&Account> for AccountRecord {
    fn from(account: &Account) -> Self {
        Self {
            sealed_nid: account.sealed_nid.clone(),
        }
    }
}

impl AccountRecord {
    /// The account.
    pub fn into_account(self, book: &BookId, handle: &Handle) -> Account {
        Account {
            book: *book,
            handle: *handle,
            sealed_nid: self.sealed_nid,
        }
    }
}

/// An entry; its key is (book, writer, seq).
#[derive(Serialize, Deserialize)]
pub struct EntryRecord {
    #[serde(with = "serde_bytes")]
    c1: Vec<u8>,
    #[serde(with = "serde_bytes")]
    c2: Vec<u8>,
    body: BodyRecord,
    arrived_ms: i64,
    /// [`EntryRecord::digest_at`] its position: what somebody changes or puts elsewhere by hand is
    /// found and named. Against those who know what they do there are the tags.
    #[serde(with = "serde_bytes")]
    digest: [u8; DIGEST_LEN],
}

const DIGEST_LEN: usize = 16;

#[derive(Serialize, Deserialize)]
enum BodyRecord {
    Authenticated {
        #[serde(with = "serde_bytes")]
        account: [u8; Handle::LEN],
        prev: Option<i64>,
        #[serde(with = "serde_bytes")]
        tag: Vec<u8>,
        #[serde(with = "serde_bytes")]
        account_tag: Vec<u8>,
    },
    Open {
        #[serde(with = "serde_bytes")]
        entry: [u8; 16],
    },
}

impl From<Stored> for EntryRecord {
    fn from(stored: Stored) -> Self {
        let place = (stored.book, stored.writer, stored.seq);
        let body = match stored.body {
            Body::Authenticated {
                account,
                prev,
                tag,
                account_tag,
            } => BodyRecord::Authenticated {
                account: account.0,
                prev: prev.map(u64::cast_signed),
                tag,
                account_tag,
            },
            Body::Open { entry } => BodyRecord::Open { entry },
        };
        let mut record = Self {
            c1: stored.c1,
            c2: stored.c2,
            body,
            arrived_ms: stored.arrived_ms.cast_signed(),
            digest: [0; DIGEST_LEN],
        };
        record.digest = record.digest_at(place);
        record
    }
}

impl EntryRecord {
    /// The entry.
    pub fn into_stored(self, (book, writer, seq): (BookId, WriterId, u64)) -> Stored {
        let body = match self.body {
            BodyRecord::Authenticated {
                account,
                prev,
                tag,
                account_tag,
            } => Body::Authenticated {
                account: Handle(account),
                prev: prev.map(i64::cast_unsigned),
                tag,
                account_tag,
            },
            BodyRecord::Open { entry } => Body::Open { entry },
        };
        let arrived_ms = self.arrived_ms.cast_unsigned();
        Stored {
            book,
            writer,
            seq,
            c1: self.c1,
            c2: self.c2,
            body,
            arrived_ms,
        }
    }

    /// The account; none in an open book.
    #[cfg(feature = "mongo")]
    pub fn account(&self) -> Option<Handle> {
        match self.body {
            BodyRecord::Authenticated { account, .. } => Some(Handle(account)),
            BodyRecord::Open { .. } => None,
        }
    }

    /// Whether it is what was written at this position.
    pub fn is_intact(&self, place: (BookId, WriterId, u64)) -> bool {
        self.digest == self.digest_at(place)
    }

    /// The first bytes of SHA-256(book ‖ writer ‖ seq ‖ the other fields as postcard).
    fn digest_at(&self, (book, writer, seq): (BookId, WriterId, u64)) -> [u8; DIGEST_LEN] {
        let (c1, c2) = (Bytes::new(&self.c1), Bytes::new(&self.c2));
        let fields = postcard::to_allocvec(&(c1, c2, &self.body, self.arrived_ms));
        let hash = Sha256::new()
            .chain_update(key::entry(&book, &writer, seq))
            .chain_update(fields.expect("postcard has a form for all of them"))
            .finalize();
        let mut digest = [0; DIGEST_LEN];
        digest.copy_from_slice(&hash[..DIGEST_LEN]);
        digest
    }

    /// Whether it has the elements of an open entry with the same identifier.
    pub fn same_elements(&self, entry: &OpenEntry) -> bool {
        (&self.c1, &self.c2) == (&entry.c1, &entry.c2)
    }
}

/// A cut; its key is (book, writer, position).
#[derive(Serialize, Deserialize)]
pub struct CutRecord {
    #[serde(with = "serde_bytes")]
    mac: [u8; 16],
    arrived_ms: i64,
}

impl From<&ChainCut> for CutRecord {
    fn from(cut: &ChainCut) -> Self {
        Self {
            mac: cut.mac,
            arrived_ms: cut.arrived_ms.cast_signed(),
        }
    }
}

impl CutRecord {
    /// The cut.
    pub fn into_cut(self, writer: WriterId, position: u64) -> ChainCut {
        ChainCut {
            writer,
            position,
            mac: self.mac,
            arrived_ms: self.arrived_ms.cast_unsigned(),
        }
    }

    /// Whether it is the same cut, whenever it arrived.
    pub fn same(&self, other: &Self) -> bool {
        self.mac == other.mac
    }
}

/// A sum.
#[derive(Serialize, Deserialize)]
struct SumRecord {
    #[serde(with = "serde_bytes")]
    c1: Vec<u8>,
    #[serde(with = "serde_bytes")]
    c2: Vec<u8>,
    #[serde(with = "serde_bytes")]
    tag: Option<Vec<u8>>,
}

impl From<&Summand> for SumRecord {
    fn from(sum: &Summand) -> Self {
        let Summand { c1, c2, tag } = sum.clone();
        Self { c1, c2, tag }
    }
}

impl From<SumRecord> for Summand {
    fn from(record: SumRecord) -> Self {
        let SumRecord { c1, c2, tag } = record;
        Self { c1, c2, tag }
    }
}

/// A checkpoint; its key is (book, writer, through).
#[derive(Serialize, Deserialize)]
pub struct CheckpointRecord {
    sum: SumRecord,
}

impl From<&Checkpoint> for CheckpointRecord {
    fn from(checkpoint: &Checkpoint) -> Self {
        let sum = SumRecord::from(&checkpoint.sum);
        Self { sum }
    }
}

impl CheckpointRecord {
    /// The checkpoint.
    pub fn into_checkpoint(self, (book, writer, through): (BookId, WriterId, u64)) -> Checkpoint {
        Checkpoint {
            book,
            writer,
            through,
            sum: self.sum.into(),
        }
    }
}

/// The sum of an account; its key is (book, handle).
#[derive(Serialize, Deserialize)]
pub struct AccountSumRecord {
    count: i64,
    last: Vec<LastRecord>,
    sum: SumRecord,
}

#[derive(Serialize, Deserialize)]
struct LastRecord {
    #[serde(with = "serde_bytes")]
    writer: [u8; WriterId::LEN],
    seq: i64,
}

impl From<&AccountSum> for AccountSumRecord {
    fn from(sum: &AccountSum) -> Self {
        let last = |(writer, seq): &(WriterId, u64)| LastRecord {
            writer: writer.0,
            seq: seq.cast_signed(),
        };
        Self {
            count: sum.count.cast_signed(),
            last: sum.last.iter().map(last).collect(),
            sum: SumRecord::from(&sum.sum),
        }
    }
}

impl AccountSumRecord {
    /// The number of entries.
    pub fn count(&self) -> u64 {
        self.count.cast_unsigned()
    }

    /// The sum.
    pub fn into_account_sum(self, book: &BookId, account: &Handle) -> AccountSum {
        let last = |last: LastRecord| (WriterId(last.writer), last.seq.cast_unsigned());
        AccountSum {
            book: *book,
            account: *account,
            count: self.count(),
            last: self.last.into_iter().map(last).collect(),
            sum: self.sum.into(),
        }
    }
}

/// An intent; its key is the idempotency key.
#[derive(Serialize, Deserialize)]
pub struct IntentRecord {
    #[serde(with = "serde_bytes")]
    book: [u8; BookId::LEN],
    #[serde(with = "serde_bytes")]
    writer: [u8; WriterId::LEN],
    expected_seq: i64,
    #[serde(with = "serde_bytes")]
    request: [u8; 32],
    begun_ms: i64,
}

impl From<&Intent> for IntentRecord {
    fn from(intent: &Intent) -> Self {
        Self {
            book: intent.book.0,
            writer: intent.writer.0,
            expected_seq: intent.expected_seq.cast_signed(),
            request: intent.request,
            begun_ms: intent.begun_ms.cast_signed(),
        }
    }
}

impl From<IntentRecord> for Intent {
    fn from(record: IntentRecord) -> Self {
        Self {
            book: BookId(record.book),
            writer: WriterId(record.writer),
            expected_seq: record.expected_seq.cast_unsigned(),
            request: record.request,
            begun_ms: record.begun_ms.cast_unsigned(),
        }
    }
}
