//! A NOR flash made of ordinary memory: erasing sets every bit, writing only clears bits.
//!
//! The boards without a flash of their own (QEMU's, the emulator's) and the tests of the store run
//! on it. It is stricter than a chip, so that a store which is right here is right there: a write
//! that would have to set a bit is an error, not a silent AND. And its power can be made to fail
//! in any operation.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

/// A NOR flash over the bytes of `M`: 4096-byte pages, 4-byte words, reads of any alignment.
///
/// Its capacity is the length of the memory, which should be whole pages.
pub struct NorModel<M> {
    memory: M,
    power: Power,
}

/// How much of the operation in which the power fails is still done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// Nothing: the power failed just before.
    Nothing,
    /// The first half of the bytes, so a word may be torn in two.
    Half,
    /// Everything, but the caller was not told: the power failed just after.
    Everything,
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
    /// The power failed, as [`NorModel::cut_power_after`] asked for.
    PowerCut,
}

enum Power {
    On,
    FailsAfter(u32, Tear),
    Off,
}

impl<M: AsRef<[u8]> + AsMut<[u8]>> NorModel<M> {
    /// A flash whose content is what `memory` holds now.
    pub fn new(memory: M) -> Self {
        Self {
            memory,
            power: Power::On,
        }
    }

    /// Lets the power fail in the write or erase that follows the next `operations` of them.
    ///
    /// From then on everything fails with [`NorError::PowerCut`], reads included, until
    /// [`Self::restore_power`].
    pub fn cut_power_after(&mut self, operations: u32, tear: Tear) {
        self.power = Power::FailsAfter(operations, tear);
    }

    /// Lets the power fail now.
    pub fn cut_power(&mut self) {
        self.power = Power::Off;
    }

    /// Switches the power on again; the content is what the cut left.
    pub fn restore_power(&mut self) {
        self.power = Power::On;
    }

    /// Whether the power has failed.
    pub fn is_off(&self) -> bool {
        matches!(self.power, Power::Off)
    }

    /// Every byte of the flash.
    pub fn bytes(&self) -> &[u8] {
        self.memory.as_ref()
    }

    /// The memory itself.
    pub fn into_inner(self) -> M {
        self.memory
    }

    /// Counts one write or erase of `len` bytes: how many of them happen, and the outcome.
    fn spend(&mut self, len: usize) -> (usize, Result<(), NorError>) {
        match self.power {
            Power::On => (len, Ok(())),
            Power::FailsAfter(0, tear) => {
                self.power = Power::Off;
                let done = match tear {
                    Tear::Nothing => 0,
                    Tear::Half => len / 2,
                    Tear::Everything => len,
                };
                (done, Err(NorError::PowerCut))
            }
            Power::FailsAfter(left, tear) => {
                self.power = Power::FailsAfter(left - 1, tear);
                (len, Ok(()))
            }
            Power::Off => (0, Err(NorError::PowerCut)),
        }
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

impl<M: AsRef<[u8]> + AsMut<[u8]>> ErrorType for NorModel<M> {
    type Error = NorError;
}

impl<M: AsRef<[u8]> + AsMut<[u8]>> ReadNorFlash for NorModel<M> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        check_read(self, offset, bytes.len())?;
        if self.is_off() {
            return Err(NorError::PowerCut);
        }
        let stored = self.region(offset, bytes.len());
        for (byte, stored) in bytes.iter_mut().zip(stored) {
            *byte = *stored;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes().len()
    }
}

impl<M: AsRef<[u8]> + AsMut<[u8]>> NorFlash for NorModel<M> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        check_erase(self, from, to)?;
        let (done, outcome) = self.spend((to - from) as usize);
        self.region(from, done).fill(0xff);
        outcome
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        check_write(self, offset, bytes.len())?;
        let stored = self.region(offset, bytes.len());
        if stored.iter().zip(bytes).any(|(old, new)| old & new != *new) {
            return Err(NorError::NotErased);
        }
        let (done, outcome) = self.spend(bytes.len());
        for (old, new) in self.region(offset, done).iter_mut().zip(bytes) {
            *old &= new;
        }
        outcome
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
        let mut flash = NorModel::new([0; CAPACITY]);
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

    #[test]
    fn the_power_fails_in_the_operation_asked_for() {
        for (tear, kept) in [
            (Tear::Nothing, [0xff; 8]),
            (Tear::Half, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
            (Tear::Everything, [0; 8]),
        ] {
            let mut flash = erased();
            flash.cut_power_after(1, tear);
            flash.write(0, &[0; 4]).unwrap();
            assert_eq!(flash.write(8, &[0; 8]), Err(NorError::PowerCut));
            assert!(flash.is_off());
            assert_eq!(flash.erase(0, 4096), Err(NorError::PowerCut));
            assert_eq!(flash.write(64, &[0; 4]), Err(NorError::PowerCut));
            assert_eq!(flash.read(0, &mut [0]), Err(NorError::PowerCut));
            flash.restore_power();
            assert_eq!(word(&mut flash, 0), [0; 4]);
            assert_eq!(word(&mut flash, 64), [0xff; 4]);
            assert_eq!(&flash.bytes()[8..16], kept);
        }
    }

    #[test]
    fn a_torn_erase_leaves_the_rest_of_the_page() {
        let mut flash = NorModel::new([0; CAPACITY]);
        flash.cut_power_after(0, Tear::Half);
        assert_eq!(flash.erase(0, 4096), Err(NorError::PowerCut));
        assert!(flash.bytes()[..2048].iter().all(|byte| *byte == 0xff));
        assert!(flash.bytes()[2048..].iter().all(|byte| *byte == 0));
    }
}
