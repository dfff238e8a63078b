//! The audit log, a chain of hashes over what an auditor wants to know of; and the tries for the
//! PIN.
//!
//! ```text
//! event record at slot n mod 48:  event number n
//! head record, with a MAC under a key made from the device secret:
//!                                 number of events, hash of the chain behind them,
//!                                 the position read so far, the hash there, tries spent
//! ```
//!
//! An event is written to its slot and then counted, by writing the head; what it is about happens
//! after that. So everything that happened is in the log, and after a power cut something may be in
//! it that did not. The tries are in the head because a spent try and its event must be one write.
//!
//! When fewer than [`RESERVE`] slots are free, whatever needs a person is refused until the log has
//! been read and acknowledged. Only wrong PINs go into the slots that are left; when there is none
//! they are counted and nothing more. A wipe carries the end of the chain over, and is the first
//! event behind it: who saw the log before sees that it was cut off, and where.

use core::hint::black_box;

use core_nostd::{
    seal::prf,
    wire::{
        AuditEvent, Response, TokenError,
        audit::{EVENT_LEN_MAX, chain},
        frame::message_len_max,
    },
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    engine::Engine,
    limits::FRAME_LEN,
    platform::Platform,
    storage::{KEPT_LEN, Kept, Key},
    vault::TRIES_MAX,
};

/// Events that have room at once.
pub(crate) const SLOTS: u8 = 48;

/// So many free slots are left to wrong PINs.
const RESERVE: u8 = 16;

/// Longest head record, in bytes.
pub(crate) const HEAD_LEN_MAX: usize = 10 + 32 + 10 + 32 + 1 + 1;

/// Bytes of an answer around the events: the message's number, two numbers, the hash.
const PAGE_HEAD_LEN: usize = 2 + 10 + 32 + 3;

/// Where the log stands.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Number of events since the factory.
    pub(crate) events: u64,
    /// Hash of the chain behind the last one.
    hash: [u8; 32],
    /// How many events were read and acknowledged; those before are forgotten.
    pub(crate) read: u64,
    /// Hash of the chain there.
    read_hash: [u8; 32],
    /// Wrong PINs since the last right one.
    pub(crate) tries_spent: u8,
    /// Whether the token had keys when this was written.
    has_keys: bool,
}

impl Head {
    /// The log of an empty token whose last wipe kept this.
    fn after_wipe(kept: &Kept) -> Self {
        let (count, hash) = kept.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let events = u64::from_be_bytes(*count);
        let hash = hash.try_into().unwrap_or_default();
        Self {
            events,
            hash,
            read: events,
            read_hash: hash,
            ..Self::default()
        }
    }

    /// What a wipe keeps of it.
    fn kept_by_a_wipe(&self) -> Kept {
        let mut kept = [0; KEPT_LEN];
        let parts = self.events.to_be_bytes().into_iter().chain(self.hash);
        for (to, from) in kept.iter_mut().zip(parts) {
            *to = from;
        }
        kept
    }

    /// Events that there is room for.
    fn free(&self) -> u8 {
        let unread = self.events.saturating_sub(self.read);
        SLOTS.saturating_sub(u8::try_from(unread).unwrap_or(u8::MAX))
    }

    /// Events that there is room for before anything is refused.
    pub(crate) fn room(&self) -> u8 {
        self.free().saturating_sub(RESERVE - 1)
    }
}

impl<P: Platform> Engine<P> {
    /// Reads the head of the log.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`], also if the head knows of keys and there are none: then they
    /// were lost, and an empty token would be a lie.
    #[inline(never)]
    pub(crate) fn load_audit(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        self.audit = self.read_head(work)?;
        if self.audit.has_keys && self.vault.identity().is_none() {
            return Err(TokenError::StorageFailed);
        }
        self.vault.set_tries_spent(self.audit.tries_spent);
        Ok(())
    }

    /// Writes an event, before what it is about happens.
    ///
    /// # Errors
    /// [`TokenError::AuditFull`], those of storage.
    #[inline(never)]
    pub(crate) fn record(&mut self, event: &AuditEvent, work: &mut [u8]) -> Result<(), TokenError> {
        self.must_have_audit_room()?;
        let head = self.write_event(event, work)?;
        self.write_head(head, work)
    }

    /// # Errors
    /// [`TokenError::AuditFull`] if the log must be read first.
    pub(crate) fn must_have_audit_room(&self) -> Result<(), TokenError> {
        if self.audit.room() > 0 {
            Ok(())
        } else {
            Err(TokenError::AuditFull)
        }
    }

    /// Spends a try for the PIN and says so in the log, in one write: afterwards it is spent in the
    /// flash, and there was one. Returns what takes both back.
    ///
    /// # Errors
    /// [`TokenError::Blocked`], those of storage.
    #[inline(never)]
    pub(crate) fn spend_try(&mut self, work: &mut [u8]) -> Result<Head, TokenError> {
        let before = self.audit;
        let tries_spent = before.tries_spent.saturating_add(1);
        let tries_left = TRIES_MAX.saturating_sub(tries_spent);
        let counted = match before.free() {
            0 => before,
            _ => self.write_event(&AuditEvent::UnlockFailed { tries_left }, work)?,
        };
        let head = Head {
            tries_spent,
            ..counted
        };
        self.write_head(head, work)?;
        // To the compiler this is what was just written.
        if black_box(self.stored_tries(work)?) != tries_spent {
            return Err(TokenError::StorageFailed);
        }
        if black_box(tries_spent) > TRIES_MAX {
            return Err(TokenError::Blocked);
        }
        Ok(before)
    }

    /// Counts the tries as a restart would; as many as the flash knows of are spent, or more.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn count_tries_again(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        let stored = self.stored_tries(work)?;
        self.audit.tries_spent = self.audit.tries_spent.max(stored);
        self.vault.set_tries_spent(self.audit.tries_spent);
        Ok(())
    }

    /// Gives all tries back, and takes the last one, which was right, out of the log.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn give_tries_back(
        &mut self,
        before: Head,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let tries_spent = 0;
        self.write_head(
            Head {
                tries_spent,
                ..before
            },
            work,
        )
    }

    /// The log from event number `from` on, or from the first that has not been acknowledged: as
    /// many events as one answer holds.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::unlocked`] and storage.
    #[inline(never)]
    pub(crate) fn audit_log<'b>(
        &mut self,
        from: u64,
        body: &'b mut [u8],
        work: &mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        self.vault.unlocked()?;
        let first = from.clamp(self.audit.read, self.audit.events);
        let before = self.hash_at(first, work)?;
        let room = message_len_max(FRAME_LEN).saturating_sub(PAGE_HEAD_LEN);
        let mut len = 0;
        for number in first..self.audit.events {
            let event = self.event(number, work)?;
            let end = len + event.len();
            match body.get_mut(len..end) {
                Some(place) if end <= room => place.copy_from_slice(event),
                _ => break,
            }
            len = end;
        }
        Ok(Response::AuditLog {
            first,
            before,
            events: body.get(..len).unwrap_or_default(),
        })
    }

    /// Frees the room of events whose reader knows the hash behind them. To say it again changes
    /// nothing.
    ///
    /// # Errors
    /// [`TokenError::WrongHash`], those of [`crate::vault::Vault::unlocked`] and storage.
    #[inline(never)]
    pub(crate) fn acknowledge(
        &mut self,
        through: u64,
        hash: &[u8; 32],
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        self.vault.unlocked()?;
        if !(self.audit.read..=self.audit.events).contains(&through) {
            return Err(TokenError::WrongHash);
        }
        if !bool::from(self.hash_at(through, work)?.ct_eq(hash)) {
            return Err(TokenError::WrongHash);
        }
        if through == self.audit.read {
            return Ok(());
        }
        let head = Head {
            read: through,
            read_hash: *hash,
            ..self.audit
        };
        self.write_head(head, work)
    }

    /// Erases everything but the end of the log. A log that can't be read begins anew, which who
    /// has seen it before will notice.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn erase(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        let head = match self.start(work) {
            Ok(()) => self.audit,
            Err(_) => self.read_head(work).unwrap_or_default(),
        };
        self.stop();
        self.storage.begin_wipe(&head.kept_by_a_wipe())?;
        self.complete_wipe(work)
    }

    /// Does what is left of a wipe that has begun, if one has.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn complete_wipe(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        let Some(kept) = self.storage.kept()? else {
            return Ok(());
        };
        self.audit = Head::after_wipe(&kept);
        self.record(&AuditEvent::Wiped, work)?;
        self.storage.end_wipe()
    }

    fn stored_tries(&mut self, work: &mut [u8]) -> Result<u8, TokenError> {
        self.storage.forget()?;
        Ok(self.read_head(work)?.tries_spent)
    }

    fn read_head(&mut self, work: &mut [u8]) -> Result<Head, TokenError> {
        let key = self.audit_key();
        let record = self.storage.get_authentic(&key, Key::AuditHead, work)?;
        match record.map(postcard::take_from_bytes) {
            None => Ok(Head::default()),
            Some(Ok((head, []))) => Ok(head),
            Some(_) => Err(TokenError::StorageFailed),
        }
    }

    /// Writes an event where the next one belongs; the head that counts it.
    fn write_event(&mut self, event: &AuditEvent, work: &mut [u8]) -> Result<Head, TokenError> {
        let mut bytes = [0; EVENT_LEN_MAX];
        let bytes = postcard::to_slice(event, &mut bytes).map_err(|_| TokenError::StorageFailed)?;
        let number = self.audit.events;
        self.storage.put(Key::Event(slot(number)), &[bytes], work)?;
        Ok(Head {
            events: number.saturating_add(1),
            hash: chain(&self.audit.hash, number, bytes),
            ..self.audit
        })
    }

    #[inline(never)]
    fn write_head(&mut self, head: Head, work: &mut [u8]) -> Result<(), TokenError> {
        let head = Head {
            has_keys: self.vault.identity().is_some(),
            ..head
        };
        let mut bytes = [0; HEAD_LEN_MAX];
        let bytes = postcard::to_slice(&head, &mut bytes).map_err(|_| TokenError::StorageFailed)?;
        let key = self.audit_key();
        self.storage
            .put_authentic(&key, Key::AuditHead, &[bytes], work)?;
        self.audit = head;
        self.vault.set_tries_spent(head.tries_spent);
        Ok(())
    }

    /// The hash of the chain before an event that has not been acknowledged, or at the end.
    fn hash_at(&mut self, position: u64, work: &mut [u8]) -> Result<[u8; 32], TokenError> {
        if position == self.audit.events {
            return Ok(self.audit.hash);
        }
        let mut hash = self.audit.read_hash;
        for number in self.audit.read..position {
            hash = chain(&hash, number, self.event(number, work)?);
        }
        Ok(hash)
    }

    /// The encoding of an event that has not been acknowledged.
    fn event<'w>(&mut self, number: u64, work: &'w mut [u8]) -> Result<&'w [u8], TokenError> {
        let event = self.storage.get(Key::Event(slot(number)), work)?;
        event.ok_or(TokenError::StorageFailed)
    }

    /// The log goes on while the token is locked, so its key does not come from the PIN.
    fn audit_key(&self) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        prf(&self.device_secret, &[b"audit"], key.as_mut());
        key
    }
}

/// The place of an event.
fn slot(number: u64) -> u8 {
    let [slot, ..] = (number % u64::from(SLOTS)).to_le_bytes();
    slot
}
