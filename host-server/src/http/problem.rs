//! Problem documents (RFC 9457): everything that is not a success, in one table.
//!
//! A type never changes its meaning. What is malformed is 400 or 422; what is well formed and
//! contradicts the book it is sent to, as an element of another suite does, is 409 (RFC 9110,
//! sections 9.3.4 and 15.5.10). What went wrong inside the server is logged, never returned.

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
    ($($(#[$doc:meta])* $kind:ident = $status:literal $name:literal $title:literal
        $help:literal,)*) => {
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

            /// What is mostly behind it, and what to do.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self {
                    $(Self::$kind => $help,)*
                }
            }
        }
    };
}

kinds! {
    NotFound = 404 "not-found" "There is nothing at this path"
        "Check the path against /docs. The teller's routes exist only on a server with a token.",
    MethodNotAllowed = 405 "method-not-allowed" "This path does not take that method"
        "The header Allow lists the methods of this path.",
    Misdirected = 421 "misdirected" "The request was meant for another host"
        "The Host header names another machine. Use the name or address the server listens on.",
    KeyMissing = 401 "key-missing" "This server needs an API key"
        "Send it in the header Authorization, after the word Bearer.",
    KeyUnknown = 401 "key-unknown" "There is no such API key"
        "Keys are `tally_` and 64 hexadecimal digits; `host-server key list` shows their names.",
    KeyRevoked = 401 "key-revoked" "The API key was revoked"
        "It stays so. An administrator can make another.",
    ScopeMissing = 403 "scope-missing" "The API key may not do this"
        "Make a key with the scope that the detail names.",
    WriterNotAllowed = 403 "writer-not-allowed" "The API key may not post as that writer"
        "Make a key with `--post` and that writer, or `--post open` for open books.",
    UnknownKey = 404 "unknown-key" "There is no API key of that id"
        "The list of keys has their ids.",

    BadPath = 400 "bad-path" "An identifier in the path is malformed"
        "Identifiers are hexadecimal: 64 digits for books and accounts.",
    BadQuery = 400 "bad-query" "The query is malformed"
        "A parameter is unknown, given twice, or out of bounds; the detail says which.",
    BadHeader = 400 "bad-header" "A header is missing or malformed"
        "The detail names the header and what belongs in it.",
    UnsupportedMediaType = 415 "unsupported-media-type" "The body must be application/json"
        "Send JSON, and say so in the header Content-Type.",
    MalformedJson = 400 "malformed-json" "The body is not JSON"
        "The detail says where the text stops being JSON.",
    InvalidBody = 422 "invalid-body" "The body is JSON, but not what belongs here"
        "A field is missing, unknown or of another type; the detail says which.",
    BodyTooLarge = 413 "body-too-large" "The body is too large"
        "Send less at a time.",
    TooManyEntries = 413 "too-many-entries" "Too many entries in one request"
        "Split the entries over several requests: those stored already do no harm.",
    BrokenBody = 400 "broken-body" "The body ended early or can't be unpacked"
        "The connection broke, or the body is not what Content-Encoding says. Send it again.",
    UnsupportedEncoding = 415 "unsupported-encoding" "The body is packed in an unknown way"
        "Pack bodies with gzip or zstd, or not at all.",
    ForeignOrigin = 403 "foreign-origin" "Pages of that origin may not use this server"
        "A page in a browser sent this. Its origin can be allowed when the server starts.",
    TooManyRequests = 429 "too-many-requests" "Too many requests in a short time"
        "Wait as long as Retry-After says.",
    Timeout = 503 "timeout" "The request took too long"
        "What was begun may be done all the same: ask before you repeat what is not idempotent.",

    UnknownBook = 404 "unknown-book" "There is no such book"
        "Create the book first.",
    UnknownAccount = 404 "unknown-account" "The book has no such account"
        "Open the account first.",
    BadRules = 409 "bad-rules" "The rules of the book are out of bounds"
        "A number or the name is out of bounds, or the currency is not in use.",
    WrongBookId = 409 "wrong-book-id" "The identifier is not the hash of the rules"
        "A book is named by the hash of its rules; the detail says what these rules hash to.",
    BadPublicKey = 409 "bad-public-key" "The public key is not one of the book's suite"
        "The key is not a canonical element of the suite in the rules, or is the identity.",
    BookConflict = 409 "book-conflict" "The book exists with another public key"
        "A book with these rules has another key. Another name makes another book.",
    AccountConflict = 409 "account-conflict" "The account exists with another sealed NID"
        "The handle is taken by other bytes. Ask the token for the account again.",
    WrongKind = 409 "wrong-kind" "The book is of the wrong kind for this"
        "Accounts and cuts belong to authenticated books, client-made entries to open ones.",

    BadElement = 409 "bad-element" "An element is not valid in the book's suite"
        "It is not canonical, of another suite, or the identity where there must be none.",
    EntryConflict = 409 "entry-conflict" "Another entry is stored at that position"
        "What is stored stays. Was the ledger or the token restored from a backup?",
    EntryGap = 409 "entry-gap" "The entry before this one is missing"
        "Send the entries before it first.",
    BadCut = 409 "bad-cut" "This is not a cut"
        "A cut lies at a position above 0 and has a MAC of 16 bytes.",
    CutConflict = 409 "cut-conflict" "The cut is stored with another MAC"
        "Another MAC is stored for that position: one of the two is not from the writer's token.",
    CutAhead = 409 "cut-ahead" "The cut lies behind the end of the stored chain"
        "Send the entries before the cut first.",

    NothingToSum = 404 "nothing-to-sum" "There are no entries to sum"
        "The range is empty. A chain counts up to its latest cut.",
    SpansOverlap = 409 "spans-overlap" "Some entries were asked for twice"
        "Every entry counts once in a sum: give each stretch of a chain once.",
    TooManyWriters = 409 "too-many-writers" "The sum has more writers than a token takes"
        "Ask for a smaller range.",
    BadStatement = 409 "bad-statement" "The statement does not verify"
        "Its proof does not fit the book's key and its own figures.",
    ForeignBook = 409 "foreign-book" "The statement is about another book"
        "Publish it in the book that it names.",

    BadNid = 422 "bad-nid" "This is not a national id"
        "4 to 32 letters and digits; separators are dropped.",
    BadAmount = 422 "bad-amount" "This is not an amount of the book's currency"
        "A decimal with no more places than the currency has.",
    OverCap = 422 "over-cap" "The amount is above the book's cap"
        "The book's rules bound every entry.",
    KeyReused = 422 "idempotency-key-reused" "The idempotency key belongs to another request"
        "Take a fresh key for every new posting.",
    TokenUnavailable = 503 "token-unavailable" "The token does not answer"
        "Is it plugged in? The server tries again with the next request.",
    TokenLocked = 409 "token-locked" "The token must be unlocked first"
        "Unlock it with its PIN.",
    WrongPin = 403 "wrong-pin" "The PIN is wrong"
        "The token counts wrong PINs and blocks itself in the end.",
    TokenDenied = 403 "token-denied" "The release was refused at the token"
        "A person said no at the token, or nobody said yes in time.",
    TokenRefused = 409 "token-refused" "The token refused"
        "The detail is the token's own reason.",
    TooFewEntries = 409 "too-few-entries" "Too few entries since the last cut"
        "A cut needs as many new entries as the book's rules say.",
    NotTheLast = 409 "not-the-last" "The token opened something else last"
        "The answer that was lost is not the token's last any more: ask anew.",
    OutOfRange = 409 "out-of-range" "The amount is too large to be decoded"
        "The sum is right and too large to be read off at once: see the detail for what helps.",
    TokenMismatch = 409 "token-mismatch" "The token and the ledger do not agree about the book"
        "One of the two was restored from a backup, or the token is another one.",
    PostingFailed = 409 "posting-failed" "The posting under this key failed"
        "Nothing was posted. Take a fresh key to try again.",
    PostingUnknown = 409 "posting-unknown" "Nobody knows whether this was posted"
        "Look at the account's history before posting again.",

    NotReady = 503 "not-ready" "The server can't work now"
        "The detail says what does not answer.",
    StoreUnavailable = 503 "store-unavailable" "The store does not answer"
        "Repeat the request in a moment: repeating is safe.",
    StoreFull = 507 "store-full" "The store has no room left"
        "Nothing was stored. Free some space, then send it again.",
    StoreDamaged = 500 "store-damaged" "The store is damaged"
        "What is stored contradicts itself; the server's log says where.",
    Internal = 500 "internal" "The server failed"
        "A fault of the server. Its log has more under the name of this request.",
}

impl Kind {
    /// The name: what follows [`problem::TYPE_PREFIX`] in the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The title: the same for every problem of the kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().2
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
