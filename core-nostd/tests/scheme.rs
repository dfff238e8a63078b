//! The scheme in every suite, and the parts that no suite changes.

mod generic {
    pub mod admitted;
    pub mod scheme;
}

use std::collections::BTreeSet;

use core_nostd::{
    ciphersuite::{Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, SuiteId},
    ids::{BookId, Handle, WriterId},
    keys::{RootSeed, SHARED_KEYS_LEN, SharedKeys},
    nid::Nid,
};
use generic::scheme as check;

/// Runs every check of the scheme in one suite.
macro_rules! every_suite {
    ($($name:ident: $suite:ty,)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn encryption_decrypts() {
                check::check_encryption::<$suite>();
            }
            #[test]
            fn sums_of_ciphertexts_encrypt_sums() {
                check::check_group_law::<$suite>();
            }
            #[test]
            fn only_true_totals_open() {
                check::check_totals::<$suite>();
            }
            #[test]
            fn only_true_balances_open() {
                check::check_balances::<$suite>();
            }
            #[test]
            fn statements_verify_for_their_amount() {
                check::check_statements::<$suite>();
            }
            #[test]
            fn statements_bind_every_field() {
                check::check_changed_statements::<$suite>();
            }
            #[test]
            fn keys_and_nonces_are_separate() {
                check::check_keys::<$suite>();
            }
        }
    )+};
}

every_suite! {
    ristretto255: Ristretto255Sha512,
    ffdhe2048: Ffdhe2048Sha512,
    ffdhe3072: Ffdhe3072Sha512,
}

const SUITE: SuiteId = SuiteId::Ristretto255;
const BOOK: BookId = BookId([1; 32]);
const OTHER: BookId = BookId([2; 32]);

#[test]
fn shared_keys_come_back_from_their_bytes() {
    let keys = RootSeed::from_bytes(&[5; 32]).shared_keys();
    let mut bytes = [0; SHARED_KEYS_LEN];
    keys.expose_into(&mut bytes);
    let parts: BTreeSet<&[u8]> = bytes.chunks(32).collect();
    assert_eq!(parts.len(), 9, "each key is another");
    let mut again = [0; SHARED_KEYS_LEN];
    SharedKeys::from_bytes(&bytes).expose_into(&mut again);
    assert_eq!(again, bytes);
    let nid = Nid::normalise("AB1234X").unwrap();
    let handle = SharedKeys::from_bytes(&bytes).handle(SUITE, &BOOK, &nid);
    assert_eq!(handle, keys.handle(SUITE, &BOOK, &nid));
}

#[test]
fn every_writer_has_a_key_of_its_own() {
    let seeds = [[5; 32], [6; 32]].map(|bytes| RootSeed::from_bytes(&bytes));
    let writers = [WriterId([1; 16]), WriterId([2; 16])];
    let keys = seeds.each_ref().map(|seed| {
        writers
            .each_ref()
            .map(|writer| *seed.writer_key(writer).expose_bytes())
    });
    let keys: BTreeSet<_> = keys.as_flattened().iter().collect();
    assert_eq!(keys.len(), 4);
}

#[test]
fn a_nid_finds_its_account_and_books_cannot_be_linked() {
    let keys = RootSeed::from_bytes(&[5; 32]).shared_keys();
    let nid = Nid::normalise("ab-12 34.x").unwrap();
    let same = Nid::normalise("AB1234X").unwrap();
    let handle = keys.handle(SUITE, &BOOK, &nid);
    assert_eq!(handle, keys.handle(SUITE, &BOOK, &same));
    assert_ne!(handle, keys.handle(SUITE, &OTHER, &nid));
    assert_ne!(handle, keys.handle(SuiteId::Ffdhe2048, &BOOK, &nid));
    assert_ne!(
        handle,
        RootSeed::from_bytes(&[6; 32])
            .shared_keys()
            .handle(SUITE, &BOOK, &nid)
    );
}

#[test]
fn a_sealed_nid_opens_only_where_it_was_sealed() {
    let keys = RootSeed::from_bytes(&[5; 32]).shared_keys();
    let nid = Nid::normalise("AB1234X").unwrap();
    let handle = keys.handle(SUITE, &BOOK, &nid);
    let sealed = keys.seal_nid(SUITE, &BOOK, &handle, &nid);
    let opened = keys.open_nid(SUITE, &BOOK, &handle, &sealed).unwrap();
    assert_eq!(opened.as_str(), "AB1234X");
    assert!(!sealed.windows(4).any(|window| window == b"AB12"));
    for i in 0..sealed.len() {
        let mut damaged = sealed;
        damaged[i] ^= 0x40;
        assert!(
            keys.open_nid(SUITE, &BOOK, &handle, &damaged).is_none(),
            "byte {i}"
        );
    }
    assert!(keys.open_nid(SUITE, &OTHER, &handle, &sealed).is_none());
    assert!(
        keys.open_nid(SUITE, &BOOK, &Handle([0; 32]), &sealed)
            .is_none()
    );
    assert!(
        keys.open_nid(SuiteId::Ffdhe2048, &BOOK, &handle, &sealed)
            .is_none()
    );
    let other = RootSeed::from_bytes(&[6; 32]).shared_keys();
    assert!(other.open_nid(SUITE, &BOOK, &handle, &sealed).is_none());
}
