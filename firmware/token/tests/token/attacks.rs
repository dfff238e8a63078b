//! What a server or a host may try to get something else opened than it may, and is refused.

use core_nostd::{
    ciphersuite::Ciphersuite,
    ciphertext::Ciphertext,
    group::Group,
    ids::{Handle, WriterId},
    tag::{Cut, LastPosition, Range},
    wire::{PerWriter, Posting, Request, Response, Rules, TokenError},
};

use crate::{
    bench::{Bench, PIN, RULES},
    ledger::{
        Ledger, S, Sum, account, check_statement, encoded, public_key, release_balance,
        release_total,
    },
};

type G = <S as Ciphersuite>::Group;

struct Scene {
    bench: Bench,
    ledger: Ledger,
    alice: Handle,
    bob: Handle,
}

/// Nine entries of four holders in a book with a cut behind them.
fn scene() -> Scene {
    let mut bench = Bench::unlocked();
    let book = bench.book(RULES);
    let mut ledger = Ledger::new(&mut bench, book);
    let [alice, bob, carol, dave] =
        ["ALICE1", "BOB123", "CAROL1", "DAVE12"].map(|nid| account(&mut bench, book, nid));
    let amounts = [
        (alice, 500),
        (bob, 900),
        (alice, -125),
        (carol, 77),
        (bob, 3),
        (alice, 10),
        (carol, -77),
        (dave, 1),
        (bob, 0),
    ];
    for posting in amounts {
        ledger.post(&mut bench, &[posting]);
    }
    assert_eq!(ledger.cut(&mut bench), 9);
    Scene {
        bench,
        ledger,
        alice,
        bob,
    }
}

impl Scene {
    fn refuse_total(&mut self, why: &str, ranges: &[Range], sum: &Sum) {
        let error = release_total(self.ledger.book, ranges, sum, |request| {
            self.bench.call(request).error()
        });
        let degenerate = encoded(sum).0 == [0; 32] || encoded(sum).2 == [0; 32];
        let expected = if degenerate {
            TokenError::BadElement
        } else {
            TokenError::ClaimRefused
        };
        assert_eq!(error, Some(expected), "{why}");
        assert_eq!(
            self.bench.refusal(&Request::LastStatement),
            TokenError::NothingStored,
            "{why}"
        );
    }

    fn refuse_balance(&mut self, why: &str, last: &[LastPosition], sum: &Sum) {
        let last: PerWriter<_> = last.iter().copied().collect();
        let error = release_balance(self.ledger.book, &self.alice, last, sum, |request| {
            self.bench.call(request).error()
        });
        assert_eq!(error, Some(TokenError::ClaimRefused), "{why}");
    }
}

/// `k·sum`, by adding.
fn times(sum: &Sum, k: usize) -> Sum {
    (0..k).fold(Sum::zero(), |total, _| total + *sum)
}

#[test]
fn the_honest_total_and_balance_open() {
    let Scene {
        mut bench,
        ledger,
        alice,
        ..
    } = scene();
    let key = public_key::<S, 1024>(&mut bench, ledger.book);
    release_total(
        ledger.book,
        &[ledger.range(0, 9)],
        &ledger.total(0..9),
        |request| match bench.call(request).response() {
            Response::Statement(record) => {
                assert_eq!((record.number, record.count), (1, 9));
                check_statement(&record, &key, 1289);
            }
            other => panic!("{other:?}"),
        },
    );
    let (last, sum) = (ledger.last_positions(&alice), ledger.balance(&alice));
    release_balance(ledger.book, &alice, last, &sum, |request| {
        match bench.call(request).response() {
            Response::Statement(record) => {
                assert_eq!((record.number, record.count), (2, 0));
                check_statement(&record, &key, 385);
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_total_that_is_not_what_it_claims_is_refused() {
    let mut scene = scene();
    let ledger = scene.ledger.clone();
    let (all, whole) = (ledger.range(0, 9), ledger.total(0..9));
    let one = ledger.total(0..1);
    scene.refuse_total("an entry left out", &[all], &ledger.total(1..9));
    scene.refuse_total("an entry doubled", &[all], &(whole + one));
    let thousand = Ciphertext {
        c1: G::identity(),
        c2: G::mul_base_i64(1000),
    };
    let richer = Sum {
        ciphertext: whole.ciphertext + thousand,
        ..whole
    };
    scene.refuse_total("the server adds ten euros", &[all], &richer);
    let weighted = (0..9).fold(Sum::zero(), |sum, seq| {
        sum + times(&ledger.total([seq]), 1 << seq)
    });
    scene.refuse_total("weights 1, 2, 4", &[all], &weighted);
    scene.refuse_total("the sum doubled", &[all], &times(&whole, 2));
    scene.refuse_total("nothing", &[], &whole);
    scene.refuse_total("an empty range", &[ledger.range(9, 9)], &whole);
    scene.refuse_total("a writer twice", &[all, all], &times(&whole, 2));
    let backwards = Range {
        from: all.to,
        to: all.from,
        ..all
    };
    scene.refuse_total("a range backwards", &[backwards], &(Sum::zero() - whole));
    let foreign = Range {
        writer: WriterId([0; 16]),
        ..all
    };
    scene.refuse_total("another writer", &[foreign], &whole);
    scene.refuse_total("another writer besides", &[foreign, all], &whole);
    let idle = Range {
        to: Cut::START,
        ..foreign
    };
    scene.refuse_total("one that has posted nothing besides", &[idle, all], &whole);

    // The same of a writer whom the treasury knows.
    let Scene { bench, .. } = &mut scene;
    bench.reboot_into(true);
    bench.done(&Request::Unlock { pin: PIN });
    bench.done(&Request::AdmitWriter {
        writer: foreign.writer,
        name: "branch",
    });
    scene.refuse_total("a known writer", &[foreign], &whole);
    scene.refuse_total("a known writer besides", &[foreign, all], &whole);
    release_total(ledger.book, &[idle, all], &whole, |request| {
        assert_eq!(
            scene.bench.call(request).error(),
            None,
            "one that is known and has posted nothing is fine"
        );
    });
}

#[test]
fn a_total_ends_only_at_cuts() {
    let mut scene = scene();
    let ledger = scene.ledger.clone();
    let all = ledger.range(0, 9);
    for (from, to) in [(0, 1), (0, 8), (8, 9), (1, 9)] {
        let stolen = |position| Cut { position, ..all.to };
        let range = Range {
            from: stolen(from),
            to: stolen(to),
            ..all
        };
        scene.refuse_total("a stolen MAC", &[range], &ledger.total(from..to));
    }
    let mut forged = all;
    forged.to.mac[15] ^= 1;
    scene.refuse_total("one bit of a MAC", &[forged], &ledger.total(0..9));

    let more = scene.ledger.posting(&scene.bob, 999);
    let reply = scene.bench.call(&scene.ledger.request(&[more]));
    scene.ledger.store(&reply);
    let cut = Request::Cut { book: ledger.book };
    assert_eq!(
        scene.bench.refusal(&cut),
        TokenError::TooFewEntries { missing: 3 },
        "one more entry, to subtract"
    );
}

#[test]
fn elements_that_are_none_are_bad_elements() {
    let mut scene = scene();
    let ledger = scene.ledger.clone();
    let (c1, c2, tag) = encoded(&ledger.total(0..9));
    let identity = [0_u8; 32];
    let non_canonical = [0xff_u8; 32];
    let mut negative = c1;
    negative[0] |= 1;
    let book = ledger.book;
    let ranges: PerWriter<Range> = [ledger.range(0, 9)].into_iter().collect();
    for bad in [
        &identity[..],
        &non_canonical,
        &negative,
        &c1[..31],
        &[0; 33],
        &[],
    ] {
        for at in 0..3 {
            let mut parts = [&c1[..], &c2, &tag];
            parts[at] = bad;
            let [c1, c2, tag] = parts;
            let ranges = ranges.clone();
            let total = Request::ReleaseTotal {
                book,
                ranges,
                c1,
                c2,
                tag,
            };
            assert_eq!(scene.bench.refusal(&total), TokenError::BadElement);
            let last = ledger.last_positions(&scene.alice);
            let account = scene.alice;
            let balance = Request::ReleaseBalance {
                book,
                account,
                last,
                c1,
                c2,
                account_tag: tag,
            };
            assert_eq!(scene.bench.refusal(&balance), TokenError::BadElement);
        }
    }
}

#[test]
fn a_book_is_no_oracle_for_another() {
    let mut scene = scene();
    let ledger = scene.ledger.clone();
    let (c1, c2, tag) = encoded(&ledger.total(0..9));
    let dollars = scene.bench.book(Rules {
        currency: *b"USD",
        ..RULES
    });
    release_total(
        dollars,
        &[ledger.range(0, 9)],
        &ledger.total(0..9),
        |request| {
            assert_eq!(scene.bench.refusal(request), TokenError::ClaimRefused);
        },
    );
    let open = scene.bench.book(Rules {
        kind: 2,
        name: "open",
        ..RULES
    });
    let ranges = [ledger.range(0, 9)].into_iter().collect();
    let total = Request::ReleaseTotal {
        book: open,
        ranges,
        c1: &c1,
        c2: &c2,
        tag: &tag,
    };
    assert_eq!(scene.bench.refusal(&total), TokenError::WrongKind);
    let classic = Request::ReleaseOpen {
        book: ledger.book,
        count: 9,
        c1: &c1,
        c2: &c2,
    };
    assert_eq!(
        scene.bench.refusal(&classic),
        TokenError::WrongKind,
        "no way to open without tags"
    );

    let classic = Request::ReleaseOpen {
        book: open,
        count: 9,
        c1: &c1,
        c2: &c2,
    };
    let reply = scene.bench.call(&classic);
    let Response::Statement(record) = reply.response() else {
        panic!("{reply:?}")
    };
    let d = G::decode(record.d).expect("an element");
    assert!(
        !bool::from(core_nostd::check_amount::<S>(1289, &d)),
        "books have keys of their own"
    );
    let keys = [ledger.book, open].map(|book| public_key::<S, 1024>(&mut scene.bench, book));
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_balance_that_is_not_the_whole_history_is_refused() {
    let mut scene = scene();
    let ledger = scene.ledger.clone();
    let last = ledger.last_positions(&scene.alice);
    let sum = ledger.balance(&scene.alice);
    let without = |seq: u64| sum - ledger.entries[&seq].balance;
    scene.refuse_balance("without the withdrawal", &last, &without(2));
    scene.refuse_balance("without the first", &last, &without(0));
    scene.refuse_balance("bob's as alice's", &last, &ledger.balance(&scene.bob));
    scene.refuse_balance(
        "bob's with his positions",
        &ledger.last_positions(&scene.bob),
        &sum,
    );
    scene.refuse_balance("book tags", &last, &ledger.total([0, 2, 5]));
    scene.refuse_balance("doubled", &last, &times(&sum, 2));
    let at = |seq| LastPosition { seq, ..last[0] };
    scene.refuse_balance("an older end", &[at(Some(2))], &sum);
    scene.refuse_balance("a foreign end", &[at(Some(3))], &sum);
    scene.refuse_balance("no end", &[at(None)], &sum);
    scene.refuse_balance("nobody", &[], &sum);
    scene.refuse_balance("a writer twice", &[last[0], last[0]], &sum);
    scene.refuse_balance(
        "a single entry",
        &[at(Some(5))],
        &ledger.entries[&5].balance,
    );
}

#[test]
fn a_chain_does_not_fork() {
    let mut scene = scene();
    let book = scene.ledger.book;
    let post = |expected_seq, prev| Request::Post {
        book,
        expected_seq,
        posting: Posting {
            account: scene.alice,
            prev,
            minor: 1,
        },
    };
    assert_eq!(
        scene.bench.refusal(&post(9, Some(9))),
        TokenError::BadPrev,
        "prev is itself"
    );
    assert_eq!(
        scene.bench.refusal(&post(8, Some(5))),
        TokenError::WrongSeq { next: 9 }
    );
    assert_eq!(
        scene.bench.refusal(&post(10, Some(5))),
        TokenError::WrongSeq { next: 9 }
    );
}
