//! The page a device keeps for itself, outside the store: a format marker and the device secret.
//!
//! On a chip the secret belongs into read-protected storage; boards that have only one flash keep
//! it in a page of its own, made here at the first start. The marker is written last, so a first
//! start that is cut short is simply done again; and a page that is neither ours nor blank is
//! refused rather than erased, because what it holds may be somebody's only keys.

use core::{fmt, ops::Range};

use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind};
use rand_core::{Rng, TryCryptoRng};
use zeroize::Zeroizing;

use crate::entropy::Source;

/// The first word of the page once everything else is in place ("TLY", format 1).
const MARKER: u32 = u32::from_be_bytes(*b"TLY1");

/// Where the secret lies in the page: behind the marker, with room for a longer one.
const SECRET: u32 = 64;

/// Why a device has no secret to start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceError {
    /// The page holds something else. Likely cause: the wrong file, or a damaged flash.
    NotOurs,
    /// The flash failed.
    Flash(NorFlashErrorKind),
    /// No random bytes, or such that fail the health tests. Likely cause: the board's entropy
    /// source is not connected.
    NoEntropy,
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str("the flash holds something that is not a token's state"),
            Self::Flash(kind) => write!(f, "the flash failed: {kind}"),
            Self::NoEntropy => f.write_str("no good random bytes for the device secret"),
        }
    }
}

impl core::error::Error for DeviceError {}

/// The device's secret from the page at `page`, made first if flash and page are blank.
///
/// Blank is erased (0xFF) or all zero, as a new file is; then page and `store` are erased and
/// a secret is drawn from `entropy`.
///
/// # Errors
///
/// See [`DeviceError`]; in each case the store is untouched or was blank.
pub fn secret<F: NorFlash, R: TryCryptoRng>(
    flash: &mut F,
    entropy: &mut R,
    page: u32,
    store: Range<u32>,
) -> Result<Zeroizing<[u8; 32]>, DeviceError> {
    let mut marker = [0; 4];
    flash.read(page, &mut marker).map_err(flash_error)?;
    let mut secret = Zeroizing::new([0; 32]);
    match u32::from_be_bytes(marker) {
        MARKER => flash
            .read(page + SECRET, &mut *secret)
            .map_err(flash_error)?,
        // Blank, or a marker torn in writing: all its one bits, and some not yet cleared.
        found if found == 0 || found & MARKER == MARKER => {
            let mut rng = Source::new(entropy)
                .operation()
                .map_err(|_| DeviceError::NoEntropy)?;
            rng.fill_bytes(secret.as_mut());
            format(flash, page, store, &secret).map_err(flash_error)?;
        }
        _ => return Err(DeviceError::NotOurs),
    }
    Ok(secret)
}

/// Erases page and store and writes the secret, then the marker.
fn format<F: NorFlash>(
    flash: &mut F,
    page: u32,
    store: Range<u32>,
    secret: &[u8; 32],
) -> Result<(), F::Error> {
    flash.erase(store.start, store.end)?;
    let page_len = u32::try_from(F::ERASE_SIZE).unwrap_or(u32::MAX);
    flash.erase(page, page.saturating_add(page_len))?;
    flash.write(page + SECRET, secret)?;
    flash.write(page, &MARKER.to_be_bytes())
}

fn flash_error(error: impl NorFlashError) -> DeviceError {
    DeviceError::Flash(error.kind())
}

#[cfg(test)]
mod tests {
    use rand_core::TryRng;

    use super::*;
    use crate::nor::power::{Failing, Tear};

    const STORE: Range<u32> = 4096..3 * 4096;
    const CAPACITY: usize = 3 * 4096;

    /// Gives out 1, 2, 3, … as bytes, or nothing at all.
    struct Counter(Option<u8>);

    #[derive(Debug)]
    struct Silent;

    impl fmt::Display for Silent {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no byte came")
        }
    }

    impl core::error::Error for Silent {}

    impl TryRng for Counter {
        type Error = Silent;

        fn try_next_u32(&mut self) -> Result<u32, Silent> {
            rand_core::utils::next_word_via_fill(self)
        }

        fn try_next_u64(&mut self) -> Result<u64, Silent> {
            rand_core::utils::next_word_via_fill(self)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Silent> {
            let count = self.0.as_mut().ok_or(Silent)?;
            for byte in bytes {
                *count = count.wrapping_add(1);
                *byte = *count;
            }
            Ok(())
        }
    }

    impl TryCryptoRng for Counter {}

    fn start(
        flash: &mut Failing<[u8; CAPACITY]>,
        entropy: &mut Counter,
    ) -> Result<[u8; 32], DeviceError> {
        secret(flash, entropy, 0, STORE).map(|secret| *secret)
    }

    #[test]
    fn the_secret_is_drawn_once_and_kept() {
        for blank in [0, 0xff] {
            let mut flash = Failing::new([blank; CAPACITY]);
            let mut entropy = Counter(Some(0));
            let first = start(&mut flash, &mut entropy).unwrap();
            let other = start(&mut Failing::new([blank; CAPACITY]), &mut entropy).unwrap();
            assert!(first != other && first != [blank; 32]);
            flash.write(STORE.start, &[1, 2, 3, 4]).unwrap();
            assert_eq!(start(&mut flash, &mut entropy).unwrap(), first);
            assert_eq!(flash.bytes()[4096..4100], [1, 2, 3, 4]);
            assert!(flash.bytes()[4100..].iter().all(|byte| *byte == 0xff));
        }
    }

    #[test]
    fn a_first_start_cut_anywhere_is_done_again() {
        for tear in [Tear::Nothing, Tear::Half, Tear::Everything] {
            for cut in 0..4 {
                let mut flash = Failing::new([0; CAPACITY]);
                let mut entropy = Counter(Some(0));
                flash.cut_power_after(cut, tear);
                let failed = start(&mut flash, &mut entropy);
                assert_eq!(failed, Err(DeviceError::Flash(NorFlashErrorKind::Other)));
                flash.restore_power();
                let secret = start(&mut flash, &mut entropy).unwrap();
                assert_eq!(
                    secret,
                    start(&mut flash, &mut entropy).unwrap(),
                    "{cut} {tear:?}"
                );
                assert!(flash.bytes()[4096..].iter().all(|byte| *byte == 0xff));
            }
        }
    }

    #[test]
    fn foreign_content_is_refused_and_kept() {
        let mut content = [0; CAPACITY];
        content[..4].copy_from_slice(b"\x7fELF");
        let mut flash = Failing::new(content);
        let refused = start(&mut flash, &mut Counter(Some(0)));
        assert_eq!(refused, Err(DeviceError::NotOurs));
        assert_eq!(flash.into_inner(), content);
    }

    #[test]
    fn without_random_bytes_nothing_is_written() {
        let mut flash = Failing::new([0; CAPACITY]);
        let failed = start(&mut flash, &mut Counter(None));
        assert_eq!(failed, Err(DeviceError::NoEntropy));
        assert_eq!(flash.into_inner(), [0; CAPACITY]);
    }
}
