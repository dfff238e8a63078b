//! Ciphertexts and their group law: sums of ciphertexts encrypt sums of amounts.

use core::{
    iter::Sum,
    ops::{Add, Neg, Sub},
};

use crate::{
    ciphersuite::{Ciphersuite, Element, ElementBytes},
    error::DecodeError,
    group::Group,
};

/// An exponential ElGamal ciphertext of `m` under `Y = xG` with nonce `r`:
///
/// ```text
/// c1 = rG        c2 = rY + mG        (c1, c2) + (c1', c2') encrypts m + m'
/// ```
///
/// Twice the suite's element length: 64, 512 or 768 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ciphertext<S: Ciphersuite> {
    /// `c1 = rG`.
    pub c1: Element<S>,
    /// `c2 = rY + mG`.
    pub c2: Element<S>,
}

impl<S: Ciphersuite> Ciphertext<S> {
    /// The sum of nothing: the encryption of 0 with nonce 0. It hides nothing.
    #[must_use]
    pub fn zero() -> Self {
        Self {
            c1: S::Group::identity(),
            c2: S::Group::identity(),
        }
    }

    /// Decodes the canonical encodings of `c1` and `c2`. A fresh ciphertext never has the identity
    /// as `c1`.
    ///
    /// # Errors
    /// Those of [`Group::decode`], and [`DecodeError::Identity`] for `c1`.
    pub fn from_bytes(c1: &[u8], c2: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            c1: S::Group::decode_non_identity(c1)?,
            c2: S::Group::decode(c2)?,
        })
    }

    /// The canonical encodings of `c1` and `c2`.
    #[must_use]
    pub fn to_bytes(&self) -> (ElementBytes<S>, ElementBytes<S>) {
        (S::Group::encode(&self.c1), S::Group::encode(&self.c2))
    }

    /// `k·(c1, c2)`, which encrypts `k·m`. Constant time in `k`.
    #[must_use]
    pub fn scale(&self, k: i64) -> Self {
        let k = S::Group::scalar_from_i64(k);
        Self {
            c1: S::Group::mul(&self.c1, &k),
            c2: S::Group::mul(&self.c2, &k),
        }
    }
}

impl<S: Ciphersuite> Add for Ciphertext<S> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            c1: self.c1 + other.c1,
            c2: self.c2 + other.c2,
        }
    }
}

impl<S: Ciphersuite> Sub for Ciphertext<S> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            c1: self.c1 - other.c1,
            c2: self.c2 - other.c2,
        }
    }
}

impl<S: Ciphersuite> Neg for Ciphertext<S> {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            c1: -self.c1,
            c2: -self.c2,
        }
    }
}

impl<S: Ciphersuite> Sum for Ciphertext<S> {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::zero(), Add::add)
    }
}
