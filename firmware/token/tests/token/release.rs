//! Releases that may be: policy, statements, and the amount that is shown.

use core_nostd::{
    ciphersuite::Ciphersuite,
    group::Group,
    ids::BookId,
    keys::{Nonce, PublicKey},
    wire::{Policy, Request, Response, Rules, TokenError},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::{
    bench::{Bench, PIN, RULES, Reply},
    ledger::{Ledger, S, account, check_statement, public_key, release_balance, release_total},
};

/// A book with four entries, cut, that add up to 1234.
fn four_entries(bench: &mut Bench) -> Ledger {
    let book = bench.book(RULES);
    let alice = account(bench, book, "ALICE1");
    let mut ledger = Ledger::new(bench, book);
    ledger.post(
        bench,
        &[(alice, 1000), (alice, 300), (alice, -100), (alice, 34)],
    );
    ledger.cut(bench);
    ledger
}

fn total(bench: &mut Bench, ledger: &Ledger) -> Reply {
    release_total(
        ledger.book,
        &[ledger.range(0, 4)],
        &ledger.total(0..4),
        |request| bench.call(request),
    )
}

#[test]
fn what_the_policy_does_not_grant_is_not_opened() {
    for granted in 0..4 {
        let policy = Policy {
            totals: granted == 1,
            balances: granted == 2,
            open_sums: granted == 3,
        };
        let mut bench = Bench::new();
        bench.done(&Request::Provision { pin: PIN, policy });
        let ledger = four_entries(&mut bench);
        let alice = ledger.entries[&0].account;
        let refused = |allowed: bool| (!allowed).then_some(TokenError::NotAllowed);

        assert_eq!(total(&mut bench, &ledger).error(), refused(policy.totals));
        let (last, sum) = (ledger.last_positions(&alice), ledger.balance(&alice));
        release_balance(ledger.book, &alice, last, &sum, |request| {
            assert_eq!(bench.call(request).error(), refused(policy.balances));
        });
        let open = bench.book(Rules { kind: 2, ..RULES });
        let error = release_open::<S, 1024>(&mut bench, open, &[1, 2]).error();
        assert_eq!(error, refused(policy.open_sums));
    }
}

#[test]
fn policy_comes_before_the_tag_and_elements_before_the_policy() {
    let policy = Policy {
        totals: false,
        balances: false,
        open_sums: false,
    };
    let mut bench = Bench::new();
    bench.done(&Request::Provision { pin: PIN, policy });
    let ledger = four_entries(&mut bench);
    let asked = bench.world.button.borrow().asked.len();
    release_total(ledger.book, &[], &ledger.total(0..4), |request| {
        assert_eq!(bench.refusal(request), TokenError::NotAllowed);
    });
    let bad = Request::ReleaseTotal {
        book: ledger.book,
        ranges: [].into_iter().collect(),
        c1: &[0; 32],
        c2: &[0; 32],
        tag: &[0; 32],
    };
    assert_eq!(bench.refusal(&bad), TokenError::BadElement);
    assert_eq!(
        bench.world.button.borrow().asked.len(),
        asked,
        "nobody is asked in vain"
    );
}

#[test]
fn statements_are_numbered_and_the_last_is_sent_again_byte_for_byte() {
    let mut bench = Bench::unlocked();
    let ledger = four_entries(&mut bench);
    let key = public_key::<S, 1024>(&mut bench, ledger.book);
    for number in 1..4 {
        let reply = total(&mut bench, &ledger);
        let Response::Statement(record) = reply.response() else {
            panic!("{reply:?}")
        };
        assert_eq!(record.number, number);
        check_statement(&record, &key, 1234);
        assert_eq!(bench.call(&Request::LastStatement).message, reply.message);
        bench.reboot();
        bench.done(&Request::Unlock { pin: PIN });
        assert_eq!(bench.call(&Request::LastStatement).message, reply.message);
    }
}

#[test]
fn the_person_sees_what_is_opened_and_the_verified_amount() {
    let mut bench = Bench::unlocked();
    let ledger = four_entries(&mut bench);
    total(&mut bench, &ledger);
    let asked = bench.world.button.borrow().asked.last().cloned();
    assert_eq!(
        asked.as_deref(),
        Some("open the total of book \"savings\", 4 entries")
    );
    let confirm = |number, minor| Request::ConfirmDecode { number, minor };
    assert_eq!(bench.refusal(&confirm(1, 1235)), TokenError::WrongAmount);
    assert_eq!(bench.refusal(&confirm(1, -1234)), TokenError::WrongAmount);
    assert_eq!(bench.refusal(&confirm(0, 1234)), TokenError::NothingStored);
    assert_eq!(bench.refusal(&confirm(2, 1234)), TokenError::NothingStored);
    assert!(bench.world.button.borrow().shown.is_empty());
    bench.done(&confirm(1, 1234));
    assert_eq!(
        bench.world.button.borrow().shown,
        ["book \"savings\": EUR 12.34"]
    );
}

#[test]
fn an_open_book_sums_and_opens() {
    check_open_book::<S>();
}

#[cfg(feature = "ffdhe")]
#[test]
fn an_open_book_of_each_finite_field_sums_and_opens() {
    check_open_book::<core_nostd::ciphersuite::Ffdhe2048Sha512>();
    check_open_book::<core_nostd::ciphersuite::Ffdhe3072Sha512>();
}

fn check_open_book<T: Ciphersuite>() {
    let mut bench = Bench::unlocked();
    let rules = Rules {
        suite: T::ID as u8,
        kind: 2,
        ..RULES
    };
    let book = bench.book(rules);
    let reply = release_open::<T, 1024>(&mut bench, book, &[700, -50, 3]);
    let Response::Statement(record) = reply.response() else {
        panic!("{reply:?}")
    };
    let key = public_key::<T, 1024>(&mut bench, book);
    assert_eq!((record.number, record.count), (1, 3));
    check_statement(&record, &key, 653);
    assert_eq!(bench.call(&Request::LastStatement).message, reply.message);
    let confirm = |minor| Request::ConfirmDecode { number: 1, minor };
    assert_eq!(bench.refusal(&confirm(652)), TokenError::WrongAmount);
    bench.done(&confirm(653));
    let asked = bench.world.button.borrow().asked.last().cloned();
    let expected = "open a sum of OPEN book \"savings\", 3 entries unverified";
    assert_eq!(asked.as_deref(), Some(expected));

    let identity = T::Group::encode(&T::Group::identity());
    let generator = T::Group::encode(&T::Group::generator());
    let (identity, generator) = (identity.as_ref(), generator.as_ref());
    for (c1, c2) in [(identity, generator), (generator, &generator[1..])] {
        let request = Request::ReleaseOpen {
            book,
            count: 1,
            c1,
            c2,
        };
        assert_eq!(bench.refusal(&request), TokenError::BadElement);
    }
}

/// Encrypts as anybody can, and asks for the sum.
pub fn release_open<T: Ciphersuite, const KIB: u32>(
    bench: &mut Bench<KIB>,
    book: BookId,
    amounts: &[i64],
) -> Reply {
    let key: PublicKey<T> = public_key(bench, book);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let sum: core_nostd::ciphertext::Ciphertext<T> = amounts
        .iter()
        .map(|m| key.encrypt(*m, Nonce::random(&mut rng)))
        .sum();
    let (c1, c2) = sum.to_bytes();
    bench.call(&Request::ReleaseOpen {
        book,
        count: amounts.len() as u64,
        c1: c1.as_ref(),
        c2: c2.as_ref(),
    })
}
