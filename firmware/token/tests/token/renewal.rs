//! A token that goes on under a fresh writer identifier: old chains are closed to it for ever.

use core_nostd::{
    ciphersuite::Ristretto255Sha512,
    ids::Handle,
    wire::{Request, Response, Standing, TokenError, WRITERS_MAX},
};
use firmware_token::nor::power::Tear;

use crate::{
    bench::{Answer, Bench, PIN, RULES, provision},
    foreign_keys::{OPEN, X, import},
    ledger::{Ledger, check_statement, public_key, release_balance, release_total},
};

type S = Ristretto255Sha512;

const ALICE: Handle = Handle([1; 32]);

/// A treasury in ceremony mode with four entries and an imported key, and its chain.
fn four_entries() -> (Bench, Ledger) {
    let mut bench = Bench::new();
    bench.reboot_into(true);
    bench.done(&provision(PIN));
    let book = bench.book(RULES);
    assert_eq!(bench.call(&import(OPEN, &X)).error(), None);
    let mut ledger = Ledger::new(&mut bench, book);
    ledger.post(
        &mut bench,
        &[(ALICE, 1), (ALICE, 2), (ALICE, 3), (ALICE, 4)],
    );
    (bench, ledger)
}

fn open_key(bench: &mut Bench) -> Vec<u8> {
    let book = OPEN.check().expect("good rules").id();
    bench.call(&Request::PublicKey { book }).message
}

#[test]
fn old_and_new_chain_add_up_and_nothing_else_changes() {
    let (mut bench, mut old) = four_entries();
    let book = old.book;
    old.cut(&mut bench);
    let key = public_key::<S, 1024>(&mut bench, book);
    let (policy, imported) = (bench.info().policy, open_key(&mut bench));

    bench.done(&Request::NewWriter);
    assert_ne!(bench.info().writer, Some(old.writer));
    let last = Request::LastEntry { book };
    assert_eq!(bench.refusal(&last), TokenError::NothingStored);
    let refused = bench.refusal(&old.request(&[old.posting(&ALICE, 5)]));
    assert_eq!(refused, TokenError::WrongSeq { next: 0 });
    let refused = bench.refusal(&Request::Cut { book });
    assert_eq!(refused, TokenError::TooFewEntries { missing: 4 });
    let listed = bench.call(&Request::Book { index: 0 });
    let Response::Book(info) = listed.response() else {
        panic!("{listed:?}")
    };
    assert_eq!((info.next_seq, info.last_cut), (0, 0));

    let mut new = Ledger::new(&mut bench, book);
    new.post(&mut bench, &[(ALICE, 50), (ALICE, 60)]);
    bench.reboot_into(true);
    bench.done(&Request::Unlock { pin: PIN });
    new.post(&mut bench, &[(ALICE, 70), (ALICE, -80)]);
    new.cut(&mut bench);
    assert_eq!(public_key::<S, 1024>(&mut bench, book), key);
    assert_eq!(open_key(&mut bench), imported);
    assert_eq!(bench.info().policy, policy);

    let listed = bench.call(&Request::Writer { index: 0 });
    let Response::Writer(info) = listed.response() else {
        panic!("{listed:?}")
    };
    assert_eq!(
        (info.writer, info.standing),
        (old.writer, Standing::Retired)
    );
    let listed = bench.call(&Request::Writer { index: 1 });
    assert_eq!(listed.response(), Response::NoWriter);

    let mut both = [old, new];
    both.sort_by_key(|ledger| ledger.writer);
    let check = |bench: &mut Bench, request: &Request<'_>| {
        let reply = bench.call(request);
        let Response::Statement(record) = reply.response() else {
            panic!("{reply:?}")
        };
        check_statement(&record, &key, 110);
    };
    let ranges = both.each_ref().map(|ledger| ledger.range(0, 4));
    let sum = both[0].total(0..4) + both[1].total(0..4);
    release_total(book, &ranges, &sum, |request| check(&mut bench, request));
    let last = both.iter().flat_map(|ledger| ledger.last_positions(&ALICE));
    let sum = both[0].balance(&ALICE) + both[1].balance(&ALICE);
    release_balance(book, &ALICE, last.collect(), &sum, |request| {
        check(&mut bench, request);
    });
}

#[test]
fn a_new_writer_needs_ceremony_mode_and_a_person() {
    let (mut bench, old) = four_entries();
    bench.world.button.borrow_mut().answers = [Answer::No, Answer::Never].into();
    assert_eq!(bench.refusal(&Request::NewWriter), TokenError::Denied);
    let refused = bench.refusal(&Request::NewWriter);
    assert_eq!(refused, TokenError::PresenceTimeout);
    let asked = bench.world.button.borrow().asked.last().cloned();
    assert_eq!(
        asked.as_deref(),
        Some("retire this token's chains and begin new ones")
    );
    bench.reboot();
    bench.done(&Request::Unlock { pin: PIN });
    let refused = bench.refusal(&Request::NewWriter);
    assert_eq!(refused, TokenError::CeremonyRequired);
    assert_eq!(bench.info().writer, Some(old.writer));
    assert_eq!(
        bench.call(&Request::LastEntry { book: old.book }).error(),
        None
    );
}

/// Each renewal ends the chain before it, also one that is as long.
#[test]
fn every_renewal_begins_at_nought() {
    let (mut bench, mut ledger) = four_entries();
    let mut writers = vec![ledger.writer];
    for round in 0..5 {
        bench.done(&Request::NewWriter);
        if round % 2 == 0 {
            ledger = Ledger::new(&mut bench, ledger.book);
            ledger.post(&mut bench, &[(ALICE, round)]);
        }
        let writer = bench.info().writer.expect("a token with keys");
        assert!(!writers.contains(&writer));
        writers.push(writer);
    }
    // The list is not endless.
    for _ in 5..WRITERS_MAX {
        bench.done(&Request::NewWriter);
    }
    let refused = bench.refusal(&Request::NewWriter);
    assert_eq!(refused, TokenError::TooManyWriters);
    ledger = Ledger::new(&mut bench, ledger.book);
    ledger.post(&mut bench, &[(ALICE, 1)]);
}

#[test]
fn a_power_cut_leaves_the_old_writer_with_its_chain_or_the_new_one_without() {
    let (mut template, old) = four_entries();
    let last = Request::LastEntry { book: old.book };
    let reply = template.call(&last).message;
    let imported = open_key(&mut template);
    let start = || {
        let mut bench = Bench::in_world(template.world_again(), true);
        bench.done(&Request::Unlock { pin: PIN });
        bench
    };
    let mut whole = start();
    let before = whole.world.chip.borrow().operations;
    whole.done(&Request::NewWriter);
    let operations = whole.world.chip.borrow().operations - before;
    let mut outcomes = [0, 0];
    for tear in [Tear::Nothing, Tear::Half, Tear::Everything] {
        for cut in 0..operations {
            let mut bench = start();
            bench.world.chip.borrow_mut().cut_power_after(cut, tear);
            let answer = bench.call(&Request::NewWriter);
            assert_eq!(answer.error(), Some(TokenError::StorageFailed));
            bench.reboot();
            bench.done(&Request::Unlock { pin: PIN });
            let is_old = bench.info().writer == Some(old.writer);
            let now = bench.call(&last);
            if is_old {
                assert_eq!(now.message, reply, "{cut} {tear:?}");
            } else {
                let refused = now.error();
                assert_eq!(refused, Some(TokenError::NothingStored), "{cut} {tear:?}");
            }
            assert_eq!(open_key(&mut bench), imported);
            // Tried again, it is done: listing the old one twice is listing it once.
            bench.reboot_into(true);
            bench.done(&Request::Unlock { pin: PIN });
            bench.done(&Request::NewWriter);
            let writers = (0..).map(|index| bench.call(&Request::Writer { index }));
            let listed = writers.take_while(|reply| reply.response() != Response::NoWriter);
            assert_eq!(listed.count(), if is_old { 1 } else { 2 });
            outcomes[usize::from(is_old)] += 1;
        }
    }
    assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
}
