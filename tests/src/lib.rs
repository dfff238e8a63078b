//! Fixtures of the end-to-end tests: tokens on every carrier, servers on every store, an honest
//! desk between them, and a slow oracle.
#![forbid(unsafe_code)]

pub mod api;
pub mod desk;
#[cfg(feature = "mongo")]
pub mod mongod;
#[cfg(feature = "cli")]
pub mod process;
#[cfg(feature = "qemu")]
pub mod qemu;
pub mod reference;
pub mod server;
pub mod token;
