//! Encodings of ristretto255 elements: RFC 9496 appendix A.1 and A.2.
//!
//! Each encoding that the document calls invalid has one fault. The decoder on big integers below
//! names it, so a vector is refused for the reason it stands for and not for another.

use core_nostd::{
    error::DecodeError,
    group::{Group, ristretto255::Ristretto255},
};
use num_bigint::BigUint;

use super::vectors::Case;

#[test]
fn multiples_of_the_generator_have_the_published_encodings() {
    let multiples = file().byte_strings("multiples");
    assert_eq!(multiples.len(), 16);
    let mut multiple = Ristretto255::identity();
    for (factor, encoding) in (0i64..).zip(multiples) {
        assert_eq!(Ristretto255::encode(&multiple).as_slice(), encoding);
        assert_eq!(Ristretto255::mul_base_i64(factor), multiple);
        assert_eq!(Ristretto255::decode(&encoding), Ok(multiple));
        assert_eq!(fault(&encoding), None);
        multiple = multiple + Ristretto255::generator();
    }
}

#[test]
fn invalid_encodings_are_refused_each_for_its_fault() {
    let mut refused = 0;
    for case in file().cases("invalid") {
        for encoding in case.byte_strings("encodings") {
            let name = hex::encode(&encoding);
            assert_eq!(fault(&encoding), Some(case.text("fault")), "{name}");
            let decoded = Ristretto255::decode(&encoding);
            assert_eq!(decoded, Err(DecodeError::NonCanonical), "{name}");
            refused += 1;
        }
    }
    assert_eq!(refused, 29);
}

fn file() -> Case {
    Case::file("rfc9496_ristretto255.json")
}

/// What decoding (section 4.3.1) stops at, if at anything; in the names of the file.
fn fault(encoding: &[u8]) -> Option<&'static str> {
    let one = BigUint::from(1u8);
    let p = (&one << 255) - 19u8;
    let power = |base: &BigUint, exponent: &BigUint| base.modpow(exponent, &p);
    let inverse = |x: &BigUint| power(x, &(&p - 2u8));
    let negative = |x: &BigUint| x.bit(0);
    // d = −121665/121666.
    let d = (&p - 121_665u32) * inverse(&BigUint::from(121_666u32)) % &p;

    // Steps 1 and 2.
    let s = BigUint::from_bytes_le(encoding);
    if s >= p {
        return Some("non-canonical field element");
    }
    if negative(&s) {
        return Some("negative field element");
    }
    // Step 3: v = −(d·u1² + u2²), and the even root of 1/(v·u2²).
    let square = &s * &s % &p;
    let (u1, u2) = ((&one + &p - &square) % &p, (&one + &square) % &p);
    let (u1_squared, u2_squared) = (&u1 * &u1 % &p, &u2 * &u2 % &p);
    let v = (&p + &p - &d * u1_squared % &p - &u2_squared) % &p;
    let radicand = inverse(&(&v * u2_squared % &p));
    let mut root = power(&radicand, &((&p + 3u8) >> 3));
    if &root * &root % &p != radicand {
        root = root * power(&BigUint::from(2u8), &((&p - 1u8) >> 2)) % &p;
    }
    if &root * &root % &p != radicand {
        return Some("non-square x^2");
    }
    if negative(&root) {
        root = &p - root;
    }
    // Steps 4 and 5: x = |2s·root·u2| and y = u1·root²·u2·v.
    let mut x = &s * 2u8 * &root * &u2 % &p;
    if negative(&x) {
        x = &p - x;
    }
    let y = u1 * &root * root * u2 * v % &p;
    if negative(&(x * &y % &p)) {
        return Some("negative x*y");
    }
    (y == BigUint::ZERO).then_some("s = -1, hence y = 0")
}
