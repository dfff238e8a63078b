//! The core against the slow oracle, in every suite: the same keys, nonces and places give the same
//! bytes, and the same claims, proofs and statements are believed.
//!
//! Inputs are drawn by proptest. `.cargo/config.toml` fixes the seed they are drawn from, so a run
//! repeats the last one; a longer run (`PROPTEST_CASES`) begins with the cases of a shorter one,
//! and another `PROPTEST_RNG_SEED` explores others.

mod encodings;
mod model;
mod proofs;
mod releases;
mod scheme;

use std::convert::Infallible;

use core_nostd::{
    book::{BookKind, BookRules, CAP_MAX},
    cap::EntryAmount,
    ciphersuite::{
        Ciphersuite, Element, Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, WideBytes,
    },
    ciphertext::Ciphertext,
    currency::Currency,
    group::{ByteArray, Group},
    keys::Nonce,
};
use e2e_tests::reference::{ReferenceGroup, Residues, Ristretto};
use num_bigint::BigUint;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use rand_chacha::rand_core::{TryCryptoRng, TryRng};

/// A suite that the oracle has, too.
trait Checked: Ciphersuite {
    /// The same group on big integers.
    type Oracle: ReferenceGroup<Element: 'static>;
    /// One of so many of proptest's cases is run: the slower the oracle, the fewer.
    const ONE_IN: u32;
    fn oracle() -> Self::Oracle;
}

impl Checked for Ristretto255Sha512 {
    type Oracle = Ristretto;
    const ONE_IN: u32 = 8;
    fn oracle() -> Ristretto {
        Ristretto::default()
    }
}

impl Checked for Ffdhe2048Sha512 {
    type Oracle = Residues;
    const ONE_IN: u32 = 128;
    fn oracle() -> Residues {
        Residues::ffdhe2048()
    }
}

impl Checked for Ffdhe3072Sha512 {
    type Oracle = Residues;
    const ONE_IN: u32 = 256;
    fn oracle() -> Residues {
        Residues::ffdhe3072()
    }
}

/// Runs every check in every suite.
macro_rules! every_suite {
    ($($name:ident: $suite:ty,)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn the_same_bytes_decode() {
                encodings::check_elements::<$suite>();
            }
            #[test]
            fn scalars_have_the_same_encodings() {
                encodings::check_scalars::<$suite>();
            }
            #[test]
            fn keys_and_ciphertexts_agree() {
                scheme::check_encryption::<$suite>();
            }
            #[test]
            fn keys_from_elsewhere_agree() {
                scheme::check_foreign_keys::<$suite>();
            }
            #[test]
            fn the_group_law_of_ciphertexts_agrees() {
                scheme::check_group_law::<$suite>();
            }
            #[test]
            fn entries_agree() {
                scheme::check_entries::<$suite>();
            }
            #[test]
            fn the_same_totals_are_believed() {
                releases::check_totals::<$suite>();
            }
            #[test]
            fn the_same_balances_are_believed() {
                releases::check_balances::<$suite>();
            }
            #[test]
            fn proofs_of_equal_logarithms_agree() {
                proofs::check_dleq::<$suite>();
            }
            #[test]
            fn statements_agree() {
                proofs::check_statements::<$suite>();
            }
            #[test]
            fn the_numbers_of_the_model_come_out() {
                model::check_postings::<$suite>();
            }
        }
    )+};
}

every_suite! {
    ristretto255: Ristretto255Sha512,
    ffdhe2048: Ffdhe2048Sha512,
    ffdhe3072: Ffdhe3072Sha512,
}

/// Runs `test` on inputs drawn from `strategy`, so many as suit the suite.
fn for_any<S: Checked, T: Strategy>(strategy: T, test: impl Fn(T::Value)) {
    let default = Config::default();
    let config = Config {
        cases: (default.cases / S::ONE_IN).max(1),
        // The seed is fixed, so a failure comes back by itself. To keep the case for ever, write
        // what proptest prints as a test of its own.
        failure_persistence: None,
        max_shrink_iters: 64,
        ..default
    };
    TestRunner::new(config)
        .run(&strategy, |input| {
            test(input);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// Amounts, the ends of their range and zero often among them.
fn amounts() -> impl Strategy<Value = i64> {
    prop_oneof![
        1 => prop::sample::select(vec![0, 1, -1, i64::MAX, i64::MIN]),
        2 => -1_000_000_i64..1_000_000,
        2 => any::<i64>(),
    ]
}

/// Amounts of entries: within the largest cap that a book may have.
fn entry_amounts() -> impl Strategy<Value = EntryAmount> {
    let cap = CAP_MAX.cast_signed();
    let ends = prop::sample::select(vec![0, 1, -1, cap, -cap]);
    prop_oneof![1 => ends, 2 => -cap..=cap].prop_map(admitted)
}

/// An amount that the rules of some book admit.
fn admitted(m: i64) -> EntryAmount {
    let rules = BookRules {
        suite: Ristretto255Sha512::ID,
        kind: BookKind::Authenticated,
        currency: Currency::from_code("EUR").expect("an active code"),
        cap: CAP_MAX,
        min_entries: 16,
        name: "any",
    };
    rules.admit(m).expect("within the cap")
}

/// Wide bytes, which are zeros or ones for once in a while.
fn wide<S: Checked>() -> impl Strategy<Value = WideBytes<S>> {
    let bytes = prop_oneof![
        1 => Just(vec![0; WideBytes::<S>::LEN]),
        1 => Just(vec![0xff; WideBytes::<S>::LEN]),
        14 => prop::collection::vec(any::<u8>(), WideBytes::<S>::LEN),
    ];
    bytes.prop_map(|bytes| {
        let mut wide = WideBytes::<S>::zeroed();
        wide.as_mut().copy_from_slice(&bytes);
        wide
    })
}

/// A generator that gives out the bytes it was given, over and over.
struct Given<'a>(&'a [u8]);

impl TryRng for Given<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the core draws bytes only")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the core draws bytes only")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let bytes = self.0.iter().cycle();
        out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

impl TryCryptoRng for Given<'_> {}

/// The nonce of wide bytes, and the integer it is.
fn nonce<S: Checked>(oracle: &S::Oracle, wide: &WideBytes<S>) -> (Nonce<S>, BigUint) {
    let nonce = Nonce::random(&mut Given(wide.as_ref()));
    (nonce, oracle.short(wide.as_ref()))
}

/// The canonical encodings of elements of the core.
fn core_bytes<S: Ciphersuite, const N: usize>(elements: [Element<S>; N]) -> [Vec<u8>; N] {
    elements.map(|element| S::Group::encode(&element).as_ref().to_vec())
}

/// The canonical encodings of elements of the oracle.
fn oracle_bytes<G: ReferenceGroup, const N: usize>(
    oracle: &G,
    elements: [G::Element; N],
) -> [Vec<u8>; N] {
    elements.map(|element| oracle.encode(&element))
}

/// The same elements in the oracle.
fn to_oracle<S: Checked, const N: usize>(
    oracle: &S::Oracle,
    elements: [Element<S>; N],
) -> [<S::Oracle as ReferenceGroup>::Element; N] {
    let decode = |bytes: Vec<u8>| oracle.decode(&bytes).expect("the core encodes elements");
    core_bytes::<S, N>(elements).map(decode)
}

/// The parts of a ciphertext.
fn parts<S: Ciphersuite>(ciphertext: &Ciphertext<S>) -> [Element<S>; 2] {
    [ciphertext.c1, ciphertext.c2]
}
