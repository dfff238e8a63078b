//! Ledgers edited by hand, through the API of their database: each edit is found and named, and
//! what is derived can be made anew.

use std::path::{Path, PathBuf};

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    currency::Currency,
    group::Group,
    ids::{BookId, Handle, WriterId},
};
use redb::{Database, ReadableTable, TableDefinition};

use super::{
    progress::Progress,
    rebuild::rebuild,
    verify::{Report, verify},
};
use crate::{
    ledger::{Account, Body, Book, ChainCut, OpenEntry, Stored},
    store::{
        Store,
        key::{self, EntryKey},
        record::EntryRecord,
        redb::RedbStore,
    },
    sums::{CHECKPOINT_EVERY, Of, Span, Sums},
};

type Suite = Ristretto255Sha512;

/// Two checkpoints and a tail.
const LEN: u64 = 2 * CHECKPOINT_EVERY + 100;
/// So few that their sums are kept.
const ACCOUNTS: u64 = 3;
const WRITER: WriterId = WriterId([2; 16]);
const WORKS: &str = "the store works";

const LOG: TableDefinition<'_, &EntryKey, &[u8]> = TableDefinition::new("entries");
const CHECKPOINTS: TableDefinition<'_, &EntryKey, &[u8]> = TableDefinition::new("checkpoints");
const CUTS: TableDefinition<'_, &EntryKey, &[u8]> = TableDefinition::new("cuts");
const INDEX: TableDefinition<'_, &[u8; 88], ()> = TableDefinition::new("account entries");
const SUMS: TableDefinition<'_, &[u8; 64], &[u8]> = TableDefinition::new("account sums");
const STATEMENTS: TableDefinition<'_, &[u8; 40], &str> = TableDefinition::new("statements");

fn book(kind: BookKind) -> Book {
    Book {
        suite: Suite::ID,
        kind,
        currency: Currency::from_code("EUR").expect("a code"),
        cap: 100_000,
        min_entries: 16,
        name: "savings".to_owned(),
        public_key: element(1),
    }
}

/// The group the suite is of.
type G = <Suite as Ciphersuite>::Group;

fn element(of: i64) -> Vec<u8> {
    G::encode(&G::mul_base_i64(of)).as_ref().to_vec()
}

fn handle(seq: u64) -> Handle {
    Handle([(seq % ACCOUNTS).to_be_bytes()[7] + 1; 32])
}

fn entries(book: BookId) -> Vec<Stored> {
    let elements: Vec<_> = (1..=40).map(element).collect();
    let pick = |seq: u64, step: u64| {
        let index = usize::try_from(seq * step % 40).expect("small");
        elements[index].clone()
    };
    let entry = |seq| Stored {
        book,
        writer: WRITER,
        seq,
        c1: pick(seq, 3),
        c2: pick(seq, 7),
        body: Body::Authenticated {
            account: handle(seq),
            prev: seq.checked_sub(ACCOUNTS),
            tag: pick(seq, 11),
            account_tag: pick(seq, 13),
        },
        arrived_ms: seq,
    };
    (0..LEN).map(entry).collect()
}

/// A sound ledger, with all that is kept beside the log.
async fn sound(path: &Path) -> BookId {
    let store = RedbStore::open(path).expect(WORKS);
    let (book, open) = (book(BookKind::Authenticated), book(BookKind::Open));
    let id = book.id();
    for book in [&book, &open] {
        store.put_book(book).await.expect(WORKS);
    }
    store.append(&entries(id)).await.expect(WORKS);
    for number in 0..ACCOUNTS {
        let account = Account {
            book: id,
            handle: handle(number),
            sealed_nid: vec![1; 48],
        };
        store.put_account(&account).await.expect(WORKS);
    }
    let cut = ChainCut {
        writer: WRITER,
        position: LEN,
        mac: [1; 16],
        arrived_ms: 1,
    };
    store.put_cut(&id, &cut).await.expect(WORKS);
    let opened: Vec<_> = (0..9)
        .map(|number| OpenEntry {
            entry: [number; 16],
            c1: element(5),
            c2: element(6),
        })
        .collect();
    let shared = WriterId([0; 16]);
    let open = open.id();
    let outcomes = store.append_open(&open, &shared, &opened, 1);
    assert_eq!(outcomes.await.expect(WORKS).len(), 9);
    let sums = Sums::new(std::sync::Arc::new(store));
    let whole = Span {
        writer: WRITER,
        from: 0,
        to: LEN,
    };
    let of = Of::from(&book);
    sums.total(of, &[whole]).await.expect("a sum");
    for number in 0..ACCOUNTS {
        sums.balance(of, &handle(number)).await.expect("a sum");
    }
    id
}

async fn look(path: &Path) -> (Report, Vec<String>) {
    let store = RedbStore::open(path).expect(WORKS);
    let mut faults = Vec::new();
    let progress = Progress::new("test", None);
    let mut say = |fault: &str| faults.push(fault.to_owned());
    let report = verify(&store, &progress, &mut say).await.expect(WORKS);
    assert_eq!(report.faults, faults.len() as u64);
    (report, faults)
}

async fn mend(path: &Path) {
    let store = RedbStore::open(path).expect(WORKS);
    let rebuilt = rebuild(store, &Progress::new("test", None)).await;
    rebuilt.expect("a sound log");
}

/// The tables of a ledger that somebody edits.
struct Editor<'a> {
    txn: &'a redb::WriteTransaction,
    book: BookId,
}

impl Editor<'_> {
    fn place(&self, seq: u64) -> EntryKey {
        key::entry(&self.book, &WRITER, seq)
    }

    fn get(
        &self,
        table: TableDefinition<'_, &'static EntryKey, &'static [u8]>,
        seq: u64,
    ) -> Vec<u8> {
        let table = self.txn.open_table(table).expect("a table");
        let record = table.get(&self.place(seq)).expect("an answer");
        record.expect("a record").value().to_vec()
    }

    fn put(
        &self,
        table: TableDefinition<'_, &'static EntryKey, &'static [u8]>,
        seq: u64,
        record: &[u8],
    ) {
        let mut table = self.txn.open_table(table).expect("a table");
        table.insert(&self.place(seq), record).expect("an answer");
    }

    fn remove(&self, table: TableDefinition<'_, &'static EntryKey, &'static [u8]>, seq: u64) {
        let mut table = self.txn.open_table(table).expect("a table");
        let removed = table.remove(&self.place(seq)).expect("an answer");
        assert!(removed.is_some());
    }

    fn swap(
        &self,
        table: TableDefinition<'_, &'static EntryKey, &'static [u8]>,
        one: u64,
        other: u64,
    ) {
        let records = [one, other].map(|seq| self.get(table, seq));
        self.put(table, one, &records[1]);
        self.put(table, other, &records[0]);
    }

    /// Changes an entry like somebody who knows the format, its digest included.
    fn forge(&self, seq: u64) {
        let index = usize::try_from(seq).expect("small");
        let mut entry = entries(self.book).swap_remove(index);
        entry.c2 = element(99);
        let record = EntryRecord::from(entry);
        let bytes = postcard::to_allocvec(&record).expect("a form");
        self.put(LOG, seq, &bytes);
    }
}

/// What somebody does, words of the faults that have to be named (all of them, in any order), and
/// whether making everything derived anew mends it.
type Case = (&'static str, fn(&Editor<'_>), &'static [&'static str], bool);

const CASES: &[Case] = &[
    (
        "a byte of an entry changed",
        |ledger| {
            let mut record = ledger.get(LOG, 7);
            record[40] ^= 1;
            ledger.put(LOG, 7, &record);
        },
        &["seq 7:"],
        false,
    ),
    (
        "an entry changed with its digest",
        |ledger| ledger.forge(700),
        &[
            "seq 1024: the checkpoint is not the sum",
            "from 512 on",
            "account 0202",
        ],
        true,
    ),
    (
        "entries swapped",
        |ledger| ledger.swap(LOG, 10, 13),
        &[
            "seq 10: the entry is not the one",
            "seq 13: the entry is not the one",
        ],
        false,
    ),
    (
        "an entry deleted",
        |ledger| ledger.remove(LOG, 600),
        &["seq 600: the entry is missing"],
        false,
    ),
    (
        "entries at the end deleted",
        |ledger| (LEN - 2..LEN).for_each(|seq| ledger.remove(LOG, seq)),
        &[
            "seq 1122: an index leads here",
            "seq 1123: an index leads here",
            "seq 1124: a cut is here",
        ],
        false,
    ),
    (
        "the last entry once more",
        |ledger| ledger.put(LOG, LEN, &ledger.get(LOG, LEN - 1)),
        &[
            "seq 1124: the entry is not the one",
            "seq 1124: the index by account",
        ],
        false,
    ),
    (
        "a record that is none",
        |ledger| ledger.put(LOG, 3, &[0xff; 30]),
        &["seq 3: the record can't be read"],
        false,
    ),
    (
        "a row of the index deleted",
        |ledger| {
            let row = key::account_entry(&ledger.book, &handle(5), &WRITER, 5);
            let mut index = ledger.txn.open_table(INDEX).expect("a table");
            index.remove(&row).expect("an answer").expect("a row");
        },
        &["seq 5: the index by account"],
        true,
    ),
    (
        "a row of the index that leads to another's entry",
        |ledger| {
            let row = key::account_entry(&ledger.book, &handle(6), &WRITER, 5);
            let mut index = ledger.txn.open_table(INDEX).expect("a table");
            index.insert(&row, ()).expect("an answer");
        },
        &["seq 5: an index leads here"],
        true,
    ),
    (
        "a checkpoint changed",
        |ledger| {
            let other = ledger.get(CHECKPOINTS, 1024);
            ledger.put(CHECKPOINTS, 512, &other);
        },
        &["seq 512: the checkpoint is not the sum"],
        true,
    ),
    (
        "checkpoints swapped",
        |ledger| ledger.swap(CHECKPOINTS, 512, 1024),
        &["seq 512: the checkpoint", "seq 1024: the checkpoint"],
        true,
    ),
    (
        "a checkpoint deleted",
        |ledger| ledger.remove(CHECKPOINTS, 512),
        &["seq 512: the checkpoint is missing"],
        true,
    ),
    (
        "checkpoints where none belong",
        |ledger| {
            let record = ledger.get(CHECKPOINTS, 512);
            ledger.put(CHECKPOINTS, 600, &record);
            ledger.put(CHECKPOINTS, 1536, &record);
        },
        &[
            "seq 600: no checkpoint belongs",
            "seq 1536: a checkpoint is here",
        ],
        true,
    ),
    (
        "sums of accounts swapped",
        |ledger| {
            let mut sums = ledger.txn.open_table(SUMS).expect("a table");
            let places = [0, 1].map(|number| key::account(&ledger.book, &handle(number)));
            let of = |place| {
                sums.get(place)
                    .expect("an answer")
                    .expect("a sum")
                    .value()
                    .to_vec()
            };
            let records = [of(&places[0]), of(&places[1])];
            sums.insert(&places[0], records[1].as_slice())
                .expect("an answer");
            sums.insert(&places[1], records[0].as_slice())
                .expect("an answer");
        },
        &["account 0101", "account 0202"],
        true,
    ),
    (
        "a cut beyond the end",
        |ledger| ledger.put(CUTS, LEN + 1, &ledger.get(CUTS, LEN)),
        &["seq 1125: a cut is here"],
        false,
    ),
    (
        "a statement that is none",
        |ledger| {
            let mut statements = ledger.txn.open_table(STATEMENTS).expect("a table");
            let place = key::statement(&ledger.book, 0);
            statements.insert(&place, "{}").expect("an answer");
        },
        &["a statement does not verify"],
        false,
    ),
];

#[tokio::test]
async fn every_edit_by_hand_is_found_and_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let whole = dir.path().join("whole");
    let book = sound(&whole).await;
    let (report, faults) = look(&whole).await;
    assert_eq!(faults, [""; 0]);
    assert_eq!(
        (
            report.books,
            report.entries,
            report.checkpoints,
            report.account_sums
        ),
        (2, LEN + 9, 2, ACCOUNTS)
    );
    for (number, (what, edit, named, can_be_mended)) in CASES.iter().enumerate() {
        let path: PathBuf = dir.path().join(number.to_string());
        std::fs::copy(&whole, &path).expect("a copy");
        {
            let database = Database::open(&path).expect("a database");
            let txn = database.begin_write().expect("a transaction");
            edit(&Editor { txn: &txn, book });
            txn.commit().expect("committed");
        }
        let (_, faults) = look(&path).await;
        let is_named = |words: &&&str| faults.iter().any(|fault| fault.contains(**words));
        let missing: Vec<_> = named.iter().filter(|words| !is_named(words)).collect();
        assert!(
            missing.is_empty(),
            "{what}: {missing:?} is not in {faults:#?}"
        );
        let foreign = |fault: &&String| !fault.contains(&book.to_string());
        assert_eq!(faults.iter().find(foreign), None, "{what}");
        assert!(faults.len() <= named.len() + 3, "{what}: {faults:#?}");
        if *can_be_mended {
            mend(&path).await;
            assert_eq!(look(&path).await.1, [""; 0], "{what}");
        }
    }
}
