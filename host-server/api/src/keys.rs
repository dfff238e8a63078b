//! `/v1/keys`: API keys.

use serde::{Deserialize, Serialize};

/// 1 to 64 characters, none of which controls anything.
#[cfg(feature = "schema")]
const NAME_PATTERN: &str = r"^[^\x00-\x1f\x7f-\x9f]{1,64}$";

/// Body of `POST /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What to call it, for people: 1 to 64 characters.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = NAME_PATTERN)))]
    pub name: String,
    /// What it may do: `read`, `post:` and a writer (32 hex digits) or `post:open`, `teller`,
    /// `admin`.
    pub scopes: Vec<String>,
}

/// An API key without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyInfo {
    /// Its public name, 32 hex digits: the first half of its SHA-256.
    pub id: String,
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = NAME_PATTERN)))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreatedKey {
    /// The key itself, shown only here: `tally_` and 64 hex digits.
    pub secret: String,
    /// What the server keeps.
    pub key: KeyInfo,
}

/// Answer to `GET /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Keys {
    /// All keys in the order they were made, also revoked ones.
    pub keys: Vec<KeyInfo>,
}
