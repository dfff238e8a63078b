//! The groups: the laws of every one, and residues against arithmetic on big integers.

mod generic {
    pub mod group;
}

use core_nostd::{
    error::DecodeError,
    group::{
        ByteArray, Group,
        ffdhe::{Ffdhe2048, Ffdhe3072, Prime2048, Prime3072, SafePrime},
        ristretto255::Ristretto255,
    },
};
use generic::group::{self as check, KnownGroup};
use num_bigint::BigUint;

/// Runs every check that holds in any group on one of them.
macro_rules! every_group {
    ($($name:ident: $group:ty,)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn group_laws() {
                check::check_group_laws::<$group>();
            }
            #[test]
            fn multiplication_is_a_homomorphism() {
                check::check_multiplication_is_a_homomorphism::<$group>();
            }
            #[test]
            fn base_multiplication_is_multiplication_of_the_generator() {
                check::check_base_multiplication::<$group>();
            }
            #[test]
            fn short_multiplication_is_multiplication() {
                check::check_short_multiplication::<$group>();
            }
            #[test]
            fn i64_multiplication_is_multiplication() {
                check::check_i64_multiplication::<$group>();
            }
            #[test]
            fn encodings_come_back() {
                check::check_encodings::<$group>();
            }
            #[test]
            fn scalars_are_integers_modulo_the_order() {
                check::check_scalars::<$group>();
            }
            #[test]
            fn reduction_is_modulo_the_order() {
                check::check_reduction::<$group>();
            }
        }
    )+};
}

every_group! {
    ristretto255: Ristretto255,
    ffdhe2048: Ffdhe2048,
    ffdhe3072: Ffdhe3072,
}

impl KnownGroup for Ristretto255 {
    const SHORT_LEN: usize = 32;
    /// 2^252 + 27742317777372353535851937790883648493.
    fn order() -> BigUint {
        (BigUint::from(1u8) << 252) + 27_742_317_777_372_353_535_851_937_790_883_648_493_u128
    }
    fn integer(bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_le(bytes)
    }
    fn scalar_bytes(integer: &BigUint) -> [u8; 32] {
        let mut bytes = integer.to_bytes_le();
        bytes.resize(32, 0);
        bytes.try_into().expect("at most 32 bytes")
    }
}

impl KnownGroup for Ffdhe2048 {
    const SHORT_LEN: usize = 32;
    fn order() -> BigUint {
        order_of::<Prime2048, _>()
    }
    fn integer(bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_be(bytes)
    }
    fn scalar_bytes(integer: &BigUint) -> [u8; 256] {
        big_endian(integer)
    }
}

impl KnownGroup for Ffdhe3072 {
    const SHORT_LEN: usize = 36;
    fn order() -> BigUint {
        order_of::<Prime3072, _>()
    }
    fn integer(bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_be(bytes)
    }
    fn scalar_bytes(integer: &BigUint) -> [u8; 384] {
        big_endian(integer)
    }
}

/// `(p − 1)/2`.
fn order_of<F: SafePrime<LIMBS>, const LIMBS: usize>() -> BigUint {
    let words = F::P.as_ref().to_words();
    words
        .iter()
        .rev()
        .fold(BigUint::ZERO, |p, word| (p << 64) + *word)
        >> 1
}

fn big_endian<B: ByteArray>(integer: &BigUint) -> B {
    let mut bytes = B::zeroed();
    let digits = integer.to_bytes_be();
    bytes
        .as_mut()
        .iter_mut()
        .rev()
        .zip(digits.iter().rev())
        .for_each(|(to, from)| *to = *from);
    assert_eq!(&BigUint::from_bytes_be(bytes.as_ref()), integer, "it fits");
    bytes
}

/// Residues modulo the published prime, against the oracle.
fn check_residues<G: KnownGroup>() {
    let q = G::order();
    let p = &q * 2u8 + 1u8;
    let two = BigUint::from(2u8);
    let encoded = |element: &G::Element| BigUint::from_bytes_be(G::encode(element).as_ref());

    assert_eq!(encoded(&G::identity()), BigUint::from(1u8));
    assert_eq!(encoded(&G::generator()), two);
    assert_eq!(
        two.modpow(&q, &p),
        BigUint::from(1u8),
        "the generator has order q"
    );

    let mut rng = check::rng(9);
    let [a, b] = [(); 2].map(|()| check::random_scalar::<G>(&mut rng));
    let exponent = |scalar: &G::Scalar| G::integer(G::encode_scalar(scalar).as_ref());
    let (at_a, at_b) = (G::mul_base(&a), G::mul_base(&b));
    assert_eq!(encoded(&at_a), two.modpow(&exponent(&a), &p));
    assert_eq!(
        encoded(&G::mul(&at_a, &b)),
        encoded(&at_a).modpow(&exponent(&b), &p)
    );
    assert_eq!(
        encoded(&(at_a + at_b)),
        encoded(&at_a) * encoded(&at_b) % &p
    );
    assert_eq!(
        encoded(&(at_a - at_b)) * encoded(&at_b) % &p,
        encoded(&at_a)
    );
    let shift = BigUint::from(1u8) << 63;
    assert_eq!(encoded(&-G::mul_base_i64(i64::MIN)), two.modpow(&shift, &p));
}

/// Whatever is no square modulo the prime is refused, and why.
fn check_residues_refused<G: KnownGroup>() {
    let p = G::order() * 2u8 + 1u8;
    let refusal = |integer: &BigUint| {
        let bytes: G::ElementBytes = big_endian(integer);
        G::decode(bytes.as_ref()).err()
    };
    let most = (BigUint::from(1u8) << (8 * G::ElementBytes::LEN)) - 1u8;
    for integer in [BigUint::ZERO, p.clone(), &p + 1u8, &p + 2u8, most] {
        assert_eq!(refusal(&integer), Some(DecodeError::NonCanonical));
    }
    // −1 is no square modulo a safe prime, so neither is the negative of any square.
    let element = check::random_element::<G>(&mut check::rng(10));
    let square = BigUint::from_bytes_be(G::encode(&element).as_ref());
    assert_eq!(refusal(&square), None);
    for integer in [&p - 1u8, &p - 2u8, &p - &square] {
        assert_eq!(refusal(&integer), Some(DecodeError::NotInSubgroup));
    }
    // Euler's criterion finds squares without a Jacobi symbol.
    let q = G::order();
    for small in 2..20u8 {
        let small = BigUint::from(small);
        let is_square = small.modpow(&q, &p) == BigUint::from(1u8);
        assert_eq!(refusal(&small).is_none(), is_square, "{small}");
    }
}

#[test]
fn residues_of_ffdhe2048_are_powers_modulo_the_prime() {
    check_residues::<Ffdhe2048>();
}

#[test]
fn residues_of_ffdhe3072_are_powers_modulo_the_prime() {
    check_residues::<Ffdhe3072>();
}

#[test]
fn ffdhe2048_decodes_squares_only() {
    check_residues_refused::<Ffdhe2048>();
}

#[test]
fn ffdhe3072_decodes_squares_only() {
    check_residues_refused::<Ffdhe3072>();
}

#[test]
fn an_ffdhe_element_is_shown_by_its_last_bytes() {
    assert_eq!(
        format!("{:?}", Ffdhe2048::generator()),
        "Element(…0000000000000002)"
    );
}
