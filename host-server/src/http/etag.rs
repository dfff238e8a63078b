//! `ETag` and `If-None-Match`: who has an answer already is told so, and not sent it again.
//!
//! A tag names the positions that a sum is of. The log only grows, so the same positions are the
//! same sum, and a tag is known before the sum is made. Tags are weak: packed and plain answers
//! share one.

use std::convert::Infallible;

use axum::{
    Json,
    extract::FromRequestParts,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The tags of what the caller has.
pub(super) struct IfNoneMatch(Vec<String>);

/// The tag of an answer.
pub(super) struct Tag(String);

impl Tag {
    /// The tag of the answer to everything that hashes alike.
    pub fn of<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(format!("W/\"{}\"", hex::encode(&hash.finalize()[..16])))
    }

    /// The answer with this tag.
    pub fn answer<T: Serialize>(self, body: T) -> Response {
        (self.headers(), Json(body)).into_response()
    }

    /// That the caller has it already.
    pub fn not_modified(self) -> Response {
        (StatusCode::NOT_MODIFIED, self.headers(), ()).into_response()
    }

    /// A cache may keep the answer, and has to ask each time whether it still holds.
    fn headers(self) -> impl axum::response::IntoResponseParts {
        [
            (ETAG, self.0),
            (CACHE_CONTROL, "private, no-cache".to_owned()),
        ]
    }
}

impl IfNoneMatch {
    /// Whether the caller has the answer of this tag, compared weakly (RFC 9110 section 8.8.3.2).
    pub fn has(&self, tag: &Tag) -> bool {
        let opaque = |text: &str| text.trim_start_matches("W/").to_owned();
        self.0
            .iter()
            .any(|one| one == "*" || opaque(one) == opaque(&tag.0))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all(IF_NONE_MATCH).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let tags = texts.flat_map(|text| text.split(','));
        Ok(Self(tags.map(|tag| tag.trim().to_owned()).collect()))
    }
}
