//! The line to the host: frames in, answers out, and what may come while presence is awaited.

use core_nostd::wire::{
    FrameError, FrameHeader, Request, Response, TokenError, decode_request,
    frame::{FrameBody, FrameReader, encode_with},
};
use embedded_io::{Read, ReadReady, Write};
use postcard::ser_flavors::Flavor;

use crate::{limits::FRAME_LEN, session::Session};

/// The host has closed the line, or the line is broken.
pub(crate) struct HostGone;

/// The host has cancelled, begun a new session, or gone.
pub(crate) struct Interrupted;

impl From<HostGone> for Interrupted {
    /// The next use of the line tells the difference.
    fn from(_: HostGone) -> Self {
        Self
    }
}

/// The line, with the one frame buffer.
pub(crate) struct Line<S> {
    serial: S,
    /// Bytes that were read but not looked at: `chunk[next..filled]`.
    chunk: [u8; 64],
    next: usize,
    filled: usize,
    /// Holds the request, then serves as a work area, then holds the answer.
    pub(crate) reader: FrameReader<FRAME_LEN>,
    pub(crate) session: Session,
    /// Where the answer to the request in hand goes, if it gets one.
    pub(crate) address: Option<FrameHeader>,
    /// A `Hello` that ended a wait and has still to be answered.
    pub(crate) hello: Option<FrameHeader>,
}

/// Room for a frame with an error or `Waiting` in it.
const SHORT_FRAME_LEN: usize = 48;

impl<S: Read + ReadReady + Write> Line<S> {
    pub(crate) fn new(serial: S) -> Self {
        Self {
            serial,
            chunk: [0; 64],
            next: 0,
            filled: 0,
            reader: FrameReader::new(),
            session: Session::new(),
            address: None,
            hello: None,
        }
    }

    /// Forgets what the last client has left.
    pub(crate) fn reset(&mut self) {
        (self.next, self.filled) = (0, 0);
        self.reader.clear();
        self.session = Session::new();
        self.hello = None;
    }

    /// Reads until a frame has ended; it waits in [`Self::reader`].
    pub(crate) fn receive(&mut self) -> Result<(), HostGone> {
        loop {
            let byte = self.byte()?;
            if self.reader.push(byte) {
                return Ok(());
            }
        }
    }

    /// Sends an answer, built where the request was.
    #[inline(never)]
    pub(crate) fn answer(
        &mut self,
        outcome: &Result<Response<'_>, TokenError>,
    ) -> Result<(), HostGone> {
        let Some(address) = self.address else {
            return Ok(());
        };
        let buffer = self.reader.scratch();
        let written = match outcome {
            Ok(response) => match encode(&address, response, buffer) {
                Ok(len) => Ok(len),
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(*error),
        };
        let len = written.or_else(|error| encode(&address, &Response::Error(error), buffer));
        let frame = len.ok().and_then(|len| buffer.get(..len));
        let sent = self
            .serial
            .write_all(frame.unwrap_or_default())
            .and_then(|()| self.serial.flush());
        self.reader.clear();
        sent.map_err(|_| HostGone)
    }

    /// Sends a short answer and leaves the frame buffer alone.
    #[inline(never)]
    pub(crate) fn tell(&mut self, to: &FrameHeader, what: &Response<'_>) -> Result<(), HostGone> {
        let mut buffer = [0; SHORT_FRAME_LEN];
        let len = encode(to, what, &mut buffer).unwrap_or_default();
        let frame = buffer.get(..len).unwrap_or_default();
        self.serial.write_all(frame).map_err(|_| HostGone)?;
        self.serial.flush().map_err(|_| HostGone)
    }

    /// Looks at what has arrived while presence is awaited. A `Cancel` or a `Hello` ends the wait,
    /// everything else is answered with an error.
    #[inline(never)]
    pub(crate) fn glance(&mut self) -> Result<(), Interrupted> {
        while self.has_byte()? {
            let byte = self.byte()?;
            if self.reader.push(byte) {
                let (to, error) = self.meanwhile()?;
                self.tell(&to, &Response::Error(error))?;
            }
        }
        Ok(())
    }

    /// The answer to a frame that has come while presence is awaited.
    #[inline(never)]
    fn meanwhile(&mut self) -> Result<(FrameHeader, TokenError), Interrupted> {
        let (header, message) = match self.reader.frame() {
            Ok(frame) => frame,
            Err(error) => return Ok((self.session.nobody(), error.into())),
        };
        let request = decode_request(message);
        if let Ok(Request::Hello) = request {
            self.session.hello(&header);
            self.hello = Some(header);
            return Err(Interrupted);
        }
        let error = match (self.session.check(&header), &request) {
            (Err(stale), _) => stale,
            (Ok(()), Ok(Request::Cancel)) => return Err(Interrupted),
            (Ok(()), Ok(_)) => TokenError::Busy,
            (Ok(()), Err(_)) => TokenError::Malformed,
        };
        Ok((header, error))
    }

    fn has_byte(&mut self) -> Result<bool, HostGone> {
        Ok(self.next < self.filled || self.serial.read_ready().map_err(|_| HostGone)?)
    }

    fn byte(&mut self) -> Result<u8, HostGone> {
        if self.next >= self.filled {
            self.next = 0;
            self.filled = self.serial.read(&mut self.chunk).map_err(|_| HostGone)?;
        }
        let unseen = self.chunk.get_mut(self.next..self.filled);
        let byte = unseen.and_then(<[u8]>::first_mut).ok_or(HostGone)?;
        self.next += 1;
        // Requests carry PINs and amounts; what was taken is not kept.
        Ok(core::mem::take(byte))
    }
}

/// Serialises a response straight into a frame.
#[inline(never)]
pub(crate) fn encode(
    to: &FrameHeader,
    response: &Response<'_>,
    out: &mut [u8],
) -> Result<usize, FrameError> {
    encode_with(to, out, |body| {
        postcard::serialize_with_flavor(response, Piecewise(body)).map_err(|_| FrameError::TooLong)
    })
}

struct Piecewise<'a, 'b>(&'a mut FrameBody<'b>);

impl Flavor for Piecewise<'_, '_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0
            .push(bytes)
            .map_err(|_| postcard::Error::SerializeBufferFull)
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
