//! The CMSDK UART: one byte in, one byte out, polled (Arm DDI 0479, section 4.3).
//!
//! QEMU takes a byte from the other side only when the one-byte buffer is empty, so nothing is ever
//! lost however slowly the token reads. A wait puts the processor to sleep: an idle token
//! takes no time on the host, and a busy host delivers sooner than it does to a loop of polls.

use core::convert::Infallible;

use cortex_m::asm;
use cortex_m::interrupt::{self, InterruptNumber};
use cortex_m::peripheral::NVIC;
use embedded_io::{ErrorType, Read, ReadReady, Write};

use crate::clock;

const DATA: usize = 0;
const STATE: usize = 1;
const CONTROL: usize = 2;
const INTERRUPT: usize = 3;
const BAUD_DIVIDER: usize = 4;

const STATE_TX_FULL: u32 = 1;
const STATE_RX_FULL: u32 = 1 << 1;
const CONTROL_TX_ENABLE: u32 = 1;
const CONTROL_RX_ENABLE: u32 = 1 << 1;
const CONTROL_RX_INTERRUPT: u32 = 1 << 3;
const INTERRUPT_RX: u32 = 1 << 1;

/// A CMSDK UART, switched on.
pub struct Uart {
    registers: *mut u32,
    rx_interrupt: RxInterrupt,
}

#[derive(Clone, Copy)]
struct RxInterrupt(u16);

// SAFETY: the number is that of the UART's own line (Arm DAI 0386, table of interrupts), and below
// the 32 lines this machine has.
unsafe impl InterruptNumber for RxInterrupt {
    fn number(self) -> u16 {
        self.0
    }
}

impl Uart {
    /// The serial line to the host.
    pub fn serial() -> Self {
        // SAFETY: UART 0 of the machine's memory map; `main` takes it once.
        unsafe { Self::at(0x4000_4000, 0) }
    }

    /// The line on which the host sends random bytes.
    pub fn entropy() -> Self {
        // SAFETY: UART 1 of the machine's memory map; `main` takes it once.
        unsafe { Self::at(0x4000_5000, 2) }
    }

    /// The line to the person: prompts out, answers in. The fault handlers write on it too.
    pub fn panel() -> Self {
        // SAFETY: UART 2 of the machine's memory map; the fault handlers, which take it a second
        // time, never return to the first owner.
        unsafe { Self::at(0x4000_6000, 4) }
    }

    /// # Safety
    ///
    /// `base` must be the address of a CMSDK UART that nothing else uses from now on, and
    /// `rx_interrupt` its receive line.
    unsafe fn at(base: usize, rx_interrupt: u16) -> Self {
        let mut uart = Self {
            registers: base as *mut u32,
            rx_interrupt: RxInterrupt(rx_interrupt),
        };
        uart.write_register(BAUD_DIVIDER, 16);
        uart.write_register(
            CONTROL,
            CONTROL_TX_ENABLE | CONTROL_RX_ENABLE | CONTROL_RX_INTERRUPT,
        );
        uart
    }

    /// The byte that has arrived, if one has.
    pub fn take(&mut self) -> Option<u8> {
        if !self.has_byte() {
            return None;
        }
        let [byte, ..] = self.read_register(DATA).to_le_bytes();
        Some(byte)
    }

    /// The next byte, if it arrives within `ms` milliseconds. The clock must be running.
    pub fn take_within(&mut self, ms: u32) -> Option<u8> {
        let deadline = clock::now_ms() + u64::from(ms);
        while !self.has_byte() && clock::now_ms() < deadline {
            self.sleep();
        }
        self.take()
    }

    /// Sends a byte, as soon as there is room for it.
    pub fn put(&mut self, byte: u8) {
        while self.read_register(STATE) & STATE_TX_FULL != 0 {}
        self.write_register(DATA, u32::from(byte));
    }

    fn has_byte(&self) -> bool {
        self.read_register(STATE) & STATE_RX_FULL != 0
    }

    /// Sleeps until a byte arrives or the clock ticks.
    ///
    /// Interrupts are masked meanwhile: a pending one ends the sleep all the same, but no handler
    /// runs between the last look at the buffer and the sleep.
    fn sleep(&mut self) {
        interrupt::free(|_| {
            // SAFETY: nothing relies on this line being masked; it has no handler and is
            // masked again before handlers may run.
            unsafe { NVIC::unmask(self.rx_interrupt) };
            if !self.has_byte() {
                asm::wfi();
            }
            NVIC::mask(self.rx_interrupt);
            self.write_register(INTERRUPT, INTERRUPT_RX);
            NVIC::unpend(self.rx_interrupt);
        });
    }

    fn read_register(&self, index: usize) -> u32 {
        // SAFETY: `at` was promised a UART at this address, and its registers end behind `index`.
        unsafe { self.registers.add(index).read_volatile() }
    }

    fn write_register(&mut self, index: usize, value: u32) {
        // SAFETY: as in `read_register`; `self` is the only user.
        unsafe { self.registers.add(index).write_volatile(value) }
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Read for Uart {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        if bytes.is_empty() {
            return Ok(0);
        }
        while !self.has_byte() {
            self.sleep();
        }
        let mut count = 0;
        for (to, byte) in bytes.iter_mut().zip(core::iter::from_fn(|| self.take())) {
            *to = byte;
            count += 1;
        }
        Ok(count)
    }
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.has_byte())
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            self.put(*byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while self.read_register(STATE) & STATE_TX_FULL != 0 {}
        Ok(())
    }
}
