//! Encryption, its group law, and decryption to `mG`.

use num_bigint::BigUint;

use super::{Reference, ReferenceGroup};

/// `(c1, c2)`.
type Ciphertext<G> = [<G as ReferenceGroup>::Element; 2];

impl<G: ReferenceGroup> Reference<G> {
    /// `(rG, rY + mG)`.
    pub fn encrypt(&self, y: &G::Element, m: i64, r: &BigUint) -> Ciphertext<G> {
        let group = &self.group;
        let plaintext = group.base(&group.signed(m));
        [group.base(r), group.add(&group.mul(y, r), &plaintext)]
    }

    /// `c2 − x·c1 = mG`.
    pub fn decrypt(&self, x: &BigUint, [c1, c2]: &Ciphertext<G>) -> G::Element {
        self.group.sub(c2, &self.group.mul(c1, x))
    }

    /// `(c1 + c1', c2 + c2')`.
    pub fn add(&self, [a1, a2]: &Ciphertext<G>, [b1, b2]: &Ciphertext<G>) -> Ciphertext<G> {
        [self.group.add(a1, b1), self.group.add(a2, b2)]
    }

    /// `(c1 − c1', c2 − c2')`.
    pub fn sub(&self, [a1, a2]: &Ciphertext<G>, [b1, b2]: &Ciphertext<G>) -> Ciphertext<G> {
        [self.group.sub(a1, b1), self.group.sub(a2, b2)]
    }

    /// `(−c1, −c2)`.
    pub fn neg(&self, ciphertext: &Ciphertext<G>) -> Ciphertext<G> {
        ciphertext.each_ref().map(|part| self.group.neg(part))
    }

    /// `(k·c1, k·c2)`.
    pub fn scale(&self, ciphertext: &Ciphertext<G>, k: i64) -> Ciphertext<G> {
        let k = self.group.signed(k);
        ciphertext.each_ref().map(|part| self.group.mul(part, &k))
    }

    /// `(c1 + rG, c2 + rY)`.
    pub fn rerandomize(
        &self,
        y: &G::Element,
        [c1, c2]: &Ciphertext<G>,
        r: &BigUint,
    ) -> Ciphertext<G> {
        let group = &self.group;
        [
            group.add(c1, &group.base(r)),
            group.add(c2, &group.mul(y, r)),
        ]
    }
}
