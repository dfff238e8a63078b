//! Keys that were made elsewhere, each the key of one open book and of nothing else.
//!
//! ```text
//! chain record of such a book: head ‖ tag [16] ‖ x, sealed with AES-256-SIV under a key made from
//!                              the store key, associated data: label, suite, book
//! ```
//!
//! Nothing of it comes from the root seed, so a backup of the seed does not hold it: a token that
//! was restored has the book's key only if it is imported there again.
//!
//! It lies where an authenticated book keeps the entries of its last reply, which an open book does
//! not have. So it is in the flash before the record that makes the book exist, and what a power
//! cut leaves of it is overwritten by the next book at that place.

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, SuiteId},
    ids::BookId,
    keys::SecretKey,
    seal::{self, Tag},
    wire::{AuditEvent, Response, Rules, TokenError},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    books::{self, Book},
    engine::Engine,
    limits::FOREIGN_KEY_LEN_MAX,
    platform::{Platform, Prompt},
    serial::Line,
    suites::in_suite,
    vault::Secrets,
};

/// Names the use of a sealed key and of the key that seals it.
const LABEL: &[u8] = b"foreign key";

/// A book that may be added once a person agrees: its record and its sealed key, which are the
/// first bytes of the body, one after the other.
pub(crate) struct Import {
    record_len: usize,
    sealed_len: usize,
}

impl<P: Platform> Engine<P> {
    /// Takes a key: checks it and the book it is for, and seals it into the body.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`], [`TokenError::BadRules`],
    /// [`TokenError::WrongKind`], those of [`Self::admit`],
    /// [`TokenError::BadKey`], [`TokenError::KeyInUse`], those of storage.
    #[inline(never)]
    pub(crate) fn take_key(
        &mut self,
        rules: &Rules<'_>,
        x: &[u8],
        body: &mut [u8],
    ) -> Result<Import, TokenError> {
        self.vault.treasury()?;
        let checked = rules.check().ok_or(TokenError::BadRules)?;
        if checked.kind != BookKind::Open {
            return Err(TokenError::WrongKind);
        }
        self.admit(&checked, body)?;
        in_suite!(checked.suite, S => match SecretKey::<S>::from_bytes(x) {
            Ok(_) => Ok(()),
            Err(_) => Err(TokenError::BadKey),
        })?;
        self.must_be_new(x, body)?;
        let book = checked.id();
        let record_len = books::write_record(&book, rules, body)?.len();
        let (_, secrets) = self.vault.unlocked()?;
        let room = body.get_mut(record_len..).unwrap_or_default();
        let sealed_len = seal_key(secrets, checked.suite, &book, x, room)?;
        Ok(Import {
            record_len,
            sealed_len,
        })
    }

    /// Adds the book of a key that was taken, with presence.
    ///
    /// # Errors
    /// Those of presence and storage.
    #[inline(never)]
    pub(crate) fn import_book<'b>(
        &mut self,
        line: &mut Line<P::Serial>,
        import: &Import,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let halves = body.split_at_checked(import.record_len);
        let (record, rest) = halves.ok_or(TokenError::StorageFailed)?;
        let sealed = rest.get(..import.sealed_len);
        let sealed = sealed.ok_or(TokenError::StorageFailed)?;
        let book = books::name(record)?;
        self.confirm(line, &Prompt::ImportBook { book })?;
        let book = books::id(record)?;
        self.take_consent()?;
        self.record(&AuditEvent::BookImported { book }, line.reader.scratch())?;
        let place = self.add_book(&[record], sealed, line.reader.scratch())?;
        self.book(place, body)
    }

    /// The secret key of a book: the one it was made with, or else the seed's for it.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], those of storage.
    #[inline(never)]
    pub(crate) fn secret_key<S: Ciphersuite>(
        &mut self,
        book: &BookId,
        body: &mut [u8],
    ) -> Result<SecretKey<S>, TokenError> {
        let place = self.find(book, body)?.place;
        let mut room = Zeroizing::new([0; FOREIGN_KEY_LEN_MAX]);
        if let Some(x) = self.foreign_key(place, body, &mut room)? {
            return SecretKey::from_bytes(x).map_err(|_| TokenError::StorageFailed);
        }
        let (_, secrets) = self.vault.unlocked()?;
        Ok(secrets.seed()?.secret_key::<S>(book))
    }

    /// Whether no book of this token has the key `x`.
    #[inline(never)]
    fn must_be_new(&mut self, x: &[u8], body: &mut [u8]) -> Result<(), TokenError> {
        let mut room = Zeroizing::new([0; FOREIGN_KEY_LEN_MAX]);
        for place in 0..self.books {
            // Keys of different suites differ in length.
            let other = self.foreign_key(place, body, &mut room)?;
            if other.is_some_and(|other| other.ct_eq(x).into()) {
                return Err(TokenError::KeyInUse);
            }
        }
        Ok(())
    }

    /// The key that the book at this place was made with; none if its key comes from the seed.
    #[inline(never)]
    fn foreign_key<'o>(
        &mut self,
        place: u8,
        body: &mut [u8],
        room: &'o mut [u8; FOREIGN_KEY_LEN_MAX],
    ) -> Result<Option<&'o [u8]>, TokenError> {
        let Book { id, rules, .. } = self.book_at(place, body)?;
        let suite = rules.suite;
        if rules.kind != BookKind::Open {
            return Ok(None);
        }
        let (_, record) = self.chain(place, body)?;
        if record.is_empty() {
            return Ok(None);
        }
        let (_, secrets) = self.vault.unlocked()?;
        match open_key(secrets, suite, &id, record, room) {
            Some(x) => Ok(Some(x)),
            None => Err(TokenError::StorageFailed),
        }
    }
}

/// Writes `tag ‖ sealed x` to the start of `out` and returns its length.
#[inline(never)]
fn seal_key(
    secrets: &Secrets,
    suite: SuiteId,
    book: &BookId,
    x: &[u8],
    out: &mut [u8],
) -> Result<usize, TokenError> {
    let no_room = TokenError::Malformed;
    let (tag, out) = out.split_first_chunk_mut().ok_or(no_room)?;
    let text = out.get_mut(..x.len()).ok_or(no_room)?;
    text.copy_from_slice(x);
    let bound_to: [&[u8]; 3] = [LABEL, &[suite as u8], &book.0];
    *tag = seal::seal(&sealing_key(secrets), &bound_to, text);
    Ok(tag.len() + text.len())
}

/// Opens `tag ‖ sealed x` into `out` and returns `x`.
#[inline(never)]
fn open_key<'o>(
    secrets: &Secrets,
    suite: SuiteId,
    book: &BookId,
    record: &[u8],
    out: &'o mut [u8],
) -> Option<&'o [u8]> {
    let (tag, text) = record.split_first_chunk::<{ size_of::<Tag>() }>()?;
    let out = out.get_mut(..text.len())?;
    out.copy_from_slice(text);
    let bound_to: [&[u8]; 3] = [LABEL, &[suite as u8], &book.0];
    seal::open(&sealing_key(secrets), &bound_to, out, tag).then_some(out)
}

/// The key that seals imported keys: one use of the store key, apart from its others.
fn sealing_key(secrets: &Secrets) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    seal::prf(&secrets.store_key, &[LABEL], key.as_mut());
    key
}
