//! A server with a token, for the teller's tests.

use std::path::{Path, PathBuf};

use host_api::{self as api, teller as bodies};
use host_server::{
    AppState,
    store::{Store, memory::MemoryStore, redb::RedbStore},
};
use tempfile::TempDir;

use crate::{
    fixtures::{Reply, Server},
    line::{Line, PIN},
};

/// A server with a token and one book on both.
pub struct Desk {
    pub server: Server,
    pub line: Line,
    pub book: String,
    /// Where token and ledger keep their state.
    dir: TempDir,
}

impl Desk {
    pub fn open() -> Self {
        Self::with(
            MemoryStore::new(),
            tempfile::tempdir().expect("a folder"),
            true,
        )
    }

    pub fn with(store: impl Store, dir: TempDir, answer: bool) -> Self {
        let line = Line::start(dir.path(), answer);
        let server = Server::on(AppState::new(store).with_token(line.address()));
        let unlocked: bodies::Info = server.post("/v1/teller/unlock", &pin(PIN)).ok();
        assert_eq!(unlocked.state, "unlocked");
        let book: api::Book = server
            .post("/v1/teller/books", &new_book("authenticated"))
            .ok();
        Self {
            server,
            line,
            book: book.book,
            dir,
        }
    }

    /// A desk whose ledger outlives its server, and the ledger's path.
    pub fn on_file() -> (Self, PathBuf) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ledger.redb");
        let store = RedbStore::open(&path).expect("a store");
        (Self::with(store, dir, true), path)
    }

    /// Another server on the same ledger, with the same token on a line that works.
    pub fn restart(self, path: &Path) -> Self {
        let Self {
            server,
            line,
            book,
            dir,
        } = self;
        drop(server);
        line.mend();
        let store = RedbStore::open(path).expect("the store is free again");
        let server = Server::on(AppState::new(store).with_token(line.address()));
        Self {
            server,
            line,
            book,
            dir,
        }
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/v1/teller/books/{}{rest}", self.book)
    }

    pub fn post(&self, nid: &str, amount: &str, key: &str) -> Reply {
        post(&self.server, &self.book, nid, amount, key)
    }

    /// A posting that succeeds; its position.
    pub fn posted(&self, nid: &str, amount: &str, key: &str) -> u64 {
        self.post(nid, amount, key).ok::<bodies::Posted>().seq
    }

    pub fn log(&self) -> Vec<api::StoredEntry> {
        self.server
            .get(&format!("/v1/books/{}/entries", self.book))
            .lines()
    }

    pub fn release(&self, rest: &str, body: &impl serde::Serialize) -> api::Statement {
        let released: bodies::Released = self.server.post(&self.path(rest), body).ok();
        released.statement
    }
}

pub fn post(server: &Server, book: &str, nid: &str, amount: &str, key: &str) -> Reply {
    let body = bodies::Post {
        nid: nid.to_owned(),
        amount: amount.to_owned(),
    };
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    let body = serde_json::to_vec(&body).expect("serialises");
    server.send(
        "POST",
        &format!("/v1/teller/books/{book}/entries"),
        &headers,
        &body,
    )
}

pub fn pin(pin: &str) -> bodies::Unlock {
    bodies::Unlock {
        pin: pin.to_owned(),
    }
}

pub fn new_book(kind: &str) -> bodies::NewBook {
    bodies::NewBook {
        suite: "ristretto255".into(),
        kind: kind.into(),
        currency: "EUR".into(),
        cap: 10_000_000,
        min_entries: 4,
        name: "desk".into(),
    }
}

pub fn ask(nid: &str) -> bodies::AskBalance {
    bodies::AskBalance {
        nid: nid.to_owned(),
        last: false,
        window: None,
    }
}

/// A key of its own for each number.
pub fn key(number: u32) -> String {
    format!("key-of-sixteen-characters-{number}")
}
