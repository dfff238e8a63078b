//! Fixtures of the end-to-end tests: tokens on every carrier, servers on every store, an honest
//! desk between them, and a slow oracle.
#![forbid(unsafe_code)]

pub mod api;
#[cfg(feature = "cli")]
pub mod clerks;
#[cfg(feature = "qemu")]
pub mod debugger;
pub mod desk;
pub mod elements;
pub mod history;
#[cfg(feature = "mongo")]
pub mod mongod;
#[cfg(feature = "cli")]
pub mod office;
#[cfg(feature = "cli")]
pub mod process;
#[cfg(feature = "mongo")]
pub mod proxy;
pub mod python;
#[cfg(feature = "qemu")]
pub mod qemu;
pub mod reference;
pub mod seed;
pub mod server;
pub mod tap;
pub mod token;

/// Opens a file that has one owner at a time and has just been closed.
///
/// A process that another test is starting shares the locks of this one between its fork and its
/// exec, so a lock may outlive its owner by that moment.
///
/// # Panics
/// If the file can't be opened for ten seconds.
pub fn reopen<T, E: std::fmt::Debug>(open: impl Fn() -> Result<T, E>) -> T {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        match open() {
            Ok(opened) => return opened,
            Err(error) => assert!(std::time::Instant::now() < end, "{error:?}"),
        }
        std::thread::yield_now();
    }
}
