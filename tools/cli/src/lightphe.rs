//! The bridge to LightPHE, a Python library that has the same scheme in its class for exponential
//! ElGamal: what its files hold, and what its numbers mean here.
//!
//! ```text
//! public key  p, g, y = g^x          ciphertext  (c1, c2) = (g^r, g^m·y^r), all modulo p
//! private key x                      its + multiplies both parts, its * raises both to a power
//! ```
//!
//! On a prime of RFC 7919 with `g = 2` that is, residue for residue, a ciphertext of the suites
//! ffdhe2048 and ffdhe3072. Four things differ (version 0.0.27):
//!
//! * **Its p is a random prime of half the bits asked for, its g a random number.** Such keys can't
//!   be taken over, and say something about every plaintext to everybody ([`verdict`]).
//! * **It reduces plaintexts modulo p, though exponents count modulo p − 1.** So `−n` becomes
//!   `p − n`, and `g^(p−n) = g^(−n+1)`: `100 + (−5)` comes out as 96, and −1 as 0. A product with a
//!   negative number, `c * -5`, is right.
//! * **It makes a fraction a/b the number a·b⁻¹ modulo p**, which as an exponent is no fraction of
//!   anything. Mostly it is as long as p, and no search finds it; but where b divides p − 1 it can
//!   come out as a/b rounded up, and halves, on the primes of RFC 7919, always do: 12.5 is 13. (A
//!   whole float such as `12.0` is right. Digits can be lost before that: `0.29` is taken as
//!   28/100.)
//! * **It decrypts by counting up from 0.** Thousands take seconds, and a negative sum never ends.
//!
//! Its key files are JSON, which it reads with Python's `eval`; here every file is read as data by
//! [`text`], in which there is nothing to evaluate.

pub mod ciphertexts;
pub mod key;
pub mod opening;
pub mod text;
pub mod verdict;
