//! Time since power-on, from the chip's timer. Waiting feeds the watchdog.

use embassy_time::{Delay, Instant};
use firmware_token::DelayNs;

use crate::watchdog;

/// The clock of the board. `embassy_rp::init` has started it.
pub struct Clock;

impl firmware_token::Clock for Clock {
    fn now_ms(&mut self) -> u64 {
        Instant::now().as_millis()
    }
}

impl DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        Delay.delay_ns(ns);
    }

    fn delay_ms(&mut self, ms: u32) {
        for _ in 0..ms {
            watchdog::feed();
            Delay.delay_us(1000);
        }
    }
}
