//! The books of a token: made once, listed in order, never deleted, so that no identifier is ever
//! used twice under the same keys.

use core_nostd::{
    account::SealedNid,
    book::{BookKind, BookRules},
    ciphersuite::SuiteId,
    ids::BookId,
    nid::Nid,
    wire::{BOOKS_MAX, BookInfo, Response, Rules, TokenError},
};
use serde::{Deserialize, Serialize};

use crate::{
    engine::Engine,
    platform::Platform,
    posting::ChainHead,
    storage::Key,
    suites::{self, in_suite},
};

/// A book of this token; its name is in the buffer it was read into.
pub(crate) struct Book<'b> {
    /// Its place in the list.
    pub(crate) place: u8,
    pub(crate) id: BookId,
    pub(crate) rules: BookRules<'b>,
    /// Its public key, on a writer.
    pub(crate) granted: Option<[u8; 32]>,
}

impl Book<'_> {
    /// # Errors
    /// [`TokenError::WrongKind`] unless the book is of this kind.
    pub(crate) fn must_be(&self, kind: BookKind) -> Result<(), TokenError> {
        if self.rules.kind == kind {
            Ok(())
        } else {
            Err(TokenError::WrongKind)
        }
    }
}

/// The record of a book. It begins with the identifier, by which it is found; on a writer the
/// public key follows it.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    book: BookId,
    #[serde(borrow)]
    rules: Rules<'a>,
}

/// Longest record of a book, in bytes.
const RECORD_LEN_MAX: usize = 32 + 2 + 3 + 1 + 10 + 5 + 1 + 48 + 32;

impl<P: Platform> Engine<P> {
    /// Counts the books in the store.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`], also if there are books but no identity.
    #[inline(never)]
    pub(crate) fn count_books(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        self.books = 0;
        while usize::from(self.books) < BOOKS_MAX
            && self.storage.get(Key::Book(self.books), work)?.is_some()
        {
            self.books += 1;
        }
        if self.books > 0 && self.vault.identity().is_none() {
            return Err(TokenError::StorageFailed);
        }
        Ok(())
    }

    /// Adds a book whose key comes from the seed.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`], [`TokenError::BadRules`], those of
    /// [`Self::admit`] and of storage.
    #[inline(never)]
    pub(crate) fn create_book<'b>(
        &mut self,
        rules: &Rules<'_>,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        self.vault.treasury()?;
        let checked = rules.check().ok_or(TokenError::BadRules)?;
        self.admit(&checked, body)?;
        let mut bytes = [0; RECORD_LEN_MAX];
        let record = write_record(&checked.id(), rules, &mut bytes)?;
        let place = self.add_book(&[record], &[], body)?;
        self.book(place, body)
    }

    /// Adds a book that was admitted and granted, and returns its place.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn add_granted(
        &mut self,
        book: &BookId,
        rules: &Rules<'_>,
        public_key: &[u8; 32],
        work: &mut [u8],
    ) -> Result<u8, TokenError> {
        let mut bytes = [0; RECORD_LEN_MAX];
        let record = write_record(book, rules, &mut bytes)?;
        self.add_book(&[record, public_key], &[], work)
    }

    /// Whether a book may be added.
    ///
    /// # Errors
    /// [`TokenError::SuiteUnsupported`], [`TokenError::BookExists`], [`TokenError::TooManyBooks`],
    /// those of storage.
    #[inline(never)]
    pub(crate) fn admit(
        &mut self,
        rules: &BookRules<'_>,
        body: &mut [u8],
    ) -> Result<(), TokenError> {
        let tags_are_too_slow =
            rules.kind == BookKind::Authenticated && rules.suite != SuiteId::Ristretto255;
        if tags_are_too_slow || !suites::is_here(rules.suite) {
            return Err(TokenError::SuiteUnsupported);
        }
        match self.place_of(&rules.id(), body) {
            Err(TokenError::UnknownBook) => {}
            Ok(_) => return Err(TokenError::BookExists),
            Err(error) => return Err(error),
        }
        if usize::from(self.books) >= BOOKS_MAX {
            return Err(TokenError::TooManyBooks);
        }
        Ok(())
    }

    /// Adds a book that was admitted, and returns its place. Its chain, with the sealed key of one
    /// whose key does not come from the seed, is written before the record that makes it exist.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn add_book(
        &mut self,
        record: &[&[u8]],
        sealed_key: &[u8],
        work: &mut [u8],
    ) -> Result<u8, TokenError> {
        let place = self.books;
        let (identity, _) = self.vault.unlocked()?;
        self.write_chain(place, &ChainHead::new(identity), sealed_key, work)?;
        let (_, secrets) = self.vault.unlocked()?;
        self.storage
            .put_authentic(&secrets.store_key, Key::Book(place), record, work)?;
        self.books = place.saturating_add(1);
        Ok(place)
    }

    /// The book at a place of the list.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn book<'b>(
        &mut self,
        place: u8,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        self.vault.unlocked()?;
        if place >= self.books {
            return Ok(Response::NoBook);
        }
        let (
            ChainHead {
                next_seq, last_cut, ..
            },
            _,
        ) = self.chain(place, body)?;
        let Book { id, rules, .. } = self.book_at(place, body)?;
        Ok(Response::Book(BookInfo {
            book: id,
            rules: Rules::from(&rules),
            next_seq,
            last_cut,
        }))
    }

    /// The public key of a book.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], those of storage.
    #[inline(never)]
    pub(crate) fn public_key<'b>(
        &mut self,
        book: &BookId,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let Book { rules, granted, .. } = self.find(book, body)?;
        let suite = rules.suite;
        if let Some(key) = granted {
            return Ok(Response::PublicKey(keep(&[&key], body)?));
        }
        in_suite!(suite, S => {
            let key = self.secret_key::<S>(book, body)?.public_key().to_bytes();
            Ok(Response::PublicKey(keep(&[key.as_ref()], body)?))
        })
    }

    /// The handle and the sealed box of a NID.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], [`TokenError::BadNid`], those of storage.
    #[inline(never)]
    pub(crate) fn handle<'b>(
        &mut self,
        book: &BookId,
        nid: &str,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let suite = self.find(book, body)?.rules.suite;
        let (_, secrets) = self.vault.unlocked()?;
        let nid = Nid::normalise(nid).map_err(|_| TokenError::BadNid)?;
        let handle = secrets.shared.handle(suite, book, &nid);
        let sealed: SealedNid = secrets.shared.seal_nid(suite, book, &handle, &nid);
        Ok(Response::Handle {
            handle,
            sealed_nid: keep(&[&sealed], body)?,
        })
    }

    /// The book with this identifier.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], those of [`crate::vault::Vault::unlocked`] and storage.
    pub(crate) fn find<'b>(
        &mut self,
        book: &BookId,
        body: &'b mut [u8],
    ) -> Result<Book<'b>, TokenError> {
        self.vault.unlocked()?;
        let place = self.place_of(book, body)?;
        self.book_at(place, body)
    }

    /// The place of the record that begins with this identifier; its MAC is checked when it is
    /// read.
    #[inline(never)]
    fn place_of(&mut self, book: &BookId, body: &mut [u8]) -> Result<u8, TokenError> {
        for place in 0..self.books {
            let record = self.storage.get(Key::Book(place), body)?;
            if record.is_some_and(|record| record.starts_with(&book.0)) {
                return Ok(place);
            }
        }
        Err(TokenError::UnknownBook)
    }

    /// The book at a place below [`Self::books`].
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::unlocked`] and storage.
    #[inline(never)]
    pub(crate) fn book_at<'b>(
        &mut self,
        place: u8,
        body: &'b mut [u8],
    ) -> Result<Book<'b>, TokenError> {
        let (_, secrets) = self.vault.unlocked()?;
        let key = Key::Book(place);
        let record = self
            .storage
            .get_authentic(&secrets.store_key, key, body)?
            .ok_or(TokenError::StorageFailed)?;
        let (Record { book, rules }, rest) = read_record(record)?;
        Ok(Book {
            place,
            id: book,
            rules: rules.check().ok_or(TokenError::StorageFailed)?,
            granted: rest.first_chunk().copied(),
        })
    }
}

/// Writes the record of a book to the start of `out`.
///
/// # Errors
/// [`TokenError::StorageFailed`] if there is no room.
pub(crate) fn write_record<'o>(
    book: &BookId,
    rules: &Rules<'_>,
    out: &'o mut [u8],
) -> Result<&'o [u8], TokenError> {
    let (book, rules) = (*book, *rules);
    postcard::to_slice(&Record { book, rules }, out)
        .map(|record| &*record)
        .map_err(|_| TokenError::StorageFailed)
}

fn read_record(record: &[u8]) -> Result<(Record<'_>, &[u8]), TokenError> {
    postcard::take_from_bytes(record).map_err(|_| TokenError::StorageFailed)
}

/// The identifier in the record of a book.
///
/// # Errors
/// [`TokenError::StorageFailed`] if it is no such record.
pub(crate) fn id(record: &[u8]) -> Result<BookId, TokenError> {
    Ok(read_record(record)?.0.book)
}

/// The name in the record of a book.
///
/// # Errors
/// [`TokenError::StorageFailed`] if it is no such record.
pub(crate) fn name(record: &[u8]) -> Result<&str, TokenError> {
    Ok(read_record(record)?.0.rules.name)
}

/// Copies these strings, one after the other, to the start of the body.
///
/// # Errors
/// [`TokenError::Malformed`] if there is no room, which a frame's worth of bytes has.
pub(crate) fn keep<'b>(pieces: &[&[u8]], body: &'b mut [u8]) -> Result<&'b [u8], TokenError> {
    let mut len = 0;
    for piece in pieces {
        let end = len + piece.len();
        let room = body.get_mut(len..end).ok_or(TokenError::Malformed)?;
        room.copy_from_slice(piece);
        len = end;
    }
    body.get(..len).ok_or(TokenError::Malformed)
}
