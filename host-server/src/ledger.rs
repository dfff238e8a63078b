//! The words of the ledger: books, accounts, entries and cuts as the server keeps them.
//!
//! A value of these types has been checked: identifiers fit rules, elements decode. What is stored
//! is canonical bytes only.

use core_nostd::{
    book::{BookKind, BookRules},
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle, Place, WriterId},
};

/// A book: its rules and its public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// The suite.
    pub suite: SuiteId,
    /// Authenticated or open.
    pub kind: BookKind,
    /// The currency.
    pub currency: Currency,
    /// Largest absolute amount of one entry, in minor units.
    pub cap: u64,
    /// Least number of entries between two cuts.
    pub min_entries: u32,
    /// The name.
    pub name: String,
    /// The canonical encoding of `Y`.
    pub public_key: Vec<u8>,
}

impl Book {
    /// The rules, borrowed.
    #[must_use]
    pub fn rules(&self) -> BookRules<'_> {
        BookRules {
            suite: self.suite,
            kind: self.kind,
            currency: self.currency,
            cap: self.cap,
            min_entries: self.min_entries,
            name: &self.name,
        }
    }

    /// The identifier: the hash of the rules.
    #[must_use]
    pub fn id(&self) -> BookId {
        self.rules().id()
    }
}

/// An account of one book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The book.
    pub book: BookId,
    /// The handle.
    pub handle: Handle,
    /// The holder's NID, sealed by a token.
    pub sealed_nid: Vec<u8>,
}

/// An entry of an authenticated book. Elements are canonical encodings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// `c1`.
    pub c1: Vec<u8>,
    /// `c2`.
    pub c2: Vec<u8>,
    /// Tag for totals.
    pub tag: Vec<u8>,
    /// Tag for the account's balance.
    pub account_tag: Vec<u8>,
}

/// An entry of an open book, before the server has given it a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEntry {
    /// The client's own identifier of it, unique in the book.
    pub entry: [u8; 16],
    /// `c1`.
    pub c1: Vec<u8>,
    /// `c2`.
    pub c2: Vec<u8>,
}

/// What a stored record holds beside its chain and position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Of an authenticated book.
    Authenticated {
        /// The account.
        account: Handle,
        /// Position of the account's previous entry in the chain.
        prev: Option<u64>,
        /// Tag for totals.
        tag: Vec<u8>,
        /// Tag for the account's balance.
        account_tag: Vec<u8>,
    },
    /// Of an open book.
    Open {
        /// The client's identifier of the entry.
        entry: [u8; 16],
    },
}

/// An entry as stored: the primary key is (book, writer, seq).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The book.
    pub book: BookId,
    /// The writer whose chain it is.
    pub writer: WriterId,
    /// Position in the chain.
    pub seq: u64,
    /// `c1`.
    pub c1: Vec<u8>,
    /// `c2`.
    pub c2: Vec<u8>,
    /// The rest, by kind of book.
    pub body: Body,
    /// When it arrived: milliseconds since 1970, by the server's clock. A convenience, not
    /// compared.
    pub arrived_ms: u64,
}

impl Stored {
    /// The record of an entry of an authenticated book.
    #[must_use]
    pub fn new(entry: Entry, arrived_ms: u64) -> Self {
        let Entry {
            place,
            c1,
            c2,
            tag,
            account_tag,
        } = entry;
        let Place {
            book,
            writer,
            seq,
            account,
            prev,
        } = place;
        let body = Body::Authenticated {
            account,
            prev,
            tag,
            account_tag,
        };
        Self {
            book,
            writer,
            seq,
            c1,
            c2,
            body,
            arrived_ms,
        }
    }

    /// Whether two records are the same entry, whenever they arrived.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let Self {
            book,
            writer,
            seq,
            c1,
            c2,
            body,
            arrived_ms: _,
        } = self;
        (book, writer, seq) == (&other.book, &other.writer, &other.seq)
            && (c1, c2, body) == (&other.c1, &other.c2, &other.body)
    }

    /// The account; none in an open book.
    #[must_use]
    pub fn account(&self) -> Option<&Handle> {
        match &self.body {
            Body::Authenticated { account, .. } => Some(account),
            Body::Open { .. } => None,
        }
    }
}

/// A cut of one chain, as a writer's token gave it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainCut {
    /// The writer.
    pub writer: WriterId,
    /// The cut lies before the entry at this position; never 0.
    pub position: u64,
    /// The writer's MAC.
    pub mac: [u8; 16],
    /// When it arrived: milliseconds since 1970.
    pub arrived_ms: u64,
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

impl Stored {
    /// What the entry adds to a total.
    #[must_use]
    pub fn for_total(self) -> Summand {
        let tag = match self.body {
            Body::Authenticated { tag, .. } => Some(tag),
            Body::Open { .. } => None,
        };
        Summand {
            c1: self.c1,
            c2: self.c2,
            tag,
        }
    }

    /// What the entry adds to its account's balance.
    #[must_use]
    pub fn for_balance(self) -> Summand {
        let tag = match self.body {
            Body::Authenticated { account_tag, .. } => Some(account_tag),
            Body::Open { .. } => None,
        };
        Summand {
            c1: self.c1,
            c2: self.c2,
            tag,
        }
    }
}

/// The sum of the first entries of a chain, with the tags for totals: derived from the log, and the
/// same whoever derives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The book.
    pub book: BookId,
    /// The writer whose chain it is.
    pub writer: WriterId,
    /// The number of entries; they are those below this position.
    pub through: u64,
    /// Their sum.
    pub sum: Summand,
}

/// The sum of an account's entries up to a position of each chain, with the tags for balances:
/// derived from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSum {
    /// The book.
    pub book: BookId,
    /// The account.
    pub account: Handle,
    /// The number of entries.
    pub count: u64,
    /// For each writer that has entries among them, ascending, the position of its last one.
    pub last: Vec<(WriterId, u64)>,
    /// Their sum.
    pub sum: Summand,
}

/// A moment in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The latest there is.
    Latest,
    /// The number of a cut in its chain: 1, 2, 3, …; 0 is the start of the chain.
    Number(u64),
    /// The arrival of a cut: milliseconds since 1970, by the server's clock.
    Time(u64),
}
