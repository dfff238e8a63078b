//! The teller routes: in clear, to and from the token attached to the server.

use serde::{Deserialize, Serialize};

use crate::Statement;

/// Body of `POST /v1/teller/unlock`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// The PIN.
    pub pin: String,
}

/// Body of `POST /v1/teller/books/{book}/entries`: a deposit, or a withdrawal if negative.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// The holder's NID.
    pub nid: String,
    /// A decimal string in the book's currency: `"12.50"`, `"-3"`.
    pub amount: String,
}

/// Answer to a posting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(deny_unknown_fields)]
pub struct AskBalance {
    /// The holder's NID.
    pub nid: String,
}

/// Body of `POST /v1/teller/books/{book}/total`: cut numbers; none means the start and a cut now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskTotal {
    /// Cut number to begin at.
    #[serde(default)]
    pub from: Option<u64>,
    /// Cut number to end at.
    #[serde(default)]
    pub to: Option<u64>,
}

/// Answer to a release: the statement, published in the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// What was opened, with its proof.
    pub statement: Statement,
}
