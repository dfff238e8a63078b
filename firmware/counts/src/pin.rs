//! A wrong PIN, through the token's own `Unlock` command.
//!
//! A token is provisioned once, in memory. For each guess a new one starts from a copy of that
//! flash, so that the number of tries left and the state of the store are the same; what is counted
//! is the whole command, from the last byte of the request to the last of the answer.

use core::{
    cell::{Cell, RefCell},
    convert::Infallible,
    marker::PhantomData,
    ops::Range,
};

use core_nostd::wire::{
    FrameHeader, Policy, Request, Response, TokenError, VERSION_CURRENT,
    frame::{self, FrameReader},
};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use firmware_token::{
    Clock, DelayNs, Notice, Platform, Ports, Presence, Prompt, TRIES_MAX, Token, Zeroizing,
    nor::NorModel,
};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::{count::Report, draw::Draw, machine::Moment};

const PIN: [u8; 6] = *b"271828";
const FLASH_LEN: u32 = 128 * 1024;
const FRAME_LEN: usize = 64;

/// Counts it.
pub fn measure(report: &Report) {
    let mut provisioned = [0xff; FLASH_LEN as usize];
    let policy = Policy {
        totals: true,
        balances: false,
        open_sums: false,
    };
    let pin = text(&PIN);
    let done = ask(&mut provisioned, &Request::Provision { pin, policy }).1;
    assert!(done == Answer::Done, "the token was not provisioned");
    let unlock = |guess: &[u8; 6]| {
        let pin = text(guess);
        ask(&mut provisioned.clone(), &Request::Unlock { pin })
    };
    assert!(
        unlock(&PIN).1 == Answer::Done,
        "the right PIN does not open"
    );
    report.spans("wrong-pin", |draw| {
        let (count, answer) = unlock(&guess(draw));
        assert!(answer == Answer::WrongPin, "a wrong PIN was taken");
        count
    });
}

/// A wrong PIN: the right one but for one digit, or any.
///
/// The checksum of a request may have a zero in it, which gives the frame another shape. That
/// tells of what the host has sent, not of a secret; such guesses are passed over.
fn guess(draw: &mut Draw) -> [u8; 6] {
    let near = draw.number < PIN.len();
    loop {
        let [step, digits @ ..]: [u8; 7] = draw.public();
        let mut guess = PIN;
        if near {
            let digit = &mut guess[draw.number];
            *digit = b'0' + (*digit - b'0' + 1 + step % 9) % 10;
        } else {
            guess = digits.map(|byte| b'0' + byte % 10);
        }
        let frame = encode(&Request::Unlock { pin: text(&guess) }, 1);
        if guess != PIN && frame.is_one_block() {
            return guess;
        }
    }
}

#[derive(PartialEq, Eq)]
enum Answer {
    Done,
    /// With one try spent.
    WrongPin,
    Other,
}

/// Starts a token on this flash, says hello, makes the request, and tells how many instructions
/// that took and what the answer was.
fn ask(flash: &mut [u8], request: &Request<'_>) -> (u64, Answer) {
    let line = Line {
        requests: [encode(&Request::Hello, 0), encode(request, 1)],
        sent: Cell::new(0),
        start: Cell::new(Moment::now()),
        end: Cell::new(Moment::now()),
        answer: RefCell::new(FrameReader::new()),
    };
    let mut token = Token::new(Ports::<Memory<'_>> {
        serial: &line,
        entropy: ChaCha8Rng::seed_from_u64(1),
        flash: NorModel::new(flash),
        presence: Yes,
        clock: Stopped,
        device_secret: Zeroizing::new([5; 32]),
        ceremony: false,
    });
    token.serve();
    let count = line.end.get().since(line.start.get());
    (count, line.answer())
}

/// The host's side of the line: says hello, makes one request, and goes.
struct Line {
    requests: [Frame; 2],
    sent: Cell<usize>,
    /// When the last request was handed over.
    start: Cell<Moment>,
    /// When the last byte of the last answer had come.
    end: Cell<Moment>,
    answer: RefCell<FrameReader<128>>,
}

impl Line {
    fn answer(&self) -> Answer {
        let mut reader = self.answer.borrow_mut();
        let (_, message) = reader.frame().expect("the token answers with frames");
        match postcard::from_bytes(message) {
            Ok(Response::Done) => Answer::Done,
            Ok(Response::Error(TokenError::WrongPin { tries_left }))
                if tries_left == TRIES_MAX - 1 =>
            {
                Answer::WrongPin
            }
            _ => Answer::Other,
        }
    }
}

impl ErrorType for &Line {
    type Error = Infallible;
}

impl Read for &Line {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let sent = self.sent.get();
        let Some(Frame { bytes: frame, len }) = self.requests.get(sent) else {
            return Ok(0);
        };
        bytes[..*len].copy_from_slice(&frame[..*len]);
        self.sent.set(sent + 1);
        self.answer.borrow_mut().clear();
        self.start.set(Moment::now());
        Ok(*len)
    }
}

impl ReadReady for &Line {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(false)
    }
}

impl Write for &Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let mut answer = self.answer.borrow_mut();
        for byte in bytes {
            answer.push(*byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.end.set(Moment::now());
        Ok(())
    }
}

/// A frame with its delimiter.
struct Frame {
    bytes: [u8; FRAME_LEN],
    len: usize,
}

impl Frame {
    /// Whether nothing in it was zero before it was encoded: the first byte is then its length.
    fn is_one_block(&self) -> bool {
        usize::from(self.bytes[0]) == self.len - 1
    }
}

fn text(pin: &[u8]) -> &str {
    core::str::from_utf8(pin).expect("digits are ASCII")
}

fn encode(request: &Request<'_>, number: u8) -> Frame {
    let header = FrameHeader {
        version: VERSION_CURRENT,
        session: [9; 8],
        // Without a zero byte, see `Frame::is_one_block`.
        id: u32::from_be_bytes([1, 1, 1, 1 + number]),
    };
    let (mut message, mut bytes) = ([0; FRAME_LEN], [0; FRAME_LEN]);
    let message = postcard::to_slice(request, &mut message).expect("a PIN is short");
    let len = frame::encode(&header, message, &mut bytes).expect("a PIN is short");
    Frame { bytes, len }
}

/// A token in memory, whose button is always pressed.
struct Memory<'a>(PhantomData<&'a ()>);

impl<'a> Platform for Memory<'a> {
    type Serial = &'a Line;
    type Entropy = ChaCha8Rng;
    type Flash = NorModel<&'a mut [u8]>;
    type Presence = Yes;
    type Clock = Stopped;

    const TRUE_RANDOM: bool = false;
    const STORE: Range<u32> = 0..FLASH_LEN;
    /// Each round is like the next, and their number is public.
    const PIN_COST: u32 = 4;
}

struct Yes;

impl Presence for Yes {
    fn ask(&mut self, _: &Prompt<'_>) {}
    fn poll(&mut self) -> Option<bool> {
        Some(true)
    }
    fn done(&mut self) {}
    fn show(&mut self, _: &Notice<'_>) {}
}

struct Stopped;

impl DelayNs for Stopped {
    fn delay_ns(&mut self, _: u32) {}
}

impl Clock for Stopped {
    fn now_ms(&mut self) -> u64 {
        0
    }
}
