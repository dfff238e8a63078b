//! Enrolment, step by step, between two tokens and through hosts that lie.

use core_nostd::{
    enrolment::{Join, Offer, SEALED_LEN},
    ids::{BookId, WriterId},
    wire::{Policy, Request, Response, Rules, Standing, State, TokenError},
};
use firmware_token::nor::power::Tear;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::{
    bench::{Answer, Bench, DiceState, EVERYTHING, PIN, RULES, Reply, World},
    ledger::Ledger,
};

/// The PIN of writers.
pub const WRITERS_PIN: &str = "654321";

/// An unlocked treasury in ceremony mode.
pub fn treasury() -> Bench {
    let mut bench = Bench::in_world(Bench::<1024>::new().world, true);
    bench.done(&Request::Provision {
        pin: PIN,
        policy: EVERYTHING,
    });
    bench
}

/// An empty token in ceremony mode with dice of its own.
pub fn empty(seed: u64) -> Bench {
    let world: World = Bench::<1024>::new().world;
    *world.dice.borrow_mut() = DiceState::Rolling(Box::new(ChaCha8Rng::seed_from_u64(seed)));
    Bench::in_world(world, true)
}

/// The steps that a host takes between two tokens.
pub struct Relay<'b> {
    pub treasury: &'b mut Bench,
    pub writer: &'b mut Bench,
    commitment: [u8; 32],
    id: WriterId,
    /// The halves of the writer and of the treasury.
    points: [[u8; 32]; 2],
    sealed: Vec<u8>,
}

impl<'b> Relay<'b> {
    pub fn new(treasury: &'b mut Bench, writer: &'b mut Bench) -> Self {
        Self {
            treasury,
            writer,
            commitment: [0; 32],
            id: WriterId([0; 16]),
            points: [[0; 32]; 2],
            sealed: vec![],
        }
    }

    /// Takes the step with this number, from 1, and passes on what comes of it.
    fn step(&mut self, number: u8) -> Result<(), TokenError> {
        let (commitment, writer, [joining, treasurys]) = (self.commitment, self.id, self.points);
        let sealed = self.sealed.clone();
        let request = match number {
            1 => Request::EnrolOffer,
            2 => Request::EnrolJoin { commitment },
            3 => Request::EnrolReveal {
                writer,
                point: joining,
            },
            4 => Request::EnrolConfirm { point: treasurys },
            5 => Request::EnrolGrant { name: "branch" },
            _ => Request::EnrolFinish {
                pin: WRITERS_PIN,
                sealed: &sealed,
            },
        };
        let token = match number % 2 {
            1 => &mut *self.treasury,
            _ => &mut *self.writer,
        };
        let reply = token.go_on(&request);
        match reply.response() {
            Response::EnrolOffer { commitment } => self.commitment = commitment,
            Response::EnrolJoin { writer, point } => (self.id, self.points[0]) = (writer, point),
            Response::EnrolReveal { point } => self.points[1] = point,
            Response::EnrolGrant { sealed } => self.sealed = sealed.to_vec(),
            Response::Done => {}
            Response::Error(error) => return Err(error),
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    /// Takes the steps up to this number.
    fn steps(&mut self, through: u8) {
        for number in 1..=through {
            assert_eq!(self.step(number), Ok(()), "step {number}");
        }
    }
}

/// Enrols a writer; its identifier.
pub fn enrol(treasury: &mut Bench, writer: &mut Bench) -> WriterId {
    let mut relay = Relay::new(treasury, writer);
    relay.steps(6);
    relay.id
}

/// Gives a writer a book.
pub fn give_book(treasury: &mut Bench, writer: &mut Bench, book: BookId, to: WriterId) {
    let grant = treasury.call(&Request::GrantBook { book, writer: to });
    let taken = take_book(writer, &grant);
    match taken.response() {
        Response::Book(info) => assert_eq!((info.book, info.next_seq), (book, 0)),
        other => panic!("{other:?}"),
    }
}

fn take_book(writer: &mut Bench, grant: &Reply) -> Reply {
    let Response::BookGrant {
        rules,
        public_key,
        mac,
    } = grant.response()
    else {
        panic!("{grant:?}")
    };
    writer.call(&Request::TakeBook {
        rules,
        public_key,
        mac,
    })
}

/// What a treasury lists.
pub fn writers(treasury: &mut Bench) -> Vec<(WriterId, String, Standing)> {
    let mut list = vec![];
    for index in 0.. {
        let reply = treasury.call(&Request::Writer { index });
        match reply.response() {
            Response::Writer(info) => list.push((info.writer, info.name.into(), info.standing)),
            Response::NoWriter => break,
            other => panic!("{other:?}"),
        }
    }
    list
}

fn last_asked(bench: &Bench) -> String {
    let button = bench.world.button.borrow();
    button.asked.last().cloned().unwrap_or_default()
}

#[test]
fn a_writer_is_enrolled_after_both_have_shown_the_same_code() {
    let (mut treasury, mut writer) = (treasury(), empty(2));
    let id = enrol(&mut treasury, &mut writer);
    let shown = last_asked(&writer);
    let code = shown
        .strip_prefix("join the treasury if it shows ")
        .expect(&shown);
    assert_eq!(code.len(), 6);
    let expected = format!("enrol writer \"branch\" if it shows {code}");
    assert_eq!(last_asked(&treasury), expected);
    assert_eq!(
        writers(&mut treasury),
        [(id, "branch".into(), Standing::Active)]
    );
    let info = writer.info();
    assert_eq!((info.state, info.writer), (State::Unlocked, Some(id)));
    assert_ne!(treasury.info().writer, Some(id));
    let nothing = Policy {
        totals: false,
        balances: false,
        open_sums: false,
    };
    assert_eq!(info.policy, Some(nothing));

    // All of it is in flash.
    for (bench, pin) in [(&mut treasury, PIN), (&mut writer, WRITERS_PIN)] {
        bench.reboot();
        assert_eq!(bench.info().state, State::Locked);
        bench.done(&Request::Unlock { pin });
    }
    assert_eq!(writer.info().writer, Some(id));
    assert_eq!(writers(&mut treasury).len(), 1);
    let wrong = Request::Unlock { pin: PIN };
    assert!(matches!(
        writer.refusal(&wrong),
        TokenError::WrongPin { .. }
    ));
}

#[test]
fn a_step_that_is_not_the_next_ends_the_enrolment() {
    for done in 0..6 {
        for next in 1..=6 {
            // Offers and answers to them begin anew, and a grant may be asked for again.
            if next == done + 1 || next <= 2 || (next, done) == (5, 5) {
                continue;
            }
            // Each token knows only its own steps: the next may come while the other waits.
            let own = |of: u8| (1..=done).rev().find(|step| step % 2 == of % 2);
            if own(next) == next.checked_sub(2) {
                continue;
            }
            let (mut treasury, mut writer) = (treasury(), empty(2));
            let mut relay = Relay::new(&mut treasury, &mut writer);
            relay.steps(done);
            let expected = TokenError::EnrolmentFailed;
            assert_eq!(relay.step(next), Err(expected), "{next} after {done}");
            if let Some(last) = own(next) {
                let due = last + 2;
                if due <= 6 {
                    assert_eq!(relay.step(due), Err(expected), "{due} after {next}");
                }
            }
            // A new one works.
            relay.steps(6);
        }
    }
}

#[test]
fn an_enrolment_ends_with_its_session_with_lock_and_with_power() {
    let ends: [fn(&mut Bench); 3] = [
        |bench| assert!(bench.info().ceremony),
        |bench| assert_eq!(bench.go_on(&Request::Lock).response(), Response::Done),
        |bench| bench.reboot_into(true),
    ];
    for end in ends {
        for done in 1..6 {
            let (mut treasury, mut writer) = (treasury(), empty(2));
            let mut relay = Relay::new(&mut treasury, &mut writer);
            relay.steps(done);
            let token = match done % 2 {
                1 => &mut *relay.writer,
                _ => &mut *relay.treasury,
            };
            end(token);
            if token.info().state == State::Locked {
                token.done(&Request::Unlock { pin: PIN });
            }
            let refused = (done > 1).then_some(TokenError::EnrolmentFailed);
            assert_eq!(relay.step(done + 1).err(), refused, "after {done}");
        }
    }
}

#[test]
fn who_finds_the_codes_different_denies_and_that_is_the_end() {
    for denied in [1, 4, 5] {
        let (mut treasury, mut writer) = (treasury(), empty(2));
        let mut relay = Relay::new(&mut treasury, &mut writer);
        relay.steps(denied - 1);
        let token = match denied % 2 {
            1 => &relay.treasury,
            _ => &relay.writer,
        };
        let answers = &token.world.button.clone();
        answers.borrow_mut().answers.push_back(Answer::No);
        assert_eq!(relay.step(denied), Err(TokenError::Denied));
        for next in [denied, denied + 2] {
            if (3..=6).contains(&next) {
                assert_eq!(relay.step(next), Err(TokenError::EnrolmentFailed));
            }
        }
        assert_eq!(writers(&mut treasury), []);
        assert_eq!(writer.info().state, State::Empty);
    }
}

#[test]
fn a_pin_or_a_name_that_cannot_be_one_is_asked_for_again() {
    let (mut treasury, mut writer) = (treasury(), empty(2));
    let mut relay = Relay::new(&mut treasury, &mut writer);
    relay.steps(4);
    for name in ["", "a\nb", "123456789012345678901234567890123"] {
        let reply = relay.treasury.go_on(&Request::EnrolGrant { name });
        assert_eq!(reply.error(), Some(TokenError::BadName));
    }
    assert_eq!(relay.step(5), Ok(()));
    for pin in ["", "12345", "12345678901234567"] {
        let sealed = &relay.sealed;
        let reply = relay.writer.go_on(&Request::EnrolFinish { pin, sealed });
        assert_eq!(reply.error(), Some(TokenError::BadPin));
    }
    assert_eq!(relay.step(6), Ok(()));
}

#[test]
fn a_lost_answer_to_the_grant_is_given_again_with_another_press() {
    let (mut treasury, mut writer) = (treasury(), empty(2));
    let mut relay = Relay::new(&mut treasury, &mut writer);
    relay.steps(5);
    let (sealed, asked) = (
        relay.sealed.clone(),
        relay.treasury.world.button.borrow().asked.len(),
    );
    assert_eq!(relay.step(5), Ok(()));
    assert_eq!(relay.sealed, sealed);
    let asked_since = relay.treasury.world.button.borrow().asked.len() - asked;
    assert_eq!(asked_since, 1);
    assert_eq!(relay.step(6), Ok(()));
    assert_eq!(writers(&mut treasury).len(), 1);
}

#[test]
fn what_was_changed_on_the_way_is_noticed() {
    // The commitment, the writer's half, the treasury's half, bytes of the grant.
    let of_grant = (3..3 + SEALED_LEN).step_by(16).chain([2 + SEALED_LEN]);
    for place in (0..3).chain(of_grant) {
        let (mut treasury, mut writer) = (treasury(), empty(2));
        let mut relay = Relay::new(&mut treasury, &mut writer);
        relay.steps(1);
        relay.commitment[0] ^= u8::from(place == 0);
        assert_eq!(relay.step(2), Ok(()));
        if place == 1 {
            let other = Offer::new(&mut ChaCha8Rng::seed_from_u64(9));
            relay.points[0] = Join::new(
                &mut ChaCha8Rng::seed_from_u64(9),
                relay.id,
                other.commitment(),
            )
            .point();
        }
        assert_eq!(relay.step(3), Ok(()));
        if place == 2 {
            relay.points[1] = relay.points[0];
        }
        let confirmed = relay.step(4);
        if place == 0 || place == 2 {
            assert_eq!(confirmed, Err(TokenError::EnrolmentFailed), "{place}");
            continue;
        }
        assert_eq!(confirmed, Ok(()));
        assert_eq!(relay.step(5), Ok(()));
        let codes = [&relay.treasury, &relay.writer].map(|token| {
            let shown = last_asked(token);
            shown[shown.len() - 6..].to_owned()
        });
        if place == 1 {
            assert_ne!(codes[0], codes[1], "a person sees it");
        } else {
            relay.sealed[place - 3] ^= 0x10;
        }
        assert_eq!(relay.step(6), Err(TokenError::EnrolmentFailed), "{place}");
        assert_eq!(writer.info().state, State::Empty);
    }
}

#[test]
fn a_host_in_between_gets_eight_guesses_and_no_more() {
    let mut writer = empty(2);
    let join = Request::EnrolJoin {
        commitment: [7; 32],
    };
    for _ in 0..8 {
        assert_eq!(writer.call(&join).error(), None);
    }
    for _ in 0..2 {
        assert_eq!(writer.refusal(&join), TokenError::EnrolmentFailed);
    }
    writer.reboot_into(true);
    assert_eq!(writer.call(&join).error(), None, "power was cut");
}

#[test]
fn halves_that_are_no_elements_and_writers_that_are_known_are_refused() {
    let mut treasury = treasury();
    let own = treasury.info().writer.expect("a token with keys");
    let known = WriterId([5; 16]);
    treasury.done(&Request::AdmitWriter {
        writer: known,
        name: "old",
    });
    let good = Join::new(&mut ChaCha8Rng::seed_from_u64(9), known, [0; 32]).point();
    let cases = [
        (WriterId([1; 16]), [0; 32], TokenError::EnrolmentFailed),
        (WriterId([1; 16]), [0xff; 32], TokenError::EnrolmentFailed),
        (known, good, TokenError::WriterExists),
        (own, good, TokenError::WriterExists),
    ];
    for (writer, point, expected) in cases {
        let offer = treasury.call(&Request::EnrolOffer);
        assert_eq!(offer.error(), None);
        let reveal = Request::EnrolReveal { writer, point };
        assert_eq!(treasury.go_on(&reveal).error(), Some(expected));
        assert_eq!(
            treasury.go_on(&reveal).error(),
            Some(TokenError::EnrolmentFailed)
        );
    }
}

#[test]
fn it_takes_ceremony_mode_and_the_right_state() {
    let (mut treasury, mut writer) = (treasury(), empty(2));
    let id = enrol(&mut treasury, &mut writer);
    let of_treasury = [
        Request::EnrolOffer,
        Request::EnrolReveal {
            writer: WriterId([1; 16]),
            point: [0; 32],
        },
        Request::EnrolGrant { name: "x" },
        Request::AdmitWriter {
            writer: WriterId([1; 16]),
            name: "x",
        },
        Request::RevokeWriter {
            writer: id,
            closings: &[],
        },
    ];
    let of_empty = [
        Request::EnrolJoin {
            commitment: [0; 32],
        },
        Request::EnrolConfirm { point: [0; 32] },
        Request::EnrolFinish {
            pin: PIN,
            sealed: &[],
        },
    ];
    let (mut blank, mut no_ceremony) = (empty(3), Bench::<1024>::new());
    for request in &of_treasury {
        assert_eq!(writer.refusal(request), TokenError::WrongRole);
        assert_eq!(blank.refusal(request), TokenError::NotProvisioned);
    }
    for request in &of_empty {
        assert_eq!(writer.refusal(request), TokenError::AlreadyProvisioned);
        assert_eq!(treasury.refusal(request), TokenError::AlreadyProvisioned);
        assert_eq!(no_ceremony.refusal(request), TokenError::CeremonyRequired);
    }
    treasury.reboot();
    for request in &of_treasury {
        assert_eq!(treasury.refusal(request), TokenError::Locked);
    }
    treasury.done(&Request::Unlock { pin: PIN });
    for request in &of_treasury {
        assert_eq!(treasury.refusal(request), TokenError::CeremonyRequired);
    }
    assert_eq!(writers(&mut treasury).len(), 1);
}

#[test]
fn a_writer_does_what_a_writer_does_and_nothing_else() {
    let (mut treasury, mut writer) = (treasury(), empty(2));
    let id = enrol(&mut treasury, &mut writer);
    let book = treasury.book(RULES);
    give_book(&mut treasury, &mut writer, book, id);
    let mut ledger = Ledger::new(&mut writer, book);
    let alice = crate::ledger::account(&mut writer, book, "ALICE1");
    assert_eq!(
        alice,
        crate::ledger::account(&mut treasury, book, "ALICE1"),
        "they agree on accounts"
    );
    ledger.post(
        &mut writer,
        &[(alice, 1), (alice, 2), (alice, 3), (alice, 4)],
    );
    assert_eq!(ledger.cut(&mut writer), 4);
    let (c1, c2, tag) = crate::ledger::encoded(&ledger.total(0..4));
    let (c1, c2, tag) = (&c1[..], &c2[..], &tag[..]);
    let rules = Rules {
        name: "another",
        ..RULES
    };
    let refused = [
        Request::CreateBook { rules },
        Request::ImportBook {
            rules: Rules { kind: 2, ..rules },
            x: &[1; 32],
        },
        Request::ReleaseTotal {
            book,
            ranges: [ledger.range(0, 4)].into_iter().collect(),
            c1,
            c2,
            tag,
        },
        Request::ReleaseBalance {
            book,
            account: alice,
            last: ledger.last_positions(&alice),
            c1,
            c2,
            account_tag: tag,
        },
        Request::ReleaseOpen {
            book,
            count: 4,
            c1,
            c2,
        },
        Request::SetPolicy { policy: EVERYTHING },
        Request::GrantBook { book, writer: id },
        Request::Writer { index: 0 },
    ];
    for request in &refused {
        assert_eq!(writer.refusal(request), TokenError::WrongRole);
    }
    let take = Request::TakeBook {
        rules,
        public_key: [0; 32],
        mac: [0; 32],
    };
    assert_eq!(treasury.refusal(&take), TokenError::WrongRole);
    assert_eq!(
        writer.refusal(&Request::LastStatement),
        TokenError::NothingStored
    );
}

#[test]
fn a_book_comes_only_from_the_writers_own_treasury() {
    let (mut treasury, mut writer, mut other) = (treasury(), empty(2), empty(3));
    let id = enrol(&mut treasury, &mut writer);
    let others = enrol(&mut treasury, &mut other);
    let book = treasury.book(RULES);
    let grant = treasury.call(&Request::GrantBook { book, writer: id });
    let refused = take_book(&mut other, &grant).error();
    assert_eq!(refused, Some(TokenError::GrantRefused), "another writer's");

    let Response::BookGrant {
        rules,
        public_key,
        mac,
    } = grant.response()
    else {
        panic!("{grant:?}")
    };
    let mut refuse = |rules, public_key, mac| {
        let take = Request::TakeBook {
            rules,
            public_key,
            mac,
        };
        assert_eq!(writer.refusal(&take), TokenError::GrantRefused);
    };
    for i in 0..32 {
        let (mut other_key, mut other_mac) = (public_key, mac);
        other_key[i] ^= 1;
        other_mac[i] ^= 1;
        refuse(rules, other_key, mac);
        refuse(rules, public_key, other_mac);
    }
    refuse(Rules { cap: 999, ..rules }, public_key, mac);
    let bad = Request::TakeBook {
        rules: Rules { cap: 0, ..rules },
        public_key,
        mac,
    };
    assert_eq!(writer.refusal(&bad), TokenError::BadRules);

    for _ in 0..2 {
        // The second time it has the book.
        let taken = take_book(&mut writer, &grant);
        assert_eq!(taken.error(), None);
    }
    assert_eq!(writer.info().books, 1);
    let key = writer.call(&Request::PublicKey { book });
    assert_eq!(key.response(), Response::PublicKey(&public_key));
    assert_eq!(
        key.message,
        treasury.call(&Request::PublicKey { book }).message
    );

    let open = treasury.book(Rules { kind: 2, ..RULES });
    let grant = |book, writer| Request::GrantBook { book, writer };
    assert_eq!(treasury.refusal(&grant(open, id)), TokenError::WrongKind);
    let unknown = BookId([0; 32]);
    assert_eq!(
        treasury.refusal(&grant(unknown, id)),
        TokenError::UnknownBook
    );
    let own = treasury.info().writer.expect("a token with keys");
    for nobody in [WriterId([0; 16]), own] {
        let refused = treasury.refusal(&grant(book, nobody));
        assert_eq!(refused, TokenError::UnknownWriter);
    }
    treasury.done(&Request::RevokeWriter {
        writer: others,
        closings: &[],
    });
    let refused = treasury.refusal(&grant(book, others));
    assert_eq!(refused, TokenError::UnknownWriter);
}

#[test]
fn a_writer_admitted_after_a_restore_has_the_same_key() {
    // The list is lost, the seed is not: here, by revoking on a copy that never knew the writer.
    let (mut treasury, mut writer) = (treasury(), empty(2));
    let world = treasury.world_again();
    let id = enrol(&mut treasury, &mut writer);
    let book = treasury.book(RULES);
    let mut restored = Bench::in_world(world, true);
    restored.done(&Request::Unlock { pin: PIN });
    assert_eq!(restored.book(RULES), book);
    let grant = Request::GrantBook { book, writer: id };
    assert_eq!(restored.refusal(&grant), TokenError::UnknownWriter);
    restored.done(&Request::AdmitWriter {
        writer: id,
        name: "branch",
    });
    assert!(last_asked(&restored).starts_with("admit writer "));
    give_book(&mut restored, &mut writer, book, id);
}

#[test]
fn power_cuts_leave_the_writer_listed_or_not_and_the_token_a_writer_or_empty() {
    let (mut treasury, mut writer) = (treasury(), empty(2));
    let mut relay = Relay::new(&mut treasury, &mut writer);
    relay.steps(4);
    let mut outcomes = [0; 2];
    for tear in [Tear::Nothing, Tear::Half, Tear::Everything] {
        for cut in 0.. {
            let (mut treasury, mut writer) = (self::treasury(), empty(2));
            let mut relay = Relay::new(&mut treasury, &mut writer);
            relay.steps(4);
            let chip = relay.treasury.world.chip.clone();
            chip.borrow_mut().cut_power_after(cut, tear);
            let granted = relay.step(5);
            let was_cut = chip.borrow().nor.is_off();
            relay.treasury.reboot_into(true);
            relay.treasury.done(&Request::Unlock { pin: PIN });
            let listed = writers(relay.treasury).len();
            outcomes[listed] += usize::from(was_cut);
            if !was_cut {
                assert_eq!((granted, listed), (Ok(()), 1));
                break;
            }
            assert!(granted.is_err(), "an answer comes after the record");
            // The next enrolment works, whatever is left of this one.
            relay.steps(6);
        }
        for cut in 0.. {
            let (mut treasury, mut writer) = (self::treasury(), empty(2));
            let mut relay = Relay::new(&mut treasury, &mut writer);
            relay.steps(5);
            let chip = relay.writer.world.chip.clone();
            chip.borrow_mut().cut_power_after(cut, tear);
            let finished = relay.step(6);
            let was_cut = chip.borrow().nor.is_off();
            relay.writer.reboot_into(true);
            let state = relay.writer.info().state;
            if state == State::Locked {
                let pin = WRITERS_PIN;
                relay.writer.done(&Request::Unlock { pin });
                assert_eq!(relay.writer.info().writer, Some(relay.id));
            } else {
                assert_eq!(state, State::Empty);
            }
            if !was_cut {
                assert_eq!(finished, Ok(()));
                break;
            }
        }
    }
    assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
}
