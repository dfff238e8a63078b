//! An honest desk: what the machine between a token and a server does, step by step.
//!
//! The scenarios use it for the honest part; what an attacker changes, they change themselves.

use core_nostd::{
    amount::Amount,
    ciphersuite::Ristretto255Sha512,
    group::{Group, ristretto255::Ristretto255},
    ids::{BookId, Handle, WriterId},
    tag::{Cut, LastPosition, Range},
    wire::{Posting, TokenError},
};
use host_api as api;
use host_kernels::discrete_log::{DiscreteLogTable, TableBits, Window};
use token_client::{ClientError, OwnedRules, OwnedStatement, Posted};

use crate::{
    api::{Api, Refused},
    token::AnyClient,
};

/// Totals in the tests stay below 2^32 minor units.
const WINDOW_BITS: u8 = 32;
/// Small: it is built in a moment.
const TABLE_BITS: u8 = 14;

/// A desk with a token and a server.
pub struct Desk {
    /// The token.
    pub token: AnyClient,
    /// The server.
    pub api: Api,
    table: DiscreteLogTable<Ristretto255Sha512>,
}

/// A sum as the server gives it.
pub struct Sum {
    /// `Σc1`, `Σc2`, and the sum of tags.
    pub parts: [Vec<u8>; 3],
    /// What it covers, for a total.
    pub ranges: Vec<Range>,
    /// What it covers, for a balance.
    pub last: Vec<LastPosition>,
    /// Number of entries.
    pub count: u64,
}

impl Sum {
    /// The three elements, borrowed.
    #[must_use]
    pub fn elements(&self) -> [&[u8]; 3] {
        self.parts.each_ref().map(Vec::as_slice)
    }
}

impl Desk {
    /// A desk.
    #[must_use]
    pub fn new(token: AnyClient, api: Api) -> Self {
        let bits = TableBits::new(TABLE_BITS).expect("in range");
        Self {
            token,
            api,
            table: DiscreteLogTable::build(bits, |_, _| ()),
        }
    }

    /// Creates a book on the token and makes it known to the server.
    pub fn create_book(&mut self, rules: &OwnedRules) -> BookId {
        let book = self
            .token
            .create_book(&rules.as_rules())
            .expect("a new book");
        let document = self.book_document(rules);
        self.api
            .put(&format!("/v1/books/{}", book.id), &document)
            .expect("the book is taken");
        book.id
    }

    /// The book as the server knows it.
    pub fn book_document(&mut self, rules: &OwnedRules) -> api::Book {
        let id = rules.as_rules().id();
        api::Book {
            book: id.to_string(),
            suite: rules.suite.name().to_owned(),
            kind: rules.kind.name().to_owned(),
            currency: rules.currency.code().to_owned(),
            scale: rules.currency.scale(),
            cap: rules.cap,
            min_entries: rules.min_entries,
            name: rules.name.clone(),
            public_key: self.token.public_key(id).expect("a public key").into(),
        }
    }

    /// Finds the account of a NID, and opens it on the server.
    pub fn open_account(&mut self, book: BookId, nid: &str) -> Handle {
        let account = self.token.handle(book, nid).expect("a handle");
        let body = api::OpenAccount {
            sealed_nid: account.sealed_nid.into(),
        };
        let path = format!("/v1/books/{book}/accounts/{}", account.handle);
        self.api.put(&path, &body).expect("the account is taken");
        account.handle
    }

    /// Where the token's next entry of an account goes, as the server says.
    #[must_use]
    pub fn next_place(&self, book: BookId, account: Handle) -> api::NextPlace {
        let writer = self.writer();
        let path = format!("/v1/books/{book}/accounts/{account}?writer={writer}");
        let account: api::Account = self.api.get(&path).expect("the account");
        account.next.expect("a writer was asked about")
    }

    /// The next position of the token's chain in a book, as the server says.
    #[must_use]
    pub fn head(&self, book: BookId) -> u64 {
        let heads: api::Heads = self
            .api
            .get(&format!("/v1/books/{book}/heads"))
            .expect("the heads");
        let writer = self.writer().to_string();
        heads
            .heads
            .iter()
            .find(|head| head.writer == writer)
            .map_or(0, |head| head.next_seq)
    }

    /// The token's writer identifier.
    #[must_use]
    pub fn writer(&self) -> WriterId {
        self.token.info().writer.expect("the token has keys")
    }

    /// Posts one amount: token, then server.
    pub fn post(&mut self, book: BookId, account: Handle, minor: i64) -> Posted {
        let next = self.next_place(book, account);
        let posting = Posting {
            account,
            prev: next.prev,
            minor,
        };
        let posted = self
            .token
            .post(book, next.next_seq, posting)
            .expect("a signed entry");
        self.deliver(book, &posted);
        posted
    }

    /// Posts several amounts in one batch.
    pub fn post_batch(&mut self, book: BookId, amounts: &[(Handle, i64)]) -> Posted {
        let mut first = None;
        let postings: Vec<_> = amounts
            .iter()
            .map(|&(account, minor)| {
                let next = self.next_place(book, account);
                first.get_or_insert(next.next_seq);
                Posting {
                    account,
                    prev: next.prev,
                    minor,
                }
            })
            .collect();
        let first = first.expect("a posting");
        let posted = self
            .token
            .post_batch(book, first, &postings)
            .expect("signed entries");
        self.deliver(book, &posted);
        posted
    }

    /// Brings signed entries, and the cut that came with them, to the server.
    pub fn deliver(&self, book: BookId, posted: &Posted) {
        let answer = self
            .try_deliver(book, posted)
            .expect("the entries are taken");
        let answer: api::Appended = serde_json::from_str(&answer).expect("outcomes");
        let fine = |e: &api::EntryOutcome| {
            matches!(e.outcome, api::Outcome::Stored | api::Outcome::Already)
        };
        assert!(answer.entries.iter().all(fine), "{answer:?}");
        if let Some(cut) = posted.cut {
            self.publish_cut(book, posted.writer, cut);
        }
    }

    /// Sends signed entries to the server, which may refuse them.
    ///
    /// # Errors
    /// The problem document.
    pub fn try_deliver(&self, book: BookId, posted: &Posted) -> Result<String, Refused> {
        let body = api::AppendEntries {
            entries: documents(posted),
        };
        self.api.post(&format!("/v1/books/{book}/entries"), &body)
    }

    fn publish_cut(&self, book: BookId, writer: WriterId, cut: Cut) {
        let mac = Some(cut.mac.to_vec().into());
        let body = api::Cut {
            writer: writer.to_string(),
            position: cut.position,
            mac,
        };
        self.api
            .post(&format!("/v1/books/{book}/cuts"), &body)
            .expect("the cut is taken");
    }

    /// Cuts the token's chain, if enough entries are pending.
    pub fn cut(&mut self, book: BookId) {
        match self.token.cut(book) {
            Ok(cut) => self.publish_cut(book, cut.writer, cut.cut),
            Err(ClientError::Token(TokenError::TooFewEntries { .. })) => {}
            Err(error) => panic!("no cut: {error}"),
        }
    }

    /// The encrypted total of everything up to the last cuts.
    #[must_use]
    pub fn total(&self, book: BookId) -> Sum {
        let total: api::Total = self
            .api
            .get(&format!("/v1/books/{book}/total"))
            .expect("a total");
        let end = |end: &api::RangeEnd| Cut {
            position: end.position,
            mac: end
                .mac
                .as_ref()
                .map_or([0; 16], |mac| mac.0[..].try_into().expect("16 bytes")),
        };
        let range = |range: &api::Range| Range {
            writer: writer(&range.writer),
            from: end(&range.from),
            to: end(&range.to),
        };
        Sum {
            ranges: total.ranges.iter().map(range).collect(),
            last: Vec::new(),
            count: total.count,
            parts: [
                total.c1.0,
                total.c2.0,
                total.tag.map_or(Vec::new(), |tag| tag.0),
            ],
        }
    }

    /// The encrypted balance of an account.
    #[must_use]
    pub fn balance(&self, book: BookId, account: Handle) -> Sum {
        let path = format!("/v1/books/{book}/accounts/{account}/balance");
        let balance: api::Balance = self.api.get(&path).expect("a balance");
        let last = |last: &api::LastPosition| LastPosition {
            writer: writer(&last.writer),
            seq: last.seq,
        };
        Sum {
            ranges: Vec::new(),
            last: balance.last.iter().map(last).collect(),
            count: balance.count,
            parts: [balance.c1.0, balance.c2.0, balance.account_tag.0],
        }
    }

    /// Cuts, asks for the total and opens it: (minor units, the statement).
    pub fn open_total(&mut self, book: BookId) -> (i64, OwnedStatement) {
        self.cut(book);
        let sum = self.total(book);
        let statement = self.token.release_total(book, &sum.ranges, sum.elements());
        let statement = statement.expect("the token opens it");
        assert_eq!(statement.count, sum.count);
        (self.confirm(&statement), statement)
    }

    /// Asks for a balance and opens it.
    pub fn open_balance(&mut self, book: BookId, account: Handle) -> i64 {
        let sum = self.balance(book, account);
        let statement = self
            .token
            .release_balance(book, account, &sum.last, sum.elements());
        self.confirm(&statement.expect("the token opens it"))
    }

    /// Finds the amount of a statement in ristretto255 and lets the token confirm it.
    pub fn confirm(&mut self, statement: &OwnedStatement) -> i64 {
        let d = Ristretto255::decode(&statement.d).expect("an element");
        let window = Window::new(WINDOW_BITS).expect("in range");
        let minor = self
            .table
            .solve(&d, window)
            .expect("a total within the window");
        self.token
            .confirm_decode(statement.number, minor)
            .expect("the token agrees");
        minor
    }

    /// The statement as published: everything `tally verify` needs.
    pub fn statement_document(
        &mut self,
        rules: &OwnedRules,
        statement: &OwnedStatement,
        minor: i64,
    ) -> api::Statement {
        api::Statement {
            format: api::statement::FORMAT.to_owned(),
            book: self.book_document(rules),
            number: statement.number,
            count: statement.count,
            scope: scope(statement),
            c1: statement.c1.clone().into(),
            c2: statement.c2.clone().into(),
            d: statement.d.clone().into(),
            proof_c: statement.proof_c.clone().into(),
            proof_s: statement.proof_s.clone().into(),
            minor: minor.to_string(),
            amount: Amount::from_minor(minor, rules.currency).to_string(),
        }
    }
}

/// Signed entries as JSON documents.
#[must_use]
pub fn documents(posted: &Posted) -> Vec<api::Entry> {
    let document = |(entry, seq): (&token_client::OwnedEntry, u64)| api::Entry {
        writer: posted.writer.to_string(),
        seq,
        account: entry.account.to_string(),
        prev: entry.prev,
        c1: entry.c1.clone().into(),
        c2: entry.c2.clone().into(),
        tag: entry.tag.clone().into(),
        account_tag: entry.account_tag.clone().into(),
    };
    posted
        .entries
        .iter()
        .zip(posted.first_seq..)
        .map(document)
        .collect()
}

fn writer(hex: &str) -> WriterId {
    WriterId::from_hex(hex).expect("a writer's identifier")
}

fn scope(statement: &OwnedStatement) -> api::Scope {
    use core_nostd::statement::Scope;
    match statement.scope.as_scope() {
        Scope::Total(spans) => api::Scope::Total {
            ranges: spans
                .iter()
                .map(|s| api::Span {
                    writer: s.writer.to_string(),
                    from: s.from,
                    to: s.to,
                })
                .collect(),
        },
        Scope::Balance { account, last } => api::Scope::Balance {
            account: account.to_string(),
            last: last
                .iter()
                .map(|l| api::LastPosition {
                    writer: l.writer.to_string(),
                    seq: l.seq,
                })
                .collect(),
        },
        Scope::Open => api::Scope::Open,
    }
}
