//! The flash: a NOR model over memory that outlives the machine.
//!
//! QEMU keeps the board's 16 MiB of PSRAM in a file that it shares with the host
//! (`memory-backend-file`, `share=on`), so what is written here is still there after QEMU was
//! killed. A new file is all zero; [`firmware_token::device::secret`] recognises and erases it.

use cortex_m::asm;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use firmware_token::nor::{NorError, NorModel};

/// Where the PSRAM begins.
const BASE: usize = 0x2100_0000;

/// How much of it plays flash: the device page and the store.
pub const CAPACITY: u32 = 1028 * 1024;

/// The board's flash.
pub struct Flash(NorModel<&'static mut [u8]>);

impl Flash {
    /// The flash of the machine.
    pub fn new() -> Self {
        // SAFETY: the PSRAM is plain memory of 16 MiB, in no section of the linker script; `main`
        // takes it once, so this is the only reference to it.
        Self(NorModel::new(unsafe {
            core::slice::from_raw_parts_mut(BASE as *mut u8, CAPACITY as usize)
        }))
    }

    /// Waits until what was written is in the memory: before that, no answer may leave.
    fn written(outcome: Result<(), NorError>) -> Result<(), NorError> {
        asm::dsb();
        outcome
    }
}

impl ErrorType for Flash {
    type Error = NorError;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        Self::written(self.0.erase(from, to))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        Self::written(self.0.write(offset, bytes))
    }
}
