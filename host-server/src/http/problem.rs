//! Problem documents (RFC 9457): everything that is not a success, in one table.
//!
//! A type never changes its meaning. What went wrong inside the server is logged, never returned.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use host_api::{EntryOutcome, problem};

use crate::store::StoreError;

/// A result of a handler.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:literal $name:literal $title:literal,)*) => {
        /// The kinds of problems: name, status and title of each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* #[doc = concat!("`", $name, "`, ", $status, ": ", $title, ".")] $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Status, name and title.
            const fn row(self) -> (u16, &'static str, &'static str) {
                match self {
                    $(Self::$kind => ($status, $name, $title),)*
                }
            }
        }
    };
}

kinds! {
    NotFound = 404 "not-found" "There is nothing at this path",
    MethodNotAllowed = 405 "method-not-allowed" "This path does not take that method",
    Misdirected = 421 "misdirected" "The request was meant for another host",
    KeyMissing = 401 "key-missing" "This server needs an API key",
    KeyUnknown = 401 "key-unknown" "There is no such API key",
    KeyRevoked = 401 "key-revoked" "The API key was revoked",
    ScopeMissing = 403 "scope-missing" "The API key may not do this",
    WriterNotAllowed = 403 "writer-not-allowed" "The API key may not post as that writer",
    UnknownKey = 404 "unknown-key" "There is no API key of that id",

    BadPath = 400 "bad-path" "An identifier in the path is malformed",
    BadQuery = 400 "bad-query" "The query is malformed",
    BadHeader = 400 "bad-header" "A header is missing or malformed",
    UnsupportedMediaType = 415 "unsupported-media-type" "The body must be application/json",
    MalformedJson = 400 "malformed-json" "The body is not JSON",
    InvalidBody = 422 "invalid-body" "The body is JSON, but not what belongs here",
    BodyTooLarge = 413 "body-too-large" "The body is too large",
    TooManyEntries = 413 "too-many-entries" "Too many entries in one request",
    BrokenBody = 400 "broken-body" "The body ended early or can't be unpacked",
    UnsupportedEncoding = 415 "unsupported-encoding" "The body is packed in an unknown way",
    ForeignOrigin = 403 "foreign-origin" "Pages of that origin may not use this server",
    TooManyRequests = 429 "too-many-requests" "Too many requests in a short time",
    Timeout = 503 "timeout" "The request took too long",

    UnknownBook = 404 "unknown-book" "There is no such book",
    UnknownAccount = 404 "unknown-account" "The book has no such account",
    BadRules = 422 "bad-rules" "The rules of the book are out of bounds",
    WrongBookId = 422 "wrong-book-id" "The identifier is not the hash of the rules",
    BadPublicKey = 422 "bad-public-key" "The public key is not one of the book's suite",
    BookConflict = 409 "book-conflict" "The book exists with another public key",
    AccountConflict = 409 "account-conflict" "The account exists with another sealed NID",
    WrongKind = 409 "wrong-kind" "The book is of the wrong kind for this",

    BadElement = 422 "bad-element" "An element is not valid in the book's suite",
    EntryConflict = 409 "entry-conflict" "Another entry is stored at that position",
    EntryGap = 409 "entry-gap" "The entry before this one is missing",
    BadCut = 422 "bad-cut" "This is not a cut",
    CutConflict = 409 "cut-conflict" "The cut is stored with another MAC",
    CutAhead = 409 "cut-ahead" "The cut lies behind the end of the stored chain",

    NothingToSum = 404 "nothing-to-sum" "There are no entries to sum",
    TooManyWriters = 409 "too-many-writers" "The sum has more writers than a token takes",
    BadStatement = 422 "bad-statement" "The statement does not verify",
    ForeignBook = 422 "foreign-book" "The statement is about another book",

    BadNid = 422 "bad-nid" "This is not a national id",
    BadAmount = 422 "bad-amount" "This is not an amount of the book's currency",
    OverCap = 422 "over-cap" "The amount is above the book's cap",
    KeyReused = 422 "idempotency-key-reused" "The idempotency key belongs to another request",
    TokenUnavailable = 503 "token-unavailable" "The token does not answer",
    TokenLocked = 409 "token-locked" "The token must be unlocked first",
    WrongPin = 403 "wrong-pin" "The PIN is wrong",
    TokenDenied = 403 "token-denied" "The release was refused at the token",
    TokenRefused = 409 "token-refused" "The token refused",
    TooFewEntries = 409 "too-few-entries" "Too few entries since the last cut",
    NotTheLast = 409 "not-the-last" "The token opened something else last",
    OutOfRange = 409 "out-of-range" "The amount is too large to be decoded",
    TokenMismatch = 409 "token-mismatch" "The token and the ledger do not agree about the book",
    PostingFailed = 409 "posting-failed" "The posting under this key failed",
    PostingUnknown = 409 "posting-unknown" "Nobody knows whether this was posted",

    NotReady = 503 "not-ready" "The server can't work now",
    StoreUnavailable = 503 "store-unavailable" "The store does not answer",
    StoreFull = 507 "store-full" "The store has no room left",
    StoreDamaged = 500 "store-damaged" "The store is damaged",
    Internal = 500 "internal" "The server failed",
}

impl Kind {
    /// The name: what follows [`problem::TYPE_PREFIX`] in the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().0)
            .expect("every status in the table is between 100 and 999")
    }

    /// What to say in `WWW-Authenticate` (RFC 6750 section 3).
    const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::KeyMissing => Some("Bearer realm=\"tallystick\""),
            Self::KeyUnknown | Self::KeyRevoked => {
                Some("Bearer realm=\"tallystick\", error=\"invalid_token\"")
            }
            Self::ScopeMissing | Self::WriterNotAllowed => {
                Some("Bearer realm=\"tallystick\", error=\"insufficient_scope\"")
            }
            _ => None,
        }
    }

    /// This problem, with what is wrong this time and what to do.
    pub fn detail(self, detail: impl Into<String>) -> Problem {
        Problem {
            detail: Some(detail.into()),
            ..self.into()
        }
    }
}

/// One problem on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which one.
    pub kind: Kind,
    /// What is wrong this time.
    pub detail: Option<String>,
    /// What became of each entry of an append.
    pub entries: Vec<EntryOutcome>,
}

impl Problem {
    /// A failure of the server: `error` goes to the log, not to the client.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "internal failure");
        Kind::Internal.into()
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            detail: None,
            entries: Vec::new(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Unavailable(_) => Kind::StoreUnavailable.detail("try again in a moment"),
            StoreError::Full(_) => Kind::StoreFull.detail("free some space, then send it again"),
            StoreError::Damaged(_) => {
                Kind::StoreDamaged.detail("the server's log says what is wrong")
            }
            StoreError::Schema { .. } => Kind::Internal.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind.row();
        let document = problem::Problem {
            kind: format!("{}{name}", problem::TYPE_PREFIX),
            title: title.to_owned(),
            status,
            detail: self.detail,
            request_id: super::request_id::current(),
            entries: self.entries,
        };
        let body = serde_json::to_vec(&document).expect("strings and numbers always serialise");
        let media_type = HeaderValue::from_static(problem::MEDIA_TYPE);
        let headers = [(CONTENT_TYPE, media_type)];
        let mut response = (self.kind.status(), headers, body).into_response();
        if let Some(challenge) = self.kind.challenge() {
            let challenge = HeaderValue::from_static(challenge);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_an_error_status() {
        let names: HashSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
        }
    }
}
