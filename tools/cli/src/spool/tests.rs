//! What the spool holds after a stop at each step, and that nothing is lost or sent out of order.

use std::cell::RefCell;

use host_api::Problem;

use super::*;

fn record(book: u8, seq: u64) -> Record {
    let entry = Entry {
        writer: "ab".repeat(16),
        seq,
        account: "cd".repeat(32),
        prev: None,
        c1: vec![1].into(),
        c2: vec![2].into(),
        tag: vec![3].into(),
        account_tag: vec![4].into(),
    };
    Record::new(hex::encode([book; 32]), Entries::Signed(vec![entry]), None)
}

fn spool() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool")).expect("a spool");
    (folder, spool)
}

fn waiting(spool: &Spool) -> Vec<Record> {
    let records = spool.records().expect("records");
    records.into_iter().map(|(_, record)| record).collect()
}

fn unreachable() -> ServerError {
    ServerError::Unreachable {
        url: "http://x".into(),
        reason: "down".into(),
    }
}

fn unknown_book() -> ServerError {
    ServerError::Problem(Box::new(Problem {
        kind: "urn:tallystick:problem:unknown-book".into(),
        title: String::new(),
        status: 404,
        detail: None,
        request_id: None,
        entries: Vec::new(),
    }))
}

#[test]
fn a_record_is_there_after_a_stop_before_it_is_sent() {
    let (_folder, spool) = spool();
    spool.put(&record(1, 7)).expect("durable");
    // The process stops here; another one opens the same folder.
    let again = Spool::open(spool.folder().to_owned()).expect("a spool");
    assert_eq!(waiting(&again), [record(1, 7)]);
}

#[test]
fn a_record_stays_until_the_server_has_it() {
    let (_folder, spool) = spool();
    spool.put(&record(1, 7)).expect("durable");
    spool
        .deliver_with(|_| Err(unreachable()))
        .expect_err("no server");
    assert_eq!(waiting(&spool), [record(1, 7)]);

    let delivered = spool.deliver_with(|_| Ok(())).expect("delivered");
    assert_eq!(
        delivered,
        Delivered {
            sent: 1,
            foreign: 0
        }
    );
    assert_eq!(waiting(&spool), []);
}

#[test]
fn a_record_that_was_sent_but_not_removed_is_sent_again() {
    let (_folder, spool) = spool();
    spool.put(&record(1, 7)).expect("durable");
    // A stop between the server's answer and the removal leaves the file, as `records` shows it.
    assert_eq!(waiting(&spool), [record(1, 7)]);
    let delivered = spool.deliver_with(|_| Ok(())).expect("delivered");
    assert_eq!(delivered.sent, 1);
}

#[test]
fn the_same_answer_of_a_token_is_the_same_record() {
    let (_folder, spool) = spool();
    spool.put(&record(1, 7)).expect("durable");
    spool.put(&record(1, 7)).expect("durable");
    assert_eq!(waiting(&spool).len(), 1);
}

#[test]
fn half_a_record_is_no_record() {
    let (_folder, spool) = spool();
    let path = spool.put(&record(1, 7)).expect("durable");
    let bytes = fs::read(&path).expect("a file");
    // A stop while the next record is written leaves part of a file under another name.
    let half = &bytes[..bytes.len() / 2];
    fs::write(spool.folder().join("next.1234.tmp"), half).expect("a file");
    assert_eq!(waiting(&spool), [record(1, 7)]);
}

#[test]
fn a_chain_is_sent_in_order_and_stops_at_the_first_failure() {
    let (_folder, spool) = spool();
    for seq in [10, 9, 100, 11] {
        spool.put(&record(1, seq)).expect("durable");
    }
    let sent = RefCell::new(Vec::new());
    let seq = |record: &Record| match &record.entries {
        Entries::Signed(entries) => entries[0].seq,
        Entries::Open(_) => unreachable!("only signed entries here"),
    };
    spool
        .deliver_with(|record| match seq(record) {
            11 => Err(unreachable()),
            seq => {
                sent.borrow_mut().push(seq);
                Ok(())
            }
        })
        .expect_err("no server");
    assert_eq!(*sent.borrow(), [9, 10]);
    let left: Vec<_> = waiting(&spool).iter().map(seq).collect();
    assert_eq!(left, [11, 100]);
}

#[test]
fn records_of_books_of_another_server_stay_and_do_not_stop_the_others() {
    let (_folder, spool) = spool();
    for book in [1, 2, 3] {
        spool.put(&record(book, 0)).expect("durable");
    }
    let foreign = hex::encode([2; 32]);
    let delivered = spool
        .deliver_with(|record| {
            if record.book == foreign {
                Err(unknown_book())
            } else {
                Ok(())
            }
        })
        .expect("delivered");
    assert_eq!(
        delivered,
        Delivered {
            sent: 2,
            foreign: 1
        }
    );
    assert_eq!(waiting(&spool), [record(2, 0)]);
}

#[test]
fn a_damaged_record_is_an_error_that_names_the_file() {
    let (_folder, spool) = spool();
    fs::write(spool.folder().join("x.json"), "{\"format\":\"other\"").expect("a file");
    let failure = spool.records().expect_err("damaged");
    assert!(failure.text.contains("x.json"), "{}", failure.text);
}
