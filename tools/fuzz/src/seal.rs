//! The sealed box of a national id.

use core_nostd::{
    account::SealedNid,
    ciphersuite::SuiteId,
    ids::{BookId, Handle},
    keys::{RootSeed, SharedKeys},
    nid::Nid,
};

use crate::without_heap;

const BOOK: BookId = BookId([0xB0; 32]);
const HANDLE: Handle = Handle([0xAC; 32]);

/// A sealed box opens if and only if every bit is as it was sealed.
pub fn sealed_nid(data: &[u8]) -> bool {
    let Ok(sealed) = SealedNid::try_from(data) else {
        return false;
    };
    let (keys, genuine) = genuine();
    let opened = without_heap(|| {
        keys.open_nid(SuiteId::Ristretto255, &BOOK, &HANDLE, &sealed)
            .is_some()
    });
    assert_eq!(opened, sealed == genuine);
    opened
}

/// Keys, and the box they have sealed.
pub(crate) fn genuine() -> (SharedKeys, SealedNid) {
    let keys = RootSeed::from_bytes(&[7; 32]).shared_keys();
    let nid = Nid::normalise("AB-123.456").expect("an id");
    let sealed = keys.seal_nid(SuiteId::Ristretto255, &BOOK, &HANDLE, &nid);
    (keys, sealed)
}
