//! A client that asks for anything at any time, and writes down what it was answered.

use std::collections::HashMap;

use core_nostd::ids::{BookId, Handle, WriterId};
use e2e_tests::{
    api::{Api, Refused},
    elements::element,
    history::Interval,
    seed::{ChaCha20Rng, Rng, SeedableRng, below},
};
use host_api::{self as api, EntryOutcome, NextPlace};

use super::{ACCOUNTS, COLUMNS, Ledger, WRITERS};

/// Most entries in a posting: chains become longer than what a server keeps one sum of.
const BATCH_LEN_MAX: usize = 40;
/// One client's entries have numbers from its own number times this on.
const NUMBERS: usize = 1 << 20;

/// An account by number.
pub fn account(number: u8) -> Handle {
    Handle([number; 32])
}

/// A writer by number; the server has the writer of open books for itself.
pub fn writer(number: u8) -> WriterId {
    WriterId([number + 1; 16])
}

/// A request, its answer, and when it was.
pub struct Record {
    /// From before the request to after the answer.
    pub interval: Interval,
    /// The request and its answer.
    pub what: What,
}

/// A request and its answer.
pub enum What {
    /// Entries of one chain.
    Append(Vec<api::Entry>, Vec<EntryOutcome>),
    /// Entries of the open book.
    AppendOpen(Vec<api::OpenEntry>, Vec<EntryOutcome>),
    /// Where a writer's next entry of an account goes.
    NextPlace(WriterId, u8, NextPlace),
    /// Where all chains end.
    Heads(Vec<api::Head>),
    /// Entries of a chain from a position on, at most so many.
    Entries(WriterId, u64, usize, Vec<api::StoredEntry>),
    /// The balance of an account; `None` if it has no entries.
    Balance(u8, Option<api::Balance>),
    /// A cut was kept.
    Cut(WriterId, u64),
    /// The total up to the last cuts; `None` if there are none.
    Total(Option<api::Total>),
    /// The total of the open book; `None` if it has no entries.
    OpenTotal(Option<api::Total>),
}

/// The number of each entry that was made, by its `c1`.
pub type Numbers = HashMap<Vec<u8>, i64>;

/// All that clients know when they are done.
#[derive(Default)]
pub struct Told {
    /// The entries they made.
    pub numbers: Numbers,
    /// What they were answered.
    pub records: Vec<Record>,
}

/// A client.
pub struct Client<'a> {
    ledger: &'a Ledger,
    rng: ChaCha20Rng,
    next_number: usize,
    /// Postings that are worth repeating.
    sent: Vec<Vec<api::Entry>>,
    sent_open: Vec<Vec<api::OpenEntry>>,
    told: Told,
}

impl<'a> Client<'a> {
    /// A client with randomness of its own.
    pub fn new(number: usize, ledger: &'a Ledger, rng: &mut ChaCha20Rng) -> Self {
        Self {
            ledger,
            rng: ChaCha20Rng::seed_from_u64(rng.next_u64()),
            next_number: number * NUMBERS + 1,
            sent: Vec::new(),
            sent_open: Vec::new(),
            told: Told::default(),
        }
    }

    /// All that it knows.
    pub fn into_told(self) -> Told {
        self.told
    }

    /// Does something.
    pub fn one_request(&mut self) {
        let writer = writer(self.number(WRITERS));
        let of = self.number(ACCOUNTS);
        let (book, open) = (self.ledger.book, self.ledger.open);
        match below(&mut self.rng, 16) {
            0..4 => self.post(writer, of),
            4 => self.post_with_gap(writer, of),
            5 => self.repeat(),
            6..8 => self.post_open(),
            8 => {
                self.next_place(writer, of);
            }
            9..11 => self.ask(|api| {
                let heads: api::Heads = ok(api.get(&format!("/v1/books/{book}/heads")));
                What::Heads(heads.heads)
            }),
            11 => {
                let (from, limit) = (below(&mut self.rng, 600), 1 + below(&mut self.rng, 90));
                let path = format!("entries?writer={writer}&from={from}&limit={limit}");
                self.ask(|api| {
                    let text = ok(api.text(&format!("/v1/books/{book}/{path}")));
                    let line = |line| serde_json::from_str(line).expect("an entry");
                    What::Entries(writer, from as u64, limit, text.lines().map(line).collect())
                });
            }
            12 => self.ask(|api| {
                let path = format!("/v1/books/{book}/accounts/{}/balance", account(of));
                What::Balance(of, sum(api.get(&path)))
            }),
            13 => self.cut(writer, of),
            14 => self.ask(|api| What::Total(total(api, book))),
            _ => self.ask(|api| What::OpenTotal(total(api, open))),
        }
    }

    /// Asks one of the servers and writes down when that was.
    fn ask(&mut self, request: impl FnOnce(&Api) -> What) {
        let which = below(&mut self.rng, self.ledger.servers.len());
        let begin = self.ledger.clock.read();
        let what = request(&self.ledger.servers[which]);
        let end = self.ledger.clock.read();
        let interval = Interval { begin, end };
        self.told.records.push(Record { interval, what });
    }

    fn next_place(&mut self, writer: WriterId, of: u8) -> NextPlace {
        let path = format!("accounts/{}?writer={writer}", account(of));
        let path = format!("/v1/books/{}/{path}", self.ledger.book);
        let mut place = None;
        self.ask(|api| {
            let account: api::Account = ok(api.get(&path));
            let next = account.next.expect("a writer was asked about");
            place = Some(next);
            What::NextPlace(writer, of, next)
        });
        place.expect("it was answered")
    }

    /// Posts where the chain ends, or ended when it was asked about.
    fn post(&mut self, writer: WriterId, of: u8) {
        let place = self.next_place(writer, of);
        let batch = self.batch(writer, of, place);
        self.sent.push(batch.clone());
        self.append(batch);
    }

    /// Posts beyond the end; not to be repeated, since its links are made up.
    fn post_with_gap(&mut self, writer: WriterId, of: u8) {
        let place = self.next_place(writer, of);
        let distance = 1 + self.rng.next_u64() % 9;
        let next_seq = place.next_seq + distance;
        let batch = self.batch(writer, of, NextPlace { next_seq, ..place });
        self.append(batch);
    }

    /// Posts a batch again, whole or in part, or with more at its end.
    fn repeat(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let which = below(&mut self.rng, self.sent.len());
        let mut batch = self.sent[which].clone();
        if below(&mut self.rng, 2) == 0 {
            batch.remove(0);
        }
        if let Some(last) = batch.last().cloned() {
            let writer = WriterId::from_hex(&last.writer).expect("a writer");
            let of = Handle::from_hex(&last.account).expect("an account").0[0];
            let place = NextPlace {
                next_seq: last.seq + 1,
                prev: Some(last.seq),
            };
            batch.extend(self.batch(writer, of, place));
            self.append(batch);
        }
    }

    fn append(&mut self, batch: Vec<api::Entry>) {
        let path = format!("/v1/books/{}/entries", self.ledger.book);
        self.ask(|api| {
            let body = api::AppendEntries {
                entries: batch.clone(),
            };
            What::Append(batch, outcomes(api.post(&path, &body)))
        });
    }

    /// Posts to the open book, sometimes the same again together with more.
    fn post_open(&mut self) {
        let len = 1 + below(&mut self.rng, BATCH_LEN_MAX);
        let mut batch: Vec<_> = (0..len).map(|_| self.open_entry()).collect();
        if below(&mut self.rng, 3) == 0 && !self.sent_open.is_empty() {
            let which = below(&mut self.rng, self.sent_open.len());
            batch.extend(self.sent_open[which].clone());
        }
        self.sent_open.push(batch.clone());
        let path = format!("/v1/books/{}/entries", self.ledger.open);
        self.ask(|api| {
            let body = api::AppendEntries {
                entries: batch.clone(),
            };
            What::AppendOpen(batch, outcomes(api.post(&path, &body)))
        });
    }

    /// Cuts a chain somewhere before its end.
    fn cut(&mut self, writer: WriterId, of: u8) {
        let end = self.next_place(writer, of).next_seq;
        if end == 0 {
            return;
        }
        let position = 1 + self.rng.next_u64() % end;
        let path = format!("/v1/books/{}/cuts", self.ledger.book);
        let body = api::Cut {
            writer: writer.to_string(),
            position,
            mac: Some(vec![9; 16].into()),
        };
        self.ask(|api| {
            ok(api.post(&path, &body));
            What::Cut(writer, position)
        });
    }

    fn batch(&mut self, writer: WriterId, of: u8, place: NextPlace) -> Vec<api::Entry> {
        let NextPlace { next_seq, mut prev } = place;
        let len = 1 + self.rng.next_u64() % BATCH_LEN_MAX as u64;
        let entry = |seq: u64| {
            let [c1, c2, tag, account_tag] = self.elements();
            api::Entry {
                writer: writer.to_string(),
                seq,
                account: account(of).to_string(),
                prev: prev.replace(seq),
                c1,
                c2,
                tag,
                account_tag,
            }
        };
        (next_seq..next_seq + len).map(entry).collect()
    }

    fn open_entry(&mut self) -> api::OpenEntry {
        let entry = format!("{:032x}", self.next_number);
        let [c1, c2, ..] = self.elements();
        api::OpenEntry { entry, c1, c2 }
    }

    /// Elements that no other entry has.
    fn elements(&mut self) -> [api::Base64; 4] {
        let number = i64::try_from(self.next_number).expect("a small number");
        self.next_number += 1;
        let elements = COLUMNS.map(|column| element(number + column));
        self.told.numbers.insert(elements[0].0.clone(), number);
        elements
    }

    fn number(&mut self, bound: u8) -> u8 {
        u8::try_from(below(&mut self.rng, bound.into())).expect("below a u8")
    }
}

fn ok<T>(answer: Result<T, Refused>) -> T {
    answer.unwrap_or_else(|refused| panic!("{refused:?}"))
}

fn total(api: &Api, book: BookId) -> Option<api::Total> {
    sum(api.get(&format!("/v1/books/{book}/total")))
}

/// A sum, unless there was nothing to sum.
fn sum<T>(answer: Result<T, Refused>) -> Option<T> {
    match answer {
        Ok(sum) => Some(sum),
        Err(refused) if refused.name == "nothing-to-sum" => None,
        Err(refused) => panic!("{refused:?}"),
    }
}

/// What became of each entry, whether it was taken or not.
fn outcomes(answer: Result<String, Refused>) -> Vec<EntryOutcome> {
    match answer {
        Ok(text) => {
            let appended: api::Appended = serde_json::from_str(&text).expect("outcomes");
            appended.entries
        }
        Err(refused) => {
            assert!(
                ["entry-conflict", "entry-gap"].contains(&&*refused.name),
                "{refused:?}"
            );
            serde_json::from_value(refused.document["entries"].clone()).expect("outcomes")
        }
    }
}
