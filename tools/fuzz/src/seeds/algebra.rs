//! Elements, scalars, ciphertexts and proofs: random ones, the ends of their ranges, and what lies
//! just beyond.

use core_nostd::{
    ciphersuite::{
        Ciphersuite, ElementBytes, Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, SuiteId,
    },
    group::Group,
    keys::{Nonce, RootSeed},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::{Seed, unhex};
use crate::{algebra::prime, suite::rules};

pub(super) fn all() -> Vec<Seed> {
    [
        suite::<Ristretto255Sha512>(),
        suite::<Ffdhe2048Sha512>(),
        suite::<Ffdhe3072Sha512>(),
        ristretto(),
        finite_field::<Ffdhe2048Sha512>(),
        finite_field::<Ffdhe3072Sha512>(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The number of the suite, then the pieces.
fn input<S: Ciphersuite>(pieces: &[&[u8]]) -> Vec<u8> {
    [&[S::ID as u8], pieces.concat().as_slice()].concat()
}

fn suite<S: Ciphersuite>() -> Vec<Seed> {
    let id = S::ID;
    let name = |what: &str| format!("{id} {what}");
    let encode = |element| S::Group::encode(&element);
    let multiple = |m| encode(S::Group::mul_base_i64(m));
    let scalar = |value| S::Group::encode_scalar(&S::Group::scalar_from_i64(value));
    let (identity, generator) = (multiple(0), multiple(1));
    let greatest = scalar(-1);

    let kind = core_nostd::book::BookKind::Authenticated;
    let key = RootSeed::from_bytes(&[7; 32]).secret_key::<S>(&rules(id, kind).id());
    let nonce = Nonce::random(&mut ChaCha20Rng::seed_from_u64(3));
    let (c1, c2) = key.encrypt(-1250, nonce).to_bytes();

    let element = |element: &ElementBytes<S>| input::<S>(&[element.as_ref()]);
    let short = &generator.as_ref()[1..];
    vec![
        Seed::valid("element", name("identity"), element(&identity)),
        Seed::valid("element", name("generator"), element(&generator)),
        Seed::valid("element", name("minus generator"), element(&multiple(-1))),
        Seed::valid("element", name("ciphertext"), element(&c2)),
        Seed::bad("element", name("short"), input::<S>(&[short])),
        Seed::bad(
            "element",
            name("long"),
            input::<S>(&[generator.as_ref(), &[0]]),
        ),
        Seed::valid("scalar", name("zero"), input::<S>(&[scalar(0).as_ref()])),
        Seed::valid("scalar", name("greatest"), input::<S>(&[greatest.as_ref()])),
        Seed::bad("scalar", name("order"), input::<S>(&[&order::<S>()])),
        Seed::bad(
            "scalar",
            name("all ones"),
            input::<S>(&[&vec![0xFF; greatest.as_ref().len()]]),
        ),
        Seed::valid(
            "ciphertext",
            name("fresh"),
            input::<S>(&[c1.as_ref(), c2.as_ref()]),
        ),
        Seed::valid(
            "ciphertext",
            name("c2 identity"),
            input::<S>(&[c1.as_ref(), identity.as_ref()]),
        ),
        Seed::bad(
            "ciphertext",
            name("c1 identity"),
            input::<S>(&[identity.as_ref(), c2.as_ref()]),
        ),
        Seed::valid(
            "proof",
            name("two scalars"),
            input::<S>(&[scalar(700).as_ref(), greatest.as_ref()]),
        ),
        Seed::bad(
            "proof",
            name("not below the order"),
            input::<S>(&[scalar(700).as_ref(), &order::<S>()]),
        ),
    ]
}

/// `q`, as a scalar would be encoded. Neither `q − 1` ends in a byte of ones.
fn order<S: Ciphersuite>() -> Vec<u8> {
    let greatest = S::Group::encode_scalar(&S::Group::scalar_from_i64(-1));
    let mut bytes = greatest.as_ref().to_vec();
    let last = match S::ID {
        SuiteId::Ristretto255 => bytes.first_mut(),
        _ => bytes.last_mut(),
    };
    *last.expect("scalars are not empty") += 1;
    bytes
}

/// Bad encodings from RFC 9496 appendix A.2, one of each kind, and one that is 2^255 too large.
fn ristretto() -> Vec<Seed> {
    [
        (
            "field element above the prime",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
        (
            "negative field element",
            "0100000000000000000000000000000000000000000000000000000000000000",
        ),
        (
            "no square",
            "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        ),
        (
            "negative product",
            "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
        ),
        (
            "minus one",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
        (
            "generator with the top bit",
            "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2df6",
        ),
    ]
    .map(|(name, digits)| {
        let bytes = input::<Ristretto255Sha512>(&[&unhex(digits)]);
        Seed::bad("element", format!("ristretto255 {name}"), bytes)
    })
    .into()
}

/// Residues that are no elements: 0, p, p − 1 (of order 2), p − 4 (−4 is not a square), and p + 4,
/// which would be 4 once more.
fn finite_field<S: Ciphersuite>() -> Vec<Seed> {
    let prime = prime::<S>();
    // The last 64 bits of p are ones, so what is added carries, and what is taken off borrows not.
    let near = |difference: i8| {
        let mut bytes = prime.clone();
        let mut carry = i16::from(difference);
        for byte in bytes.iter_mut().rev() {
            let sum = i16::from(*byte) + carry;
            (*byte, carry) = (sum.to_be_bytes()[1], sum >> 8);
        }
        bytes
    };
    [
        ("zero", vec![0; prime.len()]),
        ("prime", near(0)),
        ("minus one", near(-1)),
        ("minus four", near(-4)),
        ("four and the prime", near(4)),
    ]
    .map(|(name, bytes)| {
        let name = format!("{} {name}", S::ID);
        Seed::bad("element", name, input::<S>(&[&bytes]))
    })
    .into()
}
