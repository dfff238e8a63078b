//! The host: makes requests out of steps, lets token and model answer, and compares.

use std::collections::BTreeMap;

use core_nostd::{
    backup::Share,
    ciphertext::Ciphertext,
    ids::{BookId, Handle, WriterId},
    keys::{Nonce, PublicKey},
    wire::{Policy, Posting, Request, Response, Rules},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::{
    claim::Claim,
    model::{Book, Circumstances, Model},
    step::{Action, LEN, Person, Step},
};
use crate::{
    bench::{self, Bench, EVERYTHING, PIN, RULES},
    ledger::{S, public_key},
};

const OPEN: Rules<'static> = Rules {
    kind: 2,
    name: "open",
    ..RULES
};

/// The first book of each token, with short segments.
const LEDGER: Rules<'static> = Rules {
    min_entries: 2,
    ..RULES
};

/// Rules of books, three of them good.
pub const BOOKS: [Rules<'static>; 5] = [
    LEDGER,
    OPEN,
    Rules {
        currency: *b"USD",
        min_entries: 1,
        ..RULES
    },
    Rules { cap: 0, ..RULES },
    Rules { suite: 2, ..RULES },
];

const PINS: [&str; 4] = [PIN, "654321", "päßwörtchen", "12345"];
const NIDS: [&str; 3] = ["ALICE1", "bob 22", "?"];

/// The longest sequence that is run, in bytes.
pub const LEN_MAX: usize = 100 * LEN;

/// Runs a sequence on a new token and returns what was asked.
pub fn run(bytes: &[u8]) -> Tally {
    Driver::new().run(bytes)
}

/// By the name of a request, how often it was done and how often refused.
pub type Tally = BTreeMap<String, [u32; 2]>;

/// A host with a token before it.
pub struct Driver {
    pub(super) bench: Bench<128>,
    pub(super) model: Model,
    /// Every entry that was ever signed.
    pub(super) signed: BTreeMap<(WriterId, BookId, u64), Vec<u8>>,
    /// As many of the last shares that were made as bring the seed back.
    pub(super) shares: Vec<u8>,
    /// The message of the last posting.
    pub(super) posted: Vec<u8>,
    pub(super) tally: Tally,
}

impl Driver {
    /// A treasury in ceremony mode, unlocked, with a book.
    pub fn new() -> Self {
        let mut bench = Bench::new();
        bench.reboot_into(true);
        let info = bench.info();
        let mut driver = Self {
            bench,
            model: Model {
                ceremony: true,
                batch_len_max: usize::from(info.batch_len_max),
                ..Model::default()
            },
            signed: BTreeMap::new(),
            shares: Vec::new(),
            posted: Vec::new(),
            tally: Tally::new(),
        };
        let known = Circumstances::default();
        driver.ask(&bench::provision(PIN), Person::Yes, known);
        let known = Circumstances::default();
        driver.ask(&Request::CreateBook { rules: LEDGER }, Person::Yes, known);
        driver
    }

    /// Takes all steps and returns what was asked.
    pub fn run(mut self, bytes: &[u8]) -> Tally {
        let (steps, _) = bytes[..bytes.len().min(LEN_MAX)].as_chunks::<LEN>();
        for step in steps {
            let step = Step::from_bytes(*step);
            self.step(step);
            self.compare(step);
        }
        self.tally
    }

    fn step(&mut self, step: Step) {
        let [a, b, ..] = step.numbers;
        match step.action {
            Action::Restart => {
                self.model.ceremony = a % 2 == 0;
                self.bench.reboot_into(self.model.ceremony);
                if let Some(keys) = &mut self.model.keys {
                    keys.unlocked = false;
                }
            }
            Action::Noise | Action::Malformed | Action::Stale => self.disturb(step),
            Action::Provision | Action::Restore | Action::Unlock | Action::ChangePin => {
                self.with_pin(step);
            }
            Action::ReleaseTotal | Action::ReleaseBalance => self.claim(step),
            Action::ReleaseOpen => self.claim_open(step),
            Action::Post | Action::PostBatch => self.post(step),
            Action::PostAgain => {
                let message = std::mem::take(&mut self.posted);
                if let Ok(request) = postcard::from_bytes(&message) {
                    self.simply(&request, step.person);
                }
            }
            Action::CreateBook => {
                let rules = BOOKS[usize::from(a) % BOOKS.len()];
                self.simply(&Request::CreateBook { rules }, step.person);
            }
            Action::SetPolicy => {
                let policy = policy(a);
                self.simply(&Request::SetPolicy { policy }, step.person);
            }
            Action::Backup => {
                let (threshold, shares) = [(2, 3), (1, 1), (3, 2), (1, 2)][usize::from(a) % 4];
                self.simply(&Request::Backup { threshold, shares }, step.person);
            }
            Action::Lock => self.simply(&Request::Lock, step.person),
            Action::Wipe => self.simply(&Request::Wipe, step.person),
            Action::NewWriter => self.simply(&Request::NewWriter, step.person),
            Action::LastStatement => self.simply(&Request::LastStatement, step.person),
            Action::ConfirmDecode => {
                let last = self.keys().and_then(|keys| keys.statement.as_ref());
                let (number, minor) = last.map_or((1, 0), |last| (last.number, last.minor));
                let request = Request::ConfirmDecode {
                    number: number.wrapping_add(u64::from(a % 4 == 0)),
                    minor: minor.wrapping_add(i64::from(b % 4 == 0)),
                };
                self.simply(&request, step.person);
            }
            Action::Book => self.simply(&Request::Book { index: a % 4 }, step.person),
            _ => self.about_a_book(step),
        }
    }

    fn about_a_book(&mut self, step: Step) {
        let [a, b, c, ..] = step.numbers;
        let book = self.book_id(a);
        let nid = NIDS[usize::from(b) % NIDS.len()];
        match step.action {
            Action::Handle => self.simply(&Request::Handle { book, nid }, step.person),
            Action::LastEntry => self.simply(&Request::LastEntry { book }, step.person),
            Action::Cut => self.simply(&Request::Cut { book }, step.person),
            Action::PublicKey => self.simply(&Request::PublicKey { book }, step.person),
            Action::RevealNid => {
                let reply = self.bench.call(&Request::Handle { book, nid });
                let (mut account, mut sealed) = (Handle([1; 32]), vec![7; 50]);
                if let Response::Handle { handle, sealed_nid } = reply.response() {
                    (account, sealed) = (handle, sealed_nid.to_vec());
                }
                let box_is_good = reply.error().is_none() && c % 4 > 0;
                if !box_is_good {
                    let at = usize::from(c) % sealed.len();
                    sealed[at] ^= 1;
                }
                let request = Request::RevealNid {
                    book,
                    account,
                    sealed_nid: &sealed,
                };
                let known = Circumstances {
                    nid_in_box: Some(nid).filter(|_| box_is_good),
                    ..Circumstances::default()
                };
                self.ask(&request, step.person, known);
            }
            other => panic!("{other:?} has no arm"),
        }
    }

    fn with_pin(&mut self, step: Step) {
        let [a, b, c, ..] = step.numbers;
        let pins = [a, b].map(|number| match (number, self.keys()) {
            (0..192, Some(keys)) => keys.pin.clone(),
            _ => PINS[usize::from(number) % PINS.len()].to_owned(),
        });
        let [pin, new] = pins.each_ref().map(String::as_str);
        let new = if c % 2 == 0 {
            new
        } else {
            PINS[usize::from(c / 2) % PINS.len()]
        };
        let policy = if b < 192 { EVERYTHING } else { policy(c) };
        let mut shares = self.shares.clone();
        let request = match step.action {
            Action::Provision => Request::Provision { pin, policy },
            Action::Unlock => Request::Unlock { pin },
            Action::ChangePin => Request::ChangePin { old: pin, new },
            _ => {
                if c % 4 == 0 {
                    shares.pop();
                }
                Request::Restore {
                    pin,
                    policy,
                    shares: &shares,
                }
            }
        };
        let known = Circumstances {
            shares_are_good: !shares.is_empty() && shares.len().is_multiple_of(Share::SEED_BYTES),
            ..Circumstances::default()
        };
        self.ask(&request, step.person, known);
    }

    fn post(&mut self, step: Step) {
        let [a, b, c, d, e, f] = step.numbers;
        let book = self.book_id(a);
        let len = if step.action == Action::Post {
            1
        } else {
            b % 9
        };
        let mut postings = Vec::new();
        for i in 1..=len {
            let account = Handle([c.wrapping_mul(i) % 3; 32]);
            let minor = i64::from(d) * i64::from(i) - 300;
            let mut posting = Posting {
                account,
                prev: None,
                minor: if e == 255 { 5_000 } else { minor },
            };
            posting.prev = match (f, self.model.book(&book)) {
                (0..224, Ok(book)) => book.last(&posting),
                _ => Some(u64::from(f).saturating_sub(220)).filter(|_| f < 250),
            };
            postings.push(posting);
        }
        let next = self.model.book(&book).map_or(0, Book::next_seq);
        let expected_seq = match e {
            0..=7 => next.wrapping_sub(u64::from(e)),
            248..=255 => next + u64::from(e),
            _ => next,
        };
        let request = match postings.as_slice() {
            [posting] if step.action == Action::Post => Request::Post {
                book,
                expected_seq,
                posting: *posting,
            },
            _ => Request::PostBatch {
                book,
                expected_seq,
                postings: postings.iter().copied().collect(),
            },
        };
        self.simply(&request, step.person);
    }

    /// A claim to what the model knows, perhaps with a fault.
    fn claim(&mut self, step: Step) {
        let [a, _, _, d, ..] = step.numbers;
        let book = self.book_id(a);
        let account = Handle([d % 3; 32]);
        let writer = self.keys().map_or(WriterId([1; 16]), |keys| keys.writer);
        let mut claim = Claim::new(step, writer);
        if let Ok(book) = self.model.book(&book) {
            claim.gather(step, book, &account);
        }
        claim.spoil(step);
        let [c1, c2, tag] = claim.elements(step);
        let request = match step.action {
            Action::ReleaseTotal => Request::ReleaseTotal {
                book,
                ranges: claim.ranges(),
                c1: &c1,
                c2: &c2,
                tag: &tag,
            },
            _ => Request::ReleaseBalance {
                book,
                account,
                last: claim.last(),
                c1: &c1,
                c2: &c2,
                account_tag: &tag,
            },
        };
        self.simply(&request, step.person);
    }

    /// A sum of an open book, made as anybody can.
    fn claim_open(&mut self, step: Step) {
        let [a, b, c, d, fault, _] = step.numbers;
        let book = self.book_id(a);
        let minor = i64::from(b) - 100;
        let (mut c1, mut c2) = ([7; 32], [7; 32]);
        if self.model.book(&book).is_ok() {
            let key: PublicKey<S> = public_key(&mut self.bench, book);
            let mut rng = ChaCha8Rng::seed_from_u64(u64::from(c));
            let sum: Ciphertext<S> = key.encrypt(minor, Nonce::random(&mut rng));
            (c1, c2) = sum.to_bytes();
        }
        let is_good = fault < 240;
        let request = Request::ReleaseOpen {
            book,
            count: u64::from(d),
            c1: &c1,
            c2: if is_good { &c2 } else { &c2[1..] },
        };
        let known = Circumstances {
            open_minor: Some(minor).filter(|_| is_good),
            ..Circumstances::default()
        };
        self.ask(&request, step.person, known);
    }
}

/// What a number grants.
fn policy(number: u8) -> Policy {
    Policy {
        totals: number & 1 == 0,
        balances: number & 2 == 0,
        open_sums: number & 4 == 0,
    }
}
