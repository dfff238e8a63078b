//! `tally` when something was lost: a server that comes back from an old copy, a token that does
//! not come back at all.

use std::{
    fs,
    path::{Path, PathBuf},
};

use e2e_tests::{
    api::Api,
    office::Office,
    process::{Person, emulator_in_ceremony_mode, text},
};
use serde_json::{Value, json};

const CREATE: [&str; 7] = [
    "book",
    "create",
    "savings",
    "--currency",
    "EUR",
    "--min-entries",
    "4",
];

fn open(dir: &Path, store: &str) -> Office {
    let office = Office::open(dir, store, "totals,balances");
    office.person.json(&CREATE);
    office
}

const fn post(amount: &str) -> [&str; 6] {
    ["post", "--book", "savings", "--nid", "AB1234", amount]
}

fn total(person: &Person) -> (Value, Value) {
    let mut total = person.json(&["total", "--book", "savings"]);
    (total["total"].take(), total["entries"].take())
}

/// A command that fails with this exit code and these words.
fn fails(person: &Person, args: &[&str], code: i32, words: &[&str]) {
    let output = person.tally(args);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {says}");
    let missing: Vec<_> = words.iter().filter(|word| !says.contains(**word)).collect();
    assert!(missing.is_empty(), "{args:?}: no {missing:?} in {says}");
}

/// Puts an entry that the server has back into the spool, as if it had not been sent.
fn spool_entry(home: &Path, server: &str, seq: u64) {
    let api = Api::new(server);
    let books: host_api::Books = api.get("/v1/books").expect("a list");
    let book = &books.books[0].book;
    let heads: host_api::Heads = api.get(&format!("/v1/books/{book}/heads")).expect("heads");
    let writer = &heads.heads[0].writer;
    let path = format!("/v1/books/{book}/entries?writer={writer}&from={seq}&limit=1");
    let mut entry: Value = api.get(&path).expect("one line");
    entry
        .as_object_mut()
        .expect("an entry")
        .remove("arrived_ms");
    let record = json!({
        "format": "tallystick-spool-v1", "book": book, "entries": {"signed": [entry]}, "cut": null,
    });
    let spool = home.join("STATE/tallystick/spool");
    fs::write(spool.join("late.json"), record.to_string()).expect("a file");
}

/// Where a ledger is, and how it is copied while no server runs.
trait Vault {
    fn store(&self) -> String;
    fn back_up(&mut self);
    fn restore(&mut self);
}

/// A file, and its copy.
struct File(PathBuf);

impl File {
    fn in_folder(dir: &Path) -> Self {
        Self(dir.join("ledger.redb"))
    }
}

impl Vault for File {
    fn store(&self) -> String {
        format!("redb:{}", self.0.display())
    }

    fn back_up(&mut self) {
        fs::copy(&self.0, self.0.with_extension("copy")).expect("a copy");
    }

    fn restore(&mut self) {
        fs::copy(self.0.with_extension("copy"), &self.0).expect("the copy");
    }
}

/// A mongod, and a copy of its files.
#[cfg(feature = "mongo")]
struct Cluster(e2e_tests::mongod::Mongod, PathBuf);

#[cfg(feature = "mongo")]
impl Vault for Cluster {
    fn store(&self) -> String {
        self.0.uri("tallystick")
    }

    fn back_up(&mut self) {
        self.0.kill();
        self.0.back_up(&self.1);
        self.0.restart();
    }

    fn restore(&mut self) {
        self.0.kill();
        self.0.restore(&self.1);
        self.0.restart();
    }
}

#[test]
fn a_server_from_an_old_copy_and_a_token_ahead_of_it_part_and_begin_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    part_and_begin_anew(dir.path(), &mut File::in_folder(dir.path()));
}

#[cfg(feature = "mongo")]
#[test]
fn a_mongod_from_an_old_copy_and_a_token_ahead_of_it_part_and_begin_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    let mongod = e2e_tests::mongod::Mongod::start();
    part_and_begin_anew(dir.path(), &mut Cluster(mongod, dir.path().join("copy")));
}

fn part_and_begin_anew(dir: &Path, vault: &mut impl Vault) {
    let mut office = open(dir, &vault.store());
    for _ in 0..4 {
        office.person.json(&post("10.00"));
    }
    assert_eq!(total(&office.person), ("40.00".into(), 4.into()));
    office.server.kill();
    vault.back_up();
    office.power_cut();
    for _ in 0..3 {
        office.person.json(&post("1.00"));
    }
    // The last of them has not left the spool, when the ledger is lost.
    spool_entry(dir, &office.server.address, 6);
    office.server.kill();
    vault.restore();
    office.power_cut();

    fails(&office.person, &post("2.00"), 1, &["wait in"]);
    let renew = ["token", "new-writer"];
    fails(&office.person, &renew, 5, &["ceremony"]);
    office.ceremony();
    fails(&office.person, &renew, 1, &["--abandon"]);
    let renewed = office.person.json(&["token", "new-writer", "--abandon"]);
    let spool = dir.join("STATE/tallystick/spool");
    let aside = fs::read_dir(spool).expect("the spool").next();
    let aside = aside.expect("a file").expect("a file").path();
    assert_eq!(aside.extension(), Some("abandoned".as_ref()));
    assert_ne!(renewed["old"], renewed["writer"]);
    let missing = &renewed["missing"][0];
    assert_eq!((&missing["from"], &missing["to"]), (&4.into(), &7.into()));

    for _ in 0..4 {
        office.person.json(&post("0.25"));
    }
    assert_eq!(total(&office.person), ("41.00".into(), 8.into()));
    let balance = ["balance", "--book", "savings", "--nid", "AB1234"];
    assert_eq!(office.person.json(&balance)["balance"], "41.00");
    // Without a gap nothing is given up, and nothing is missing.
    let renewed = office.person.json(&renew);
    assert_eq!(renewed["missing"].as_array().map(Vec::len), Some(0));
    assert_eq!(total(&office.person), ("41.00".into(), 8.into()));
}

#[test]
fn a_lost_token_comes_back_from_files_with_its_books_and_writers() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut office = open(dir.path(), &File::in_folder(dir.path()).store());
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/cli/tests/lightphe");
    let key = key.join("ffdhe2048.json").display().to_string();
    let classic = ["book", "create", "classic", "--currency", "EUR", "--open"];
    let import = ["--suite", "ffdhe2048", "--import-lightphe", &key];
    office.person.json(&[&classic[..], &import].concat());
    let own = ["book", "create", "own", "--currency", "EUR", "--open"];
    office.person.json(&own);
    for _ in 0..4 {
        office.person.json(&post("10.00"));
    }
    total(&office.person);
    let open = ["account", "open", "--book", "savings", "--nid", "ab-1234"];
    let account = office.person.json(&open);
    let handle = account["account"].as_str().expect("a handle");

    let sheets = dir.path().join("sheets").display().to_string();
    let backup = ["token", "backup", "--shares", "2of3", "--out", &sheets];
    fails(&office.person, &backup, 5, &["ceremony"]);
    office.ceremony();
    let made = office.person.json(&backup);
    let files: Vec<String> = serde_json::from_value(made["files"].clone()).expect("files");
    fails(&office.person, &backup, 1, &["share-1-of-3.txt"]);
    office.token.kill();

    let other = tempfile::tempdir().expect("a folder");
    let token = emulator_in_ceremony_mode(other.path());
    let person = Person::new(other.path(), &office.server, &token);
    let from = |files: &[&String]| {
        let mut args = vec!["token", "restore", "--admit", "--allow", "totals,balances"];
        args.extend(files.iter().flat_map(|file| ["--share-file", file]));
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let alone = from(&[&files[1]]);
    let alone: Vec<&str> = alone.iter().map(String::as_str).collect();
    fails(&person, &alone, 2, &["exactly 2 are needed"]);
    let restored = person.json(&from(&[&files[2], &files[0]]));
    assert_eq!(restored["books"], json!(["own", "savings"]));
    let left_out = &restored["left_out"];
    assert_eq!(left_out.as_array().map(Vec::len), Some(1));
    assert_eq!(left_out[0]["name"], "classic");
    assert_eq!(restored["writers"].as_array().map(Vec::len), Some(1));

    assert_eq!(total(&person), ("40.00".into(), 4.into()));
    person.json(&post("2.50"));
    let balance = ["balance", "--book", "savings", "--nid", "AB1234"];
    assert_eq!(person.json(&balance)["balance"], "42.50");
    let reveal = ["account", "reveal", "--book", "savings", handle];
    assert_eq!(person.json(&reveal)["nid"], "AB1234");
    person.json(&["token", "policy", "--allow", "totals"]);
    fails(&person, &balance, 5, &["tally token policy"]);
    fails(&person, &reveal, 5, &["policy"]);
    let again = person.json(&["book", "adopt"]);
    assert_eq!(again["books"].as_array().map(Vec::len), Some(0));
}
