//! Postings: positions, stored replies, batches.

use core_nostd::{
    ids::{BookId, Handle},
    wire::{Posting, Request, Response, Rules, TokenError},
};

use crate::{
    bench::{Bench, DiceState, PIN, RULES},
    ledger::{Ledger, S, account, check_statement, public_key, release_balance, release_total},
};

fn bench_with_book() -> (Bench, Ledger, [Handle; 3]) {
    let mut bench = Bench::unlocked();
    let book = bench.book(RULES);
    let accounts = ["AB1234", "CD1234", "EF1234"].map(|nid| account(&mut bench, book, nid));
    let ledger = Ledger::new(&mut bench, book);
    (bench, ledger, accounts)
}

#[test]
fn positions_count_up_and_survive_the_power() {
    let (mut bench, mut ledger, [alice, bob, _]) = bench_with_book();
    for minor in 0..3 {
        ledger.post(&mut bench, &[(alice, minor)]);
    }
    bench.reboot();
    bench.done(&Request::Unlock { pin: PIN });
    ledger.post(&mut bench, &[(alice, -1), (bob, 5)]);
    let links: Vec<_> = ledger
        .entries
        .values()
        .map(|entry| (entry.seq, entry.prev))
        .collect();
    assert_eq!(
        links,
        [
            (0, None),
            (1, Some(0)),
            (2, Some(1)),
            (3, Some(2)),
            (4, None)
        ]
    );
    match bench.call(&Request::Book { index: 0 }).response() {
        Response::Book(info) => assert_eq!((info.next_seq, info.last_cut), (5, 0)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_request_gets_the_same_bytes_and_any_other_the_next_position() {
    let (mut bench, mut ledger, [alice, bob, _]) = bench_with_book();
    ledger.post(&mut bench, &[(bob, 1)]);
    let posting = ledger.posting(&alice, 7);
    let request = ledger.request(&[posting]);
    let reply = bench.call(&request);
    ledger.store(&reply);

    let again = bench.call(&request);
    assert_eq!(again.message, reply.message);
    bench.reboot();
    bench.done(&Request::Unlock { pin: PIN });
    assert_eq!(bench.call(&request).message, reply.message);
    let last = Request::LastEntry { book: ledger.book };
    assert_eq!(bench.call(&last).message, reply.message);

    let wrong = TokenError::WrongSeq { next: 2 };
    let at = |expected_seq, posting| Request::Post {
        book: ledger.book,
        expected_seq,
        posting,
    };
    for other in [
        Posting {
            minor: 8,
            ..posting
        },
        Posting {
            account: bob,
            ..posting
        },
        Posting {
            prev: Some(0),
            ..posting
        },
    ] {
        assert_eq!(bench.refusal(&at(1, other)), wrong);
    }
    for seq in [0, 3, u64::MAX] {
        assert_eq!(bench.refusal(&at(seq, posting)), wrong, "{seq}");
    }
    assert_eq!(
        bench.call(&request).message,
        reply.message,
        "refusals change nothing"
    );
    ledger.post(&mut bench, &[(alice, 7)]);
    assert_eq!(
        bench.refusal(&request),
        TokenError::WrongSeq { next: 3 },
        "acknowledged"
    );
}

#[test]
fn a_lost_batch_comes_back_whole() {
    let (mut bench, mut ledger, [alice, bob, carol]) = bench_with_book();
    ledger.post(&mut bench, &[(alice, 1)]);
    let postings = [(alice, 2), (bob, 3), (alice, 4), (carol, -5)]
        .map(|(account, minor)| ledger.posting(&account, minor));
    let request = ledger.request(&postings);
    let reply = bench.call(&request);
    ledger.store(&reply);
    assert_eq!(ledger.next_seq(), 5);
    for request in [request, Request::LastEntry { book: ledger.book }] {
        assert_eq!(bench.call(&request).message, reply.message);
    }
}

#[test]
fn a_batch_with_repeated_accounts_sums_to_their_balances() {
    let (mut bench, mut ledger, [alice, bob, carol]) = bench_with_book();
    ledger.post(&mut bench, &[(bob, 100)]);
    ledger.post(
        &mut bench,
        &[(alice, 1), (bob, -2), (alice, 3), (alice, -4), (bob, 5)],
    );
    ledger.post(
        &mut bench,
        &[(carol, 50), (alice, 6), (alice, 7), (alice, 8)],
    );
    let prevs: Vec<_> = ledger.entries.values().map(|entry| entry.prev).collect();
    let expected = [
        None,
        None,
        Some(0),
        Some(1),
        Some(3),
        Some(2),
        None,
        Some(4),
        Some(7),
        Some(8),
    ];
    assert_eq!(prevs, expected);

    let key = public_key::<S, 1024>(&mut bench, ledger.book);
    for (holder, minor) in [(alice, 21), (bob, 103), (carol, 50)] {
        let (last, sum) = (ledger.last_positions(&holder), ledger.balance(&holder));
        release_balance(ledger.book, &holder, last, &sum, |request| {
            match bench.call(request).response() {
                Response::Statement(record) => check_statement(&record, &key, minor),
                other => panic!("{other:?}"),
            }
        });
    }
    let cut = ledger.cut(&mut bench);
    release_total(
        ledger.book,
        &[ledger.range(0, cut)],
        &ledger.total(0..cut),
        |request| match bench.call(request).response() {
            Response::Statement(record) => check_statement(&record, &key, 174),
            other => panic!("{other:?}"),
        },
    );
}

#[test]
fn what_can_be_refused_is_refused_before_anything_is_signed() {
    let (mut bench, mut ledger, [alice, bob, _]) = bench_with_book();
    let open = bench.book(Rules {
        kind: 2,
        name: "open",
        ..RULES
    });
    ledger.post(&mut bench, &[(alice, 1), (bob, 1)]);
    let before = bench.flash_bytes();
    let book = ledger.book;
    let at = |book, prev, minor| Request::Post {
        book,
        expected_seq: 2,
        posting: Posting {
            account: alice,
            prev,
            minor,
        },
    };
    for (request, error) in [
        (at(BookId([0; 32]), Some(0), 1), TokenError::UnknownBook),
        (at(open, Some(0), 1), TokenError::WrongKind),
        (at(book, Some(0), 1001), TokenError::OverCap),
        (at(book, Some(0), -1001), TokenError::OverCap),
        (at(book, Some(0), i64::MIN), TokenError::OverCap),
        (at(book, Some(2), 1), TokenError::BadPrev),
        (at(book, Some(3), 1), TokenError::BadPrev),
        (at(book, Some(u64::MAX), 1), TokenError::BadPrev),
        (Request::LastEntry { book: open }, TokenError::WrongKind),
        (Request::Cut { book: open }, TokenError::WrongKind),
    ] {
        assert_eq!(bench.refusal(&request), error, "{request:?}");
    }
    let batch = |postings: &[(Option<u64>, i64)]| Request::PostBatch {
        book,
        expected_seq: 2,
        postings: postings
            .iter()
            .map(|(prev, minor)| Posting {
                account: alice,
                prev: *prev,
                minor: *minor,
            })
            .collect(),
    };
    assert_eq!(bench.refusal(&batch(&[])), TokenError::BadBatch);
    assert_eq!(
        bench.refusal(&batch(&[(Some(0), 1), (None, 2000)])),
        TokenError::OverCap
    );
    assert_eq!(
        bench.refusal(&batch(&[(Some(2), 1), (None, 1)])),
        TokenError::BadPrev
    );
    *bench.world.dice.borrow_mut() = DiceState::Stuck;
    assert_eq!(
        bench.refusal(&at(book, Some(0), 1)),
        TokenError::EntropyFailed
    );
    assert_eq!(bench.flash_bytes(), before, "not one bit has changed");
}

#[test]
fn batches_end_at_the_announced_length() {
    let mut bench = Bench::<128>::unlocked();
    let book = bench.book(RULES);
    let mut ledger = Ledger::new(&mut bench, book);
    let most = usize::from(bench.info().batch_len_max);
    assert!((2..16).contains(&most), "{most}");
    let alice = Handle([1; 32]);
    let too_many = vec![ledger.posting(&alice, 1); most + 1];
    assert_eq!(
        bench.refusal(&ledger.request(&too_many)),
        TokenError::BadBatch
    );
    ledger.post(&mut bench, &vec![(alice, 1); most]);
    assert_eq!(ledger.next_seq(), most as u64);
}

#[test]
fn books_have_chains_of_their_own() {
    let mut bench = Bench::<1024>::unlocked();
    let books = ["one", "two"].map(|name| bench.book(Rules { name, ..RULES }));
    let mut ledgers = books.map(|book| Ledger::new(&mut bench, book));
    let account = Handle([7; 32]);
    assert_eq!(
        bench.refusal(&Request::LastEntry { book: books[0] }),
        TokenError::NothingStored
    );
    for ledger in &mut ledgers {
        ledger.post(&mut bench, &[(account, 1)]);
        ledger.post(&mut bench, &[(account, 1)]);
    }
    let [one, two] = ledgers.map(|ledger| ledger.entries);
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        two.keys().collect::<Vec<_>>()
    );
    assert!(
        one.values()
            .zip(two.values())
            .all(|(one, two)| one.total != two.total)
    );
}
