//! A ledger moved between stores, and one in MongoDB that somebody edits through the driver: each
//! edit is found and named, and where nobody looks, the token refuses the total all the same.

#[cfg(feature = "cli")]
use std::process::{Command, Output};

use core_nostd::ids::BookId;
#[cfg(feature = "cli")]
use e2e_tests::process::text;
use e2e_tests::{
    desk::Desk,
    mongod::Database,
    server::{Server, StoreKind},
    token::{Carrier, TestToken},
};
use host_server::{
    maintenance::{progress::Progress, verify::verify},
    store::mongo::MongoStore,
};
use mongodb::{
    Client, Collection,
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
};
use token_client::OwnedRules;

use crate::story::{provision, rules};

const NIDS: [&str; 3] = ["alice", "bob-1", "carol"];
/// Past a checkpoint, so that there is one.
const POSTINGS: i64 = 520;

/// A desk at a server on MongoDB with a book that was posted to: (book, its total).
fn post(token: &TestToken, server: &Server) -> (Desk, BookId, i64) {
    let mut desk = Desk::new(token.client(), server.api.clone());
    provision(&mut desk);
    let book = desk.create_book(&OwnedRules {
        min_entries: 4,
        ..rules("eur")
    });
    let accounts = NIDS.map(|nid| desk.open_account(book, nid));
    let amounts: Vec<_> = (1..=POSTINGS)
        .map(|number| {
            (
                accounts[usize::try_from(number % 3).expect("small")],
                number,
            )
        })
        .collect();
    for batch in amounts.chunks(8) {
        desk.post_batch(book, batch);
    }
    desk.cut(book);
    (desk, book, POSTINGS * (POSTINGS + 1) / 2)
}

async fn faults(uri: &str) -> Vec<String> {
    let store = MongoStore::connect(uri).await.expect("MongoDB answers");
    let mut faults = Vec::new();
    let progress = Progress::new("verify", None);
    let report = verify(&store, &progress, &mut |fault| {
        faults.push(fault.to_owned())
    })
    .await;
    assert_eq!(report.expect("an answer").faults, faults.len() as u64);
    faults
}

/// The `_id` of what a chain has at a position.
fn place(book: BookId, desk: &Desk, seq: u64) -> Bson {
    let bytes = [&book.0[..], &desk.writer().0, &seq.to_be_bytes()].concat();
    Bson::Binary(Binary {
        subtype: BinarySubtype::Generic,
        bytes,
    })
}

/// A collection that somebody edits.
struct Edited(Collection<Document>);

impl Edited {
    async fn get(&self, id: &Bson) -> Document {
        let found = self.0.find_one(doc! { "_id": id }).await;
        found.expect("an answer").expect("a document")
    }

    /// Puts back what was there, whatever is there now.
    async fn put(&self, document: &Document) {
        let id = doc! { "_id": document.get("_id") };
        let replace = self.0.replace_one(id, document).upsert(true).await;
        replace.expect("an answer");
    }

    async fn remove(&self, id: &Bson) {
        let removed = self.0.delete_one(doc! { "_id": id }).await;
        assert_eq!(removed.expect("an answer").deleted_count, 1);
    }

    /// Gives a place what another one has.
    async fn copy(&self, from: &Bson, to: &Bson) {
        let mut document = self.get(from).await;
        document.insert("_id", to);
        self.put(&document).await;
    }
}

#[test]
fn what_is_edited_in_mongodb_is_named_and_its_total_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(Carrier::InProcess, dir.path());
    let database = Database::fresh();
    let uri = database.uri();
    let server = Server::start(&StoreKind::Mongo(uri.clone()));
    let (mut desk, book, expected) = post(&token, &server);
    assert_eq!(desk.open_total(book).0, expected);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let on = |name: &str| {
        let client = runtime
            .block_on(Client::with_uri_str(&uri))
            .expect("a client");
        let database = client.default_database().expect("a name in the URI");
        Edited(database.collection(name))
    };
    let (log, checkpoints) = (on("entries"), on("checkpoints"));
    let at = |seq| place(book, &desk, seq);
    let originals = [10, 20, 519].map(|seq| runtime.block_on(log.get(&at(seq))));
    let checkpoint = runtime.block_on(checkpoints.get(&at(512)));
    assert_eq!(runtime.block_on(faults(&uri)), [""; 0]);

    let check = |named: &[&str]| {
        let faults = runtime.block_on(faults(&uri));
        let is_named = |words: &&str| faults.iter().any(|fault| fault.contains(*words));
        assert!(named.iter().all(is_named), "{named:?} in {faults:#?}");
        assert!(faults.iter().all(|fault| fault.contains(&book.to_string())));
    };
    let restore = || {
        for original in &originals {
            runtime.block_on(log.put(original));
        }
        runtime.block_on(checkpoints.put(&checkpoint));
        assert_eq!(runtime.block_on(faults(&uri)), [""; 0]);
    };

    // Swapped: the same sum, so the total is still right.
    runtime.block_on(log.copy(&at(10), &at(519)));
    runtime.block_on(log.put(&{
        let mut other = originals[2].clone();
        other.insert("_id", at(10));
        other
    }));
    check(&["seq 10: the entry is not", "seq 519: the entry is not"]);
    restore();
    // Deleted, and once more at the end.
    runtime.block_on(log.remove(&at(20)));
    check(&["seq 20: the entry is missing"]);
    restore();
    runtime.block_on(log.copy(&at(519), &at(520)));
    check(&["seq 520: the entry is not"]);
    runtime.block_on(log.remove(&at(520)));
    restore();
    // The field that its index is made of.
    let unset = doc! { "$unset": { "account": "" } };
    let update = log.0.update_one(doc! { "_id": at(10) }, unset);
    runtime.block_on(update.into_future()).expect("an answer");
    check(&["seq 10: the index by account"]);
    restore();
    // Checkpoints.
    runtime.block_on(checkpoints.copy(&at(512), &at(500)));
    check(&["seq 500: no checkpoint belongs here"]);
    runtime.block_on(checkpoints.remove(&at(500)));
    restore();
    let sum = originals[0]
        .get_document("record")
        .expect("a record")
        .get("c2");
    let set = doc! { "$set": { "record.sum.c2": sum } };
    let update = checkpoints.0.update_one(doc! { "_id": at(512) }, set);
    runtime.block_on(update.into_future()).expect("an answer");
    check(&["seq 512: the checkpoint is not the sum"]);

    // Without a look: the server is started afresh and believes what is kept.
    let refuses = |desk: &mut Desk| {
        drop(Server::start(&StoreKind::Mongo(uri.clone())));
        let server = Server::start(&StoreKind::Mongo(uri.clone()));
        desk.api = server.api.clone();
        let sum = desk.total(book);
        let opened = desk.token.release_total(book, &sum.ranges, sum.elements());
        assert!(opened.is_err(), "the token opened a total that is not one");
    };
    refuses(&mut desk);
    restore_all(&runtime, &log, &checkpoints, &originals, &checkpoint);
    // An entry's amount, after the checkpoint.
    let set = doc! { "$set": { "record.c2": sum } };
    let id = originals[2].get("_id");
    let update = log.0.update_one(doc! { "_id": id }, set);
    runtime.block_on(update.into_future()).expect("an answer");
    let found = runtime.block_on(faults(&uri));
    assert!(
        found
            .iter()
            .any(|fault| fault.contains("seq 519: the entry is not")),
        "{found:?}"
    );
    refuses(&mut desk);
    restore_all(&runtime, &log, &checkpoints, &originals, &checkpoint);
    let server = Server::start(&StoreKind::Mongo(uri.clone()));
    desk.api = server.api.clone();
    assert_eq!(desk.open_total(book).0, expected);
}

fn restore_all(
    runtime: &tokio::runtime::Runtime,
    log: &Edited,
    checkpoints: &Edited,
    originals: &[Document],
    checkpoint: &Document,
) {
    for original in originals {
        runtime.block_on(log.put(original));
    }
    runtime.block_on(checkpoints.put(checkpoint));
}

#[cfg(feature = "cli")]
fn host_server(arguments: &[&str]) -> Output {
    let program = std::env::var_os("HOST_SERVER_BIN").expect("HOST_SERVER_BIN names the program");
    let output = Command::new(program).args(arguments).output();
    output.expect("host-server starts")
}

/// MongoDB, a file, redb, and back into another MongoDB; then a copy that is killed again and again.
#[cfg(feature = "cli")]
#[test]
fn a_ledger_moves_between_stores_and_its_totals_with_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(Carrier::InProcess, dir.path());
    let (first, last) = (Database::fresh(), Database::fresh());
    let file = dir.path().join("export").display().to_string();
    let redb = format!("redb:{}", dir.path().join("ledger.redb").display());
    let server = Server::start(&StoreKind::Mongo(first.uri()));
    let (mut desk, book, expected) = post(&token, &server);
    drop(server);
    let mut hashes = Vec::new();
    for arguments in [
        ["export", "--store", &first.uri(), "--to", &file],
        ["import", "--store", &redb, "--from", &file],
        ["export", "--store", &redb, "--to", &last.uri()],
        ["import", "--store", &redb, "--from", &last.uri()],
    ] {
        let output = host_server(&arguments);
        let says = text(&output.stdout);
        assert!(output.status.success(), "{says}{}", text(&output.stderr));
        let (_, hash) = says.split_once("SHA-256 ").expect("a hash");
        hashes.push(hash.to_owned());
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1, "{hashes:?}");
    for store in [&redb, &last.uri()] {
        let output = host_server(&["verify", "--store", store]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    }
    let server = Server::start(&StoreKind::Mongo(last.uri()));
    desk.api = server.api.clone();
    assert_eq!(desk.open_total(book).0, expected);
}

/// Killed after a few milliseconds, then a few more, until it gets through.
#[cfg(feature = "cli")]
#[test]
fn a_copy_that_is_killed_goes_on_where_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(Carrier::InProcess, dir.path());
    let source = Database::fresh();
    let server = Server::start(&StoreKind::Mongo(source.uri()));
    let (_, _, _) = post(&token, &server);
    drop(server);
    let target = format!("redb:{}", dir.path().join("ledger.redb").display());
    let file = dir.path().join("export");
    let source = source.uri();
    for arguments in [
        [
            "export",
            "--store",
            &source,
            "--to",
            file.to_str().expect("UTF-8"),
        ],
        ["export", "--store", &source, "--to", &target],
    ] {
        let program = std::env::var_os("HOST_SERVER_BIN").expect("a program");
        for bytes in 1..6_u64 {
            let mut copying = Command::new(&program)
                .args(arguments)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .expect("it starts");
            // Not after a time but after some progress: what was written grows from run to run.
            let partial = file.with_extension("partial");
            let ledger = dir.path().join("ledger.redb");
            let len = || {
                let len = |path| std::fs::metadata(path).map_or(0, |found| found.len());
                len(&partial) + len(&ledger)
            };
            while len() < bytes * 16_384 && copying.try_wait().expect("a child").is_none() {
                std::thread::yield_now();
            }
            let _ = copying.kill();
            copying.wait().expect("it ends");
        }
        let output = host_server(&arguments);
        let is_there = text(&output.stderr).contains("is there already");
        assert!(
            output.status.success() || is_there,
            "{}",
            text(&output.stderr)
        );
    }
    let output = host_server(&["verify", "--store", &target]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}
