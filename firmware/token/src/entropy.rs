//! Random bytes for one operation, from a generator that may fail.

use core::convert::Infallible;

use core_nostd::{seal::prf, wire::TokenError};
use rand_core::{TryCryptoRng, TryRng, utils};
use zeroize::Zeroizing;

/// A generator for one operation: HMAC-SHA-512 in counter mode under a key drawn from the
/// platform's entropy. Wiped when dropped, which is why it is not one of the usual crates.
pub(crate) struct OperationRng {
    key: Zeroizing<[u8; 32]>,
    drawn: u64,
}

impl OperationRng {
    /// Draws a key.
    ///
    /// # Errors
    /// [`TokenError::EntropyFailed`] if the source fails or has got stuck: two draws in a row must
    /// differ.
    pub(crate) fn draw(source: &mut impl TryCryptoRng) -> Result<Self, TokenError> {
        let mut draw = || -> Result<Zeroizing<[u8; 32]>, TokenError> {
            let mut bytes = Zeroizing::new([0; 32]);
            match source.try_fill_bytes(bytes.as_mut()) {
                Ok(()) => Ok(bytes),
                Err(_) => Err(TokenError::EntropyFailed),
            }
        };
        let (one, other) = (draw()?, draw()?);
        if one == other {
            return Err(TokenError::EntropyFailed);
        }
        let mut key = Zeroizing::new([0; 32]);
        prf(&one, &[b"operation", other.as_slice()], key.as_mut());
        Ok(Self { key, drawn: 0 })
    }
}

impl TryRng for OperationRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        // One call of the function gives 16 KiB at most.
        for chunk in bytes.chunks_mut(1 << 13) {
            prf(&self.key, &[&self.drawn.to_be_bytes()], chunk);
            self.drawn = self.drawn.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for OperationRng {}
