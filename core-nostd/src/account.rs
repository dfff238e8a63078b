//! Accounts by pseudonym: handles, and the sealed box that gives the NID back.

use zeroize::Zeroizing;

use crate::{
    ciphersuite::SuiteId,
    hash::{Part, prf_array, prf_bytes},
    ids::{BookId, Handle},
    keys::SharedKeys,
    nid::{Nid, PADDED_LEN},
    seal::{siv_open, siv_seal},
};

/// Length of a sealed NID in bytes: the synthetic IV and the padded NID.
pub const SEALED_NID_LEN: usize = 16 + PADDED_LEN;

/// A NID under the box key, bound to suite, book and handle.
pub type SealedNid = [u8; SEALED_NID_LEN];

impl SharedKeys {
    /// `PRF(index key; suite, book, padded NID)`, 32 bytes: the same NID always finds the same
    /// account of a book, and books can't be linked.
    #[must_use]
    pub fn handle(&self, suite: SuiteId, book: &BookId, nid: &Nid) -> Handle {
        let padded = Zeroizing::new(nid.padded());
        let parts = [
            Part::U64(u64::from(suite as u8)),
            Part::Bytes(&book.0),
            Part::Bytes(padded.as_slice()),
        ];
        Handle(prf_array(&self.index, &parts))
    }

    /// Seals a NID: AES-256-SIV (RFC 5297), deterministic, with a key for each book and the
    /// associated data suite, book and handle.
    #[must_use]
    pub fn seal_nid(&self, suite: SuiteId, book: &BookId, handle: &Handle, nid: &Nid) -> SealedNid {
        let mut text = Zeroizing::new(nid.padded());
        let ad: [&[u8]; 3] = [&[suite as u8], &book.0, &handle.0];
        let mut sealed = [0; SEALED_NID_LEN];
        let tag = siv_seal(&self.nid_key(suite, book), &ad, text.as_mut_slice());
        if let Some((head, tail)) = sealed.split_at_mut_checked(tag.len()) {
            head.copy_from_slice(&tag);
            tail.copy_from_slice(text.as_slice());
        }
        sealed
    }

    /// Opens a sealed NID, or nothing if it was not sealed for this suite, book and handle.
    #[must_use]
    pub fn open_nid(
        &self,
        suite: SuiteId,
        book: &BookId,
        handle: &Handle,
        sealed: &SealedNid,
    ) -> Option<Nid> {
        let (tag, text) = sealed.split_first_chunk::<16>()?;
        let mut padded = Zeroizing::new(<[u8; PADDED_LEN]>::try_from(text).ok()?);
        let ad: [&[u8]; 3] = [&[suite as u8], &book.0, &handle.0];
        siv_open(&self.nid_key(suite, book), &ad, padded.as_mut_slice(), tag)
            .then(|| Nid::from_padded(&padded))
            .flatten()
    }

    fn nid_key(&self, suite: SuiteId, book: &BookId) -> Zeroizing<[u8; 64]> {
        let mut key = Zeroizing::new([0; 64]);
        let parts = [Part::U64(u64::from(suite as u8)), Part::Bytes(&book.0)];
        prf_bytes(&self.nid_box, &parts, key.as_mut());
        key
    }
}
