//! The serial line, through the debugger's virtual port, and the watchdog that sits beside it.
//!
//! Bytes arrive by themselves in a ring of 1 KiB while the token computes or erases flash, which
//! stops the processor for up to 85 ms. What overruns the ring fails its frame's checksum.

use core::{
    convert::Infallible,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use cortex_m::{asm, interrupt, singleton};
use embassy_nrf::{
    Peri, bind_interrupts,
    buffered_uarte::{self, Baudrate, BufferedUarte},
    peripherals::{P0_06, P0_08, PPI_CH0, PPI_CH1, PPI_GROUP0, TIMER1, UARTE0, WDT},
    uarte,
    wdt::{self, HaltConfig, SleepConfig, Watchdog, WatchdogHandle},
};
use embedded_io::{ErrorType, Read, ReadReady, Write};

bind_interrupts!(struct Irqs {
    UARTE0 => buffered_uarte::InterruptHandler<UARTE0>;
});

/// After so many ticks of 32768 Hz without a look at the line the watchdog restarts the chip: 60 s.
/// The longest wait without one is the 16 s after a wrong PIN.
const WATCHDOG_TICKS: u32 = 60 * 32_768;

/// What of the chip the line takes.
pub struct Line {
    /// The port.
    pub uart: Peri<'static, UARTE0>,
    /// Counts the bytes that have arrived.
    pub timer: Peri<'static, TIMER1>,
    /// Connect the two.
    pub channels: (
        Peri<'static, PPI_CH0>,
        Peri<'static, PPI_CH1>,
        Peri<'static, PPI_GROUP0>,
    ),
    /// From the host.
    pub rx: Peri<'static, P0_08>,
    /// To the host.
    pub tx: Peri<'static, P0_06>,
}

/// The serial line to the host: 115,200 baud, 8 data bits, no parity, no flow control.
pub struct Serial {
    uart: BufferedUarte<'static>,
    watchdog: WatchdogHandle,
}

impl Serial {
    /// Opens the line and starts the watchdog.
    pub fn start(line: Line, watchdog: Peri<'static, WDT>) -> Self {
        let mut config = uarte::Config::default();
        config.baudrate = Baudrate::Baud115200;
        let (ppi_ch1, ppi_ch2, ppi_group) = line.channels;
        let uart = BufferedUarte::new(
            line.uart,
            line.timer,
            ppi_ch1,
            ppi_ch2,
            ppi_group,
            line.rx,
            line.tx,
            Irqs,
            config,
            singleton!(RECEIVED: [u8; 1024] = [0; 1024]).expect("the line is opened once"),
            singleton!(TO_SEND: [u8; 256] = [0; 256]).expect("the line is opened once"),
        );
        let mut config = wdt::Config::default();
        config.timeout_ticks = WATCHDOG_TICKS;
        // A token that nobody talks to sleeps for days.
        config.action_during_sleep = SleepConfig::Pause;
        config.action_during_debug_halt = HaltConfig::Pause;
        let Ok((_, [watchdog])) = Watchdog::try_new(watchdog, config) else {
            panic!("somebody else's watchdog is running");
        };
        Self { uart, watchdog }
    }

    /// Sleeps until something happens, unless a byte is there.
    ///
    /// Interrupts are masked meanwhile: a pending one ends the sleep all the same, but none is
    /// handled between the look at the line and the sleep.
    fn sleep(&mut self) {
        interrupt::free(|_| {
            if let Ok(false) = self.uart.read_ready() {
                asm::wfi();
            }
        });
    }
}

impl ErrorType for Serial {
    type Error = Infallible;
}

impl Read for Serial {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        loop {
            self.watchdog.pet();
            match poll(self.uart.read(bytes)) {
                Poll::Ready(Ok(count)) => return Ok(count),
                // Bytes were lost, which their frame will show.
                Poll::Ready(Err(_)) => {}
                Poll::Pending => self.sleep(),
            }
        }
    }
}

impl ReadReady for Serial {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        self.watchdog.pet();
        Ok(self.uart.read_ready().unwrap_or(false))
    }
}

impl Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.watchdog.pet();
        loop {
            match self.uart.try_write(bytes) {
                Ok(0) if !bytes.is_empty() => {}
                Ok(count) => return Ok(count),
                // Errors are those of the other direction.
                Err(_) => {}
            }
        }
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while poll(self.uart.flush()).is_pending() {}
        Ok(())
    }
}

/// Looks once whether something is done. Whoever asks again needs no waking.
fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
