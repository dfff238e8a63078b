//! Faults: an attacker with a glitch makes the processor pass over one instruction of his choice.
//!
//! The firmware image runs in an emulator (Unicorn) up to an attack that must fail. Then, for each
//! instruction that is executed until the answer, the run is repeated without that one. None may
//! lead to a release, to a wrong PIN that opens, or to a PIN compared without a try spent.
//!
//! An instruction that is executed again and again, as in a wait, is left out the first, second,
//! fourth, eighth, … time.
//!
//! Instructions of arithmetic, hashes, ciphers, copying and coding of frames and messages are not
//! left out: see `board::LEFT_OUT`. What this does not cover: two faults in one run, and faults
//! that change an instruction or data rather than leave an instruction out.

use std::collections::BTreeMap;

use core_nostd::{
    tag::Range,
    wire::{Policy, Request, Response, State},
};

use board::{Attack, Board, Outcome, Question, responses};
use claims::Book;

mod board;
mod claims;

const PIN: &str = "271828";
const TRIES: u8 = 8;

/// Of how many instructions a sample is.
const SAMPLE: u32 = 34;

/// Why an outcome is a fall.
type Verdict = Box<dyn Fn(&Outcome) -> Option<&'static str>>;

/// Prepares a board for an attack.
type Scenario = fn(&mut Board) -> (Attack, Verdict);

/// Runs an attack with one instruction left out, for each or for a sample.
fn check(name: &str, scenario: Scenario, sample: Option<u32>) {
    let mut board = Board::start();
    let (attack, verdict) = scenario(&mut board);
    let whole = board.leave_out(&attack, u32::MAX, 1, drop);
    assert_eq!(whole.ended, "idle", "{name}");
    assert_eq!(verdict(&whole), None, "{name}, nothing left out");
    let step = sample.map_or(1, |sample| (whole.count() / sample).max(1));
    let (mut tried, mut fallen) = (0, Vec::new());
    let mut functions = BTreeMap::<_, (u32, u32)>::new();
    board.leave_out(&attack, step / 2, step, |outcome| {
        let place = outcome.place();
        let function = place.split('+').next().unwrap_or_default().to_owned();
        let (its_tried, its_fallen) = functions.entry(function).or_default();
        (tried, *its_tried) = (tried + 1, *its_tried + 1);
        if let Some(why) = verdict(&outcome) {
            *its_fallen += 1;
            fallen.push(format!("{place}: {why}"));
        }
    });
    println!(
        "{name}: {tried} of {} instructions left out, {} fell",
        whole.count(),
        fallen.len()
    );
    for (function, (tried, fell)) in functions {
        println!("  {function}: {tried}, {fell} fell");
    }
    assert!(tried >= sample.unwrap_or(whole.count()), "{tried}");
    assert!(fallen.is_empty(), "{name}: {fallen:#?}");
}

macro_rules! scenarios {
    ($($scenario:ident, $sample:ident, $all:ident;)+) => {$(
        #[test]
        fn $sample() {
            check(stringify!($scenario), $scenario, Some(SAMPLE));
        }

        #[test]
        #[ignore = "takes many minutes"]
        fn $all() {
            check(stringify!($scenario), $scenario, None);
        }
    )+};
}

scenarios! {
    wrong_pin, a_sample_of_faults_at_a_wrong_pin, every_fault_at_a_wrong_pin;
    last_try, a_sample_of_faults_at_the_last_try, every_fault_at_the_last_try;
    blocked, a_sample_of_faults_at_a_blocked_token, every_fault_at_a_blocked_token;
    denied, a_sample_of_faults_at_a_no, every_fault_at_a_no;
    nobody, a_sample_of_faults_with_nobody_there, every_fault_with_nobody_there;
    forged_tag, a_sample_of_faults_at_a_forged_tag, every_fault_at_a_forged_tag;
    forged_cut, a_sample_of_faults_at_a_forged_cut, every_fault_at_a_forged_cut;
    foreign_balance, a_sample_of_faults_at_a_foreign_balance, every_fault_at_a_foreign_balance;
    total_not_granted, a_sample_of_faults_at_the_policy, every_fault_at_the_policy;
    balance_not_granted, a_sample_of_faults_at_the_role, every_fault_at_the_role;
    locked, a_sample_of_faults_at_a_locked_token, every_fault_at_a_locked_token;
}

fn provision(board: &mut Board, policy: Policy) {
    board.restart();
    board.done(&Request::Provision { pin: PIN, policy });
}

const EVERYTHING: Policy = Policy {
    totals: true,
    balances: true,
    open_sums: true,
};

fn wrong_pin(board: &mut Board) -> (Attack, Verdict) {
    guess(board, 0, false)
}

fn last_try(board: &mut Board) -> (Attack, Verdict) {
    guess(board, TRIES - 1, false)
}

fn blocked(board: &mut Board) -> (Attack, Verdict) {
    guess(board, TRIES, true)
}

/// A guess on a token with so many tries spent.
fn guess(board: &mut Board, spent: u8, restart: bool) -> (Attack, Verdict) {
    provision(board, EVERYTHING);
    board.restart();
    let wrong = Request::Unlock { pin: "314159" };
    for _ in 0..spent {
        let refused = board.call(&wrong, |response| matches!(response, Response::Error(_)));
        assert!(refused, "a wrong PIN opens");
    }
    // Whoever is blocked would be blocked from the right one, too.
    let pin = if spent == TRIES { PIN } else { "161803" };
    if !restart {
        board.hello();
    }
    let question = |data, restart| Question {
        data,
        restart,
        if_changed: false,
    };
    let attack = Attack {
        data: board.session(&[Request::Unlock { pin }]),
        person: None,
        restart,
        then: vec![
            question(board.session(&[]), false),
            question(board.session(&[]), true),
        ],
    };
    let verdict = move |outcome: &Outcome| {
        let (mut opened, mut left) = (false, 0);
        responses(&outcome.sent(), |response| {
            opened |= *response == Response::Done
        });
        for answer in outcome.then() {
            // The token counts in memory, and reads its flash at the next start: it must know of
            // each comparison in both places.
            responses(&answer, |response| {
                if let Response::Hello(info) = response {
                    opened |= info.state == State::Unlocked;
                    left = left.max(info.tries_left);
                }
            });
        }
        if opened {
            return Some("it opened");
        }
        let spent_now = (TRIES - spent).checked_sub(left);
        (spent_now < Some(outcome.comparisons)).then_some("a PIN was compared without a try spent")
    };
    (attack, Box::new(verdict))
}

fn denied(board: &mut Board) -> (Attack, Verdict) {
    let book = Book::new(board, EVERYTHING);
    book.attack(board, Some('n'), &book.total(0..3, |_| {}), 653)
}

fn nobody(board: &mut Board) -> (Attack, Verdict) {
    let book = Book::new(board, EVERYTHING);
    book.attack(board, None, &book.total(0..3, |_| {}), 653)
}

/// One entry as the total of three.
fn forged_tag(board: &mut Board) -> (Attack, Verdict) {
    let book = Book::new(board, EVERYTHING);
    book.attack(board, Some('y'), &book.total(0..1, |_| {}), 700)
}

/// The total up to the last entry, whose writer has not cut there.
fn forged_cut(board: &mut Board) -> (Attack, Verdict) {
    let book = Book::new(board, EVERYTHING);
    let forge = |range: &mut Range| range.to.position = 4;
    book.attack(board, Some('y'), &book.total(0..4, forge), 1653)
}

/// One entry as the balance of its account.
fn foreign_balance(board: &mut Board) -> (Attack, Verdict) {
    let book = Book::new(board, EVERYTHING);
    book.attack(board, Some('y'), &book.balance(0..1), 700)
}

fn total_not_granted(board: &mut Board) -> (Attack, Verdict) {
    let policy = Policy {
        totals: false,
        ..EVERYTHING
    };
    let book = Book::new(board, policy);
    book.attack(board, Some('y'), &book.total(0..3, |_| {}), 653)
}

fn balance_not_granted(board: &mut Board) -> (Attack, Verdict) {
    let policy = Policy {
        balances: false,
        ..EVERYTHING
    };
    let book = Book::new(board, policy);
    book.attack(board, Some('y'), &book.balance(0..4), 1653)
}

fn locked(board: &mut Board) -> (Attack, Verdict) {
    let book = Book::new(board, EVERYTHING);
    board.restart();
    board.hello();
    book.attack(board, Some('y'), &book.total(0..3, |_| {}), 653)
}

/// The verdicts are not blind: what is allowed falls.
#[test]
fn what_is_granted_is_a_fall() {
    let mut board = Board::start();
    let (mut attack, verdict) = guess(&mut board, 0, false);
    attack.data = board.session(&[Request::Unlock { pin: PIN }]);
    assert_eq!(
        verdict(&board.leave_out(&attack, u32::MAX, 1, drop)),
        Some("it opened")
    );

    let mut board = Board::start();
    let book = Book::new(&mut board, EVERYTHING);
    let (attack, verdict) = book.attack(&mut board, Some('y'), &book.total(0..3, |_| {}), 653);
    assert_eq!(
        verdict(&board.leave_out(&attack, u32::MAX, 1, drop)),
        Some("a release")
    );
    let (attack, verdict) = book.attack(&mut board, Some('y'), &book.balance(0..4), 1653);
    assert_eq!(
        verdict(&board.leave_out(&attack, u32::MAX, 1, drop)),
        Some("a release")
    );
}
