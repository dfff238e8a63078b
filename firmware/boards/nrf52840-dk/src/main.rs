//! The token on Nordic's nRF52840 development kit: one button, one LED, the debugger's serial line.
//!
//! What makes a token of a chip is all here; how the parts are driven is `embassy-nrf`'s matter.
#![no_std]
#![no_main]

mod clock;
mod fault;
mod protection;
mod serial;

use core::ops::Range;

use cortex_m_rt::entry;
use embassy_nrf::{
    config::{Config, Debug, HfclkSource},
    gpio::{Input, Level, Output, OutputDrive, Pull},
    mode::Blocking,
    nvmc::Nvmc,
    rng::Rng,
};
use firmware_token::{Active, ButtonAndLed, Platform, Ports, Token, device};

use crate::{clock::Clock, serial::Serial};

/// The flash that holds the image, see memory.x.
const IMAGE: Range<u32> = 0..256 * 1024;

/// The erase page behind it, which holds the format marker and the device secret.
const DEVICE_PAGE: Range<u32> = IMAGE.end..IMAGE.end + 4096;

/// The board, as the token sees it.
struct Nrf52840Dk;

impl Platform for Nrf52840Dk {
    type Serial = Serial;
    type Entropy = Rng<'static, Blocking>;
    type Flash = Nvmc<'static>;
    type Presence = ButtonAndLed<Input<'static>, Output<'static>, Clock>;
    type Clock = Clock;

    const TRUE_RANDOM: bool = true;
    const STORE: Range<u32> = DEVICE_PAGE.end..1024 * 1024;
    /// Some 25 million instructions, 0.4 s at 64 MHz.
    const PIN_COST: u32 = 1000;
}

#[entry]
fn main() -> ! {
    let powered_on = protection::take_power_on();
    let mut config = Config::default();
    // The debug port stays shut: what it could read is everybody's PIN for the asking.
    config.debug = Debug::Disallowed;
    // The internal oscillator is too coarse for a serial line.
    config.hfclk_source = HfclkSource::ExternalXtal;
    let chip = embassy_nrf::init(config);

    // Button 1 and LED 1, each active low.
    let button = Input::new(chip.P0_11, Pull::Up);
    let led = Output::new(chip.P0_13, Level::High, OutputDrive::Standard);
    let mut presence = ButtonAndLed::new((button, Active::Low), (led, Active::Low), Clock);
    // A restart that nobody's hand is behind never enters ceremony mode.
    let ceremony = powered_on && presence.enters_ceremony();

    let mut entropy = Rng::new_blocking(chip.RNG);
    entropy.set_bias_correction(true);
    let mut flash = Nvmc::new(chip.NVMC);
    let device_secret = device::secret(
        &mut flash,
        &mut entropy,
        DEVICE_PAGE.start,
        Nrf52840Dk::STORE,
    )
    .unwrap_or_else(|error| panic!("cannot start: {error}"));
    protection::seal(0, IMAGE, protection::Access::Read);
    protection::seal(1, DEVICE_PAGE, protection::Access::Nothing);

    let line = serial::Line {
        uart: chip.UARTE0,
        timer: chip.TIMER1,
        channels: (chip.PPI_CH0, chip.PPI_CH1, chip.PPI_GROUP0),
        rx: chip.P0_08,
        tx: chip.P0_06,
    };
    let ports = Ports::<Nrf52840Dk> {
        serial: Serial::start(line, chip.WDT),
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
