//! A source of random bytes that fails, and one that repeats itself.

use core_nostd::{
    ids::Handle,
    wire::{Request, Response, SignedEntry, State, TokenError},
};
use firmware_token::TRIES_MAX;

use crate::{
    bench::{Bench, DiceState, PIN, RULES, provision},
    ledger::{Ledger, release_total},
};

const ALICE: Handle = Handle([1; 32]);
const BOB: Handle = Handle([2; 32]);

/// A posting of that amount to the next position, whatever came before.
fn post(ledger: &Ledger, account: Handle, minor: i64) -> Request<'static> {
    Request::Post {
        book: ledger.book,
        expected_seq: ledger.next_seq(),
        posting: ledger.posting(&account, minor),
    }
}

fn set_dice(bench: &Bench, dice: DiceState) -> DiceState {
    bench.world.dice.replace(dice)
}

#[test]
fn a_source_that_fails_stops_what_needs_it_until_power_is_cut_and_nothing_else() {
    for broken in [DiceState::Stuck, DiceState::Replaying(7)] {
        let mut bench = Bench::<1024>::unlocked();
        let book = bench.book(RULES);
        let mut ledger = Ledger::new(&mut bench, book);
        ledger.post(&mut bench, &[(ALICE, 1); 4]);
        let cut = ledger.cut(&mut bench);
        let good = set_dice(&bench, broken);
        let release = |bench: &mut Bench, ledger: &Ledger| {
            let ranges = [ledger.range(0, cut)];
            release_total(book, &ranges, &ledger.total(0..cut), |request| {
                bench.call(request).error()
            })
        };
        let stopped = Some(TokenError::EntropyFailed);
        let next = post(&ledger, ALICE, 1);
        let new_pin = Request::ChangePin {
            old: PIN,
            new: "new pin",
        };
        assert_eq!(bench.call(&next).error(), stopped);
        set_dice(&bench, good);
        for request in [&next, &new_pin] {
            assert_eq!(bench.call(request).error(), stopped, "{request:?}");
        }
        assert_eq!(release(&mut bench, &ledger), stopped);

        bench.done(&Request::Lock);
        bench.done(&Request::Unlock { pin: PIN });
        assert_eq!(bench.info().tries_left, TRIES_MAX);
        for request in [
            Request::PublicKey { book },
            Request::Book { index: 0 },
            Request::LastEntry { book },
            Request::Cut { book },
            Request::Handle {
                book,
                nid: "AB1234",
            },
        ] {
            assert_eq!(bench.call(&request).error(), None, "{request:?}");
        }

        bench.reboot();
        bench.done(&Request::Unlock { pin: PIN });
        ledger.post(&mut bench, &[(ALICE, 1)]);
        assert_eq!(release(&mut bench, &ledger), None);
    }
}

#[test]
fn a_source_that_never_starts_leaves_the_token_empty_and_answering() {
    for broken in [DiceState::Stuck, DiceState::Silent, DiceState::Replaying(7)] {
        let mut bench = Bench::<1024>::new();
        let good = set_dice(&bench, broken);
        assert_eq!(bench.refusal(&provision(PIN)), TokenError::EntropyFailed);
        assert_eq!(bench.info().state, State::Empty);
        set_dice(&bench, good);
        bench.reboot();
        bench.done(&provision(PIN));
    }
}

/// What an attacker gets who can copy the flash, knows or repeats every random byte, and has
/// other amounts signed at the same position: only the hedge keeps the nonces apart.
#[test]
fn different_postings_under_the_same_random_bytes_have_different_nonces() {
    let mut bench = Bench::<1024>::unlocked();
    let book = bench.book(RULES);
    let mut ledger = Ledger::new(&mut bench, book);
    ledger.post(&mut bench, &[(ALICE, 1)]);
    let replay = |request: &Request<'_>| {
        let mut copied = Bench::<1024>::in_world(bench.world_again(), false);
        copied.done(&Request::Unlock { pin: PIN });
        let reply = copied.call(request);
        assert_eq!(copied.call(request).message, reply.message, "asked again");
        let Response::Posted { mut entries, .. } = reply.response() else {
            panic!("{reply:?}");
        };
        let entry = SignedEntry::next_of(&mut entries).expect("an entry");
        (entry.c1.to_vec(), reply.message.clone())
    };
    let postings = [
        post(&ledger, ALICE, 5),
        post(&ledger, ALICE, 6),
        post(&ledger, ALICE, -5),
        post(&ledger, BOB, 5),
    ];
    let replies: Vec<_> = postings.iter().map(replay).collect();
    for (i, (c1, message)) in replies.iter().enumerate() {
        assert!(replies[..i].iter().all(|(other, _)| other != c1), "{i}");
        // The control: the random bytes were indeed the same.
        assert_eq!(replay(&postings[i]).1, *message, "{i}");
    }
}
