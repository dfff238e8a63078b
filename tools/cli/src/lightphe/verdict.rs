//! What is known of a key to everybody who has its public half: properties of `p` and `g`.
//!
//! Every power of `g` shows, to anybody, its exponent modulo each small factor of `g`'s order; so a
//! ciphertext and the public key show the plaintext modulo their product. In a group of large prime
//! order that is nothing.

use core_nostd::ciphersuite::SuiteId;
use crypto_bigint::{
    BoxedUint, ConcatenatingMul, Limb, NonZero,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use crypto_primes::{Flavor, is_prime};
use serde::Serialize;

use super::key::{KeyFile, residue};

/// Factors of `p − 1` are looked for below this bound.
const FACTOR_BOUND: u32 = 1 << 20;
/// Bits of the largest prime modulo which a logarithm is known to have been computed (Boudot and
/// others, "Comparing the Difficulty of Factorization and Discrete Logarithm", 2020).
const P_BITS_BROKEN: u32 = 795;
/// Bits of the smallest prime of RFC 7919.
const P_BITS_STANDARD: u32 = 2048;

/// Everything that is said of a key.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Length of `p`.
    pub p_bits: u32,
    /// Whether `p` is prime.
    pub p_is_prime: bool,
    /// Whether `(p − 1)/2` is prime too.
    pub p_is_safe: bool,
    /// The suite whose prime it is.
    pub group: Option<&'static str>,
    /// What is known of `g`; absent if `p` is no prime, or `g` not between 1 and `p`.
    pub g: Option<Order>,
    /// Whether the private key is in the file.
    pub has_private_key: bool,
    /// Whether `y == g^x`, if that can be told.
    pub y_is_g_to_the_x: Option<bool>,
    /// Whether a token can have this key.
    pub can_be_taken_over: bool,
    /// Why it can't.
    pub reasons: Vec<String>,
}

/// The order of `g`, as far as factors below 2^20 show it.
#[derive(Debug, Serialize)]
pub struct Order {
    /// The part of it that has only factors below 2^20, in decimal: everybody can compute every
    /// plaintext modulo this number.
    pub smooth_part: String,
    /// log2 of that: so many bits of every plaintext.
    pub plaintext_bits_known: f64,
    /// What remains of `p − 1`, in bits.
    pub rest_bits: u32,
    /// What the rest contributes to the order.
    pub rest: Rest,
}

/// How much of the part of `p − 1` without small factors is in the order of `g`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// Nothing.
    None,
    /// All of it, and it is prime.
    Prime,
    /// Some divisor of it that is above 1.
    Unknown,
}

impl Verdict {
    /// Looks at a key.
    pub fn of(key: &KeyFile) -> Self {
        let p_is_prime = is_prime(Flavor::Any, &key.p);
        let takeover = key.takeover();
        Self {
            p_bits: key.p.bits_vartime(),
            p_is_prime,
            p_is_safe: p_is_prime && is_prime(Flavor::Safe, &key.p),
            group: key.suite().map(SuiteId::name),
            g: p_is_prime.then(|| Order::of_base(key)).flatten(),
            has_private_key: key.x.is_some(),
            y_is_g_to_the_x: key.is_consistent(),
            can_be_taken_over: takeover.is_ok(),
            reasons: takeover.err().unwrap_or_default(),
        }
    }

    /// The same for people, a line each.
    pub fn lines(&self) -> Vec<String> {
        let yes_no = |yes, what| format!("{}{what}", if yes { "" } else { "not " });
        let origin = match self.group {
            Some(suite) => format!("the prime of {suite}"),
            None => "which LightPHE makes from a key_size of twice that".to_owned(),
        };
        let mut lines = vec![format!(
            "p: {} bits, {origin}; {}, {}",
            self.p_bits,
            yes_no(self.p_is_prime, "prime"),
            yes_no(self.p_is_safe, "safe"),
        )];
        lines.extend(self.strength());
        match &self.g {
            Some(order) => lines.extend(order.lines()),
            None => lines.push(
                "g: its order means nothing, as p is no prime or g is not between 1 and p"
                    .to_owned(),
            ),
        }
        lines.push(match (self.has_private_key, self.y_is_g_to_the_x) {
            (false, _) => "x: not in this file".to_owned(),
            (true, Some(true)) => "x: in this file, and y is g^x".to_owned(),
            (true, Some(false)) => "x: in this file, but y is not g^x".to_owned(),
            (true, None) => "x: in this file".to_owned(),
        });
        if self.can_be_taken_over {
            lines
                .push("taken over: it can be, by `tally book create --import-lightphe`".to_owned());
            return lines;
        }
        let reasons = self.reasons.join("; ");
        lines.push(format!("taken over: it can't be, as {reasons}"));
        if self.p_is_prime && self.y_is_g_to_the_x != Some(false) {
            lines.push(
                "what helps: `tally lightphe migrate` decrypts with the private key on this host \
                 and encrypts again under a key of the token's"
                    .to_owned(),
            );
        }
        lines
    }

    /// What the length of `p` means.
    fn strength(&self) -> Option<String> {
        let text = match self.p_bits {
            ..=P_BITS_BROKEN => format!(
                "logarithms modulo primes of up to {P_BITS_BROKEN} bits have been computed in \
                 public; one of them gives the private key, and with it every plaintext"
            ),
            bits if bits < P_BITS_STANDARD => {
                format!("shorter than the {P_BITS_STANDARD} bits at which RFC 7919 begins")
            }
            _ => return None,
        };
        Some(format!("strength: {text}"))
    }
}

impl Order {
    /// The order of `g`; `None` if `g` is not between 1 and `p`. `p` must be prime.
    fn of_base(key: &KeyFile) -> Option<Self> {
        let one = BoxedUint::one();
        if key.g <= one || key.g >= key.p {
            return None;
        }
        let params = BoxedMontyParams::new_vartime(key.odd_modulus()?);
        let g = residue(&key.g, &params);
        let unit = BoxedMontyForm::one(&params);
        let group_order = key.p.wrapping_sub(&one);
        let (factors, rest) = small_factors(&group_order);
        let mut smooth_part = one.clone();
        let mut plaintext_bits_known = 0.0;
        for (prime, multiplicity) in factors {
            let full = power_of(prime, multiplicity);
            let mut power = g.pow(&quotient(&group_order, &full));
            // The part of the order is the least power of the prime that makes this 1.
            while power != unit {
                power = power.pow(&BoxedUint::from(prime));
                smooth_part = smooth_part.concatenating_mul(BoxedUint::from(prime));
                plaintext_bits_known += f64::from(prime).log2();
            }
        }
        let in_rest = g.pow(&quotient(&group_order, &rest)) != unit;
        Some(Self {
            smooth_part: smooth_part.to_string_radix_vartime(10),
            plaintext_bits_known,
            rest_bits: rest.bits_vartime(),
            rest: match in_rest {
                false => Rest::None,
                true if is_prime(Flavor::Any, &rest) => Rest::Prime,
                true => Rest::Unknown,
            },
        })
    }

    fn lines(&self) -> [String; 2] {
        let Self {
            smooth_part,
            plaintext_bits_known: bits,
            rest_bits,
            rest,
        } = self;
        let order = match rest {
            Rest::None => format!("g: of order {smooth_part}"),
            Rest::Prime if smooth_part == "1" => format!("g: of prime order, {rest_bits} bits"),
            Rest::Prime => format!("g: of order {smooth_part} times a prime of {rest_bits} bits"),
            Rest::Unknown => format!(
                "g: of order {smooth_part} times a divisor of a number of {rest_bits} bits that \
                 has no factor below 2^20"
            ),
        };
        let known = if smooth_part == "1" {
            "known to everybody: nothing of a plaintext, as far as factors below 2^20 show"
                .to_owned()
        } else {
            format!(
                "known to everybody: {bits:.1} bits of every plaintext, which is its remainder \
                 modulo {smooth_part}"
            )
        };
        [order, known]
    }
}

/// The primes below the bound that divide `number`, how often, and what remains.
fn small_factors(number: &BoxedUint) -> (Vec<(u32, u32)>, BoxedUint) {
    let mut rest = number.clone();
    let mut factors = Vec::new();
    for prime in primes_below(FACTOR_BOUND) {
        let divisor = NonZero::new(Limb::from(prime)).expect("primes are not 0");
        let mut multiplicity = 0;
        while rest.rem_limb(divisor) == Limb::ZERO {
            rest = rest.div_rem_limb(divisor).0;
            multiplicity += 1;
        }
        if multiplicity > 0 {
            factors.push((prime, multiplicity));
        }
    }
    (factors, rest)
}

/// The sieve of Eratosthenes.
fn primes_below(bound: u32) -> impl Iterator<Item = u32> {
    let len = usize::try_from(bound).expect("it is small");
    let mut is_composite = vec![false; len];
    for candidate in 2.. {
        if candidate * candidate >= len {
            break;
        }
        if !is_composite[candidate] {
            let multiples = (candidate * candidate..len).step_by(candidate);
            multiples.for_each(|multiple| is_composite[multiple] = true);
        }
    }
    (2..bound)
        .zip(is_composite.into_iter().skip(2))
        .filter_map(|(candidate, composite)| (!composite).then_some(candidate))
}

fn power_of(prime: u32, exponent: u32) -> BoxedUint {
    (0..exponent).fold(BoxedUint::one(), |power, _| {
        power.concatenating_mul(BoxedUint::from(prime))
    })
}

fn quotient(number: &BoxedUint, divisor: &BoxedUint) -> BoxedUint {
    let divisor = divisor.as_nz_vartime().expect("a divisor is not 0");
    number.div_rem_vartime(divisor).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lightphe::key::integer;

    fn key(p: &str, g: u64) -> KeyFile {
        let p = integer(p).expect("digits");
        KeyFile {
            y: BoxedUint::from(g),
            g: BoxedUint::from(g),
            p,
            x: None,
        }
    }

    fn order(p: &str, g: u64) -> (String, Rest, u32) {
        let order = Verdict::of(&key(p, g)).g.expect("a prime");
        (order.smooth_part, order.rest, order.rest_bits)
    }

    #[test]
    fn orders_of_small_groups_are_found_whole() {
        let p = 1009_u64;
        for g in (2..30).chain(p - 3..p) {
            let mut power = g;
            let mut expected = 1_u64;
            while power != 1 {
                power = power * g % p;
                expected += 1;
            }
            let found = order("1009", g);
            assert_eq!(found, (expected.to_string(), Rest::None, 1), "{g}");
        }
    }

    #[test]
    fn what_lies_above_the_bound_is_named_for_what_it_is() {
        // 2^255 − 20 is 2^2 · 3 · 65147 times a prime, and all of it is in the order of 2.
        let p = "57896044618658097711785492504343953926634992332820282019728792003956564819949";
        assert_eq!(order(p, 2), ("781764".to_owned(), Rest::Prime, 236));
        // 20 times the first prime above the bound, and 1: powers have that prime in their order
        // or not.
        assert_eq!(order("20971661", 2), ("20".to_owned(), Rest::Prime, 21));
        assert_eq!(
            order("20971661", 19_079_930),
            ("4".to_owned(), Rest::None, 21)
        );
    }

    #[test]
    fn a_modulus_that_is_no_prime_is_said_to_be_none() {
        for p in ["0", "1", "4", "561", "1000000016000000063"] {
            let verdict = Verdict::of(&key(p, 2));
            assert!(!verdict.p_is_prime && verdict.g.is_none(), "{p}");
            assert!(!verdict.lines().is_empty());
        }
    }

    #[test]
    fn a_base_outside_the_group_has_no_order() {
        for g in [0, 1, 1009, 2000] {
            assert!(Verdict::of(&key("1009", g)).g.is_none(), "{g}");
        }
    }

    #[test]
    fn short_moduli_are_called_short() {
        let strength = |p| Verdict::of(&key(p, 2)).lines().join("\n");
        assert!(strength("1009").contains("have been computed in public"));
    }

    #[test]
    fn the_sieve_finds_the_primes() {
        let primes: Vec<_> = primes_below(30).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert_eq!(primes_below(FACTOR_BOUND).count(), 82_025);
    }
}
