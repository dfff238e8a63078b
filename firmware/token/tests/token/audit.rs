//! The audit log: every event in a chain that anybody can recompute, and what happens when it is
//! full, damaged, wiped, or the power fails.

use core_nostd::{
    ids::{BookId, Handle},
    wire::{
        AuditEvent, Policy, Request, Response, Rules, Status, TokenError,
        audit::{EVENT_LEN_MAX, Released},
    },
};
use firmware_token::{TRIES_MAX, nor::power::Tear};
use sha2::{Digest, Sha512};

use crate::{
    bench::{Bench, EVERYTHING, PIN, RULES, provision},
    foreign_keys::{OPEN, X, import},
    ledger::{Ledger, release_balance, release_total},
    release::release_open,
    storage::edit,
};

const ALICE: Handle = Handle([1; 32]);
const WRONG: &str = "654321";

/// Events until the log must be read, and slots there are.
const ROOM: u64 = 33;
const SLOTS: u64 = 48;

const NOTHING: Policy = Policy {
    totals: false,
    balances: false,
    open_sums: false,
};

/// Makes room in the log, as who has read it does.
pub fn make_room<const KIB: u32>(bench: &mut Bench<KIB>) {
    let reply = bench.call(&Request::AuditLog { from: u64::MAX });
    let Response::AuditLog { first, before, .. } = reply.response() else {
        panic!("{reply:?}");
    };
    let (through, hash) = (first, before);
    bench.done(&Request::AuditAcknowledge { through, hash });
}

/// Somebody who reads the log and remembers where it stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Auditor {
    position: u64,
    hash: [u8; 32],
}

impl Auditor {
    /// Reads what is new, page by page, and recomputes the chain; `None` if the log is not the one
    /// read before, continued.
    fn read(&mut self, bench: &mut Bench) -> Option<Vec<AuditEvent>> {
        let mut events = vec![];
        loop {
            let from = self.position;
            let reply = bench.call(&Request::AuditLog { from });
            let Response::AuditLog {
                first,
                before,
                events: mut bytes,
            } = reply.response()
            else {
                panic!("{reply:?}");
            };
            if (first, before) != (self.position, self.hash) {
                return None;
            }
            if bytes.is_empty() {
                return Some(events);
            }
            while !bytes.is_empty() {
                let (event, rest) = postcard::take_from_bytes(bytes).expect("an event");
                self.hash = next_hash(
                    &self.hash,
                    self.position,
                    &bytes[..bytes.len() - rest.len()],
                );
                self.position += 1;
                events.push(event);
                bytes = rest;
            }
        }
    }

    fn acknowledgement(&self) -> Request<'static> {
        Request::AuditAcknowledge {
            through: self.position,
            hash: self.hash,
        }
    }
}

/// The first half of
/// `SHA-512(02 ‖ len ‖ "audit" ‖ 02 ‖ len ‖ hash ‖ 01 ‖ number ‖ 02 ‖ len ‖ event)`.
fn next_hash(hash: &[u8; 32], number: u64, event: &[u8]) -> [u8; 32] {
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).expect("short").to_be_bytes();
    let mut input = vec![2];
    input.extend(len(b"audit"));
    input.extend(b"audit");
    input.push(2);
    input.extend(len(hash));
    input.extend(hash);
    input.push(1);
    input.extend(number.to_be_bytes());
    input.push(2);
    input.extend(len(event));
    input.extend(event);
    Sha512::digest(&input)[..32].try_into().expect("32 bytes")
}

fn status(bench: &mut Bench) -> Status {
    match bench.call(&Request::Status).response() {
        Response::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

fn unlock(pin: &str) -> Request<'_> {
    Request::Unlock { pin }
}

const SAME_PIN: Request<'static> = Request::ChangePin { old: PIN, new: PIN };

/// An unlocked token with four entries and a cut behind them.
fn with_entries() -> (Bench, Ledger) {
    let mut bench = Bench::unlocked();
    let book = bench.book(RULES);
    let mut ledger = Ledger::new(&mut bench, book);
    ledger.post(&mut bench, &[(ALICE, 1); 4]);
    ledger.cut(&mut bench);
    (bench, ledger)
}

fn release(bench: &mut Bench, ledger: &Ledger) -> Option<TokenError> {
    release_total(
        ledger.book,
        &[ledger.range(0, 4)],
        &ledger.total(0..4),
        |request| bench.call(request).error(),
    )
}

/// Events until the next privileged command is refused.
fn fill(bench: &mut Bench) {
    while status(bench).audit_room > 0 {
        bench.done(&SAME_PIN);
    }
}

#[test]
fn every_event_is_in_the_log_in_its_order() {
    let (mut bench, mut ledger) = with_entries();
    let writer = bench.info().writer.expect("keys");
    let mut auditor = Auditor::default();
    let made = AuditEvent::Provisioned {
        writer,
        policy: EVERYTHING,
    };
    assert_eq!(auditor.read(&mut bench), Some(vec![made]));

    bench.refusal(&unlock(WRONG));
    bench.refusal(&unlock(WRONG));
    bench.done(&unlock(PIN));
    bench.done(&SAME_PIN);
    assert_eq!(release(&mut bench, &ledger), None);
    ledger.post(&mut bench, &[(ALICE, 1)]);
    let sum = ledger.balance(&ALICE);
    release_balance(
        ledger.book,
        &ALICE,
        ledger.last_positions(&ALICE),
        &sum,
        |request| {
            assert_eq!(bench.call(request).error(), None);
        },
    );
    assert_eq!(bench.call(&import(OPEN, &X)).error(), None);
    let open = OPEN.check().expect("good rules").id();
    let reply = release_open::<crate::ledger::S, 1024>(&mut bench, open, &[1, 2]);
    assert_eq!(reply.error(), None);
    bench.reboot_into(true);
    bench.done(&unlock(PIN));
    bench.done(&Request::SetPolicy { policy: NOTHING });
    let failed = |tries_left| AuditEvent::UnlockFailed { tries_left };
    let released = |number, book: BookId, what| AuditEvent::Released { number, book, what };
    let balance = Released::Balance { account: ALICE };
    let events = vec![
        failed(TRIES_MAX - 1),
        failed(TRIES_MAX - 2),
        AuditEvent::PinChanged,
        released(1, ledger.book, Released::Total { entries: 4 }),
        released(2, ledger.book, balance),
        AuditEvent::BookImported { book: open },
        released(3, open, Released::Open { entries: 2 }),
        AuditEvent::PolicyChanged { policy: NOTHING },
    ];
    assert_eq!(auditor.read(&mut bench), Some(events));

    // What was refused is no event.
    assert_eq!(release(&mut bench, &ledger), Some(TokenError::NotAllowed));
    assert_eq!(auditor.read(&mut bench), Some(vec![]));

    bench.done(&Request::Wipe);
    bench.done(&provision(PIN));
    let writer = bench.info().writer.expect("keys");
    let made = AuditEvent::Provisioned {
        writer,
        policy: EVERYTHING,
    };
    let events = auditor.read(&mut bench);
    assert_eq!(events, Some(vec![AuditEvent::Wiped, made]));
}

#[test]
fn the_log_is_shown_to_whoever_has_the_pin_and_its_length_to_everybody() {
    let mut bench = Bench::<1024>::new();
    assert_eq!(status(&mut bench).audit_len, 0);
    bench.done(&provision(PIN));
    bench.done(&Request::Lock);
    let at = status(&mut bench);
    assert_eq!((at.audit_len, at.audit_read), (1, 0));
    assert_eq!(u64::from(at.audit_room), ROOM - 1);
    assert!(at.random_ok);
    let through = Auditor::default().acknowledgement();
    for request in [Request::AuditLog { from: 0 }, through] {
        assert_eq!(bench.refusal(&request), TokenError::Locked);
    }
}

#[test]
fn a_full_log_stops_what_is_privileged_until_it_is_read() {
    let (mut bench, mut ledger) = with_entries();
    fill(&mut bench);
    assert_eq!(status(&mut bench).audit_len, ROOM);
    bench.reboot_into(true);
    bench.done(&unlock(PIN));
    let flash = bench.flash_bytes();
    bench.world.button.borrow_mut().asked.clear();
    let refused = |bench: &mut Bench, ledger: &Ledger| {
        let sum = ledger.balance(&ALICE);
        let last = ledger.last_positions(&ALICE);
        let balance = release_balance(ledger.book, &ALICE, last, &sum, |request| {
            bench.call(request).error()
        });
        let mut answers = vec![release(bench, ledger), balance];
        answers.extend([SAME_PIN, import(OPEN, &X)].map(|request| bench.call(&request).error()));
        let policy = Request::SetPolicy { policy: NOTHING };
        answers.push(bench.call(&policy).error());
        answers
    };
    assert_eq!(
        refused(&mut bench, &ledger),
        [Some(TokenError::AuditFull); 5]
    );
    assert!(bench.world.button.borrow().asked.is_empty());
    assert!(bench.flash_bytes() == flash, "nothing has changed");

    // Everything else goes on.
    ledger.post(&mut bench, &[(ALICE, 1)]);
    bench.book(Rules {
        name: "more",
        ..RULES
    });
    bench.done(&Request::Lock);
    bench.done(&unlock(PIN));

    let mut auditor = Auditor::default();
    let events = auditor.read(&mut bench).expect("one chain");
    assert_eq!(events.len() as u64, ROOM);
    bench.done(&auditor.acknowledgement());
    assert_eq!(u64::from(status(&mut bench).audit_room), ROOM);
    assert_eq!(refused(&mut bench, &ledger), [None; 5]);
    assert_eq!(auditor.read(&mut bench).map(|events| events.len()), Some(5));
    // The log goes on round its slots.
    for round in 2..5 {
        fill(&mut bench);
        assert!(auditor.read(&mut bench).is_some());
        assert_eq!(auditor.position, round * ROOM);
        bench.done(&auditor.acknowledgement());
    }
}

#[test]
fn wrong_pins_fill_what_is_left_and_are_then_only_counted() {
    let mut bench = Bench::unlocked();
    fill(&mut bench);
    let mut wrong = 0;
    while status(&mut bench).audit_len < SLOTS {
        wrong += 1;
        bench.refusal(&unlock(WRONG));
        if bench.info().tries_left == 1 {
            bench.done(&unlock(PIN));
        }
    }
    assert_eq!(wrong, SLOTS - ROOM);
    // The right PIN leaves room for nothing, and a wrong one still spends a try.
    bench.done(&unlock(PIN));
    for left in (0..TRIES_MAX).rev() {
        let expected = TokenError::WrongPin { tries_left: left };
        assert_eq!(bench.refusal(&unlock(WRONG)), expected);
        bench.reboot();
        assert_eq!(bench.info().tries_left, left);
        if left == 1 {
            bench.done(&unlock(PIN));
            break;
        }
    }
    let mut auditor = Auditor::default();
    let events = auditor.read(&mut bench).expect("one chain");
    assert_eq!(events.len() as u64, SLOTS);
    bench.done(&auditor.acknowledgement());
    bench.done(&SAME_PIN);
}

#[test]
fn only_a_reader_can_acknowledge() {
    let mut bench = Bench::unlocked();
    for _ in 0..5 {
        bench.done(&SAME_PIN);
    }
    let mut auditor = Auditor::default();
    auditor.read(&mut bench).expect("one chain");
    let flash = bench.flash_bytes();
    let mut wrong = vec![];
    for bit in 0..256 {
        let mut hash = auditor.hash;
        hash[bit / 8] ^= 1 << (bit % 8);
        wrong.push((auditor.position, hash));
    }
    for through in [0, 1, auditor.position - 1, auditor.position + 1, u64::MAX] {
        wrong.push((through, auditor.hash));
    }
    for (through, hash) in wrong {
        let request = Request::AuditAcknowledge { through, hash };
        assert_eq!(bench.refusal(&request), TokenError::WrongHash);
    }
    assert!(bench.flash_bytes() == flash);

    // Part of it, and then the rest; what was said already may be said again.
    let mut part = Auditor::default();
    for number in 0..3 {
        let event = match number {
            0 => AuditEvent::Provisioned {
                writer: bench.info().writer.expect("keys"),
                policy: EVERYTHING,
            },
            _ => AuditEvent::PinChanged,
        };
        let mut bytes = [0; EVENT_LEN_MAX];
        let event = postcard::to_slice(&event, &mut bytes).expect("it fits");
        part.hash = next_hash(&part.hash, number, event);
        part.position += 1;
    }
    bench.done(&part.acknowledgement());
    bench.done(&part.acknowledgement());
    assert_eq!(status(&mut bench).audit_read, 3);
    assert_eq!(part.read(&mut bench).map(|events| events.len()), Some(3));
    assert_eq!(part, auditor);
    bench.done(&auditor.acknowledgement());

    // What was acknowledged is gone, and the token says from where on it knows.
    let reply = bench.call(&Request::AuditLog { from: 0 });
    let Response::AuditLog {
        first,
        before,
        events,
    } = reply.response()
    else {
        panic!("{reply:?}");
    };
    assert_eq!((first, before), (auditor.position, auditor.hash));
    assert!(events.is_empty());
    let later = bench.call(&Request::AuditLog { from: u64::MAX });
    assert_eq!(later.message, reply.message);
}

#[test]
fn a_wipe_does_not_hide_what_it_erased() {
    let mut bench = Bench::unlocked();
    let mut auditor = Auditor::default();
    auditor.read(&mut bench).expect("one chain");
    bench.done(&SAME_PIN);
    let unread = auditor;
    bench.reboot_into(true);
    for _ in 0..3 {
        bench.done(&Request::Wipe);
    }
    bench.done(&provision(PIN));
    assert_eq!(
        unread.clone().read(&mut bench),
        None,
        "something is missing"
    );
    let reply = bench.call(&Request::AuditLog { from: 0 });
    let Response::AuditLog { first, before, .. } = reply.response() else {
        panic!("{reply:?}");
    };
    assert_eq!(first, 4, "one of them is what the last wipe found");
    let mut after = Auditor {
        position: first,
        hash: before,
    };
    let events = after.read(&mut bench).expect("one chain");
    assert_eq!(events[0], AuditEvent::Wiped);
    assert_eq!(events.len(), 2);
}

#[test]
fn an_edited_head_is_noticed_and_only_a_wipe_helps() {
    let mut bench = Bench::unlocked();
    for _ in 0..3 {
        bench.refusal(&unlock(WRONG));
    }
    let reply = bench.call(&Request::AuditLog { from: u64::MAX });
    let Response::AuditLog { before, .. } = reply.response() else {
        panic!("{reply:?}");
    };
    // Behind the key, the number of events: one, and three tries.
    let start = [&[2, 4][..], &before].concat();
    let tries = start.len() + 1 + 32;
    edit(&mut bench, &start, tries, |spent| {
        assert_eq!(spent, 3);
        0
    });
    assert_eq!(bench.refusal(&unlock(PIN)), TokenError::StorageFailed);
    bench.reboot_into(true);
    bench.done(&Request::Wipe);
    bench.done(&provision(PIN));
    let events = Auditor::default().read(&mut bench).expect("it begins anew");
    assert_eq!(events[0], AuditEvent::Wiped);
}

/// Runs an action with a power cut in every operation of the flash, torn in every way, and without
/// one; then looks at what is left, given whether the action was answered with success.
fn cut_everywhere(
    start: &Bench,
    ceremony: bool,
    action: impl Fn(&mut Bench) -> Option<TokenError>,
    check: impl Fn(&mut Bench, bool),
) {
    let mut cuts = 0;
    for tear in [Tear::Nothing, Tear::Half, Tear::Everything] {
        for cut in 0.. {
            let mut bench = Bench::in_world(start.world_again(), ceremony);
            bench.done(&unlock(PIN));
            bench.world.chip.borrow_mut().cut_power_after(cut, tear);
            let answered = action(&mut bench);
            let was_cut = bench.world.chip.borrow().nor.is_off();
            bench.reboot();
            check(&mut bench, answered.is_none());
            if !was_cut {
                assert_eq!(answered, None);
                break;
            }
            assert_eq!(answered, Some(TokenError::StorageFailed));
            cuts += 1;
        }
    }
    assert!(cuts > 5, "{cuts}");
}

/// What a reader finds who knows the log up to where it was before: it goes on there.
fn new_events(bench: &mut Bench, seen: &Auditor, pin: &str) -> Vec<AuditEvent> {
    bench.done(&unlock(pin));
    let mut auditor = *seen;
    let events = auditor.read(bench).expect("one chain");
    // It can go on.
    bench.done(&Request::ChangePin { old: pin, new: pin });
    let one_more = auditor.read(bench).expect("one chain");
    assert_eq!(one_more, [AuditEvent::PinChanged]);
    events
}

#[test]
fn a_release_is_recorded_or_was_not_answered_wherever_the_power_fails() {
    let (mut bench, ledger) = with_entries();
    let mut seen = Auditor::default();
    seen.read(&mut bench).expect("one chain");
    cut_everywhere(
        &bench,
        false,
        |bench| release(bench, &ledger),
        |bench, answered| {
            let events = new_events(bench, &seen, PIN);
            let stated = bench.call(&Request::LastStatement).error().is_none();
            assert!(stated || !answered);
            assert!(events.len() <= 1);
            assert!(!stated || events.len() == 1, "stated, but not recorded");
        },
    );
}

#[test]
fn a_changed_pin_or_policy_and_an_imported_key_are_recorded_wherever_the_power_fails() {
    let (mut bench, _) = with_entries();
    let mut seen = Auditor::default();
    seen.read(&mut bench).expect("one chain");
    cut_everywhere(
        &bench,
        false,
        |bench| {
            let new = Request::ChangePin {
                old: PIN,
                new: "new pin",
            };
            bench.call(&new).error()
        },
        |bench, _| {
            let changed = bench.call(&unlock(PIN)).error().is_some();
            let pin = if changed { "new pin" } else { PIN };
            let events = new_events(bench, &seen, pin);
            assert!(!changed || events.contains(&AuditEvent::PinChanged));
        },
    );
    cut_everywhere(
        &bench,
        true,
        |bench| bench.call(&Request::SetPolicy { policy: NOTHING }).error(),
        |bench, _| {
            let policy = bench.info().policy.expect("keys");
            let events = new_events(bench, &seen, PIN);
            let event = AuditEvent::PolicyChanged { policy: NOTHING };
            assert!(policy == EVERYTHING || events == [event]);
        },
    );
    cut_everywhere(
        &bench,
        false,
        |bench| bench.call(&import(OPEN, &X)).error(),
        |bench, _| {
            let books = bench.info().books;
            let events = new_events(bench, &seen, PIN);
            assert!(books == 1 || events.len() == 1);
        },
    );
}

#[test]
fn a_spent_try_and_its_event_are_one_write() {
    let (mut bench, _) = with_entries();
    let mut seen = Auditor::default();
    seen.read(&mut bench).expect("one chain");
    let event = AuditEvent::UnlockFailed {
        tries_left: TRIES_MAX - 1,
    };
    for pin in [WRONG, PIN] {
        for tear in [Tear::Nothing, Tear::Half, Tear::Everything] {
            for cut in 0..12 {
                let mut bench = Bench::in_world(bench.world_again(), false);
                bench.info();
                bench.world.chip.borrow_mut().cut_power_after(cut, tear);
                let _ = bench.call(&unlock(pin));
                bench.reboot();
                let info = bench.info();
                let spent = u64::from(TRIES_MAX - info.tries_left);
                assert_eq!(status(&mut bench).audit_len, seen.position + spent);
                let events = new_events(&mut bench, &seen, PIN);
                assert!(events.iter().all(|found| *found == event));
                assert_eq!(events.len() as u64, spent);
            }
        }
    }
}

#[test]
fn an_acknowledgement_is_whole_or_not_there() {
    let (mut bench, _) = with_entries();
    let mut seen = Auditor::default();
    seen.read(&mut bench).expect("one chain");
    cut_everywhere(
        &bench,
        false,
        |bench| bench.call(&seen.acknowledgement()).error(),
        |bench, answered| {
            let read = status(bench).audit_read;
            assert!(read == seen.position || read == 0 && !answered);
            assert!(new_events(bench, &seen, PIN).is_empty());
        },
    );
}

#[test]
fn a_wipe_goes_into_the_log_once_wherever_the_power_fails() {
    let mut bench = Bench::<1024>::unlocked();
    let mut seen = Auditor::default();
    seen.read(&mut bench).expect("one chain");
    // The ring of 1 MiB has too many pages to cut in each: the ends are what matters.
    for tear in [Tear::Nothing, Tear::Half, Tear::Everything] {
        for cut in (0..8).chain(250..280) {
            let mut bench = Bench::in_world(bench.world_again(), true);
            bench.done(&unlock(PIN));
            bench.world.chip.borrow_mut().cut_power_after(cut, tear);
            let wiped = bench.call(&Request::Wipe).error().is_none();
            bench.reboot();
            let has_keys = bench.info().writer.is_some();
            assert!(!wiped || !has_keys);
            if !has_keys {
                assert_eq!(status(&mut bench).audit_len, seen.position + 1);
                bench.done(&provision(PIN));
                let events = seen.clone().read(&mut bench).expect("one chain");
                assert_eq!(events.len(), 2);
                assert_eq!(events[0], AuditEvent::Wiped);
            } else {
                assert!(new_events(&mut bench, &seen, PIN).is_empty());
            }
        }
    }
}
