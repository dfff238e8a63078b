//! The serial line under a hostile or broken host: each fault gets one error, the next good frame
//! works, and nothing has changed.

use core_nostd::wire::{
    FRAME_LEN_MAX, FrameHeader, Request, Response, SessionNonce, TokenError,
    frame::{self, FrameReader},
};
use e2e_tests::token::{Carrier, Line, TestToken};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

mod noise;

const SESSION: SessionNonce = *b"session1";

/// A client that says exactly what it is told to.
struct Raw {
    line: Box<dyn Line>,
    id: u32,
}

impl Raw {
    fn new(token: &TestToken) -> Self {
        Self::on(token.line())
    }

    fn on(line: Box<dyn Line>) -> Self {
        let mut raw = Self { line, id: 0 };
        raw.hello();
        raw
    }

    fn frame(&mut self, version: u8, session: SessionNonce, message: &[u8]) -> Vec<u8> {
        self.id += 1;
        let header = FrameHeader {
            version,
            session,
            id: self.id,
        };
        let mut out = [0; FRAME_LEN_MAX + 64];
        let len = frame::encode(&header, message, &mut out).expect("it fits");
        out[..len].to_vec()
    }

    fn request(&mut self, request: &Request<'_>) -> Vec<u8> {
        let message = postcard::to_allocvec(request).expect("serialisable");
        self.frame(frame::VERSION_CURRENT, SESSION, &message)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.line.write_all(bytes).expect("the line takes it");
        self.line.flush().expect("the line takes it");
    }

    /// The next frame: its identifier and what `read` makes of its message.
    fn answer<R>(&mut self, read: impl FnOnce(Response<'_>) -> R) -> (u32, R) {
        let mut reader = FrameReader::<FRAME_LEN_MAX>::new();
        let mut byte = [0];
        loop {
            match self.line.read(&mut byte) {
                Ok(0) => panic!("the token is gone"),
                Ok(_) if reader.push(byte[0]) => {
                    let (header, message) = reader.frame().expect("a whole frame");
                    return (
                        header.id,
                        read(postcard::from_bytes(message).expect("a response")),
                    );
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn error(&mut self) -> TokenError {
        self.answer(|answer| match answer {
            Response::Error(error) => error,
            other => panic!("{other:?} instead of an error"),
        })
        .1
    }

    /// Says hello and checks that this, and nothing else, is answered.
    fn hello(&mut self) {
        let request = self.request(&Request::Hello);
        self.send(&request);
        let (id, ()) = self.answer(|answer| assert!(matches!(answer, Response::Hello(_))));
        assert_eq!(id, self.id, "no other answer is on the line");
    }

    /// Sends `bytes`, expects exactly one answer, the error `expected`, and a working token.
    fn costs_one_error(&mut self, what: &str, bytes: &[u8], expected: TokenError) {
        self.send(bytes);
        assert_eq!(self.error(), expected, "{what}");
        self.hello();
    }
}

fn faults(carrier: Carrier) {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(carrier, dir.path());
    let mut raw = Raw::new(&token);

    let cut = raw.request(&Request::LastStatement);
    let half = [&cut[..cut.len() / 2], &[0]].concat();
    raw.costs_one_error("a cut frame", &half, TokenError::BadFrame);
    let mut wrong = raw.request(&Request::LastStatement);
    let middle = wrong.len() / 2;
    wrong[middle] ^= if wrong[middle] == 1 { 2 } else { 1 };
    raw.costs_one_error("a changed byte", &wrong, TokenError::BadFrame);
    raw.costs_one_error("a short frame", &[7, 0], TokenError::BadFrame);
    let long = [vec![0x55; 3 * FRAME_LEN_MAX], vec![0]].concat();
    raw.costs_one_error("an endless frame", &long, TokenError::FrameTooLong);
    let hello = postcard::to_allocvec(&Request::Hello).expect("serialisable");
    for version in [0, 2, 255] {
        let other = raw.frame(version, SESSION, &hello);
        let expected = TokenError::UnsupportedVersion { min: 1, max: 1 };
        raw.costs_one_error("another version", &other, expected);
    }
    let lock = postcard::to_allocvec(&Request::Lock).expect("serialisable");
    let stale = raw.frame(1, *b"session0", &lock);
    raw.costs_one_error("another session", &stale, TokenError::StaleSession);
    for message in [&[][..], &[200], &[255; 40], &[0, 0], &[6, 1, 2]] {
        let malformed = raw.frame(1, SESSION, message);
        raw.costs_one_error("no request", &malformed, TokenError::Malformed);
    }
    replay(&mut raw);
    noise(&mut raw);
}

/// A frame that was recorded is not carried out again.
fn replay(raw: &mut Raw) {
    let recorded = raw.request(&Request::LastStatement);
    raw.send(&recorded);
    assert_eq!(raw.error(), TokenError::NotProvisioned);
    raw.costs_one_error("a replayed frame", &recorded, TokenError::Malformed);
    raw.hello();
}

/// Random bytes, ended by a delimiter, cost one error or, if they are all delimiters, nothing.
fn noise(raw: &mut Raw) {
    let mut rng = ChaCha20Rng::seed_from_u64(42);
    for _ in 0..200 {
        let mut bytes = vec![0; usize::try_from(rng.next_u32() % 300 + 2).expect("small")];
        rng.fill_bytes(&mut bytes);
        let frames = bytes
            .split(|byte| *byte == 0)
            .filter(|frame| !frame.is_empty())
            .count();
        bytes.push(0);
        raw.send(&bytes);
        for _ in 0..frames {
            assert_eq!(raw.error(), TokenError::BadFrame);
        }
        raw.hello();
    }
}

#[test]
fn each_fault_costs_one_error_in_process() {
    faults(Carrier::InProcess);
}

#[test]
fn each_fault_costs_one_error_on_a_pseudo_terminal() {
    faults(Carrier::Pty);
}

#[cfg(feature = "qemu")]
#[test]
fn each_fault_costs_one_error_on_the_firmware_image() {
    faults(Carrier::Qemu);
}
