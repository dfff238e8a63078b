//! The PIN, the tries for it, and the time between them.
//!
//! A try is spent in flash ([`crate::audit`]) before the PIN is compared and given back only after
//! one was right, so a power cut never adds one. The wait before a try depends on the tries spent,
//! so a power cut does not shorten it either: it is served again. Eight wrong tries take half a
//! minute at least.
//!
//! Nor does a fault add one that makes the processor pass over an instruction: tries are counted
//! from memory and from the flash, a spent one is read back, and what the PIN has opened must give
//! the same seal again.

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
    /// # Errors
    /// [`TokenError::NotProvisioned`], [`TokenError::Blocked`].
    pub(super) fn must_have_tries(&self) -> Result<(), TokenError> {
        match self.vault.identity {
            None => Err(TokenError::NotProvisioned),
            Some(_) if self.vault.tries_left() == 0 => Err(TokenError::Blocked),
            Some(_) => Ok(()),
        }
    }

    /// Waits as long as the tries before demand, spends a try, compares the PIN by opening the
    /// seal, and gives all tries back if it was right.
    ///
    /// The frame buffer is used for what the host sends meanwhile.
    ///
    /// # Errors
    /// Those of [`Self::must_have_tries`]; [`TokenError::Cancelled`], which spends no try;
    /// [`TokenError::WrongPin`], also if the record was edited; those of storage.
    #[inline(never)]
    pub(super) fn try_pin(
        &mut self,
        line: &mut Line<P::Serial>,
        pin: &Pin,
        work: &mut [u8],
    ) -> Result<(Identity, Sealable, SealKey), TokenError> {
        self.must_have_tries()?;
        self.count_tries_again(work)?;
        self.must_have_tries()?;
        self.wait_out(line, delay_ms(self.vault.tries_spent))?;
        let before = self.spend_try(work)?;
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
        self.give_tries_back(before, work)?;
        Ok((identity, sealable, seal))
    }

    fn wrong_pin(&mut self) -> TokenError {
        let tries_left = self.vault.tries_left();
        if tries_left == 0 {
            self.lock();
        }
        TokenError::WrongPin { tries_left }
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
