//! Groups of prime order, written additively, as everything above them needs them.
//!
//! **Timing contract.** Every function here takes the same time for every *value* of its scalars,
//! secret or not; what is not constant time says so by the suffix `_vartime`. Decoders may stop at
//! the first fault; that of elements reads public bytes, that of scalars takes the same time for
//! every canonical one.

use core::{
    fmt::Debug,
    ops::{Add, Mul, Neg, Sub},
};

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::error::DecodeError;

pub mod ffdhe;
pub mod ristretto255;

/// A byte array of a length fixed by its type.
pub trait ByteArray: AsRef<[u8]> + AsMut<[u8]> + Copy + Eq + Debug + Zeroize + 'static {
    /// Length in bytes.
    const LEN: usize;
    /// All bytes zero.
    fn zeroed() -> Self;
}

impl<const N: usize> ByteArray for [u8; N] {
    const LEN: usize = N;
    fn zeroed() -> Self {
        [0; N]
    }
}

/// A group of prime order `q` with generator `G`, in which discrete logarithms are hard.
pub trait Group: Copy + Debug + Eq + 'static {
    /// An element. Every value of this type is in the group of prime order.
    type Element: Copy
        + Debug
        + Eq
        + ConstantTimeEq
        + Add<Output = Self::Element>
        + Sub<Output = Self::Element>
        + Neg<Output = Self::Element>
        + Send
        + Sync
        + 'static;
    /// An integer modulo `q`.
    type Scalar: Copy
        + ConstantTimeEq
        + Zeroize
        + Add<Output = Self::Scalar>
        + Sub<Output = Self::Scalar>
        + Mul<Output = Self::Scalar>
        + Neg<Output = Self::Scalar>
        + Send
        + Sync
        + 'static;
    /// The canonical encoding of an element.
    type ElementBytes: ByteArray;
    /// The canonical encoding of a scalar.
    type ScalarBytes: ByteArray;
    /// At least `|q| + 128` bits, which reduce to a scalar without bias.
    type WideBytes: ByteArray;

    /// The neutral element.
    fn identity() -> Self::Element;
    /// The generator `G`.
    fn generator() -> Self::Element;
    /// `s·E`.
    fn mul(element: &Self::Element, scalar: &Self::Scalar) -> Self::Element;
    /// `s·G`.
    fn mul_base(scalar: &Self::Scalar) -> Self::Element;
    /// `s·E` for a short `s`, cheaper where short scalars are short.
    fn mul_short(element: &Self::Element, scalar: &ShortScalar<Self>) -> Self::Element;
    /// `s·G` for a short `s`.
    fn mul_base_short(scalar: &ShortScalar<Self>) -> Self::Element;
    /// `m·G` for a signed 64-bit `m`.
    fn mul_base_i64(value: i64) -> Self::Element;

    /// The canonical encoding of `element`.
    fn encode(element: &Self::Element) -> Self::ElementBytes;
    /// Decodes a canonical encoding of a member of the prime-order group (the identity is one).
    ///
    /// # Errors
    /// Each way in which other bytes can come here has its own [`DecodeError`].
    fn decode(bytes: &[u8]) -> Result<Self::Element, DecodeError>;
    /// The canonical encoding of `scalar`.
    fn encode_scalar(scalar: &Self::Scalar) -> Self::ScalarBytes;
    /// Decodes a canonical encoding of an integer below `q`.
    ///
    /// # Errors
    /// [`DecodeError::Length`] and [`DecodeError::NonCanonical`].
    fn decode_scalar(bytes: &[u8]) -> Result<Self::Scalar, DecodeError>;
    /// The scalar congruent to a signed 64-bit integer.
    fn scalar_from_i64(value: i64) -> Self::Scalar;
    /// Uniform bytes to a scalar that is uniform modulo `q`.
    fn reduce(wide: &Self::WideBytes) -> Self::Scalar;
    /// Uniform bytes to a scalar of the group's short length, uniform below its bound.
    fn reduce_short(wide: &Self::WideBytes) -> ShortScalar<Self>;

    /// Whether `element` is the neutral one.
    fn is_identity(element: &Self::Element) -> Choice {
        element.ct_eq(&Self::identity())
    }

    /// Like [`Self::decode`], but refuses the identity.
    ///
    /// # Errors
    /// Those of [`Self::decode`], and [`DecodeError::Identity`].
    fn decode_non_identity(bytes: &[u8]) -> Result<Self::Element, DecodeError> {
        let element = Self::decode(bytes)?;
        if bool::from(Self::is_identity(&element)) {
            return Err(DecodeError::Identity);
        }
        Ok(element)
    }
}

/// A scalar of limited length, for secret keys and encryption nonces only: 256 bits in
/// `ffdhe2048`, 288 bits in `ffdhe3072` (RFC 7919 section 5.2 asks for 225 and 275), any scalar in
/// `ristretto255`.
///
/// Wiped when dropped. Never use one as the nonce of a proof: there it would give the key away.
pub struct ShortScalar<G: Group>(G::Scalar);

impl<G: Group> ShortScalar<G> {
    /// Wraps a scalar that the group knows to be short.
    pub(crate) fn new_unchecked(scalar: G::Scalar) -> Self {
        Self(scalar)
    }

    /// The same integer as an ordinary scalar. The copy is the caller's to wipe.
    pub(crate) fn widen(&self) -> G::Scalar {
        self.0
    }
}

impl<G: Group> Drop for ShortScalar<G> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
