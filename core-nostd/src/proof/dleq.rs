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
    hash::Absorb,
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
        let (m, _) = statement.composites();
        // Section 2.2.1, ComputeCompositesFast: Z = k·M.
        let z = S::Group::mul(&m, k);
        let r = nonce.0;
        let t2 = S::Group::mul(statement.a, &r);
        let t3 = S::Group::mul(&m, &r);
        let c = statement.challenge(&m, &z, &t2, &t3);
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
        let (m, z) = statement.composites();
        let t2 = S::Group::mul(statement.a, &self.s) + S::Group::mul(statement.b, &self.c);
        let t3 = S::Group::mul(&m, &self.s) + S::Group::mul(&z, &self.c);
        let expected = statement.challenge(&m, &z, &t2, &t3);
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
    /// `ComputeComposites` (RFC 9497 section 2.2.2): `M = Σ d_i·C_i` and `Z = Σ d_i·D_i`.
    #[inline(never)]
    fn composites(&self) -> (Element<S>, Element<S>) {
        let mut hash = Sha512::new();
        hash.absorb(&two_bytes(ElementBytes::<S>::LEN));
        hash.absorb(S::Group::encode(self.b).as_ref());
        hash.absorb(&two_bytes(SEED_LABEL.len() + self.context.len()));
        hash.absorb(SEED_LABEL);
        hash.absorb(self.context);
        let seed: [u8; 64] = hash.finalize().into();

        let len = two_bytes(ElementBytes::<S>::LEN);
        let mut m = S::Group::identity();
        let mut z = S::Group::identity();
        for (i, (c_i, d_i)) in zip(self.c, self.d).enumerate() {
            let (c_bytes, d_bytes) = (S::Group::encode(c_i), S::Group::encode(d_i));
            let weight = self.hash_to_scalar(&[
                &two_bytes(seed.len()),
                &seed,
                &two_bytes(i),
                &len,
                c_bytes.as_ref(),
                &len,
                d_bytes.as_ref(),
                b"Composite",
            ]);
            m = m + S::Group::mul(c_i, &weight);
            z = z + S::Group::mul(d_i, &weight);
        }
        (m, z)
    }

    /// The challenge `c` (RFC 9497 section 2.2.1, `challengeTranscript`).
    #[inline(never)]
    fn challenge(
        &self,
        m: &Element<S>,
        z: &Element<S>,
        t2: &Element<S>,
        t3: &Element<S>,
    ) -> Scalar<S> {
        let len = two_bytes(ElementBytes::<S>::LEN);
        let [b, m, z, t2, t3] = [self.b, m, z, t2, t3].map(S::Group::encode);
        self.hash_to_scalar(&[
            &len,
            b.as_ref(),
            &len,
            m.as_ref(),
            &len,
            z.as_ref(),
            &len,
            t2.as_ref(),
            &len,
            t3.as_ref(),
            b"Challenge",
        ])
    }

    /// `HashToScalar` with `DST = "HashToScalar-" ‖ contextString` (RFC 9497 section 4).
    fn hash_to_scalar(&self, msg: &[&[u8]]) -> Scalar<S> {
        S::hash_to_scalar(msg, &[b"HashToScalar-", self.context])
    }
}

const SEED_LABEL: &[u8] = b"Seed-";

/// `I2OSP(n, 2)`. Lengths and indices here stay far below 2^16.
fn two_bytes(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes()
}
