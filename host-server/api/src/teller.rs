//! The teller routes: in clear, to and from the token attached to the server.

use serde::{Deserialize, Serialize};

use crate::Statement;

/// Name of the header that makes a posting repeatable: 16 to 128 visible ASCII characters that
/// nobody can guess, such as a random UUID. The same key again is the same posting.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Answer to `GET /v1/teller/info`, and to unlocking and locking: what the token says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Info {
    /// `empty`, `locked`, `unlocked` or `blocked`.
    pub state: String,
    /// The token's writer, 32 hex digits, once it has keys.
    pub writer: Option<String>,
    /// Version of its firmware.
    pub firmware: String,
    /// Whether its randomness comes from its own true random number generator.
    pub true_random: bool,
    /// Tries left for the PIN.
    pub tries_left: u8,
    /// Number of books it holds.
    pub books: u8,
}

/// Body of `POST /v1/teller/unlock`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// The PIN.
    pub pin: String,
}

/// Body of `POST /v1/teller/books`: the rules of a book to be made on the token and on the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewBook {
    /// `ristretto255`, `ffdhe2048` or `ffdhe3072`.
    pub suite: String,
    /// `authenticated` or `open`.
    pub kind: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Largest absolute amount of one entry, in minor units.
    pub cap: u64,
    /// Least number of entries between two cuts.
    pub min_entries: u32,
    /// Name.
    pub name: String,
}

/// Body of `POST /v1/teller/books/{book}/entries`: a deposit, or a withdrawal if negative.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// The holder's NID.
    pub nid: String,
    /// A decimal string in the book's currency: `"12.50"`, `"-3"`.
    pub amount: String,
}

/// Answer to a posting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Posted {
    /// The book.
    pub book: String,
    /// The account.
    pub account: String,
    /// The writer.
    pub writer: String,
    /// The entry's position.
    pub seq: u64,
}

/// Body of `POST /v1/teller/books/{book}/balance`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AskBalance {
    /// The holder's NID.
    pub nid: String,
    /// As in [`AskTotal`].
    #[serde(default)]
    pub last: bool,
    /// As in [`AskTotal`].
    #[serde(default)]
    pub window: Option<u8>,
}

/// Body of `POST /v1/teller/books/{book}/total`: cut numbers (positions in an open book); none
/// means the start, and a cut now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AskTotal {
    /// Cut number to begin at.
    #[serde(default)]
    pub from: Option<u64>,
    /// Cut number to end at.
    #[serde(default)]
    pub to: Option<u64>,
    /// Decode what the token opened last, instead of opening anything.
    #[serde(default)]
    pub last: bool,
    /// Look for amounts below `2^window` minor units in size; none means up to entries times cap,
    /// at most 48. Each bit doubles the time.
    #[serde(default)]
    pub window: Option<u8>,
}

/// Answer to a release. The statement of a total is published in the book, that of a balance is
/// given to the caller only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Released {
    /// What was opened, with its proof.
    pub statement: Statement,
    /// Entries times cap, in minor units, as a decimal string: no such sum is larger. Absent if
    /// nobody counted the entries, as in a balance that the token opened earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
}

/// Answer to `GET /v1/teller/audit?from=`: events of the token's audit log, as much as one answer
/// of the token holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditLog {
    /// Number of events before these; more than asked for if that one was acknowledged or erased.
    pub first: u64,
    /// Hash of the chain of events before these, in hexadecimal.
    pub before: String,
    /// Their encodings, one after the other, in hexadecimal; none at the end of the log.
    pub events: String,
}

/// Body of `POST /v1/teller/audit`: the events before a position were read, and may be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeAudit {
    /// Number of events before it.
    pub through: u64,
    /// Hash of their chain, in hexadecimal: 64 digits.
    pub hash: String,
}
