//! Problem documents (RFC 9457): every answer that is not a success.

use serde::{Deserialize, Serialize};

use crate::EntryOutcome;

/// Media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// `urn:tallystick:problem:` and a name that never changes its meaning.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for people.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong this time, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request's name, which is also on its lines of the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What became of each entry, when entries were to be appended and some were refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<EntryOutcome>,
}

impl Problem {
    /// The name that follows [`TYPE_PREFIX`] in the type, or the whole type of other makers.
    #[must_use]
    pub fn name(&self) -> &str {
        self.kind.strip_prefix(TYPE_PREFIX).unwrap_or(&self.kind)
    }
}

/// What every `type` begins with.
pub const TYPE_PREFIX: &str = "urn:tallystick:problem:";
