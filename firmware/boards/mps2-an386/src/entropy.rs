//! Random bytes from the host, one for each byte that arrives on the second UART.
//!
//! The machine has no random number generator. Whoever starts QEMU connects this line to
//! the host's, and the token tells its clients that it has none of its own.

use core::fmt;

use rand_core::{TryCryptoRng, TryRng, utils};

use crate::uart::Uart;

/// After so long without a byte the line counts as dead.
const WAIT_MS_MAX: u32 = 5_000;

/// The random number generator of the host, at the end of a serial line. Needs a running clock.
pub struct Entropy(pub Uart);

/// No random byte came. Likely cause: QEMU was started without the second serial line.
#[derive(Clone, Copy, Debug)]
pub struct LineIsSilent;

impl TryRng for Entropy {
    type Error = LineIsSilent;

    fn try_next_u32(&mut self) -> Result<u32, LineIsSilent> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, LineIsSilent> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), LineIsSilent> {
        for byte in bytes {
            *byte = self.0.take_within(WAIT_MS_MAX).ok_or(LineIsSilent)?;
        }
        Ok(())
    }
}

impl TryCryptoRng for Entropy {}

impl fmt::Display for LineIsSilent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no random byte arrived on the entropy line")
    }
}

impl core::error::Error for LineIsSilent {}
