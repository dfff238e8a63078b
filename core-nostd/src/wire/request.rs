//! What a host asks of a token.

use core::fmt;

use heapless::Vec;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{BATCH_LEN_MAX, PerWriter, response::Policy};
use crate::{
    book::{BookKind, BookRules},
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle, WriterId},
    tag::{LastPosition, Range},
};

/// A request. Byte slices borrow from the frame.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Request<'a> {
    /// Begins a session with the nonce in the frame's header. Always allowed. → `Hello`
    Hello,
    /// Makes a root seed, with presence. → `Done`
    Provision {
        /// The PIN that seals it: 6 to 16 characters.
        pin: &'a str,
        /// What this token may open.
        policy: Policy,
    },
    /// Opens the sealed secrets. → `Done`
    Unlock {
        /// The PIN.
        pin: &'a str,
    },
    /// Wipes the secrets from memory. → `Done`
    Lock,
    /// Seals the secrets under another PIN. → `Done`
    ChangePin {
        /// The PIN so far.
        old: &'a str,
        /// The new PIN.
        new: &'a str,
    },
    /// Erases everything, with presence, in ceremony mode. → `Done`
    Wipe,
    /// The public key of a book. → `PublicKey`
    PublicKey {
        /// The book.
        book: BookId,
    },
    /// Adds a book. → `Book`
    CreateBook {
        /// Its rules.
        rules: Rules<'a>,
    },
    /// The book at a place in the token's list, from 0. → `Book`, or `NoBook` after the last.
    Book {
        /// The place.
        index: u8,
    },
    /// The handle and sealed box of a NID in a book. → `Handle`
    Handle {
        /// The book.
        book: BookId,
        /// The NID as typed.
        nid: &'a str,
    },
    /// Signs one entry. → `Posted`
    Post {
        /// The book.
        book: BookId,
        /// The position the host believes is next.
        expected_seq: u64,
        /// The entry.
        posting: Posting,
    },
    /// Signs several entries of consecutive positions, all or none. → `Posted`
    PostBatch {
        /// The book.
        book: BookId,
        /// The position the host believes is next.
        expected_seq: u64,
        /// The entries in order. Where an account occurs twice, the token links them itself.
        postings: Vec<Posting, BATCH_LEN_MAX>,
    },
    /// The last answer to a posting, byte for byte. → `Posted`
    LastEntry {
        /// The book.
        book: BookId,
    },
    /// Cuts the chain of this token. → `Cut`
    Cut {
        /// The book.
        book: BookId,
    },
    /// Opens a total, with presence. → `Statement`
    ReleaseTotal {
        /// The book.
        book: BookId,
        /// For each writer, strictly ascending, what the sum covers.
        ranges: PerWriter<Range>,
        /// `Σc1`.
        c1: &'a [u8],
        /// `Σc2`.
        c2: &'a [u8],
        /// `Σtag`.
        tag: &'a [u8],
    },
    /// Opens the balance of one account, with presence. → `Statement`
    ReleaseBalance {
        /// The book.
        book: BookId,
        /// The account.
        account: Handle,
        /// For each writer, strictly ascending, the account's last position.
        last: PerWriter<LastPosition>,
        /// `Σc1`.
        c1: &'a [u8],
        /// `Σc2`.
        c2: &'a [u8],
        /// `Σaccount_tag`.
        account_tag: &'a [u8],
    },
    /// Opens a sum of an open book, which nothing verifies, with presence. → `Statement`
    ReleaseOpen {
        /// The book.
        book: BookId,
        /// Number of entries, on the host's word.
        count: u64,
        /// `Σc1`.
        c1: &'a [u8],
        /// `Σc2`.
        c2: &'a [u8],
    },
    /// Checks and shows the amount of the last statement. → `Done`
    ConfirmDecode {
        /// Its number.
        number: u64,
        /// The amount in minor units.
        minor: i64,
    },
    /// The last statement, byte for byte. → `Statement`
    LastStatement,
    /// Ends the wait for presence. Has no answer of its own: the waiting request is answered.
    Cancel,
    /// Adds an open book whose secret key was made elsewhere, with presence. → `Book`
    ///
    /// The key is this book's alone. It does not come from the root seed, so no backup of the seed
    /// brings it back.
    ImportBook {
        /// Its rules.
        rules: Rules<'a>,
        /// The canonical encoding of the key `x`, `0 < x < q`: as long as an element of the
        /// suite, big-endian in the finite-field suites.
        x: &'a [u8],
    },
    /// What `Info` has no room for. Always allowed. → `Status`
    Status,
    /// Changes what this token may open, with presence, in ceremony mode. → `Done`
    SetPolicy {
        /// What it may open from now on.
        policy: Policy,
    },
    /// Retires the chains of this token and goes on under a new writer identifier, with presence,
    /// in ceremony mode. → `Done`
    NewWriter,
    /// Makes shares of the root seed, with presence, in ceremony mode. Each time they are others,
    /// and none is stored. → `Shares`
    Backup {
        /// How many of them bring the seed back.
        threshold: u8,
        /// How many are made.
        shares: u8,
    },
    /// Makes a treasury of an empty token from shares of a root seed, with presence, in ceremony
    /// mode. It gets a writer identifier of its own. → `Done`
    Restore {
        /// The PIN that seals it: 6 to 16 characters.
        pin: &'a str,
        /// What this token may open.
        policy: Policy,
        /// The shares, as in `Shares`: as many as are needed, in any order, at most
        /// [`SHARES_MAX`](crate::backup::SHARES_MAX), without a passphrase and with an exponent of
        /// at most [`super::ITERATION_EXPONENT_MAX`].
        shares: &'a [u8],
    },
    /// The audit log from event number `from` on, as much as fits. → `AuditLog`
    AuditLog {
        /// Number of the first event, from 0.
        from: u64,
    },
    /// Frees the room of events that were read. → `Done`
    AuditAcknowledge {
        /// Number of events up to which the log was read.
        through: u64,
        /// The hash of the chain there, which only a reader knows.
        hash: [u8; 32],
    },
    /// Treasury: begins an enrolment, with presence, in ceremony mode. → `EnrolOffer`
    EnrolOffer,
    /// Empty token: answers an offer, in ceremony mode. → `EnrolJoin`
    EnrolJoin {
        /// What the treasury offered.
        commitment: [u8; 32],
    },
    /// Treasury: takes the answer. → `EnrolReveal`
    EnrolReveal {
        /// The identifier that the writer made for itself.
        writer: WriterId,
        /// The writer's half of the exchange.
        point: [u8; 32],
    },
    /// Empty token: takes the treasury's half, shows the code and waits for a press. → `Done`
    EnrolConfirm {
        /// The treasury's half, as it was committed to.
        point: [u8; 32],
    },
    /// Treasury: shows the code and waits for a press, then lists the writer. → `EnrolGrant`
    EnrolGrant {
        /// What people call the writer: 1 to [`super::WRITER_NAME_LEN_MAX`] bytes.
        name: &'a str,
    },
    /// Empty token: becomes the writer. → `Done`
    EnrolFinish {
        /// The PIN that seals what it was granted: 6 to 16 characters.
        pin: &'a str,
        /// What the treasury granted.
        sealed: &'a [u8],
    },
    /// Treasury: a book for a writer on its list. → `BookGrant`
    GrantBook {
        /// The book.
        book: BookId,
        /// The writer.
        writer: WriterId,
    },
    /// Writer: takes a book that was granted. → `Book`
    TakeBook {
        /// Its rules.
        rules: Rules<'a>,
        /// Its public key.
        public_key: [u8; 32],
        /// As in `BookGrant`.
        mac: [u8; 32],
    },
    /// Treasury: the writer at a place of its list, from 0. → `Writer`, or `NoWriter` after the
    /// last.
    Writer {
        /// The place.
        index: u8,
    },
    /// Treasury: lists a writer without an enrolment, as after a restore, with presence, in
    /// ceremony mode. → `Done`
    AdmitWriter {
        /// The writer.
        writer: WriterId,
        /// What people call it: 1 to [`super::WRITER_NAME_LEN_MAX`] bytes.
        name: &'a str,
    },
    /// Treasury: closes the chains of a writer for ever, with presence, in ceremony mode. → `Done`
    RevokeWriter {
        /// The writer.
        writer: WriterId,
        /// Where its chains end: postcard encodings of [`Closing`], one after the other, places
        /// ascending. In a book that is not among them nothing of it counts.
        closings: &'a [u8],
    },
    /// The NID in a sealed box, with presence; allowed where balances are. → `Nid`
    RevealNid {
        /// The book.
        book: BookId,
        /// The account's handle.
        account: Handle,
        /// The sealed box.
        sealed_nid: &'a [u8],
    },
}

/// Where the chain of a revoked writer ends in one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The book's place in the token's list.
    pub index: u8,
    /// Entries at this position and behind it don't count.
    pub end: u64,
}

/// One amount to be posted.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Zeroize)]
pub struct Posting {
    /// The account.
    #[zeroize(skip)]
    pub account: Handle,
    /// Position of the account's previous entry in this chain, as the server says.
    pub prev: Option<u64>,
    /// The amount in minor units of the book's currency.
    pub minor: i64,
}

/// The rules of a book as they travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules<'a> {
    /// [`SuiteId`] as a number.
    pub suite: u8,
    /// [`BookKind`] as a number.
    pub kind: u8,
    /// ISO 4217 code.
    pub currency: [u8; 3],
    /// Decimals of the currency.
    pub scale: u8,
    /// Largest absolute amount of one entry in minor units.
    pub cap: u64,
    /// Least number of entries between two cuts.
    pub min_entries: u32,
    /// Its name.
    pub name: &'a str,
}

impl<'a> From<&BookRules<'a>> for Rules<'a> {
    fn from(rules: &BookRules<'a>) -> Self {
        let mut currency = [0; 3];
        for (to, from) in currency.iter_mut().zip(rules.currency.code().bytes()) {
            *to = from;
        }
        Self {
            suite: rules.suite as u8,
            kind: rules.kind as u8,
            currency,
            scale: rules.currency.scale(),
            cap: rules.cap,
            min_entries: rules.min_entries,
            name: rules.name,
        }
    }
}

impl<'a> Rules<'a> {
    /// The rules, if every field is within its bounds and the currency has that scale.
    #[must_use]
    pub fn check(&self) -> Option<BookRules<'a>> {
        let currency = Currency::from_code(core::str::from_utf8(&self.currency).ok()?).ok()?;
        let rules = BookRules {
            suite: SuiteId::from_u8(self.suite)?,
            kind: [BookKind::Authenticated, BookKind::Open]
                .into_iter()
                .find(|kind| *kind as u8 == self.kind)?,
            currency,
            cap: self.cap,
            min_entries: self.min_entries,
            name: self.name,
        };
        (currency.scale() == self.scale && rules.check().is_ok()).then_some(rules)
    }
}

/// Names the command only: requests carry PINs, keys, NIDs and amounts.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "Hello",
            Self::Provision { .. } => "Provision",
            Self::Unlock { .. } => "Unlock",
            Self::Lock => "Lock",
            Self::ChangePin { .. } => "ChangePin",
            Self::Wipe => "Wipe",
            Self::PublicKey { .. } => "PublicKey",
            Self::CreateBook { .. } => "CreateBook",
            Self::Book { .. } => "Book",
            Self::Handle { .. } => "Handle",
            Self::Post { .. } => "Post",
            Self::PostBatch { .. } => "PostBatch",
            Self::LastEntry { .. } => "LastEntry",
            Self::Cut { .. } => "Cut",
            Self::ReleaseTotal { .. } => "ReleaseTotal",
            Self::ReleaseBalance { .. } => "ReleaseBalance",
            Self::ReleaseOpen { .. } => "ReleaseOpen",
            Self::ConfirmDecode { .. } => "ConfirmDecode",
            Self::LastStatement => "LastStatement",
            Self::Cancel => "Cancel",
            Self::ImportBook { .. } => "ImportBook",
            Self::Status => "Status",
            Self::SetPolicy { .. } => "SetPolicy",
            Self::NewWriter => "NewWriter",
            Self::Backup { .. } => "Backup",
            Self::Restore { .. } => "Restore",
            Self::AuditLog { .. } => "AuditLog",
            Self::AuditAcknowledge { .. } => "AuditAcknowledge",
            Self::EnrolOffer => "EnrolOffer",
            Self::EnrolJoin { .. } => "EnrolJoin",
            Self::EnrolReveal { .. } => "EnrolReveal",
            Self::EnrolConfirm { .. } => "EnrolConfirm",
            Self::EnrolGrant { .. } => "EnrolGrant",
            Self::EnrolFinish { .. } => "EnrolFinish",
            Self::GrantBook { .. } => "GrantBook",
            Self::TakeBook { .. } => "TakeBook",
            Self::Writer { .. } => "Writer",
            Self::AdmitWriter { .. } => "AdmitWriter",
            Self::RevokeWriter { .. } => "RevokeWriter",
            Self::RevealNid { .. } => "RevealNid",
        })
    }
}
