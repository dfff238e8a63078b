//! The serial line, on two pins of the board. Looking at it feeds the watchdog.
//!
//! Bytes arrive by themselves in a ring of 1 KiB while the token computes. While flash is erased,
//! for up to 400 ms, no more than the UART's own 32 fit; a loss fails its frame's checksum.

use core::{
    convert::Infallible,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use cortex_m::singleton;
use embassy_rp::{
    Peri, bind_interrupts,
    peripherals::{PIN_0, PIN_1, UART0},
    uart::{self, BufferedInterruptHandler, BufferedUart},
};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use embedded_io_async::BufRead;

use crate::watchdog;

bind_interrupts!(struct Irqs {
    UART0_IRQ => BufferedInterruptHandler<UART0>;
});

/// The serial line to the host: 115,200 baud, 8 data bits, no parity, no flow control.
pub struct Serial(BufferedUart);

impl Serial {
    /// Opens the line.
    pub fn start(
        uart: Peri<'static, UART0>,
        tx: Peri<'static, PIN_0>,
        rx: Peri<'static, PIN_1>,
    ) -> Self {
        let mut config = uart::Config::default();
        config.baudrate = 115_200;
        Self(BufferedUart::new(
            uart,
            tx,
            rx,
            Irqs,
            singleton!(TO_SEND: [u8; 256] = [0; 256]).expect("the line is opened once"),
            singleton!(RECEIVED: [u8; 1024] = [0; 1024]).expect("the line is opened once"),
            config,
        ))
    }

    /// What has arrived and was not taken; an error of the line is passed over.
    fn arrived(&mut self) -> &[u8] {
        watchdog::feed();
        if let Poll::Ready(Err(_)) = poll(self.0.fill_buf()) {
            // Bytes were lost, which their frame will show. This lets the next ones in.
            self.0.consume(0);
        }
        match poll(self.0.fill_buf()) {
            Poll::Ready(Ok(bytes)) => bytes,
            Poll::Ready(Err(_)) | Poll::Pending => &[],
        }
    }
}

impl ErrorType for Serial {
    type Error = Infallible;
}

impl Read for Serial {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        loop {
            let arrived = self.arrived();
            let count = arrived.len().min(bytes.len());
            for (to, from) in bytes.iter_mut().zip(arrived) {
                *to = *from;
            }
            if count > 0 || bytes.is_empty() {
                self.0.consume(count);
                return Ok(count);
            }
        }
    }
}

impl ReadReady for Serial {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.arrived().is_empty())
    }
}

impl Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        watchdog::feed();
        // Errors are those of the other direction.
        Ok(self.0.blocking_write(bytes).unwrap_or(0))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        let _ = self.0.blocking_flush();
        Ok(())
    }
}

/// Looks once whether something is done. Whoever asks again needs no waking.
fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
