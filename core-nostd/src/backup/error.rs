//! Why a quorum, a share or a set of shares is refused.

use core::fmt;

/// Why no shares can be made this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuorumError {
    /// More than 16 shares, or none.
    Shares,
    /// No share is enough, or more are needed than are made.
    Threshold,
    /// One share of several is enough: each would be the secret itself, which SLIP-39 forbids.
    OneOfMany,
}

impl fmt::Display for QuorumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shares => "there can be 1 to 16 shares",
            Self::Threshold => "at least 1 share must be needed, and at most as many as are made",
            Self::OneOfMany => {
                "each of several shares would be the whole secret: ask for 1 of 1, or for 2 or more"
            }
        })
    }
}

impl core::error::Error for QuorumError {}

/// Why a text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShareError {
    /// This word, counted from 1, is not in the list. Usually a slip of pen or finger.
    UnknownWord(u8),
    /// Not as many words as a share of 16 to 32 bytes has: 20, 22, 23, 25, 27, 28, 30, 31 or 33.
    Length,
    /// A word was changed, or two have changed places.
    Checksum,
    /// The checksum holds, but the bits before the value are not zero: made by a faulty program.
    Padding,
    /// The checksum holds, but more groups would be needed than there are: made by a faulty
    /// program.
    GroupThreshold,
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownWord(place) => {
                write!(
                    f,
                    "word {place} is not in the word list: check how it is spelled"
                )
            }
            Self::Length => f.write_str("a share of this size has another number of words"),
            Self::Checksum => {
                f.write_str("the words do not belong together: look for a wrong or exchanged word")
            }
            Self::Padding => f.write_str("the share was made wrongly: its padding is not zero"),
            Self::GroupThreshold => {
                f.write_str("the share was made wrongly: it needs more groups than there are")
            }
        }
    }
}

impl core::error::Error for ShareError {}

/// Why shares, each good in itself, give no secret together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CombineError {
    /// There are none.
    NoShares,
    /// The identifiers differ. The shares are of different backups.
    Identifier,
    /// Some shares are extendable and some are not.
    Extendable,
    /// The iteration exponents differ.
    IterationExponent,
    /// They do not agree how many groups are needed.
    GroupThreshold,
    /// They do not agree how many groups there are.
    GroupCount,
    /// They do not agree how many members of a group are needed.
    MemberThreshold,
    /// The shares hold values of different lengths.
    Length,
    /// Two shares are the same member of a group. Usually one was entered twice.
    DuplicateMember,
    /// Shares of too few groups, or of too many.
    GroupsGiven {
        /// Groups that the secret needs.
        needed: u8,
        /// Groups of which there are shares.
        given: u8,
    },
    /// Too few shares of a group, or too many: SLIP-39 wants exactly as many as needed.
    SharesGiven {
        /// Shares that the group needs.
        needed: u8,
        /// Shares of this group.
        given: u8,
    },
    /// The digest of the secret is wrong. A share is forged, or of another backup that happens to
    /// have the same identifier.
    Digest,
    /// The passphrase has a character that is not printable ASCII, which no share was made with.
    Passphrase,
    /// What the shares hold is no root seed: it has not 32 bytes.
    NotASeed,
}

impl fmt::Display for CombineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoShares => f.write_str("there are no shares"),
            Self::Identifier => {
                f.write_str("the shares are of different backups: their first two words differ")
            }
            Self::Extendable => f.write_str("some of the shares are extendable and some are not"),
            Self::IterationExponent => {
                f.write_str("the shares do not agree on the cost of their encryption")
            }
            Self::GroupThreshold => f.write_str("the shares do not agree how many groups it takes"),
            Self::GroupCount => f.write_str("the shares do not agree how many groups there are"),
            Self::MemberThreshold => f.write_str("the shares do not agree how many it takes"),
            Self::Length => f.write_str("the shares hold secrets of different lengths"),
            Self::DuplicateMember => f.write_str("a share was given twice"),
            Self::GroupsGiven { needed, given } => {
                write!(
                    f,
                    "shares of {given} groups were given, of exactly {needed} are needed"
                )
            }
            Self::SharesGiven { needed, given } => {
                write!(f, "{given} shares were given, exactly {needed} are needed")
            }
            Self::Digest => {
                f.write_str("the shares do not fit together: one is of another backup, or forged")
            }
            Self::Passphrase => f.write_str("a passphrase has printable ASCII characters only"),
            Self::NotASeed => f.write_str("the shares hold a secret that is no seed of a token"),
        }
    }
}

impl core::error::Error for CombineError {}
