//! Power cuts, counted: after every operation of the flash, torn in every way, in every command
//! that changes something, again while the token recovers, and again in what it does next. Steps
//! of an enrolment that are kept in memory alone lose the power behind their answers.
//!
//! What the token shows afterwards is the state before the command or the one behind it, by a plain
//! model ([`model`]); what it has ever said it says again to the last bit; a try is never given
//! back; a release is stated or was not answered; what was acknowledged stays. So a writer that was
//! revoked stays revoked and one that was listed is listed whole; an event stays in the audit log
//! until it is acknowledged, and is then gone for good; and who joins a treasury has nothing of it,
//! or everything.
//!
//! A new command has its effect in [`model::Model::apply`], its request in
//! [`universe::Universe::send`] and its line in [`TABLE`].

use std::{cell::RefCell, rc::Rc};

use firmware_token::nor::power::Tear;

use fate::Fate;
use model::{Command, Kind, PINS, WRONG_PIN};
use tally::Tally;
use universe::{Cost, Frozen, PowerCut, Universe};

mod fate;
mod model;
mod tally;
mod universe;

/// What a line of the table begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Blank,
    /// What [`ready`] makes of [`treasury`].
    Treasury,
    /// What [`ready`] makes of [`writer`].
    Writer,
    /// The treasury with a list of writers that is full but for one of which nothing counts.
    FullList,
}

use Start::{Blank, FullList, Treasury, Writer};

/// Every command that changes something, behind what prepares it, and every step of an enrolment.
const TABLE: [(Start, &[Command], Command); 43] = [
    (Blank, &[], Command::Provision),
    (Blank, &[], Command::Restore),
    (Blank, &[], Command::EnrolJoin),
    (Blank, &[], Command::EnrolConfirm),
    (Blank, &[], Command::EnrolFinish),
    (Blank, &[], Command::Wipe),
    (Treasury, &[], Command::Unlock(PINS[0])),
    (Treasury, &[], Command::Unlock(WRONG_PIN)),
    (
        Treasury,
        &[Command::Unlock(WRONG_PIN)],
        Command::Unlock(PINS[0]),
    ),
    (Treasury, &[], Command::ChangePin(PINS[1])),
    (Treasury, &[], Command::CreateBook(Kind::Authenticated)),
    (Treasury, &[], Command::CreateBook(Kind::Open)),
    (Treasury, &[], Command::CreateBook(Kind::Imported)),
    (Treasury, &[], Command::Post(0, 1)),
    (Treasury, &[], Command::Post(0, 3)),
    (Treasury, &[Command::Post(0, 3)], Command::Post(0, 2)),
    (Treasury, &[], Command::Cut(0)),
    (Treasury, &[], Command::ReleaseTotal(0)),
    (
        Treasury,
        &[Command::ReleaseTotal(0)],
        Command::ReleaseBalance(0),
    ),
    (Treasury, &[], Command::ReleaseOpen(IMPORTED)),
    (Treasury, &[], Command::RevealNid(0)),
    (Treasury, &[], Command::Backup),
    (Treasury, &[], Command::SetPolicy(false)),
    (Treasury, &[], Command::NewWriter),
    (Treasury, &[], Command::Acknowledge(1)),
    (
        Treasury,
        &[Command::Unlock(WRONG_PIN)],
        Command::Acknowledge(EVENTS + 1),
    ),
    (Treasury, &[], Command::EnrolOffer),
    (Treasury, &[], Command::EnrolReveal(2)),
    (Treasury, &[], Command::EnrolGrant(2)),
    (
        Treasury,
        &[Command::EnrolGrant(2)],
        Command::GrantBook(0, 0),
    ),
    (Treasury, &[], Command::AdmitWriter(2)),
    (
        Treasury,
        &[Command::AdmitWriter(1), Command::EnrolGrant(2)],
        Command::RevokeWriter(1, true),
    ),
    (
        Treasury,
        &[Command::AdmitWriter(2)],
        Command::RevokeWriter(0, false),
    ),
    (Treasury, &[], Command::Wipe),
    (FullList, &[], Command::AdmitWriter(99)),
    (FullList, &[], Command::EnrolGrant(99)),
    (FullList, &[], Command::NewWriter),
    (Writer, &[], Command::TakeBook(WRITERS_BOOKS)),
    (Writer, &[], Command::Post(0, 3)),
    (Writer, &[], Command::Unlock(PINS[0])),
    (Writer, &[], Command::ChangePin(PINS[1])),
    (Writer, &[], Command::Acknowledge(1)),
    (Writer, &[], Command::Wipe),
];

/// The places of some of the books of [`ready`].
const FILLER: usize = 1;
const IMPORTED: usize = 2;

/// How many books a ready writer has, and how many events are in the log of a ready treasury.
const WRITERS_BOOKS: usize = 3;
const EVENTS: usize = 3;

/// A treasury with six books, of which the first has two segments of entries and four entries
/// behind them.
fn treasury() -> Vec<Command> {
    let mut steps = vec![Command::Provision];
    let kinds = [
        Kind::Authenticated,
        Kind::Authenticated,
        Kind::Imported,
        Kind::Open,
    ];
    steps.extend(kinds.map(Command::CreateBook));
    steps.extend([Kind::Authenticated, Kind::Imported].map(Command::CreateBook));
    steps.extend([Command::Post(0, 3), Command::Post(0, 2), Command::Cut(0)]);
    steps.extend([Command::Post(0, 3), Command::Post(0, 1), Command::Cut(0)]);
    steps.extend([Command::Post(0, 3), Command::Post(0, 1)]);
    steps
}

/// A writer with three books.
fn writer() -> Vec<Command> {
    let mut steps = vec![Command::EnrolFinish];
    steps.extend((0..WRITERS_BOOKS).map(Command::TakeBook));
    steps.extend([Command::Post(0, 3), Command::Post(0, 2), Command::Cut(0)]);
    steps
}

/// A token that has taken these steps and filled its first page.
fn ready<const KIB: u32, const PAGE: usize>(
    tally: &Rc<RefCell<Tally>>,
    seed: u64,
    steps: &[Command],
) -> Frozen {
    let mut universe = Universe::<KIB, PAGE>::new(tally, seed);
    for step in steps {
        universe.step(*step, &[]);
    }
    universe.look();
    let mut frozen = universe.freeze();
    while frozen.used_pages::<PAGE>() < 2 {
        let mut universe = awake::<KIB, PAGE>(&frozen, seed);
        universe.step(Command::Post(FILLER, 3), &[]);
        frozen = universe.freeze();
    }
    frozen
}

/// What a command costs the flash.
fn cost<const KIB: u32, const PAGE: usize>(from: &Frozen, command: Command) -> Cost {
    let mut universe = awake::<KIB, PAGE>(from, 2);
    universe.step(command, &[]);
    universe.cost
}

fn awake<const KIB: u32, const PAGE: usize>(from: &Frozen, seed: u64) -> Universe<KIB, PAGE> {
    let mut universe = Universe::thaw(from, seed);
    universe.wake();
    universe
}

/// A token that has taken some steps more.
fn later<const KIB: u32, const PAGE: usize>(from: &Frozen, steps: &[Command]) -> Frozen {
    let mut universe = awake::<KIB, PAGE>(from, 4);
    for step in steps {
        universe.step(*step, &[]);
    }
    universe.look();
    universe.freeze()
}

/// The token in which a command will have to compact the ring: so many postings later.
fn nearly_full<const KIB: u32, const PAGE: usize>(from: &Frozen, command: Command) -> Frozen {
    let mut universe = awake::<KIB, PAGE>(from, 3);
    for _ in 0..1000 {
        let frozen = universe.freeze();
        if cost::<KIB, PAGE>(&frozen, command).erases > 0 {
            return frozen;
        }
        universe = awake(&frozen, 3);
        // Long steps, and short ones when the page is nearly full.
        let long = Command::Post(FILLER, 1);
        let page_ends = cost::<KIB, PAGE>(&frozen, long).erases > 0;
        let short = Command::Unlock(PINS[0]);
        universe.step(if page_ends { short } else { long }, &[]);
    }
    panic!("{command:?} never erases a page");
}

/// A command to be cut, in a token that waits for it.
struct Case {
    from: Frozen,
    command: Command,
    /// Where it can be cut: in each of its operations or, if it has none, behind it.
    places: u32,
}

impl Case {
    fn new<const KIB: u32, const PAGE: usize>(from: Frozen, command: Command) -> Self {
        let operations = cost::<KIB, PAGE>(&from, command).operations;
        assert_eq!(operations > 0, command.writes(), "{command:?}");
        Self {
            from,
            command,
            places: operations.max(1),
        }
    }

    /// Cuts the command in each place, torn in each of these ways.
    fn cut_everywhere<const KIB: u32, const PAGE: usize>(&self, tears: &[Tear], fate: &mut Fate) {
        for after in 0..self.places {
            for tear in tears.iter().copied() {
                let mut universe = awake::<KIB, PAGE>(&self.from, fate.seed());
                let mut plan = vec![PowerCut { after, tear }];
                plan.extend(fate.cuts(6));
                universe.step(self.command, &plan);
                let next = fate.pick(universe.model());
                universe.step(next, &fate.cuts(5));
                universe.look();
            }
        }
    }
}

/// Every line of the table, on a token that has room and on one that has to make it.
fn cases<const KIB: u32, const PAGE: usize>(tally: &Rc<RefCell<Tally>>) -> Vec<Case> {
    let blank = Universe::<KIB, PAGE>::new(tally, 1).freeze();
    let treasury = ready::<KIB, PAGE>(tally, 1, &treasury()).aged::<PAGE>(0);
    let writer = ready::<KIB, PAGE>(tally, 1, &writer()).aged::<PAGE>(0);
    let mut steps: Vec<_> = (1..=16).map(Command::AdmitWriter).collect();
    steps.push(Command::RevokeWriter(6, false));
    let full_list = later::<KIB, PAGE>(&treasury, &steps);
    let mut cases = vec![];
    for (start, before, command) in TABLE {
        let from = match start {
            Blank => &blank,
            Treasury => &treasury,
            Writer => &writer,
            FullList => &full_list,
        };
        let from = later::<KIB, PAGE>(from, before);
        if start != Blank && command.writes() && command != Command::Wipe {
            let full = nearly_full::<KIB, PAGE>(&from, command);
            cases.push(Case::new::<KIB, PAGE>(full, command));
        }
        cases.push(Case::new::<KIB, PAGE>(from, command));
    }
    cases
}

/// The whole table: every case torn in every way, and then in the ways that are drawn, until the
/// power was cut so often.
fn table<const KIB: u32, const PAGE: usize>(cuts: u64) -> Tally {
    let tally = Rc::default();
    let cases = cases::<KIB, PAGE>(&tally);
    let places: u64 = cases.iter().map(|case| u64::from(case.places)).sum();
    let mut fate = Fate::new(u64::from(KIB) + PAGE as u64);
    let mut tears = vec![Tear::Nothing, Tear::Half, Tear::Everything];
    let mut ways = 0;
    while ways == 0 || tally.borrow().cuts < cuts {
        tears.extend([Tear::Part(fate.number()), Tear::Bits(fate.number())]);
        ways += tears.len() as u64;
        for case in &cases {
            case.cut_everywhere::<KIB, PAGE>(&tears, &mut fate);
        }
        tears.clear();
    }
    println!("{places} places, each cut in {ways} ways");
    assert!(tally.borrow().cuts >= places * ways, "none was left out");
    all_cut(&tally.borrow());
    tally.take()
}

/// Lives of tokens, until the power was cut so often. Most begin with a ring that has gone round,
/// so that pages are compacted and erased all the time.
fn histories<const KIB: u32, const PAGE: usize>(cuts: u64) -> Tally {
    let tally: Rc<RefCell<Tally>> = Rc::default();
    let mut young: Vec<_> = (0..4)
        .map(|seed| ready::<KIB, PAGE>(&tally, seed, &treasury()))
        .collect();
    young.push(ready::<KIB, PAGE>(&tally, 4, &writer()));
    let mut erased = 0;
    for life in 0.. {
        let before = tally.borrow().cuts;
        if before >= cuts {
            break;
        }
        let mut fate = Fate::new(life);
        let place = fate.below(KIB) as usize;
        let mut universe = match young.get(fate.below(6) as usize) {
            None => Universe::<KIB, PAGE>::new(&tally, life),
            Some(young) => awake(&young.aged::<PAGE>(place), life),
        };
        while tally.borrow().cuts < before + CUTS_OF_A_LIFE {
            let command = fate.pick(universe.model());
            universe.step(command, &fate.cuts(6));
            if fate.below(40) == 0 {
                universe.restart(false);
                universe.look();
            }
        }
        universe.look();
        erased += universe.bench.world.chip.borrow().erases;
    }
    assert!(u64::from(erased) > cuts / 100, "pages are erased: {erased}");
    all_cut(&tally.borrow());
    tally.take()
}

const CUTS_OF_A_LIFE: u64 = 60;

/// Every command of the table was cut.
fn all_cut(tally: &Tally) {
    for (_, _, command) in TABLE {
        assert!(tally.of(command) > 0, "{command:?} was not cut: {tally}");
    }
}

/// Prints what was cut, and holds it to what was promised.
fn report(page: &str, tally: &Tally, least: u64) {
    println!("a store of 128 KiB in pages of {page}: {tally}");
    assert!(tally.cuts >= least, "{} cuts", tally.cuts);
}

#[test]
fn every_command_cut_after_every_operation_leaves_the_old_state_or_the_new() {
    report("4 KiB", &table::<128, 4096>(35_000), 35_000);
}

#[test]
fn every_command_cut_in_a_store_of_large_pages_leaves_the_old_state_or_the_new() {
    report("16 KiB", &table::<128, 16384>(25_000), 25_000);
}

#[test]
fn long_lives_with_power_cuts_keep_to_the_model() {
    report("4 KiB", &histories::<128, 4096>(30_000), 30_000);
}

#[test]
fn long_lives_with_power_cuts_in_a_store_of_large_pages_keep_to_the_model() {
    report("16 KiB", &histories::<128, 16384>(10_000), 10_000);
}

#[test]
#[ignore = "a million power cuts take a quarter of an hour"]
fn a_million_power_cuts_leave_the_old_state_or_the_new() {
    report("4 KiB", &table::<128, 4096>(350_000), 350_000);
    report("16 KiB", &table::<128, 16384>(60_000), 60_000);
    report("4 KiB", &histories::<128, 4096>(490_000), 490_000);
    report("16 KiB", &histories::<128, 16384>(100_000), 100_000);
}
