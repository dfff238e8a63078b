//! The encryption of a secret before it is shared: four rounds of a Feistel network over its two
//! halves (SLIP-39, sections "Encryption of the master secret" and "Decryption of the master
//! secret").
//!
//! ```text
//! L, R = the halves        for i = 0, 1, 2, 3:  (L, R) = (R, L xor F(i, R))        result: R ‖ L
//! F(i, R) = PBKDF2-HMAC-SHA-256(i ‖ passphrase, salt ‖ R, 2500 · 2^e iterations, |R| bytes)
//! salt = "" if extendable, otherwise "shamir" ‖ identifier
//! ```
//!
//! Decryption takes the rounds from 3 to 0. Every passphrase decrypts to something: a wrong one is
//! not noticed.

use core::mem;

use hmac::Hmac;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::secret::Secret;
use crate::{hash::mac, pbkdf2::stretch};

const ROUNDS: [u8; 4] = [0, 1, 2, 3];

/// Iterations of a round for `e = 0`.
const ITERATIONS: u32 = 10_000 / 4;

/// What all shares of one secret say about its encryption.
#[derive(Clone, Copy, Zeroize)]
pub(super) struct Envelope {
    /// `id`, 15 random bits: tells shares of different backups apart.
    pub identifier: u16,
    /// `ext`: whether the salt leaves the identifier out, so that further sets of shares can be
    /// made of one encrypted secret.
    pub extendable: bool,
    /// `e`, 4 bits.
    pub iteration_exponent: u8,
}

impl Envelope {
    /// Encrypts in place.
    pub fn encrypt(self, secret: &mut Secret, passphrase: &str) {
        self.network(secret, passphrase, ROUNDS.into_iter());
    }

    /// Decrypts in place.
    pub fn decrypt(self, secret: &mut Secret, passphrase: &str) {
        self.network(secret, passphrase, ROUNDS.into_iter().rev());
    }

    fn network(self, secret: &mut Secret, passphrase: &str, rounds: impl Iterator<Item = u8>) {
        let identifier = self.identifier.to_be_bytes();
        let salt: [&[u8]; 2] = if self.extendable {
            [b"", b""]
        } else {
            [b"shamir", &identifier]
        };
        let iterations = ITERATIONS << self.iteration_exponent;
        let (mut left, mut right) = secret.halves_mut();
        for round in rounds {
            let prf = keyed(round, passphrase);
            let mask = stretch(&prf, &[salt[0], salt[1], right], iterations);
            for (byte, mask) in left.iter_mut().zip(mask.iter()) {
                *byte ^= mask;
            }
            mem::swap(&mut left, &mut right);
        }
        for (left, right) in left.iter_mut().zip(right) {
            mem::swap(left, right);
        }
    }
}

/// HMAC-SHA-256 under `round ‖ passphrase`. It pads a key with zeros to its block of 64 bytes and
/// hashes a longer one first (RFC 2104 section 2); so no buffer need hold a passphrase of any
/// length.
fn keyed(round: u8, passphrase: &str) -> Hmac<Sha256> {
    let mut key = Zeroizing::new([0; 64]);
    if passphrase.len() < key.len() {
        let bytes = [round].into_iter().chain(passphrase.bytes());
        key.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    } else {
        let hash = Sha256::new_with_prefix([round]).chain_update(passphrase);
        let hash = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
        key.iter_mut()
            .zip(hash.iter())
            .for_each(|(to, from)| *to = *from);
    }
    mac(key.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decryption_undoes_encryption_and_all_parameters_count() {
        let plain: [u8; 32] = core::array::from_fn(|i| u8::try_from(i * 7).expect("small"));
        let envelope = Envelope {
            identifier: 0x1234,
            extendable: false,
            iteration_exponent: 0,
        };
        for len in (16..=32).step_by(2) {
            let mut secret = Secret::from_bytes(&plain[..len]).expect("a length it may have");
            envelope.encrypt(&mut secret, "TREZOR");
            let encrypted = secret.expose_bytes().to_vec();
            let opened = |envelope: Envelope, passphrase| {
                let mut secret = Secret::from_bytes(&encrypted).expect("a length it may have");
                envelope.decrypt(&mut secret, passphrase);
                secret.expose_bytes() == &plain[..len]
            };
            assert!(opened(envelope, "TREZOR"));
            assert!(!opened(envelope, "TREZOR "));
            assert!(!opened(envelope, ""));
            for other in [
                Envelope {
                    identifier: 0x1235,
                    ..envelope
                },
                Envelope {
                    extendable: true,
                    ..envelope
                },
                Envelope {
                    iteration_exponent: 1,
                    ..envelope
                },
            ] {
                assert!(!opened(other, "TREZOR"));
            }
        }
    }

    #[test]
    fn a_key_longer_than_a_block_is_hashed() {
        use hmac::{KeyInit, Mac};
        for len in [0, 1, 62, 63, 64, 65, 200] {
            let passphrase = "p".repeat(len);
            let key = [&[3], passphrase.as_bytes()].concat();
            let expected = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
            let computed = keyed(3, &passphrase).chain_update(b"message").finalize();
            assert!(
                computed == expected.chain_update(b"message").finalize(),
                "{len}"
            );
        }
    }
}
