//! Statements: what a release says, and the proof that the ciphertext was opened rightly.
//!
#![doc = include_str!("../STATEMENT.md")]

use core::slice;

use rand_core::CryptoRng;
use sha2::{Digest, Sha512};

use crate::{
    ciphersuite::{Ciphersuite, Element},
    ciphertext::Ciphertext,
    encryption::check_amount,
    error::VerifyError,
    group::Group,
    hash::{Absorb, Part},
    ids::{BookId, Handle, WriterId},
    keys::{Hedge, PublicKey, SecretKey, hedged_bytes},
    proof::dleq::{DleqProof, DleqStatement, ProofNonce},
    tag::LastPosition,
};

/// The entries `from … to − 1` of one writer's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
pub struct Span {
    /// The writer.
    pub writer: WriterId,
    /// Position of the first entry.
    pub from: u64,
    /// Position after the last entry.
    pub to: u64,
}

/// Which entries a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Whole segments of chains; the token has verified the tag of their sum.
    Total(&'a [Span]),
    /// One account's history; the token has verified the account tag of its sum.
    Balance {
        /// The account.
        account: Handle,
        /// Its last position for each writer.
        last: &'a [LastPosition],
    },
    /// A sum of an open book, taken on the host's word.
    Open,
}

/// Everything a statement is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a, S: Ciphersuite> {
    /// The token's count of statements, from 1.
    pub number: u64,
    /// The book.
    pub book: BookId,
    /// Its public key `Y`.
    pub public_key: PublicKey<S>,
    /// Number of entries: verified for a total, on the host's word for an open book, 0 (not stated)
    /// for a balance.
    pub count: u64,
    /// Which entries.
    pub scope: Scope<'a>,
    /// The ciphertext that was opened; its `c1` is not the identity.
    pub ciphertext: Ciphertext<S>,
    /// `D = mG`.
    pub d: Element<S>,
}

/// `TALLYSTICK-v1-`, which a context string begins with; the hash of the header follows.
pub const CONTEXT_LABEL: &[u8; 14] = b"TALLYSTICK-v1-";

impl<S: Ciphersuite> Header<'_, S> {
    /// SHA-512 over all fields, each tagged and of fixed width or with its length.
    #[must_use]
    #[inline(never)]
    pub fn hash(&self) -> [u8; 64] {
        let mut hash = Sha512::new();
        let mut parts = |parts: &[Part<'_>]| hash.parts(parts);
        parts(&[
            Part::Bytes(b"TALLYSTICK-v1-statement"),
            Part::U64(u64::from(S::ID as u8)),
            Part::U64(self.number),
            Part::Bytes(&self.book.0),
            Part::Bytes(self.public_key.to_bytes().as_ref()),
            Part::U64(self.count),
        ]);
        match self.scope {
            Scope::Total(spans) => {
                parts(&[Part::U64(1), Part::U64(length(spans))]);
                for Span { writer, from, to } in spans {
                    parts(&[Part::Bytes(&writer.0), Part::U64(*from), Part::U64(*to)]);
                }
            }
            Scope::Balance { account, last } => {
                parts(&[
                    Part::U64(2),
                    Part::Bytes(&account.0),
                    Part::U64(length(last)),
                ]);
                for LastPosition { writer, seq } in last {
                    parts(&[Part::Bytes(&writer.0), (*seq).into()]);
                }
            }
            Scope::Open => parts(&[Part::U64(3)]),
        }
        for element in [&self.ciphertext.c1, &self.ciphertext.c2, &self.d] {
            parts(&[Part::Bytes(S::Group::encode(element).as_ref())]);
        }
        hash.finalize().into()
    }

    /// Proves `log_G Y = log_c1(c2 − D)` with a hedged nonce that takes the whole header.
    #[inline(never)]
    pub fn prove(
        &self,
        key: &SecretKey<S>,
        hedge: &Hedge,
        rng: &mut impl CryptoRng,
    ) -> DleqProof<S> {
        let hash = self.hash();
        let input = [Part::Bytes(&hash)];
        let wide = hedged_bytes::<S>(hedge.expose_bytes(), rng, b"proof", &input);
        let nonce = ProofNonce::<S>::from_uniform_bytes(&*wide);
        self.with_dleq(&hash, |statement| {
            DleqProof::prove(&*key.scalar(), statement, nonce)
        })
    }

    /// Verifies that the ciphertext decrypts to `m`, with no key.
    ///
    /// # Errors
    /// [`VerifyError::Amount`] if `D ≠ mG`, [`VerifyError::Proof`] if the proof does not hold,
    /// [`VerifyError::Inconsistent`] if the header is not one of a release.
    pub fn verify(&self, m: i64, proof: &DleqProof<S>) -> Result<(), VerifyError> {
        let spans_agree = match self.scope {
            Scope::Total(spans) => spans
                .iter()
                .try_fold(0_u64, |sum, span| {
                    sum.checked_add(span.to.checked_sub(span.from)?)
                })
                .is_some_and(|sum| sum == self.count && sum > 0),
            Scope::Balance { .. } | Scope::Open => true,
        };
        if !spans_agree || bool::from(S::Group::is_identity(&self.ciphertext.c1)) {
            return Err(VerifyError::Inconsistent);
        }
        if !bool::from(check_amount::<S>(m, &self.d)) {
            return Err(VerifyError::Amount);
        }
        self.with_dleq(&self.hash(), |statement| proof.verify(statement))
    }

    fn with_dleq<R>(&self, hash: &[u8; 64], f: impl FnOnce(&DleqStatement<'_, S>) -> R) -> R {
        let mut context = [0; CONTEXT_LABEL.len() + 64];
        for (to, from) in context.iter_mut().zip(CONTEXT_LABEL.iter().chain(hash)) {
            *to = *from;
        }
        f(&DleqStatement {
            a: &S::Group::generator(),
            b: self.public_key.element(),
            c: slice::from_ref(&self.ciphertext.c1),
            d: &[self.ciphertext.c2 - self.d],
            context: &context,
        })
    }
}

/// A length as a fixed-width field.
fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
