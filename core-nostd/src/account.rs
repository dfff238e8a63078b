//! Accounts by pseudonym: handles, and the sealed box that gives the NID back.

use aes_siv::{KeyInit, siv::Aes256Siv};
use zeroize::Zeroizing;

use crate::{
    ciphersuite::SuiteId,
    hash::{Part, prf_array, prf_bytes},
    ids::{BookId, Handle},
    keys::SharedKeys,
    nid::{Nid, PADDED_LEN},
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
        let tag = self
            .nid_cipher(suite, book)
            .encrypt_inout_detached(ad, text.as_mut_slice().into());
        // Three headers are below the construction's limit of 126, so the error can't occur.
        if let (Ok(tag), Some((head, tail))) = (tag, sealed.split_at_mut_checked(16)) {
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
        self.nid_cipher(suite, book)
            .decrypt_inout_detached(ad, padded.as_mut_slice().into(), &(*tag).into())
            .ok()?;
        Nid::from_padded(&padded)
    }

    fn nid_cipher(&self, suite: SuiteId, book: &BookId) -> Aes256Siv {
        let mut key = Zeroizing::new([0; 64]);
        let parts = [Part::U64(u64::from(suite as u8)), Part::Bytes(&book.0)];
        prf_bytes(&self.nid_box, &parts, key.as_mut());
        Aes256Siv::new(&(*key).into())
    }
}
