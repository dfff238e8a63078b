//! A fault ends loudly: a line on the panel, then a reset, after which the token is locked.
//!
//! With `-no-reboot` QEMU ends instead of restarting the image, which is what a test wants.

use core::fmt;
use core::panic::PanicInfo;

use cortex_m::{interrupt, peripheral::SCB};
use cortex_m_rt::{ExceptionFrame, exception};

use crate::{panel::Panel, strap, uart::Uart};

/// Shows `what` and restarts the board.
fn stop(what: impl fmt::Display) -> ! {
    interrupt::disable();
    Panel::new(Uart::panel()).line('!', what);
    strap::note_fault();
    SCB::sys_reset()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    stop(info)
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    stop(format_args!("hard fault at {:#010x}", frame.pc()))
}

#[exception]
unsafe fn DefaultHandler(irqn: i16) -> ! {
    stop(format_args!("unexpected interrupt {irqn}"))
}
