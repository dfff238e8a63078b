//! The ledger server: it stores ciphertexts and adds them, and never reads them.
#![forbid(unsafe_code)]

pub mod ledger;
pub mod store;
