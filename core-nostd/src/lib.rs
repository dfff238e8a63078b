//! Exponential ElGamal with authenticated sums.
#![no_std]
#![forbid(unsafe_code)]

pub mod account;
pub mod amount;
pub mod book;
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
pub mod proof;
pub mod seal;
pub mod statement;
pub mod tag;
#[cfg(feature = "wire")]
pub mod wire;

pub use encryption::check_amount;
