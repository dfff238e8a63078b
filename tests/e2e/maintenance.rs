//! A ledger moved between stores, and one in MongoDB that somebody edits through the driver: each
//! edit is found and named, and where nobody looks, the token refuses the total all the same.

#[cfg(feature = "cli")]
use std::process::{Command, Output};

use core_nostd::ids::{BookId, WriterId};
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

/// A ledger with a book that was posted to, and what is edited in it as it was before.
struct Scene {
    runtime: tokio::runtime::Runtime,
    uri: String,
    book: BookId,
    writer: WriterId,
    log: Edited,
    checkpoints: Edited,
    entries: Vec<Document>,
    checkpoint: Document,
}

impl Scene {
    fn of(uri: String, book: BookId, writer: WriterId) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let client = runtime.block_on(Client::with_uri_str(&uri));
        let database = client.expect("a client").default_database();
        let database = database.expect("a name in the URI");
        let [log, checkpoints] = ["entries", "checkpoints"].map(|name| database.collection(name));
        let mut scene = Self {
            runtime,
            uri,
            book,
            writer,
            log: Edited(log),
            checkpoints: Edited(checkpoints),
            entries: Vec::new(),
            checkpoint: Document::new(),
        };
        let get = |log: &Edited, seq| scene.runtime.block_on(log.get(&scene.at(seq)));
        let entries = [10, 20, 519].map(|seq| get(&scene.log, seq));
        let checkpoint = get(&scene.checkpoints, 512);
        (scene.entries, scene.checkpoint) = (entries.to_vec(), checkpoint);
        scene
    }

    /// The `_id` of what the chain has at a position.
    fn at(&self, seq: u64) -> Bson {
        let bytes = [&self.book.0[..], &self.writer.0, &seq.to_be_bytes()].concat();
        Bson::Binary(Binary {
            subtype: BinarySubtype::Generic,
            bytes,
        })
    }

    fn set(&self, edited: &Edited, seq: u64, update: Document) {
        let update = edited.0.update_one(doc! { "_id": self.at(seq) }, update);
        let updated = self.runtime.block_on(update.into_future());
        assert_eq!(updated.expect("an answer").modified_count, 1);
    }

    fn copy(&self, edited: &Edited, from: u64, to: u64) {
        let (from, to) = (self.at(from), self.at(to));
        self.runtime.block_on(edited.copy(&from, &to));
    }

    fn remove(&self, edited: &Edited, seq: u64) {
        self.runtime.block_on(edited.remove(&self.at(seq)));
    }

    /// All of these are named, and nothing of another book.
    fn check(&self, named: &[&str]) {
        let faults = self.runtime.block_on(faults(&self.uri));
        let is_named = |words: &&str| faults.iter().any(|fault| fault.contains(*words));
        assert!(named.iter().all(is_named), "{named:?} in {faults:#?}");
        let book = self.book.to_string();
        assert!(faults.iter().all(|fault| fault.contains(&book)));
    }

    fn restore(&self) {
        for entry in &self.entries {
            self.runtime.block_on(self.log.put(entry));
        }
        self.runtime
            .block_on(self.checkpoints.put(&self.checkpoint));
        assert_eq!(self.runtime.block_on(faults(&self.uri)), [""; 0]);
    }
}

#[test]
fn what_is_edited_in_mongodb_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(Carrier::InProcess, dir.path());
    let database = Database::fresh();
    let server = Server::start(&StoreKind::Mongo(database.uri()));
    let (mut desk, book, expected) = post(&token, &server);
    assert_eq!(desk.open_total(book).0, expected);
    let scene = Scene::of(database.uri(), book, desk.writer());
    let (log, checkpoints) = (&scene.log, &scene.checkpoints);
    scene.restore();

    scene.copy(log, 10, 519);
    let mut other = scene.entries[2].clone();
    other.insert("_id", scene.at(10));
    scene.runtime.block_on(log.put(&other));
    scene.check(&["seq 10: the entry is not", "seq 519: the entry is not"]);
    scene.restore();
    scene.remove(log, 20);
    scene.check(&["seq 20: the entry is missing"]);
    scene.restore();
    scene.copy(log, 519, 520);
    scene.check(&["seq 520: the entry is not"]);
    scene.remove(log, 520);
    scene.set(log, 10, doc! { "$unset": { "account": "" } });
    scene.check(&["seq 10: the index by account"]);
    scene.restore();
    scene.copy(checkpoints, 512, 500);
    scene.check(&["seq 500: no checkpoint belongs here"]);
    scene.remove(checkpoints, 500);
    scene.copy(checkpoints, 512, 1024);
    scene.check(&["seq 1024: a checkpoint is here, but the chain ends at 520"]);
    scene.remove(checkpoints, 1024);
    let record = scene.entries[0].get_document("record").expect("a record");
    let c2 = doc! { "$set": { "record.sum.c2": record.get("c2") } };
    scene.set(checkpoints, 512, c2);
    scene.check(&["seq 512: the checkpoint is not the sum"]);
}

/// Nobody looks: the server is started afresh and believes what is kept.
#[test]
fn what_is_edited_in_mongodb_is_no_total_that_a_token_opens() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(Carrier::InProcess, dir.path());
    let database = Database::fresh();
    let kind = StoreKind::Mongo(database.uri());
    let server = Server::start(&kind);
    let (mut desk, book, expected) = post(&token, &server);
    drop(desk.total(book));
    let scene = Scene::of(database.uri(), book, desk.writer());
    drop(server);
    let record = scene.entries[0].get_document("record").expect("a record");
    let c2 = record.get("c2");
    for (edited, seq, update) in [
        (
            &scene.checkpoints,
            512,
            doc! { "$set": { "record.sum.c2": c2 } },
        ),
        (&scene.log, 519, doc! { "$set": { "record.c2": c2 } }),
    ] {
        scene.set(edited, seq, update);
        let server = Server::start(&kind);
        desk.api = server.api.clone();
        let sum = desk.total(book);
        let opened = desk.token.release_total(book, &sum.ranges, sum.elements());
        assert!(
            opened.is_err(),
            "the token opened a total that is none: {seq}"
        );
        drop(server);
        scene.restore();
    }
    let server = Server::start(&kind);
    desk.api = server.api.clone();
    assert_eq!(desk.open_total(book).0, expected);
}

#[cfg(feature = "cli")]
fn host_server(arguments: &[&str]) -> Output {
    let program = std::env::var_os("HOST_SERVER_BIN").expect("HOST_SERVER_BIN names the program");
    let output = Command::new(program).args(arguments).output();
    output.expect("host-server starts")
}

/// MongoDB, a file, redb, and into another MongoDB.
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
