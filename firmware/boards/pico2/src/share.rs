//! The share of the device secret that does not lie in flash.
//!
//! The flash of this board is a chip of its own, and whoever holds the board reads it with a cable.
//! So the secret of the device page is combined with 32 bytes of the RP2350's one-time programmable
//! memory, which can be locked against everything but this image (README.md, "Protection"). Where
//! nobody has written any they are zero, and change nothing.

use embassy_rp::otp;

/// The first of 16 rows of 16 bits each, with error correction: the start of page 32, which the
/// RP2350 leaves to its users.
const FIRST_ROW: usize = 0x800;

/// Combines the secret of the device page with the share.
pub fn combine(secret: &mut [u8; 32]) {
    for (row, bytes) in (FIRST_ROW..).zip(secret.chunks_exact_mut(2)) {
        let share = otp::read_ecc_word(row)
            .unwrap_or_else(|_| panic!("the share of the device secret can't be read"));
        for (byte, share) in bytes.iter_mut().zip(share.to_le_bytes()) {
            *byte ^= share;
        }
    }
}
