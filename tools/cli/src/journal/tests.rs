//! An import that is stopped at each of its steps posts every row once.

use super::*;

const BOOK: BookId = BookId([1; 32]);
const WRITER: WriterId = WriterId([2; 16]);
const ROWS: u64 = 10;
const BATCH: u64 = 3;

/// Where an import may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    BeforeJournal,
    BeforeSigning,
    AfterSigning,
    AfterBatch,
}

const STOPS: [Stop; 4] = [
    Stop::BeforeJournal,
    Stop::BeforeSigning,
    Stop::AfterSigning,
    Stop::AfterBatch,
];

struct Scene {
    _folder: tempfile::TempDir,
    spool: Spool,
    file: PathBuf,
    /// The rows in the order the token signed them; its length is the token's next position.
    chain: Vec<u64>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::open(folder.path().join("spool")).expect("a spool");
        let file = folder.path().join("rows.csv");
        fs::write(&file, "rows").expect("a file");
        Self {
            _folder: folder,
            spool,
            file,
            chain: vec![99; 5],
        }
    }

    fn next_seq(&self) -> u64 {
        self.chain.len() as u64
    }

    fn journal(&self) -> Result<Journal> {
        settle_all(&self.spool, &BOOK, &WRITER, self.next_seq())?;
        Journal::begin(&self.spool, &BOOK, &WRITER, &self.file, "hash", false)
    }

    /// Imports until the end, or until the stop in the batch of this number.
    fn import(&mut self, stop: Option<(u64, Stop)>) -> Result<bool> {
        let mut journal = self.journal()?;
        for number in 0.. {
            let is_stop = |at| stop == Some((number, at));
            let rows = journal.rows_done()..ROWS.min(journal.rows_done() + BATCH);
            if rows.is_empty() {
                break;
            }
            if is_stop(Stop::BeforeJournal) {
                return Ok(false);
            }
            journal.begin_batch(self.next_seq(), rows.end - rows.start)?;
            if is_stop(Stop::BeforeSigning) {
                return Ok(false);
            }
            self.chain.extend(rows);
            if is_stop(Stop::AfterSigning) {
                return Ok(false);
            }
            journal.end_batch();
            if is_stop(Stop::AfterBatch) {
                return Ok(false);
            }
        }
        assert_eq!(journal.first_seq(), Some(5));
        journal.finish()?;
        Ok(true)
    }
}

#[test]
fn a_stop_at_any_step_of_any_batch_doubles_and_loses_nothing() {
    for number in 0..4 {
        for stop in STOPS {
            let mut scene = Scene::new();
            assert!(
                !scene.import(Some((number, stop))).expect("stopped"),
                "{number} {stop:?}"
            );
            assert!(scene.import(None).expect("finished"));
            let rows: Vec<u64> = (0..ROWS).collect();
            assert_eq!(scene.chain[5..], rows, "{number} {stop:?}");
        }
    }
}

#[test]
fn a_stop_after_each_stop_doubles_and_loses_nothing() {
    for first in STOPS {
        for second in STOPS {
            let mut scene = Scene::new();
            scene.import(Some((1, first))).expect("stopped");
            scene.import(Some((0, second))).expect("stopped");
            scene.import(None).expect("finished");
            let rows: Vec<u64> = (0..ROWS).collect();
            assert_eq!(scene.chain[5..], rows, "{first:?} {second:?}");
        }
    }
}

#[test]
fn a_posting_in_between_is_no_trouble_because_it_settles_first() {
    for stop in STOPS {
        let mut scene = Scene::new();
        scene.import(Some((1, stop))).expect("stopped");
        settle_all(&scene.spool, &BOOK, &WRITER, scene.next_seq()).expect("settled");
        scene.chain.push(99);
        scene.import(None).expect("finished");
        let mut rows = scene.chain.split_off(5);
        rows.retain(|row| *row != 99);
        assert_eq!(rows, (0..ROWS).collect::<Vec<u64>>(), "{stop:?}");
    }
}

#[test]
fn a_posting_from_another_host_in_between_is_noticed() {
    let mut scene = Scene::new();
    scene
        .import(Some((1, Stop::AfterSigning)))
        .expect("stopped");
    scene.chain.push(99);
    let failure = scene.import(None).expect_err("in doubt");
    assert!(
        failure.text.contains("stopped after row 3"),
        "{}",
        failure.text
    );
    // It stays in doubt.
    scene.import(None).expect_err("in doubt");
}

#[test]
fn a_changed_file_is_not_gone_on_with() {
    let mut scene = Scene::new();
    scene.import(Some((1, Stop::AfterBatch))).expect("stopped");
    settle_all(&scene.spool, &BOOK, &WRITER, scene.next_seq()).expect("settled");
    let changed = Journal::begin(&scene.spool, &BOOK, &WRITER, &scene.file, "other", false);
    let failure = changed.err().expect("refused");
    assert!(failure.text.contains("has changed"), "{}", failure.text);
    assert!(
        failure.text.contains("6 rows of it are posted"),
        "{}",
        failure.text
    );
}

#[test]
fn a_finished_file_is_posted_again_only_on_request_or_when_it_has_changed() {
    let mut scene = Scene::new();
    scene.import(None).expect("finished");
    assert_eq!(scene.journal().expect("the finished one").rows_done(), ROWS);
    scene.import(None).expect("nothing to do");
    assert_eq!(scene.next_seq(), 5 + ROWS, "nothing was posted again");
    for (sha256, again) in [("hash", true), ("other", false)] {
        let fresh = Journal::begin(&scene.spool, &BOOK, &WRITER, &scene.file, sha256, again);
        assert_eq!(fresh.expect("a fresh one").rows_done(), 0);
    }
}

#[test]
fn other_chains_are_not_touched() {
    let mut scene = Scene::new();
    scene
        .import(Some((0, Stop::BeforeSigning)))
        .expect("stopped");
    settle_all(&scene.spool, &BookId([9; 32]), &WRITER, 77).expect("settled");
    settle_all(&scene.spool, &BOOK, &WriterId([9; 16]), 77).expect("settled");
    assert_eq!(scene.journal().expect("not lost").rows_done(), 0);
}
