//! Guessing: what it costs, what it can't be spared, and how it ends.

use core_nostd::wire::{Request, Response, State, TokenError};
use firmware_token::{TRIES_MAX, nor::power::Tear};

use crate::bench::{Answer, Bench, PIN, Reply, frame, provision};

const WRONG: &str = "654321";

/// The wait before the try after so many wrong ones, in milliseconds.
const DELAYS_MS: [u64; 8] = [0, 0, 0, 1_000, 2_000, 4_000, 8_000, 16_000];

fn unlock(pin: &str) -> Request<'_> {
    Request::Unlock { pin }
}

fn wrong_pin(tries_left: u8) -> Option<TokenError> {
    Some(TokenError::WrongPin { tries_left })
}

/// A locked token with so many tries spent.
fn guessed_at(spent: u8) -> Bench {
    let mut bench = Bench::unlocked();
    bench.done(&Request::Lock);
    for _ in 0..spent {
        bench.refusal(&unlock(WRONG));
    }
    assert_eq!(bench.info().tries_left, TRIES_MAX - spent);
    bench
}

/// Sends a request and, so long after it, another one; what the token answers to them.
fn interrupted(
    bench: &mut Bench,
    request: &Request<'_>,
    after_ms: u64,
    other: &Request<'_>,
) -> Vec<Reply> {
    let [hello, header, other_header] = [bench.new_session(), bench.header(), bench.header()];
    let now = bench.world.now_ms.get();
    bench.world.wire.borrow_mut().input.extend([
        (now, frame(&hello, &Request::Hello)),
        (now, frame(&header, request)),
        (now + after_ms, frame(&other_header, other)),
    ]);
    let mut replies = bench.serve(&[]);
    replies.remove(0);
    assert_eq!(replies[0].header, header);
    replies
}

#[test]
fn each_wrong_try_makes_the_next_one_wait_longer_through_power_cuts_and_with_both_commands() {
    for restarts in [false, true] {
        for request in [
            unlock(WRONG),
            Request::ChangePin {
                old: WRONG,
                new: "new pin",
            },
        ] {
            let mut bench = guessed_at(0);
            for (delay, left) in DELAYS_MS.into_iter().zip((0..TRIES_MAX).rev()) {
                if restarts {
                    bench.reboot();
                }
                let hello = frame(&bench.new_session(), &Request::Hello);
                let header = bench.header();
                let start = bench.world.now_ms.get();
                let mut replies = bench.serve(&[hello, frame(&header, &request)]);
                assert_eq!(bench.world.now_ms.get() - start, delay, "{left} left");
                assert_eq!(replies.pop().expect("an answer").error(), wrong_pin(left));
                // Said every second, but for the last, when the answer itself comes.
                let waiting = replies.iter().skip(1);
                assert!(
                    waiting.clone().all(
                        |reply| reply.response() == Response::Waiting && reply.header == header
                    )
                );
                assert_eq!(waiting.count() as u64, (delay / 1000).saturating_sub(1));
            }
            assert_eq!(bench.info().state, State::Blocked);
        }
    }
}

/// A wait that was cut short by the power is served again in full, and no try was spent.
#[test]
fn a_power_cut_while_waiting_gains_nothing() {
    let mut bench = guessed_at(6);
    for _ in 0..3 {
        // The wait ends just before its time, and then the power does.
        let replies = interrupted(&mut bench, &unlock(WRONG), 7_900, &Request::Cancel);
        assert_eq!(
            replies.last().and_then(Reply::error),
            Some(TokenError::Cancelled)
        );
        bench.reboot();
        assert_eq!(bench.info().tries_left, TRIES_MAX - 6);
    }
    let start = bench.world.now_ms.get();
    bench.done(&unlock(PIN));
    assert_eq!(bench.world.now_ms.get() - start, 8_000);
    assert_eq!(bench.info().tries_left, TRIES_MAX);
}

#[test]
fn the_host_can_cancel_the_wait_which_spends_no_try() {
    for request in [
        unlock(PIN),
        Request::ChangePin {
            old: PIN,
            new: "new pin",
        },
    ] {
        let mut bench = guessed_at(5);
        let operations = bench.world.chip.borrow().operations;
        let replies = interrupted(&mut bench, &request, 2_500, &Request::Cancel);
        let [one, two, last] = &replies[..] else {
            panic!("{replies:?}");
        };
        assert_eq!(one.response(), Response::Waiting);
        assert_eq!(two.response(), Response::Waiting);
        assert_eq!(last.error(), Some(TokenError::Cancelled));
        assert_eq!(bench.world.chip.borrow().operations, operations);
        let info = bench.info();
        assert_eq!(
            (info.state, info.tries_left),
            (State::Locked, TRIES_MAX - 5)
        );
    }
}

#[test]
fn other_requests_during_the_wait_are_refused_and_do_not_shorten_it() {
    let mut bench = guessed_at(5);
    let start = bench.world.now_ms.get();
    let replies = interrupted(&mut bench, &unlock(WRONG), 1_500, &unlock(WRONG));
    assert_eq!(bench.world.now_ms.get() - start, 4_000);
    let errors: Vec<_> = replies.iter().filter_map(Reply::error).collect();
    assert_eq!(errors[0], TokenError::Busy);
    assert_eq!(Some(errors[1]), wrong_pin(TRIES_MAX - 6));
    assert_eq!(errors.len(), 2, "one try");
}

/// The right PIN, and the power fails between the first write and the answer: for a moment the
/// try is spent although the PIN was right, because it was spent before that was known.
#[test]
fn a_try_is_spent_before_the_pin_is_compared() {
    let clean = {
        let mut bench = guessed_at(1);
        let before = bench.world.chip.borrow().operations;
        bench.done(&unlock(PIN));
        bench.world.chip.borrow().operations - before
    };
    let mut left = vec![];
    for cut in 0..clean {
        let mut bench = guessed_at(1);
        bench
            .world
            .chip
            .borrow_mut()
            .cut_power_after(cut, Tear::Nothing);
        assert_eq!(bench.refusal(&unlock(PIN)), TokenError::StorageFailed);
        bench.reboot();
        left.push(bench.info().tries_left);
    }
    assert_eq!(left[0], TRIES_MAX - 1, "not spent yet");
    assert!(left.is_sorted_by(|a, b| a >= b), "{left:?}");
    assert_eq!(left.last(), Some(&(TRIES_MAX - 2)), "not given back yet");
}

#[test]
fn a_blocked_token_can_only_be_wiped_and_is_then_as_new() {
    let mut bench = guessed_at(TRIES_MAX);
    let start = bench.world.now_ms.get();
    assert_eq!(bench.refusal(&unlock(PIN)), TokenError::Blocked);
    assert_eq!(
        bench.world.now_ms.get(),
        start,
        "there is no try to wait for"
    );
    bench.reboot_into(true);
    assert_eq!(bench.refusal(&unlock(PIN)), TokenError::Blocked);
    assert_eq!(
        bench.refusal(&provision(PIN)),
        TokenError::AlreadyProvisioned
    );
    bench.done(&Request::Wipe);
    bench.done(&provision(PIN));
    let info = bench.info();
    assert_eq!((info.state, info.tries_left), (State::Unlocked, TRIES_MAX));
}

#[test]
fn a_wipe_asks_twice_and_each_no_is_a_no() {
    for answers in [vec![Answer::No], vec![Answer::Yes, Answer::No]] {
        let mut bench = guessed_at(0);
        bench.reboot_into(true);
        let questions = answers.len();
        bench.world.button.borrow_mut().asked.clear();
        bench.world.button.borrow_mut().answers.extend(answers);
        assert_eq!(bench.refusal(&Request::Wipe), TokenError::Denied);
        assert_eq!(bench.world.button.borrow().asked.len(), questions);
        bench.done(&unlock(PIN));
    }
    let mut bench = guessed_at(0);
    bench.reboot_into(true);
    bench.world.button.borrow_mut().asked.clear();
    bench.done(&Request::Wipe);
    let asked = bench.world.button.borrow().asked.clone();
    assert_eq!(asked.len(), 2);
    assert_ne!(asked[0], asked[1]);
}
