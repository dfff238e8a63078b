//! The life of a token: provisioned, locked, blocked, wiped; and every command in every state.

use core_nostd::{
    ids::{BookId, Handle},
    wire::{Policy, Posting, Request, Response, Rules, State, TokenError},
};
use firmware_token::TRIES_MAX;

use crate::{
    bench::{Answer, Bench, DiceState, EVERYTHING, PIN, RULES, provision},
    foreign_keys::{OPEN, X, import},
};

const OTHER_PIN: &str = "correct horse";

fn unlock(pin: &str) -> Request<'_> {
    Request::Unlock { pin }
}

fn change(old: &'static str, new: &'static str) -> Request<'static> {
    Request::ChangePin { old, new }
}

/// A token in each state.
fn in_state(state: State) -> Bench {
    let mut bench = match state {
        State::Empty => Bench::new(),
        _ => Bench::unlocked(),
    };
    match state {
        State::Locked => bench.done(&Request::Lock),
        State::Blocked => {
            for _ in 0..TRIES_MAX {
                bench.refusal(&unlock("wrong pin"));
            }
            bench.done(&Request::Lock);
        }
        _ => {}
    }
    assert_eq!(bench.info().state, state);
    bench
}

#[test]
fn every_command_in_every_state_answers_as_documented() {
    use TokenError::{AlreadyProvisioned, Blocked, CeremonyRequired, Locked, NotProvisioned};
    let states = [State::Empty, State::Locked, State::Unlocked, State::Blocked];
    let needs_unlocked = |unlocked| [Some(NotProvisioned), Some(Locked), unlocked, Some(Blocked)];
    let already = Some(AlreadyProvisioned);
    let mut table = vec![
        (Request::Hello, [None; 4]),
        (Request::Lock, [None; 4]),
        (Request::Status, [None; 4]),
        (Request::Wipe, [Some(CeremonyRequired); 4]),
        (
            Request::Restore {
                pin: PIN,
                policy: EVERYTHING,
                shares: &[],
            },
            [Some(CeremonyRequired), already, already, already],
        ),
        (provision(PIN), [None, already, already, already]),
        (
            unlock(PIN),
            [Some(NotProvisioned), None, None, Some(Blocked)],
        ),
        (
            change(PIN, OTHER_PIN),
            [Some(NotProvisioned), None, None, Some(Blocked)],
        ),
    ];
    let read = Request::AuditAcknowledge {
        through: 0,
        hash: [0; 32],
    };
    table.push((read, needs_unlocked(None)));
    table.push((Request::AuditLog { from: 0 }, needs_unlocked(None)));
    table.extend(
        unlocked_only()
            .into_iter()
            .chain(ceremonies())
            .map(|(request, unlocked)| (request, needs_unlocked(unlocked))),
    );
    for (request, expected) in table {
        for (state, expected) in states.into_iter().zip(expected) {
            let reply = in_state(state).call(&request);
            assert_eq!(
                reply.error(),
                expected,
                "{request:?} when {state:?}: {reply:?}"
            );
        }
    }
}

/// Those that need ceremony mode besides.
fn ceremonies() -> [(Request<'static>, Option<TokenError>); 3] {
    [
        Request::SetPolicy { policy: EVERYTHING },
        Request::NewWriter,
        Request::Backup {
            threshold: 2,
            shares: 3,
        },
    ]
    .map(|request| (request, Some(TokenError::CeremonyRequired)))
}

/// The commands that need an unlocked token, and what one that has no books answers.
fn unlocked_only() -> Vec<(Request<'static>, Option<TokenError>)> {
    use TokenError::{NothingStored, UnknownBook};
    let book = BookId([1; 32]);
    let account = Handle([2; 32]);
    let posting = Posting {
        account,
        prev: None,
        minor: 1,
    };
    let c: &[u8] = &[0; 32];
    vec![
        (Request::PublicKey { book }, Some(UnknownBook)),
        (Request::CreateBook { rules: RULES }, None),
        (import(OPEN, &X), None),
        (Request::Book { index: 0 }, None),
        (
            Request::Handle {
                book,
                nid: "AB1234",
            },
            Some(UnknownBook),
        ),
        (
            Request::Post {
                book,
                expected_seq: 0,
                posting,
            },
            Some(UnknownBook),
        ),
        (
            Request::PostBatch {
                book,
                expected_seq: 0,
                postings: [posting].into_iter().collect(),
            },
            Some(UnknownBook),
        ),
        (Request::LastEntry { book }, Some(UnknownBook)),
        (Request::Cut { book }, Some(UnknownBook)),
        (
            Request::RevealNid {
                book,
                account,
                sealed_nid: c,
            },
            Some(UnknownBook),
        ),
        (
            Request::ReleaseTotal {
                book,
                ranges: [].into_iter().collect(),
                c1: c,
                c2: c,
                tag: c,
            },
            Some(UnknownBook),
        ),
        (
            Request::ReleaseBalance {
                book,
                account,
                last: [].into_iter().collect(),
                c1: c,
                c2: c,
                account_tag: c,
            },
            Some(UnknownBook),
        ),
        (
            Request::ReleaseOpen {
                book,
                count: 1,
                c1: c,
                c2: c,
            },
            Some(UnknownBook),
        ),
        (
            Request::ConfirmDecode {
                number: 1,
                minor: 1,
            },
            Some(NothingStored),
        ),
        (Request::LastStatement, Some(NothingStored)),
    ]
}

#[test]
fn a_token_tells_what_it_is() {
    let mut bench = Bench::<1024>::new();
    let info = bench.info();
    assert_eq!((info.version_min, info.version_max), (1, 1));
    assert_eq!(
        (info.state, info.tries_left, info.books),
        (State::Empty, TRIES_MAX, 0)
    );
    assert_eq!(
        (info.writer, info.policy, info.ceremony),
        (None, None, false)
    );
    assert!(!info.true_random);
    assert_eq!(
        info.suites,
        if cfg!(feature = "ffdhe") {
            0b1110
        } else {
            0b10
        }
    );

    let policy = Policy {
        totals: true,
        balances: false,
        open_sums: true,
    };
    bench.done(&Request::Provision { pin: PIN, policy });
    bench.book(RULES);
    bench.reboot_into(true);
    let info = bench.info();
    assert_eq!(
        (info.state, info.books, info.ceremony),
        (State::Locked, 1, true)
    );
    assert_eq!(info.policy, Some(policy));
    assert!(info.writer.is_some());
}

#[test]
fn keys_are_made_only_with_presence_and_differ() {
    let mut bench = Bench::<1024>::new();
    bench
        .world
        .button
        .borrow_mut()
        .answers
        .push_back(Answer::No);
    assert_eq!(bench.refusal(&provision(PIN)), TokenError::Denied);
    assert_eq!(bench.info().state, State::Empty);
    bench.done(&provision(PIN));
    assert_eq!(bench.info().state, State::Unlocked);
    assert_eq!(bench.world.button.borrow().asked.len(), 2);

    let mut other = Bench::<1024>::new();
    other.done(&Request::Lock);
    other.refusal(&Request::LastStatement);
    // The same dice, some throws later.
    *other.world.dice.borrow_mut() =
        std::mem::replace(&mut *bench.world.dice.borrow_mut(), DiceState::Silent);
    other.done(&provision(PIN));
    assert_ne!(bench.info().writer, other.info().writer);
    let key = |bench: &mut Bench| {
        let book = bench.book(RULES);
        bench.call(&Request::PublicKey { book }).message
    };
    *bench.world.dice.borrow_mut() = DiceState::Stuck;
    assert_ne!(key(&mut bench), key(&mut other));
}

#[test]
fn pins_have_6_to_16_characters() {
    for bad in ["", "12345", "12345678901234567", &"x".repeat(300)] {
        let mut bench = Bench::<1024>::new();
        assert_eq!(bench.refusal(&provision(bad)), TokenError::BadPin, "{bad}");
        assert_eq!(bench.info().state, State::Empty);
        bench.done(&provision(PIN));
        let new = Request::ChangePin { old: PIN, new: bad };
        assert_eq!(bench.refusal(&new), TokenError::BadPin, "{bad}");
        assert_eq!(bench.refusal(&unlock(bad)), TokenError::BadPin, "{bad}");
        assert_eq!(bench.info().tries_left, TRIES_MAX, "no PIN, no try");
    }
    for good in ["123456", "1234567890123456", "päßwörd", "🂡🂢🂣🂤🂥🂦🂧🂨🂩🂪🂫🂬🂭🂮🂱🂲"]
    {
        let mut bench = Bench::<1024>::new();
        bench.done(&provision(good));
        bench.reboot();
        bench.done(&unlock(good));
    }
}

#[test]
fn wrong_pins_are_counted_across_reboots_until_the_token_blocks() {
    let mut bench = Bench::<1024>::unlocked();
    bench.done(&Request::Lock);
    for left in (0..TRIES_MAX).rev() {
        assert_eq!(
            bench.refusal(&unlock("654321")),
            TokenError::WrongPin { tries_left: left }
        );
        bench.reboot();
        assert_eq!(bench.info().tries_left, left);
    }
    assert_eq!(bench.info().state, State::Blocked);
    assert_eq!(bench.refusal(&unlock(PIN)), TokenError::Blocked);
    assert_eq!(
        bench.refusal(&provision(PIN)),
        TokenError::AlreadyProvisioned
    );
}

#[test]
fn the_right_pin_gives_all_tries_back() {
    let mut bench = Bench::<1024>::unlocked();
    for _ in 1..TRIES_MAX {
        bench.refusal(&unlock("654321"));
    }
    assert_eq!(bench.info().tries_left, 1);
    bench.done(&unlock(PIN));
    assert_eq!(bench.info().tries_left, TRIES_MAX);
    bench.reboot();
    assert_eq!(bench.info().tries_left, TRIES_MAX);
}

#[test]
fn wrong_pins_block_an_unlocked_token_and_wipe_its_secrets() {
    let mut bench = Bench::<1024>::unlocked();
    for _ in 0..TRIES_MAX {
        assert_eq!(bench.info().state, State::Unlocked);
        bench.refusal(&change("654321", OTHER_PIN));
    }
    assert_eq!(bench.info().state, State::Blocked);
    assert_eq!(bench.refusal(&Request::LastStatement), TokenError::Blocked);
}

#[test]
fn a_changed_pin_opens_the_same_secrets() {
    let mut bench = Bench::<1024>::unlocked();
    let book = bench.book(RULES);
    let writer = bench.info().writer;
    let key = bench.call(&Request::PublicKey { book }).message;
    bench.done(&change(PIN, OTHER_PIN));
    assert_eq!(bench.info().state, State::Unlocked);
    bench.reboot();
    bench.done(&change(OTHER_PIN, PIN));
    assert_eq!(
        bench.info().state,
        State::Locked,
        "changing is not unlocking"
    );
    let wrong = TokenError::WrongPin {
        tries_left: TRIES_MAX - 1,
    };
    assert_eq!(bench.refusal(&unlock(OTHER_PIN)), wrong);
    bench.done(&unlock(PIN));
    assert_eq!(bench.call(&Request::PublicKey { book }).message, key);
    assert_eq!(bench.info().writer, writer);
    assert_eq!(bench.info().policy, Some(EVERYTHING));
}

#[test]
fn a_wipe_needs_ceremony_mode_and_presence_and_leaves_nothing() {
    let mut bench = Bench::<1024>::unlocked();
    bench.book(RULES);
    bench.reboot_into(true);
    bench
        .world
        .button
        .borrow_mut()
        .answers
        .push_back(Answer::No);
    assert_eq!(bench.refusal(&Request::Wipe), TokenError::Denied);
    assert_eq!(bench.info().state, State::Locked);
    bench.done(&Request::Wipe);
    assert_eq!(bench.info().state, State::Empty);
    assert!(bench.is_wiped());
    bench.done(&provision(OTHER_PIN));
    assert_eq!(bench.info().books, 0);
    bench.book(RULES);
    bench.reboot();
    bench.done(&unlock(OTHER_PIN));
    assert_eq!(bench.info().books, 1);
}

#[test]
fn the_policy_changes_only_in_ceremony_mode_with_presence_and_lasts() {
    let policy = Policy {
        balances: false,
        ..EVERYTHING
    };
    let request = Request::SetPolicy { policy };
    let mut bench: Bench = Bench::unlocked();
    assert_eq!(bench.refusal(&request), TokenError::CeremonyRequired);
    bench.reboot_into(true);
    assert_eq!(bench.refusal(&request), TokenError::Locked);
    bench.done(&unlock(PIN));
    bench
        .world
        .button
        .borrow_mut()
        .answers
        .push_back(Answer::No);
    assert_eq!(bench.refusal(&request), TokenError::Denied);
    assert_eq!(bench.info().policy, Some(EVERYTHING));
    bench.done(&request);
    assert_eq!(bench.info().policy, Some(policy));
    bench.done(&change(PIN, OTHER_PIN));
    bench.done(&request);
    bench.reboot();
    assert_eq!(bench.info().policy, Some(policy));
    assert!(matches!(
        bench.refusal(&unlock(PIN)),
        TokenError::WrongPin { .. }
    ));
    bench.done(&unlock(OTHER_PIN));
    assert_eq!(bench.info().policy, Some(policy));
}

#[test]
fn without_random_bytes_nothing_is_made() {
    for broken in [DiceState::Stuck, DiceState::Silent] {
        let mut bench = Bench::<1024>::new();
        *bench.world.dice.borrow_mut() = broken;
        assert_eq!(bench.refusal(&provision(PIN)), TokenError::EntropyFailed);
        assert_eq!(bench.info().state, State::Empty);
    }
}

#[test]
fn books_are_listed_in_order_and_made_once() {
    let mut bench = Bench::<1024>::unlocked();
    let names = ["savings", "loans", "fees"];
    let rules = names.map(|name| Rules { name, ..RULES });
    let ids = rules.map(|rules| bench.book(rules));
    assert_eq!(bench.info().books, 3);
    for (rules, id) in rules.into_iter().zip(ids) {
        assert_eq!(rules.check().expect("good rules").id(), id);
        assert_eq!(
            bench.refusal(&Request::CreateBook { rules }),
            TokenError::BookExists
        );
    }
    bench.reboot();
    bench.done(&unlock(PIN));
    for (index, (rules, id)) in (0..).zip(rules.into_iter().zip(ids)) {
        match bench.call(&Request::Book { index }).response() {
            Response::Book(info) => {
                assert_eq!((info.book, info.rules), (id, rules));
                assert_eq!((info.next_seq, info.last_cut), (0, 0));
            }
            other => panic!("{other:?}"),
        }
    }
    for index in [3, 64, 255] {
        assert_eq!(
            bench.call(&Request::Book { index }).response(),
            Response::NoBook
        );
    }
}

#[test]
fn rules_out_of_bounds_and_unsupported_suites_are_refused() {
    let mut bench = Bench::<1024>::unlocked();
    let long = "x".repeat(49);
    for rules in [
        Rules { suite: 0, ..RULES },
        Rules { suite: 4, ..RULES },
        Rules { kind: 0, ..RULES },
        Rules { kind: 3, ..RULES },
        Rules {
            currency: *b"XXX",
            ..RULES
        },
        Rules {
            currency: *b"e\xffr",
            ..RULES
        },
        Rules { scale: 3, ..RULES },
        Rules { cap: 0, ..RULES },
        Rules {
            cap: u64::MAX,
            ..RULES
        },
        Rules {
            min_entries: 0,
            ..RULES
        },
        Rules {
            min_entries: u32::MAX,
            ..RULES
        },
        Rules { name: "", ..RULES },
        Rules {
            name: "a\nb",
            ..RULES
        },
        Rules {
            name: &long,
            ..RULES
        },
    ] {
        assert_eq!(
            bench.refusal(&Request::CreateBook { rules }),
            TokenError::BadRules,
            "{rules:?}"
        );
    }
    for suite in [2, 3] {
        let tagged = Request::CreateBook {
            rules: Rules { suite, ..RULES },
        };
        assert_eq!(bench.refusal(&tagged), TokenError::SuiteUnsupported);
        let rules = Rules {
            suite,
            kind: 2,
            ..RULES
        };
        let open = bench.call(&Request::CreateBook { rules });
        if cfg!(feature = "ffdhe") {
            assert_eq!(open.error(), None);
        } else {
            assert_eq!(open.error(), Some(TokenError::SuiteUnsupported));
        }
    }
}

#[test]
fn a_handle_is_the_same_for_every_spelling_and_another_in_every_book() {
    let mut bench = Bench::<1024>::unlocked();
    let one = bench.book(RULES);
    let other = bench.book(Rules {
        name: "other",
        ..RULES
    });
    let mut of = |book, nid| bench.call(&Request::Handle { book, nid }).message;
    assert_eq!(of(one, "AB123456"), of(one, " ab-123.456 "));
    assert_ne!(of(one, "AB123456"), of(one, "AB123457"));
    assert_ne!(of(one, "AB123456"), of(other, "AB123456"));
    for nid in ["", "123", "Ä1234", &"1".repeat(33)] {
        let request = Request::Handle { book: one, nid };
        assert_eq!(bench.refusal(&request), TokenError::BadNid);
    }
}
