//! `kill -9` in the middle of everything: of the server, of its database, of a token, while three
//! clerks post. What was acknowledged is stored, no position is lost or doubled, and in the end the
//! entries, the balances and the total that a real token opens are the same.

use std::{collections::BTreeMap, thread};

use core_nostd::wire::Policy;
use e2e_tests::{
    api::Api,
    clerks::{Bank, Clerk, PIN, Shift},
    process::{Service, host_server},
    seed::{self, ChaCha20Rng, Rng, below, report},
};
use token_client::Client;

/// At the teller.
mod teller;

/// Clerks beside that of the treasury.
pub const BRANCHES: usize = 2;
/// At most so many requests between two kills.
const REQUESTS_MAX: usize = 30;
/// At most so many turns of an idle loop, as a power of two, after the last of them has begun.
const TURNS_BITS_MAX: usize = 20;

/// Kills again and again while clerks post, and settles in the end.
pub fn campaign(
    test: &str,
    rounds: usize,
    bank: &mut Bank,
    server: Api,
    mut kill: impl FnMut(&Shift, &mut Bank, &mut ChaCha20Rng),
) {
    let mut rng = seed::generator(test);
    let shift = bank.shift(server);
    let balances = thread::scope(|scope| {
        let _alarm = shift.alarm();
        let start = |token| {
            let clerk = Clerk::new(&shift, token, PIN, &mut rng);
            scope.spawn(move || clerk.work())
        };
        let clerks: Vec<_> = (0..bank.len()).map(start).collect();
        for _ in 0..rounds {
            kill(&shift, bank, &mut rng);
        }
        shift.close();
        let mut balances = BTreeMap::new();
        for clerk in clerks {
            for (account, minor) in clerk.join().expect("the clerk came to an end") {
                *balances.entry(account).or_default() += minor;
            }
        }
        balances
    });
    shift.settle(&mut bank.treasury(shift.server()), &balances);
    let (kills, hits) = shift.kills();
    report(
        test,
        format_args!(
            "{kills} kills, {hits} of them in mid-request; {}; {} entries acknowledged and stored",
            shift.figures(),
            shift.acknowledged()
        ),
    );
    assert!(2 * hits >= kills, "{hits} of {kills} kills hit a request");
}

/// Lets a random moment pass.
fn linger(rng: &mut ChaCha20Rng) {
    let turns = rng.next_u64() % (1 << below(rng, TURNS_BITS_MAX));
    (0..turns).for_each(|_| std::hint::spin_loop());
}

/// Makes keys on a new token.
fn provision(token: &Service) {
    let address = token.address.parse().expect("an address");
    let everything = Policy {
        totals: true,
        balances: true,
        open_sums: true,
    };
    let mut client = Client::connect(&address).expect("the token says hello");
    client.provision(PIN, everything).expect("keys");
}

/// Kills a server and starts it again.
fn kill_server(shift: &Shift, server: &mut Service, store: &str, rng: &mut ChaCha20Rng) {
    shift.wait_for_requests(1 + below(rng, REQUESTS_MAX));
    linger(rng);
    shift.kill_server(|| server.kill());
    *server = host_server(store);
    shift.server_is_up(Api::new(&server.address));
}

fn servers_on(test: &str, store: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut server = host_server(store);
    let api = Api::new(&server.address);
    let mut bank = Bank::open(dir.path(), &api, BRANCHES);
    campaign(test, rounds, &mut bank, api, |shift, _, rng| {
        kill_server(shift, &mut server, store, rng);
    });
}

fn servers_on_redb(test: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = format!("redb:{}", dir.path().join("ledger.redb").display());
    servers_on(test, &store, rounds);
}

/// Kills one token or another.
fn tokens(test: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = format!("redb:{}", dir.path().join("ledger.redb").display());
    let server = host_server(&store);
    let api = Api::new(&server.address);
    let mut bank = Bank::open(dir.path(), &api, BRANCHES);
    campaign(test, rounds, &mut bank, api, |shift, bank, rng| {
        let token = below(rng, bank.len());
        shift.wait_for_signings(token, 1 + below(rng, 5));
        linger_briefly(rng);
        shift.kill_token(token, || bank.kill_token(token));
        bank.restart_token(token);
        shift.token_is_up(token, bank.address(token));
        shift.check_log(&shift.server());
    });
}

/// Lets about as much time pass at most as it takes to sign.
fn linger_briefly(rng: &mut ChaCha20Rng) {
    let turns = rng.next_u64() % (1 << (TURNS_BITS_MAX - 3));
    (0..turns).for_each(|_| std::hint::spin_loop());
}

#[test]
fn servers_killed_on_redb_lose_nothing_and_double_nothing() {
    servers_on_redb("servers killed on redb", 10);
}

#[test]
#[ignore = "takes minutes"]
fn servers_killed_on_redb_a_hundred_times() {
    servers_on_redb("servers killed on redb, long", 100);
}

#[test]
fn tokens_killed_sign_no_position_twice() {
    tokens("tokens killed", 6);
}

#[test]
#[ignore = "takes minutes"]
fn tokens_killed_sixty_times() {
    tokens("tokens killed, long", 60);
}

#[cfg(feature = "mongo")]
mod mongo {
    use e2e_tests::mongod::{Database, Mongod};

    use super::*;

    fn servers_on_mongo(test: &str, rounds: usize) {
        let database = Database::fresh();
        servers_on(test, &database.uri(), rounds);
    }

    /// Kills the database under a server that lives on.
    fn databases(test: &str, rounds: usize) {
        let dir = tempfile::tempdir().expect("a folder");
        let mut mongod = Mongod::start();
        let server = host_server(&mongod.uri("tallystick"));
        let api = Api::new(&server.address);
        let mut bank = Bank::open(dir.path(), &api, BRANCHES);
        campaign(test, rounds, &mut bank, api.clone(), |shift, _, rng| {
            shift.wait_for_requests(1 + below(rng, REQUESTS_MAX));
            linger(rng);
            shift.kill(|| mongod.kill());
            mongod.restart();
            while !matches!(api.try_get("/readyz"), Ok(Ok(_))) {}
            shift.check_log(&api);
        });
    }

    #[test]
    fn servers_killed_on_mongo_lose_nothing_and_double_nothing() {
        servers_on_mongo("servers killed on MongoDB", 5);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn servers_killed_on_mongo_fifty_times() {
        servers_on_mongo("servers killed on MongoDB, long", 50);
    }

    #[test]
    fn databases_killed_lose_nothing_and_double_nothing() {
        databases("mongod killed", 2);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn databases_killed_twenty_times() {
        databases("mongod killed, long", 20);
    }
}
