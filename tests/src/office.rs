//! A token, a server and somebody at the keyboard, all of them processes that can be killed.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    api::Api,
    process::{Person, Service, emulator, emulator_in_ceremony_mode, host_server},
};

/// A provisioned token, a server on a store, and a person with `tally`.
pub struct Office {
    dir: PathBuf,
    store: String,
    /// Who types.
    pub person: Person,
    /// The emulated token; its button says yes.
    pub token: Service,
    /// The server.
    pub server: Service,
}

impl Office {
    /// Opens with files in `dir`, this store, and a token that may open what `allow` lists.
    #[must_use]
    pub fn open(dir: &Path, store: &str, allow: &str) -> Self {
        let (token, server) = (emulator(dir), host_server(store));
        let person = Person::new(dir, &server, &token);
        person.json(&["token", "provision", "--allow", allow]);
        Self {
            dir: dir.to_owned(),
            store: store.to_owned(),
            person,
            token,
            server,
        }
    }

    /// `kill -9` for both, and both come back.
    pub fn power_cut(&mut self) {
        // The old ones are gone before the new ones start: files have one owner.
        self.server.kill();
        self.token.kill();
        self.server = host_server(&self.store);
        self.token = emulator(&self.dir);
        self.person.server.clone_from(&self.server.address);
        self.person.token.clone_from(&self.token.address);
    }

    /// Switches the token off, and on again with its button held.
    pub fn ceremony(&mut self) {
        self.token.kill();
        self.token = emulator_in_ceremony_mode(&self.dir);
        self.person.token.clone_from(&self.token.address);
    }

    /// How many entries the server has of a book.
    #[must_use]
    pub fn posted(&self, book: &str) -> u64 {
        let api = Api::new(&self.server.address);
        let books: host_api::Books = api.get("/v1/books").expect("a list");
        let named = books.books.iter().find(|known| known.name == book);
        let path = format!("/v1/books/{}/heads", named.expect("the book").book);
        let heads: host_api::Heads = api.get(&path).expect("the heads");
        heads.heads.iter().map(|head| head.next_seq).sum()
    }

    /// Starts a command that posts into `book` so many times, each time with a power cut and the
    /// command killed: the k-th time when `step · k` entries are there, or it has ended.
    pub fn interrupt(&mut self, args: &[&str], book: &str, times: u64, step: u64) {
        for kill in 0..times {
            let mut running = self.person.command(args);
            let mut running = running.stderr(Stdio::null()).spawn().expect("tally starts");
            // The further entries are on the server, the later the kill: no clock is involved.
            while self.posted(book) < step * kill && running.try_wait().expect("a child").is_none()
            {
            }
            if kill % 2 == 0 {
                self.power_cut();
            }
            let _ = running.kill();
            let _ = running.wait();
            if kill % 2 == 1 {
                self.power_cut();
            }
        }
    }
}

/// Cents as `tally` prints euros.
#[must_use]
pub fn euros(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}
