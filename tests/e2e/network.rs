//! A bad network between server and database: connections are cut in the middle of a message,
//! delayed, and closed in one direction only. What was acknowledged is stored all the same.

use e2e_tests::{
    api::Api,
    clerks::Bank,
    mongod::Mongod,
    process::host_server,
    proxy::Proxy,
    seed::{self, report},
};

use crate::kills::{BRANCHES, campaign};

/// Lets clerks post until so many connections have broken.
fn clerks_post(test: &str, breaks: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let mongod = Mongod::start();
    let mut rng = seed::generator(&format!("{test}, its proxy"));
    let proxy = Proxy::start(&mongod.socket(), &mut rng);
    let store = format!(
        "mongodb://{}/tallystick?directConnection=true",
        proxy.address()
    );
    let server = host_server(&store);
    let api = Api::new(&server.address);
    let mut bank = Bank::open(dir.path(), &api, BRANCHES);
    proxy.set_bad(true);
    campaign(test, 1, &mut bank, api, |shift, _, _| {
        while proxy.damage().breaks() < breaks {
            shift.wait_for_requests(1);
        }
        proxy.set_bad(false);
    });
    let damage = proxy.damage();
    report(test, format_args!("{damage}"));
    assert!(damage.all_kinds(), "{damage}");
}

#[test]
fn a_network_that_cuts_and_delays_loses_nothing_and_doubles_nothing() {
    clerks_post("a bad network", 25);
}

#[test]
#[ignore = "takes minutes"]
fn a_network_that_cuts_and_delays_a_hundred_times() {
    clerks_post("a bad network, long", 100);
}
