//! A token with a book, and what must be true of it after a kill.

use std::path::Path;

use core_nostd::{
    ids::{BookId, Handle},
    tag::{Cut, TaggedSum},
    wire::{AuditEvent, Posting, TokenError, audit::Released},
};
use e2e_tests::token::AnyClient;
use token_client::{AuditPosition, ClientError, OwnedEntry, OwnedRules, OwnedStatement, Posted};

use super::{
    claim::{Claim, S},
    victim::{Extent, Point, Victim},
};
use crate::story::{ALL, PIN, rules};

const WRONG: &str = "314159";
const TRIES: u8 = 8;

/// As many as the book is cut after.
const SEGMENT: u64 = 3;

/// When there is room for less than this, the audit log is acknowledged.
const AUDIT_ROOM: u8 = 8;

/// What a kill interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// One entry.
    Post,
    /// Three entries in one batch.
    Batch,
    /// A cut behind the last entry.
    Cut,
    /// The total up to the last cut.
    Release,
    /// A wrong PIN.
    Guess,
    /// The right PIN.
    Unlock,
}

impl Command {
    /// All of them, in an order in which each leaves the next something to do.
    pub const ALL: [Self; 6] = [
        Self::Post,
        Self::Batch,
        Self::Cut,
        Self::Release,
        Self::Guess,
        Self::Unlock,
    ];
}

/// How a command ended.
pub struct Ended {
    /// Whether there was an answer.
    pub answered: bool,
    /// Whether the token knows of it after the kill.
    pub happened: bool,
    /// How far it got.
    pub extent: Extent,
}

/// A token with one book, and all that it has ever said of it.
pub struct Books {
    victim: Victim,
    book: BookId,
    account: Handle,
    /// The entries' parts of a total, by position.
    entries: Vec<TaggedSum<S>>,
    /// Their amounts.
    amounts: Vec<i64>,
    /// The last answer to a posting.
    posted: Option<Posted>,
    cut: Cut,
    statement: Option<OwnedStatement>,
    /// The audit log up to where it was acknowledged, and from there on.
    acknowledged: AuditPosition,
    events: Vec<AuditEvent>,
}

impl Books {
    /// A token with keys and an empty book, and its state in `dir`.
    pub fn new(dir: &Path) -> Self {
        let mut victim = Victim::new(dir);
        victim.client.provision(PIN, ALL).expect("keys");
        let rules = OwnedRules {
            min_entries: u32::try_from(SEGMENT).expect("small"),
            ..rules("killed")
        };
        let book = victim.client.create_book(&rules.as_rules());
        let book = book.expect("a book").id;
        let account = victim.client.handle(book, "AB1234").expect("a handle");
        let mut books = Self {
            victim,
            book,
            account: account.handle,
            entries: vec![],
            amounts: vec![],
            posted: None,
            cut: Cut::START,
            statement: None,
            acknowledged: AuditPosition::default(),
            events: vec![],
        };
        let events = books.new_events();
        assert!(matches!(events[..], [AuditEvent::Provisioned { .. }]));
        books
    }

    /// Fills the flash with entries, so that from then on pages are erased and used again.
    pub fn use_every_page(&mut self) {
        while self.victim.has_fresh_pages() {
            self.post(u64::from(self.victim.client.info().batch_len_max));
        }
    }

    /// Kills the machine in the middle of a command, and checks all that must be true then.
    pub fn kill(&mut self, command: Command, point: Point, n: u64) -> Ended {
        match command {
            Command::Post => self.kill_posting(1, point, n),
            Command::Batch => self.kill_posting(3, point, n),
            Command::Cut => self.kill_cutting(point, n),
            Command::Release => self.kill_releasing(point, n),
            Command::Guess => self.kill_unlocking(WRONG, point, n),
            Command::Unlock => self.kill_unlocking(PIN, point, n),
        }
    }

    /// Opens the total of all entries, which the token does only if there are no others.
    pub fn open_everything(&mut self) {
        self.fill_a_segment();
        self.cut = self.victim.client.cut(self.book).expect("a cut").cut;
        assert_eq!(self.cut.position, self.next_seq());
        let claim = self.claim();
        let statement = claim.release(&mut self.victim.client).expect("a release");
        claim.check(&statement);
        assert_eq!(statement.number, self.releases() + 1);
        self.statement = Some(statement);
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// How many totals were opened.
    pub fn releases(&self) -> u64 {
        self.statement.as_ref().map_or(0, |last| last.number)
    }

    fn kill_posting(&mut self, len: u64, point: Point, n: u64) -> Ended {
        let (seq, postings) = (self.next_seq(), self.postings(len));
        let end = seq + postings.len() as u64;
        let book = self.book;
        let post = |client: &mut AnyClient| match postings[..] {
            [posting] => client.post(book, seq, posting),
            _ => client.post_batch(book, seq, &postings),
        };
        let (answer, extent) = self.kill_unlocked(point, n, post);
        assert_eq!(self.new_events(), []);

        let client = &mut self.victim.client;
        let next = client.book(0).expect("a list").expect("the book").next_seq;
        let happened = next == end;
        let last = stored(client.last_entry(book));
        if happened {
            let other = Posting {
                minor: postings[0].minor + 1,
                ..postings[0]
            };
            let refused = client.post(book, seq, other).expect_err("another entry");
            assert_eq!(refused.token(), Some(TokenError::WrongSeq { next }));
        } else {
            assert_eq!(next, seq, "all or nothing");
            assert_eq!(last, self.posted, "unchanged");
        }
        let again = post(client).expect("signed, now or before");
        for known in last.filter(|_| happened).iter().chain(&answer) {
            assert_eq!(*known, again, "byte for byte");
        }
        self.take(&postings, again);
        Ended {
            answered: answer.is_some(),
            happened,
            extent,
        }
    }

    fn kill_cutting(&mut self, point: Point, n: u64) -> Ended {
        self.fill_a_segment();
        let (book, next) = (self.book, self.next_seq());
        let cut = |client: &mut AnyClient| client.cut(book).map(|cut| cut.cut);
        let (answer, extent) = self.kill_unlocked(point, n, cut);
        assert_eq!(self.new_events(), []);

        let client = &mut self.victim.client;
        let found = client.book(0).expect("a list").expect("the book");
        let happened = found.last_cut == next;
        assert!(happened || found.last_cut == self.cut.position);
        assert_eq!(found.next_seq, next);
        assert_eq!(stored(client.last_entry(book)), self.posted, "unchanged");
        self.cut = cut(client).expect("cut, now or before");
        assert_eq!(self.cut.position, next);
        assert!(answer.is_none_or(|answer| answer == self.cut));
        Ended {
            answered: answer.is_some(),
            happened,
            extent,
        }
    }

    fn kill_releasing(&mut self, point: Point, n: u64) -> Ended {
        let claim = self.claim();
        let number = self.releases() + 1;
        let (book, entries) = (self.book, claim.count());
        let released = |number| AuditEvent::Released {
            number,
            book,
            what: Released::Total { entries },
        };
        let (answer, extent) = self.kill_unlocked(point, n, |client| claim.release(client));

        let events = self.new_events();
        let client = &mut self.victim.client;
        let last = stored(client.last_statement());
        let happened = last.as_ref().is_some_and(|last| last.number == number);
        if happened {
            last.iter().for_each(|last| claim.check(last));
            assert_eq!(events, [released(number)]);
        } else {
            assert_eq!(last, self.statement, "unchanged");
            assert!(events.is_empty() || events == [released(number)]);
        }
        if answer.is_some() {
            assert_eq!(answer, last, "byte for byte");
        }
        let again = claim.release(client).expect("a release");
        claim.check(&again);
        assert_eq!(again.number, number + u64::from(happened));
        assert_eq!(self.new_events(), [released(again.number)]);
        self.statement = Some(again);
        Ended {
            answered: answer.is_some(),
            happened,
            extent,
        }
    }

    /// A wrong PIN comes first, so that there is a try for the right one to give back.
    fn kill_unlocking(&mut self, pin: &str, point: Point, n: u64) -> Ended {
        let (before, spent) = (TRIES - 1, TRIES - 2);
        self.victim.client.lock().expect("locked");
        let wrong = self.victim.client.unlock(WRONG).expect_err("a wrong PIN");
        let tries_left = before;
        assert_eq!(wrong.token(), Some(TokenError::WrongPin { tries_left }));
        let (answer, extent) = self.victim.killed(point, n, |client| client.unlock(pin));

        let after = self.victim.client.info().tries_left;
        let (end, answers) = match pin {
            PIN => (TRIES, Ok(())),
            _ => (spent, Err(TokenError::WrongPin { tries_left: spent })),
        };
        assert!([before, spent, end].contains(&after), "{after} tries");
        assert!(answer.is_none_or(|answer| answer == answers));
        self.unlock();
        let failed = |tries_left| AuditEvent::UnlockFailed { tries_left };
        let events: &[_] = if after == spent {
            &[failed(before), failed(spent)]
        } else {
            &[failed(before)]
        };
        assert_eq!(self.new_events(), events);
        Ended {
            answered: answer.is_some(),
            happened: after == end,
            extent,
        }
    }

    /// Kills the machine in the middle of what it does, which is no refusal, and unlocks it again.
    fn kill_unlocked<T: Send>(
        &mut self,
        point: Point,
        n: u64,
        command: impl FnOnce(&mut AnyClient) -> Result<T, ClientError> + Send,
    ) -> (Option<T>, Extent) {
        let (answer, extent) = self.victim.killed(point, n, command);
        assert_eq!(self.victim.client.info().tries_left, TRIES);
        self.unlock();
        (answer.map(|answer| answer.expect("no refusal")), extent)
    }

    fn unlock(&mut self) {
        let client = &mut self.victim.client;
        client.unlock(PIN).expect("the right PIN");
        assert_eq!(client.hello().expect("a hello").tries_left, TRIES);
    }

    /// Posts without a kill until the book can be cut behind its last entry.
    fn fill_a_segment(&mut self) {
        let pending = self.next_seq() - self.cut.position;
        if pending < SEGMENT {
            self.post(SEGMENT - pending);
        }
    }

    fn post(&mut self, len: u64) {
        let (book, seq, postings) = (self.book, self.next_seq(), self.postings(len));
        let posted = self.victim.client.post_batch(book, seq, &postings);
        self.take(&postings, posted.expect("signed"));
    }

    fn next_seq(&self) -> u64 {
        self.entries.len() as u64
    }

    /// What comes next in the book, no two of the same amount.
    fn postings(&self, len: u64) -> Vec<Posting> {
        let next = self.next_seq();
        let posting = |seq| Posting {
            account: self.account,
            prev: next.checked_sub(1),
            minor: 1000 * i64::try_from(seq).expect("small") - 5000,
        };
        (next..next + len).map(posting).collect()
    }

    /// Notes new entries as a server would.
    fn take(&mut self, postings: &[Posting], posted: Posted) {
        assert_eq!(posted.first_seq, self.next_seq());
        let part = |e: &OwnedEntry| TaggedSum::from_bytes(&e.c1, &e.c2, &e.tag).expect("elements");
        self.entries.extend(posted.entries.iter().map(part));
        let amounts = postings.iter().map(|posting| posting.minor);
        self.amounts.extend(amounts);
        self.cut = posted.cut.unwrap_or(self.cut);
        self.posted = Some(posted);
    }

    /// A claim up to the last cut.
    fn claim(&self) -> Claim {
        let writer = self.posted.as_ref().expect("entries").writer;
        let entries = self.entries.iter().zip(&self.amounts);
        Claim::new(self.book, writer, self.cut, entries)
    }

    /// What is new in the audit log, which begins with everything that was in it.
    fn new_events(&mut self) -> Vec<AuditEvent> {
        let client = &mut self.victim.client;
        let (mut events, mut end) = (vec![], self.acknowledged);
        loop {
            let page = client.audit_log(end.events).expect("a page");
            assert_eq!(page.before, end, "one chain");
            if page.events.is_empty() {
                break;
            }
            events.extend(page.events.iter().map(|logged| logged.event));
            end = page.after;
        }
        assert!(events.starts_with(&self.events), "nothing leaves the log");
        let new = events.split_off(self.events.len());
        self.events.extend(&new);
        if client.status().expect("a status").audit_room < AUDIT_ROOM {
            client.acknowledge_audit(&end).expect("it was read");
            self.acknowledged = end;
            self.events.clear();
        }
        new
    }
}

/// What the token has stored, if it has.
fn stored<T>(answer: Result<T, ClientError>) -> Option<T> {
    match answer {
        Err(ClientError::Token(TokenError::NothingStored)) => None,
        answer => Some(answer.expect("stored")),
    }
}
