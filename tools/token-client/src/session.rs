//! One conversation with a token: frames, request ids, deadlines, and the way back after a fault.
//!
//! Every session has a fresh random nonce. After a time-out (and whenever the other side seems to
//! be out of step) the next request first ends whatever half frame is on the line with a zero byte,
//! says hello under a new nonce, and drops every frame until the answer to that hello: late answers
//! to earlier requests can't be taken for the answer to a later one.

use std::{
    io::{self, ErrorKind, Read, Write},
    ops::ControlFlow,
    time::{Duration, Instant},
};

use core_nostd::wire::{
    self, FRAME_LEN_MAX, FrameError, FrameHeader, Info, Request, Response, SessionNonce,
    TokenError, VERSION_CURRENT,
    frame::{self, FrameReader},
};
use zeroize::{Zeroize, Zeroizing};

use crate::ClientError;

/// How long to wait for the answer to one hello before it is said again: right after a line is
/// opened its first bytes may be lost.
const HELLO_AGAIN: Duration = Duration::from_secs(1);

/// How long the answer to a cancelled request may take.
const CANCEL_PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are read from the line at once.
const INBOX_LEN: usize = 1024;

/// Beyond this id a session ends, long before ids run out.
const LAST_ID_MAX: u32 = u32::MAX / 2;

/// Called about once a second while the token waits for its button; [`ControlFlow::Break`] cancels
/// the request.
pub type OnWaiting = Box<dyn FnMut() -> ControlFlow<()> + Send>;

/// How long to wait for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For the answer to an ordinary request.
    pub answer: Duration,
    /// For the answer to, or a sign of life during, a request that asks for presence or makes keys.
    pub slow_answer: Duration,
    /// For the answer to a request that asks for presence, whatever signs of life come.
    pub presence: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            slow_answer: Duration::from_secs(30),
            presence: Duration::from_secs(90),
        }
    }
}

pub(crate) struct Session<T> {
    stream: T,
    /// None: say hello first.
    nonce: Option<SessionNonce>,
    last_id: u32,
    /// What the token said at the last hello.
    pub(crate) info: Option<Info>,
    reader: Box<FrameReader<FRAME_LEN_MAX>>,
    /// Bytes that have arrived and were not looked at.
    inbox: Inbox,
    /// The last answer.
    message: Zeroizing<Vec<u8>>,
    pub(crate) deadlines: Deadlines,
    pub(crate) on_waiting: Option<OnWaiting>,
}

#[derive(Default)]
struct Inbox {
    bytes: Zeroizing<Vec<u8>>,
    taken: usize,
}

impl<T: Read + Write> Session<T> {
    pub(crate) fn new(stream: T, deadlines: Deadlines) -> Self {
        Self {
            stream,
            nonce: None,
            last_id: 0,
            info: None,
            reader: Box::new(FrameReader::new()),
            inbox: Inbox::default(),
            message: Zeroizing::new(Vec::with_capacity(FRAME_LEN_MAX)),
            deadlines,
            on_waiting: None,
        }
    }

    /// Begins a session.
    pub(crate) fn hello(&mut self) -> Result<Info, ClientError> {
        self.nonce = None;
        // Half a frame of the last session must not swallow the beginning of the answer.
        self.reader.clear();
        let mut nonce = SessionNonce::default();
        getrandom::fill(&mut nonce).map_err(|error| ClientError::Io(error.into()))?;
        let patience = self.deadlines.answer;
        let end = Instant::now() + patience;
        loop {
            self.send(nonce, &Request::Hello, end)?;
            let again = end.min(Instant::now() + HELLO_AGAIN);
            match self.hello_answer(nonce, again) {
                Err(ClientError::Timeout(_)) if Instant::now() < end => {}
                Err(ClientError::Timeout(_)) => return Err(ClientError::Timeout(patience)),
                Err(error) => return Err(error),
                Ok(info) => {
                    self.info = Some(info);
                    self.nonce = Some(nonce);
                    return Ok(info);
                }
            }
        }
    }

    fn hello_answer(&mut self, nonce: SessionNonce, end: Instant) -> Result<Info, ClientError> {
        loop {
            let header = self.next_frame(end, self.deadlines.answer)?;
            if header.session != nonce {
                // Whoever serves another client says so outside of any session.
                let busy = Response::Error(TokenError::Busy);
                if header.session == SessionNonce::default()
                    && decode(&self.message).is_ok_and(|answer| answer == busy)
                {
                    return Err(TokenError::Busy.into());
                }
                continue;
            }
            match decode(&self.message)? {
                Response::Hello(info) => return Ok(info),
                Response::Error(TokenError::BadFrame) => {}
                Response::Error(error) => return Err(error.into()),
                _ => return Err(ClientError::Protocol("another answer than that to a hello")),
            }
        }
    }

    /// Sends a request, waits for its answer and hands it to `read`, which returns `None` if it is
    /// not an answer to this request.
    pub(crate) fn call<R>(
        &mut self,
        request: &Request<'_>,
        read: impl FnOnce(Response<'_>) -> Option<R>,
    ) -> Result<R, ClientError> {
        let mut outcome = self.exchange(request);
        // The token knows nothing of this session (it was reset) and did nothing: once more.
        if matches!(outcome, Err(ClientError::Token(TokenError::StaleSession))) {
            self.nonce = None;
            outcome = self.exchange(request);
        }
        let out_of_step = |error: &ClientError| match error {
            ClientError::Token(error) => *error == TokenError::StaleSession,
            _ => true,
        };
        if outcome.as_ref().is_err_and(out_of_step) {
            self.nonce = None;
        }
        outcome?;
        let answer = decode(&self.message).ok().and_then(read);
        self.message.zeroize();
        answer.ok_or_else(|| {
            self.nonce = None;
            ClientError::Protocol("another answer than that to the request")
        })
    }

    /// Sends a request and leaves the answer, which is no error, in `self.message`.
    fn exchange(&mut self, request: &Request<'_>) -> Result<(), ClientError> {
        if self.last_id > LAST_ID_MAX {
            // Ids rise within a session; a fresh one begins anew.
            (self.nonce, self.last_id) = (None, 0);
        }
        if self.nonce.is_none() {
            self.hello()?;
        }
        let nonce = self
            .nonce
            .ok_or(ClientError::Protocol("a hello began no session"))?;
        let start = Instant::now();
        let mut patience = self.patience(request);
        let mut end = start + patience;
        let mut is_waiting = false;
        // What to say when the answer is that the request was cancelled.
        let mut given_up: Option<ClientError> = None;
        let id = self.send(nonce, request, end)?;
        loop {
            let header = match self.next_frame(end, patience) {
                Err(ClientError::Timeout(_)) if is_waiting && given_up.is_none() => {
                    given_up = Some(ClientError::Timeout(patience));
                    end = self.cancel(nonce)?;
                    continue;
                }
                header => header?,
            };
            if header.session != nonce || header.id != id {
                continue;
            }
            match decode(&self.message)? {
                Response::Error(TokenError::Cancelled) => {
                    return Err(given_up.unwrap_or(TokenError::Cancelled.into()));
                }
                Response::Error(error) => return Err(error.into()),
                Response::Waiting if given_up.is_some() => {}
                Response::Waiting => {
                    is_waiting = true;
                    patience = self.deadlines.presence;
                    end = (Instant::now() + self.deadlines.slow_answer).min(start + patience);
                    let asked_to_stop = self.on_waiting.as_mut().is_some_and(|f| f().is_break());
                    if asked_to_stop {
                        given_up = Some(TokenError::Cancelled.into());
                        end = self.cancel(nonce)?;
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Asks the token to end its wait for presence; returns until when to wait for the answer.
    fn cancel(&mut self, nonce: SessionNonce) -> Result<Instant, ClientError> {
        let end = Instant::now() + CANCEL_PATIENCE;
        self.send(nonce, &Request::Cancel, end)?;
        Ok(end)
    }

    fn patience(&self, request: &Request<'_>) -> Duration {
        match request {
            Request::Provision { .. }
            | Request::Unlock { .. }
            | Request::ChangePin { .. }
            | Request::Wipe
            | Request::CreateBook { .. }
            | Request::ImportBook { .. }
            | Request::PublicKey { .. }
            | Request::ReleaseTotal { .. }
            | Request::ReleaseBalance { .. }
            | Request::ReleaseOpen { .. }
            | Request::SetPolicy { .. }
            | Request::NewWriter
            | Request::Backup { .. }
            | Request::Restore { .. }
            | Request::AdmitWriter { .. }
            | Request::RevealNid { .. }
            | Request::EnrolOffer
            | Request::EnrolJoin { .. }
            | Request::EnrolReveal { .. }
            | Request::EnrolConfirm { .. }
            | Request::EnrolGrant { .. }
            | Request::EnrolFinish { .. }
            | Request::GrantBook { .. }
            | Request::RevokeWriter { .. } => self.deadlines.slow_answer,
            _ => self.deadlines.answer,
        }
    }

    /// Sends one request under a fresh id, which is returned, and wipes what was sent. A zero byte
    /// goes ahead: noise on the line must not become part of the frame.
    fn send(
        &mut self,
        session: SessionNonce,
        request: &Request<'_>,
        end: Instant,
    ) -> Result<u32, ClientError> {
        let too_long = ClientError::Token(TokenError::FrameTooLong);
        self.last_id = self.last_id.wrapping_add(1);
        let header = FrameHeader {
            version: VERSION_CURRENT,
            session,
            id: self.last_id,
        };
        let mut message = Zeroizing::new([0; FRAME_LEN_MAX]);
        let Ok(message) = postcard::to_slice(request, &mut *message) else {
            return Err(too_long);
        };
        let mut frame = Zeroizing::new([0; FRAME_LEN_MAX]);
        let len_max = self
            .info
            .map_or(FRAME_LEN_MAX, |info| usize::from(info.frame_len_max));
        let room = frame
            .get_mut(..len_max.min(FRAME_LEN_MAX))
            .unwrap_or_default();
        let Ok(len) = frame::encode(&header, message, room) else {
            return Err(too_long);
        };
        self.write(&[0], end)?;
        self.write(room.get(..len).unwrap_or_default(), end)?;
        Ok(header.id)
    }

    fn write(&mut self, mut bytes: &[u8], end: Instant) -> Result<(), ClientError> {
        let start = Instant::now();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(ClientError::Unplugged),
                Ok(len) => bytes = bytes.get(len..).unwrap_or_default(),
                Err(error) if is_pause(&error) => {
                    if Instant::now() >= end {
                        return Err(ClientError::Timeout(end.duration_since(start)));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.stream.flush().map_err(ClientError::from)
    }

    /// Waits for the next undamaged frame and leaves its message in `self.message`.
    fn next_frame(&mut self, end: Instant, patience: Duration) -> Result<FrameHeader, ClientError> {
        loop {
            while let Some(byte) = self.inbox.next() {
                if !self.reader.push(byte) {
                    continue;
                }
                match self.reader.frame() {
                    Ok((header, message)) => {
                        self.message.zeroize();
                        self.message.extend_from_slice(message);
                        self.reader.clear();
                        return Ok(header);
                    }
                    Err(FrameError::Version) => {
                        return Err(ClientError::Protocol("it speaks another protocol version"));
                    }
                    // Noise, or what is left of a frame for somebody else.
                    Err(_) => self.reader.clear(),
                }
            }
            match self.inbox.fill(&mut self.stream) {
                Ok(0) => return Err(ClientError::Unplugged),
                Ok(_) => {}
                Err(error) if is_pause(&error) => {
                    if Instant::now() >= end {
                        return Err(ClientError::Timeout(patience));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Inbox {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.taken).copied()?;
        self.taken += 1;
        Some(byte)
    }

    /// Reads what is there, once everything before it is taken.
    fn fill(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        self.bytes.zeroize();
        self.taken = 0;
        self.bytes.resize(INBOX_LEN, 0);
        let read = stream.read(&mut self.bytes);
        self.bytes.truncate(*read.as_ref().unwrap_or(&0));
        read
    }
}

/// The response a message is.
fn decode(message: &[u8]) -> Result<Response<'_>, ClientError> {
    wire::decode(message).ok_or(ClientError::Protocol(
        "a message of another protocol version",
    ))
}

/// Whether a read or write only found the line not ready.
fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
