//! The watchdog: it restarts the chip when the token hangs or a fault asks for it (RP2350
//! datasheet: WATCHDOG, PSM).

use cortex_m::asm;
use embassy_rp::pac::{PSM, WATCHDOG, psm::regs::Wdsel, watchdog::regs::Load};

/// After so long without [`feed`] the chip restarts: nearly the longest that fits 24 bits of
/// microseconds.
const TIMEOUT_US: u32 = 16_000_000;

/// All 25 stages of the chip but the two oscillators, bits 2 and 3.
const ALL_BUT_OSCILLATORS: Wdsel = Wdsel(0x01ff_fff3);

/// What the scratch register holds once the image has run ("WARM").
const HAS_RUN: u32 = u32::from_be_bytes(*b"WARM");

/// Whether this is the first start since power was applied, or since the RUN pin was pulled low:
/// nothing less clears the watchdog's scratch registers. To be asked once a start.
pub fn take_power_on() -> bool {
    let found = WATCHDOG.scratch0().read();
    WATCHDOG.scratch0().write_value(HAS_RUN);
    found != HAS_RUN
}

/// Starts the watchdog. `embassy_rp::init` must have started its clock.
pub fn start() {
    PSM.wdsel().write_value(ALL_BUT_OSCILLATORS);
    feed();
    WATCHDOG.ctrl().modify(|control| control.set_enable(true));
}

/// Begins its time anew.
pub fn feed() {
    WATCHDOG.load().write_value(Load(TIMEOUT_US));
}

/// Restarts the chip.
pub fn restart() -> ! {
    PSM.wdsel().write_value(ALL_BUT_OSCILLATORS);
    WATCHDOG.ctrl().modify(|control| control.set_trigger(true));
    loop {
        asm::nop();
    }
}
