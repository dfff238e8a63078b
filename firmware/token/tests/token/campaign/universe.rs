//! A token whose power fails, beside all models that explain what was seen of it.
//!
//! Without power cuts that is one model. A command that was cut short may have come to any point
//! of its path; what is seen afterwards must leave one again, and of what was ever said, not a bit
//! may change.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::OnceLock};

use core_nostd::{
    ids::{BookId, Handle, WriterId},
    keys::{Nonce, PublicKey},
    tag::{Cut as CutMac, LastPosition, Range},
    wire::{
        AuditEvent, Policy, Posting, Request, Response, Rules, SignedEntry, State, TokenError,
        audit::chain, take,
    },
};
use firmware_token::nor::power::Tear;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::{
    model::{Command, Kind, Model, PINS, Shape},
    tally::Tally,
};
use crate::{
    bench::{Bench, ChipState, DiceState, EVERYTHING, RULES, Reply, frame, provision},
    ledger::{S, Sum, release_balance, release_total},
};

/// Where the power fails: in the operation of the flash after so many others.
#[derive(Clone, Copy, Debug)]
pub struct PowerCut {
    pub after: u32,
    pub tear: Tear,
}

/// Everything that a token has ever said, by what it is about. Said again, it must be the same.
#[derive(Default)]
struct Said {
    before: Option<Rc<Said>>,
    words: HashMap<Topic, Vec<u8>>,
}

/// A token to begin with.
#[derive(Clone)]
pub struct Frozen {
    bytes: Vec<u8>,
    model: Model,
    said: Rc<Said>,
    opened: HashMap<u64, i64>,
    tally: Rc<RefCell<Tally>>,
}

impl Frozen {
    /// How many pages of the ring have anything in them.
    pub fn used_pages<const PAGE: usize>(&self) -> usize {
        let ring = self.bytes.chunks(PAGE).skip(1);
        ring.filter(|page| page.iter().any(|byte| *byte != 0xff))
            .count()
    }

    /// Makes an old ring of a young one, as if every other page were full of records that newer
    /// ones have replaced: what is live is in the newest page, at this place, and in the oldest
    /// pages, which are compacted next. In a real old ring a start would read all those records.
    #[must_use]
    pub fn aged<const PAGE: usize>(&self, place: usize) -> Self {
        let (notes, ring) = self.bytes.split_at(PAGE);
        let pages: Vec<&[u8]> = ring.chunks(PAGE).collect();
        let used = self.used_pages::<PAGE>();
        let mut closed = vec![0xff; PAGE];
        closed[..4].fill(0);
        closed[PAGE - 4..].fill(0);
        // The newest, the blank one, the oldest, and those in between.
        let mut aged = vec![pages[used - 1], pages[used]];
        aged.extend(&pages[..used - 1]);
        aged.resize(pages.len(), &closed);
        aged.rotate_right(place % pages.len());
        Self {
            bytes: [notes, &aged.concat()].concat(),
            ..self.clone()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Topic {
    Writer {
        writer: u32,
    },
    Entry {
        writer: u32,
        book: BookId,
        seq: u64,
    },
    Cut {
        writer: u32,
        book: BookId,
        position: u64,
    },
    Statement {
        life: u32,
        number: u64,
    },
    PublicKey {
        life: u32,
        book: BookId,
    },
}

impl Said {
    fn get(&self, topic: &Topic) -> Option<&[u8]> {
        let here = self.words.get(topic).map(Vec::as_slice);
        here.or_else(|| self.before.as_ref()?.get(topic))
    }

    fn hear(&mut self, topic: Topic, words: Vec<u8>) {
        match self.get(&topic) {
            Some(before) => assert_eq!(before, words, "{topic:?} has changed"),
            None => _ = self.words.insert(topic, words),
        }
    }
}

pub struct Universe<const KIB: u32, const PAGE: usize> {
    pub bench: Bench<KIB, PAGE>,
    /// All that explain what was seen; never empty.
    possible: Vec<Model>,
    said: Said,
    /// What each statement that was asked for would open to.
    opened: HashMap<u64, i64>,
    tally: Rc<RefCell<Tally>>,
    /// What was asked for last, for the messages of failed tests.
    trace: Vec<(Command, Option<PowerCut>)>,
}

impl<const KIB: u32, const PAGE: usize> Universe<KIB, PAGE> {
    /// A blank token.
    pub fn new(tally: &Rc<RefCell<Tally>>, seed: u64) -> Self {
        let universe = Self {
            bench: Bench::new(),
            possible: vec![Model::default()],
            said: Said::default(),
            opened: HashMap::new(),
            tally: tally.clone(),
            trace: vec![],
        };
        universe.roll(seed);
        universe
    }

    /// Keeps what the token is now, to be begun with again and again.
    pub fn freeze(self) -> Frozen {
        Frozen {
            bytes: self.bench.flash_bytes(),
            model: self.model().clone(),
            said: Rc::new(self.said),
            opened: self.opened,
            tally: self.tally,
        }
    }

    /// A token as it was frozen, with the power just switched on and with dice of its own.
    pub fn thaw(from: &Frozen, seed: u64) -> Self {
        let bench = Bench::<KIB, PAGE>::new();
        *bench.world.chip.borrow_mut() = ChipState::new(from.bytes.clone());
        let mut universe = Self {
            bench,
            possible: vec![from.model.clone()],
            said: Said {
                before: Some(from.said.clone()),
                words: HashMap::new(),
            },
            opened: from.opened.clone(),
            tally: from.tally.clone(),
            trace: vec![],
        };
        universe.possible.iter_mut().for_each(Model::lock);
        universe.roll(seed);
        universe
    }

    /// What the token is.
    pub fn model(&self) -> &Model {
        assert_eq!(self.possible.len(), 1, "{self:?}");
        &self.possible[0]
    }

    /// Runs a command while the power fails as planned, each cut after the start that follows the
    /// one before; then looks at everything the token shows.
    pub fn step(&mut self, command: Command, plan: &[PowerCut]) {
        let mut plan = plan.iter().copied();
        if self.state() == State::Unlocked {
            self.audit();
        }
        if command.needs_ceremony() {
            self.restart(true);
            if command != Command::Wipe {
                self.wake();
            }
        }
        if let Command::ReleaseOpen(place) = command {
            self.run(Command::PublicKey(place));
        }
        let cut = plan.next();
        self.trace.push((command, cut));
        self.arm(cut);
        self.run(command);
        while self.is_off() {
            let cut = plan.next();
            self.trace.push((Command::Hello, cut));
            self.restart(false);
            self.arm(cut);
            self.look();
        }
        self.bench.world.chip.borrow_mut().nor.restore_power();
    }

    /// Reads and acknowledges the audit log before it is full. Its chain must hold.
    fn audit(&mut self) {
        let reply = self.bench.call(&Request::Status);
        let Response::Status(status) = reply.response() else {
            panic!("{reply:?}");
        };
        let mut end: Option<(u64, [u8; 32])> = None;
        if status.audit_room >= 10 {
            return;
        }
        loop {
            let from = end.map_or(0, |(position, _)| position);
            let reply = self.bench.call(&Request::AuditLog { from });
            let Response::AuditLog {
                first,
                before,
                mut events,
            } = reply.response()
            else {
                panic!("{reply:?}");
            };
            let (mut through, mut hash) = (first, before);
            assert!(end.is_none_or(|end| end == (through, hash)), "{self:?}");
            if events.is_empty() {
                self.bench
                    .done(&Request::AuditAcknowledge { through, hash });
                break;
            }
            while !events.is_empty() {
                let whole = events;
                let event = take::<AuditEvent>(&mut events);
                assert!(event.is_some(), "{self:?}");
                hash = chain(&hash, through, &whole[..whole.len() - events.len()]);
                through += 1;
            }
            end = Some((through, hash));
        }
    }

    /// Unlocks the token, as long as the power lasts.
    pub fn wake(&mut self) {
        self.run(Command::Hello);
        while !self.is_off() && self.state() == State::Locked {
            let pin = self.possible[0].keys.as_ref().expect("it is locked").pin;
            self.run(Command::Unlock(pin));
        }
    }

    /// Asks the token for everything it shows, which must leave one model; or for as much as the
    /// power lasts.
    pub fn look(&mut self) {
        self.wake();
        if self.is_off() || self.state() != State::Unlocked {
            return;
        }
        let mut commands = vec![Command::LastStatement];
        let places = 0..self.possible[0].books().len();
        for place in places.clone() {
            commands.push(Command::Book(place));
            commands.push(Command::PublicKey(place));
            let authenticated = |model: &Model| model.books()[place].kind == Kind::Authenticated;
            if self.possible.iter().all(authenticated) {
                commands.push(Command::LastEntry(place));
            }
        }
        commands.push(Command::Book(places.end));
        self.run_all(&commands);
        if !self.is_off() {
            // A cut whose answer was lost is asked for again, which changes nothing.
            let at_cut = |place: &usize| self.model().books()[*place].is_at_a_cut();
            let cuts: Vec<_> = places.filter(at_cut).map(Command::Cut).collect();
            self.run_all(&cuts);
            let number = self.model().keys.as_ref().map_or(0, |keys| keys.statement);
            if let Some(minor) = self.opened.get(&number).copied() {
                self.bench.done(&Request::ConfirmDecode { number, minor });
            }
        }
    }

    /// Takes the power away and gives it back.
    pub fn restart(&mut self, ceremony: bool) {
        self.bench.reboot_into(ceremony);
        self.possible.iter_mut().for_each(Model::lock);
        self.unite();
    }

    fn state(&self) -> State {
        let state = self.possible[0].state();
        assert!(
            self.possible.iter().all(|model| model.state() == state),
            "{self:?}"
        );
        state
    }

    fn is_off(&self) -> bool {
        self.bench.world.chip.borrow().nor.is_off()
    }

    fn arm(&self, cut: Option<PowerCut>) {
        if let Some(PowerCut { after, tear }) = cut {
            self.bench
                .world
                .chip
                .borrow_mut()
                .cut_power_after(after, tear);
        }
    }

    fn roll(&self, seed: u64) {
        let dice = DiceState::Rolling(Box::new(ChaCha8Rng::seed_from_u64(seed)));
        *self.bench.world.dice.borrow_mut() = dice;
    }

    /// Runs a command once.
    fn run(&mut self, command: Command) {
        let was_off = self.is_off();
        let reply = self.send(command);
        self.notice(command, was_off);
        self.explain(command, &reply);
    }

    /// Runs commands in one conversation.
    fn run_all(&mut self, commands: &[Command]) {
        let Some(first) = commands.first() else {
            return;
        };
        let was_off = self.is_off();
        let mut frames = vec![frame(&self.bench.new_session(), &Request::Hello)];
        for command in commands {
            let header = self.bench.header();
            frames.push(frame(&header, &self.request(*command)));
        }
        let replies = self.bench.serve(&frames);
        assert_eq!(replies.len(), frames.len());
        self.notice(*first, was_off);
        for (command, reply) in commands.iter().zip(&replies[1..]) {
            self.explain(*command, reply);
        }
    }

    /// Counts the cut, if there was one.
    fn notice(&self, command: Command, was_off: bool) {
        if self.is_off() && !was_off {
            let chip = self.bench.world.chip.borrow();
            let cut = self
                .trace
                .last()
                .and_then(|(_, cut)| *cut)
                .expect("it was planned");
            self.tally
                .borrow_mut()
                .count(command, cut.tear, chip.erasing);
        }
    }

    /// Keeps the models that explain an answer. If the power failed, all states on the way are
    /// possible.
    fn explain(&mut self, command: Command, reply: &Reply) {
        let shape = Shape::of(&reply.response());
        let cut_short = self.is_off() && shape == Shape::Refused(TokenError::StorageFailed);
        let mut next = vec![];
        for model in &self.possible {
            let outcome = model.apply(command);
            if cut_short {
                next.push(model.clone());
                next.extend(outcome.path);
            } else if shape == outcome.answer && self.is_writer(model, reply) {
                next.push(
                    outcome
                        .path
                        .into_iter()
                        .last()
                        .unwrap_or_else(|| model.clone()),
                );
            }
        }
        assert!(
            !next.is_empty(),
            "{command:?} was answered with {shape:?}: {self:?}"
        );
        self.possible = next;
        self.unite();
        self.hear(command, reply);
    }

    /// Whether the identifier in an answer to `Hello` may be that of this model: the one it has
    /// always had, or one that was never seen.
    fn is_writer(&self, model: &Model, reply: &Reply) -> bool {
        let Response::Hello(info) = reply.response() else {
            return true;
        };
        let said = |writer| self.said.get(&Topic::Writer { writer });
        match (info.writer, said(model.writer())) {
            (Some(id), Some(before)) => id.0 == before,
            (Some(id), None) => (1..=model.writers).all(|writer| said(writer) != Some(&id.0)),
            (None, _) => model.writer() == 0,
        }
    }

    /// Leaves out what is twice among the possible models.
    fn unite(&mut self) {
        let mut kept: Vec<Model> = vec![];
        for model in self.possible.drain(..) {
            if !kept.contains(&model) {
                kept.push(model);
            }
        }
        self.possible = kept;
    }

    /// Compares an answer with all before.
    fn hear(&mut self, command: Command, reply: &Reply) {
        let Model { life, .. } = self.possible[0];
        let writer = self.possible[0].writer();
        match (reply.response(), command) {
            (Response::Hello(info), _) => {
                if let Some(WriterId(id)) = info.writer {
                    self.said.hear(Topic::Writer { writer }, id.to_vec());
                }
            }
            (
                Response::Posted {
                    writer: id,
                    first_seq,
                    cut,
                    mut entries,
                },
                of,
            ) => {
                let book = self.id(of.place());
                self.said.hear(Topic::Writer { writer }, id.0.to_vec());
                for seq in first_seq.. {
                    let whole = entries;
                    let Some(_) = SignedEntry::next_of(&mut entries) else {
                        break;
                    };
                    let bytes = whole[..whole.len() - entries.len()].to_vec();
                    self.said.hear(Topic::Entry { writer, book, seq }, bytes);
                }
                if let Some(CutMac { position, mac }) = cut {
                    self.said.hear(
                        Topic::Cut {
                            writer,
                            book,
                            position,
                        },
                        mac.to_vec(),
                    );
                }
            }
            (
                Response::Cut {
                    cut: CutMac { position, mac },
                    ..
                },
                of,
            ) => {
                let book = self.id(of.place());
                self.said.hear(
                    Topic::Cut {
                        writer,
                        book,
                        position,
                    },
                    mac.to_vec(),
                );
            }
            (Response::Statement(record), _) => {
                let topic = Topic::Statement {
                    life,
                    number: record.number,
                };
                self.said.hear(topic, reply.message.clone());
            }
            (Response::PublicKey(bytes), of) => {
                let book = self.id(of.place());
                self.said
                    .hear(Topic::PublicKey { life, book }, bytes.to_vec());
            }
            _ => {}
        }
    }

    /// Asks the token, as a host that has the model's idea of it.
    fn send(&mut self, command: Command) -> Reply {
        match command {
            Command::Hello => {
                let hello = frame(&self.bench.new_session(), &Request::Hello);
                self.bench.serve(&[hello]).pop().expect("hello is answered")
            }
            Command::CreateBook(kind) => self.create(kind),
            Command::ReleaseTotal(place) => self.release_total(place),
            Command::ReleaseBalance(place) => self.release_balance(place),
            Command::ReleaseOpen(place) => self.release_open(place),
            _ => {
                let request = self.request(command);
                self.bench.call(&request)
            }
        }
    }

    /// The request for a command that borrows nothing.
    fn request(&self, command: Command) -> Request<'static> {
        let index = |place| u8::try_from(place).expect("few books");
        let pin = self.possible[0].keys.as_ref().map_or("", |keys| keys.pin);
        match command {
            Command::Provision => provision(PINS[0]),
            Command::Unlock(pin) => Request::Unlock { pin },
            Command::ChangePin(new) => Request::ChangePin { old: pin, new },
            Command::Wipe => Request::Wipe,
            Command::NewWriter => Request::NewWriter,
            Command::SetPolicy(open_sums) => Request::SetPolicy {
                policy: Policy {
                    open_sums,
                    ..EVERYTHING
                },
            },
            Command::Restore => Request::Restore {
                pin: PINS[0],
                policy: EVERYTHING,
                shares: shares(),
            },
            Command::Book(place) => Request::Book {
                index: index(place),
            },
            Command::LastEntry(place) => Request::LastEntry {
                book: self.id(place),
            },
            Command::PublicKey(place) => Request::PublicKey {
                book: self.id(place),
            },
            Command::LastStatement => Request::LastStatement,
            Command::Cut(place) => Request::Cut {
                book: self.id(place),
            },
            Command::Post(place, count) => {
                self.posting(place, self.model().books()[place].next_seq, count)
            }
            Command::PostAgain(place) => {
                let book = &self.model().books()[place];
                self.posting(place, book.first(), book.replied)
            }
            other => panic!("{other:?} is sent in a way of its own"),
        }
    }

    fn create(&mut self, kind: Kind) -> Reply {
        let place = self.model().books().len();
        let name = name(place);
        let rules = rules(kind, &name);
        let mut x = [1; 32];
        x[0] += u8::try_from(place).expect("few books");
        self.bench.call(&match kind {
            Kind::Imported => Request::ImportBook { rules, x: &x[..] },
            _ => Request::CreateBook { rules },
        })
    }

    fn posting(&self, place: usize, first: u64, count: u64) -> Request<'static> {
        let book = self.id(place);
        let posting = |seq: u64| Posting {
            account: account(seq),
            prev: (!seq.is_multiple_of(ACCOUNT_LEN) && seq == first).then(|| seq - 1),
            minor: minor(seq),
        };
        match count {
            1 => Request::Post {
                book,
                expected_seq: first,
                posting: posting(first),
            },
            _ => Request::PostBatch {
                book,
                expected_seq: first,
                postings: (first..first + count).map(posting).collect(),
            },
        }
    }

    fn release_total(&mut self, place: usize) -> Reply {
        let (book, to) = (self.id(place), self.model().books()[place].last_cut);
        let writer = self.model().writer();
        let cut = |position| {
            let mac = self.said.get(&Topic::Cut {
                writer,
                book,
                position,
            })?;
            Some(CutMac {
                position,
                mac: mac.try_into().expect("16 bytes"),
            })
        };
        let before = (1..to).rev().find_map(cut).unwrap_or(CutMac::START);
        let range = Range {
            writer: self.writer(),
            from: before,
            to: cut(to).expect("the host has heard of it"),
        };
        let sum = self.sum(book, before.position..to, |entry| entry.tag);
        self.open_to((before.position..to).map(minor).sum());
        release_total(book, &[range], &sum, |request| self.bench.call(request))
    }

    fn release_balance(&mut self, place: usize) -> Reply {
        let (book, next) = (self.id(place), self.model().books()[place].next_seq);
        let from = (next - 1) / ACCOUNT_LEN * ACCOUNT_LEN;
        let writer = self.writer();
        let last = LastPosition {
            writer,
            seq: Some(next - 1),
        };
        let sum = self.sum(book, from..next, |entry| entry.account_tag);
        self.open_to((from..next).map(minor).sum());
        let last = [last].into_iter().collect();
        release_balance(book, &account(from), last, &sum, |request| {
            self.bench.call(request)
        })
    }

    fn release_open(&mut self, place: usize) -> Reply {
        let (book, life) = (self.id(place), self.model().life);
        let key = self
            .said
            .get(&Topic::PublicKey { life, book })
            .expect("it was looked at");
        let key = PublicKey::<S>::from_bytes(key).expect("a key");
        let nonce = Nonce::random(&mut ChaCha8Rng::seed_from_u64(5));
        let (c1, c2) = key.encrypt(-77, nonce).to_bytes();
        self.open_to(-77);
        let (c1, c2) = (c1.as_ref(), c2.as_ref());
        self.bench.call(&Request::ReleaseOpen {
            book,
            count: 1,
            c1,
            c2,
        })
    }

    /// Remembers what the next statement opens to.
    fn open_to(&mut self, minor: i64) {
        let number = self.model().keys.as_ref().map_or(0, |keys| keys.statement) + 1;
        self.opened.insert(number, minor);
    }

    fn sum(
        &self,
        book: BookId,
        positions: std::ops::Range<u64>,
        tag: impl for<'e> Fn(&SignedEntry<'e>) -> &'e [u8],
    ) -> Sum {
        let writer = self.model().writer();
        let parts = positions.map(|seq| {
            let mut bytes = self
                .said
                .get(&Topic::Entry { writer, book, seq })
                .expect("it was heard");
            let entry = SignedEntry::next_of(&mut bytes).expect("an entry");
            Sum::from_bytes(entry.c1, entry.c2, tag(&entry)).expect("elements")
        });
        parts.fold(Sum::zero(), |sum, part| sum + part)
    }

    fn writer(&self) -> WriterId {
        let writer = self.model().writer();
        let id = self
            .said
            .get(&Topic::Writer { writer })
            .expect("it has said hello");
        WriterId(id.try_into().expect("16 bytes"))
    }

    fn id(&self, place: usize) -> BookId {
        let kind = self.possible[0].books()[place].kind;
        rules(kind, &name(place)).check().expect("good rules").id()
    }
}

impl<const KIB: u32, const PAGE: usize> std::fmt::Debug for Universe<KIB, PAGE> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.trace.len().saturating_sub(12);
        write!(
            f,
            "possible: {:#?}\nafter {:#?}",
            self.possible,
            &self.trace[last..]
        )
    }
}

/// The one share that brings a seed back.
fn shares() -> &'static [u8] {
    static SHARES: OnceLock<Vec<u8>> = OnceLock::new();
    SHARES.get_or_init(|| {
        let mut bench = Bench::<128>::new();
        bench.reboot_into(true);
        bench.done(&provision(PINS[0]));
        let (threshold, shares) = (1, 1);
        match bench
            .call(&Request::Backup { threshold, shares })
            .response()
        {
            Response::Shares(shares) => shares.to_vec(),
            other => panic!("{other:?}"),
        }
    })
}

/// Each account has so many entries, one after the other.
const ACCOUNT_LEN: u64 = 3;

fn account(seq: u64) -> Handle {
    let mut handle = [7; 32];
    handle[..8].copy_from_slice(&(seq / ACCOUNT_LEN).to_be_bytes());
    Handle(handle)
}

fn minor(seq: u64) -> i64 {
    i64::try_from(seq % 17).expect("small") - 5
}

fn name(place: usize) -> String {
    format!("book {place}")
}

fn rules(kind: Kind, name: &str) -> Rules<'_> {
    let kind = if kind == Kind::Authenticated { 1 } else { 2 };
    Rules {
        kind,
        name,
        ..RULES
    }
}
