//! Requests of every kind that need no token, on books of their own.

use core_nostd::{book::BookKind, ids::WriterId};
use e2e_tests::elements::element;
use host_api::{self as api, Outcome};
use serde_json::Value;

use super::{Client, account, rules};

const WRITER: WriterId = WriterId([5; 16]);

/// Makes two books and fills them, and looks at everything in them.
pub fn scenario(client: &Client<'_>, name: &str) {
    let book = create(client, &format!("book {name}"), BookKind::Authenticated);
    let of = format!("{book}/accounts/{}", account(1));
    let sealed_nid = vec![7; core_nostd::account::SEALED_NID_LEN].into();
    client.put(&of, &api::OpenAccount { sealed_nid });
    let place = format!("{of}?writer={WRITER}");
    let next = |client: &Client<'_>| {
        let account: api::Account = client.get(&place);
        let next = account.next.expect("a writer was asked about");
        (next.next_seq, next.prev)
    };
    assert_eq!(next(client), (0, None));
    append(client, &book, 0..1);
    append(client, &book, 0..4);
    assert_eq!(next(client), (4, Some(3)));
    let cut = api::Cut {
        writer: WRITER.to_string(),
        position: 4,
        mac: Some(vec![9; 16].into()),
    };
    client.post(&format!("{book}/cuts"), &cut);
    look(client, &book, &of);

    let open = create(client, &format!("open {name}"), BookKind::Open);
    append_open(client, &open, 0..1);
    append_open(client, &open, 0..3);
    let total: api::Total = client.get(&format!("{open}/total"));
    assert_eq!((total.count, total.c1), (3, element(1 + 2 + 3)));
    assert_eq!(log(client, &open).len(), 3);
}

/// Everything that can be read, each in full.
fn look(client: &Client<'_>, book: &str, of: &str) {
    let (c1, c2) = (element(1 + 2 + 3 + 4), element(4100 + 10));
    let total: api::Total = client.get(&format!("{book}/total"));
    let parts = (total.count, &total.c1, &total.c2, total.tag);
    assert_eq!(parts, (4, &c1, &c2, Some(element(8400 + 10))));
    let balance: api::Balance = client.get(&format!("{of}/balance"));
    let parts = (balance.count, &balance.c1, &balance.c2, balance.account_tag);
    assert_eq!(parts, (4, &c1, &c2, element(12400 + 10)));
    assert_eq!(log(client, book), [0, 1, 2, 3]);
    let lists = [
        ("heads", 1),
        ("cuts", 1),
        ("accounts", 1),
        ("statements", 0),
    ];
    for (list, len) in lists {
        let answer: Value = client.get(&format!("{book}/{list}"));
        assert_eq!(answer[list].as_array().map(Vec::len), Some(len), "{list}");
    }
    let books: api::Books = client.get("/v1/books");
    let of_path = |known: &&api::Book| book.ends_with(&known.book);
    assert_eq!(books.books.iter().filter(of_path).count(), 1);
    client.get::<api::Health>("/readyz");
}

/// A new book; its path.
fn create(client: &Client<'_>, name: &str, kind: BookKind) -> String {
    let rules = rules(name.to_owned(), kind);
    let id = rules.as_rules().id();
    let path = format!("/v1/books/{id}");
    let document = api::Book {
        book: id.to_string(),
        suite: rules.suite.name().to_owned(),
        kind: kind.name().to_owned(),
        currency: "EUR".to_owned(),
        scale: 2,
        cap: rules.cap,
        min_entries: rules.min_entries,
        name: rules.name,
        public_key: element(1),
    };
    client.put(&path, &document);
    path
}

fn append(client: &Client<'_>, book: &str, seqs: std::ops::Range<i64>) {
    let entry = |seq: i64| api::Entry {
        writer: WRITER.to_string(),
        seq: seq.cast_unsigned(),
        account: account(1).to_string(),
        prev: seq.cast_unsigned().checked_sub(1),
        c1: element(seq + 1),
        c2: element(seq + 1026),
        tag: element(seq + 2101),
        account_tag: element(seq + 3101),
    };
    let entries = seqs.map(entry).collect();
    let text = client.post(&format!("{book}/entries"), &api::AppendEntries { entries });
    are_stored(&text);
}

fn append_open(client: &Client<'_>, book: &str, numbers: std::ops::Range<i64>) {
    let entry = |number: i64| api::OpenEntry {
        entry: format!("{number:032x}"),
        c1: element(number + 1),
        c2: element(number),
    };
    let entries = numbers.clone().map(entry).collect();
    let text = client.post(&format!("{book}/entries"), &api::AppendEntries { entries });
    let seqs = are_stored(&text);
    assert!(seqs.into_iter().map(u64::cast_signed).eq(numbers));
}

/// The positions of entries that are all there now.
fn are_stored(text: &str) -> Vec<u64> {
    let appended: api::Appended = serde_json::from_str(text).expect("outcomes");
    let there = |told: &api::EntryOutcome| {
        assert!([Outcome::Stored, Outcome::Already].contains(&told.outcome));
        told.seq
    };
    appended.entries.iter().map(there).collect()
}

/// The positions in the log.
fn log(client: &Client<'_>, book: &str) -> Vec<u64> {
    let text = client.stream(&format!("{book}/entries"));
    let line = |line| serde_json::from_str::<api::StoredEntry>(line).expect("an entry");
    text.lines().map(|text| line(text).seq).collect()
}
