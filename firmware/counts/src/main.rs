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
//! Covered: encryption with the public and with the secret key, whole entries with both tags, as a
//! treasury and as a writer makes them, decryption, proofs, every multiplication for itself, refused
//! claims with wrong MACs or tags, refused seals, and a wrong PIN through the token's own `Unlock`
//! command, from the last byte of the request to the last of the answer.
//!
//! Varied are the secret key, nonces, amounts, the seed all MAC and tag keys come from, MACs at
//! each of their bytes, and PINs of one length. Tag keys and masks are outputs of a pseudo-random
//! function, so extreme ones can't be had; the multiplications they go through are measured for
//! themselves, with extreme scalars. Accounts, positions, the number of ranges, the length of a PIN
//! and the number of tries left are public, and stay the same while one operation is measured.
//! The MACs of records in the flash are compared by the same function as those of seals; that
//! comparison is not measured for itself.
//!
//! The figures are of this image, which the compiler makes from the same source and with the same
//! settings as a board's, though not byte for byte alike. Equal counts rule out branches that depend
//! on secrets; on a Cortex-M4 without cache, whose multiplications take a fixed time, that leaves
//! memory only through wait states of flash at secret addresses. On larger processors equal counts
//! don't mean equal times.
#![no_std]
#![no_main]

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
        }
    }
}
