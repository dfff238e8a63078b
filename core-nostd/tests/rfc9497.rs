//! Proofs of equal discrete logarithms against the official vectors of RFC 9497.
//!
//! Every ristretto255-SHA512 proof of the appendix is made again from its key and nonce, byte for
//! byte, and verified; then every byte of it is changed in turn, and none of the results verifies.

use core_nostd::{
    ciphersuite::{Ciphersuite, Element, Ristretto255Sha512 as S, Scalar},
    group::{Group, ristretto255::Ristretto255},
    proof::dleq::{DleqProof, DleqStatement, ProofNonce},
};
use serde_json::Value;

struct Vector {
    section: String,
    key: Scalar<S>,
    public_key: Element<S>,
    c: Vec<Element<S>>,
    d: Vec<Element<S>>,
    proof: Vec<u8>,
    nonce: [u8; 64],
    context: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    let file: Value = serde_json::from_str(include_str!("vectors/rfc9497_dleq.json")).unwrap();
    file["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(vector)
        .collect()
}

fn vector(json: &Value) -> Vector {
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let elements = |value: &Value| -> Vec<Element<S>> {
        let list = value.as_array().unwrap().iter();
        list.map(|hex| Ristretto255::decode(&bytes(hex)).unwrap())
            .collect()
    };
    let mode = u8::try_from(json["mode"].as_u64().unwrap()).unwrap();
    // contextString of section 3.1.
    let context = [b"OPRFV1-", &[mode][..], b"-ristretto255-SHA512"].concat();
    let mut key = Ristretto255::decode_scalar(&bytes(&json["sk"])).unwrap();
    let mut public_key = Ristretto255::decode(&bytes(&json["pk"])).unwrap();
    let (mut c, mut d) = (elements(&json["blinded"]), elements(&json["evaluated"]));
    if mode == 2 {
        // Section 3.3.3: the key is tweaked by the public info, and the pairs change sides.
        let info = bytes(&json["info"]);
        let len = u16::try_from(info.len()).unwrap().to_be_bytes();
        let tweak = S::hash_to_scalar(&[b"Info", &len, &info], &[b"HashToScalar-", &context]);
        key = key + tweak;
        public_key = public_key + Ristretto255::mul_base(&tweak);
        core::mem::swap(&mut c, &mut d);
    }
    let mut nonce = [0; 64];
    nonce[..32].copy_from_slice(&bytes(&json["nonce"]));
    let section = json["section"].as_str().unwrap().to_owned();
    Vector {
        section,
        key,
        public_key,
        c,
        d,
        proof: bytes(&json["proof"]),
        nonce,
        context,
    }
}

impl Vector {
    fn with_statement<R>(&self, f: impl FnOnce(&DleqStatement<'_, S>) -> R) -> R {
        f(&DleqStatement {
            a: &Ristretto255::generator(),
            b: &self.public_key,
            c: &self.c,
            d: &self.d,
            context: &self.context,
        })
    }

    fn verifies(&self, proof: &[u8]) -> bool {
        DleqProof::<S>::from_bytes(&proof[..32], &proof[32..]).is_ok_and(|proof| {
            self.with_statement(|statement| proof.verify(statement))
                .is_ok()
        })
    }
}

#[test]
fn official_proofs_are_made_byte_for_byte() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        assert!(
            Ristretto255::mul_base(&vector.key) == vector.public_key,
            "{}",
            vector.section
        );
        let nonce = ProofNonce::<S>::from_uniform_bytes(&vector.nonce);
        let proof =
            vector.with_statement(|statement| DleqProof::prove(&vector.key, statement, nonce));
        let (c, s) = proof.to_bytes();
        assert_eq!([c, s].concat(), vector.proof, "{}", vector.section);
    }
}

#[test]
fn official_proofs_verify_and_no_change_of_a_byte_does() {
    for vector in vectors() {
        assert!(vector.verifies(&vector.proof), "{}", vector.section);
        for i in 0..vector.proof.len() {
            let mut proof = vector.proof.clone();
            proof[i] ^= 1;
            assert!(!vector.verifies(&proof), "{}, byte {i}", vector.section);
        }
    }
}

#[test]
fn a_proof_is_of_its_statement_alone() {
    for mut vector in vectors() {
        let proof = vector.proof.clone();
        vector.context.push(b'x');
        assert!(!vector.verifies(&proof), "another context");
        vector.context.pop();
        vector.d[0] = vector.d[0] + Ristretto255::generator();
        assert!(!vector.verifies(&proof), "another element");
        vector.d.pop();
        assert!(!vector.verifies(&proof), "lists of different lengths");
    }
}
