//! `kill -9` of a server with a token, while three people post at its teller: at random moments,
//! and exactly between signing and storing. Whoever asks again with the same key has posted once.

use std::{path::Path, thread, time::Duration};

use core_nostd::ids::BookId;
use e2e_tests::{
    api::Api,
    clerks::{PIN, Shift},
    process::{Service, emulator, host_server_with_token},
    seed::{self, ChaCha20Rng, Rng, SeedableRng, below, report},
    tap::Tap,
};
use host_api::{
    self as api,
    teller::{self as bodies, IDEMPOTENCY_KEY},
};
use serde_json::json;

use super::linger;

const PEOPLE: [&str; 3] = ["AB 1234", "CD 5678", "EF 9012"];

/// A test that is stuck ends some day.
const PATIENCE: Duration = Duration::from_secs(120);

/// One person at the teller.
struct Person<'a> {
    shift: &'a Shift,
    nid: &'static str,
    rng: ChaCha20Rng,
    told: Told,
}

/// What a person was told.
#[derive(Default)]
struct Told {
    minor: i64,
    entries: usize,
    /// Postings of which the teller knew, when asked again, that they are there.
    known: usize,
    /// Postings of which it could only say where to look.
    unknown: usize,
    /// Postings that surely were not made, and were made anew.
    failed: usize,
}

impl Person<'_> {
    fn work(mut self) -> Told {
        let _alarm = self.shift.alarm();
        while !self.shift.is_over() {
            let cents = i64::from(self.rng.next_u32() % 5000) - 2000;
            while !self.post(cents) {
                self.told.failed += 1;
            }
            self.told.minor += cents;
            self.told.entries += 1;
        }
        self.told
    }

    /// Whether it was posted, under a fresh key.
    fn post(&mut self, cents: i64) -> bool {
        let key = format!("{:032x}", self.rng.next_u64());
        let sign = if cents < 0 { "-" } else { "" };
        let (whole, part) = (cents.abs() / 100, cents.abs() % 100);
        let body = bodies::Post {
            nid: self.nid.to_owned(),
            amount: format!("{sign}{whole}.{part:02}"),
        };
        let path = format!("/v1/teller/books/{}/entries", self.shift.book);
        let (answer, repeated) = self
            .shift
            .ask(|api| api.try_post(&path, &[(IDEMPOTENCY_KEY, &key)], &body));
        match answer {
            Ok(text) => {
                let posted: bodies::Posted = serde_json::from_str(&text).expect("a posting");
                self.shift.acknowledge(posted.writer, posted.seq);
                self.told.known += usize::from(repeated);
                true
            }
            // It stands where the teller says: nobody else posts to this account.
            Err(refused) if refused.name == "posting-unknown" => {
                self.told.unknown += 1;
                true
            }
            Err(refused) if refused.name == "posting-failed" => false,
            Err(refused) => panic!("{refused:?}"),
        }
    }
}

/// A server on a ledger in `dir`, with the token behind a tap.
fn start(dir: &Path, tap: &Tap) -> Service {
    let store = format!("redb:{}", dir.join("ledger.redb").display());
    host_server_with_token(&store, &tap.address())
}

/// Unlocks the token and makes a book whose every entry can be cut.
fn open(api: &Api) -> BookId {
    let unlocked = api.post("/v1/teller/unlock", &json!({ "pin": PIN }));
    unlocked.expect("it unlocks");
    let rules = json!({
        "suite": "ristretto255", "kind": "authenticated", "currency": "EUR",
        "cap": 1_000_000, "min_entries": 1, "name": "teller",
    });
    let text = api.post("/v1/teller/books", &rules).expect("a new book");
    let book: api::Book = serde_json::from_str(&text).expect("a book");
    BookId::from_hex(&book.book).expect("an identifier")
}

fn tellers(test: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let token = emulator(dir.path());
    super::provision(&token);
    let tap = Tap::start(dir.path(), &dir.path().join("token.sock"));
    let mut server = start(dir.path(), &tap);
    let api = Api::new(&server.address);
    let book = open(&api);
    let shift = Shift::new(book, Vec::new(), api, Vec::new());
    let mut rng = seed::generator(test);
    let told: Vec<Told> = thread::scope(|scope| {
        let _alarm = shift.alarm();
        let people = PEOPLE.map(|nid| {
            let person = Person {
                shift: &shift,
                nid,
                rng: ChaCha20Rng::seed_from_u64(rng.next_u64()),
                told: Told::default(),
            };
            scope.spawn(move || person.work())
        });
        for round in 0..rounds {
            shift.wait_for_requests(1 + below(&mut rng, 10));
            if round % 2 == 0 {
                let kept = tap.keep_next_answer();
                kept.recv_timeout(PATIENCE).expect("somebody posts");
            } else {
                linger(&mut rng);
            }
            shift.kill_server(|| server.kill());
            server = start(dir.path(), &tap);
            shift.server_is_up(Api::new(&server.address));
        }
        shift.close();
        people
            .map(|person| person.join().expect("they came to an end"))
            .into()
    });
    settle(test, &shift, &told);
}

/// Lets the token open everything: it is what people were told that they had posted.
fn settle(test: &str, shift: &Shift, told: &[Told]) {
    let api = shift.server();
    shift.check_log(&api);
    let open = |what: &str, body: serde_json::Value| {
        let path = format!("/v1/teller/books/{}/{what}", shift.book);
        let text = api.post(&path, &body).expect("the token opens it");
        let released: bodies::Released = serde_json::from_str(&text).expect("a statement");
        let minor: i64 = released.statement.minor.parse().expect("a number");
        (minor, released.statement.count)
    };
    let sum = |of: fn(&Told) -> usize| told.iter().map(of).sum::<usize>();
    let minor = told.iter().map(|told| told.minor).sum::<i64>();
    let entries = sum(|told| told.entries);
    assert_eq!(open("total", json!({})), (minor, entries as u64));
    for (nid, told) in PEOPLE.iter().zip(told) {
        assert_eq!(open("balance", json!({ "nid": nid })).0, told.minor);
    }
    let (kills, hits) = shift.kills();
    let [known, unknown, failed] = [
        sum(|told| told.known),
        sum(|told| told.unknown),
        sum(|told| told.failed),
    ];
    report(
        test,
        format_args!(
            "{kills} kills, {hits} of them in mid-request; {entries} entries; of postings asked \
             for again {known} were answered, {unknown} had to be looked for, {failed} were not \
             made",
        ),
    );
    assert!(2 * hits >= kills && known + unknown > 0);
}

#[test]
fn servers_killed_at_the_teller_post_once() {
    tellers("servers killed at the teller", 8);
}

#[test]
#[ignore = "takes minutes"]
fn servers_killed_at_the_teller_sixty_times() {
    tellers("servers killed at the teller, long", 60);
}
