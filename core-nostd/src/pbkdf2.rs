//! Turns a PIN into a key, slowly: PBKDF2 (RFC 8018) with HMAC-SHA-512, for boards whose memory is
//! too small for Argon2.
//!
//! A PIN has few digits, so the stretching alone never protects it. What does: the token counts
//! wrong tries, and the salt holds a secret of the device, without which a copied flash can't be
//! searched at all.

use hmac::Mac;
use sha2::Sha512;
use zeroize::{Zeroize, Zeroizing};

use crate::hash::mac;

/// The first 32 bytes of `PBKDF2-HMAC-SHA-512(pin, salt, rounds)`.
///
/// The salt is the concatenation of the parts of `salt`; a caller keeps all parts but one of fixed
/// length. `rounds` counts as RFC 8018's `c`; 0 is taken as 1. A round is two compressions
/// of SHA-512, some 25,000 instructions on a Cortex-M4.
///
/// ```text
/// U_1 = HMAC(pin, salt || 00 00 00 01)     U_i = HMAC(pin, U_(i-1))     key = U_1 ^ ... ^ U_rounds
/// ```
#[must_use]
pub fn pbkdf2(pin: &[u8], salt: &[&[u8]], rounds: u32) -> Zeroizing<[u8; 32]> {
    stretch(&mac::<Sha512>(pin), salt, rounds)
}

/// [`pbkdf2`] with any keyed function of at least 32 bytes of output.
pub(crate) fn stretch(
    prf: &(impl Mac + Clone),
    salt: &[&[u8]],
    rounds: u32,
) -> Zeroizing<[u8; 32]> {
    // The `pbkdf2` crate takes a salt in one piece only; with a single block of output the whole
    // algorithm is the two lines of the formula.
    let mut first = prf.clone();
    for part in salt {
        first.update(part);
    }
    first.update(&1_u32.to_be_bytes());
    let mut block = first.finalize().into_bytes();

    let mut key = Zeroizing::new([0; 32]);
    xor(&mut key, &block);
    for _ in 1..rounds {
        let mut next = prf.clone();
        next.update(&block);
        block = next.finalize().into_bytes();
        xor(&mut key, &block);
    }
    block.as_mut_slice().zeroize();
    key
}

/// `key ^= block`, as far as `key` reaches.
fn xor(key: &mut [u8; 32], block: &[u8]) {
    for (k, b) in key.iter_mut().zip(block) {
        *k ^= b;
    }
}

#[cfg(test)]
mod tests {
    use super::pbkdf2;
    use crate::vectors::Case;

    /// All 32 bytes, or as many as the vector has.
    fn check_file(name: &str, cases_expected: usize) {
        let cases = Case::file(name).cases("tests");
        assert_eq!(cases.len(), cases_expected);
        for case in cases {
            let (password, salt) = (case.bytes("password"), case.bytes("salt"));
            let key = pbkdf2(&password, &[&salt], case.number("iterationCount"));
            let expected = case.bytes("dk");
            let bytes = expected.len().min(key.len());
            assert!(bytes >= 16 && case.is_valid());
            assert_eq!(key[..bytes], expected[..bytes], "{}", case.name());
        }
    }

    #[test]
    fn keys_agree_with_wycheproof() {
        check_file("wycheproof_pbkdf2_hmac_sha512.json", 58);
    }

    #[test]
    fn keys_agree_with_cpython() {
        check_file("cpython_pbkdf2_hmac_sha512.json", 5);
    }

    #[test]
    fn the_salt_is_the_concatenation_of_its_parts() {
        let whole = pbkdf2(b"1234", &[b"abcdef"], 3);
        assert_eq!(whole, pbkdf2(b"1234", &[b"ab", b"", b"cdef"], 3));
        assert_ne!(whole, pbkdf2(b"1234", &[b"abcdeg"], 3));
    }

    #[test]
    fn every_round_and_every_digit_counts() {
        let key = pbkdf2(b"1234", &[b"salt"], 10);
        assert_ne!(key, pbkdf2(b"1234", &[b"salt"], 11));
        assert_ne!(key, pbkdf2(b"1235", &[b"salt"], 10));
        assert_ne!(key, pbkdf2(b"12340", &[b"salt"], 10));
    }
}
