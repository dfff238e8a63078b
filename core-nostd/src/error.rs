//! The errors of this crate: small, closed, one per kind of operation.

use core::fmt;

/// Why bytes are not an element or a scalar.
///
/// Only public data is decoded with these errors, so they may say what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The length is not the suite's. Usually the bytes belong to another suite.
    Length,
    /// Not the one canonical encoding of anything: out of range, or not in the image of the
    /// encoder.
    NonCanonical,
    /// A member of the surrounding group, but not of its subgroup of prime order.
    NotInSubgroup,
    /// The identity where an element of full order is required.
    Identity,
    /// Zero, which is no secret key.
    Zero,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "wrong length for this suite",
            Self::NonCanonical => "not a canonical encoding",
            Self::NotInSubgroup => "not in the group of prime order",
            Self::Identity => "the identity is not allowed here",
            Self::Zero => "zero is no secret key",
        })
    }
}

impl core::error::Error for DecodeError {}

/// A claim about a sum does not hold.
///
/// One error for every reason, returned after the same work, because the reason depends on secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimRefused;

impl fmt::Display for ClaimRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sum is not what the claim says it is")
    }
}

impl core::error::Error for ClaimRefused {}

/// A proof, or the statement around it, does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// An element or scalar in it does not decode.
    Decode(DecodeError),
    /// A field contradicts another, or the book's rules.
    Inconsistent,
    /// The stated amount is not the logarithm of the opened element.
    Amount,
    /// The proof is not one of correct decryption.
    Proof,
}

impl From<DecodeError> for VerifyError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "an encoding is wrong: {error}"),
            Self::Inconsistent => f.write_str("its fields contradict each other"),
            Self::Amount => f.write_str("the amount is not what was opened"),
            Self::Proof => f.write_str("the proof of correct decryption does not hold"),
        }
    }
}

impl core::error::Error for VerifyError {}
