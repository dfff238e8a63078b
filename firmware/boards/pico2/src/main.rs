//! The token on the Raspberry Pi Pico 2: a button, the LED of the board, a serial line on two pins.
//!
//! What makes a token of a chip is all here; how most parts are driven is `embassy-rp`'s matter.
#![no_std]
#![no_main]

mod clock;
mod entropy;
mod fault;
mod serial;
mod share;
mod watchdog;

use core::ops::Range;

use cortex_m_rt::entry;
use embassy_rp::{
    flash::{Blocking, Flash},
    gpio::{Input, Level, Output, Pull},
    peripherals::FLASH,
};
use firmware_token::{Active, ButtonAndLed, Platform, Ports, Token, device};

use crate::{clock::Clock, entropy::Entropy, serial::Serial};

/// Bytes of flash on the board.
const FLASH_LEN: usize = 4 * 1024 * 1024;

/// The flash that holds the image, see memory.x.
const IMAGE: Range<u32> = 0..256 * 1024;

/// The erase page behind it, which holds the format marker and the device secret.
const DEVICE_PAGE: Range<u32> = IMAGE.end..IMAGE.end + 4096;

/// The board, as the token sees it.
struct Pico2;

impl Platform for Pico2 {
    type Serial = Serial;
    type Entropy = Entropy;
    type Flash = Flash<'static, FLASH, Blocking, FLASH_LEN>;
    type Presence = ButtonAndLed<Input<'static>, Output<'static>, Clock>;
    type Clock = Clock;

    const TRUE_RANDOM: bool = true;
    const STORE: Range<u32> = DEVICE_PAGE.end..DEVICE_PAGE.end + 1024 * 1024;
    /// Some 0.2 s. See README.md, "Protection", for what little that is worth here.
    const PIN_COST: u32 = 1000;
}

#[entry]
fn main() -> ! {
    let powered_on = watchdog::take_power_on();
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    watchdog::start();

    // A button from pin 20 (GPIO 15) to ground, and the LED of the board.
    let button = Input::new(chip.PIN_15, Pull::Up);
    let led = Output::new(chip.PIN_25, Level::Low);
    let mut presence = ButtonAndLed::new((button, Active::Low), (led, Active::High), Clock);
    // A restart that nobody's hand is behind never enters ceremony mode.
    let ceremony = powered_on && presence.enters_ceremony();

    let mut entropy = Entropy::new(chip.TRNG, Clock);
    let mut flash = Flash::new_blocking(chip.FLASH);
    let mut device_secret =
        device::secret(&mut flash, &mut entropy, DEVICE_PAGE.start, Pico2::STORE)
            .unwrap_or_else(|error| panic!("cannot start: {error}"));
    share::combine(&mut device_secret);
    let ports = Ports::<Pico2> {
        serial: Serial::start(chip.UART0, chip.PIN_0, chip.PIN_1),
        entropy,
        flash,
        presence,
        clock: Clock,
        device_secret,
        ceremony,
    };
    Token::new(ports).serve();
    panic!("the serial line ended")
}
