//! Clerks: several writers, each with a token of its own, who post to one book as fast as they can
//! while server, database and tokens are killed under their hands.
//!
//! What a clerk was promised is written down here, and what its token has signed, so that after
//! each kill, and at the end, the ledger can be held against it. A request that was not answered is
//! sent again, and a posting that was not answered is asked for again, as an honest host does.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Condvar, Mutex, MutexGuard},
};

use core_nostd::ids::{BookId, Handle};
use host_api as api;
use token_client::Address;

use crate::{
    api::{Answered, Api, Refused},
    desk::Desk,
    history::Clock,
};

mod bank;
mod clerk;

pub use bank::{Bank, PIN};
pub use clerk::Clerk;

/// A position of some chain: writer, number.
type Place = (String, u64);

/// What clerks share with each other and with whoever kills.
pub struct Shift {
    /// The book.
    pub book: BookId,
    /// Its accounts.
    pub accounts: Vec<Handle>,
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// None while it is down.
    server: Option<Api>,
    /// Where the token of each clerk is; none while it is down.
    tokens: Vec<Option<Address>>,
    /// How often each clerk has begun to let its token sign.
    signings: Vec<usize>,
    kills: Vec<Kill>,
    over: bool,
    failed: bool,
    signed: BTreeMap<Place, api::Entry>,
    acknowledged: BTreeMap<Place, ()>,
    figures: Figures,
}

/// One kill.
struct Kill {
    /// When it was.
    at: u64,
    /// Whether a request may be answered all the same, since what it was sent to lives on.
    survived: bool,
    /// Requests that had begun, and were not answered before it.
    hits: usize,
}

/// What happened, in numbers.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Requests to the server that a clerk began.
    pub requests: usize,
    /// Requests that nobody answered, or that the server could not carry out.
    pub unanswered: usize,
    /// Entries of repeated requests that were there already: stored, but not acknowledged.
    pub stored_unanswered: usize,
    /// Entries of repeated requests that were not there.
    pub lost_unanswered: usize,
    /// Postings that a token had signed when it died, without an answer.
    pub signed_unanswered: usize,
    /// Postings to tokens that were not answered.
    pub token_unanswered: usize,
    /// Postings of one entry, and of several.
    pub singles: usize,
    /// Postings of several entries.
    pub batches: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, {} unanswered (their entries: {} stored, {} not); {} single postings and \
             {} batches, {} unanswered by a token ({} signed)",
            self.requests,
            self.unanswered,
            self.stored_unanswered,
            self.lost_unanswered,
            self.singles,
            self.batches,
            self.token_unanswered,
            self.signed_unanswered,
        )
    }
}

impl Shift {
    /// A shift that nobody has begun yet.
    #[must_use]
    pub fn new(book: BookId, accounts: Vec<Handle>, server: Api, tokens: Vec<Address>) -> Self {
        Self {
            book,
            accounts,
            clock: Clock::default(),
            state: Mutex::new(State {
                server: Some(server),
                signings: vec![0; tokens.len()],
                tokens: tokens.into_iter().map(Some).collect(),
                ..State::default()
            }),
            changed: Condvar::new(),
        }
    }

    /// Waits until clerks have begun so many more requests.
    ///
    /// # Panics
    /// If a clerk panicked.
    pub fn wait_for_requests(&self, more: usize) {
        let enough = self.lock().figures.requests + more;
        drop(self.wait(|state| state.figures.requests >= enough));
    }

    /// Waits until this clerk has begun to let its token sign so many more times.
    ///
    /// # Panics
    /// If a clerk panicked.
    pub fn wait_for_signings(&self, clerk: usize, more: usize) {
        let enough = self.lock().signings[clerk] + more;
        drop(self.wait(|state| state.signings[clerk] >= enough));
    }

    /// Tells everybody to stop waiting if the thread that holds it panics.
    #[must_use]
    pub fn alarm(&self) -> Alarm<'_> {
        Alarm(self)
    }

    /// Kills what the server stands on, in the middle of what clerks have begun.
    pub fn kill(&self, kill: impl FnOnce()) {
        self.note_kill(true, |_| ());
        kill();
    }

    /// Kills the server. Nobody begins anything until it is [up](Self::server_is_up) again.
    pub fn kill_server(&self, kill: impl FnOnce()) {
        self.note_kill(false, |state| state.server = None);
        kill();
    }

    /// Kills a clerk's token. The clerk begins nothing until it is [up](Self::token_is_up) again.
    pub fn kill_token(&self, clerk: usize, kill: impl FnOnce()) {
        self.note_kill(false, |state| state.tokens[clerk] = None);
        kill();
    }

    fn note_kill(&self, survived: bool, note: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        note(&mut state);
        state.kills.push(Kill {
            at: self.clock.read(),
            survived,
            hits: 0,
        });
    }

    /// Where the server is now. Holds its log against what was promised first.
    ///
    /// # Panics
    /// If the log has lost or doubled something.
    pub fn server_is_up(&self, server: Api) {
        self.check_log(&server);
        self.lock().server = Some(server);
        self.changed.notify_all();
    }

    /// Where this clerk's token is now.
    pub fn token_is_up(&self, clerk: usize, address: Address) {
        self.lock().tokens[clerk] = Some(address);
        self.changed.notify_all();
    }

    /// Clerks shall finish what they do, and cut.
    pub fn close(&self) {
        self.lock().over = true;
    }

    /// Whether the shift is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Notes that somebody was told that this position is stored.
    pub fn acknowledge(&self, writer: String, seq: u64) {
        self.lock().acknowledged.insert((writer, seq), ());
    }

    /// Asks the server until it has done something about it or refuses. Says also whether it had to
    /// be asked more than once.
    ///
    /// # Panics
    /// If a clerk panicked.
    pub fn ask(
        &self,
        request: impl Fn(&Api) -> Answered<String>,
    ) -> (Result<String, Refused>, bool) {
        let mut repeated = false;
        loop {
            let mut state = self.wait(|state| state.server.is_some());
            state.figures.requests += 1;
            let api = state.server.clone().expect("it is up");
            let begun = self.clock.read();
            drop(state);
            self.changed.notify_all();
            match request(&api) {
                // The store did not answer, or has no room, or somebody waited for too long.
                Ok(Err(refused)) if [503, 507].contains(&refused.status) => {}
                Ok(answer) => {
                    drop(self.ended(begun, true));
                    return (answer, repeated);
                }
                Err(_) => {}
            }
            repeated = true;
            self.ended(begun, false).figures.unanswered += 1;
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.lock().figures.clone()
    }

    /// How many kills there were, and how many of them were in mid-request.
    #[must_use]
    pub fn kills(&self) -> (usize, usize) {
        let state = self.lock();
        let hits = state.kills.iter().filter(|kill| kill.hits > 0);
        (state.kills.len(), hits.count())
    }

    /// Where the server is.
    ///
    /// # Panics
    /// If it is down.
    #[must_use]
    pub fn server(&self) -> Api {
        self.lock().server.clone().expect("it is up")
    }

    /// How many entries are acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.lock().acknowledged.len()
    }

    /// Holds the log against what was promised: each chain without a gap and each entry as it was
    /// signed, nothing twice, and everything there that was acknowledged.
    ///
    /// # Panics
    /// If that is not so.
    pub fn check_log(&self, server: &Api) {
        let path = format!("/v1/books/{}/entries", self.book);
        // What is acknowledged before the log is read has to be in it.
        let acknowledged = self.lock().acknowledged.clone();
        let text = server.text(&path).expect("the log");
        let state = self.lock();
        let mut found: BTreeMap<Place, ()> = BTreeMap::new();
        let mut last: Option<Place> = None;
        for line in text.lines() {
            let line: api::StoredEntry = serde_json::from_str(line).expect("an entry");
            let place = (line.writer.clone(), line.seq);
            let expected = match &last {
                Some((writer, seq)) if *writer == line.writer => seq + 1,
                _ => 0,
            };
            assert_eq!(line.seq, expected, "in the chain of {}", line.writer);
            // Without clerks nobody says here what was signed.
            let signed = state.signed.get(&place);
            let is_signed = signed.map_or(state.tokens.is_empty(), |signed| is_same(&line, signed));
            assert!(is_signed, "{line:?} is not {signed:?}");
            found.insert(place.clone(), ());
            last = Some(place);
        }
        let lost = acknowledged
            .keys()
            .find(|place| !found.contains_key(*place));
        assert!(lost.is_none(), "{lost:?} was acknowledged and is lost");
    }

    /// Lets the treasury open everything, when all clerks are done: the sum of the entries, the
    /// sum of the balances and the total are the same ciphertext, it opens to what was posted, and
    /// so does each balance.
    ///
    /// # Panics
    /// If that is not so.
    pub fn settle(&self, treasury: &mut Desk, balances: &BTreeMap<Handle, i64>) {
        self.check_log(&treasury.api);
        let entries = self.acknowledged();
        assert_eq!(entries, self.lock().signed.len(), "all is acknowledged now");
        let (minor, statement) = treasury.open_total(self.book);
        assert_eq!(statement.count, entries as u64);
        assert_eq!(minor, balances.values().sum::<i64>());
        let mut rows: Vec<[Vec<u8>; 2]> = Vec::new();
        for (account, expected) in balances {
            assert_eq!(treasury.open_balance(self.book, *account), *expected);
            let [c1, c2, _] = treasury.balance(self.book, *account).parts;
            rows.push([c1, c2]);
        }
        let total = [statement.c1, statement.c2];
        assert_eq!(sum(&rows), total, "the sum of the balances");
        let state = self.lock();
        let row = |entry: &api::Entry| [entry.c1.0.clone(), entry.c2.0.clone()];
        let rows: Vec<_> = state.signed.values().map(row).collect();
        assert_eq!(sum(&rows), total, "the sum of the entries");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics under the lock")
    }

    fn wait(&self, until: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !until(&state) {
            assert!(!state.failed, "a clerk panicked");
            state = self
                .changed
                .wait(state)
                .expect("nobody panics under the lock");
        }
        state
    }

    /// The request that began then is answered now, or never will be.
    fn ended(&self, begun: u64, answered: bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let kill = state.kills.iter_mut().find(|kill| kill.at > begun);
        if let Some(kill) = kill.filter(|kill| kill.survived || !answered) {
            kill.hits += 1;
        }
        state
    }
}

/// See [`Shift::alarm`].
pub struct Alarm<'a>(&'a Shift);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Ok(mut state) = self.0.state.lock() {
                state.failed = true;
            }
            self.0.changed.notify_all();
        }
    }
}

/// The sums of two columns of elements, added up one by one.
fn sum(rows: &[[Vec<u8>; 2]]) -> [Vec<u8>; 2] {
    use core_nostd::group::{Group, ristretto255::Ristretto255};
    [0, 1].map(|column| {
        let elements = rows.iter().map(|row| Ristretto255::decode(&row[column]));
        let sum = elements.fold(Ristretto255::identity(), |sum, element| {
            sum + element.expect("an element")
        });
        Ristretto255::encode(&sum).to_vec()
    })
}

fn is_same(line: &api::StoredEntry, signed: &api::Entry) -> bool {
    let api::StoredEntry {
        writer,
        seq,
        account,
        prev,
        c1,
        c2,
        tag,
        account_tag,
        entry: None,
        ..
    } = line
    else {
        return false;
    };
    (writer, *seq, *prev) == (&signed.writer, signed.seq, signed.prev)
        && (account, tag, account_tag)
            == (
                &Some(signed.account.clone()),
                &Some(signed.tag.clone()),
                &Some(signed.account_tag.clone()),
            )
        && (c1, c2) == (&signed.c1, &signed.c2)
}
