//! `/v1/keys`: API keys.

use serde::{Deserialize, Serialize};

/// Body of `POST /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What to call it, for people: 1 to 64 bytes.
    pub name: String,
    /// What it may do: `read`, `post:` and a writer (32 hex digits) or `post:open`, `teller`,
    /// `admin`.
    pub scopes: Vec<String>,
}

/// An API key without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// Its public name, 32 hex digits: the first half of its SHA-256.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made: milliseconds since 1970.
    pub created_ms: u64,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<u64>,
}

/// Answer to `POST /v1/keys`.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The key itself, shown only here: `tally_` and 64 hex digits.
    pub secret: String,
    /// What the server keeps.
    pub key: KeyInfo,
}

/// Answer to `GET /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// All keys in the order they were made, also revoked ones.
    pub keys: Vec<KeyInfo>,
}
