//! A NOR flash made of ordinary memory: erasing sets every bit, writing only clears bits.
//!
//! The boards without a flash of their own (QEMU's, the emulator's) and the tests of the store run
//! on it. It is stricter than a chip, so that a store which is right here is right there: a write
//! that would have to set a bit is an error, not a silent AND. [`power`] lets it fail.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

pub mod power;

/// A NOR flash over the bytes of `M`: pages of `PAGE` bytes, 4-byte words, reads of any alignment.
///
/// Its capacity is the length of the memory, which should be whole pages.
pub struct NorModel<M, const PAGE: usize = 4096> {
    memory: M,
}

/// Why an operation on a [`NorModel`] failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NorError {
    /// Offset or length is no multiple of the word or page size: a fault of the caller.
    NotAligned,
    /// The range ends behind the memory: a fault of the caller.
    OutOfBounds,
    /// The write needs bits that are cleared already: the page was not erased before.
    NotErased,
    /// The power failed, as [`power::Failing::cut_power_after`] asked for.
    PowerCut,
}

impl<M: AsRef<[u8]> + AsMut<[u8]>, const PAGE: usize> NorModel<M, PAGE> {
    /// A flash whose content is what `memory` holds now.
    pub const fn new(memory: M) -> Self {
        Self { memory }
    }

    /// Every byte of the flash.
    pub fn bytes(&self) -> &[u8] {
        self.memory.as_ref()
    }

    /// The memory itself.
    pub fn into_inner(self) -> M {
        self.memory
    }

    /// The bytes of an erase that may happen.
    fn erasable(&mut self, from: u32, to: u32) -> Result<&mut [u8], NorError> {
        check_erase(self, from, to)?;
        Ok(self.region(from, (to - from) as usize))
    }

    /// The bytes that a write which may happen is to change.
    fn writable(&mut self, offset: u32, bytes: &[u8]) -> Result<&mut [u8], NorError> {
        check_write(self, offset, bytes.len())?;
        let stored = self.region(offset, bytes.len());
        if stored.iter().zip(bytes).any(|(old, new)| old & new != *new) {
            return Err(NorError::NotErased);
        }
        Ok(stored)
    }

    /// The bytes from `offset` on, at most `len` of them.
    fn region(&mut self, offset: u32, len: usize) -> &mut [u8] {
        let from = self
            .memory
            .as_mut()
            .get_mut(offset as usize..)
            .unwrap_or_default();
        let len = len.min(from.len());
        from.split_at_mut(len).0
    }
}

impl<M, const PAGE: usize> ErrorType for NorModel<M, PAGE> {
    type Error = NorError;
}

impl<M: AsRef<[u8]> + AsMut<[u8]>, const PAGE: usize> ReadNorFlash for NorModel<M, PAGE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        check_read(self, offset, bytes.len())?;
        let stored = self.region(offset, bytes.len());
        if let Some(bytes) = bytes.get_mut(..stored.len()) {
            bytes.copy_from_slice(stored);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes().len()
    }
}

impl<M: AsRef<[u8]> + AsMut<[u8]>, const PAGE: usize> NorFlash for NorModel<M, PAGE> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        self.erasable(from, to)?.fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        for (old, new) in self.writable(offset, bytes)?.iter_mut().zip(bytes) {
            *old &= new;
        }
        Ok(())
    }
}

impl NorFlashError for NorError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotErased | Self::PowerCut => NorFlashErrorKind::Other,
        }
    }
}

impl From<NorFlashErrorKind> for NorError {
    fn from(kind: NorFlashErrorKind) -> Self {
        match kind {
            NorFlashErrorKind::NotAligned => Self::NotAligned,
            // The checks of `embedded-storage` know no third kind.
            _ => Self::OutOfBounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = 2 * 4096;

    fn erased() -> NorModel<[u8; CAPACITY]> {
        NorModel::new([0xff; CAPACITY])
    }

    fn word(flash: &mut NorModel<[u8; CAPACITY]>, offset: u32) -> [u8; 4] {
        let mut bytes = [0; 4];
        flash
            .read(offset, &mut bytes)
            .expect("the test reads inside the flash");
        bytes
    }

    #[test]
    fn writing_clears_bits_and_only_erasing_sets_them() {
        let mut flash = erased();
        flash.write(4, &[0xf0, 0xff, 0x0f, 0x55]).unwrap();
        flash.write(4, &[0xf0, 0x00, 0x0f, 0x55]).unwrap();
        assert_eq!(word(&mut flash, 4), [0xf0, 0x00, 0x0f, 0x55]);
        assert_eq!(flash.write(4, &[0xff; 4]), Err(NorError::NotErased));
        assert_eq!(word(&mut flash, 4), [0xf0, 0x00, 0x0f, 0x55]);
        flash.erase(0, 4096).unwrap();
        assert_eq!(word(&mut flash, 4), [0xff; 4]);
    }

    #[test]
    fn an_erase_stays_inside_its_page() {
        let mut flash = NorModel::<_>::new([0; CAPACITY]);
        flash.erase(4096, 8192).unwrap();
        assert!(flash.bytes()[..4096].iter().all(|byte| *byte == 0));
        assert!(flash.bytes()[4096..].iter().all(|byte| *byte == 0xff));
    }

    #[test]
    fn misuse_is_refused_and_changes_nothing() {
        let mut flash = erased();
        assert_eq!(flash.write(2, &[0; 4]), Err(NorError::NotAligned));
        assert_eq!(flash.write(4, &[0; 3]), Err(NorError::NotAligned));
        assert_eq!(flash.write(8192, &[0; 4]), Err(NorError::OutOfBounds));
        assert_eq!(
            flash.write(u32::MAX - 3, &[0; 4]),
            Err(NorError::OutOfBounds)
        );
        assert_eq!(flash.erase(0, 4095), Err(NorError::NotAligned));
        assert_eq!(flash.erase(4096, 0), Err(NorError::OutOfBounds));
        assert_eq!(flash.erase(0, 3 * 4096), Err(NorError::OutOfBounds));
        assert_eq!(flash.read(8190, &mut [0; 3]), Err(NorError::OutOfBounds));
        assert_eq!(flash.into_inner(), [0xff; CAPACITY]);
    }
}
