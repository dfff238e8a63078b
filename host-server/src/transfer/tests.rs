//! Ledgers on their way: every kind of thing in them, stopped anywhere, changed on the way.

use std::{fs, path::Path};

use core_nostd::{
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{Handle, WriterId},
};

use super::{
    file::{FileSink, read_file},
    into_store::StoreSink,
    *,
};
use crate::{
    ledger::{Body, OpenEntry},
    store::{memory::MemoryStore, redb::RedbStore},
};

const WORKS: &str = "the store works";

fn book(kind: BookKind, name: &str) -> Book {
    Book {
        suite: SuiteId::Ristretto255,
        kind,
        currency: Currency::from_code("EUR").expect("a code"),
        cap: 100_000,
        min_entries: 16,
        name: name.to_owned(),
        public_key: vec![1; 32],
    }
}

fn entry(book: BookId, writer: u8, seq: u64) -> Stored {
    let element = [[writer; 24].as_slice(), &seq.to_be_bytes()].concat();
    Stored {
        book,
        writer: WriterId([writer; 16]),
        seq,
        c1: element.clone(),
        c2: element.clone(),
        body: Body::Authenticated {
            account: Handle([(seq % 5).to_be_bytes()[7]; 32]),
            prev: seq.checked_sub(5),
            tag: element.clone(),
            account_tag: element,
        },
        arrived_ms: 7 * seq,
    }
}

fn open_entry(number: u8) -> OpenEntry {
    OpenEntry {
        entry: [number; 16],
        c1: vec![number; 32],
        c2: vec![3; 32],
    }
}

/// A ledger with more than one page of everything that has pages.
async fn fill<S: Store>(store: &S) {
    let (savings, open) = (
        book(BookKind::Authenticated, "savings"),
        book(BookKind::Open, "open"),
    );
    let id = savings.id();
    store.put_book(&savings).await.expect(WORKS);
    store.put_book(&open).await.expect(WORKS);
    for (writer, len) in [(1, 2500), (2, 1)] {
        let entries: Vec<_> = (0..len).map(|seq| entry(id, writer, seq)).collect();
        store.append(&entries).await.expect(WORKS);
    }
    for handle in 0..5 {
        let account = Account {
            book: id,
            handle: Handle([handle; 32]),
            sealed_nid: vec![handle; 48],
        };
        store.put_account(&account).await.expect(WORKS);
    }
    for position in [16, 700] {
        let cut = ChainCut {
            writer: WriterId([1; 16]),
            position,
            mac: [5; 16],
            arrived_ms: 9,
        };
        store.put_cut(&id, &cut).await.expect(WORKS);
    }
    for text in ["{\"b\":1}", "{\"a\":2}"] {
        store.put_statement(&id, text).await.expect(WORKS);
    }
    let writer = WriterId([0; 16]);
    for (numbers, arrived_ms) in [(0..3, 50), (3..9, 60)] {
        let entries: Vec<_> = numbers.map(open_entry).collect();
        let book = open.id();
        let outcomes = store.append_open(&book, &writer, &entries, arrived_ms);
        outcomes.await.expect(WORKS);
    }
}

fn quiet() -> Progress {
    Progress::new("test", None)
}

async fn summary_of<S: Inspect>(store: &S) -> Summary {
    let summary = read_store(store, &mut Nowhere, &quiet()).await;
    summary.expect("a sound ledger")
}

async fn export<S: Inspect>(store: &S, path: &Path) -> (Summary, u64) {
    let mut sink = FileSink::begin(path).expect("a new file");
    let summary = read_store(store, &mut sink, &quiet()).await.expect("sound");
    let kept = sink.kept();
    sink.finish(&summary).expect("written");
    (summary, kept)
}

#[tokio::test]
async fn a_ledger_comes_through_a_file_whole_and_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, again) = (dir.path().join("a"), dir.path().join("b"));
    let source = MemoryStore::new();
    fill(&source).await;
    let (summary, _) = export(&source, &path).await;
    assert_eq!(
        (summary.books, summary.accounts, summary.entries),
        (2, 5, 2510)
    );
    assert_eq!((summary.cuts, summary.statements), (2, 2));

    let target = RedbStore::open(dir.path().join("ledger.redb")).expect(WORKS);
    for kept in [0, 2510] {
        let mut sink = StoreSink::new(&target);
        let read = read_file(&path, &mut sink, &quiet()).await;
        assert_eq!((read.expect("whole"), sink.kept()), (summary, kept));
    }
    assert_eq!(summary_of(&target).await, summary);
    assert_eq!(target.books().await, source.books().await);
    for book in source.books().await.expect(WORKS) {
        let id = book.id();
        assert_eq!(target.cuts(&id).await, source.cuts(&id).await);
        assert_eq!(target.statements(&id).await, source.statements(&id).await);
        for (writer, _) in source.heads(&id).await.expect(WORKS) {
            let chain = async |store: &MemoryStore| store.entries(&id, &writer, 0, 9999).await;
            let there = target.entries(&id, &writer, 0, 9999).await;
            assert_eq!(there, chain(&source).await);
        }
    }
    assert!(target.strays().await.expect(WORKS).is_empty());
    export(&target, &again).await;
    assert_eq!(
        fs::read(&path).expect("a file"),
        fs::read(&again).expect("a file")
    );
}

#[tokio::test]
async fn an_export_stopped_anywhere_goes_on_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let source = MemoryStore::new();
    fill(&source).await;
    let whole = dir.path().join("whole");
    let (summary, _) = export(&source, &whole).await;
    let bytes = fs::read(&whole).expect("a file");
    for (number, len) in [0, 7, 21, 25, 3000, bytes.len() / 2, bytes.len() - 1]
        .into_iter()
        .enumerate()
    {
        let path = dir.path().join(format!("{number}"));
        let mut partial = bytes[..len].to_vec();
        // What a cut of power leaves behind need not be a beginning.
        if number == 5 {
            partial[2000] ^= 1;
        }
        fs::write(path.with_extension("partial"), partial).expect("a file");
        let (again, kept) = export(&source, &path).await;
        assert_eq!(again, summary);
        assert!(
            kept <= len as u64 && (number != 5 || kept <= 2000),
            "{kept} of {len}"
        );
        assert_eq!(fs::read(&path).expect("a file"), bytes);
    }
    let refused = FileSink::begin(&whole).err().expect("it is there");
    assert!(refused.to_string().contains("there already"), "{refused}");
}

#[tokio::test]
async fn a_file_that_was_changed_or_cut_short_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let source = MemoryStore::new();
    fill(&source).await;
    let path = dir.path().join("a");
    export(&source, &path).await;
    let bytes = fs::read(&path).expect("a file");
    for place in (0..bytes.len()).step_by(bytes.len() / 50) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        fs::write(&path, changed).expect("a file");
        let read = read_file(&path, &mut Nowhere, &quiet()).await;
        read.expect_err("a changed byte");
        fs::write(&path, &bytes[..place]).expect("a file");
        let read = read_file(&path, &mut Nowhere, &quiet()).await;
        read.expect_err("a short file");
    }
}

#[tokio::test]
async fn a_target_that_holds_something_else_is_not_touched_there() {
    let source = MemoryStore::new();
    fill(&source).await;
    let target = MemoryStore::new();
    let savings = book(BookKind::Authenticated, "savings");
    target.put_book(&savings).await.expect(WORKS);
    let other = Stored {
        c2: vec![9; 32],
        ..entry(savings.id(), 1, 0)
    };
    target
        .append(std::slice::from_ref(&other))
        .await
        .expect(WORKS);
    // What is there is skipped; the next entry follows, and the end finds the difference.
    let copied = read_store(&source, &mut StoreSink::new(&target), &quiet()).await;
    assert_ne!(summary_of(&target).await, copied.expect("copied"));

    let target = MemoryStore::new();
    let rekeyed = Book {
        public_key: vec![2; 32],
        ..savings
    };
    target.put_book(&rekeyed).await.expect(WORKS);
    let copied = read_store(&source, &mut StoreSink::new(&target), &quiet()).await;
    let error = copied.expect_err("another key");
    assert!(matches!(error, TransferError::Differs(_)), "{error}");
    assert!(target.heads(&rekeyed.id()).await.expect(WORKS).is_empty());
}
