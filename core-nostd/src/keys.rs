//! Keys: the root seed, everything derived from it, and the key pair of a book.
//!
//! ```text
//! root seed ── HKDF-SHA-512, a label each ──┬─ "x"      secret keys of books (treasury only)
//!                                           ├─ "alpha", "beta", "alpha-account", "beta-account"
//!                                           ├─ "mask", "mask-account", "cut"
//!                                           ├─ "index", "box"
//!                                           └─ "writer"  one key for each writer
//! ```
//!
//! Every derived key is 32 bytes and is used only as the key of a pseudo-random function whose
//! input names suite, book and, where it matters, account and position.

use hkdf::{Hkdf, InvalidLength};
use rand_core::CryptoRng;
use sha2::Sha512;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    ciphersuite::{Ciphersuite, Element, ElementBytes, Scalar, ScalarBytes, WideBytes},
    error::DecodeError,
    group::{ByteArray, Group, ShortScalar},
    hash::{Part, PrfKey, prf_array, prf_bytes},
    ids::{BookId, WriterId},
};

/// The 32 random bytes that every key of a token comes from. Wiped when dropped.
///
/// Like every secret here it can be neither copied nor printed:
///
/// ```compile_fail,E0599
/// # use core_nostd::keys::RootSeed;
/// let copy = RootSeed::from_bytes(&[7; 32]).clone();
/// ```
///
/// ```compile_fail,E0277
/// # use core_nostd::keys::RootSeed;
/// println!("{:?}", RootSeed::from_bytes(&[7; 32]));
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RootSeed([u8; 32]);

impl RootSeed {
    /// Draws a fresh seed.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Self([0; 32]);
        rng.fill_bytes(&mut seed.0);
        seed
    }

    /// The seed of these bytes (from sealed storage or a backup).
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// The bytes, for sealing and backup only.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `HKDF-SHA-512(salt = "TALLYSTICK-v1", ikm = seed, info = label, 32 bytes)` (RFC 5869).
    fn derive(&self, label: &str) -> PrfKey {
        let mut key = Zeroizing::new([0; 32]);
        // 32 bytes are far below HKDF's limit, so the error can't occur.
        let _ = hkdf(b"TALLYSTICK-v1", &self.0, label.as_bytes(), key.as_mut());
        key
    }

    /// The keys that a treasury shares with its writers.
    #[must_use]
    pub fn shared_keys(&self) -> SharedKeys {
        SharedKeys {
            alpha: self.derive("alpha"),
            beta: self.derive("beta"),
            alpha_account: self.derive("alpha-account"),
            beta_account: self.derive("beta-account"),
            mask: self.derive("mask"),
            mask_account: self.derive("mask-account"),
            cut: self.derive("cut"),
            index: self.derive("index"),
            nid_box: self.derive("box"),
        }
    }

    /// The key that a treasury shares with one writer and nobody else, not even its other writers:
    /// `PRF(derive("writer"); writer)`. With it the treasury vouches for what it grants.
    #[must_use]
    pub fn writer_key(&self, writer: &WriterId) -> WriterKey {
        let parts = [Part::Bytes(&writer.0)];
        WriterKey(prf_array(&self.derive("writer"), &parts))
    }

    /// The secret key `x_b` of a book: `PRF(derive("x"); suite, book)`, short in finite-field
    /// suites.
    #[must_use]
    pub fn secret_key<S: Ciphersuite>(&self, book: &BookId) -> SecretKey<S> {
        let mut wide = Zeroizing::new(WideBytes::<S>::zeroed());
        let parts = [
            Part::Bytes(b"x"),
            Part::U64(u64::from(S::ID as u8)),
            Part::Bytes(&book.0),
        ];
        prf_bytes(&self.derive("x"), &parts, wide.as_mut());
        SecretKey(Exponent::Short(S::Group::reduce_short(&wide)))
    }
}

/// HKDF-SHA-512 (RFC 5869), as many bytes as `out` has: at most 255 · 64, or it is left as it was.
pub(crate) fn hkdf(
    salt: &[u8],
    ikm: &[u8],
    info: &[u8],
    out: &mut [u8],
) -> Result<(), InvalidLength> {
    Hkdf::<Sha512>::new(Some(salt), ikm).expand(info, out)
}

/// The keys of tags, cuts, handles and NID boxes. A treasury shares them with every writer it
/// enrols; they open nothing. Wiped when dropped.
pub struct SharedKeys {
    pub(crate) alpha: PrfKey,
    pub(crate) beta: PrfKey,
    pub(crate) alpha_account: PrfKey,
    pub(crate) beta_account: PrfKey,
    pub(crate) mask: PrfKey,
    pub(crate) mask_account: PrfKey,
    pub(crate) cut: PrfKey,
    pub(crate) index: PrfKey,
    pub(crate) nid_box: PrfKey,
}

/// Length of all [`SharedKeys`] together, in bytes.
pub const SHARED_KEYS_LEN: usize = 9 * 32;

impl SharedKeys {
    /// The keys of these bytes, as [`Self::expose_into`] writes them.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; SHARED_KEYS_LEN]) -> Self {
        let mut keys: [PrfKey; 9] = Default::default();
        for (key, bytes) in keys.iter_mut().zip(bytes.chunks(32)) {
            key.copy_from_slice(bytes);
        }
        let [
            alpha,
            beta,
            alpha_account,
            beta_account,
            mask,
            mask_account,
            cut,
            index,
            nid_box,
        ] = keys;
        Self {
            alpha,
            beta,
            alpha_account,
            beta_account,
            mask,
            mask_account,
            cut,
            index,
            nid_box,
        }
    }

    /// Writes every key, for sealing only. The bytes are the caller's to wipe.
    pub fn expose_into(&self, out: &mut [u8; SHARED_KEYS_LEN]) {
        let keys = [
            &self.alpha,
            &self.beta,
            &self.alpha_account,
            &self.beta_account,
            &self.mask,
            &self.mask_account,
            &self.cut,
            &self.index,
            &self.nid_box,
        ];
        for (out, key) in out.chunks_mut(32).zip(keys) {
            out.copy_from_slice(key.as_slice());
        }
    }
}

/// What a treasury and one writer know together. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct WriterKey([u8; 32]);

impl WriterKey {
    /// The key of these bytes, from sealed storage.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// The bytes, for sealing only.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The secret key `x` of one book, `0 < x < q`. Wiped when dropped.
///
/// Keys made here are short in finite-field suites; one made elsewhere may have any length and
/// takes full-size multiplications, 8 to 11 times as long. Which of the two a key is, is public;
/// its value does not show in the time of anything done with it.
pub struct SecretKey<S: Ciphersuite>(Exponent<S>);

/// `x`, as long as it may be. Both are wiped when dropped.
enum Exponent<S: Ciphersuite> {
    Short(ShortScalar<S::Group>),
    Full(Zeroizing<Scalar<S>>),
}

impl<S: Ciphersuite> SecretKey<S> {
    /// Draws a fresh key that belongs to no seed (tests, examples, keys kept elsewhere).
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Exponent::Short(Nonce::<S>::random(rng).into_short()))
    }

    /// A key that was made elsewhere, from the canonical encoding of its scalar: as many bytes as
    /// [`ScalarBytes`] has, big-endian in the finite-field suites.
    /// The bytes are the caller's to wipe.
    ///
    /// # Errors
    /// Those of [`Group::decode_scalar`], and [`DecodeError::Zero`]. Whether there is an error is
    /// all that shows in the time.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let x = Zeroizing::new(S::Group::decode_scalar(bytes)?);
        // In every suite the canonical encoding of zero is zeros.
        if bool::from(bytes.ct_eq(ScalarBytes::<S>::zeroed().as_ref())) {
            return Err(DecodeError::Zero);
        }
        Ok(Self(Exponent::Full(x)))
    }

    /// `Y = xG`.
    #[must_use]
    pub fn public_key(&self) -> PublicKey<S> {
        PublicKey(match &self.0 {
            Exponent::Short(x) => S::Group::mul_base_short(x),
            Exponent::Full(x) => S::Group::mul_base(x),
        })
    }

    /// `xE`.
    pub(crate) fn mul(&self, element: &Element<S>) -> Element<S> {
        match &self.0 {
            Exponent::Short(x) => S::Group::mul_short(element, x),
            Exponent::Full(x) => S::Group::mul(element, x),
        }
    }

    /// `x` as an ordinary scalar, wiped when dropped.
    pub(crate) fn scalar(&self) -> Zeroizing<Scalar<S>> {
        match &self.0 {
            Exponent::Short(x) => Zeroizing::new(x.widen()),
            Exponent::Full(x) => x.clone(),
        }
    }
}

/// The public key `Y = xG` of one book; never the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey<S: Ciphersuite>(pub(crate) Element<S>);

impl<S: Ciphersuite> PublicKey<S> {
    /// Decodes a canonical encoding.
    ///
    /// # Errors
    /// Those of [`Group::decode_non_identity`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        S::Group::decode_non_identity(bytes).map(Self)
    }

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> ElementBytes<S> {
        S::Group::encode(&self.0)
    }

    /// The element `Y`.
    #[must_use]
    pub fn element(&self) -> &Element<S> {
        &self.0
    }
}

/// The randomness `r` of one encryption, consumed by it. Wiped when dropped.
pub struct Nonce<S: Ciphersuite>(ShortScalar<S::Group>);

impl<S: Ciphersuite> Nonce<S> {
    /// Draws a nonce from a random number generator alone.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut wide = Zeroizing::new(WideBytes::<S>::zeroed());
        rng.fill_bytes(wide.as_mut());
        Self(S::Group::reduce_short(&wide))
    }

    /// A hedged nonce `r = PRF(hedge; purpose, suite, input …, 32 random bytes)`: as good as random
    /// while either the generator is sound or `hedge` stays secret and the input never repeats.
    ///
    /// `hedge` is a secret of this device that is never backed up.
    pub(crate) fn hedged(
        hedge: &[u8; 32],
        rng: &mut impl CryptoRng,
        purpose: &[u8],
        input: &[Part<'_>],
    ) -> Self {
        let wide = hedged_bytes::<S>(hedge, rng, purpose, input);
        Self(S::Group::reduce_short(&wide))
    }

    pub(crate) fn into_short(self) -> ShortScalar<S::Group> {
        self.0
    }

    pub(crate) fn short(&self) -> &ShortScalar<S::Group> {
        &self.0
    }
}

/// The bytes of a hedged nonce; see [`Nonce::hedged`].
pub(crate) fn hedged_bytes<S: Ciphersuite>(
    hedge: &[u8; 32],
    rng: &mut impl CryptoRng,
    purpose: &[u8],
    input: &[Part<'_>],
) -> Zeroizing<WideBytes<S>> {
    let mut fresh = Zeroizing::new([0; 32]);
    rng.fill_bytes(fresh.as_mut());
    // Two steps, so that the input may be a list of any length: first a one-time key.
    let mut key = Zeroizing::new([0; 32]);
    let seed = [
        Part::Bytes(purpose),
        Part::U64(u64::from(S::ID as u8)),
        Part::Bytes(&*fresh),
    ];
    prf_bytes(hedge, &seed, key.as_mut());
    let mut wide = Zeroizing::new(WideBytes::<S>::zeroed());
    prf_bytes(&key, input, wide.as_mut());
    wide
}

/// A secret that makes nonces of one device its own. Never backed up. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Hedge([u8; 32]);

impl Hedge {
    /// The hedge of these 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// The bytes, for sealing only.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl<S: Ciphersuite> ConstantTimeEq for SecretKey<S> {
    fn ct_eq(&self, other: &Self) -> subtle::Choice {
        self.scalar().ct_eq(&other.scalar())
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::hkdf;
    use crate::vectors::Case;

    #[test]
    fn key_derivation_agrees_with_wycheproof() {
        let cases = Case::file("wycheproof_hkdf_sha512.json").cases("tests");
        assert_eq!(cases.iter().filter(|case| case.is_valid()).count(), 77);
        assert_eq!(cases.iter().filter(|case| !case.is_valid()).count(), 3);
        for case in cases {
            let (salt, ikm, info) = (case.bytes("salt"), case.bytes("ikm"), case.bytes("info"));
            let mut okm = vec![0; case.number("size")];
            let derived = hkdf(&salt, &ikm, &info, &mut okm);
            assert_eq!(derived.is_ok(), case.is_valid(), "{}", case.name());
            if case.is_valid() {
                assert_eq!(okm, case.bytes("okm"), "{}", case.name());
            } else {
                assert!(okm.iter().all(|byte| *byte == 0), "{}", case.name());
            }
        }
    }
}
