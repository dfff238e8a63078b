//! What a token answers, in values that outlive the frame they came in.

use core_nostd::{
    book::{BookKind, BookRules},
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle, WriterId},
    tag::Cut,
    wire::{BookInfo, SignedEntry, Standing, StatementRecord, WriterInfo, scope::ScopeRecord},
};

/// [`BookRules`] with a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRules {
    /// The suite of its keys and ciphertexts.
    pub suite: SuiteId,
    /// Authenticated or open.
    pub kind: BookKind,
    /// The one currency of its amounts.
    pub currency: Currency,
    /// Largest absolute amount of one entry, in minor units.
    pub cap: u64,
    /// Least number of entries between two cuts.
    pub min_entries: u32,
    /// Its name.
    pub name: String,
}

impl OwnedRules {
    /// The same rules, borrowing the name.
    #[must_use]
    pub fn as_rules(&self) -> BookRules<'_> {
        BookRules {
            suite: self.suite,
            kind: self.kind,
            currency: self.currency,
            cap: self.cap,
            min_entries: self.min_entries,
            name: &self.name,
        }
    }
}

impl From<&BookRules<'_>> for OwnedRules {
    fn from(rules: &BookRules<'_>) -> Self {
        Self {
            suite: rules.suite,
            kind: rules.kind,
            currency: rules.currency,
            cap: rules.cap,
            min_entries: rules.min_entries,
            name: rules.name.to_owned(),
        }
    }
}

/// A book on the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedBook {
    /// Its identifier, which is the hash of its rules.
    pub id: BookId,
    /// Its rules.
    pub rules: OwnedRules,
    /// Next position of this token's chain in it.
    pub next_seq: u64,
    /// Position of the last cut of that chain.
    pub last_cut: u64,
}

impl OwnedBook {
    /// The book, if its rules are within their bounds and hash to its identifier.
    pub(crate) fn check(info: &BookInfo<'_>) -> Option<Self> {
        let rules = info.rules.check().filter(|rules| rules.id() == info.book)?;
        Some(Self {
            id: info.book,
            rules: OwnedRules::from(&rules),
            next_seq: info.next_seq,
            last_cut: info.last_cut,
        })
    }
}

/// The handle of a NID in one book, and the NID sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedAccount {
    /// The account's handle.
    pub handle: Handle,
    /// The NID, sealed by the token.
    pub sealed_nid: Vec<u8>,
}

/// One signed entry. Its writer and position come with the [`Posted`] it is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEntry {
    /// The account.
    pub account: Handle,
    /// Position of the account's previous entry in this chain.
    pub prev: Option<u64>,
    /// `c1`.
    pub c1: Vec<u8>,
    /// `c2`.
    pub c2: Vec<u8>,
    /// The tag for totals.
    pub tag: Vec<u8>,
    /// The tag for the account's balance.
    pub account_tag: Vec<u8>,
}

/// The answer to a posting: entries of consecutive positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The writer: the token.
    pub writer: WriterId,
    /// Position of the first entry.
    pub first_seq: u64,
    /// A cut that came due.
    pub cut: Option<Cut>,
    /// The entries in order; at least one.
    pub entries: Vec<OwnedEntry>,
}

impl Posted {
    /// Reads all of `bytes` as entries; `None` if something else is among them, or nothing.
    pub(crate) fn read(
        writer: WriterId,
        first_seq: u64,
        cut: Option<Cut>,
        mut bytes: &[u8],
    ) -> Option<Self> {
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            entries.push(OwnedEntry::from(SignedEntry::next_of(&mut bytes)?));
        }
        (!entries.is_empty()).then_some(Self {
            writer,
            first_seq,
            cut,
            entries,
        })
    }

    /// Position after the last entry.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        // Lossless: a frame holds a few entries.
        self.first_seq.saturating_add(self.entries.len() as u64)
    }
}

impl From<SignedEntry<'_>> for OwnedEntry {
    fn from(entry: SignedEntry<'_>) -> Self {
        Self {
            account: entry.account,
            prev: entry.prev,
            c1: entry.c1.to_vec(),
            c2: entry.c2.to_vec(),
            tag: entry.tag.to_vec(),
            account_tag: entry.account_tag.to_vec(),
        }
    }
}

/// A cut of the token's own chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterCut {
    /// The writer: the token.
    pub writer: WriterId,
    /// The cut.
    pub cut: Cut,
}

/// A writer on a treasury's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedWriter {
    /// Its identifier.
    pub writer: WriterId,
    /// What people call it.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
}

impl From<WriterInfo<'_>> for OwnedWriter {
    fn from(info: WriterInfo<'_>) -> Self {
        Self {
            writer: info.writer,
            name: info.name.to_owned(),
            standing: info.standing,
        }
    }
}

/// A statement as the token made it. The amount is still to be found from `d = mG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedStatement {
    /// The token's count of statements.
    pub number: u64,
    /// The book.
    pub book: BookId,
    /// Number of entries; 0 (not stated) for a balance.
    pub count: u64,
    /// Which entries.
    pub scope: ScopeRecord,
    /// `Σc1`.
    pub c1: Vec<u8>,
    /// `Σc2`.
    pub c2: Vec<u8>,
    /// `D = mG`.
    pub d: Vec<u8>,
    /// The challenge of the proof.
    pub proof_c: Vec<u8>,
    /// The response of the proof.
    pub proof_s: Vec<u8>,
}

impl From<StatementRecord<'_>> for OwnedStatement {
    fn from(record: StatementRecord<'_>) -> Self {
        Self {
            number: record.number,
            book: record.book,
            count: record.count,
            c1: record.c1.to_vec(),
            c2: record.c2.to_vec(),
            d: record.d.to_vec(),
            proof_c: record.proof_c.to_vec(),
            proof_s: record.proof_s.to_vec(),
            scope: record.scope,
        }
    }
}
