//! Turns a PIN into a key, slowly: PBKDF2 (RFC 8018) with HMAC-SHA-512, for boards whose memory is
//! too small for Argon2.
//!
//! A PIN has few digits, so the stretching alone never protects it. What does: the token counts
//! wrong tries, and the salt holds a secret of the device, without which a copied flash can't be
//! searched at all.

use hmac::Mac;
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
    // The `pbkdf2` crate takes a salt in one piece only; with a single block of output the whole
    // algorithm is the two lines of the formula.
    let prf = mac(pin);
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

    /// The vectors most implementations publish (RFC 6070's inputs, with SHA-512).
    #[test]
    fn agrees_with_published_vectors() {
        let salt = "saltSALTsaltSALTsaltSALTsaltSALTsalt";
        let long = "passwordPASSWORDpassword";
        let one = "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252";
        let two = "e1d9c16aa681708a45f5c7c4e215ceb66e011a2e9f0040713f18aefdb866d53c";
        let many = "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5";
        let both_long = "8c0511f4c6e597c6ac6315d8f0362e225f3c501495ba23b868c005174dc4ee71";
        for (pin, salt, rounds, expected) in [
            ("password", "salt", 1, one),
            ("password", "salt", 2, two),
            ("password", "salt", 4096, many),
            (long, salt, 4096, both_long),
        ] {
            let key = pbkdf2(pin.as_bytes(), &[salt.as_bytes()], rounds);
            assert_eq!(*key, parse(expected), "{pin} {salt} {rounds}");
        }
    }

    /// Longer than a block of SHA-512; the expected key is from Python's `hashlib`.
    #[test]
    fn a_long_passphrase_is_hashed_first() {
        let expected = "0499d2f52a54272883fc04786c49cbfe54771bb53aa16a2f8d3fdad6a6ef15fa";
        assert_eq!(*pbkdf2(&[b'p'; 200], &[b"salt"], 3), parse(expected));
        let expected = "ae9967296ba9f3ff05582b4a78e59c1bb1bf135aa82f6959b03fd5e61f8deb71";
        assert_eq!(*pbkdf2(&[b'p'; 128], &[b"salt"], 3), parse(expected));
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

    fn parse(hex: &str) -> [u8; 32] {
        core::array::from_fn(|i| {
            u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("the vectors are hex")
        })
    }
}
