//! A fault restarts the chip, after which the token is locked. Nothing is printed: there is nowhere
//! that only the owner could read it.

use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    SCB::sys_reset()
}

#[exception]
unsafe fn DefaultHandler(_: i16) -> ! {
    SCB::sys_reset()
}
