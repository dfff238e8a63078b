//! The token: a line, an engine, and the buffer that answers are made in.

use core_nostd::wire::{FrameHeader, Response, TokenError, VERSION_CURRENT};
use zeroize::Zeroize;

use crate::{
    dispatch::{hello, respond},
    engine::Engine,
    limits::FRAME_LEN,
    platform::{Platform, Ports},
    serial::{HostGone, Line, encode},
};

/// A token on platform `P`.
///
/// It has two buffers of one frame each: one takes requests, then serves as a work area of the
/// store, then holds the answer; in the other the parts of an answer are made.
pub struct Token<P: Platform> {
    line: Line<P::Serial>,
    engine: Engine<P>,
    body: [u8; FRAME_LEN],
}

impl<P: Platform> Token<P> {
    /// A token that was just powered on. The store is read at the first command.
    pub fn new(ports: Ports<P>) -> Self {
        let (engine, line) = Engine::new(ports);
        Self {
            line,
            engine,
            body: [0; FRAME_LEN],
        }
    }

    /// Serves one client: answers frames until the serial port is closed or fails.
    ///
    /// State survives, so the next client can be served by calling it again; an unlocked token
    /// stays unlocked. Each client says hello first.
    pub fn serve(&mut self) {
        self.line.reset();
        while self.serve_frame().is_ok() {}
    }

    fn serve_frame(&mut self) -> Result<(), HostGone> {
        self.line.receive()?;
        let response = respond(&mut self.line, &mut self.engine, &mut self.body);
        let answered = self.line.answer(&response);
        // An answer may hold shares of the seed, or a name.
        self.body.zeroize();
        answered?;
        self.greet()
    }

    /// One who waited in vain has his answer; then a new session gets its first.
    #[inline(never)]
    fn greet(&mut self) -> Result<(), HostGone> {
        let Some(address) = self.line.hello.take() else {
            return Ok(());
        };
        self.line.address = Some(address);
        self.engine.enrolment.greet(address.session);
        let response = hello(&mut self.engine, &mut self.body);
        self.line.answer(&response)
    }
}

/// Writes the frame that a client gets who comes while another has the token, `Error(Busy)` in
/// no session, to the start of `out`, and returns its length; 0 if `out` has fewer than 48 bytes.
#[must_use]
pub fn busy_frame(out: &mut [u8]) -> usize {
    let nobody = FrameHeader {
        version: VERSION_CURRENT,
        session: [0; 8],
        id: 0,
    };
    encode(&nobody, &Response::Error(TokenError::Busy), out).unwrap_or(0)
}
