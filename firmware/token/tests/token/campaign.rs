//! Power cuts, counted: after every operation of the flash, torn in every way, in every command
//! that changes something, again while the token recovers, and again in what it does next.
//!
//! What the token shows afterwards is the state before the command or the one behind it, by a plain
//! model ([`model`]); what it has ever said it says again to the last bit; a try is never given
//! back; a release is stated or was not answered; what was acknowledged stays.
//!
//! A new command has its effect in [`model::Model::apply`], its request in
//! [`universe::Universe::send`] and its line in [`TABLE`].

use std::{cell::RefCell, rc::Rc};

use firmware_token::nor::power::Tear;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_core::Rng;

use model::{Command, Kind, Model, PINS, WRONG_PIN};
use tally::Tally;
use universe::{Frozen, PowerCut, Universe};

mod model;
mod tally;
mod universe;

/// Every command that changes something, behind what prepares it. All but the first ones begin with
/// the token that [`ready`] makes.
const TABLE: [(&[Command], Command); 20] = [
    (&[], Command::Provision),
    (&[], Command::Restore),
    (&[], Command::Wipe),
    (&[], Command::Unlock(PINS[0])),
    (&[], Command::Unlock(WRONG_PIN)),
    (&[Command::Unlock(WRONG_PIN)], Command::Unlock(PINS[0])),
    (&[], Command::ChangePin(PINS[1])),
    (&[], Command::CreateBook(Kind::Authenticated)),
    (&[], Command::CreateBook(Kind::Open)),
    (&[], Command::CreateBook(Kind::Imported)),
    (&[], Command::Post(0, 1)),
    (&[], Command::Post(0, 3)),
    (&[Command::Post(0, 3)], Command::Post(0, 2)),
    (&[], Command::Cut(0)),
    (&[], Command::ReleaseTotal(0)),
    (&[Command::ReleaseTotal(0)], Command::ReleaseBalance(0)),
    (&[], Command::ReleaseOpen(IMPORTED)),
    (&[], Command::SetPolicy(false)),
    (&[], Command::NewWriter),
    (&[], Command::Wipe),
];

/// How many lines of the table begin with a blank token.
const BLANK: usize = 3;

/// The places of some of the books of [`ready`].
const FILLER: usize = 1;
const IMPORTED: usize = 2;

/// A token with six books, of which the first has two segments of entries and four entries behind
/// them. It has filled its first page.
fn ready<const KIB: u32, const PAGE: usize>(tally: &Rc<RefCell<Tally>>, seed: u64) -> Frozen {
    let mut universe = Universe::<KIB, PAGE>::new(tally, seed);
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
    for step in steps {
        universe.step(step, &[]);
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

/// The operations of the flash in a command, and whether there is an erase among them.
fn operations<const KIB: u32, const PAGE: usize>(from: &Frozen, command: Command) -> (u32, bool) {
    let mut universe = awake::<KIB, PAGE>(from, 2);
    let count = |universe: &Universe<KIB, PAGE>| {
        let chip = universe.bench.world.chip.borrow();
        (chip.operations, chip.erases)
    };
    let before = count(&universe);
    universe.step(command, &[]);
    let after = count(&universe);
    (after.0 - before.0, after.1 > before.1)
}

fn awake<const KIB: u32, const PAGE: usize>(from: &Frozen, seed: u64) -> Universe<KIB, PAGE> {
    let mut universe = Universe::thaw(from, seed);
    universe.wake();
    universe
}

/// The token in which a command will have to compact the ring: so many postings later.
fn nearly_full<const KIB: u32, const PAGE: usize>(from: &Frozen, command: Command) -> Frozen {
    let mut universe = awake::<KIB, PAGE>(from, 3);
    for _ in 0..1000 {
        let frozen = universe.freeze();
        if operations::<KIB, PAGE>(&frozen, command).1 {
            return frozen;
        }
        universe = awake(&frozen, 3);
        // Long steps, and short ones when the page is nearly full.
        let long = Command::Post(FILLER, 1);
        let page_ends = operations::<KIB, PAGE>(&frozen, long).1;
        let short = Command::Unlock(PINS[0]);
        universe.step(if page_ends { short } else { long }, &[]);
    }
    panic!("{command:?} never erases a page");
}

/// Numbers that say what happens.
struct Fate(ChaCha8Rng);

impl Fate {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.0.next_u32() % bound
    }

    fn tear(&mut self) -> Tear {
        let seed = self.0.next_u32();
        match self.below(8) {
            0 => Tear::Nothing,
            1 => Tear::Half,
            2 => Tear::Everything,
            3..6 => Tear::Part(seed),
            _ => Tear::Bits(seed),
        }
    }

    /// A cut that comes soon or, now and then, later.
    fn cut(&mut self) -> PowerCut {
        let within = if self.below(8) == 0 { 100 } else { 5 };
        PowerCut {
            after: self.below(within),
            tear: self.tear(),
        }
    }

    /// None, or fewer than so many.
    fn cuts(&mut self, bound: u32) -> Vec<PowerCut> {
        (0..self.below(bound)).map(|_| self.cut()).collect()
    }
}

/// Cuts one command after each operation, in each way; the torn ways so many times.
fn cut_everywhere<const KIB: u32, const PAGE: usize>(
    from: &Frozen,
    command: Command,
    times: u32,
    fate: &mut Fate,
) {
    let (operations, _) = operations::<KIB, PAGE>(from, command);
    assert!(operations > 0, "{command:?} writes something");
    for after in 0..operations {
        let mut tears = vec![Tear::Nothing, Tear::Half, Tear::Everything];
        for _ in 0..times {
            let seed = fate.0.next_u32();
            tears.extend([Tear::Part(seed), Tear::Bits(seed)]);
        }
        for tear in tears {
            let mut universe = awake::<KIB, PAGE>(from, fate.0.next_u64());
            let mut plan = vec![PowerCut { after, tear }];
            plan.extend(fate.cuts(6));
            universe.step(command, &plan);
            let next = pick(fate, universe.model());
            universe.step(next, &fate.cuts(5));
            universe.look();
        }
    }
}

/// The whole table, on a token that has room and on one that has to make it.
fn table<const KIB: u32, const PAGE: usize>(times: u32) -> Tally {
    let tally = Rc::default();
    let mut fate = Fate::new(u64::from(KIB) + PAGE as u64);
    let blank = Universe::<KIB, PAGE>::new(&tally, 1).freeze();
    let ready = ready::<KIB, PAGE>(&tally, 1).aged::<PAGE>(0);
    for (line, (before, command)) in TABLE.into_iter().enumerate() {
        let mut universe = awake::<KIB, PAGE>(if line < BLANK { &blank } else { &ready }, 4);
        for step in before {
            universe.step(*step, &[]);
        }
        let prepared = universe.freeze();
        cut_everywhere::<KIB, PAGE>(&prepared, command, times, &mut fate);
        if line >= BLANK && command != Command::Wipe {
            let full = nearly_full::<KIB, PAGE>(&prepared, command);
            cut_everywhere::<KIB, PAGE>(&full, command, times, &mut fate);
        }
    }
    for (_, command) in TABLE {
        assert!(tally.borrow().of(command) > 0, "{command:?} was cut");
    }
    tally.take()
}

/// A command that makes sense in this state.
fn pick(fate: &mut Fate, model: &Model) -> Command {
    let Some(keys) = &model.keys else {
        return [Command::Provision, Command::Restore][fate.below(2) as usize];
    };
    if !keys.unlocked {
        return if keys.spent < 8 {
            Command::Unlock(keys.pin)
        } else {
            Command::Wipe
        };
    }
    let places = |fits: &dyn Fn(&model::Book) -> bool| -> Vec<usize> {
        let books = keys.books.iter().enumerate();
        books
            .filter(|(_, book)| fits(book))
            .map(|(place, _)| place)
            .collect()
    };
    let authenticated = |book: &model::Book| book.kind == Kind::Authenticated;
    let (kind, places) = match fate.below(100) {
        0..50 => (0, places(&authenticated)),
        50..60 => (1, places(&|book| authenticated(book) && book.replied > 0)),
        60..66 => (
            2,
            places(&|book| authenticated(book) && book.pending() >= 4),
        ),
        66..74 => (3, places(&|book| book.last_cut > 0)),
        74..80 => (4, places(&|book| book.next_seq > 0)),
        80..86 => (5, places(&|book| !authenticated(book))),
        86..90 => return Command::Unlock(keys.pin),
        90..92 if keys.spent < 7 || fate.below(50) == 0 => return Command::Unlock(WRONG_PIN),
        92..96 => return Command::ChangePin(PINS[fate.below(2) as usize]),
        96..98 if keys.books.len() < 9 => (6, vec![0]),
        98 if fate.below(2) == 0 => return Command::SetPolicy(fate.below(3) > 0),
        98 if model.writers < 12 => return Command::NewWriter,
        99 if fate.below(40) == 0 => return Command::Wipe,
        _ => (0, places(&authenticated)),
    };
    let kinds = [Kind::Authenticated, Kind::Open, Kind::Imported];
    let Some(choices) = u32::try_from(places.len()).ok().filter(|len| *len > 0) else {
        return Command::CreateBook(kinds[fate.below(3) as usize]);
    };
    let place = places[fate.below(choices) as usize];
    match kind {
        0 => Command::Post(place, 1 + u64::from(fate.below(3))),
        1 => Command::PostAgain(place),
        2 => Command::Cut(place),
        3 => Command::ReleaseTotal(place),
        4 => Command::ReleaseBalance(place),
        5 => Command::ReleaseOpen(place),
        _ => Command::CreateBook(kinds[fate.below(3) as usize]),
    }
}

/// Lives of tokens, until the power was cut so often. Most begin with a ring that has gone round,
/// so that pages are compacted and erased all the time.
fn histories<const KIB: u32, const PAGE: usize>(cuts: u64) -> Tally {
    let tally: Rc<RefCell<Tally>> = Rc::default();
    let young: Vec<_> = (0..4)
        .map(|seed| ready::<KIB, PAGE>(&tally, seed))
        .collect();
    let mut erased = 0;
    for life in 0.. {
        let before = tally.borrow().cuts;
        if before >= cuts {
            break;
        }
        let mut fate = Fate::new(life);
        let place = fate.below(KIB) as usize;
        let mut universe = match young.get(fate.below(5) as usize) {
            None => Universe::<KIB, PAGE>::new(&tally, life),
            Some(young) => awake(&young.aged::<PAGE>(place), life),
        };
        while tally.borrow().cuts < before + CUTS_OF_A_LIFE {
            let command = pick(&mut fate, universe.model());
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
    tally.take()
}

const CUTS_OF_A_LIFE: u64 = 60;

/// Prints what was cut, and holds it to what was promised.
fn report(page: &str, tally: &Tally, least: u64) {
    println!("a store of 128 KiB in pages of {page}: {tally}");
    assert!(tally.cuts >= least, "{} cuts", tally.cuts);
}

#[test]
fn every_command_cut_after_every_operation_leaves_the_old_state_or_the_new() {
    report("4 KiB", &table::<128, 4096>(5), 35_000);
}

#[test]
fn every_command_cut_in_a_store_of_large_pages_leaves_the_old_state_or_the_new() {
    report("16 KiB", &table::<128, 16384>(1), 10_000);
}

#[test]
fn long_lives_with_power_cuts_keep_to_the_model() {
    report("4 KiB", &histories::<128, 4096>(45_000), 45_000);
}

#[test]
fn long_lives_with_power_cuts_in_a_store_of_large_pages_keep_to_the_model() {
    report("16 KiB", &histories::<128, 16384>(10_000), 10_000);
}

#[test]
#[ignore = "a million power cuts take a quarter of an hour"]
fn a_million_power_cuts_leave_the_old_state_or_the_new() {
    report("4 KiB", &table::<128, 4096>(56), 350_000);
    report("16 KiB", &table::<128, 16384>(10), 60_000);
    report("4 KiB", &histories::<128, 4096>(490_000), 490_000);
    report("16 KiB", &histories::<128, 16384>(100_000), 100_000);
}
