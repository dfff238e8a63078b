//! The PIN, the tries for it, and the time between them.
//!
//! A try is spent in flash before the PIN is compared and given back only after one was right, so
//! a power cut never adds one. The wait before a try depends on the tries spent, so a power cut
//! does not shorten it either: it is served again. Eight wrong tries take half a minute at least.

use core_nostd::wire::TokenError;
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
        if self.vault.tries_left() == 0 {
            return Err(TokenError::Blocked);
        }
        self.wait_out(line, delay_ms(self.vault.tries_spent))?;
        self.write_tries(self.vault.tries_spent.saturating_add(1), work)?;
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
            let tries_left = self.vault.tries_left();
            if tries_left == 0 {
                self.lock();
            }
            return Err(TokenError::WrongPin { tries_left });
        }
        self.write_tries(0, work)?;
        Ok((identity, sealable, seal))
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
