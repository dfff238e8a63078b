//! What a token answers.

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::AuditEvent;
use super::{PerWriter, TokenError, request::Rules, take};
use crate::{
    ids::{BookId, Handle, WriterId},
    statement::{Scope, Span},
    tag::{Cut, LastPosition},
};

/// An answer. Byte slices borrow from the frame.
#[expect(
    clippy::large_enum_variant,
    reason = "there is no heap to move a large answer to"
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Response<'a> {
    /// To `Hello`.
    Hello(Info),
    /// Done; there is nothing to say.
    Done,
    /// To `PublicKey`: the canonical encoding.
    PublicKey(&'a [u8]),
    /// To `CreateBook`, `ImportBook` and `Book`.
    Book(BookInfo<'a>),
    /// To `Book`: there is none at that place.
    NoBook,
    /// To `Handle`.
    Handle {
        /// The account's handle.
        handle: Handle,
        /// The NID, sealed ([`crate::account::SEALED_NID_LEN`] bytes).
        sealed_nid: &'a [u8],
    },
    /// To `Post`, `PostBatch` and `LastEntry`.
    Posted {
        /// The writer: this token.
        writer: WriterId,
        /// Position of the first entry.
        first_seq: u64,
        /// A cut, when so many entries were pending that one came due.
        cut: Option<Cut>,
        /// The entries, each a postcard encoding of [`SignedEntry`], one after the other.
        entries: &'a [u8],
    },
    /// To `Cut`.
    Cut {
        /// The writer: this token.
        writer: WriterId,
        /// The cut.
        cut: Cut,
    },
    /// To the releases and `LastStatement`.
    Statement(StatementRecord<'a>),
    /// Presence is awaited; the answer follows. Sent every second.
    Waiting,
    /// Refused.
    Error(TokenError),
    /// To `Status`.
    Status(Status),
    /// To `Backup`: SLIP-39 shares of 33 words each, one after the other; a word is its number in
    /// the list of words, 16 bits big-endian ([`Share::from_bytes`](crate::backup::Share)).
    Shares(&'a [u8]),
    /// To `AuditLog`.
    AuditLog {
        /// Number of the first event here; later than asked for if that one is gone.
        first: u64,
        /// The hash of the chain before that event.
        before: [u8; 32],
        /// Postcard encodings of [`AuditEvent`], one after the other.
        events: &'a [u8],
    },
    /// To `EnrolOffer`.
    EnrolOffer {
        /// The hash of the half to be revealed.
        commitment: [u8; 32],
    },
    /// To `EnrolJoin`.
    EnrolJoin {
        /// The identifier that the writer made for itself.
        writer: WriterId,
        /// The writer's half of the exchange.
        point: [u8; 32],
    },
    /// To `EnrolReveal`.
    EnrolReveal {
        /// The treasury's half of the exchange.
        point: [u8; 32],
    },
    /// To `EnrolGrant`: keys and policy, sealed for the writer.
    EnrolGrant {
        /// A tag of 16 bytes and what it seals.
        sealed: &'a [u8],
    },
    /// To `GrantBook`: what `TakeBook` takes.
    BookGrant {
        /// The book's rules.
        #[serde(borrow)]
        rules: Rules<'a>,
        /// Its public key.
        public_key: [u8; 32],
        /// Under a key that treasury and writer share with nobody.
        mac: [u8; 32],
    },
    /// To `Writer`.
    Writer(WriterInfo<'a>),
    /// To `Writer`: there is none at that place.
    NoWriter,
    /// To `RevealNid`: the normalised NID.
    Nid(&'a str),
}

/// What a token says of itself beside [`Info`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What it is, once it has keys.
    pub role: Option<Role>,
    /// Number of writers on its list.
    pub writers: u8,
    /// Number of events since the factory.
    pub audit_len: u64,
    /// How many of them were read and acknowledged.
    pub audit_read: u64,
    /// How many more there is room for before releases are refused.
    pub audit_room: u8,
    /// Whether its random number generator passes its tests.
    pub random_ok: bool,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Role {
    /// Holds the root seed: opens totals, posts, enrols writers.
    Treasury,
    /// Holds public keys and the keys of tags: posts.
    Writer,
}

/// A writer on a treasury's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterInfo<'a> {
    /// Its identifier.
    pub writer: WriterId,
    /// What people call it.
    pub name: &'a str,
    /// How it stands.
    pub standing: Standing,
}

/// How a writer stands with a treasury.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Standing {
    /// It posts.
    Active,
    /// It is this very token under an identifier that it has given up.
    Retired,
    /// Its chains are closed.
    Revoked,
}

/// What a token says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Oldest protocol version it speaks.
    pub version_min: u8,
    /// Newest protocol version it speaks.
    pub version_max: u8,
    /// Version of the firmware: major, minor, patch.
    pub firmware: [u8; 3],
    /// Where it is in its life.
    pub state: State,
    /// Whether it was started in ceremony mode.
    pub ceremony: bool,
    /// Whether its randomness comes from the board's own true random number generator.
    pub true_random: bool,
    /// Its writer identifier, once it has keys.
    pub writer: Option<WriterId>,
    /// What it may open, once it has keys.
    pub policy: Option<Policy>,
    /// Tries left for the PIN.
    pub tries_left: u8,
    /// Number of books it holds.
    pub books: u8,
    /// Largest frame it takes and sends, in bytes.
    pub frame_len_max: u16,
    /// Most postings in one batch.
    pub batch_len_max: u8,
    /// The suites it knows: bit `n` for the suite with number `n`.
    pub suites: u8,
}

/// Where a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum State {
    /// No keys yet.
    Empty,
    /// Keys sealed.
    Locked,
    /// Keys in memory.
    Unlocked,
    /// Too many wrong PINs.
    Blocked,
}

/// What a token may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Totals of authenticated books.
    pub totals: bool,
    /// Balances of single accounts.
    pub balances: bool,
    /// Sums of open books.
    pub open_sums: bool,
}

/// A book on the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookInfo<'a> {
    /// Its identifier.
    pub book: BookId,
    /// Its rules.
    #[serde(borrow)]
    pub rules: Rules<'a>,
    /// Next position of this token's chain in it.
    pub next_seq: u64,
    /// Position of the last cut of that chain.
    pub last_cut: u64,
}

/// One entry as the token signed it. Its writer and position come with the answer it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEntry<'a> {
    /// The account.
    pub account: Handle,
    /// Position of the account's previous entry in this chain.
    pub prev: Option<u64>,
    /// `c1`.
    pub c1: &'a [u8],
    /// `c2`.
    pub c2: &'a [u8],
    /// The tag for totals.
    pub tag: &'a [u8],
    /// The tag for the account's balance.
    pub account_tag: &'a [u8],
}

impl<'a> SignedEntry<'a> {
    /// Reads the next entry off `entries` of [`Response::Posted`]; `None` at the end or at bytes
    /// that are no entry.
    pub fn next_of(entries: &mut &'a [u8]) -> Option<Self> {
        take(entries)
    }
}

/// A statement as the token makes and stores it; the header of
/// [`crate::statement::Header`] without the public key, and the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRecord<'a> {
    /// The token's count of statements.
    pub number: u64,
    /// The book.
    pub book: BookId,
    /// Number of entries.
    pub count: u64,
    /// Which entries.
    pub scope: scope::ScopeRecord,
    /// `c1`.
    pub c1: &'a [u8],
    /// `c2`.
    pub c2: &'a [u8],
    /// `D = mG`.
    pub d: &'a [u8],
    /// The challenge of the proof.
    pub proof_c: &'a [u8],
    /// The response of the proof.
    pub proof_s: &'a [u8],
}

/// The scope of a statement as it travels.
pub mod scope {
    use super::{Deserialize, Handle, LastPosition, PerWriter, Scope, Serialize, Span};

    /// [`Scope`] with its lists in place.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub enum ScopeRecord {
        /// [`Scope::Total`].
        Total(PerWriter<Span>),
        /// [`Scope::Balance`].
        Balance {
            /// The account.
            account: Handle,
            /// Its last position for each writer.
            last: PerWriter<LastPosition>,
        },
        /// [`Scope::Open`].
        Open,
    }

    impl ScopeRecord {
        /// The scope it stands for.
        #[must_use]
        pub fn as_scope(&self) -> Scope<'_> {
            match self {
                Self::Total(spans) => Scope::Total(spans),
                Self::Balance { account, last } => Scope::Balance {
                    account: *account,
                    last,
                },
                Self::Open => Scope::Open,
            }
        }
    }
}
