//! Three clerks at once, on a store that fails every so often, in any way.

use e2e_tests::{
    clerks::Bank,
    seed::{self, Rng, below, report},
    server::Server,
};
use host_server::{
    AppState,
    store::{
        Store,
        faulty::{Fault, Faults, FaultyStore},
        redb::RedbStore,
    },
};

use crate::kills::{BRANCHES, campaign};

/// One call in so many fails.
const ONE_IN: u64 = 6;

fn clerks_on<S: Store>(
    test: &str,
    requests: usize,
    make: impl AsyncFnOnce() -> S + Send + 'static,
) {
    let dir = tempfile::tempdir().expect("a folder");
    let faults = Faults::default();
    let shared = faults.clone();
    let server =
        Server::launch(async move || AppState::new(FaultyStore::new(make().await, shared)));
    let mut bank = Bank::open(dir.path(), &server.api, BRANCHES);
    let mut rng = seed::generator(&format!("{test}, its faults"));
    faults.plan(move |_| {
        let fails = rng.next_u64().is_multiple_of(ONE_IN);
        fails.then(|| Fault::ALL[below(&mut rng, Fault::ALL.len())])
    });
    campaign(test, 1, &mut bank, server.api.clone(), |shift, _, _| {
        shift.wait_for_requests(requests);
        report(test, format_args!("{} calls failed", faults.failed()));
        assert!(faults.failed() > 20);
        faults.plan(|_| None);
    });
}

#[test]
fn clerks_on_a_redb_that_fails_now_and_then_stay_exact() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("ledger.redb");
    clerks_on("clerks on a faulty redb", 200, async move || {
        RedbStore::open(path).expect("a ledger")
    });
}

#[cfg(feature = "mongo")]
#[test]
#[ignore = "takes a minute"]
fn clerks_on_a_mongodb_that_fails_now_and_then_stay_exact() {
    let database = e2e_tests::mongod::Database::fresh();
    let uri = database.uri();
    clerks_on("clerks on a faulty MongoDB", 2000, async move || {
        let store = host_server::store::mongo::MongoStore::connect(&uri).await;
        store.expect("MongoDB answers")
    });
}
