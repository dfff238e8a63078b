//! The slow oracle: exponential ElGamal, its tags and its proofs on big integers, from the
//! formulas.
//!
//! It shares no arithmetic and no derivation code with `core-nostd`: numbers are [`BigUint`]s,
//! multiplication is square-and-multiply, and keys are derived again from HMAC-SHA-512. A scalar
//! is an integer below `q`. What one group differs in from another is a [`ReferenceGroup`]; the
//! scheme over it, in its parts, is [`Reference`].

use std::fmt::Debug;

use num_bigint::BigUint;

pub use hash::{Field, hash_to_scalar};
pub use residues::Residues;
pub use ristretto::Ristretto;
pub use statement::{Header, Scope};
pub use tags::{Cut, Place, Range};

pub mod dleq;
mod elgamal;
mod hash;
mod residues;
mod ristretto;
mod statement;
mod tags;

/// A group of prime order `q`, written additively.
pub trait ReferenceGroup {
    /// An element.
    type Element: Clone + Debug + PartialEq;

    /// The suite's number.
    fn suite(&self) -> u64;
    /// `q`.
    fn order(&self) -> &BigUint;
    /// Bytes that are reduced to a uniform scalar.
    fn wide_len(&self) -> usize;
    /// The neutral element.
    fn identity(&self) -> Self::Element;
    /// `G`.
    fn generator(&self) -> Self::Element;
    /// `a + b`.
    fn add(&self, a: &Self::Element, b: &Self::Element) -> Self::Element;
    /// `−a`.
    fn neg(&self, a: &Self::Element) -> Self::Element;
    /// `k·a`.
    fn mul(&self, a: &Self::Element, k: &BigUint) -> Self::Element;
    /// The canonical encoding.
    fn encode(&self, a: &Self::Element) -> Vec<u8>;
    /// The inverse of [`Self::encode`]; nothing for any other bytes.
    fn decode(&self, bytes: &[u8]) -> Option<Self::Element>;
    /// The integer that bytes stand for, in the group's byte order.
    fn integer(&self, bytes: &[u8]) -> BigUint;
    /// The canonical encoding of a scalar.
    fn scalar_bytes(&self, k: &BigUint) -> Vec<u8>;
    /// The secret key or encryption nonce that wide bytes stand for.
    fn short(&self, wide: &[u8]) -> BigUint;

    /// `a − b`.
    fn sub(&self, a: &Self::Element, b: &Self::Element) -> Self::Element {
        self.add(a, &self.neg(b))
    }

    /// `k·G`.
    fn base(&self, k: &BigUint) -> Self::Element {
        self.mul(&self.generator(), k)
    }

    /// `m mod q`.
    fn signed(&self, m: i64) -> BigUint {
        let magnitude = BigUint::from(m.unsigned_abs()) % self.order();
        if m < 0 {
            (self.order() - magnitude) % self.order()
        } else {
            magnitude
        }
    }

    /// `k` for `k` in `0 .. q`, nothing for other bytes.
    fn decode_scalar(&self, bytes: &[u8]) -> Option<BigUint> {
        let k = self.integer(bytes);
        (bytes.len() == self.scalar_bytes(&BigUint::ZERO).len() && k < *self.order()).then_some(k)
    }
}

/// The scheme in one group, with the keys that come from one root seed.
pub struct Reference<G> {
    /// The group.
    pub group: G,
    seed: [u8; 32],
}

impl<G: ReferenceGroup> Reference<G> {
    /// The keys of `seed`.
    pub fn new(group: G, seed: [u8; 32]) -> Self {
        Self { group, seed }
    }

    /// The secret key of a book.
    pub fn x(&self, book: &[u8]) -> BigUint {
        let fields = [Field::Bytes(b"x"), self.suite(), Field::Bytes(book)];
        let wide = hash::prf(&self.label("x"), &fields, self.group.wide_len());
        self.group.short(&wide)
    }

    /// The wide bytes of a hedged nonce: `PRF(PRF(hedge; purpose, suite, fresh); input)`.
    pub fn hedged(
        &self,
        hedge: &[u8; 32],
        fresh: &[u8; 32],
        purpose: &[u8],
        input: &[Field<'_>],
    ) -> Vec<u8> {
        let once = [Field::Bytes(purpose), self.suite(), Field::Bytes(fresh)];
        let key = hash::prf(hedge, &once, 32);
        hash::prf(&key, input, self.group.wide_len())
    }

    fn suite(&self) -> Field<'static> {
        Field::Number(self.group.suite())
    }

    /// The pseudo-random scalar of `fields` under the key of `label`.
    fn scalar(&self, label: &str, fields: &[Field<'_>]) -> BigUint {
        let wide = hash::prf(&self.label(label), fields, self.group.wide_len());
        self.group.integer(&wide) % self.group.order()
    }

    fn label(&self, label: &str) -> Vec<u8> {
        hash::hkdf(&self.seed, label)
    }
}
