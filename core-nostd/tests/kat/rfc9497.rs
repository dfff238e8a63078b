//! Keys, scalars and proofs of equal discrete logarithms: RFC 9497, suite ristretto255-SHA512.
//!
//! The document's protocol is not ours, but its proofs are, and its keys come from the same hash to
//! scalars. Every field of a proof and of what it is about is then changed in turn, and none of the
//! results verifies.

use core_nostd::{
    ciphersuite::{Ciphersuite, Element, Ristretto255Sha512 as S, Scalar},
    error::DecodeError,
    group::{Group, ristretto255::Ristretto255},
    proof::dleq::{DleqProof, DleqStatement, ProofNonce},
};
use num_bigint::BigUint;

use super::vectors::Case;

/// One proof and what it is about.
#[derive(Clone)]
struct Proof {
    section: String,
    key: Scalar<S>,
    public_key: Element<S>,
    c: Vec<Element<S>>,
    d: Vec<Element<S>>,
    bytes: Vec<u8>,
    nonce: [u8; 64],
    context: Vec<u8>,
}

#[test]
fn keys_are_hashed_to_as_published() {
    for case in file().cases("key_pairs") {
        // Section 3.2.1, DeriveKeyPair, with the counter at 0.
        let (seed, info) = (case.bytes("seed"), case.bytes("key_info"));
        let context = context_string(case.number("mode"));
        let msg: [&[u8]; 4] = [&seed, &two_bytes(&info), &info, &[0]];
        let msg = |absorb: &mut dyn FnMut(&[u8])| msg.into_iter().for_each(absorb);
        let key = S::hash_to_scalar(&msg, &[b"DeriveKeyPair", &context]);
        assert_eq!(Ristretto255::encode_scalar(&key), case.array("sk"));
        if case.has("pk") {
            let public_key = Ristretto255::mul_base(&key);
            assert_eq!(Ristretto255::encode(&public_key), case.array("pk"));
        }
    }
}

#[test]
fn evaluations_are_multiples_by_the_key() {
    for case in file().cases("evaluations") {
        let key = Ristretto255::decode_scalar(&case.bytes("sk")).unwrap();
        let blinded = Ristretto255::decode(&case.bytes("blinded")).unwrap();
        let evaluated = Ristretto255::encode(&Ristretto255::mul(&blinded, &key));
        assert_eq!(evaluated, case.array("evaluated"));
    }
}

#[test]
fn proofs_are_made_byte_for_byte() {
    for proof in proofs() {
        let section = &proof.section;
        assert_eq!(
            Ristretto255::mul_base(&proof.key),
            proof.public_key,
            "{section}"
        );
        assert_eq!(
            proof.made_with(&proof.key, &proof.nonce),
            proof.bytes,
            "{section}"
        );
    }
}

#[test]
fn proofs_verify_and_no_change_of_a_bit_does() {
    for proof in proofs() {
        assert!(proof.verifies(), "{}", proof.section);
        for bit in 0..8 * proof.bytes.len() {
            let mut changed = proof.clone();
            changed.bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!changed.verifies(), "{}, bit {bit}", proof.section);
        }
    }
}

/// A proof in which one thing is wrong.
type Fault = (&'static str, fn(&mut Proof));

const FAULTS: [Fault; 12] = [
    ("another public key", |p| p.public_key = p.public_key + g()),
    ("the identity as public key", |p| {
        p.public_key = Ristretto255::identity()
    }),
    ("another C", |p| p.c[0] = p.c[0] + g()),
    ("another D", |p| p.d[0] = p.d[0] + g()),
    ("another last C", |p| *p.c.last_mut().unwrap() = g()),
    ("another last D", |p| *p.d.last_mut().unwrap() = g()),
    ("C and D exchanged", |p| core::mem::swap(&mut p.c, &mut p.d)),
    ("a pair more", |p| {
        p.c.push(g());
        p.d.push(p.public_key);
    }),
    ("a C without its D", |p| p.c.push(g())),
    ("a longer context", |p| p.context.push(b'x')),
    ("the context of another mode", |p| p.context[7] ^= 3),
    ("c and s exchanged", |p| p.bytes.rotate_left(32)),
];

#[test]
fn a_proof_is_of_its_statement_alone() {
    for proof in proofs() {
        for (fault, change) in FAULTS {
            let mut changed = proof.clone();
            change(&mut changed);
            assert!(!changed.verifies(), "{}: {fault}", proof.section);
        }
        if proof.c.len() > 1 {
            let mut changed = proof.clone();
            changed.c.reverse();
            changed.d.reverse();
            assert!(!changed.verifies(), "{}: other order", proof.section);
        }
    }
}

#[test]
fn a_proof_with_another_key_does_not_verify() {
    for proof in proofs() {
        let mut changed = proof.clone();
        let another_key = proof.key + Ristretto255::scalar_from_i64(1);
        changed.bytes = proof.made_with(&another_key, &proof.nonce);
        assert!(!changed.verifies(), "{}", proof.section);
    }
}

#[test]
fn a_proof_with_another_nonce_verifies_and_is_another() {
    for proof in proofs() {
        let mut changed = proof.clone();
        changed.bytes = proof.made_with(&proof.key, &[7; 64]);
        assert_ne!(changed.bytes, proof.bytes, "{}", proof.section);
        assert!(changed.verifies(), "{}", proof.section);
    }
}

/// The same proof, `q` added to one of its scalars: equal modulo `q`, and not the same bytes.
#[test]
fn a_scalar_that_is_not_reduced_is_refused() {
    let q = (BigUint::from(1u8) << 252) + 27_742_317_777_372_353_535_851_937_790_883_648_493_u128;
    for proof in proofs() {
        for (scalar, half) in [("c", 0..32), ("s", 32..64)] {
            let mut bytes = proof.bytes.clone();
            let unreduced: BigUint = BigUint::from_bytes_le(&bytes[half.clone()]) + &q;
            bytes[half].copy_from_slice(&unreduced.to_bytes_le());
            let decoded = DleqProof::<S>::from_bytes(&bytes[..32], &bytes[32..]);
            assert_eq!(decoded.err(), Some(DecodeError::NonCanonical), "{scalar}");
        }
    }
}

impl Proof {
    fn read(case: &Case) -> Self {
        let elements = |field| -> Vec<Element<S>> {
            let encodings = case.byte_strings(field);
            encodings
                .iter()
                .map(|bytes| Ristretto255::decode(bytes).unwrap())
                .collect()
        };
        let context = context_string(case.number("mode"));
        let mut key = Ristretto255::decode_scalar(&case.bytes("sk")).unwrap();
        let mut public_key = Ristretto255::decode(&case.bytes("pk")).unwrap();
        let (mut c, mut d) = (elements("blinded"), elements("evaluated"));
        if case.has("info") {
            // Section 3.3.3: the key is tweaked by the public info, and the pairs change sides.
            let info = case.bytes("info");
            let msg: [&[u8]; 3] = [b"Info", &two_bytes(&info), &info];
            let msg = |absorb: &mut dyn FnMut(&[u8])| msg.into_iter().for_each(absorb);
            let tweak = S::hash_to_scalar(&msg, &[b"HashToScalar-", &context]);
            key = key + tweak;
            public_key = public_key + Ristretto255::mul_base(&tweak);
            core::mem::swap(&mut c, &mut d);
        }
        // The published nonce is a scalar already: below q, it reduces to itself.
        let mut nonce = [0; 64];
        nonce[..32].copy_from_slice(&case.array::<32>("nonce"));
        Self {
            section: case.text("section").to_owned(),
            key,
            public_key,
            c,
            d,
            bytes: case.array::<64>("proof").to_vec(),
            nonce,
            context,
        }
    }

    fn statement<'a>(&'a self, a: &'a Element<S>) -> DleqStatement<'a, S> {
        DleqStatement {
            a,
            b: &self.public_key,
            c: &self.c,
            d: &self.d,
            context: &self.context,
        }
    }

    fn made_with(&self, key: &Scalar<S>, nonce: &[u8; 64]) -> Vec<u8> {
        let nonce = ProofNonce::from_uniform_bytes(nonce);
        let (c, s) = DleqProof::prove(key, &self.statement(&g()), nonce).to_bytes();
        [c, s].concat()
    }

    fn verifies(&self) -> bool {
        DleqProof::<S>::from_bytes(&self.bytes[..32], &self.bytes[32..])
            .is_ok_and(|proof| proof.verify(&self.statement(&g())).is_ok())
    }
}

fn file() -> Case {
    Case::file("rfc9497_ristretto255.json")
}

fn proofs() -> Vec<Proof> {
    let proofs: Vec<Proof> = file().cases("proofs").iter().map(Proof::read).collect();
    assert_eq!(proofs.len(), 6);
    proofs
}

/// `contextString` of section 3.1.
fn context_string(mode: u8) -> Vec<u8> {
    [b"OPRFV1-", &[mode][..], b"-ristretto255-SHA512"].concat()
}

/// `I2OSP(len(bytes), 2)`.
fn two_bytes(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_be_bytes()
}

fn g() -> Element<S> {
    Ristretto255::generator()
}
