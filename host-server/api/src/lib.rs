//! The JSON types of the HTTP interface under `/v1`.
//!
//! Identifiers are lower-case hexadecimal, byte strings base64url without padding, amounts in minor
//! units are JSON integers within 53 bits or decimal strings where they may be larger. Unknown
//! fields are refused, so that a misspelt one is an error and not a default.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

pub mod binary;
pub mod bytes;
pub mod keys;
pub mod problem;
pub mod statement;
pub mod teller;

pub use bytes::Base64;
pub use problem::Problem;
pub use statement::{Scope, Span, Statement};

/// A book: all its rules and its public key. Its id is a hash of the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// Identifier, 64 hex digits.
    pub book: String,
    /// `ristretto255`, `ffdhe2048` or `ffdhe3072`.
    pub suite: String,
    /// `authenticated` or `open`.
    pub kind: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Decimals of the currency.
    pub scale: u8,
    /// Largest absolute amount of one entry, in minor units.
    pub cap: u64,
    /// Least number of entries between two cuts.
    pub min_entries: u32,
    /// Name.
    pub name: String,
    /// The public key `Y`.
    pub public_key: Base64,
}

/// Answer to `GET /v1/books`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Books {
    /// All books, by name.
    pub books: Vec<Book>,
}

/// Body of `PUT /v1/books/{book}/accounts/{handle}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// The holder's NID, sealed by a token.
    pub sealed_nid: Base64,
}

/// Answer to `GET /v1/books/{book}/accounts/{handle}?writer=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Account {
    /// The account, 64 hex digits.
    pub account: String,
    /// The holder's NID, sealed by a token.
    pub sealed_nid: Base64,
    /// Where the next entry of the writer asked about goes; absent if none was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextPlace>,
}

/// The place of the next entry, from one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NextPlace {
    /// Next position of the writer's chain.
    pub next_seq: u64,
    /// Position of the account's last entry in that chain.
    pub prev: Option<u64>,
}

/// Answer to `GET /v1/books/{book}/accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Accounts {
    /// Accounts by handle, ascending.
    pub accounts: Vec<Account>,
    /// Handle to continue after; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// One entry of an authenticated book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The writer, 32 hex digits.
    pub writer: String,
    /// Position in the writer's chain.
    pub seq: u64,
    /// The account, 64 hex digits.
    pub account: String,
    /// Position of the account's previous entry in the chain.
    pub prev: Option<u64>,
    /// `c1`.
    pub c1: Base64,
    /// `c2`.
    pub c2: Base64,
    /// Tag for totals.
    pub tag: Base64,
    /// Tag for the account's balance.
    pub account_tag: Base64,
}

/// One entry of an open book, as a client sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenEntry {
    /// The client's own 16 random bytes, 32 hex digits: sent again, it is stored once.
    pub entry: String,
    /// `c1`.
    pub c1: Base64,
    /// `c2`.
    pub c2: Base64,
}

/// Body of `POST /v1/books/{book}/entries`: `E` is [`Entry`] in an authenticated book and
/// [`OpenEntry`] in an open one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AppendEntries<E> {
    /// Entries; those of one writer in ascending order.
    pub entries: Vec<E>,
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Durable now.
    Stored,
    /// It was there already, byte for byte.
    Already,
    /// Other bytes are stored at its position.
    Conflict,
    /// The entry before it is missing.
    Gap,
}

/// What became of one entry, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EntryOutcome {
    /// The writer (in an open book, the one the server names).
    pub writer: String,
    /// Its position.
    pub seq: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// Answer to `POST /v1/books/{book}/entries`, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Appended {
    /// One for each entry.
    pub entries: Vec<EntryOutcome>,
}

/// One line of `GET /v1/books/{book}/entries?writer=&from=` (NDJSON).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredEntry {
    /// The writer.
    pub writer: String,
    /// Its position.
    pub seq: u64,
    /// When it arrived: milliseconds since 1970, by the server's clock.
    pub arrived_ms: u64,
    /// The client's identifier of the entry, 32 hex digits; only in an open book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The account; absent in an open book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Position of the account's previous entry in the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<u64>,
    /// `c1`.
    pub c1: Base64,
    /// `c2`.
    pub c2: Base64,
    /// Tag for totals; absent in an open book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Base64>,
    /// Tag for the account's balance; absent in an open book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_tag: Option<Base64>,
}

/// A cut of one writer's chain. Body of `POST /v1/books/{book}/cuts`, and in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// The writer.
    pub writer: String,
    /// The cut lies before the entry at this position.
    pub position: u64,
    /// The writer's MAC; absent at position 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Base64>,
}

/// Answer to `GET /v1/books/{book}/cuts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cuts {
    /// The cuts of each writer, ascending; numbered from 1 for each writer, 0 being the start.
    pub cuts: Vec<NumberedCut>,
}

/// A cut, its number in its chain, and when it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NumberedCut {
    /// 1, 2, 3, … in its chain.
    pub number: u64,
    /// When it arrived: milliseconds since 1970, by the server's clock.
    pub arrived_ms: u64,
    /// The cut.
    pub cut: Cut,
}

/// What a total covers of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Range {
    /// The writer.
    pub writer: String,
    /// The cut before the first entry.
    pub from: RangeEnd,
    /// The cut after the last entry.
    pub to: RangeEnd,
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RangeEnd {
    /// The position.
    pub position: u64,
    /// The writer's MAC; absent at position 0 and in an open book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Base64>,
}

/// Answer to `GET /v1/books/{book}/total?from=&to=`: the encrypted total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Total {
    /// The book.
    pub book: String,
    /// `Σc1`.
    pub c1: Base64,
    /// `Σc2`.
    pub c2: Base64,
    /// `Σtag`; absent in an open book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Base64>,
    /// For each writer, ascending, what the sum covers.
    pub ranges: Vec<Range>,
    /// Number of entries.
    pub count: u64,
    /// `count · cap`: no total of these entries is larger, in minor units, as a decimal string.
    pub bound: String,
}

/// Answer to `GET /v1/books/{book}/accounts/{handle}/balance`: the encrypted balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Balance {
    /// The book.
    pub book: String,
    /// The account.
    pub account: String,
    /// `Σc1`.
    pub c1: Base64,
    /// `Σc2`.
    pub c2: Base64,
    /// `Σaccount_tag`.
    pub account_tag: Base64,
    /// For each writer that has entries of the account, ascending, its last position.
    pub last: Vec<LastPosition>,
    /// Number of entries.
    pub count: u64,
    /// `count · cap` in minor units, as a decimal string.
    pub bound: String,
}

/// Body of `POST /v1/books/{book}/sum`: what to add up, 1 to 1000 parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AskSum {
    /// All entries of these accounts, each named by its handle.
    Accounts(Vec<String>),
    /// These stretches of chains, no entry twice.
    Spans(Vec<AskSpan>),
}

/// A stretch of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AskSpan {
    /// The writer.
    pub writer: String,
    /// Position of the first entry; the chain's start if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Position after the last entry; the chain's end if absent or behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

/// Answer to `POST /v1/books/{book}/sum`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AskedSum {
    /// The book.
    pub book: String,
    /// `Σc1`.
    pub c1: Base64,
    /// `Σc2`.
    pub c2: Base64,
    /// Number of entries.
    pub count: u64,
    /// `count · cap` in minor units, as a decimal string.
    pub bound: String,
    /// What has entries of all that was asked for, and which.
    pub parts: SumParts,
}

/// Exactly what a sum is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SumParts {
    /// Accounts by handle, ascending.
    Accounts(Vec<AccountPart>),
    /// Stretches of chains by writer and position, ascending.
    Spans(Vec<Span>),
}

/// All entries of an account up to a position in each chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountPart {
    /// The account.
    pub account: String,
    /// Its last position for each writer that has entries of it, ascending.
    pub last: Vec<LastPosition>,
}

/// The last position of an account in one writer's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LastPosition {
    /// The writer.
    pub writer: String,
    /// The position.
    pub seq: Option<u64>,
}

/// Answer to `GET /v1/books/{book}/heads`: where every chain of the book ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Heads {
    /// Chains by writer, ascending.
    pub heads: Vec<Head>,
}

/// Where one chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Head {
    /// The writer.
    pub writer: String,
    /// Its next position: the number of its entries.
    pub next_seq: u64,
}

/// Answer to `GET /v1/books/{book}/statements`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Statements {
    /// Published statements in the order of their arrival.
    pub statements: Vec<Statement>,
}

/// Answer to `GET /livez` and `GET /readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// `ok`; anything else is a problem document.
    pub status: String,
}
