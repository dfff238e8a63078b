#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! * [`group`] and [`ciphersuite`]: what the algebra needs, and the three groups
//! * [`keys`]: everything that comes from one seed, public keys, nonces
//! * [`ciphertext`] and the methods of [`keys::PublicKey`] and [`keys::SecretKey`]: the scheme
//! * [`mod@tag`] and [`entry`]: authenticated sums
//! * [`proof`] and [`statement`]: what a release proves to anybody
//! * [`amount`], [`currency`], [`cap`], [`book`], [`account`], [`nid`], [`ids`]: the words of the
//!   ledger
//! * [`seal`] and [`pbkdf2`]: what a device stores
//! * [`backup`]: the seed as words on paper, `m` of `n` sheets (SLIP-39)
//! * [`enrolment`]: how a writer gets its keys from a treasury
//! * `wire` (a feature): the serial protocol
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]

pub mod account;
pub mod amount;
pub mod backup;
pub mod book;
pub mod cap;
pub mod ciphersuite;
pub mod ciphertext;
pub mod currency;
mod encryption;
pub mod enrolment;
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

#[cfg(test)]
extern crate std;

/// The reader of `tests/vectors`, for the vectors of functions that only this crate can call.
#[cfg(test)]
#[path = "../tests/kat/vectors.rs"]
mod vectors;
