//! What a token must do, as plainly as it can be said: no bytes, no flash, no secrets.

use std::collections::BTreeMap;

use core_nostd::{
    book::BookKind,
    ids::{BookId, Handle, WriterId},
    nid::Nid,
    tag::{Cut, LastPosition, Range},
    wire::{Policy, Posting, Request, Rules, State, TokenError, WRITERS_MAX},
};
use firmware_token::TRIES_MAX;

use super::step::Person;
use crate::ledger::{Sum, encoded};

/// A token.
#[derive(Default)]
pub struct Model {
    pub ceremony: bool,
    pub batch_len_max: usize,
    pub keys: Option<Keys>,
}

/// What a token has once it has keys.
pub struct Keys {
    pub pin: String,
    pub tries_spent: u8,
    pub unlocked: bool,
    pub policy: Policy,
    pub writer: WriterId,
    /// Number of writers on its list: its own former identifiers.
    pub retired: usize,
    pub books: Vec<Book>,
    pub statement: Option<Statement>,
}

/// A book and the token's chain in it.
pub struct Book {
    pub id: BookId,
    pub rules: Rules<'static>,
    pub entries: Vec<Entry>,
    pub cuts: BTreeMap<u64, Cut>,
    pub last_cut: u64,
    pub reply: Option<Reply>,
}

/// The last answer to a posting.
pub struct Reply {
    pub first_seq: u64,
    pub request: Vec<u8>,
    pub message: Vec<u8>,
}

/// An entry, and its parts of a total and of a balance.
pub struct Entry {
    pub posting: Posting,
    pub total: Sum,
    pub balance: Sum,
}

/// The last statement.
pub struct Statement {
    pub number: u64,
    pub minor: i64,
    pub message: Vec<u8>,
}

/// What of a request is not in it: what only the host knows, and what it would rather not.
#[derive(Default)]
pub struct Circumstances {
    pub message: Vec<u8>,
    /// For a sum of an open book: what it is a sum of.
    pub open_minor: Option<i64>,
    /// Whether shares bring a seed back.
    pub shares_are_good: bool,
    /// For a sealed box: what is in it, if it is that of the account.
    pub nid_in_box: Option<&'static str>,
}

/// What a release opens.
pub struct Opened {
    pub minor: i64,
    pub count: u64,
}

impl Model {
    pub fn state(&self) -> State {
        match &self.keys {
            None => State::Empty,
            Some(keys) if keys.unlocked => State::Unlocked,
            Some(keys) if keys.tries_spent == TRIES_MAX => State::Blocked,
            Some(_) => State::Locked,
        }
    }

    pub fn unlocked(&self) -> Result<&Keys, TokenError> {
        match (&self.keys, self.state()) {
            (Some(keys), State::Unlocked) => Ok(keys),
            (_, State::Blocked) => Err(TokenError::Blocked),
            (Some(_), _) => Err(TokenError::Locked),
            (None, _) => Err(TokenError::NotProvisioned),
        }
    }

    pub fn book(&self, id: &BookId) -> Result<&Book, TokenError> {
        let mut books = self.unlocked()?.books.iter();
        books
            .find(|book| book.id == *id)
            .ok_or(TokenError::UnknownBook)
    }

    /// Whether a request is allowed, or how it is refused.
    pub fn verdict(
        &self,
        request: &Request<'_>,
        person: Person,
        known: &Circumstances,
    ) -> Result<(), TokenError> {
        match request {
            Request::Provision { pin, .. } => {
                pin_is_good(pin)?;
                self.must_be_empty()?;
                consent(person)
            }
            Request::Restore { pin, .. } => {
                self.must_be_empty()?;
                self.must_be_ceremony()?;
                ok_or(known.shares_are_good, TokenError::BadShares)?;
                pin_is_good(pin)?;
                consent(person)
            }
            Request::Unlock { pin } => {
                pin_is_good(pin)?;
                self.try_pin(pin, person)
            }
            Request::ChangePin { old, new } => {
                pin_is_good(old)?;
                pin_is_good(new)?;
                self.try_pin(old, person)
            }
            Request::Lock => Ok(()),
            Request::Wipe => {
                self.must_be_ceremony()?;
                consent(person)
            }
            Request::SetPolicy { .. } => {
                self.unlocked()?;
                self.must_be_ceremony()?;
                consent(person)
            }
            Request::NewWriter => {
                let retired = self.unlocked()?.retired;
                self.must_be_ceremony()?;
                consent(person)?;
                ok_or(retired < WRITERS_MAX, TokenError::TooManyWriters)
            }
            Request::Backup { threshold, shares } => {
                self.unlocked()?;
                self.must_be_ceremony()?;
                let good = (*threshold, *shares) == (1, 1)
                    || (2..=16).contains(threshold) && (*threshold..=16).contains(shares);
                ok_or(good, TokenError::BadQuorum)?;
                consent(person)
            }
            _ => self.verdict_on_books(request, person, known),
        }
    }

    fn verdict_on_books(
        &self,
        request: &Request<'_>,
        person: Person,
        known: &Circumstances,
    ) -> Result<(), TokenError> {
        let keys = self.unlocked()?;
        match request {
            Request::CreateBook { rules } => {
                let checked = rules.check().ok_or(TokenError::BadRules)?;
                let slow = rules.kind == 1 && rules.suite != 1;
                ok_or(!slow, TokenError::SuiteUnsupported)?;
                let is_new = self.book(&checked.id()).is_err();
                ok_or(is_new, TokenError::BookExists)
            }
            Request::Book { .. } => Ok(()),
            Request::PublicKey { book } => self.book(book).map(drop),
            Request::Handle { book, nid } => {
                self.book(book)?;
                Nid::normalise(nid).map_or(Err(TokenError::BadNid), |_| Ok(()))
            }
            Request::RevealNid { book, .. } => {
                self.book(book)?;
                ok_or(keys.policy.balances, TokenError::NotAllowed)?;
                ok_or(known.nid_in_box.is_some(), TokenError::BadBox)?;
                consent(person)
            }
            Request::Post { book, .. } | Request::PostBatch { book, .. } => self
                .authenticated(book)?
                .check_posting(self, request, known),
            Request::LastEntry { book } => {
                let reply = &self.authenticated(book)?.reply;
                ok_or(reply.is_some(), TokenError::NothingStored)
            }
            Request::Cut { book } => self.authenticated(book)?.check_cut(),
            Request::LastStatement => ok_or(keys.statement.is_some(), TokenError::NothingStored),
            Request::ConfirmDecode { number, minor } => {
                let last = keys.statement.as_ref();
                let last = last.filter(|last| last.number == *number);
                let last = last.ok_or(TokenError::NothingStored)?;
                ok_or(last.minor == *minor, TokenError::WrongAmount)
            }
            _ => {
                self.opened(request, known)?;
                consent(person)
            }
        }
    }

    /// What a claim opens, if it is genuine and allowed.
    pub fn opened(
        &self,
        request: &Request<'_>,
        known: &Circumstances,
    ) -> Result<Opened, TokenError> {
        let policy = self.unlocked()?.policy;
        match request {
            Request::ReleaseTotal {
                book,
                ranges,
                c1,
                c2,
                tag,
            } => {
                let book = self.authenticated(book)?;
                let sum = Sum::from_bytes(c1, c2, tag).map_err(|_| TokenError::BadElement)?;
                ok_or(policy.totals, TokenError::NotAllowed)?;
                let opened = book.total(self.unlocked()?.writer, ranges, &sum);
                opened.ok_or(TokenError::ClaimRefused)
            }
            Request::ReleaseBalance {
                book,
                account,
                last,
                c1,
                c2,
                account_tag,
            } => {
                let book = self.authenticated(book)?;
                let sum = Sum::from_bytes(c1, c2, account_tag);
                let sum = sum.map_err(|_| TokenError::BadElement)?;
                ok_or(policy.balances, TokenError::NotAllowed)?;
                let opened = book.balance(self.unlocked()?.writer, account, last, &sum);
                opened.ok_or(TokenError::ClaimRefused)
            }
            Request::ReleaseOpen { book, count, .. } => {
                self.of_kind(book, BookKind::Open)?;
                let minor = known.open_minor.ok_or(TokenError::BadElement)?;
                ok_or(policy.open_sums, TokenError::NotAllowed)?;
                Ok(Opened {
                    minor,
                    count: *count,
                })
            }
            other => panic!("{other:?} is no claim"),
        }
    }

    fn authenticated(&self, id: &BookId) -> Result<&Book, TokenError> {
        self.of_kind(id, BookKind::Authenticated)
    }

    fn of_kind(&self, id: &BookId, kind: BookKind) -> Result<&Book, TokenError> {
        let book = self.book(id)?;
        let is_it = book.rules.check().map(|rules| rules.kind) == Some(kind);
        ok_or(is_it, TokenError::WrongKind)?;
        Ok(book)
    }

    fn must_be_empty(&self) -> Result<(), TokenError> {
        ok_or(self.keys.is_none(), TokenError::AlreadyProvisioned)
    }

    fn must_be_ceremony(&self) -> Result<(), TokenError> {
        ok_or(self.ceremony, TokenError::CeremonyRequired)
    }

    fn try_pin(&self, pin: &str, person: Person) -> Result<(), TokenError> {
        let keys = self.keys.as_ref().ok_or(TokenError::NotProvisioned)?;
        let left = TRIES_MAX.checked_sub(keys.tries_spent + 1);
        let tries_left = left.ok_or(TokenError::Blocked)?;
        // From the fourth on there is a wait before a try, which the host may cancel.
        let waits = keys.tries_spent > 2 && person == Person::Cancelled;
        ok_or(!waits, TokenError::Cancelled)?;
        ok_or(keys.pin == pin, TokenError::WrongPin { tries_left })
    }
}

impl Book {
    pub fn new(id: BookId, rules: Rules<'static>) -> Self {
        Self {
            id,
            rules,
            entries: Vec::new(),
            cuts: BTreeMap::new(),
            last_cut: 0,
            reply: None,
        }
    }

    pub fn next_seq(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The position of an account's last entry.
    pub fn last(&self, posting: &Posting) -> Option<u64> {
        let of_account = |entry: &Entry| entry.posting.account == posting.account;
        self.entries
            .iter()
            .rposition(of_account)
            .map(|seq| seq as u64)
    }

    /// Whether a posting is fine, or why it is refused.
    fn check_posting(
        &self,
        model: &Model,
        request: &Request<'_>,
        known: &Circumstances,
    ) -> Result<(), TokenError> {
        let (expected_seq, postings) = match request {
            Request::Post {
                expected_seq,
                posting,
                ..
            } => (*expected_seq, std::slice::from_ref(posting)),
            Request::PostBatch {
                expected_seq,
                postings,
                ..
            } => (*expected_seq, postings.as_slice()),
            other => panic!("{other:?} is no posting"),
        };
        let fits = (1..=model.batch_len_max).contains(&postings.len());
        ok_or(fits, TokenError::BadBatch)?;
        for (i, posting) in postings.iter().enumerate() {
            let within = posting.minor.unsigned_abs() <= self.rules.cap;
            ok_or(within, TokenError::OverCap)?;
            let linked = postings[..i]
                .iter()
                .any(|other| other.account == posting.account);
            let earlier = posting.prev.is_none_or(|prev| prev < expected_seq);
            ok_or(linked || earlier, TokenError::BadPrev)?;
        }
        let next = self.next_seq();
        let again = self
            .reply
            .as_ref()
            .is_some_and(|reply| reply.first_seq == expected_seq && reply.request == known.message);
        ok_or(expected_seq == next || again, TokenError::WrongSeq { next })
    }

    fn check_cut(&self) -> Result<(), TokenError> {
        let pending = self.next_seq() - self.last_cut;
        let missing = u64::from(self.rules.min_entries).saturating_sub(pending);
        let again = pending == 0 && self.last_cut > 0;
        let missing = u32::try_from(missing).expect("at most k");
        ok_or(missing == 0 || again, TokenError::TooFewEntries { missing })
    }

    fn total(&self, writer: WriterId, ranges: &[Range], sum: &Sum) -> Option<Opened> {
        let is_cut = |range: &Range, cut: &Cut| {
            let mine = range.writer == writer && self.cuts.get(&cut.position) == Some(cut);
            cut.position == 0 || mine
        };
        let genuine = ranges.is_sorted_by(|one, next| one.writer < next.writer)
            && ranges.iter().all(|range| {
                is_cut(range, &range.from)
                    && is_cut(range, &range.to)
                    && range.from.position <= range.to.position
            });
        let mine = ranges.iter().find(|range| range.writer == writer)?;
        let covered = mine.from.position..mine.to.position;
        if !genuine || covered.is_empty() {
            return None;
        }
        let (mut minor, mut of_range) = (0, Sum::zero());
        for (entry, seq) in self.entries.iter().zip(0..) {
            if covered.contains(&seq) {
                minor += entry.posting.minor;
                of_range = of_range + entry.total;
            }
        }
        let count = covered.end - covered.start;
        (encoded(&of_range) == encoded(sum)).then_some(Opened { minor, count })
    }

    fn balance(
        &self,
        writer: WriterId,
        account: &Handle,
        last: &[LastPosition],
        sum: &Sum,
    ) -> Option<Opened> {
        let (mut before, mut minor, mut of_account) = (None, 0, Sum::zero());
        for (entry, seq) in self.entries.iter().zip(0..) {
            if entry.posting.account != *account {
                continue;
            }
            // A host that has lied about an entry's `prev` has spoilt the account.
            if entry.posting.prev != before {
                return None;
            }
            before = Some(seq);
            minor += entry.posting.minor;
            of_account = of_account + entry.balance;
        }
        let expected = LastPosition {
            writer,
            seq: before,
        };
        let named: Vec<_> = last.iter().filter(|last| last.seq.is_some()).collect();
        let genuine = before.is_some()
            && last.is_sorted_by(|one, next| one.writer < next.writer)
            && named == [&expected]
            && encoded(&of_account) == encoded(sum);
        genuine.then_some(Opened { minor, count: 0 })
    }
}

fn pin_is_good(pin: &str) -> Result<(), TokenError> {
    let good = (6..=16).contains(&pin.chars().count());
    ok_or(good, TokenError::BadPin)
}

fn consent(person: Person) -> Result<(), TokenError> {
    match person {
        Person::Yes => Ok(()),
        Person::No => Err(TokenError::Denied),
        Person::Never => Err(TokenError::PresenceTimeout),
        Person::Cancelled => Err(TokenError::Cancelled),
    }
}

fn ok_or(holds: bool, error: TokenError) -> Result<(), TokenError> {
    if holds { Ok(()) } else { Err(error) }
}
