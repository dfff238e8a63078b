//! Proofs of equal discrete logarithms (DLEQ), in exactly the form of RFC 9497 section 2.2.
//!
//! The prover knows `k` with `B = kA` and `D_i = kC_i` for all pairs, and shows that without
//! showing `k`. The context string separates applications; the official vectors use theirs.

use core::iter::zip;

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    ciphersuite::{Ciphersuite, Element, ElementBytes, Scalar, ScalarBytes, WideBytes},
    error::{DecodeError, VerifyError},
    group::{ByteArray, Group},
    hash::{Absorb, Pieces},
};

/// A proof: two scalars. Twice the suite's scalar length.
#[derive(Clone, Copy)]
pub struct DleqProof<S: Ciphersuite> {
    c: Scalar<S>,
    s: Scalar<S>,
}

/// The nonce `r` of one proof, uniform modulo `q` and consumed by the proof. Wiped when dropped.
pub struct ProofNonce<S: Ciphersuite>(Zeroizing<Scalar<S>>);

impl<S: Ciphersuite> ProofNonce<S> {
    /// Reduces uniform bytes, at least 128 bits more than `q` has.
    #[must_use]
    pub fn from_uniform_bytes(wide: &WideBytes<S>) -> Self {
        Self(Zeroizing::new(S::Group::reduce(wide)))
    }
}

/// What a proof is about: `B = kA`, `D_i = kC_i`.
pub struct DleqStatement<'a, S: Ciphersuite> {
    /// `A`.
    pub a: &'a Element<S>,
    /// `B`.
    pub b: &'a Element<S>,
    /// `C_i`.
    pub c: &'a [Element<S>],
    /// `D_i`, as many as `C_i`.
    pub d: &'a [Element<S>],
    /// The context string.
    pub context: &'a [u8],
}

impl<S: Ciphersuite> DleqProof<S> {
    /// `GenerateProof` (RFC 9497 section 2.2.1) with nonce `r`.
    #[must_use]
    #[inline(never)]
    pub fn prove(k: &Scalar<S>, statement: &DleqStatement<'_, S>, nonce: ProofNonce<S>) -> Self {
        let m = statement.composite(statement.c);
        let r = nonce.0;
        // Section 2.2.1, ComputeCompositesFast: Z = k·M.
        let c = statement.challenge(
            &m,
            [
                &|| S::Group::mul(&m, k),
                &|| S::Group::mul(statement.a, &r),
                &|| S::Group::mul(&m, &r),
            ],
        );
        Self { c, s: *r - c * *k }
    }

    /// `VerifyProof` (RFC 9497 section 2.2.2). Everything in it is public.
    ///
    /// # Errors
    /// [`VerifyError::Proof`], or [`VerifyError::Inconsistent`] when the lists differ in length.
    pub fn verify(&self, statement: &DleqStatement<'_, S>) -> Result<(), VerifyError> {
        if statement.c.len() != statement.d.len() {
            return Err(VerifyError::Inconsistent);
        }
        let (m, z) = (
            statement.composite(statement.c),
            statement.composite(statement.d),
        );
        let t2 = S::Group::mul(statement.a, &self.s) + S::Group::mul(statement.b, &self.c);
        let t3 = S::Group::mul(&m, &self.s) + S::Group::mul(&z, &self.c);
        let expected = statement.challenge(&m, [&|| z, &|| t2, &|| t3]);
        if bool::from(expected.ct_eq(&self.c)) {
            Ok(())
        } else {
            Err(VerifyError::Proof)
        }
    }

    /// The encodings of `c` and `s`.
    #[must_use]
    pub fn to_bytes(&self) -> (ScalarBytes<S>, ScalarBytes<S>) {
        (
            S::Group::encode_scalar(&self.c),
            S::Group::encode_scalar(&self.s),
        )
    }

    /// Decodes `c` and `s`.
    ///
    /// # Errors
    /// Those of [`Group::decode_scalar`].
    pub fn from_bytes(c: &[u8], s: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            c: S::Group::decode_scalar(c)?,
            s: S::Group::decode_scalar(s)?,
        })
    }
}

impl<S: Ciphersuite> DleqStatement<'_, S> {
    /// `ComputeComposites` (RFC 9497 section 2.2.2): `M = Σ d_i·C_i` for the points `C_i`, `Z` for
    /// the `D_i`.
    #[inline(never)]
    fn composite(&self, points: &[Element<S>]) -> Element<S> {
        let mut hash = Sha512::new();
        hash.absorb(&two_bytes(ElementBytes::<S>::LEN));
        hash.absorb(S::Group::encode(self.b).as_ref());
        hash.absorb(&two_bytes(SEED_LABEL.len() + self.context.len()));
        hash.absorb(SEED_LABEL);
        hash.absorb(self.context);
        let seed: [u8; 64] = hash.finalize().into();

        let mut sum = S::Group::identity();
        for (i, (pair, point)) in zip(zip(self.c, self.d), points).enumerate() {
            sum = sum + S::Group::mul(point, &self.weight(&seed, i, pair));
        }
        sum
    }

    /// `d_i`.
    #[inline(never)]
    fn weight(&self, seed: &[u8; 64], i: usize, pair: (&Element<S>, &Element<S>)) -> Scalar<S> {
        self.hash_to_scalar(&|absorb| {
            absorb(&two_bytes(seed.len()));
            absorb(seed);
            absorb(&two_bytes(i));
            absorb_element::<S>(absorb, pair.0);
            absorb_element::<S>(absorb, pair.1);
            absorb(b"Composite");
        })
    }

    /// The challenge `c` (RFC 9497 section 2.2.1, `challengeTranscript`), from `M` and then `Z`,
    /// `t2` and `t3`. Each of these is made when its turn comes and dropped again: on a small stack
    /// there is no room for all.
    #[inline(never)]
    fn challenge(&self, m: &Element<S>, others: [&dyn Fn() -> Element<S>; 3]) -> Scalar<S> {
        self.hash_to_scalar(&|absorb| {
            absorb_element::<S>(absorb, self.b);
            absorb_element::<S>(absorb, m);
            for element in others {
                absorb_element::<S>(absorb, &element());
            }
            absorb(b"Challenge");
        })
    }

    /// `HashToScalar` with `DST = "HashToScalar-" ‖ contextString` (RFC 9497 section 4).
    fn hash_to_scalar(&self, msg: &Pieces<'_>) -> Scalar<S> {
        S::hash_to_scalar(msg, &[b"HashToScalar-", self.context])
    }
}

/// The encoding of an element, behind its length.
#[inline(never)]
fn absorb_element<S: Ciphersuite>(absorb: &mut dyn FnMut(&[u8]), element: &Element<S>) {
    absorb(&two_bytes(ElementBytes::<S>::LEN));
    absorb(S::Group::encode(element).as_ref());
}

const SEED_LABEL: &[u8] = b"Seed-";

/// `I2OSP(n, 2)`. Lengths and indices here stay far below 2^16.
fn two_bytes(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes()
}
