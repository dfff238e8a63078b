//! Sixteen clients at once, on every store and on two servers that share one: whatever they are
//! answered, there is an order in which the requests, one after the other, give these answers.
//!
//! The entries are group elements of which this test knows the logarithms, so it also knows every
//! sum that a server may give.

use std::thread;

use core_nostd::{book::BookKind, ciphersuite::SuiteId, currency::Currency, ids::BookId};
use e2e_tests::{
    api::Api,
    elements::element,
    history::Clock,
    seed::{self, report},
    server::{Server, StoreKind},
};
use host_api as api;
use token_client::OwnedRules;

use client::{Client, Told};

/// What a client does at random.
mod client;
/// What the answers demand of the order.
mod judge;

const CLIENTS: usize = 16;
/// Requests of each client …
const REQUESTS: usize = 40;
/// … and in the long run.
const REQUESTS_LONG: usize = 400;
const WRITERS: u8 = 4;
const ACCOUNTS: u8 = 3;

/// The logarithms of `c1`, `c2`, `tag` and `account_tag` of the entry of each number: the number
/// and, so that no column can stand for another, one of these.
const COLUMNS: [i64; 4] = [0, 1 << 40, 1 << 41, 1 << 42];

/// Two books, an authenticated and an open one, and where they are.
struct Ledger {
    servers: Vec<Api>,
    book: BookId,
    open: BookId,
    clock: Clock,
}

impl Ledger {
    /// Makes the books and the accounts.
    fn new(servers: &[Server]) -> Self {
        let servers: Vec<Api> = servers.iter().map(|server| server.api.clone()).collect();
        let make = |kind: BookKind| {
            let rules = rules(kind);
            let id = rules.as_rules().id();
            let document = api::Book {
                book: id.to_string(),
                suite: rules.suite.name().to_owned(),
                kind: kind.name().to_owned(),
                currency: "EUR".to_owned(),
                scale: 2,
                cap: rules.cap,
                min_entries: rules.min_entries,
                name: rules.name,
                public_key: element(1),
            };
            servers[0]
                .put(&format!("/v1/books/{id}"), &document)
                .expect("a new book");
            id
        };
        let (book, open) = (make(BookKind::Authenticated), make(BookKind::Open));
        for account in 0..ACCOUNTS {
            let sealed_nid = vec![7; core_nostd::account::SEALED_NID_LEN].into();
            let body = api::OpenAccount { sealed_nid };
            let path = format!("/v1/books/{book}/accounts/{}", client::account(account));
            servers[0].put(&path, &body).expect("a new account");
        }
        Self {
            servers,
            book,
            open,
            clock: Clock::default(),
        }
    }
}

fn rules(kind: BookKind) -> OwnedRules {
    OwnedRules {
        suite: SuiteId::Ristretto255,
        kind,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 100,
        min_entries: 1,
        name: kind.name().to_owned(),
    }
}

/// Lets the clients loose on servers that share a ledger, and judges what they were answered.
fn check(test: &str, servers: &[Server], requests: usize) {
    let ledger = Ledger::new(servers);
    let mut rng = seed::generator(test);
    let clients = (0..CLIENTS).map(|number| Client::new(number, &ledger, &mut rng));
    let clients: Vec<Client<'_>> = clients.collect();
    let work = |mut client: Client<'_>| {
        for _ in 0..requests {
            client.one_request();
        }
        client.into_told()
    };
    let mut told = Told::default();
    thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(move || work(client)))
            .collect();
        for thread in threads {
            let Told { numbers, records } = thread.join().expect("the client was answered");
            told.numbers.extend(numbers);
            told.records.extend(records);
        }
    });
    let counts = judge::judge(&ledger, &told).unwrap_or_else(|error| panic!("{error}"));
    report(test, format_args!("{counts}"));
}

fn on_redb(test: &str, requests: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = StoreKind::Redb(dir.path().join("ledger.redb"));
    check(test, &[Server::start(&store)], requests);
}

#[test]
fn sixteen_clients_of_a_server_on_memory() {
    let server = Server::start(&StoreKind::Memory);
    check("sixteen clients on memory", &[server], REQUESTS);
}

#[test]
fn sixteen_clients_of_a_server_on_redb() {
    on_redb("sixteen clients on redb", REQUESTS);
}

#[test]
#[ignore = "takes a minute"]
fn sixteen_clients_of_a_server_on_redb_for_long() {
    on_redb("sixteen clients on redb, long", REQUESTS_LONG);
}

#[cfg(feature = "mongo")]
mod mongo {
    use e2e_tests::mongod::Database;

    use super::*;

    #[test]
    fn sixteen_clients_of_a_server_on_mongo() {
        let database = Database::fresh();
        let server = Server::start(&StoreKind::Mongo(database.uri()));
        check("sixteen clients on MongoDB", &[server], REQUESTS);
    }

    fn on_two_servers(test: &str, requests: usize) {
        let database = Database::fresh();
        let store = StoreKind::Mongo(database.uri());
        let servers = [Server::start(&store), Server::start(&store)];
        check(test, &servers, requests);
    }

    #[test]
    fn sixteen_clients_of_two_servers_on_one_mongo() {
        on_two_servers("sixteen clients of two servers on one MongoDB", REQUESTS);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn sixteen_clients_of_two_servers_on_one_mongo_for_long() {
        on_two_servers("sixteen clients of two servers, long", REQUESTS_LONG);
    }
}
