//! Release statements as published and as kept in files.

use serde::{Deserialize, Serialize};

use crate::{Base64, Book, LastPosition};

/// A release: what was opened, of which entries, and the proof. Anybody verifies it without a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Format: `tallystick-statement-v1`.
    pub format: String,
    /// The book with its rules, which give its identifier.
    pub book: Book,
    /// The token's count of statements.
    pub number: u64,
    /// Number of entries; 0 (not stated) for a balance.
    pub count: u64,
    /// Which entries.
    pub scope: Scope,
    /// `Σc1`.
    pub c1: Base64,
    /// `Σc2`.
    pub c2: Base64,
    /// `D = mG`.
    pub d: Base64,
    /// Challenge of the proof of correct decryption.
    pub proof_c: Base64,
    /// Response of the proof.
    pub proof_s: Base64,
    /// `m` in minor units, as a decimal string.
    pub minor: String,
    /// `m` as an amount of the book's currency.
    pub amount: String,
}

/// Value of [`Statement::format`].
pub const FORMAT: &str = "tallystick-statement-v1";

/// Which entries a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// Whole segments of chains, verified by the token.
    Total {
        /// For each writer, ascending.
        ranges: Vec<Span>,
    },
    /// One account, verified by the token.
    Balance {
        /// The account.
        account: String,
        /// Its last position for each writer, ascending.
        last: Vec<LastPosition>,
    },
    /// A sum of an open book, not verified by the token.
    Open,
}

/// The entries `from … to − 1` of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The writer.
    pub writer: String,
    /// Position of the first entry.
    pub from: u64,
    /// Position after the last entry.
    pub to: u64,
}
