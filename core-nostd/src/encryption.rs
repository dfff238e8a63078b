//! Encryption, with the public key or the secret one, re-randomisation, and decryption to `mG`.
//!
//! The plaintext is a signed integer in the exponent. Getting it back from `mG` is a small discrete
//! logarithm, which a host solves; see [`check_amount`] for the step that trusts nobody.

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{
    ciphersuite::{Ciphersuite, Element},
    ciphertext::Ciphertext,
    group::Group,
    keys::{Nonce, PublicKey, SecretKey},
};

impl<S: Ciphersuite> PublicKey<S> {
    /// `(rG, rY + mG)`. The nonce is used up.
    ///
    /// This is the bare scheme, for any `m`. In an open book whoever encrypts holds the amount to
    /// the cap ([`crate::book::BookRules::admit`]); nobody can check it afterwards.
    #[must_use]
    pub fn encrypt(&self, m: i64, nonce: Nonce<S>) -> Ciphertext<S> {
        Ciphertext {
            c1: S::Group::mul_base_short(nonce.short()),
            c2: S::Group::mul_short(&self.0, nonce.short()) + S::Group::mul_base_i64(m),
        }
    }

    /// `(c1 + rG, c2 + rY)`: the same plaintext under a nonce that nobody has seen.
    ///
    /// It breaks the tag of an authenticated entry, which covers the ciphertext.
    #[must_use]
    pub fn rerandomize(&self, ciphertext: &Ciphertext<S>, nonce: Nonce<S>) -> Ciphertext<S> {
        *ciphertext + self.encrypt(0, nonce)
    }
}

impl<S: Ciphersuite> SecretKey<S> {
    /// `(rG, (r·x + m)G)`: the same ciphertext as with the public key, from two multiplications
    /// of the generator.
    #[must_use]
    pub fn encrypt(&self, m: i64, nonce: Nonce<S>) -> Ciphertext<S> {
        let r = Zeroizing::new(nonce.short().widen());
        let exponent = Zeroizing::new(*r * *self.scalar() + S::Group::scalar_from_i64(m));
        Ciphertext {
            c1: S::Group::mul_base_short(nonce.short()),
            c2: S::Group::mul_base(&exponent),
        }
    }

    /// `D = c2 − x·c1 = mG`.
    #[must_use]
    pub fn decrypt_to_element(&self, ciphertext: &Ciphertext<S>) -> Element<S> {
        ciphertext.c2 - self.mul(&ciphertext.c1)
    }
}

/// Whether `mG == D`: one multiplication of the generator confirms what a host says the logarithm
/// of `D` is.
#[must_use]
pub fn check_amount<S: Ciphersuite>(m: i64, d: &Element<S>) -> Choice {
    S::Group::mul_base_i64(m).ct_eq(d)
}
