//! The embedded store conforms, and what it acknowledged survives whatever happens to its disk.

use futures_util::{FutureExt, future::join_all};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

use self::disk::Disk;
use super::*;
use crate::{
    ledger::Body,
    store::{conformance, key},
};

mod disk;

const STORED: Appended = Appended::Put(Put::Stored);

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn entry(seq: u64) -> Stored {
    let account = Handle([3; 32]);
    let tag = vec![4; 32];
    let body = Body::Authenticated {
        account,
        prev: seq.checked_sub(1),
        account_tag: tag.clone(),
        tag,
    };
    let c1 = seq.to_be_bytes().repeat(4);
    let (book, writer) = (BookId([1; 32]), WriterId([2; 16]));
    Stored {
        book,
        writer,
        seq,
        c2: c1.clone(),
        c1,
        body,
        arrived_ms: 5,
    }
}

fn entries(len: u64) -> Vec<Stored> {
    (0..len).map(entry).collect()
}

async fn chain_in(store: &RedbStore) -> Vec<Stored> {
    let Stored { book, writer, .. } = entry(0);
    store
        .entries(&book, &writer, 0, usize::MAX)
        .await
        .expect("a readable chain")
}

/// A ledger on a disk that the test controls.
fn open(disk: &Arc<Disk>) -> Result<RedbStore> {
    let disk = disk.clone();
    RedbStore::open_with("test".to_owned(), move || {
        Database::builder().create_with_backend(disk::Handle(disk.clone()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_conforms_new_and_reopened() {
    let directory = directory();
    let path = directory.path().join("ledger");
    let ledger_id = {
        let store = RedbStore::open(&path).expect("a new ledger");
        conformance::check_all(&store).await;
        store.append(&entries(9)).await.expect("an append");
        store.ledger_id()
    };
    let store = RedbStore::open(&path).expect("the same ledger");
    assert_eq!(store.ledger_id(), ledger_id);
    assert_eq!(chain_in(&store).await, entries(9));
    conformance::check_all(&store).await;
}

#[tokio::test]
async fn a_second_server_on_the_file_is_refused_until_the_first_is_gone() {
    let directory = directory();
    let path = directory.path().join("ledger");
    let first = RedbStore::open(&path).expect("a new ledger");
    let error = RedbStore::open(&path).expect_err("in use");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(
        error.to_string().contains("is in use by another process"),
        "{error}"
    );
    first.ping().await.expect("the first is not disturbed");
    drop(first);
    RedbStore::open(&path).expect("free again");
}

#[test]
fn a_file_that_cannot_be_opened_says_which_and_why() {
    let directory = directory();
    let error = RedbStore::open(directory.path().join("none/ledger")).expect_err("no directory");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("none/ledger"), "{error}");
}

/// What a process leaves behind that was killed while it created the file.
#[test]
fn a_file_whose_creation_was_cut_short_becomes_a_ledger() {
    let directory = directory();
    let path = directory.path().join("ledger");
    drop(RedbStore::open(&path).expect("a new ledger"));
    let whole = std::fs::read(&path).expect("a file");
    for len in [9, 512, whole.len()] {
        let mut unfinished = whole[..len].to_vec();
        unfinished[..9].fill(0);
        std::fs::write(&path, unfinished).expect("a file");
        drop(RedbStore::open(&path).expect("a ledger"));
    }
    std::fs::write(&path, vec![0; 1 << 24]).expect("a file");
    RedbStore::open(&path).expect_err("something else");
    assert_eq!(std::fs::metadata(&path).expect("a file").len(), 1 << 24);
}

#[test]
fn other_schemas_and_other_files_are_refused_and_left_alone() {
    let directory = directory();
    let path = directory.path().join("ledger");
    drop(RedbStore::open(&path).expect("a new ledger"));
    let meta: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
    edit(&path, |txn| {
        let newer = (SCHEMA + 1).to_be_bytes();
        txn.open_table(meta)?.insert("schema", newer.as_slice())?;
        Ok(())
    });
    let newer = StoreError::Schema {
        found: "2".to_owned(),
        expected: 1,
    };
    for _ in 0..2 {
        assert_eq!(RedbStore::open(&path).expect_err("newer"), newer);
    }

    let foreign = directory.path().join("foreign");
    let other: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("other");
    drop(Database::create(&foreign).expect("a database"));
    edit(&foreign, |txn| {
        txn.open_table(other)?;
        Ok(())
    });
    let error = RedbStore::open(&foreign).expect_err("not a ledger");
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");

    let text = directory.path().join("text");
    std::fs::write(&text, "Dear ledger,\n".repeat(1000)).expect("a file");
    let error = RedbStore::open(&text).expect_err("not a database");
    assert!(
        error.to_string().contains("is not a ledger file"),
        "{error}"
    );
}

/// Changes a ledger behind the store's back.
fn edit(path: &Path, change: impl FnOnce(&WriteTransaction) -> Outcome<()>) {
    let database = Database::open(path).expect("a database");
    let txn = database.begin_write().expect("a transaction");
    change(&txn).expect("a change");
    txn.commit().expect("a commit");
}

#[tokio::test]
async fn what_somebody_changed_in_the_file_is_called_damage() {
    let directory = directory();
    let path = directory.path().join("ledger");
    let log: TableDefinition<'_, &key::EntryKey, &[u8]> = TableDefinition::new("entries");
    let Stored { book, writer, .. } = entry(0);
    let store = RedbStore::open(&path).expect("a new ledger");
    store.append(&entries(9)).await.expect("an append");
    drop(store);
    edit(&path, |txn| {
        let mut log = txn.open_table(log)?;
        log.remove(&key::entry(&book, &writer, 4))?;
        log.insert(&key::entry(&book, &writer, 7), [0xff; 3].as_slice())?;
        Ok(())
    });
    let store = RedbStore::open(&path).expect("the ledger");
    let damaged = |error| assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    let read = async |from, limit| store.entries(&book, &writer, from, limit).await;
    assert_eq!(read(0, 4).await.expect("undamaged so far"), entries(4));
    damaged(read(0, 6).await.expect_err("a gap"));
    damaged(read(4, 1).await.expect_err("a gap at once"));
    damaged(read(7, 1).await.expect_err("other bytes"));
    damaged(
        store
            .account_entries(&book, &Handle([3; 32]), &[])
            .await
            .expect_err("a gap"),
    );
    damaged(
        store
            .append(&entries(6))
            .await
            .expect_err("nothing to compare with"),
    );
    assert_eq!(
        store.append(&[entry(9)]).await.expect("an append"),
        [STORED]
    );
}

#[tokio::test]
async fn a_copy_of_the_file_taken_after_the_answer_has_the_entry() {
    let directory = directory();
    let path = directory.path().join("ledger");
    let store = RedbStore::open(&path).expect("a new ledger");
    for len in 1..=5 {
        assert_eq!(
            store.append(&[entry(len - 1)]).await.expect("an append"),
            [STORED]
        );
        let copy = directory.path().join(format!("copy {len}"));
        std::fs::copy(&path, &copy).expect("a copy");
        let copied = RedbStore::open(&copy).expect("as after a crash");
        assert_eq!(chain_in(&copied).await, entries(len));
        assert_eq!(copied.ledger_id(), store.ledger_id());
    }
}

/// The power fails at every single write in turn, and of what was not synced any part may be lost.
#[tokio::test]
async fn a_power_cut_at_any_write_loses_nothing_that_was_acknowledged() {
    let undisturbed = Disk::new();
    drop(open(&undisturbed).expect("a new ledger"));
    let first_cut = undisturbed.writes();
    post_until_the_end(&undisturbed).await;
    assert!(
        undisturbed.writes() > first_cut + 20,
        "the cuts are worth it"
    );
    for cut in first_cut..=undisturbed.writes() {
        let disk = Disk::new();
        drop(open(&disk).expect("a new ledger"));
        disk.cut_power_after(cut);
        let acknowledged = post_until_the_end(&disk).await;
        for survivors in disk::SURVIVORS {
            let store = open(&disk.after_power_cut(survivors)).expect("the ledger");
            let found = chain_in(&store).await;
            assert!(
                found.len() >= acknowledged,
                "{} of {acknowledged}",
                found.len()
            );
            assert_eq!(found, entries(12)[..found.len()]);
            let outcomes = store.append(&entries(12)).await.expect("an append");
            let stored = outcomes
                .iter()
                .filter(|outcome| **outcome == STORED)
                .count();
            assert_eq!(stored, 12 - found.len());
        }
    }
}

/// Posts a chain of 12 in pieces; says how much of it was acknowledged.
async fn post_until_the_end(disk: &Arc<Disk>) -> usize {
    let Ok(store) = open(disk) else { return 0 };
    let mut acknowledged = 0;
    for piece in entries(12).chunks(3) {
        match store.append(piece).await {
            Ok(outcomes) => {
                assert_eq!(outcomes, [STORED; 3]);
                acknowledged += 3;
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
        }
    }
    acknowledged
}

#[tokio::test]
async fn a_full_disk_refuses_entries_and_takes_them_when_there_is_room_again() {
    let disk = Disk::new();
    let store = open(&disk).expect("a new ledger");
    store.append(&entries(3)).await.expect("an append");
    disk.set_full(true);
    for _ in 0..2 {
        let error = store.append(&entries(6)[3..]).await.expect_err("no room");
        assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    }
    disk.set_full(false);
    assert_eq!(chain_in(&store).await, entries(3));
    assert_eq!(
        store.append(&entries(6)[3..]).await.expect("an append"),
        [STORED; 3]
    );
    assert_eq!(chain_in(&store).await, entries(6));
}

#[tokio::test]
async fn what_arrives_during_a_commit_is_committed_together() {
    let disk = Disk::new();
    let store = open(&disk).expect("a new ledger");
    let own = |number| {
        vec![Stored {
            writer: WriterId([number; 16]),
            ..entry(0)
        }]
    };
    let chains: Vec<_> = (0..100).map(own).collect();
    let syncs_before = disk.syncs();
    let held = disk.hold();
    let mut appends: Vec<_> = chains
        .iter()
        .map(|chain| Box::pin(store.append(chain)))
        .collect();
    for append in &mut appends {
        assert!(append.now_or_never().is_none(), "nothing is durable yet");
    }
    drop(held);
    for outcome in join_all(appends).await {
        assert_eq!(outcome.expect("an append"), [STORED]);
    }
    let syncs = disk.syncs() - syncs_before;
    assert!((2..=8).contains(&syncs), "{syncs} syncs for 100 appends");
}
