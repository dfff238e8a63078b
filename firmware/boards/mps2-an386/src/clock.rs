//! Time since power-on, from the processor's own tick timer.
//!
//! The timer counts 24 bits down at 25 MHz, which lasts for two thirds of a second; its exception
//! counts the periods. Timer 0 of the board stays free for measurements.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use cortex_m_rt::exception;
use firmware_token::DelayNs;

const TICKS_PER_MS: u32 = 25_000;
const PERIOD_MS: u32 = 500;
const RELOAD: u32 = PERIOD_MS * TICKS_PER_MS - 1;

/// Whole periods since power-on. Lasts for 68 years.
static PERIODS: AtomicU32 = AtomicU32::new(0);

/// The clock of the board.
pub struct Clock {
    last: u64,
}

impl Clock {
    /// Starts the timer.
    pub fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(RELOAD);
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
        Self { last: 0 }
    }
}

impl firmware_token::Clock for Clock {
    fn now_ms(&mut self) -> u64 {
        // The timer may start a new period between its reading and the count's. A step back of the
        // sum, which a chip allows for some cycles before the exception runs, is left out.
        self.last = self.last.max(now_ms());
        self.last
    }
}

impl DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        self.delay_ms(ns.div_ceil(1_000_000));
    }

    fn delay_ms(&mut self, ms: u32) {
        let start = now_ms();
        while now_ms().saturating_sub(start) <= u64::from(ms) {}
    }
}

/// Milliseconds since the timer was started.
pub fn now_ms() -> u64 {
    loop {
        let periods = PERIODS.load(Ordering::Relaxed);
        let left = SYST::get_current();
        if PERIODS.load(Ordering::Relaxed) == periods {
            let part = RELOAD.saturating_sub(left) / TICKS_PER_MS;
            return u64::from(periods) * u64::from(PERIOD_MS) + u64::from(part);
        }
    }
}

#[exception]
fn SysTick() {
    PERIODS.fetch_add(1, Ordering::Relaxed);
}
