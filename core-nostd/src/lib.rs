//! Exponential ElGamal with authenticated sums: what a token encrypts, a server can add and nobody
//! without the key can read.
//!
//! ```text
//! c1 = rG      c2 = rY + mG      tag = αc1 + βc2 + (f(s+1) − f(s))·G
//! ```
//!
//! `G` generates a group of prime order, `Y = xG` is a book's public key, `m` a signed amount in
//! minor units, `r` a fresh nonce, `s` the entry's position in its writer's chain. Sums of
//! ciphertexts encrypt sums of amounts. Sums of tags verify, in constant work, exactly when the sum
//! is that of the entries it is said to be. This crate has no `alloc`, no `unsafe`, and no panic on
//! any input.
//!
//! ```
//! use core_nostd::{book::*, check_amount, currency::Currency, ids::*, keys::*, tag::*};
//! use core_nostd::ciphersuite::{Ristretto255Sha512 as Suite, SuiteId};
//! use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//!
//! let mut rng = ChaCha20Rng::from_seed([0; 32]); // in earnest: a generator that nobody can guess
//! let seed = RootSeed::random(&mut rng);
//! let (suite, kind) = (SuiteId::Ristretto255, BookKind::Authenticated);
//! let currency = Currency::from_code("EUR").unwrap();
//! let rules = BookRules { suite, kind, currency, cap: 100_000, min_entries: 2, name: "till" };
//! let (book, writer, account) = (rules.id(), WriterId([2; 16]), Handle([3; 32]));
//! let (key, shared) = (seed.secret_key::<Suite>(&book), seed.shared_keys());
//! let mut sum = TaggedSum::zero(); // what the server does: add, without any key
//! for (seq, m) in [(0, 1250), (1, -300)] {
//!     let place = Place { book, writer, seq, account, prev: seq.checked_sub(1) };
//!     let m = rules.admit(m).unwrap(); // at most the cap
//!     let entry = shared.entry(&key, &place, m, Nonce::random(&mut rng)); // what the token does
//!     sum = sum + entry.total_part();
//! }
//! let range = Range { writer, from: Cut::START, to: shared.cut::<Suite>(&book, &writer, 2) };
//! assert_eq!(shared.verify_total(&book, &[range], &sum), Ok(2)); // two entries, no more, no less
//! assert!(bool::from(check_amount::<Suite>(950, &key.decrypt_to_element(&sum.ciphertext))));
//! ```
//!
//! # What it does not protect
//!
//! The scheme is not secure against chosen ciphertexts on its own: anybody can add to a ciphertext
//! or scale it. The tags close that for authenticated books; an open book has none, and its key
//! should decrypt sums only. Whoever holds the keys of tags can forge entries, though not read
//! totals. An amount comes back only by a discrete logarithm, so a total must lie in a range that
//! can be searched: none wraps around, and `n` entries stay within `n` times the cap ([`cap`]).
//! Nothing here has been audited.
//!
//! # Map
//!
//! [`group`] and [`ciphersuite`] say what the algebra needs; [`keys`] derives everything from one
//! seed; [`ciphertext`] and the methods of [`keys::PublicKey`] and [`keys::SecretKey`] are the
//! scheme; [`mod@tag`], [`entry`] authenticate sums; [`proof`] and [`statement`] let anybody check
//! a release; [`amount`], [`currency`], [`nid`], [`account`], [`book`], [`cap`], [`ids`] are the
//! words of the ledger; `wire` (a feature) is the serial protocol.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]

pub mod account;
pub mod amount;
pub mod book;
pub mod cap;
pub mod ciphersuite;
pub mod ciphertext;
pub mod currency;
mod encryption;
pub mod entry;
pub mod error;
pub mod group;
mod hash;
pub mod ids;
pub mod keys;
pub mod nid;
pub mod pbkdf2;
pub mod proof;
pub mod seal;
pub mod statement;
pub mod tag;
#[cfg(feature = "wire")]
pub mod wire;

pub use encryption::check_amount;
