//! A token on a bench: its ports in the hands of a test, and a client of the simplest kind.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    convert::Infallible,
    fmt,
    ops::Range,
    rc::Rc,
};

use core_nostd::{
    ids::BookId,
    wire::{
        FrameHeader, Info, Policy, Request, Response, Rules, TokenError, VERSION_CURRENT,
        frame::{FrameReader, encode},
    },
};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use embedded_storage::nor_flash::{self, NorFlash, ReadNorFlash};
use firmware_token::{
    Clock, DelayNs, Notice, Platform, Ports, Presence, Prompt, Token, Zeroizing,
    nor::{
        NorError,
        power::{Failing, Tear},
    },
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_core::{Rng, TryCryptoRng, TryRng};

/// The PIN of every bench.
pub const PIN: &str = "123456";

/// What the tokens on the bench may open.
pub const EVERYTHING: Policy = Policy {
    totals: true,
    balances: true,
    open_sums: true,
};

/// A book of few rules: a cut every four entries, amounts up to a thousand.
pub const RULES: Rules<'static> = Rules {
    suite: 1,
    kind: 1,
    currency: *b"EUR",
    scale: 2,
    cap: 1000,
    min_entries: 4,
    name: "savings",
};

/// The platform of a bench with a store of `KIB` KiB in pages of `PAGE` bytes.
pub struct Simulated<const KIB: u32, const PAGE: usize = 4096>;

impl<const KIB: u32, const PAGE: usize> Platform for Simulated<KIB, PAGE> {
    type Serial = Wire;
    type Entropy = Dice;
    type Flash = Chip<PAGE>;
    type Presence = Button;
    type Clock = Watch;

    const TRUE_RANDOM: bool = false;
    const STORE: Range<u32> = 0..KIB * 1024;
    const PIN_COST: u32 = 1;
}

/// What lies around the token and outlives its power.
#[derive(Clone)]
pub struct World<const PAGE: usize = 4096> {
    pub chip: Rc<RefCell<ChipState<PAGE>>>,
    pub wire: Rc<RefCell<WireState>>,
    pub button: Rc<RefCell<ButtonState>>,
    pub dice: Rc<RefCell<DiceState>>,
    pub now_ms: Rc<Cell<u64>>,
}

/// A token, its world, and a client.
pub struct Bench<const KIB: u32 = 1024, const PAGE: usize = 4096> {
    pub world: World<PAGE>,
    pub token: Token<Simulated<KIB, PAGE>>,
    ids: u32,
    sessions: u64,
}

impl<const KIB: u32, const PAGE: usize> Bench<KIB, PAGE> {
    /// A token fresh from the factory.
    pub fn new() -> Self {
        let now_ms = Rc::new(Cell::new(0));
        let bytes = vec![0xff; KIB as usize * 1024];
        let world = World {
            chip: Rc::new(RefCell::new(ChipState::new(bytes))),
            wire: Rc::default(),
            button: Rc::default(),
            dice: Rc::new(RefCell::new(DiceState::Rolling(Box::new(
                ChaCha8Rng::seed_from_u64(1),
            )))),
            now_ms,
        };
        Self::in_world(world, false)
    }

    /// A token that was provisioned and is unlocked.
    pub fn unlocked() -> Self {
        let mut bench = Self::new();
        bench.done(&provision(PIN));
        bench
    }

    /// The token that wakes up in this world.
    pub fn in_world(world: World<PAGE>, ceremony: bool) -> Self {
        let ports = Ports {
            serial: Wire(world.wire.clone(), world.now_ms.clone()),
            entropy: Dice(world.dice.clone()),
            flash: Chip(world.chip.clone()),
            presence: Button(world.button.clone()),
            clock: Watch(world.now_ms.clone()),
            device_secret: Zeroizing::new([9; 32]),
            ceremony,
        };
        Self {
            world,
            token: Token::new(ports),
            ids: 1,
            sessions: 1,
        }
    }

    /// Takes the power away and gives it back.
    pub fn reboot(&mut self) {
        self.reboot_into(false);
    }

    /// Like [`Self::reboot`], perhaps with the button held.
    pub fn reboot_into(&mut self, ceremony: bool) {
        self.world.chip.borrow_mut().nor.restore_power();
        let sessions = self.sessions;
        *self = Self::in_world(self.world.clone(), ceremony);
        self.sessions = sessions;
    }

    /// The header of the next request of a session of its own.
    pub fn header(&mut self) -> FrameHeader {
        self.ids += 1;
        FrameHeader {
            version: VERSION_CURRENT,
            session: self.sessions.to_be_bytes(),
            id: self.ids,
        }
    }

    /// Begins a session that no frame before belongs to.
    pub fn new_session(&mut self) -> FrameHeader {
        self.sessions += 1;
        self.header()
    }

    /// The session that begins so many sessions from now.
    pub fn session_after(&self, sessions: u64) -> [u8; 8] {
        (self.sessions + sessions).to_be_bytes()
    }

    /// Lets the token serve a client that sends these frames and leaves; what it answers.
    pub fn serve(&mut self, frames: &[Vec<u8>]) -> Vec<Reply> {
        let now = self.world.now_ms.get();
        let frames = frames.iter().map(|frame| (now, frame.clone()));
        self.world.wire.borrow_mut().input.extend(frames);
        self.token.serve();
        let sent = std::mem::take(&mut self.world.wire.borrow_mut().output);
        Reply::all(&sent)
    }

    /// Says hello, sends a request, and returns the last answer.
    pub fn call(&mut self, request: &Request<'_>) -> Reply {
        let hello = frame(&self.new_session(), &Request::Hello);
        let header = self.header();
        let mut replies = self.serve(&[hello, frame(&header, request)]);
        let reply = replies.pop().expect("the token answers");
        assert_eq!(reply.header, header);
        assert!(!replies.is_empty(), "hello was answered, too");
        reply
    }

    /// Like [`Self::call`], in the session of the call before.
    pub fn go_on(&mut self, request: &Request<'_>) -> Reply {
        let hello = frame(&self.header(), &Request::Hello);
        let header = self.header();
        let mut replies = self.serve(&[hello, frame(&header, request)]);
        replies.pop().expect("the token answers")
    }

    /// Sends a request that is answered with `Done`.
    pub fn done(&mut self, request: &Request<'_>) {
        assert_eq!(self.call(request).response(), Response::Done, "{request:?}");
    }

    /// Sends a request that is refused.
    pub fn refusal(&mut self, request: &Request<'_>) -> TokenError {
        self.call(request)
            .error()
            .unwrap_or_else(|| panic!("{request:?} was not refused"))
    }

    /// What the token says of itself.
    pub fn info(&mut self) -> Info {
        let hello = frame(&self.new_session(), &Request::Hello);
        match self
            .serve(&[hello])
            .pop()
            .expect("hello is answered")
            .response()
        {
            Response::Hello(info) => info,
            other => panic!("{other:?}"),
        }
    }

    /// Creates a book.
    pub fn book(&mut self, rules: Rules<'_>) -> BookId {
        match self.call(&Request::CreateBook { rules }).response() {
            Response::Book(info) => info.book,
            other => panic!("{other:?}"),
        }
    }

    /// A new world whose flash is as this one's is now.
    pub fn world_again(&self) -> World<PAGE> {
        let world = Self::new().world;
        *world.chip.borrow_mut() = ChipState::new(self.flash_bytes());
        world
    }

    /// Whether nothing is in the flash but the head and one event of the audit log.
    pub fn is_wiped(&self) -> bool {
        let flash = self.flash_bytes();
        let written = flash.iter().filter(|byte| **byte != 0xff).count();
        (1..200).contains(&written)
    }

    /// The whole flash as it is.
    pub fn flash_bytes(&self) -> Vec<u8> {
        self.world.chip.borrow().nor.bytes().to_vec()
    }
}

/// A request to make keys that may open everything.
pub fn provision(pin: &str) -> Request<'_> {
    Request::Provision {
        pin,
        policy: EVERYTHING,
    }
}

/// The bytes of a request in a frame.
pub fn frame(header: &FrameHeader, request: &Request<'_>) -> Vec<u8> {
    let mut message = vec![0; 8192];
    let message = postcard::to_slice(request, &mut message).expect("it fits");
    raw_frame(header, message)
}

/// The bytes of a frame around any message.
pub fn raw_frame(header: &FrameHeader, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 2 * message.len() + 64];
    let len = encode(header, message, &mut bytes).expect("it fits");
    bytes.truncate(len);
    bytes
}

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    pub header: FrameHeader,
    pub message: Vec<u8>,
}

impl Reply {
    pub fn response(&self) -> Response<'_> {
        let (response, rest) = postcard::take_from_bytes(&self.message).expect("an answer");
        assert!(rest.is_empty());
        response
    }

    pub fn error(&self) -> Option<TokenError> {
        match self.response() {
            Response::Error(error) => Some(error),
            _ => None,
        }
    }

    /// The frames in the output of a token, every byte of which belongs to one.
    pub fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut reader = FrameReader::<8192>::new();
        let mut replies = Vec::new();
        while let Some((byte, rest)) = bytes.split_first() {
            bytes = rest;
            if reader.push(*byte) {
                let (header, message) = reader.frame().expect("the token sends good frames");
                let message = message.to_vec();
                replies.push(Self { header, message });
            }
        }
        replies
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} to {}", self.response(), self.header.id)
    }
}

/// Bytes on the line, each batch from its time on.
#[derive(Default)]
pub struct WireState {
    pub input: VecDeque<(u64, Vec<u8>)>,
    pub output: Vec<u8>,
}

/// The serial port. A read waits for what is still to come, and ends when nothing is.
pub struct Wire(Rc<RefCell<WireState>>, Rc<Cell<u64>>);

impl ErrorType for Wire {
    type Error = Infallible;
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let mut state = self.0.borrow_mut();
        let Some((time, mut batch)) = state.input.pop_front() else {
            return Ok(0);
        };
        self.1.set(self.1.get().max(time));
        let len = batch.len().min(bytes.len());
        let rest = batch.split_off(len);
        if !rest.is_empty() {
            state.input.push_front((time, rest));
        }
        bytes[..len].copy_from_slice(&batch);
        Ok(len)
    }
}

impl ReadReady for Wire {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        let now = self.1.get();
        let state = self.0.borrow();
        Ok(state.input.front().is_some_and(|(time, _)| *time <= now))
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The flash and how often it was changed.
pub struct ChipState<const PAGE: usize = 4096> {
    pub nor: Failing<Vec<u8>, PAGE>,
    pub operations: u32,
    pub erases: u32,
    /// How often each page was erased.
    pub wear: Vec<u32>,
    /// Whether the last operation was an erase.
    pub erasing: bool,
}

impl<const PAGE: usize> ChipState<PAGE> {
    /// A flash with this content that was never changed.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            wear: vec![0; bytes.len() / PAGE],
            nor: Failing::new(bytes),
            operations: 0,
            erases: 0,
            erasing: false,
        }
    }

    pub fn cut_power_after(&mut self, operations: u32, tear: Tear) {
        self.nor.cut_power_after(operations, tear);
    }
}

pub struct Chip<const PAGE: usize = 4096>(Rc<RefCell<ChipState<PAGE>>>);

impl<const PAGE: usize> nor_flash::ErrorType for Chip<PAGE> {
    type Error = NorError;
}

impl<const PAGE: usize> ReadNorFlash for Chip<PAGE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        self.0.borrow_mut().nor.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.borrow().nor.capacity()
    }
}

impl<const PAGE: usize> NorFlash for Chip<PAGE> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        let mut state = self.0.borrow_mut();
        state.operations += 1;
        let pages = from as usize / PAGE..to as usize / PAGE;
        for times in state.wear.get_mut(pages).into_iter().flatten() {
            *times += 1;
        }
        state.erases += 1;
        state.erasing = true;
        state.nor.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        let mut state = self.0.borrow_mut();
        state.operations += 1;
        state.erasing = false;
        state.nor.write(offset, bytes)
    }
}

/// A person: what they answer, in turn (otherwise yes), and what they have seen.
#[derive(Default)]
pub struct ButtonState {
    pub answers: VecDeque<Answer>,
    pub asked: Vec<String>,
    pub shown: Vec<String>,
    asking: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Answer {
    Yes,
    No,
    Never,
}

pub struct Button(Rc<RefCell<ButtonState>>);

impl Presence for Button {
    fn ask(&mut self, prompt: &Prompt<'_>) {
        let mut state = self.0.borrow_mut();
        assert!(!state.asking, "one question at a time");
        state.asking = true;
        state.asked.push(prompt.to_string());
    }

    fn poll(&mut self) -> Option<bool> {
        let state = self.0.borrow();
        assert!(state.asking);
        match state.answers.front() {
            None | Some(Answer::Yes) => Some(true),
            Some(Answer::No) => Some(false),
            Some(Answer::Never) => None,
        }
    }

    fn done(&mut self) {
        let mut state = self.0.borrow_mut();
        state.asking = false;
        state.answers.pop_front();
    }

    fn show(&mut self, notice: &Notice<'_>) {
        self.0.borrow_mut().shown.push(notice.to_string());
    }
}

/// A generator that can break.
pub enum DiceState {
    Rolling(Box<ChaCha8Rng>),
    Stuck,
    Silent,
    /// Says the same at every draw, though not the same byte.
    Replaying(u64),
}

pub struct Dice(Rc<RefCell<DiceState>>);

#[derive(Debug)]
pub struct NoDice;

impl fmt::Display for NoDice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no random bytes")
    }
}

impl std::error::Error for NoDice {}

impl TryRng for Dice {
    type Error = NoDice;

    fn try_next_u32(&mut self) -> Result<u32, NoDice> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, NoDice> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), NoDice> {
        match &mut *self.0.borrow_mut() {
            DiceState::Rolling(rng) => rng.fill_bytes(bytes),
            DiceState::Stuck => bytes.fill(0xa5),
            DiceState::Silent => return Err(NoDice),
            DiceState::Replaying(seed) => {
                ChaCha8Rng::seed_from_u64(*seed).fill_bytes(bytes);
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Dice {}

pub struct Watch(Rc<Cell<u64>>);

impl Clock for Watch {
    fn now_ms(&mut self) -> u64 {
        self.0.get()
    }
}

impl DelayNs for Watch {
    fn delay_ns(&mut self, ns: u32) {
        self.delay_ms(ns.div_ceil(1_000_000));
    }

    fn delay_ms(&mut self, ms: u32) {
        self.0.set(self.0.get() + u64::from(ms));
    }
}
