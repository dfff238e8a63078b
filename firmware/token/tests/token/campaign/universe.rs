//! A token whose power fails, beside all models that explain what was seen of it.
//!
//! Without power cuts that is one model. A command that was cut short may have come to any point
//! of its path; what is seen afterwards must leave one again, and of what was ever said, not a bit
//! may change.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use core_nostd::wire::{Request, Role, State, TokenError};
use firmware_token::nor::power::Tear;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::{
    model::{Command, Enrolment, Kind, Model, Shape},
    tally::Tally,
};
use crate::bench::{Bench, DiceState, Reply, frame};
use office::Office;
use said::{Said, Topic};

pub use frozen::Frozen;

mod frozen;
mod names;
mod office;
mod release;
mod request;
mod said;

/// Where the power fails: in the operation of the flash after so many others, or behind a command
/// that has none.
#[derive(Clone, Copy, Debug)]
pub struct PowerCut {
    pub after: u32,
    pub tear: Tear,
}

pub struct Universe<const KIB: u32, const PAGE: usize> {
    pub bench: Bench<KIB, PAGE>,
    /// All that explain what was seen; never empty.
    possible: Vec<Model>,
    said: Said,
    /// What each statement that was asked for would open to.
    opened: HashMap<u64, i64>,
    office: Office,
    tally: Rc<RefCell<Tally>>,
    /// What was asked for last, for the messages of failed tests.
    trace: Vec<(Command, Option<PowerCut>)>,
    /// What the last step has cost the flash.
    pub cost: Cost,
}

/// The operations of the flash in a command, until the power failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub operations: u32,
    /// How many of them were erases.
    pub erases: u32,
}

impl<const KIB: u32, const PAGE: usize> Universe<KIB, PAGE> {
    /// A blank token.
    pub fn new(tally: &Rc<RefCell<Tally>>, seed: u64) -> Self {
        let universe = Self {
            bench: Bench::new(),
            possible: vec![Model::default()],
            said: Said::default(),
            opened: HashMap::new(),
            office: Office::new(seed),
            tally: tally.clone(),
            trace: vec![],
            cost: Cost::default(),
        };
        universe.roll(seed);
        universe
    }

    /// What the token is.
    pub fn model(&self) -> &Model {
        assert_eq!(self.possible.len(), 1, "{self:?}");
        &self.possible[0]
    }

    /// Runs a command while the power fails as planned, each cut after the start that follows the
    /// one before; then looks at everything the token shows.
    pub fn step(&mut self, command: Command, plan: &[PowerCut]) {
        let mut plan = plan.iter().copied();
        self.prepare(command);
        let cut = plan.next();
        self.trace.push((command, cut));
        self.arm(cut);
        let before = self.spent();
        self.run(command);
        let after = self.spent();
        self.cost = Cost {
            operations: after.operations - before.operations,
            erases: after.erases - before.erases,
        };
        if let (Some(PowerCut { tear, .. }), false) = (cut, command.writes()) {
            assert_eq!(self.cost.operations, 0, "{command:?} writes something");
            self.bench.world.chip.borrow_mut().nor.cut_power();
            self.tally.borrow_mut().count(command, tear, None);
        }
        while self.is_off() {
            let cut = plan.next();
            self.trace.push((Command::Hello, cut));
            // Who holds the button goes on holding it: that alone brings no enrolment back.
            self.restart(command.goes_on());
            self.arm(cut);
            self.look();
        }
        self.bench.world.chip.borrow_mut().nor.restore_power();
    }

    /// Makes room in the audit log before it is full, and does what must come before a command.
    fn prepare(&mut self, command: Command) {
        let unread = self.possible[0].log.unread.len();
        if self.state() == State::Unlocked && self.possible[0].log.room() < 10 {
            self.run(Command::AuditLog);
            self.run(Command::Acknowledge(unread));
        }
        if self.is_due(command) {
            return;
        }
        if command.needs_ceremony() {
            self.restart(true);
            if command != Command::Wipe {
                self.wake();
            }
        }
        for lead in command.lead() {
            self.run(lead);
        }
    }

    /// Whether a command is the next step of the enrolment that is under way.
    fn is_due(&self, command: Command) -> bool {
        match (self.possible[0].enrolment, command) {
            (Enrolment::Offered, Command::EnrolReveal(_))
            | (Enrolment::Joined, Command::EnrolConfirm)
            | (Enrolment::Confirmed, Command::EnrolFinish) => true,
            (Enrolment::Met(met), Command::EnrolGrant(number)) => met == number,
            _ => false,
        }
    }

    /// Unlocks the token, as long as the power lasts.
    pub fn wake(&mut self) {
        self.run(Command::Hello);
        if !self.is_off() {
            self.run(Command::Status);
        }
        while !self.is_off() && self.state() == State::Locked {
            let pin = self.possible[0].keys.as_ref().expect("it is locked").pin;
            self.run(Command::Unlock(pin));
        }
    }

    /// Asks the token for everything it shows, which must leave one model; or for as much as the
    /// power lasts.
    pub fn look(&mut self) {
        self.wake();
        if !self.is_off() {
            self.try_to_go_on();
        }
        if self.is_off() || self.state() != State::Unlocked {
            return;
        }
        let (books, list) = (self.possible[0].books(), self.possible[0].list());
        let mut commands = vec![Command::LastStatement, Command::AuditLog];
        for (place, book) in books.iter().enumerate() {
            commands.extend([Command::Book(place), Command::PublicKey(place)]);
            if book.kind == Kind::Authenticated {
                commands.push(Command::LastEntry(place));
            }
        }
        commands.push(Command::Book(books.len()));
        match self.possible[0].role() {
            Some(Role::Treasury) => commands.extend((0..=list.len()).map(Command::Writer)),
            _ => commands.extend((0..books.len()).map(Command::Handle)),
        }
        self.run_all(&commands);
        if !self.is_off() {
            self.ask_again();
        }
    }

    /// Goes on with an enrolment that has ended, which must be refused and leave nothing.
    fn try_to_go_on(&mut self) {
        let Model {
            ceremony: true,
            ref keys,
            ..
        } = self.possible[0]
        else {
            return;
        };
        let steps = match keys {
            None => [Command::EnrolConfirm, Command::EnrolFinish],
            Some(keys) if keys.unlocked && keys.role == Role::Treasury => {
                [Command::EnrolReveal(0), Command::EnrolGrant(0)]
            }
            Some(_) => return,
        };
        for step in steps {
            self.run(step);
        }
    }

    /// Asks again for what changes nothing when it is asked for again, because its answer may have
    /// been lost: cuts, the amount of the last statement, and what was acknowledged.
    fn ask_again(&mut self) {
        let model = self.model();
        let books = model.books().iter().enumerate();
        let at_cut = books.filter(|(_, book)| book.is_at_a_cut());
        let mut commands: Vec<_> = at_cut.map(|(place, _)| Command::Cut(place)).collect();
        let read = model.log.read;
        let statement = model.keys.as_ref().map_or(0, |keys| keys.statement);
        commands.push(Command::AcknowledgeAgain(0));
        let before = read.checked_sub(1);
        if before.is_some_and(|number| self.said.get(&Topic::Chain { number }).is_some()) {
            commands.push(Command::AcknowledgeAgain(1));
        }
        self.run_all(&commands);
        if let Some(minor) = self.opened.get(&statement).copied() {
            let number = statement;
            self.bench.done(&Request::ConfirmDecode { number, minor });
        }
    }

    /// Takes the power away and gives it back.
    pub fn restart(&mut self, ceremony: bool) {
        self.bench.reboot_into(ceremony);
        let models = self.possible.iter_mut();
        models.for_each(|model| model.restart(ceremony));
        self.unite();
    }

    fn state(&self) -> State {
        let state = self.possible[0].state();
        assert!(
            self.possible.iter().all(|model| model.state() == state),
            "{self:?}"
        );
        state
    }

    fn is_off(&self) -> bool {
        self.bench.world.chip.borrow().nor.is_off()
    }

    fn spent(&self) -> Cost {
        let chip = self.bench.world.chip.borrow();
        Cost {
            operations: chip.operations,
            erases: chip.erases,
        }
    }

    fn arm(&self, cut: Option<PowerCut>) {
        if let Some(PowerCut { after, tear }) = cut {
            self.bench
                .world
                .chip
                .borrow_mut()
                .cut_power_after(after, tear);
        }
    }

    fn roll(&self, seed: u64) {
        let dice = DiceState::Rolling(Box::new(ChaCha8Rng::seed_from_u64(seed)));
        *self.bench.world.dice.borrow_mut() = dice;
    }

    /// Runs a command once.
    fn run(&mut self, command: Command) {
        let was_off = self.is_off();
        let reply = self.send(command);
        self.notice(command, was_off);
        self.explain(command, &reply);
    }

    /// Runs commands in one conversation.
    fn run_all(&mut self, commands: &[Command]) {
        let Some(first) = commands.first() else {
            return;
        };
        let was_off = self.is_off();
        let mut frames = vec![frame(&self.bench.new_session(), &Request::Hello)];
        for command in commands {
            let header = self.bench.header();
            frames.push(frame(&header, &self.request(*command)));
        }
        let replies = self.bench.serve(&frames);
        assert_eq!(replies.len(), frames.len());
        self.notice(*first, was_off);
        for (command, reply) in commands.iter().zip(&replies[1..]) {
            self.explain(*command, reply);
        }
    }

    /// Counts the cut, if there was one.
    fn notice(&self, command: Command, was_off: bool) {
        if self.is_off() && !was_off {
            let chip = self.bench.world.chip.borrow();
            let cut = self
                .trace
                .last()
                .and_then(|(_, cut)| *cut)
                .expect("it was planned");
            self.tally
                .borrow_mut()
                .count(command, cut.tear, Some(chip.erasing));
        }
    }

    /// Keeps the models that explain an answer. If the power failed, all states on the way are
    /// possible.
    fn explain(&mut self, command: Command, reply: &Reply) {
        let shape = Shape::of(&reply.response());
        let cut_short = self.is_off() && shape == Shape::Refused(TokenError::StorageFailed);
        let mut next = vec![];
        for model in &self.possible {
            let mut model = model.clone();
            if !command.goes_on() {
                // It was asked in a session of its own.
                model.enrolment = Enrolment::None;
            }
            let mut outcome = model.apply(command);
            if cut_short {
                next.push(model);
                next.append(&mut outcome.path);
            } else if shape == outcome.answer && self.fits(&model, command, reply) {
                next.extend(outcome.path.pop());
            }
        }
        assert!(
            !next.is_empty(),
            "{command:?} was answered with {shape:?}: {self:?}"
        );
        self.possible = next;
        self.unite();
        self.hear(command, reply);
    }

    /// Leaves out what is twice among the possible models.
    fn unite(&mut self) {
        let mut kept: Vec<Model> = vec![];
        for model in self.possible.drain(..) {
            if !kept.contains(&model) {
                kept.push(model);
            }
        }
        self.possible = kept;
    }
}

impl<const KIB: u32, const PAGE: usize> std::fmt::Debug for Universe<KIB, PAGE> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.trace.len().saturating_sub(12);
        write!(
            f,
            "possible: {:#?}\nafter {:#?}",
            self.possible,
            &self.trace[last..]
        )
    }
}
