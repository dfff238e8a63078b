//! The same in a real MongoDB, which fails in its own words and by its own hand.

use std::cell::Cell;

use e2e_tests::{
    mongod::{Mongod, command},
    server::{Server, StoreKind},
};
use host_server::store::{faulty::Fault, mongo::MongoStore};
use mongodb::bson::{Document, doc};

use super::{Trouble, at_every_call, ledger, ledger_on, teller_on};

/// From some command on, all commands fail, until a request was refused.
struct FailPoint {
    uri: String,
    /// What fails, and how.
    data: Document,
    refused: Cell<bool>,
}

impl FailPoint {
    fn set(&self, mode: impl Into<mongodb::bson::Bson>) {
        let mut fail = doc! { "configureFailPoint": "failCommand", "mode": mode };
        fail.insert("data", self.data.clone());
        command(&self.uri, fail);
    }
}

impl Trouble for FailPoint {
    fn begin(&self, call: u64) {
        self.refused.set(false);
        self.set(doc! { "skip": i64::try_from(call).expect("few calls") });
    }

    fn refused(&self) {
        self.refused.set(true);
        self.set("off");
    }

    fn end(&self) -> bool {
        self.set("off");
        self.refused.get()
    }
}

const WRITES: [&str; 4] = ["insert", "update", "delete", "findAndModify"];
const ALL: [&str; 7] = [
    "insert",
    "update",
    "delete",
    "findAndModify",
    "find",
    "aggregate",
    "getMore",
];

/// Every way to fail at every command.
fn fail_points(ways: &[(&str, &[&str], Document)]) {
    let mongod = Mongod::start();
    let uri = mongod.uri("tallystick");
    let server = Server::start(&StoreKind::Mongo(uri.clone()));
    for (name, commands, how) in ways {
        let mut data = how.clone();
        data.insert("failCommands", *commands);
        let point = FailPoint {
            uri: mongod.uri("admin"),
            data,
            refused: Cell::new(false),
        };
        let mut books = 0;
        at_every_call(
            &format!("MongoDB: {name}"),
            &server.api,
            &point,
            &mut |client| {
                books += 1;
                ledger::scenario(client, &format!("{name} {books}"));
            },
        );
    }
}

fn code(code: i32) -> Document {
    doc! { "errorCode": code }
}

fn concern(code: i32) -> Document {
    doc! { "writeConcernError": { "code": code, "errmsg": "a test says so" } }
}

#[test]
fn a_ledger_in_mongodb_that_stores_without_saying_so_stays_exact() {
    fail_points(&[("waiting for replication timed out", &WRITES, concern(64))]);
}

#[test]
#[ignore = "takes a minute"]
fn a_ledger_in_mongodb_that_has_no_room_or_no_time_stays_exact() {
    fail_points(&[
        ("no space left", &WRITES, code(14031)),
        ("no space left after the write", &WRITES, concern(14031)),
        ("time limit exceeded", &ALL, code(50)),
    ]);
}

/// After each of these the driver looks for a primary anew.
#[test]
#[ignore = "takes minutes"]
fn a_ledger_in_mongodb_whose_primary_steps_down_stays_exact() {
    fail_points(&[
        ("not the primary", &ALL, code(10107)),
        ("stepped down after the write", &WRITES, concern(189)),
    ]);
}

#[test]
#[ignore = "takes minutes"]
fn a_ledger_in_mongodb_that_hangs_up_stays_exact() {
    fail_points(&[("connection closed", &ALL, doc! { "closeConnection": true })]);
}

#[test]
#[ignore = "takes minutes"]
fn a_ledger_in_mongodb_that_fails_at_any_call_stays_exact() {
    let mongod = Mongod::start();
    let uri = mongod.uri("tallystick");
    ledger_on("MongoDB", async move || connect(&uri).await);
}

#[test]
#[ignore = "takes minutes"]
fn a_teller_on_mongodb_that_fails_at_any_call_posts_once() {
    let mongod = Mongod::start();
    let uri = mongod.uri("tallystick");
    teller_on("MongoDB", &Fault::ALL, async move || connect(&uri).await);
}

async fn connect(uri: &str) -> MongoStore {
    MongoStore::connect(uri).await.expect("MongoDB answers")
}
