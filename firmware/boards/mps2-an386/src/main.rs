//! The token on the Arm MPS2 AN386, a Cortex-M4 machine that QEMU emulates: CI's board.
//!
//! It differs from a product in two ways, both of which the token tells its clients: random bytes
//! come from the host, and the flash is a file of the host. Everything else is the firmware.
#![no_std]
#![no_main]

mod clock;
mod entropy;
mod fault;
mod flash;
mod panel;
mod stack;
mod strap;
mod uart;

use core::ops::Range;

use cortex_m_rt::entry;
use firmware_token::{Platform, Ports, Token, device};

use crate::{clock::Clock, entropy::Entropy, flash::Flash, panel::Panel, uart::Uart};

/// The erase page that holds the format marker and the device secret.
const DEVICE_PAGE: u32 = 0;

/// The board, as the token sees it.
struct Mps2;

impl Platform for Mps2 {
    type Serial = Uart;
    type Entropy = Entropy;
    type Flash = Flash;
    type Presence = Panel;
    type Clock = Clock;

    const TRUE_RANDOM: bool = false;
    const STORE: Range<u32> = 4096..flash::CAPACITY;
    /// Some 25 million instructions, 0.4 s at 64 MHz.
    const PIN_COST: u32 = 1000;
}

#[entry]
fn main() -> ! {
    stack::paint();
    let ceremony = strap::take_ceremony();
    let mut core = cortex_m::Peripherals::take().expect("main runs once");
    stack::guard(&mut core.MPU);
    let clock = Clock::start(core.SYST);
    // First, because QEMU looks only now and then whether a line that was off takes bytes.
    let serial = Uart::serial();
    let mut flash = Flash::new();
    let mut entropy = Entropy(Uart::entropy());
    let device_secret = device::secret(&mut flash, &mut entropy, DEVICE_PAGE, Mps2::STORE)
        .unwrap_or_else(|error| panic!("cannot start: {error}"));
    let ports = Ports::<Mps2> {
        serial,
        entropy,
        flash,
        presence: Panel::new(Uart::panel()),
        clock,
        device_secret,
        ceremony,
    };
    Token::new(ports).serve();
    panic!("the serial line ended")
}
