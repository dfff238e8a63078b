//! Power cuts: after every single operation of the flash the state is the old or the new one.

use std::collections::BTreeMap;

use core_nostd::{
    ids::Handle,
    wire::{Request, Response, Rules, SignedEntry, State, TokenError},
};
use firmware_token::{TRIES_MAX, nor::power::Tear};

use crate::{
    bench::{Bench, PIN, RULES, World, provision},
    foreign_keys::{OPEN, X, import},
    ledger::{Ledger, release_total},
};

const TEARS: [Tear; 3] = [Tear::Nothing, Tear::Half, Tear::Everything];
const ALICE: Handle = Handle([1; 32]);
const NEW_PIN: &str = "new pin";

/// Everything a host can find out about a token that it can unlock.
#[derive(Clone, PartialEq)]
struct Seen {
    state: State,
    pin: Option<&'static str>,
    /// Per book: what the list says, the public key, the last reply.
    books: Vec<[Vec<u8>; 3]>,
    statement: Vec<u8>,
}

fn see(bench: &mut Bench) -> Seen {
    let info = bench.info();
    let mut seen = Seen {
        state: info.state,
        pin: None,
        books: vec![],
        statement: vec![],
    };
    if info.state != State::Locked {
        return seen;
    }
    let opens = |bench: &mut Bench, pin| bench.call(&Request::Unlock { pin }).error().is_none();
    seen.pin = [PIN, NEW_PIN].into_iter().find(|pin| opens(bench, pin));
    assert!(seen.pin.is_some(), "one PIN or the other");
    for index in 0..info.books {
        let listed = bench.call(&Request::Book { index });
        let Response::Book(book) = listed.response() else {
            panic!("{listed:?}")
        };
        let book = book.book;
        seen.books.push([
            listed.message.clone(),
            bench.call(&Request::PublicKey { book }).message,
            bench.call(&Request::LastEntry { book }).message,
        ]);
    }
    assert_eq!(
        bench.call(&Request::Book { index: info.books }).response(),
        Response::NoBook
    );
    seen.statement = bench.call(&Request::LastStatement).message;
    seen
}

/// A copy of a world whose flash is as it is now.
pub fn copy(bench: &Bench) -> World {
    let fresh = Bench::<1024>::new().world;
    let nor = firmware_token::nor::power::Failing::new(bench.flash_bytes());
    fresh.chip.borrow_mut().nor = nor;
    fresh
}

/// Runs `action` on copies of one token, cutting the power in every operation and in every way.
/// Afterwards, what is seen must be what was seen before or what is seen without a cut; `more`
/// checks what else must hold of the two.
fn cut_everywhere(
    prepare: impl Fn(&mut Bench),
    action: impl Fn(&mut Bench),
    more: impl Fn(&mut Bench, &Seen),
) {
    let mut template = Bench::<1024>::new();
    prepare(&mut template);
    let start = || {
        let mut bench = Bench::in_world(copy(&template), false);
        if bench.info().state == State::Locked {
            bench.done(&Request::Unlock { pin: PIN });
        }
        bench
    };
    let after_reboot = |bench: &mut Bench| {
        bench.reboot();
        see(bench)
    };
    let old = after_reboot(&mut start());
    let mut whole = start();
    let before = whole.world.chip.borrow().operations;
    action(&mut whole);
    let operations = whole.world.chip.borrow().operations - before;
    let new = after_reboot(&mut whole);
    assert!(operations > 0 && old != new, "the action does something");

    let mut outcomes = BTreeMap::from([(false, 0), (true, 0)]);
    for tear in TEARS {
        for cut in 0..operations {
            let mut bench = start();
            bench.world.chip.borrow_mut().cut_power_after(cut, tear);
            action(&mut bench);
            assert!(bench.world.chip.borrow().nor.is_off(), "{cut} {tear:?}");
            let seen = after_reboot(&mut bench);
            // Entries and statements are random: compare what they are, not their bytes.
            let is_new = shape(&seen) == shape(&new);
            assert!(
                is_new || seen == old,
                "{cut} {tear:?}: neither the old state nor the new"
            );
            *outcomes.entry(is_new).or_default() += 1;
            more(&mut bench, &seen);
        }
    }
    assert!(
        outcomes.values().all(|count| *count > 0),
        "both happen: {outcomes:?}"
    );
}

/// What is the same however the dice fall.
fn shape(seen: &Seen) -> Seen {
    let mut shape = seen.clone();
    for [_, _, reply] in &mut shape.books {
        *reply = vec![u8::try_from(reply.len() / 64).expect("short")];
    }
    shape.statement.truncate(2);
    shape
}

fn four_entries(bench: &mut Bench) {
    bench.done(&provision(PIN));
    let book = bench.book(RULES);
    let mut ledger = Ledger::new(bench, book);
    ledger.post(bench, &[(ALICE, 1), (ALICE, 2), (ALICE, 3), (ALICE, 4)]);
}

fn book_id() -> core_nostd::ids::BookId {
    RULES.check().expect("good rules").id()
}

#[test]
fn provisioning_is_all_or_nothing() {
    let mut clean = Bench::<1024>::new();
    let before = clean.world.chip.borrow().operations;
    clean.done(&provision(PIN));
    let operations = clean.world.chip.borrow().operations - before;
    for tear in TEARS {
        for cut in 0..operations {
            let mut bench = Bench::<1024>::new();
            bench.info();
            bench.world.chip.borrow_mut().cut_power_after(cut, tear);
            bench.refusal(&provision(PIN));
            bench.reboot();
            match bench.info().state {
                State::Empty => bench.done(&provision(PIN)),
                State::Locked => bench.done(&Request::Unlock { pin: PIN }),
                other => panic!("{other:?}"),
            }
            bench.book(RULES);
        }
    }
}

#[test]
fn the_power_never_gives_a_try_back() {
    for tear in TEARS {
        for cut in 0..8 {
            let mut bench = Bench::<1024>::unlocked();
            bench.done(&Request::Lock);
            for _ in 0..3 {
                bench.refusal(&Request::Unlock { pin: "wrong pin" });
            }
            bench.world.chip.borrow_mut().cut_power_after(cut, tear);
            let answer = bench.call(&Request::Unlock { pin: "wrong pin" });
            bench.reboot();
            let left = bench.info().tries_left;
            let told = TokenError::WrongPin {
                tries_left: TRIES_MAX - 4,
            };
            let allowed = match answer.error() {
                Some(error) if error == told => TRIES_MAX - 4..=TRIES_MAX - 4,
                Some(TokenError::StorageFailed) => TRIES_MAX - 4..=TRIES_MAX - 3,
                other => panic!("{other:?}"),
            };
            assert!(allowed.contains(&left), "{cut} {tear:?}: {left}");
        }
    }
}

#[test]
fn a_changed_pin_is_the_old_or_the_new() {
    cut_everywhere(
        four_entries,
        |bench| {
            bench.call(&Request::ChangePin {
                old: PIN,
                new: NEW_PIN,
            });
        },
        |bench, _| {
            assert_eq!(
                bench.info().tries_left,
                TRIES_MAX,
                "unlocking gave them back"
            )
        },
    );
}

#[test]
fn a_book_is_made_or_not() {
    cut_everywhere(
        four_entries,
        |bench| {
            let rules = Rules {
                name: "second",
                ..RULES
            };
            bench.call(&Request::CreateBook { rules });
        },
        |bench, seen| {
            if seen.books.len() == 1 {
                bench.book(Rules {
                    name: "second",
                    ..RULES
                });
            }
        },
    );
}

/// An imported key has its book or is nobody's: neither the next book at that place nor a key that
/// comes again finds anything of it.
fn check_import(suite: u8, x: &[u8]) {
    let named = |name| Rules {
        suite,
        name,
        ..OPEN
    };
    let key = |bench: &mut Bench, book| bench.call(&Request::PublicKey { book }).message;
    let imported = {
        let mut bench = Bench::<1024>::unlocked();
        let reply = bench.call(&import(named("any"), x));
        assert_eq!(reply.error(), None);
        key(&mut bench, named("any").check().expect("good rules").id())
    };
    cut_everywhere(
        four_entries,
        |bench| {
            bench.call(&import(named("second"), x));
        },
        |bench, seen| {
            if let Some([_, key, _]) = seen.books.get(1) {
                assert_eq!(*key, imported);
                let again = bench.refusal(&import(named("third"), x));
                assert_eq!(again, TokenError::KeyInUse);
            } else {
                let book = bench.book(named("second"));
                assert_ne!(key(bench, book), imported, "it is the seed's");
                assert_eq!(bench.call(&import(named("third"), x)).error(), None);
                let book = named("third").check().expect("good rules").id();
                assert_eq!(key(bench, book), imported);
            }
        },
    );
}

#[test]
fn an_imported_key_has_its_book_or_is_gone() {
    check_import(1, &X);
}

#[cfg(feature = "ffdhe")]
#[test]
fn the_longest_imported_key_has_its_book_or_is_gone() {
    check_import(3, &[0x0e; 384]);
}

/// Whatever happened to a posting, the host asks again and gets it once; an answer that has left
/// is the answer for ever.
fn check_posting(count: usize) {
    let request = |bench: &mut Bench| {
        let mut ledger = Ledger::new(bench, book_id());
        let postings = vec![ledger.posting(&ALICE, 7); count];
        ledger.entries.clear();
        match ledger.request(&postings) {
            Request::Post { book, posting, .. } => Request::Post {
                book,
                expected_seq: 4,
                posting,
            },
            Request::PostBatch { book, postings, .. } => Request::PostBatch {
                book,
                expected_seq: 4,
                postings,
            },
            other => panic!("{other:?}"),
        }
    };
    cut_everywhere(
        four_entries,
        |bench| {
            let request = request(bench);
            bench.call(&request);
        },
        |bench, seen| {
            let request = request(bench);
            let reply = bench.call(&request);
            let Response::Posted {
                first_seq,
                mut entries,
                ..
            } = reply.response()
            else {
                panic!("{reply:?}")
            };
            assert_eq!(first_seq, 4);
            let signed = std::iter::from_fn(|| SignedEntry::next_of(&mut entries)).count();
            assert_eq!(signed, count);
            let [_, _, stored] = &seen.books[0];
            if shape_of(stored) == (4, count) {
                assert_eq!(&reply.message, stored, "what was signed is what is sent");
            }
            assert_eq!(bench.call(&request).message, reply.message);
        },
    );
}

fn shape_of(reply: &[u8]) -> (u64, usize) {
    match postcard::from_bytes(reply).expect("an answer") {
        Response::Posted {
            first_seq,
            mut entries,
            ..
        } => {
            let count = std::iter::from_fn(|| SignedEntry::next_of(&mut entries)).count();
            (first_seq, count)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_posting_is_signed_once() {
    check_posting(1);
}

#[test]
fn a_batch_is_signed_once_and_whole() {
    check_posting(5);
}

#[test]
fn a_cut_is_made_or_not() {
    let cut = Request::Cut { book: book_id() };
    cut_everywhere(
        four_entries,
        |bench| {
            bench.call(&cut);
        },
        |bench, _| match bench.call(&cut).response() {
            Response::Cut { cut, .. } => assert_eq!(cut.position, 4),
            other => panic!("{other:?}"),
        },
    );
}

#[test]
fn a_statement_is_made_or_not_and_its_number_is_used_once() {
    let release = |bench: &mut Bench| {
        let mut ledger = Ledger::new(bench, book_id());
        let last = bench.call(&Request::LastEntry { book: book_id() });
        ledger.store(&last);
        ledger.cut(bench);
        let sum = ledger.total(0..4);
        release_total(ledger.book, &[ledger.range(0, 4)], &sum, |request| {
            bench.call(request)
        })
    };
    let number = |message: &[u8]| match postcard::from_bytes(message).expect("an answer") {
        Response::Statement(record) => record.number,
        Response::Error(_) => 0,
        other => panic!("{other:?}"),
    };
    cut_everywhere(
        |bench| {
            four_entries(bench);
            bench.call(&Request::Cut { book: book_id() });
        },
        |bench| {
            release(bench);
        },
        |bench, seen| {
            let before = number(&seen.statement);
            assert_eq!(number(&release(bench).message), before + 1);
        },
    );
}

#[test]
fn a_wipe_that_has_begun_is_completed() {
    let prepared = || {
        let mut bench = Bench::<128>::unlocked();
        let book = bench.book(RULES);
        let mut ledger = Ledger::new(&mut bench, book);
        // Enough to have used several pages.
        for _ in 0..60 {
            ledger.post(&mut bench, &[(ALICE, 1)]);
        }
        bench.reboot_into(true);
        bench.info();
        bench
    };
    let mut clean = prepared();
    let before = clean.world.chip.borrow().operations;
    clean.done(&Request::Wipe);
    let operations = clean.world.chip.borrow().operations - before;
    assert!(operations > 30);
    let mut untouched = 0;
    for tear in TEARS {
        for cut in 0..operations {
            let mut bench = prepared();
            bench.world.chip.borrow_mut().cut_power_after(cut, tear);
            assert_eq!(bench.refusal(&Request::Wipe), TokenError::StorageFailed);
            bench.reboot();
            match bench.info().state {
                State::Empty => {
                    assert!(bench.flash_bytes().iter().all(|byte| *byte == 0xff));
                    bench.done(&provision(PIN));
                    bench.book(RULES);
                }
                State::Locked => {
                    untouched += 1;
                    bench.done(&Request::Unlock { pin: PIN });
                    match bench.call(&Request::Book { index: 0 }).response() {
                        Response::Book(info) => assert_eq!(info.next_seq, 60),
                        other => panic!("{other:?}"),
                    }
                    bench.reboot_into(true);
                    bench.done(&Request::Wipe);
                    assert_eq!(bench.info().state, State::Empty);
                }
                other => panic!("{cut} {tear:?}: {other:?}"),
            }
        }
    }
    assert_eq!(
        untouched, 2,
        "only a cut before the mark is whole leaves the keys"
    );
}

#[test]
fn cuts_while_the_ring_goes_round_lose_nothing() {
    // A small store and many postings: pages are closed, compacted and erased all the time.
    let mut bench = Bench::<128>::unlocked();
    let books = ["one", "two", "three"].map(|name| bench.book(Rules { name, ..RULES }));
    let mut ledgers = books.map(|book| Ledger::new(&mut bench, book));
    let mut interrupted = 0;
    for round in 0..900_u32 {
        let ledger = &mut ledgers[round as usize % 3];
        let count = 1 + round as usize % usize::from(bench.info().batch_len_max);
        let postings = vec![ledger.posting(&ALICE, 1); count];
        let request = ledger.request(&postings);
        let tear = TEARS[round as usize % 7 % 3];
        bench
            .world
            .chip
            .borrow_mut()
            .cut_power_after(round * 7 % 11, tear);
        let reply = bench.call(&request);
        let reply = match reply.error() {
            None => reply,
            Some(error) => {
                assert_eq!(error, TokenError::StorageFailed);
                interrupted += 1;
                bench.reboot();
                bench.done(&Request::Unlock { pin: PIN });
                bench.call(&request)
            }
        };
        bench.world.chip.borrow_mut().nor.restore_power();
        ledger.store(&reply);
    }
    assert!(interrupted > 150, "{interrupted}");
    assert!(bench.world.chip.borrow().erases > 30, "the ring went round");
    for (book, ledger) in books.into_iter().zip(&ledgers) {
        let from = ledger.cuts.keys().copied().next().expect("the start");
        let to = ledger.cuts.keys().copied().last().expect("a cut");
        release_total(
            book,
            &[ledger.range(from, to)],
            &ledger.total(from..to),
            |request| {
                assert_eq!(bench.call(request).error(), None);
            },
        );
    }
}
