//! Cuts: whatever is posted and asked, at least `k` entries lie between two of them.

use core_nostd::{
    ids::Handle,
    wire::{Request, Response, Rules, TokenError},
};
use proptest::prelude::*;

use crate::{
    bench::{Bench, PIN, RULES},
    ledger::{Ledger, release_total},
};

const ALICE: Handle = Handle([1; 32]);

fn bench_with(min_entries: u32) -> (Bench, Ledger) {
    let mut bench = Bench::unlocked();
    let book = bench.book(Rules {
        min_entries,
        ..RULES
    });
    let ledger = Ledger::new(&mut bench, book);
    (bench, ledger)
}

fn segments(ledger: &Ledger) -> Vec<u64> {
    let cuts: Vec<_> = ledger.cuts.keys().collect();
    cuts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_cut_needs_k_entries_and_says_how_many_are_missing() {
    let (mut bench, mut ledger) = bench_with(4);
    let cut = Request::Cut { book: ledger.book };
    for missing in (1..=4).rev() {
        assert_eq!(bench.refusal(&cut), TokenError::TooFewEntries { missing });
        ledger.post(&mut bench, &[(ALICE, 1)]);
    }
    assert_eq!(ledger.cut(&mut bench), 4);
    ledger.post(&mut bench, &[(ALICE, 1)]);
    assert_eq!(
        bench.refusal(&cut),
        TokenError::TooFewEntries { missing: 3 }
    );
}

#[test]
fn a_cut_asked_again_is_the_same_and_keeps_the_last_reply() {
    let (mut bench, mut ledger) = bench_with(4);
    ledger.post(
        &mut bench,
        &[(ALICE, 1), (ALICE, 2), (ALICE, 3), (ALICE, 4)],
    );
    let last = Request::LastEntry { book: ledger.book };
    let reply = bench.call(&last).message;
    let cut = Request::Cut { book: ledger.book };
    let first = bench.call(&cut).message;
    let flash = bench.flash_bytes();
    assert_eq!(bench.call(&cut).message, first);
    assert_eq!(bench.flash_bytes(), flash, "asking again writes nothing");
    bench.reboot();
    bench.done(&Request::Unlock { pin: PIN });
    assert_eq!(bench.call(&cut).message, first);
    assert_eq!(bench.call(&last).message, reply);
    match bench.call(&Request::Book { index: 0 }).response() {
        Response::Book(info) => assert_eq!((info.next_seq, info.last_cut), (4, 4)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn with_2k_pending_entries_a_posting_brings_a_cut_by_itself() {
    let (mut bench, mut ledger) = bench_with(4);
    for _ in 0..8 {
        assert_eq!(ledger.cuts.len(), 1);
        ledger.post(&mut bench, &[(ALICE, 1)]);
    }
    assert_eq!(ledger.cuts.keys().copied().collect::<Vec<_>>(), [0, 4]);
    let lost = bench.call(&Request::LastEntry { book: ledger.book });
    ledger.cuts.remove(&4);
    ledger.store(&lost);
    assert!(
        ledger.cuts.contains_key(&4),
        "a lost reply comes back with its cut"
    );
    assert_eq!(ledger.cut(&mut bench), 8);
    for (from, to) in [(0, 4), (4, 8), (0, 8)] {
        let sum = ledger.total(from..to);
        release_total(ledger.book, &[ledger.range(from, to)], &sum, |request| {
            assert_eq!(bench.call(request).error(), None, "{from}..{to}");
        });
    }
}

#[test]
fn a_long_batch_in_a_book_of_short_segments_brings_one_cut() {
    let (mut bench, mut ledger) = bench_with(1);
    ledger.post(&mut bench, &[(ALICE, 1); 9]);
    assert_eq!(ledger.cuts.keys().copied().collect::<Vec<_>>(), [0, 8]);
    ledger.post(&mut bench, &[(ALICE, 1)]);
    assert_eq!(ledger.cuts.keys().copied().collect::<Vec<_>>(), [0, 8, 9]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn no_segment_is_ever_shorter_than_k(
        min_entries in 1_u32..6,
        steps in proptest::collection::vec(0_usize..8, 1..20),
    ) {
        let (mut bench, mut ledger) = bench_with(min_entries);
        for step in steps {
            if step > 0 {
                ledger.post(&mut bench, &vec![(ALICE, 1); step]);
            } else if bench.call(&Request::Cut { book: ledger.book }).error().is_none() {
                ledger.cut(&mut bench);
            }
            let last = *ledger.cuts.keys().last().expect("the start");
            prop_assert!(ledger.next_seq() - last < 2 * u64::from(min_entries));
        }
        prop_assert!(segments(&ledger).iter().all(|len| *len >= u64::from(min_entries)));
        let all = *ledger.cuts.keys().last().expect("the start");
        if all > 0 {
            let sum = ledger.total(0..all);
            release_total(ledger.book, &[ledger.range(0, all)], &sum, |request| {
                assert_eq!(bench.call(request).error(), None);
            });
        }
    }
}
