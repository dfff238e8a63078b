//! A day at the teller: postings with their keys, balances, totals.

use core_nostd::wire::Policy;
use e2e_tests::{api::Api, token::TestToken};
use host_api::{
    self as api,
    teller::{self as bodies, IDEMPOTENCY_KEY},
};
use serde_json::json;

use super::Client;
use crate::story::PIN;

/// Makes keys on the token.
pub fn provision(token: &TestToken) {
    let everything = Policy {
        totals: true,
        balances: true,
        open_sums: true,
    };
    let mut client = token.client();
    client.provision(PIN, everything).expect("keys");
}

/// Reads the audit log, and frees its room, as somebody has to before the token opens more.
pub fn read_audit_log(token: &TestToken) {
    let mut client = token.client();
    let mut page = client.audit_log(0).expect("the log");
    while !page.events.is_empty() {
        client.acknowledge_audit(&page.after).expect("it was read");
        page = client.audit_log(page.after.events).expect("the log");
    }
}

/// A book at the teller, and what has been posted into it.
pub struct Teller {
    path: String,
    book: String,
    posted: i64,
    entries: u64,
}

impl Teller {
    /// Unlocks the token and makes a book.
    pub fn open(api: &Api) -> Self {
        let unlock = json!({ "pin": PIN });
        api.post("/v1/teller/unlock", &unlock).expect("it unlocks");
        let rules = json!({
            "suite": "ristretto255", "kind": "authenticated", "currency": "EUR",
            "cap": 1_000_000, "min_entries": 2, "name": "teller",
        });
        let text = api.post("/v1/teller/books", &rules).expect("a new book");
        let book: api::Book = serde_json::from_str(&text).expect("a book");
        Self {
            path: format!("/v1/teller/books/{}", book.book),
            book: book.book,
            posted: 0,
            entries: 0,
        }
    }

    /// Two postings, the balance, the total.
    pub fn scenario(&mut self, client: &Client<'_>) {
        for cents in [500, -125] {
            let seq = self.entries;
            let key = format!("key of sixteen bytes {seq}").replace(' ', "-");
            for _ in 0..2 {
                assert_eq!(self.post(client, cents, &key), seq);
            }
            self.entries += 1;
            self.posted += cents;
        }
        let balance = json!({ "nid": "AB 1234" });
        assert_eq!(self.open_sum(client, "balance", &balance).0, self.posted);
        assert_eq!(
            self.open_sum(client, "total", &json!({})),
            (self.posted, self.entries)
        );
        let heads: api::Heads = client.get(&format!("/v1/books/{}/heads", self.book));
        assert_eq!(heads.heads[0].next_seq, self.entries);
    }

    fn post(&self, client: &Client<'_>, cents: i64, key: &str) -> u64 {
        let sign = if cents < 0 { "-" } else { "" };
        let (whole, part) = (cents.abs() / 100, cents.abs() % 100);
        let amount = format!("{sign}{whole}.{part:02}");
        let nid = "AB 1234".to_owned();
        let body = bodies::Post { nid, amount };
        let path = format!("{}/entries", self.path);
        let text = client.ask(|api| api.try_post(&path, &[(IDEMPOTENCY_KEY, key)], &body));
        let posted: bodies::Posted = serde_json::from_str(&text).expect("a posting");
        posted.seq
    }

    /// Minor units and number of entries of a sum that the token opens.
    fn open_sum(&self, client: &Client<'_>, what: &str, body: &serde_json::Value) -> (i64, u64) {
        let text = client.post(&format!("{}/{what}", self.path), body);
        let released: bodies::Released = serde_json::from_str(&text).expect("a statement");
        let minor = released.statement.minor.parse().expect("a number");
        (minor, released.statement.count)
    }
}
