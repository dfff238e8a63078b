//! The closed set of errors a token answers with.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Why a token did not do what it was asked. Its state is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TokenError {
    /// The frame is damaged: COBS, checksum or length. Send the request again.
    BadFrame,
    /// The frame is longer than the token announced.
    FrameTooLong,
    /// The protocol version is not one of these.
    UnsupportedVersion {
        /// Oldest version the token speaks.
        min: u8,
        /// Newest version the token speaks.
        max: u8,
    },
    /// The frame belongs to another session; say hello first.
    StaleSession,
    /// The message is not a request of this version.
    Malformed,
    /// Another client has the token.
    Busy,
    /// The token has no keys yet.
    NotProvisioned,
    /// The token already has keys.
    AlreadyProvisioned,
    /// The token must be unlocked first.
    Locked,
    /// The PIN is wrong.
    WrongPin {
        /// How many tries are left before the token blocks itself.
        tries_left: u8,
    },
    /// Too many wrong PINs. Only a wipe helps.
    Blocked,
    /// The PIN has fewer than 6 or more than 16 characters.
    BadPin,
    /// Works only in ceremony mode: hold the button while power is applied.
    CeremonyRequired,
    /// The person at the token said no.
    Denied,
    /// Nobody pressed the button in time.
    PresenceTimeout,
    /// The host cancelled the request while presence was awaited.
    Cancelled,
    /// The token's policy does not allow this release.
    NotAllowed,
    /// The token has no such book.
    UnknownBook,
    /// A book with these rules exists or once existed.
    BookExists,
    /// The token holds as many books as it can.
    TooManyBooks,
    /// The rules of the book are not within their bounds.
    BadRules,
    /// This image can't do that with this suite.
    SuiteUnsupported,
    /// Wrong kind of book for this command.
    WrongKind,
    /// The NID is not 4 to 32 letters and digits.
    BadNid,
    /// The batch is empty or longer than the token announced.
    BadBatch,
    /// An amount is above the book's cap.
    OverCap,
    /// `prev` does not lie before the entry.
    BadPrev,
    /// Not the next position of the chain.
    WrongSeq {
        /// The next position.
        next: u64,
    },
    /// Too few entries since the last cut.
    TooFewEntries {
        /// How many more are needed.
        missing: u32,
    },
    /// An element does not decode, or is the identity.
    BadElement,
    /// The sum is not what the claim says. One error for every reason.
    ClaimRefused,
    /// The amount is not the one that was opened.
    WrongAmount,
    /// There is nothing stored to send again.
    NothingStored,
    /// The flash has no room left.
    StorageFull,
    /// The flash failed, or what it holds is damaged.
    StorageFailed,
    /// The random number generator failed. The token does nothing that needs it.
    EntropyFailed,
    /// Not a secret key of the book's suite: zero, not below `q`, or of another length.
    BadKey,
    /// Another book of this token has this secret key.
    KeyInUse,
    /// The audit log has too little room left; read and acknowledge it.
    AuditFull,
    /// Not the hash of the audit log at that position.
    WrongHash,
    /// The shares don't bring a seed back.
    BadShares,
    /// Not so many shares of so many: `m` of `n` with 2 <= m <= n <= 16, or 1 of 1.
    BadQuorum,
    /// A treasury can't do what a writer does, or the other way round.
    WrongRole,
    /// No enrolment has come to this step, or the other side is not who it was.
    EnrolmentFailed,
    /// The grant of a book is not this writer's treasury's.
    GrantRefused,
    /// No such writer on this token's list.
    UnknownWriter,
    /// The writer is on the list already, or is this token.
    WriterExists,
    /// The list of writers is full.
    TooManyWriters,
    /// The name is empty, too long, or has control characters.
    BadName,
    /// The sealed NID is not one of this account.
    BadBox,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::UnsupportedVersion { min, max } => {
                return write!(f, "the token speaks protocol versions {min} to {max}");
            }
            Self::WrongPin { tries_left } => {
                return write!(f, "wrong PIN, {tries_left} tries left");
            }
            Self::WrongSeq { next } => {
                return write!(f, "not the next position of this chain, which is {next}");
            }
            Self::TooFewEntries { missing } => {
                return write!(
                    f,
                    "too few entries since the last cut, {missing} more are needed"
                );
            }
            Self::BadFrame => "a frame was damaged on the line",
            Self::FrameTooLong => "a frame was longer than the token takes",
            Self::StaleSession => "the session has ended, another client said hello",
            Self::Malformed => "the token did not understand the request",
            Self::Busy => "another client has the token",
            Self::NotProvisioned => "the token has no keys yet",
            Self::AlreadyProvisioned => "the token already has keys",
            Self::Locked => "the token is locked",
            Self::Blocked => "the token is blocked after too many wrong PINs",
            Self::BadPin => "a PIN has 6 to 16 characters",
            Self::CeremonyRequired => "this works only in ceremony mode",
            Self::Denied => "refused at the token",
            Self::PresenceTimeout => "nobody pressed the token's button in time",
            Self::Cancelled => "cancelled",
            Self::NotAllowed => "the token's policy does not allow this",
            Self::UnknownBook => "the token has no such book",
            Self::BookExists => "a book with these rules exists or once existed",
            Self::TooManyBooks => "the token holds as many books as it can",
            Self::BadRules => "the rules of the book are out of bounds",
            Self::SuiteUnsupported => "this token can't do that with this suite",
            Self::WrongKind => "the wrong kind of book for this",
            Self::BadNid => "a NID has 4 to 32 letters and digits",
            Self::BadBatch => "the batch is empty or too long for this token",
            Self::OverCap => "the amount is above the book's cap",
            Self::BadPrev => "the account's previous position does not lie before the entry",
            Self::BadElement => "a ciphertext or tag is not a valid element",
            Self::ClaimRefused => "the sum is not what the server says it is",
            Self::WrongAmount => "the amount is not the one that was opened",
            Self::NothingStored => "the token has nothing stored to send again",
            Self::StorageFull => "the token's flash has no room left",
            Self::StorageFailed => "the token's flash failed or is damaged",
            Self::EntropyFailed => "the token's random number generator failed",
            Self::BadKey => "not a secret key of the book's suite",
            Self::KeyInUse => "the key is that of another book of this token already",
            Self::AuditFull => "the token's audit log must be read and acknowledged first",
            Self::WrongHash => "not the hash of the audit log at that position",
            Self::BadShares => "these shares don't bring a seed back",
            Self::BadQuorum => "shares are m of n with 2 <= m <= n <= 16, or 1 of 1",
            Self::WrongRole => "this token's role, treasury or writer, does not do this",
            Self::EnrolmentFailed => "the enrolment failed; begin again at the treasury",
            Self::GrantRefused => "the grant of the book is not from this writer's treasury",
            Self::UnknownWriter => "the token does not know that writer",
            Self::WriterExists => "the token knows that writer already",
            Self::TooManyWriters => "the token's list of writers is full",
            Self::BadName => "a writer's name has 1 to 32 bytes and no control characters",
            Self::BadBox => "the sealed NID is not one of this account",
        };
        f.write_str(text)
    }
}

impl core::error::Error for TokenError {}
