//! Nothing that was changed is accepted: every field of a proof, a statement, an entry and a claim,
//! bit by bit, in every suite.
//!
//! On ristretto255 every bit is tried. In the finite-field suites, where a look at one change costs
//! a hundred times as much, a normal run takes a sample of bits and a long one (the tests marked
//! `ignore`) at least one bit of every byte.

mod generic {
    pub mod admitted;
    pub mod mutations;
}

use core_nostd::ciphersuite::{Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512};
use generic::mutations as check;

/// Runs every check on every `step`-th bit in one suite.
macro_rules! every_suite {
    ($($(#[$attribute:meta])? $name:ident: $suite:ty, $step:literal;)+) => {$(
        mod $name {
            use super::*;

            #[test]
            $(#[$attribute])?
            fn no_changed_proof_verifies() {
                check::check_proofs::<$suite>($step);
            }
            #[test]
            $(#[$attribute])?
            fn no_changed_statement_verifies() {
                check::check_statements::<$suite>($step);
            }
            #[test]
            $(#[$attribute])?
            fn no_changed_entry_fits_its_tags() {
                check::check_entries::<$suite>($step);
            }
            #[test]
            $(#[$attribute])?
            fn no_changed_total_is_believed() {
                check::check_total_claims::<$suite>($step);
            }
            #[test]
            $(#[$attribute])?
            fn no_changed_balance_is_believed() {
                check::check_balance_claims::<$suite>($step);
            }
        }
    )+};
}

// Steps are prime to 8, so that all bits of a byte have their turn.
every_suite! {
    ristretto255: Ristretto255Sha512, 1;
    ffdhe2048: Ffdhe2048Sha512, 509;
    ffdhe3072: Ffdhe3072Sha512, 1533;
    #[ignore = "minutes: a bit of every byte"]
    ffdhe2048_every_byte: Ffdhe2048Sha512, 5;
    #[ignore = "minutes: a bit of every byte"]
    ffdhe3072_every_byte: Ffdhe3072Sha512, 7;
}
