//! The machine: a line to print on, a wish of the host, and a counter of instructions.
//!
//! With `-icount shift=8` QEMU lets 256 ns pass for each instruction, and the timers of the
//! machine run at 25 MHz: an instruction is 6.4 ticks. So the ticks between two readings tell the
//! instructions exactly, on every host and in every run.

use core::{
    arch::asm,
    fmt::{self, Write as _},
    panic::PanicInfo,
};

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};

/// UART 0 (Arm DDI 0479, section 4.3): data, state and control are words 0, 1 and 2.
const UART: usize = 0x4000_4000;
/// Timer 0 (section 4.1): control and value are words 0 and 1.
const TIMER: usize = 0x4000_0000;
/// The first half of the dual timer (section 4.2): load, value and control are words 0, 1 and 2.
const DUAL_TIMER: usize = 0x4000_2000;
/// The word in which the host names a suite; see `memory.x`.
const WISH: usize = 0x203f_fff0;

/// Switches line and counters on. Call it once, before anything else here.
pub fn start() {
    const BAUD_DIVIDER: usize = 4;
    write(UART, BAUD_DIVIDER, 16);
    write(UART, 2, 1);
    write(TIMER, 2, u32::MAX);
    write(TIMER, 1, u32::MAX);
    write(TIMER, 0, 1);
    const ENABLE_32_BITS_OVER_256: u32 = 1 << 7 | 2 << 2 | 1 << 1;
    write(DUAL_TIMER, 2, ENABLE_32_BITS_OVER_256);
    write(DUAL_TIMER, 0, u32::MAX);
    check_counter();
}

/// Counts a thousand instructions, and panics unless it finds a thousand.
fn check_counter() {
    let empty = Moment::now();
    let start = Moment::now();
    // SAFETY: a thousand times nothing.
    unsafe { asm!(".rept 1000", "nop", ".endr", options(nomem, nostack)) };
    let end = Moment::now();
    let count = end.since(start) - start.since(empty);
    assert!(
        count == 1000,
        "1000 instructions count {count}: start QEMU with `-icount shift=8`"
    );
}

/// The suite that the host wants to be measured, or 0 for all.
pub fn wish() -> u32 {
    read(WISH, 0)
}

/// A moment, to count instructions from.
#[derive(Clone, Copy)]
pub struct Moment {
    /// Ticks, of which there are 2^32 before they begin again: 671 million instructions.
    fine: u32,
    /// The same divided by 256, which lasts for 171 billion instructions.
    coarse: u32,
}

impl Moment {
    /// This moment.
    #[inline(never)]
    pub fn now() -> Self {
        // Both count down.
        Self {
            coarse: !read(DUAL_TIMER, 1),
            fine: !read(TIMER, 1),
        }
    }

    /// How many instructions were executed since `earlier`, up to 171 billion.
    pub fn since(self, earlier: Self) -> u64 {
        let fine = u64::from(self.fine.wrapping_sub(earlier.fine));
        let coarse = u64::from(self.coarse.wrapping_sub(earlier.coarse)) << 8;
        // The coarse count is right but for a few hundred ticks: enough to tell how often the fine
        // one has begun again.
        let rounds = (coarse + (1 << 31)).saturating_sub(fine) >> 32;
        let ticks = (rounds << 32) + fine;
        // Ticks differ from 6.4 times the instructions by less than one, so the nearest is exact.
        (ticks * 10 + 32) / 64
    }
}

/// Prints a line.
pub fn line(text: impl fmt::Display) {
    // The line takes everything, so this cannot fail.
    let _ = writeln!(Uart, "{text}");
}

/// Ends the machine: with `-no-reboot` QEMU stops at a reset.
pub fn stop() -> ! {
    SCB::sys_reset()
}

struct Uart;

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const FULL: u32 = 1;
        for byte in text.bytes() {
            while read(UART, 1) & FULL != 0 {}
            write(UART, 0, u32::from(byte));
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    line(format_args!("! {info}"));
    stop()
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    line(format_args!("! hard fault at {:#010x}", frame.pc()));
    stop()
}

fn read(base: usize, word: usize) -> u32 {
    let address = (base + 4 * word) as *const u32;
    // SAFETY: the constants above are addresses of this machine, words of four bytes that may be
    // read at any time, and no reference to them exists.
    unsafe { address.read_volatile() }
}

fn write(base: usize, word: usize, value: u32) {
    let address = (base + 4 * word) as *mut u32;
    // SAFETY: as in `read`; no register written here moves memory or interrupts anything.
    unsafe { address.write_volatile(value) }
}
