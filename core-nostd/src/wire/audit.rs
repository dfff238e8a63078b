//! The audit log: what happened to a token, each event chained to all before it.
//!
//! ```text
//! hash before the first event: 32 zero bytes
//! next hash = SHA-512("audit", hash, number, event)[..32]
//! ```
//!
//! Who has kept the hash at one position can tell whether what a token shows later is the same log,
//! continued. The log is never reset, not even by a wipe, which is an event.

use serde::{Deserialize, Serialize};

use super::Policy;
use crate::{
    hash::{Part, hash_parts},
    ids::{BookId, Handle, WriterId},
};

/// Longest encoding of an event, in bytes.
pub const EVENT_LEN_MAX: usize = 80;

/// Something an auditor wants to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AuditEvent {
    /// A root seed was made here.
    Provisioned {
        /// The token's writer identifier.
        writer: WriterId,
        /// What it may open.
        policy: Policy,
    },
    /// A root seed was brought back from shares.
    Restored {
        /// The token's writer identifier.
        writer: WriterId,
        /// What it may open.
        policy: Policy,
    },
    /// The token became a writer of a treasury.
    Enrolled {
        /// The token's writer identifier.
        writer: WriterId,
    },
    /// A PIN was wrong.
    UnlockFailed {
        /// How many tries were left after it.
        tries_left: u8,
    },
    /// The PIN was changed.
    PinChanged,
    /// A total, a balance or an open sum was to be opened. If the power failed at that very
    /// moment, the number is given out once more, and this event is repeated.
    Released {
        /// The number of the statement.
        number: u64,
        /// The book.
        book: BookId,
        /// What of it.
        what: Released,
    },
    /// The policy was changed.
    PolicyChanged {
        /// What the token may open from then on.
        policy: Policy,
    },
    /// The token goes on under a new identifier.
    WriterRenewed {
        /// The one it has given up.
        old: WriterId,
        /// The new one.
        new: WriterId,
    },
    /// A writer was enrolled.
    WriterEnrolled {
        /// The writer.
        writer: WriterId,
    },
    /// A writer was listed without an enrolment.
    WriterAdmitted {
        /// The writer.
        writer: WriterId,
    },
    /// A writer was revoked.
    WriterRevoked {
        /// The writer.
        writer: WriterId,
    },
    /// Shares of the root seed were made.
    BackedUp {
        /// How many of them bring it back.
        threshold: u8,
        /// How many were made.
        shares: u8,
    },
    /// A book with a key made elsewhere was added.
    BookImported {
        /// The book.
        book: BookId,
    },
    /// A NID was revealed.
    NidRevealed {
        /// The book.
        book: BookId,
        /// The account's handle.
        account: Handle,
    },
    /// Everything but this log was erased.
    Wiped,
}

/// What a release was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Released {
    /// The total of so many entries.
    Total {
        /// Number of entries.
        entries: u64,
    },
    /// The balance of an account.
    Balance {
        /// The account's handle.
        account: Handle,
    },
    /// A sum of an open book.
    Open {
        /// Number of entries, on the host's word.
        entries: u64,
    },
}

/// The hash of the chain after an event, from the one before it, the event's number and its
/// postcard encoding.
#[must_use]
pub fn chain(before: &[u8; 32], number: u64, event: &[u8]) -> [u8; 32] {
    let parts = [
        Part::Bytes(b"audit"),
        Part::Bytes(before),
        Part::U64(number),
        Part::Bytes(event),
    ];
    let mut next = [0; 32];
    for (to, from) in next.iter_mut().zip(hash_parts(&parts)) {
        *to = from;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_event_has_room() {
        let longest = [
            AuditEvent::Released {
                number: u64::MAX,
                book: BookId([0xff; 32]),
                what: Released::Balance {
                    account: Handle([0xff; 32]),
                },
            },
            AuditEvent::NidRevealed {
                book: BookId([0xff; 32]),
                account: Handle([0xff; 32]),
            },
        ];
        let mut out = [0; EVENT_LEN_MAX];
        for event in longest {
            assert!(postcard::to_slice(&event, &mut out).is_ok(), "{event:?}");
        }
    }

    #[test]
    fn each_hash_depends_on_everything_before() {
        let start = [0; 32];
        let one = chain(&start, 0, b"one");
        assert_ne!(one, chain(&start, 1, b"one"));
        assert_ne!(one, chain(&start, 0, b"two"));
        assert_ne!(chain(&one, 1, b"two"), chain(&start, 1, b"two"));
    }
}
