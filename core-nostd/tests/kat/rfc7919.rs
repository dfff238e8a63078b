//! The primes of ffdhe2048 and ffdhe3072, computed again from the rule that RFC 7919 gives.

use core_nostd::group::{
    Group,
    ffdhe::{Ffdhe2048, Ffdhe3072, Prime2048, Prime3072, SafePrime},
};
use num_bigint::BigUint;

use super::{primes::is_safe_prime, vectors::Case};

#[test]
fn the_primes_follow_the_rule_and_two_generates_the_subgroup() {
    let stored = [
        Prime2048::P.as_ref().to_be_bytes().as_ref().to_vec(),
        Prime3072::P.as_ref().to_be_bytes().as_ref().to_vec(),
    ];
    let generators = [
        Ffdhe2048::encode(&Ffdhe2048::generator()).to_vec(),
        Ffdhe3072::encode(&Ffdhe3072::generator()).to_vec(),
    ];
    for ((case, p), generator) in cases().iter().zip(stored).zip(generators) {
        let name = case.text("name");
        let p = BigUint::from_bytes_be(&p);
        assert_eq!(p, prime(case.number("bits"), case.number("x")), "{name}");
        assert_eq!(
            p.bits(),
            case.number::<u64>("bits"),
            "{name} fills its limbs"
        );
        assert_eq!(&p % 8u8, BigUint::from(7u8), "{name}: 2 is a square");
        assert!(is_safe_prime(&p, case.number("generator")), "{name}");
        let generator = BigUint::from_bytes_be(&generator);
        assert_eq!(generator, BigUint::from(case.number::<u8>("generator")));
    }
}

#[test]
fn another_number_in_the_rule_gives_no_safe_prime() {
    for case in cases() {
        for x in [case.number::<u32>("x") - 1, case.number::<u32>("x") + 1] {
            let p = prime(case.number("bits"), x);
            assert!(!is_safe_prime(&p, case.number("generator")), "{x}");
        }
    }
}

#[test]
fn short_exponents_are_as_long_as_the_document_asks() {
    for (case, bits) in cases()
        .iter()
        .zip([Prime2048::SHORT_BITS, Prime3072::SHORT_BITS])
    {
        assert!(
            bits >= case.number("exponent_bits"),
            "{}",
            case.text("name")
        );
    }
}

fn cases() -> [Case; 2] {
    let cases = Case::file("rfc7919_primes.json").cases("groups");
    cases.try_into().unwrap_or_else(|_| panic!("two groups"))
}

/// `2^n − 2^(n−64) + (⌊2^(n−130)·e⌋ + X)·2^64 − 1`, the rule of appendix A.
fn prime(bits: u32, x: u32) -> BigUint {
    let one = || BigUint::from(1u8);
    // e = Σ 1/k!, with 64 bits to spare for what each of the few hundred terms loses.
    let mut term = one() << (bits - 130 + 64);
    let mut e = BigUint::ZERO;
    for k in 1u32.. {
        if term == BigUint::ZERO {
            break;
        }
        e += &term;
        term /= k;
    }
    (one() << bits) - (one() << (bits - 64)) + (((e >> 64) + x) << 64) - 1u8
}
