//! The store: small numbered records that a power cut leaves whole, old or new.
//!
//! ```text
//! first page    which erase is under way, so that a power cut leaves none half done ([`flash`])
//! other pages   a ring of records, the newest of each key counts (crate sequential-storage)
//! ```
//!
//! A record that needs it ends with a MAC over its key and its bytes, so an edited flash is
//! noticed. Putting back an older copy of a whole flash is not: the PIN guards the port, not a
//! laboratory. A record whose newest copy was damaged by the chip falls back to the copy before,
//! which a server notices by its entries.

use core::ops::Range;

use core_nostd::{
    seal::prf,
    wire::{BOOKS_MAX, TokenError, WRITERS_MAX},
};
use embedded_storage::nor_flash::{ErrorType, NorFlash};
use sequential_storage::{
    Error,
    cache::{Cache, Uncached, key_pointers::ArrayKeyPointers},
    map::{MapConfig, MapStorage, SerializationError, Value},
};
use subtle::ConstantTimeEq;

use crate::{audit::SLOTS, limits::MAC_LEN, platform::Platform};

mod flash;

use flash::{Flash, ready};

pub(crate) use flash::{KEPT_LEN, Kept};

/// Which record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The sealed secrets and what belongs to them.
    Identity,
    /// Where the audit log stands, with the tries for the PIN.
    AuditHead,
    /// The last statement.
    Statement,
    /// The rules of the book at this place.
    Book(u8),
    /// This token's chain in the book at this place, with the last reply.
    Chain(u8),
    /// The writer at this place of a treasury's list.
    Writer(u8),
    /// The event at this slot of the audit log.
    Event(u8),
}

impl Key {
    /// Places of books are below [`BOOKS_MAX`], those of writers below [`WRITERS_MAX`], slots below
    /// [`SLOTS`]: 64, 16 and 48. So no two keys are the same.
    fn number(self) -> u8 {
        match self {
            Self::Identity => 1,
            Self::AuditHead => 2,
            Self::Statement => 3,
            Self::Book(place) => 0x40 | place,
            Self::Chain(place) => 0x80 | place,
            Self::Writer(place) => 0x10 | place,
            Self::Event(slot) => 0xc0 | slot,
        }
    }
}

/// As many places as there are keys: two for each book, one for each writer and event, and three.
const KEYS: usize = 2 * BOOKS_MAX + WRITERS_MAX + SLOTS as usize + 3;

/// Finds records by remembering where they are. The states of pages are not remembered: that would
/// save a few words of reading, and the caches for it panic on a flash that somebody has edited.
type KeyCache = Cache<Uncached, Uncached, ArrayKeyPointers<u8, KEYS>, u8>;

type Ring<P> = MapStorage<u8, Flash<P>, KeyCache>;

/// The store of one token.
pub(crate) struct Storage<P: Platform> {
    /// `None` only while [`Self::with_flash`] takes it apart.
    ring: Option<Ring<P>>,
}

impl<P: Platform> Storage<P> {
    /// Everything but the first page.
    const RING: Range<u32> = {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "erase pages are much smaller than the flash"
        )]
        let page_len = <P::Flash as NorFlash>::ERASE_SIZE as u32;
        P::STORE.start + page_len..P::STORE.end
    };

    /// The store in this flash, as it was left.
    pub(crate) fn new(flash: P::Flash) -> Self {
        Self {
            ring: Some(Self::ring(Flash::new(flash))),
        }
    }

    /// The bytes of a plain record.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`].
    #[inline(never)]
    pub(crate) fn get<'b>(
        &mut self,
        key: Key,
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, TokenError> {
        let ring = self.ring.as_mut().ok_or(TokenError::StorageFailed)?;
        finish(ready(ring.fetch_item(buffer, &key.number())))
    }

    /// The bytes of a record with a MAC.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`], also if the MAC does not fit.
    pub(crate) fn get_authentic<'b>(
        &mut self,
        mac_key: &[u8; 32],
        key: Key,
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, TokenError> {
        let Some(record) = self.get(key, buffer)? else {
            return Ok(None);
        };
        let (bytes, mac) = record
            .split_last_chunk::<MAC_LEN>()
            .ok_or(TokenError::StorageFailed)?;
        if bool::from(record_mac(mac_key, key.number(), bytes).ct_eq(mac)) {
            Ok(Some(bytes))
        } else {
            Err(TokenError::StorageFailed)
        }
    }

    /// Writes a plain record, the concatenation of `pieces`. `work` has room for any record.
    ///
    /// # Errors
    /// [`TokenError::StorageFull`] and [`TokenError::StorageFailed`]; the record is then the old
    /// one or, if only the report of success was lost, the new one.
    pub(crate) fn put(
        &mut self,
        key: Key,
        pieces: &[&[u8]],
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        self.write(key, &Record { pieces, mac: None }, work)
    }

    /// Writes a record with a MAC, like [`Self::put`].
    ///
    /// # Errors
    /// Those of [`Self::put`].
    pub(crate) fn put_authentic(
        &mut self,
        mac_key: &[u8; 32],
        key: Key,
        pieces: &[&[u8]],
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let mac = Some((mac_key, key.number()));
        self.write(key, &Record { pieces, mac }, work)
    }

    /// Begins to erase everything but what is to be kept. Once that is noted nothing else counts
    /// any more; until [`Self::end_wipe`] every start begins with [`Self::kept`] again.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`].
    pub(crate) fn begin_wipe(&mut self, kept: &Kept) -> Result<(), TokenError> {
        self.with_flash(|flash| flash.begin_wipe(kept))
    }

    /// What a wipe that has not ended has kept. Everything else is erased then.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`].
    pub(crate) fn kept(&mut self) -> Result<Option<Kept>, TokenError> {
        self.with_flash(Flash::kept)
    }

    /// Forgets where records are, so that the next ones are looked for as after a restart.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`].
    pub(crate) fn forget(&mut self) -> Result<(), TokenError> {
        self.with_flash(|_| Ok(()))
    }

    /// Ends a wipe: what was written since is what counts.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`].
    pub(crate) fn end_wipe(&mut self) -> Result<(), TokenError> {
        self.with_flash(Flash::end_wipe)
    }

    #[inline(never)]
    fn write(&mut self, key: Key, record: &Record<'_>, work: &mut [u8]) -> Result<(), TokenError> {
        let ring = self.ring.as_mut().ok_or(TokenError::StorageFailed)?;
        finish(ready(ring.store_item(work, &key.number(), record)))
    }

    /// Takes the ring apart, as what it remembers may no longer be true afterwards.
    #[inline(never)]
    fn with_flash<T>(
        &mut self,
        action: impl FnOnce(&mut Flash<P>) -> Result<T, <P::Flash as ErrorType>::Error>,
    ) -> Result<T, TokenError> {
        let ring = self.ring.take().ok_or(TokenError::StorageFailed)?;
        let mut flash = ring.destroy().0;
        let outcome = action(&mut flash);
        self.ring = Some(Self::ring(flash));
        outcome.map_err(|_| TokenError::StorageFailed)
    }

    fn ring(flash: Flash<P>) -> Ring<P> {
        let cache = Cache::new(Uncached, Uncached, ArrayKeyPointers::new());
        let config = const { MapConfig::new(Self::RING) };
        MapStorage::new(flash, config, cache)
    }
}

fn finish<T, E>(outcome: Option<Result<T, Error<E>>>) -> Result<T, TokenError> {
    match outcome {
        Some(Ok(value)) => Ok(value),
        Some(Err(Error::FullStorage)) => Err(TokenError::StorageFull),
        Some(Err(_)) | None => Err(TokenError::StorageFailed),
    }
}

#[inline(never)]
fn record_mac(mac_key: &[u8; 32], key: u8, bytes: &[u8]) -> [u8; MAC_LEN] {
    let mut mac = [0; MAC_LEN];
    prf(mac_key, &[b"record", &[key], bytes], &mut mac);
    mac
}

/// A record on its way into the flash.
struct Record<'a> {
    pieces: &'a [&'a [u8]],
    mac: Option<(&'a [u8; 32], u8)>,
}

impl Value<'_> for Record<'_> {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        let mut len = 0;
        let mut append = |buffer: &mut [u8], piece: &[u8]| {
            let room = buffer.get_mut(len..len + piece.len());
            room.ok_or(SerializationError::BufferTooSmall)?
                .copy_from_slice(piece);
            len += piece.len();
            Ok(len)
        };
        let mut total = 0;
        for piece in self.pieces {
            total = append(buffer, piece)?;
        }
        if let Some((mac_key, key)) = self.mac {
            let bytes = buffer.get(..total).unwrap_or_default();
            let mac = record_mac(mac_key, key, bytes);
            total = append(buffer, &mac)?;
        }
        Ok(total)
    }

    fn deserialize_from(_: &[u8]) -> Result<(Self, usize), SerializationError> {
        // Records are read as bytes.
        Err(SerializationError::InvalidFormat)
    }
}
