//! A store that fails at its n-th call, for every n: it is full, nobody answers, or everything was
//! done but nobody is told. Every request ends in a success or a problem document, what was refused
//! can be asked for again as it was, and the ledger is exact in the end.

use std::cell::Cell;

use core_nostd::{book::BookKind, ciphersuite::SuiteId, currency::Currency, ids::Handle};
use e2e_tests::{
    api::{Answered, Api},
    seed::report,
    server::Server,
    token::{Carrier, TestToken},
};
use host_server::{
    AppState,
    store::{
        Store,
        faulty::{Fault, Faults, FaultyStore},
        memory::MemoryStore,
        redb::RedbStore,
    },
};
use token_client::OwnedRules;

/// Faults at random under clerks who post all at once.
#[cfg(feature = "cli")]
mod clerks;
/// What a client without a token asks for.
mod ledger;
/// On MongoDB, which fails by its own hand.
#[cfg(feature = "mongo")]
mod mongo;
/// What a person at the teller asks for.
mod teller;

/// A request is refused at most so often: once, and when it met a fault that lasts for a while.
const REFUSALS_MAX: usize = 3;

/// What makes a store fail.
trait Trouble {
    /// From now on the call of this number fails, counted from here.
    fn begin(&self, call: u64);
    /// A request was refused.
    fn refused(&self);
    /// Nothing fails any more. Says whether anything did.
    fn end(&self) -> bool;
}

/// One call of the store fails.
struct OneCall(Faults, Fault);

impl Trouble for OneCall {
    fn begin(&self, call: u64) {
        let fault = self.1;
        self.0.plan(move |number| (number == call).then_some(fault));
    }

    fn refused(&self) {}

    fn end(&self) -> bool {
        let failed = self.0.failed() > 0;
        self.0.plan(|_| None);
        failed
    }
}

/// A client of a server in trouble.
struct Client<'a> {
    api: &'a Api,
    trouble: &'a dyn Trouble,
    refusals: Cell<usize>,
}

impl Client<'_> {
    /// Asks until it succeeds. Every other answer is a problem document.
    fn ask(&self, request: impl Fn(&Api) -> Answered<String>) -> String {
        self.insist(|api| Ok(request(api).expect("an answer")))
    }

    /// The same for a stream, which may also break off when it has begun.
    fn stream(&self, path: &str) -> String {
        self.insist(|api| api.try_get(path))
    }

    fn insist(&self, request: impl Fn(&Api) -> Answered<String>) -> String {
        for _ in 0..=REFUSALS_MAX {
            match request(self.api) {
                Ok(Ok(text)) => return text,
                Ok(Err(refused)) => {
                    assert!([503, 507].contains(&refused.status), "{refused:?}");
                }
                Err(_) => {}
            }
            self.refusals.set(self.refusals.get() + 1);
            self.trouble.refused();
        }
        panic!("refused again and again");
    }

    fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> T {
        let text = self.ask(|api| api.try_get(path));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    fn put(&self, path: &str, body: &impl serde::Serialize) {
        self.ask(|api| Ok(api.put(path, body).map(|()| String::new())));
    }

    fn post(&self, path: &str, body: &impl serde::Serialize) -> String {
        self.ask(|api| api.try_post(path, &[], body))
    }
}

/// Goes through `scenario` with a fault at every call in turn, until there are no more calls.
fn at_every_call(test: &str, api: &Api, trouble: &dyn Trouble, scenario: &mut dyn FnMut(&Client)) {
    let mut refusals = 0;
    for call in 0.. {
        let client = Client {
            api,
            trouble,
            refusals: Cell::new(0),
        };
        trouble.begin(call);
        scenario(&client);
        refusals += client.refusals.get();
        if !trouble.end() {
            report(test, format_args!("{call} faults, {refusals} refusals"));
            assert!(call > 5 && refusals > 5);
            return;
        }
    }
}

fn rules(name: String, kind: BookKind) -> OwnedRules {
    OwnedRules {
        suite: SuiteId::Ristretto255,
        kind,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 100_000,
        min_entries: 4,
        name,
    }
}

/// Every fault at every call of a client's requests.
fn ledger_on<S: Store>(store: &str, make: impl AsyncFnOnce() -> S + Send + 'static) {
    let faults = Faults::default();
    let shared = faults.clone();
    let server =
        Server::launch(async move || AppState::new(FaultyStore::new(make().await, shared)));
    for fault in Fault::ALL {
        let test = format!("{fault:?} on {store}");
        let trouble = OneCall(faults.clone(), fault);
        let mut books = 0;
        at_every_call(&test, &server.api, &trouble, &mut |client| {
            books += 1;
            ledger::scenario(client, &format!("{fault:?} {books}"));
        });
    }
}

/// Every one of these faults at every call of a teller's requests.
fn teller_on<S: Store>(
    store: &str,
    kinds: &[Fault],
    make: impl AsyncFnOnce() -> S + Send + 'static,
) {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(Carrier::Pty, dir.path());
    teller::provision(&token);
    let faults = Faults::default();
    let (shared, address) = (faults.clone(), token.address().expect("a path"));
    let server = Server::launch(async move || {
        AppState::new(FaultyStore::new(make().await, shared)).with_token(address)
    });
    let mut teller = teller::Teller::open(&server.api);
    for fault in kinds {
        let test = format!("{fault:?} at the teller on {store}");
        let trouble = OneCall(faults.clone(), *fault);
        at_every_call(&test, &server.api, &trouble, &mut |client| {
            teller.scenario(client);
            teller::read_audit_log(&token);
        });
    }
}

fn account(number: u8) -> Handle {
    Handle([number; 32])
}

#[test]
fn a_ledger_in_memory_that_fails_at_any_call_stays_exact() {
    ledger_on("memory", async || MemoryStore::new());
}

#[test]
fn a_ledger_in_redb_that_fails_at_any_call_stays_exact() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("ledger.redb");
    ledger_on("redb", async move || {
        RedbStore::open(path).expect("a ledger")
    });
}

#[test]
fn a_teller_on_memory_that_fails_at_any_call_posts_once() {
    let kinds = [Fault::Full, Fault::Unacknowledged];
    teller_on("memory", &kinds, async || MemoryStore::new());
}

#[test]
#[ignore = "takes a minute"]
fn a_teller_on_redb_that_fails_at_any_call_posts_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("ledger.redb");
    teller_on("redb", &Fault::ALL, async move || {
        RedbStore::open(path).expect("a ledger")
    });
}
