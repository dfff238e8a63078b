//! Safe primes on big integers, without any code of this crate.

use num_bigint::BigUint;

/// Whether `p = 2q + 1` with `p` and `q` prime and the generator of order `q`.
///
/// `q` is tested by Miller-Rabin. Given that, `p` is proved by Pocklington's criterion, for which
/// `q > √p − 1` must divide `p − 1`, `2^(p−1)` be 1, and `2^2 − 1` be prime to `p`.
pub fn is_safe_prime(p: &BigUint, generator: u8) -> bool {
    let one = BigUint::from(1u8);
    let q = p >> 1;
    let generator = BigUint::from(generator);
    let p_is_prime_if_q_is =
        BigUint::from(2u8).modpow(&(p - 1u8), p) == one && p % 3u8 != BigUint::ZERO;
    p.bit(0) && p_is_prime_if_q_is && generator.modpow(&q, p) == one && is_prime(&q)
}

/// Miller-Rabin with the sixteen smallest primes as bases, for odd numbers above them all.
fn is_prime(n: &BigUint) -> bool {
    let n_minus_1 = n - 1u8;
    let twos = n_minus_1.trailing_zeros().expect("n is not 1");
    let odd = &n_minus_1 >> twos;
    let two = BigUint::from(2u8);
    [2u8, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53]
        .into_iter()
        .all(|base| {
            let mut power = BigUint::from(base).modpow(&odd, n);
            let mut is_witness = power != BigUint::from(1u8) && power != n_minus_1;
            for _ in 1..twos {
                power = power.modpow(&two, n);
                is_witness &= power != n_minus_1;
            }
            !is_witness
        })
}

#[test]
fn primes_are_told_from_composites() {
    let (mersenne_61, mersenne_89) = ((1u128 << 61) - 1, (1u128 << 89) - 1);
    for prime in [59, 7919, mersenne_61, mersenne_89, (1u128 << 127) - 1] {
        assert!(is_prime(&BigUint::from(prime)), "{prime}");
    }
    // Carmichael numbers, strong pseudoprimes to the smallest bases, and products of primes.
    let fool_few_bases = [3_215_031_751, 3_825_123_056_546_413_051];
    let composites = [561, 41_041, 825_265, 7919 * 7919, 59 * mersenne_61];
    for composite in fool_few_bases.into_iter().chain(composites) {
        assert!(!is_prime(&BigUint::from(composite)), "{composite}");
    }
}

#[test]
fn safe_primes_are_told_from_others() {
    let is_safe = |p: u32, generator| is_safe_prime(&BigUint::from(p), generator);
    assert!(is_safe(2039, 2));
    assert!(!is_safe(2039, 7), "7 generates the whole group");
    assert!(!is_safe(2027, 2), "p = 3 modulo 8, so 2 is no square");
    assert!(!is_safe(127, 2), "q = 63 is not prime");
    assert!(!is_safe(143, 2), "p = 11 * 13 is not prime, q = 71 is");
}
