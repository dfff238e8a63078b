//! Counts the instructions of every secret operation, and shows that they don't depend on secrets.
//!
//! The image measures by itself and prints a line for each operation:
//!
//! ```text
//! ristretto255 encrypt samples=105 instructions=2012345 constant
//! ```
//!
//! Each operation is counted, exactly, on five samples of extreme secrets (all zero, one, every
//! bit set, `q − 1` or its last bits, and the amounts −1, `i64::MIN` and `i64::MAX`), and on random
//! ones; it is constant if **every** sample takes the same number of instructions. Lines that begin
//! with `control` are of operations which are known to take variable time and must not be constant,
//! or the measurement would be worthless.
//!
//! # What this covers, and what it doesn't
//!
//! Covered: deriving and taking keys, encryption with the public and with the secret key, whole
//! entries with both tags, as a treasury and as a writer makes them, decryption, proofs, every
//! multiplication for itself, claims refused for a wrong MAC or tag, refused seals, and a wrong PIN
//! through the token's own `Unlock` command, from the last byte of the request to the last of the
//! answer; making shares of a seed and combining them, on few samples, for they are slow.
//!
//! Varied are secret keys, nonces, amounts, the seed that all keys of MACs and tags come from, MACs
//! at each of their bytes, and PINs of one length. Keys of tags and masks are outputs of a
//! pseudo-random function, so extreme ones can't be had; the multiplications they go through are
//! measured for themselves, with extreme scalars. Accounts, positions, the number of ranges, the
//! suite, the length of a PIN and the number of tries left are public, and stay the same while one
//! operation is measured. The MACs of single records in the flash are compared by `subtle` too, but
//! that comparison is not measured. The right PIN and a genuine claim take another path, as they
//! must.
//!
//! The figures are of this image, which the compiler makes from the same source and with the same
//! settings as a board's, though not byte for byte alike. Equal counts mean that no branch depends
//! on a secret. They say nothing about instructions that take longer for some operands, and nothing
//! about memory that answers sooner at some addresses, as caches do; a Cortex-M4's multiplications
//! take one cycle, and it has no data cache.
#![no_std]
#![no_main]

mod backup;
mod claims;
mod controls;
mod count;
mod draw;
mod machine;
mod pin;
mod scheme;

use core_nostd::ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor};
use cortex_m_rt::entry;

use crate::count::Report;

#[entry]
fn main() -> ! {
    machine::start();
    let wish = machine::wish();
    for suite in SuiteId::ALL {
        if wish == 0 || wish == suite as u32 {
            suite.dispatch(Measure);
        }
    }
    machine::line("done");
    machine::stop()
}

/// Measures one suite.
struct Measure;

impl SuiteVisitor for Measure {
    type Output = ();

    /// In the finite-field suites an operation takes up to three billion instructions, so they get
    /// few samples; and their books are open ones, so they have no tags.
    fn visit<S: Ciphersuite>(self) {
        let authenticated = S::ID == SuiteId::Ristretto255;
        let report = Report::new(S::ID, if authenticated { 100 } else { 4 });
        scheme::measure::<S>(&report);
        controls::measure_multiplication::<S>(&report);
        if authenticated {
            scheme::measure_entries::<S>(&report);
            claims::measure::<S>(&report);
            controls::measure_comparison(&report);
            pin::measure(&report);
            backup::measure(&Report::new(S::ID, 4));
        }
    }
}
