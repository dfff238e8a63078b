//! Proofs of equal discrete logarithms by RFC 9497 section 2.2, without a shortcut.

use num_bigint::BigUint;

use super::{ReferenceGroup, hash, hash_to_scalar};

/// `B = kA`, `D_i = kC_i`.
pub struct Statement<'a, G: ReferenceGroup> {
    /// `A`.
    pub a: &'a G::Element,
    /// `B`.
    pub b: &'a G::Element,
    /// `(C_i, D_i)`.
    pub pairs: &'a [(G::Element, G::Element)],
    /// `contextString`.
    pub context: &'a [u8],
}

/// `(c, s)` by `GenerateProof` (section 2.2.1) with nonce `r`.
pub fn prove<G: ReferenceGroup>(
    group: &G,
    statement: &Statement<'_, G>,
    k: &BigUint,
    r: &BigUint,
) -> [BigUint; 2] {
    let (m, z) = composites(group, statement);
    let (t2, t3) = (group.mul(statement.a, r), group.mul(&m, r));
    let c = challenge(group, statement, [&m, &z, &t2, &t3]);
    let q = group.order();
    let s = (r % q + q * q - &c * k % q) % q;
    [c, s]
}

/// `VerifyProof` (section 2.2.2).
pub fn verify<G: ReferenceGroup>(
    group: &G,
    statement: &Statement<'_, G>,
    [c, s]: &[BigUint; 2],
) -> bool {
    let (m, z) = composites(group, statement);
    let t2 = group.add(&group.mul(statement.a, s), &group.mul(statement.b, c));
    let t3 = group.add(&group.mul(&m, s), &group.mul(&z, c));
    challenge(group, statement, [&m, &z, &t2, &t3]) == *c
}

/// `ComputeComposites`: `M = Σ d_i·C_i`, `Z = Σ d_i·D_i`.
fn composites<G: ReferenceGroup>(
    group: &G,
    statement: &Statement<'_, G>,
) -> (G::Element, G::Element) {
    let seed_dst = [b"Seed-", statement.context].concat();
    let seed = hash::sha512(&[prefixed(&group.encode(statement.b)), prefixed(&seed_dst)].concat());
    let mut sums = (group.identity(), group.identity());
    for (i, (c, d)) in statement.pairs.iter().enumerate() {
        let transcript = [
            prefixed(&seed),
            two_bytes(i).to_vec(),
            prefixed(&group.encode(c)),
            prefixed(&group.encode(d)),
            b"Composite".to_vec(),
        ];
        let weight = to_scalar(group, statement, &transcript.concat());
        sums.0 = group.add(&group.mul(c, &weight), &sums.0);
        sums.1 = group.add(&group.mul(d, &weight), &sums.1);
    }
    sums
}

fn challenge<G: ReferenceGroup>(
    group: &G,
    statement: &Statement<'_, G>,
    rest: [&G::Element; 4],
) -> BigUint {
    let mut transcript = prefixed(&group.encode(statement.b));
    for element in rest {
        transcript.extend(prefixed(&group.encode(element)));
    }
    transcript.extend(b"Challenge");
    to_scalar(group, statement, &transcript)
}

fn to_scalar<G: ReferenceGroup>(
    group: &G,
    statement: &Statement<'_, G>,
    message: &[u8],
) -> BigUint {
    hash_to_scalar(
        group,
        message,
        &[b"HashToScalar-", statement.context].concat(),
    )
}

/// `I2OSP(len(bytes), 2) ‖ bytes`.
fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [&two_bytes(bytes.len())[..], bytes].concat()
}

fn two_bytes(n: usize) -> [u8; 2] {
    u16::try_from(n).expect("short").to_be_bytes()
}
