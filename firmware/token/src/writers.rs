//! The treasury's list of writers: whose entries count in what it opens, and up to where.
//!
//! ```text
//! record of a writer: identifier, name, standing; of a revoked one also the ends of its chains
//! ```
//!
//! A claim may name this token, and the writers on this list. Places are never given up, but for
//! those of revoked writers of which nothing counts: a list that is full writes over them.

use core_nostd::{
    ids::WriterId,
    tag::{LastPosition, Range},
    wire::{
        AuditEvent, Closing, Response, Standing, TokenError, WRITER_NAME_LEN_MAX, WRITERS_MAX,
        WriterInfo, take,
    },
};
use heapless::String;
use serde::{Deserialize, Serialize};

use crate::{
    books::keep,
    engine::Engine,
    limits::CLOSINGS_LEN_MAX,
    platform::{Platform, Prompt},
    serial::Line,
    storage::Key,
};

/// What people call a writer: 1 to [`WRITER_NAME_LEN_MAX`] bytes, no control characters.
pub(crate) type Name = String<WRITER_NAME_LEN_MAX>;

/// # Errors
/// [`TokenError::BadName`].
pub(crate) fn name(text: &str) -> Result<Name, TokenError> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(TokenError::BadName);
    }
    Name::try_from(text).map_err(|_| TokenError::BadName)
}

/// The record of a writer; its closings follow it.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    writer: WriterId,
    name: &'a str,
    standing: Standing,
}

/// Longest record of a writer without its closings, in bytes.
const RECORD_LEN_MAX: usize = 16 + 1 + WRITER_NAME_LEN_MAX + 1;

/// The name of this token's own chains under an identifier that it has given up.
const RETIRED_NAME: &str = "this token, before";

/// A writer on the list, in the buffer it was read into.
pub(crate) struct Listed<'b> {
    place: u8,
    pub(crate) writer: WriterId,
    pub(crate) name: &'b str,
    standing: Standing,
    closings: &'b [u8],
}

impl Listed<'_> {
    /// Up to where its entries count in the book at a place of the list of books.
    fn end(&self, book: u8) -> u64 {
        if self.standing != Standing::Revoked {
            return u64::MAX;
        }
        let mut closings = self.closings;
        while let Some(Closing { index, end }) = take(&mut closings) {
            if index == book {
                return end;
            }
        }
        0
    }

    /// # Errors
    /// [`TokenError::UnknownWriter`] if it is this very token under another identifier.
    pub(crate) fn must_be_another(&self) -> Result<(), TokenError> {
        match self.standing {
            Standing::Active => Ok(()),
            _ => Err(TokenError::UnknownWriter),
        }
    }

    /// Whether nothing would change if it were not listed.
    fn is_idle(&self) -> bool {
        self.standing == Standing::Revoked && self.closings.is_empty()
    }
}

/// What a claim says of one writer.
pub(crate) trait Claimed {
    /// The writer.
    fn writer(&self) -> &WriterId;
    /// Up to which position it claims entries.
    fn end(&self) -> u64;
}

impl Claimed for Range {
    fn writer(&self) -> &WriterId {
        &self.writer
    }

    fn end(&self) -> u64 {
        self.to.position
    }
}

impl Claimed for LastPosition {
    fn writer(&self) -> &WriterId {
        &self.writer
    }

    /// No chain comes to position 2^64 − 1.
    fn end(&self) -> u64 {
        self.seq.map_or(0, |seq| seq.saturating_add(1))
    }
}

/// A writer to be revoked; its closings, as they were sent, are the first bytes of the body.
pub(crate) struct Revocation {
    place: u8,
    writer: WriterId,
    name: Name,
    closings_len: usize,
}

impl<P: Platform> Engine<P> {
    /// Counts the writers in the store.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`], also if there are writers but no identity.
    #[inline(never)]
    pub(crate) fn count_writers(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        self.writers = 0;
        while usize::from(self.writers) < WRITERS_MAX
            && self.storage.get(Key::Writer(self.writers), work)?.is_some()
        {
            self.writers += 1;
        }
        if self.writers > 0 && self.vault.identity().is_none() {
            return Err(TokenError::StorageFailed);
        }
        Ok(())
    }

    /// The writer at a place of the list.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`] and storage.
    #[inline(never)]
    pub(crate) fn writer<'b>(
        &mut self,
        place: u8,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        self.vault.treasury()?;
        if place >= self.writers {
            return Ok(Response::NoWriter);
        }
        let listed = self.writer_at(place, body)?;
        Ok(Response::Writer(WriterInfo {
            writer: listed.writer,
            name: listed.name,
            standing: listed.standing,
        }))
    }

    /// Adds a writer to the list.
    ///
    /// # Errors
    /// Those of [`Self::place_for_writer`] and storage.
    #[inline(never)]
    pub(crate) fn list_writer(
        &mut self,
        writer: &WriterId,
        name: &str,
        standing: Standing,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let place = self.place_for_writer(Some(writer), work)?;
        let writer = *writer;
        let record = Record {
            writer,
            name,
            standing,
        };
        self.write_writer(place, &record, &[], work)?;
        self.writers = self.writers.max(place.saturating_add(1));
        Ok(())
    }

    /// Lists an identifier that this token is about to give up, so that its entries go on
    /// counting. Once it is listed, this does nothing.
    ///
    /// # Errors
    /// [`TokenError::TooManyWriters`], those of storage.
    #[inline(never)]
    pub(crate) fn retire(&mut self, old: &WriterId, work: &mut [u8]) -> Result<(), TokenError> {
        match self.listed(old, work) {
            Ok(_) => Ok(()),
            Err(TokenError::UnknownWriter) => {
                self.list_writer(old, RETIRED_NAME, Standing::Retired, work)
            }
            Err(error) => Err(error),
        }
    }

    /// Lists a writer without an enrolment, with presence, in ceremony mode.
    ///
    /// # Errors
    /// [`TokenError::CeremonyRequired`], those of [`crate::vault::Vault::treasury`], of
    /// [`Self::must_be_new_writer`], presence and storage.
    #[inline(never)]
    pub(crate) fn admit_writer(
        &mut self,
        line: &mut Line<P::Serial>,
        writer: &WriterId,
        name: &Name,
        body: &mut [u8],
    ) -> Result<(), TokenError> {
        self.vault.treasury()?;
        self.must_be_ceremony()?;
        self.must_be_new_writer(writer, body)?;
        let prompt = Prompt::AdmitWriter {
            writer: &writer.0,
            name,
        };
        self.confirm(line, &prompt)?;
        self.take_consent()?;
        self.record(&AuditEvent::WriterAdmitted { writer: *writer }, body)?;
        self.list_writer(writer, name, Standing::Active, body)
    }

    /// Takes a revocation, whose closings it leaves in the body.
    ///
    /// # Errors
    /// [`TokenError::CeremonyRequired`], [`TokenError::Malformed`], [`TokenError::StorageFull`] if
    /// there are more closings than fit, those of
    /// [`crate::vault::Vault::treasury`], of [`Self::active`] and storage.
    #[inline(never)]
    pub(crate) fn take_revocation(
        &mut self,
        writer: &WriterId,
        closings: &[u8],
        body: &mut [u8],
    ) -> Result<Revocation, TokenError> {
        let own = self.vault.treasury()?.0.writer;
        self.must_be_ceremony()?;
        if own == *writer {
            return Err(TokenError::UnknownWriter);
        }
        if !are_closings(closings, self.books) {
            return Err(TokenError::Malformed);
        }
        if closings.len() > CLOSINGS_LEN_MAX {
            return Err(TokenError::StorageFull);
        }
        let listed = self.active(writer, body)?;
        let (place, name) = (listed.place, name(listed.name)?);
        Ok(Revocation {
            place,
            writer: *writer,
            name,
            closings_len: keep(&[closings], body)?.len(),
        })
    }

    /// Closes the chains of a writer for ever, with presence.
    ///
    /// # Errors
    /// Those of presence and storage.
    #[inline(never)]
    pub(crate) fn revoke_writer(
        &mut self,
        line: &mut Line<P::Serial>,
        revocation: &Revocation,
        body: &[u8],
    ) -> Result<(), TokenError> {
        let name = &revocation.name;
        self.confirm(line, &Prompt::RevokeWriter { name })?;
        let writer = revocation.writer;
        self.take_consent()?;
        self.record(&AuditEvent::WriterRevoked { writer }, line.reader.scratch())?;
        let closings = body.get(..revocation.closings_len);
        let record = Record {
            writer,
            name,
            standing: Standing::Revoked,
        };
        let closings = closings.ok_or(TokenError::StorageFailed)?;
        self.write_writer(revocation.place, &record, closings, line.reader.scratch())
    }

    /// Whether every writer that a claim names counts in the book at a place of the list of books,
    /// up to where it is claimed. The time shows which writers are named, which is no secret.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::unlocked`] and storage.
    #[inline(never)]
    pub(crate) fn all_count(
        &mut self,
        book: u8,
        claimed: &[impl Claimed],
        body: &mut [u8],
    ) -> Result<bool, TokenError> {
        let own = self.vault.unlocked()?.0.writer;
        let mut counting = marks(claimed, &own, u64::MAX);
        for place in 0..self.writers {
            let listed = self.writer_at(place, body)?;
            counting |= marks(claimed, &listed.writer, listed.end(book));
        }
        // All of as many as there are: a list has at most 16.
        Ok(counting.count_ones() as usize == claimed.len())
    }

    /// Whether a writer can be added to the list.
    ///
    /// # Errors
    /// Those of [`Self::place_for_writer`]; [`TokenError::WriterExists`] also if it is this token.
    pub(crate) fn must_be_new_writer(
        &mut self,
        writer: &WriterId,
        body: &mut [u8],
    ) -> Result<(), TokenError> {
        if self.vault.treasury()?.0.writer == *writer {
            return Err(TokenError::WriterExists);
        }
        self.place_for_writer(Some(writer), body).map(|_| ())
    }

    /// A writer on the list that is not revoked.
    ///
    /// # Errors
    /// [`TokenError::UnknownWriter`], also if it is revoked; those of storage.
    pub(crate) fn active<'b>(
        &mut self,
        writer: &WriterId,
        body: &'b mut [u8],
    ) -> Result<Listed<'b>, TokenError> {
        let listed = self.listed(writer, body)?;
        if listed.standing == Standing::Revoked {
            return Err(TokenError::UnknownWriter);
        }
        Ok(listed)
    }

    /// Where a writer that is not listed yet, perhaps not known yet, would stand.
    ///
    /// # Errors
    /// [`TokenError::WriterExists`], [`TokenError::TooManyWriters`], those of storage.
    #[inline(never)]
    pub(crate) fn place_for_writer(
        &mut self,
        writer: Option<&WriterId>,
        body: &mut [u8],
    ) -> Result<u8, TokenError> {
        let mut idle = None;
        for place in 0..self.writers {
            let listed = self.writer_at(place, body)?;
            if writer == Some(&listed.writer) {
                return Err(TokenError::WriterExists);
            }
            idle = idle.or(listed.is_idle().then_some(place));
        }
        match idle {
            _ if usize::from(self.writers) < WRITERS_MAX => Ok(self.writers),
            Some(place) => Ok(place),
            None => Err(TokenError::TooManyWriters),
        }
    }

    /// A writer on the list.
    fn listed<'b>(
        &mut self,
        writer: &WriterId,
        body: &'b mut [u8],
    ) -> Result<Listed<'b>, TokenError> {
        for place in 0..self.writers {
            if self.writer_at(place, body)?.writer == *writer {
                return self.writer_at(place, body);
            }
        }
        Err(TokenError::UnknownWriter)
    }

    #[inline(never)]
    fn writer_at<'b>(&mut self, place: u8, body: &'b mut [u8]) -> Result<Listed<'b>, TokenError> {
        let (_, secrets) = self.vault.unlocked()?;
        let record = self
            .storage
            .get_authentic(&secrets.store_key, Key::Writer(place), body)?
            .ok_or(TokenError::StorageFailed)?;
        let (record, closings): (Record<'_>, _) =
            postcard::take_from_bytes(record).map_err(|_| TokenError::StorageFailed)?;
        Ok(Listed {
            place,
            writer: record.writer,
            name: record.name,
            standing: record.standing,
            closings,
        })
    }

    fn write_writer(
        &mut self,
        place: u8,
        record: &Record<'_>,
        closings: &[u8],
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let mut head = [0; RECORD_LEN_MAX];
        let head = postcard::to_slice(record, &mut head).map_err(|_| TokenError::StorageFailed)?;
        let (_, secrets) = self.vault.unlocked()?;
        let (mac_key, key) = (&secrets.store_key, Key::Writer(place));
        self.storage
            .put_authentic(mac_key, key, &[head, closings], work)
    }
}

/// A bit for each that names this writer and claims nothing behind `end`.
fn marks(claimed: &[impl Claimed], writer: &WriterId, end: u64) -> u16 {
    let counts = |claim: &_| Claimed::writer(claim) == writer && Claimed::end(claim) <= end;
    let bits = (0..u16::BITS).zip(claimed);
    bits.fold(0, |marks, (i, claim)| marks | u16::from(counts(claim)) << i)
}

/// Whether these are closings, of books that there are, each named once, in order.
fn are_closings(mut bytes: &[u8], books: u8) -> bool {
    let mut next = 0;
    while !bytes.is_empty() {
        match take::<Closing>(&mut bytes) {
            Some(Closing { index, .. }) if (next..books).contains(&index) => next = index + 1,
            _ => return false,
        }
    }
    true
}
