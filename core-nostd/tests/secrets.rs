//! Secrets can't be printed, copied or serialised by accident: what a type does not implement is
//! checked while this file is compiled.
//!
//! Scalars are the exception, on purpose: arithmetic needs them to be `Copy`. They have no `Debug`
//! either, and where one is a secret it lies in a type below or in `Zeroizing`. A posting is
//! copied, and wiped by hand, because it travels in lists; an amount of an entry is a number that
//! whoever holds it may print. A request carries PINs, ids and amounts in borrowed bytes that the
//! owner of the frame wipes; its `Debug` is written by hand and names the command only.

use core::fmt::{Debug, Display, LowerHex};
use core::marker::PhantomData;

use core_nostd::{
    backup::{Secret, Share, Split},
    ciphersuite::{
        Ciphersuite, Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, Scalar, SuiteId,
    },
    enrolment::{Agreed, Grant, Join, Offer},
    group::ShortScalar,
    keys::{Hedge, Nonce, PublicKey, RootSeed, SecretKey, SharedKeys, WriterKey},
    nid::Nid,
    proof::dleq::ProofNonce,
};
use serde::{Serialize, de::DeserializeOwned};

/// Whether a type implements a trait, as a constant: the inherent constant, which is there only if
/// it does, hides the one of the trait `Otherwise`.
macro_rules! implements {
    ($type:ty: $trait:path) => {{
        #[allow(dead_code, reason = "one of the two constants is hidden")]
        trait Otherwise {
            const IT_DOES: bool = false;
        }
        struct Probe<T: ?Sized>(PhantomData<T>);
        impl<T: ?Sized> Otherwise for Probe<T> {}
        #[allow(dead_code, reason = "one of the two constants is hidden")]
        impl<T: ?Sized + $trait> Probe<T> {
            const IT_DOES: bool = true;
        }
        <Probe<$type>>::IT_DOES
    }};
}

/// Fails to compile if one of the types implements one of the traits.
macro_rules! assert_bare {
    ($($type:ty),+ $(,)?) => {$(
        const {
            assert!(!implements!($type: Debug), concat!(stringify!($type), " is Debug"));
            assert!(!implements!($type: Display), concat!(stringify!($type), " is Display"));
            assert!(!implements!($type: LowerHex), concat!(stringify!($type), " is LowerHex"));
            assert!(!implements!($type: Clone), concat!(stringify!($type), " is Clone"));
            assert!(!implements!($type: Copy), concat!(stringify!($type), " is Copy"));
            assert!(!implements!($type: Default), concat!(stringify!($type), " is Default"));
            assert!(!implements!($type: PartialEq), concat!(stringify!($type), " is PartialEq"));
            assert!(!implements!($type: AsRef<[u8]>), concat!(stringify!($type), " is bytes"));
            assert!(!implements!($type: Serialize), concat!(stringify!($type), " is Serialize"));
            assert!(
                !implements!($type: DeserializeOwned),
                concat!(stringify!($type), " is DeserializeOwned")
            );
        }
        assert!(core::mem::needs_drop::<$type>(), concat!(stringify!($type), " wipes nothing"));
    )+};
}

#[test]
fn secrets_are_bare_and_do_something_when_dropped() {
    assert_bare!(RootSeed, SharedKeys, WriterKey, Hedge, Nid);
    assert_bare!(Secret, Share, Split);
    assert_bare!(Offer, Join, Agreed, Grant);
}

/// The secrets of a suite.
macro_rules! assert_suite_is_bare {
    ($suite:ty) => {
        assert_bare!(
            SecretKey<$suite>,
            Nonce<$suite>,
            ProofNonce<$suite>,
            ShortScalar<<$suite as Ciphersuite>::Group>,
        );
        const {
    assert!(!implements!(Scalar<$suite>: Debug), "a scalar is Debug");
    assert!(!implements!(Scalar<$suite>: Display), "a scalar is Display");
            assert!(
        !implements!(Scalar<$suite>: LowerHex),
                "a scalar is LowerHex"
            );
            assert!(
        !implements!(Scalar<$suite>: Serialize),
                "a scalar is Serialize"
            );
        }
    };
}

#[test]
fn secrets_of_every_suite_are_bare() {
    assert_suite_is_bare!(Ristretto255Sha512);
    assert_suite_is_bare!(Ffdhe2048Sha512);
    assert_suite_is_bare!(Ffdhe3072Sha512);
}

/// The control: what is implemented is seen, for every trait that is asked about.
#[test]
fn what_is_implemented_is_seen() {
    type Key = PublicKey<Ristretto255Sha512>;
    const {
        assert!(implements!(Key: Debug) && implements!(Key: Clone) && implements!(Key: Copy));
        assert!(implements!(Key: PartialEq) && implements!(SuiteId: Display));
        assert!(implements!(u64: LowerHex) && implements!(u64: Default));
        assert!(implements!([u8; 32]: AsRef<[u8]>));
        assert!(implements!(u64: Serialize) && implements!(u64: DeserializeOwned));
        assert!(implements!(Scalar<Ristretto255Sha512>: Copy));
    }
}

/// What the note above says of what travels.
#[cfg(feature = "wire")]
#[test]
fn a_request_is_shown_by_its_command_alone() {
    use core_nostd::wire::{Posting, Request};

    const { assert!(!implements!(Posting: Debug) && !implements!(Posting: Display)) }
    let request = Request::ChangePin {
        old: "123456",
        new: "654321",
    };
    assert_eq!(format!("{request:?}"), "ChangePin");
}
