//! A fault restarts the chip, after which the token is locked. Nothing is printed: there is nowhere
//! that only the owner could read it.

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};

use crate::watchdog;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    watchdog::restart()
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    watchdog::restart()
}

#[exception]
unsafe fn DefaultHandler(_: i16) -> ! {
    watchdog::restart()
}
