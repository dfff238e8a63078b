//! What every group must do, whatever it is made of. An oracle on big integers stands beside the
//! scalars.

use core_nostd::{
    error::DecodeError,
    group::{ByteArray, Group},
};
use num_bigint::BigUint;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use subtle::ConstantTimeEq;

/// A group whose order and byte order a test knows.
pub trait KnownGroup: Group {
    /// Length of a short scalar in bytes.
    const SHORT_LEN: usize;
    /// The prime order `q`.
    fn order() -> BigUint;
    /// Encoded scalars and wide bytes as an integer.
    fn integer(bytes: &[u8]) -> BigUint;
    /// The inverse of [`Self::integer`] on scalars; the integer may be `q` or more.
    fn scalar_bytes(integer: &BigUint) -> Self::ScalarBytes;
}

/// A reproducible generator.
pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Uniform wide bytes.
pub fn random_wide<G: Group>(rng: &mut impl Rng) -> G::WideBytes {
    let mut wide = G::WideBytes::zeroed();
    rng.fill_bytes(wide.as_mut());
    wide
}

/// A uniform scalar.
pub fn random_scalar<G: Group>(rng: &mut impl Rng) -> G::Scalar {
    G::reduce(&random_wide::<G>(rng))
}

/// A uniform element.
pub fn random_element<G: Group>(rng: &mut impl Rng) -> G::Element {
    G::mul_base(&random_scalar::<G>(rng))
}

fn value<G: KnownGroup>(scalar: &G::Scalar) -> BigUint {
    G::integer(G::encode_scalar(scalar).as_ref())
}

/// Addition is associative and commutative, with a neutral element and inverses.
pub fn check_group_laws<G: Group>() {
    let mut rng = rng(1);
    let [a, b, c] = [(); 3].map(|()| random_element::<G>(&mut rng));
    let zero = G::identity();
    assert_eq!((a + b) + c, a + (b + c));
    assert_eq!(a + b, b + a);
    assert_eq!(a + zero, a);
    assert_eq!(a - zero, a);
    assert_eq!(a - b + b, a);
    assert_eq!(-a + a, zero);
    assert_eq!(-zero, zero);
    assert_eq!(-(-a), a);
    assert_eq!(a - b, a + -b);
    assert_ne!(a, b);
    assert_ne!(a, -a);
    assert!(bool::from(a.ct_eq(&a)) && !bool::from(a.ct_eq(&b)));
    assert!(bool::from(G::is_identity(&zero)) && !bool::from(G::is_identity(&a)));
}

/// Multiplication takes sums and products of scalars to sums and multiples of elements.
pub fn check_multiplication_is_a_homomorphism<G: Group>() {
    let mut rng = rng(2);
    let [a, b] = [(); 2].map(|()| random_scalar::<G>(&mut rng));
    let element = random_element::<G>(&mut rng);
    let (at_a, at_b) = (G::mul(&element, &a), G::mul(&element, &b));
    assert_eq!(G::mul(&element, &(a + b)), at_a + at_b);
    assert_eq!(G::mul(&element, &(a - b)), at_a - at_b);
    assert_eq!(G::mul(&element, &(a * b)), G::mul(&at_a, &b));
    assert_eq!(G::mul(&element, &-a), -at_a);
    assert_eq!(G::mul(&G::identity(), &a), G::identity());
}

/// `s·G` by every way that leads there.
pub fn check_base_multiplication<G: Group>() {
    let mut rng = rng(3);
    let scalar = random_scalar::<G>(&mut rng);
    assert_eq!(G::mul_base(&scalar), G::mul(&G::generator(), &scalar));
    let one = G::scalar_from_i64(1);
    assert_eq!(G::mul_base(&one), G::generator());
    assert_eq!(G::mul_base(&-one), -G::generator());
    assert_eq!(G::mul_base(&(one + -one)), G::identity());
}

/// A short scalar multiplies as the same integer at full length does.
pub fn check_short_multiplication<G: KnownGroup>() {
    let mut rng = rng(4);
    let element = random_element::<G>(&mut rng);
    let mut largest = G::WideBytes::zeroed();
    largest
        .as_mut()
        .iter_mut()
        .rev()
        .take(G::SHORT_LEN)
        .for_each(|byte| *byte = 0xff);
    let mut random = random_wide::<G>(&mut rng);
    random
        .as_mut()
        .iter_mut()
        .rev()
        .skip(G::SHORT_LEN)
        .for_each(|byte| *byte = 0);
    for wide in [G::WideBytes::zeroed(), largest, random] {
        let (short, full) = (G::reduce_short(&wide), G::reduce(&wide));
        assert_eq!(G::mul_short(&element, &short), G::mul(&element, &full));
        assert_eq!(G::mul_base_short(&short), G::mul_base(&full));
    }
}

/// `m·G` for signed 64-bit integers, to the ends of their range.
pub fn check_i64_multiplication<G: Group>() {
    let random = rng(5).next_u64().cast_signed();
    for value in [0, 1, -1, 2, i64::MIN, i64::MIN + 1, i64::MAX, random] {
        let scalar = G::scalar_from_i64(value);
        assert_eq!(G::mul_base_i64(value), G::mul_base(&scalar), "{value}");
    }
    assert_eq!(G::mul_base_i64(0), G::identity());
    assert_eq!(
        G::mul_base_i64(3),
        G::generator() + G::generator() + G::generator()
    );
    assert_eq!(
        G::mul_base_i64(i64::MAX) + G::generator(),
        -G::mul_base_i64(i64::MIN)
    );
}

/// Encodings come back, and those of another length are refused.
pub fn check_encodings<G: Group>() {
    let mut rng = rng(6);
    for element in [G::identity(), G::generator(), random_element::<G>(&mut rng)] {
        let bytes = G::encode(&element);
        assert_eq!(bytes.as_ref().len(), G::ElementBytes::LEN);
        assert_eq!(G::decode(bytes.as_ref()), Ok(element));
        let refused = bool::from(G::is_identity(&element)).then_some(DecodeError::Identity);
        assert_eq!(G::decode_non_identity(bytes.as_ref()).err(), refused);

        let longer = [bytes.as_ref(), &[0]].concat();
        for wrong in [&[], &bytes.as_ref()[1..], &longer] {
            assert_eq!(G::decode(wrong), Err(DecodeError::Length));
        }
    }
    let bytes = G::encode_scalar(&random_scalar::<G>(&mut rng));
    let longer = [bytes.as_ref(), &[0]].concat();
    for wrong in [&[], &bytes.as_ref()[1..], &longer] {
        assert_eq!(G::decode_scalar(wrong).err(), Some(DecodeError::Length));
    }
}

/// Scalars are the integers modulo `q`, and have one encoding each.
pub fn check_scalars<G: KnownGroup>() {
    let mut rng = rng(7);
    let q = G::order();
    let [a, b] = [(); 2].map(|()| random_scalar::<G>(&mut rng));
    let (big_a, big_b) = (value::<G>(&a), value::<G>(&b));
    assert_eq!(value::<G>(&(a + b)), (&big_a + &big_b) % &q);
    assert_eq!(value::<G>(&(a - b)), (&big_a + &q - &big_b) % &q);
    assert_eq!(value::<G>(&(a * b)), &big_a * &big_b % &q);
    assert_eq!(value::<G>(&-a), &q - &big_a);
    assert!(bool::from(a.ct_eq(&a)) && !bool::from(a.ct_eq(&b)));

    for small in [0, 1, -1, i64::MIN, i64::MAX] {
        let magnitude = BigUint::from(small.unsigned_abs());
        let expected = if small < 0 { &q - magnitude } else { magnitude };
        assert_eq!(value::<G>(&G::scalar_from_i64(small)), expected);
    }

    for below in [BigUint::ZERO, &q - 1u8, big_a] {
        let bytes = G::scalar_bytes(&below);
        let scalar = G::decode_scalar(bytes.as_ref()).map_err(|error| error.to_string());
        assert_eq!(scalar.map(|scalar| value::<G>(&scalar)), Ok(below));
    }
    let most = (BigUint::from(1u8) << (8 * G::ScalarBytes::LEN)) - 1u8;
    for beyond in [q.clone(), &q + 1u8, most] {
        let bytes = G::scalar_bytes(&beyond);
        assert_eq!(
            G::decode_scalar(bytes.as_ref()).err(),
            Some(DecodeError::NonCanonical)
        );
    }
}

/// Wide bytes become the scalar that is congruent to them, and there are enough of them.
pub fn check_reduction<G: KnownGroup>() {
    let q = G::order();
    let mut ones = G::WideBytes::zeroed();
    ones.as_mut().fill(0xff);
    for wide in [G::WideBytes::zeroed(), ones, random_wide::<G>(&mut rng(8))] {
        assert_eq!(
            value::<G>(&G::reduce(&wide)),
            G::integer(wide.as_ref()) % &q
        );
    }
    assert!(8 * G::WideBytes::LEN as u64 >= q.bits() + 128);
}
