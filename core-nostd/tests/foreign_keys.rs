//! Secret keys that were made elsewhere: any `0 < x < q`, against additions and big integers.

use core_nostd::{
    check_amount,
    ciphersuite::{
        Ciphersuite, Element, Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, ScalarBytes,
        WideBytes,
    },
    ciphertext::Ciphertext,
    error::DecodeError,
    group::{
        ByteArray, Group,
        ffdhe::{Prime2048, Prime3072, SafePrime},
    },
    ids::BookId,
    keys::{Hedge, Nonce, SecretKey},
    statement::{Header, Scope},
};
use num_bigint::BigUint;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use subtle::ConstantTimeEq;

/// What the tests know of a suite that the suite itself does not tell.
trait Known: Ciphersuite {
    /// `q`.
    fn order() -> BigUint;
    /// The bytes of an integer of the scalar's length, least significant byte first.
    fn encode(little_endian: ScalarBytes<Self>) -> ScalarBytes<Self>;
    /// The short key made from these uniform bytes.
    fn short(wide: &WideBytes<Self>) -> BigUint;
}

impl Known for Ristretto255Sha512 {
    fn order() -> BigUint {
        (BigUint::from(1u8) << 252) + 27_742_317_777_372_353_535_851_937_790_883_648_493_u128
    }
    fn encode(little_endian: [u8; 32]) -> [u8; 32] {
        little_endian
    }
    fn short(wide: &[u8; 64]) -> BigUint {
        BigUint::from_bytes_le(wide) % Self::order()
    }
}

impl Known for Ffdhe2048Sha512 {
    fn order() -> BigUint {
        prime::<Prime2048, _>() >> 1
    }
    fn encode(mut little_endian: [u8; 256]) -> [u8; 256] {
        little_endian.reverse();
        little_endian
    }
    fn short(wide: &[u8; 272]) -> BigUint {
        BigUint::from_bytes_be(&wide[272 - 32..])
    }
}

impl Known for Ffdhe3072Sha512 {
    fn order() -> BigUint {
        prime::<Prime3072, _>() >> 1
    }
    fn encode(mut little_endian: [u8; 384]) -> [u8; 384] {
        little_endian.reverse();
        little_endian
    }
    fn short(wide: &[u8; 400]) -> BigUint {
        BigUint::from_bytes_be(&wide[400 - 36..])
    }
}

fn prime<F: SafePrime<LIMBS>, const LIMBS: usize>() -> BigUint {
    BigUint::from_bytes_be(F::P.as_ref().to_be_bytes().as_ref())
}

fn bytes<S: Known>(x: &BigUint) -> ScalarBytes<S> {
    let mut little_endian = ScalarBytes::<S>::zeroed();
    let digits = x.to_bytes_le();
    little_endian.as_mut()[..digits.len()].copy_from_slice(&digits);
    S::encode(little_endian)
}

fn key<S: Known>(x: &BigUint) -> SecretKey<S> {
    SecretKey::from_bytes(bytes::<S>(x).as_ref()).unwrap()
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// The ends of the range, one just as long as short keys may be, and one of full size.
fn keys_to_try<S: Known>() -> [BigUint; 4] {
    let (one, q) = (BigUint::from(1u8), S::order());
    let mut wide = WideBytes::<S>::zeroed();
    rng(2).fill_bytes(wide.as_mut());
    let random = BigUint::from_bytes_be(wide.as_ref()) % &q;
    [one.clone(), &one << 251, random, q - one]
}

/// `xE` by doubling and adding, with no multiplication of the group.
fn by_adding<S: Known>(x: &BigUint, element: Element<S>) -> Element<S> {
    (0..x.bits()).rev().fold(S::Group::identity(), |sum, bit| {
        let doubled = sum + sum;
        if x.bit(bit) {
            doubled + element
        } else {
            doubled
        }
    })
}

fn check_against_addition<S: Known>() {
    let amount = -1250;
    for x in keys_to_try::<S>() {
        let key = key::<S>(&x);
        let public = key.public_key();
        assert_eq!(public.element(), &by_adding::<S>(&x, S::Group::generator()));
        let ciphertext = public.encrypt(amount, Nonce::random(&mut rng(3)));
        assert_eq!(ciphertext, key.encrypt(amount, Nonce::random(&mut rng(3))));
        let d = key.decrypt_to_element(&ciphertext);
        assert_eq!(d, ciphertext.c2 - by_adding::<S>(&x, ciphertext.c1));
        assert!(bool::from(check_amount::<S>(amount, &d)));
    }
}

fn header<S: Known>(key: &SecretKey<S>, ciphertext: Ciphertext<S>) -> Header<'static, S> {
    Header {
        number: 1,
        book: BookId([0xB0; 32]),
        public_key: key.public_key(),
        count: 3,
        scope: Scope::Open,
        ciphertext,
        d: key.decrypt_to_element(&ciphertext),
    }
}

fn check_proofs<S: Known>() {
    for x in keys_to_try::<S>() {
        let key = key::<S>(&x);
        let ciphertext = key.encrypt(77, Nonce::random(&mut rng(4)));
        let header = header(&key, ciphertext);
        let proof = header.prove(&key, &Hedge::from_bytes(&[3; 32]), &mut rng(5));
        assert_eq!(header.verify(77, &proof), Ok(()));
        let other = self::key::<S>(&(S::order() - &x));
        let forged = header.prove(&other, &Hedge::from_bytes(&[3; 32]), &mut rng(5));
        assert!(header.verify(77, &forged).is_err(), "a proof with -x");
    }
}

/// A short key and the same integer brought in as bytes are one key, whatever is done with them.
fn check_both_forms<S: Known>() {
    for seed in 0..3 {
        let mut wide = WideBytes::<S>::zeroed();
        rng(seed).fill_bytes(wide.as_mut());
        let made_here = SecretKey::<S>::random(&mut rng(seed));
        let brought_in = key::<S>(&S::short(&wide));
        assert!(bool::from(made_here.ct_eq(&brought_in)));
        assert_eq!(made_here.public_key(), brought_in.public_key());
        let ciphertext = made_here.encrypt(5, Nonce::random(&mut rng(6)));
        let [a, b] = [made_here, brought_in].map(|key| {
            let header = header(&key, ciphertext);
            let proof = header.prove(&key, &Hedge::from_bytes(&[3; 32]), &mut rng(7));
            let (c, s) = proof.to_bytes();
            (header.d, c, s)
        });
        assert_eq!(a, b);
    }
}

fn check_refused<S: Known>() {
    let q = S::order();
    let refusal = |bytes: &[u8]| SecretKey::<S>::from_bytes(bytes).err();
    let of = |x: &BigUint| refusal(bytes::<S>(x).as_ref());
    let most = (BigUint::from(1u8) << (8 * ScalarBytes::<S>::LEN)) - 1u8;
    assert_eq!(of(&BigUint::ZERO), Some(DecodeError::Zero));
    for x in [q.clone(), &q + 1u8, &q + &q - 1u8, most] {
        assert_eq!(of(&x), Some(DecodeError::NonCanonical));
    }
    let one = bytes::<S>(&BigUint::from(1u8));
    let one = one.as_ref();
    for bytes in [&[], &one[1..], &[one, &[0]].concat(), &[&[0], one].concat()] {
        assert_eq!(refusal(bytes), Some(DecodeError::Length));
    }
}

/// `Y = 2^x` and `D = c2·c1^(q−x)` modulo `p`.
fn check_against_big_integers<S: Known>(p: &BigUint) {
    let residue = |element: &Element<S>| BigUint::from_bytes_be(S::Group::encode(element).as_ref());
    let q = S::order();
    for x in keys_to_try::<S>() {
        let key = key::<S>(&x);
        let public = key.public_key();
        assert_eq!(residue(public.element()), BigUint::from(2u8).modpow(&x, p));
        let ciphertext = public.encrypt(99, Nonce::random(&mut rng(8)));
        let [c1, c2] = [ciphertext.c1, ciphertext.c2].map(|element| residue(&element));
        let d = residue(&key.decrypt_to_element(&ciphertext));
        assert_eq!(d, c2 * c1.modpow(&(&q - &x), p) % p);
        assert_eq!(d, BigUint::from(1u8) << 99);
    }
}

macro_rules! every_suite {
    ($($name:ident: $suite:ty,)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn any_key_below_the_order_does_what_additions_do() {
                check_against_addition::<$suite>();
            }
            #[test]
            fn any_key_below_the_order_proves_what_it_opens() {
                check_proofs::<$suite>();
            }
            #[test]
            fn a_short_key_is_the_same_brought_in_as_bytes() {
                check_both_forms::<$suite>();
            }
            #[test]
            fn zero_and_what_is_not_canonical_is_no_key() {
                check_refused::<$suite>();
            }
        }
    )+};
}

every_suite! {
    ristretto255: Ristretto255Sha512,
    ffdhe2048: Ffdhe2048Sha512,
    ffdhe3072: Ffdhe3072Sha512,
}

#[test]
fn keys_of_ffdhe2048_are_exponents_modulo_the_prime() {
    check_against_big_integers::<Ffdhe2048Sha512>(&prime::<Prime2048, _>());
}

#[test]
fn keys_of_ffdhe3072_are_exponents_modulo_the_prime() {
    check_against_big_integers::<Ffdhe3072Sha512>(&prime::<Prime3072, _>());
}
