//! The finite-field groups of RFC 7919: squares modulo a safe prime, with generator 2.

use num_bigint::BigUint;

use super::ReferenceGroup;

/// The squares modulo a safe prime `p`; addition is multiplication modulo `p`.
pub struct Residues {
    p: BigUint,
    q: BigUint,
    suite: u64,
    /// Bytes of `p`, of an element and of a scalar.
    len: usize,
    /// Bytes of a secret key or nonce.
    short_len: usize,
}

impl Residues {
    /// RFC 7919 appendix A.1.
    #[must_use]
    pub fn ffdhe2048() -> Self {
        Self::new(2048, 560_316, 2, 32)
    }

    /// RFC 7919 appendix A.2.
    #[must_use]
    pub fn ffdhe3072() -> Self {
        Self::new(3072, 2_625_351, 3, 36)
    }

    fn new(bits: u32, x: u32, suite: u64, short_len: usize) -> Self {
        let p = prime(bits, x);
        let q = (&p - 1_u8) / 2_u8;
        let len = usize::try_from(bits / 8).expect("a few hundred");
        Self {
            p,
            q,
            suite,
            len,
            short_len,
        }
    }

    fn padded(&self, integer: &BigUint) -> Vec<u8> {
        let digits = integer.to_bytes_be();
        [vec![0; self.len - digits.len()], digits].concat()
    }
}

/// `2^n − 2^(n−64) + (⌊2^(n−130)·e⌋ + X)·2^64 − 1`, the rule of RFC 7919 appendix A.
fn prime(bits: u32, x: u32) -> BigUint {
    let one = || BigUint::from(1_u8);
    // e = Σ 1/k!, with 64 bits to spare for what each of the few hundred terms loses.
    let mut term = one() << (bits - 130 + 64);
    let mut e = BigUint::ZERO;
    for k in 1_u32.. {
        if term == BigUint::ZERO {
            break;
        }
        e += &term;
        term /= k;
    }
    (one() << bits) - (one() << (bits - 64)) + (((e >> 64) + x) << 64) - 1_u8
}

impl ReferenceGroup for Residues {
    type Element = BigUint;

    fn suite(&self) -> u64 {
        self.suite
    }

    fn order(&self) -> &BigUint {
        &self.q
    }

    fn wide_len(&self) -> usize {
        self.len + 16
    }

    fn identity(&self) -> BigUint {
        BigUint::from(1_u8)
    }

    fn generator(&self) -> BigUint {
        BigUint::from(2_u8)
    }

    fn add(&self, a: &BigUint, b: &BigUint) -> BigUint {
        a * b % &self.p
    }

    /// `a^(p−2)`, by Fermat's little theorem.
    fn neg(&self, a: &BigUint) -> BigUint {
        a.modpow(&(&self.p - 2_u8), &self.p)
    }

    fn mul(&self, a: &BigUint, k: &BigUint) -> BigUint {
        a.modpow(k, &self.p)
    }

    fn encode(&self, a: &BigUint) -> Vec<u8> {
        self.padded(a)
    }

    /// Euler's criterion: `a` is a square if `a^q = 1`.
    fn decode(&self, bytes: &[u8]) -> Option<BigUint> {
        let a = BigUint::from_bytes_be(bytes);
        let is_square = || a.modpow(&self.q, &self.p) == self.identity();
        (bytes.len() == self.len && a < self.p && is_square()).then_some(a)
    }

    fn integer(&self, bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_be(bytes)
    }

    fn scalar_bytes(&self, k: &BigUint) -> Vec<u8> {
        self.padded(k)
    }

    fn short(&self, wide: &[u8]) -> BigUint {
        BigUint::from_bytes_be(&wide[wide.len() - self.short_len..])
    }
}
