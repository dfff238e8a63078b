//! The PIN, the tries for it, and the time between them.
//!
//! A try is spent in flash before the PIN is compared and given back only after one was right, so
//! a power cut never adds one. The wait before a try depends on the tries spent, so a power cut
//! does not shorten it either: it is served again. Eight wrong tries take half a minute at least.
//!
//! Nor does a fault add one that makes the processor pass over an instruction: tries are counted
//! from memory and from the flash, a spent one is read back, and what the PIN has opened must give
//! the same seal again.

use core::hint::black_box;

use core_nostd::wire::TokenError;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Identity, Record, SealKey, Sealable, decode};
use crate::{engine::Engine, platform::Platform, serial::Line, storage::Key};

/// Wrong PINs in a row until a token blocks itself.
pub const TRIES_MAX: u8 = 8;

/// A PIN of 6 to 16 characters. Wiped when dropped.
pub(crate) struct Pin {
    /// A character has at most four bytes.
    bytes: Zeroizing<[u8; 4 * 16]>,
    len: usize,
}

impl Pin {
    /// # Errors
    /// [`TokenError::BadPin`].
    pub(crate) fn new(text: &str) -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new([0; 64]);
        let room = bytes.get_mut(..text.len()).ok_or(TokenError::BadPin)?;
        room.copy_from_slice(text.as_bytes());
        if !(6..=16).contains(&text.chars().count()) {
            return Err(TokenError::BadPin);
        }
        let len = text.len();
        Ok(Self { bytes, len })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<P: Platform> Engine<P> {
    /// Waits as long as the tries before demand, spends a try, compares the PIN by opening the
    /// seal, and gives all tries back if it was right.
    ///
    /// The frame buffer is used for what the host sends meanwhile.
    ///
    /// # Errors
    /// [`TokenError::NotProvisioned`], [`TokenError::Blocked`], [`TokenError::Cancelled`], which
    /// spends no try, [`TokenError::WrongPin`], also if the record was edited, and those of
    /// storage.
    #[inline(never)]
    pub(super) fn try_pin(
        &mut self,
        line: &mut Line<P::Serial>,
        pin: &Pin,
        work: &mut [u8],
    ) -> Result<(Identity, Sealable, SealKey), TokenError> {
        if self.vault.identity.is_none() {
            return Err(TokenError::NotProvisioned);
        }
        let stored = self.stored_tries(work)?.unwrap_or(0);
        self.vault.tries_spent = self.vault.tries_spent.max(stored);
        if self.vault.tries_left() == 0 {
            return Err(TokenError::Blocked);
        }
        self.wait_out(line, delay_ms(self.vault.tries_spent))?;
        self.spend_try(work)?;
        let stored = self.storage.get(Key::Identity, work)?;
        let record: Record<'_> = decode(stored.ok_or(TokenError::StorageFailed)?)?;
        let identity = record.identity();
        let mut sealable =
            Sealable::sealed(identity.role, record.sealed).ok_or(TokenError::StorageFailed)?;
        let seal = SealKey {
            salt: record.salt,
            key: P::stretch_pin(pin.as_bytes(), &record.salt, &self.device_secret),
        };
        if !seal.open(&identity, &mut sealable, &record.tag) {
            return Err(self.wrong_pin());
        }
        let again = seal.seal(&identity, &mut sealable.duplicate());
        if !bool::from(again.ct_eq(&record.tag)) {
            return Err(self.wrong_pin());
        }
        self.write_tries(0, work)?;
        Ok((identity, sealable, seal))
    }

    /// Spends a try: afterwards it is spent in the flash, and there was one.
    #[inline(never)]
    fn spend_try(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        let spent = self.vault.tries_spent.saturating_add(1);
        self.write_tries(spent, work)?;
        // To the compiler this is what was just written.
        if black_box(self.stored_tries(work)?) != Some(spent) {
            return Err(TokenError::StorageFailed);
        }
        if black_box(spent) > TRIES_MAX {
            return Err(TokenError::Blocked);
        }
        Ok(())
    }

    fn wrong_pin(&mut self) -> TokenError {
        let tries_left = self.vault.tries_left();
        if tries_left == 0 {
            self.lock();
        }
        TokenError::WrongPin { tries_left }
    }

    /// The tries that a restart would find in the flash.
    #[inline(never)]
    pub(super) fn stored_tries(&mut self, work: &mut [u8]) -> Result<Option<u8>, TokenError> {
        self.storage.forget()?;
        match self.storage.get(Key::Tries, work)? {
            None => Ok(None),
            Some([spent]) => Ok(Some(*spent)),
            Some(_) => Err(TokenError::StorageFailed),
        }
    }

    fn write_tries(&mut self, spent: u8, work: &mut [u8]) -> Result<(), TokenError> {
        self.storage.put(Key::Tries, &[&[spent]], work)?;
        self.vault.tries_spent = spent;
        Ok(())
    }
}

/// How long the token waits before the next try when so many are spent, in milliseconds: nothing
/// before the first three, then 1, 2, 4, 8 and 16 seconds.
fn delay_ms(spent: u8) -> u64 {
    match spent {
        0..=2 => 0,
        _ => 1000 << (spent - 3).min(4),
    }
}
