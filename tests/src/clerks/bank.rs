//! A treasury and its branches: tokens that are processes of their own, enrolled, with one book.

use std::path::{Path, PathBuf};

use core_nostd::{
    book::BookKind,
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle},
    wire::Policy,
};
use token_client::{Address, Client, Deadlines, OwnedRules, Port, enrol};

use super::Shift;
use crate::{
    api::Api,
    desk::Desk,
    process::{Service, emulator, emulator_in_ceremony_mode},
    token::{AnyClient, Line},
};

/// The PIN of all tokens.
pub const PIN: &str = "271828";
const ACCOUNTS: [&str; 3] = ["alice-1x", "bobby-2x", "carol-3x"];

/// The tokens, the treasury's first, and what they share.
pub struct Bank {
    dirs: Vec<PathBuf>,
    tokens: Vec<Service>,
    book: BookId,
    accounts: Vec<Handle>,
}

impl Bank {
    /// Makes the tokens, with their state in `dir`, and the book and accounts on the server.
    #[must_use]
    pub fn open(dir: &Path, server: &Api, branches: usize) -> Self {
        let dirs: Vec<_> = (0..=branches)
            .map(|number| dir.join(format!("token-{number}")))
            .collect();
        let make = |dir: &PathBuf| {
            std::fs::create_dir_all(dir).expect("a folder");
            emulator_in_ceremony_mode(dir)
        };
        let tokens: Vec<Service> = dirs.iter().map(make).collect();
        let mut treasury = Desk::new(client(&tokens[0]), server.clone());
        let everything = Policy {
            totals: true,
            balances: true,
            open_sums: true,
        };
        let keys = treasury.token.provision(PIN, everything);
        keys.expect("the token makes keys");
        treasury.token.hello().expect("it says who it is now");
        let book = treasury.create_book(&rules());
        for token in &tokens[1..] {
            let mut branch = client(token);
            let writer = enrol(&mut treasury.token, &mut branch, "branch", PIN, |_| {});
            let writer = writer.expect("it is enrolled");
            let grant = treasury.token.grant_book(book, writer);
            let grant = grant.expect("the treasury vouches for it");
            branch.take_book(&grant).expect("a book");
        }
        let accounts = ACCOUNTS.map(|nid| treasury.open_account(book, nid));
        drop(treasury);
        let mut bank = Self {
            dirs,
            tokens,
            book,
            accounts: accounts.to_vec(),
        };
        (0..=branches).for_each(|token| bank.restart_token(token));
        bank
    }

    /// A shift in which each token has a clerk.
    #[must_use]
    pub fn shift(&self, server: Api) -> Shift {
        let addresses = (0..self.tokens.len()).map(|token| self.address(token));
        let (book, accounts) = (self.book, self.accounts.clone());
        Shift::new(book, accounts, server, addresses.collect())
    }

    /// `kill -9` for a token.
    pub fn kill_token(&mut self, token: usize) {
        self.tokens[token].kill();
    }

    /// Starts a token that was killed, or kills it and starts it.
    pub fn restart_token(&mut self, token: usize) {
        self.tokens[token].kill();
        self.tokens[token] = emulator(&self.dirs[token]);
    }

    /// Where a token is.
    #[must_use]
    pub fn address(&self, token: usize) -> Address {
        address(&self.tokens[token])
    }

    /// The treasury's desk, its token unlocked.
    #[must_use]
    pub fn treasury(&self, server: Api) -> Desk {
        let mut token = client(&self.tokens[0]);
        token.unlock(PIN).expect("it unlocks");
        Desk::new(token, server)
    }

    /// How many tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

fn rules() -> OwnedRules {
    OwnedRules {
        suite: SuiteId::Ristretto255,
        kind: BookKind::Authenticated,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 100_000,
        min_entries: 4,
        name: "savings".to_owned(),
    }
}

fn address(token: &Service) -> Address {
    token.address.parse().expect("an address")
}

fn client(token: &Service) -> AnyClient {
    let port = Port::open(&address(token)).expect("the line opens");
    let line: Box<dyn Line> = Box::new(port);
    Client::open(line, Deadlines::default()).expect("the token says hello")
}
