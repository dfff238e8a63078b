//! Numbers that say what happens: what is asked for, when the power fails, and how.

use core_nostd::wire::Role;
use firmware_token::nor::power::Tear;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_core::Rng;

use super::{
    model::{Book, Command, Enrolment, Keys, Kind, Model, PINS, WRONG_PIN},
    universe::PowerCut,
};

pub struct Fate(ChaCha8Rng);

/// Books that a token gets by and by, and writers elsewhere that there are.
const BOOKS: usize = 9;
const ELSEWHERE: u32 = 24;

impl Fate {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, bound: u32) -> u32 {
        self.0.next_u32() % bound
    }

    pub fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub fn number(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// None, or fewer than so many.
    pub fn cuts(&mut self, bound: u32) -> Vec<PowerCut> {
        (0..self.below(bound)).map(|_| self.cut()).collect()
    }

    /// A command that makes sense in this state.
    pub fn pick(&mut self, model: &Model) -> Command {
        if self.below(4) > 0
            && let Some(command) = self.next_step(model.enrolment)
        {
            return command;
        }
        let Some(keys) = &model.keys else {
            return match self.below(10) {
                0..3 => Command::Provision,
                3..6 => Command::Restore,
                6 => Command::EnrolJoin,
                7 => Command::EnrolConfirm,
                _ => Command::EnrolFinish,
            };
        };
        if !keys.unlocked {
            return if keys.spent < 8 {
                Command::Unlock(keys.pin)
            } else {
                Command::Wipe
            };
        }
        let command = match self.below(100) {
            0..32 => self.posting(keys),
            32..40 => self.book(keys, |book| book.replied > 0, Command::PostAgain),
            40..46 => self.book(keys, |book| book.pending() >= 4, Command::Cut),
            46..50 => Some(Command::Unlock(keys.pin)),
            50..52 if keys.spent < 7 || self.below(50) == 0 => Some(Command::Unlock(WRONG_PIN)),
            52..55 => Some(Command::ChangePin(PINS[self.below(2) as usize])),
            55..58 => self.acknowledgement(model),
            58 if self.below(40) == 0 => Some(Command::Wipe),
            59.. if keys.role == Role::Treasury => self.of_treasury(keys),
            59..66 => Some(Command::TakeBook(
                self.index(keys.books.len().min(BOOKS) + 1),
            )),
            _ => self.posting(keys),
        };
        command.unwrap_or_else(|| self.new_book(keys))
    }

    /// What only a treasury does.
    fn of_treasury(&mut self, keys: &Keys) -> Option<Command> {
        let listed = keys.list.len();
        match self.below(40) {
            0..8 => self.book(keys, |book| book.last_cut > 0, Command::ReleaseTotal),
            8..13 => self.book(keys, |book| book.next_seq > 0, Command::ReleaseBalance),
            13..18 => {
                let is_open = |(_, book): &(usize, &Book)| book.kind != Kind::Authenticated;
                let books = keys.books.iter().enumerate().filter(is_open);
                let places: Vec<_> = books.map(|(place, _)| place).collect();
                self.one_of(&places).map(Command::ReleaseOpen)
            }
            18 if keys.books.len() < BOOKS => Some(self.new_book(keys)),
            19 => Some(Command::SetPolicy(self.below(3) > 0)),
            20 => Some(Command::NewWriter),
            21 if self.below(4) == 0 => Some(Command::Backup),
            22 if !keys.books.is_empty() => Some(Command::RevealNid(self.index(keys.books.len()))),
            23..26 => Some(Command::AdmitWriter(self.elsewhere())),
            26..29 if listed > 0 => Some(Command::RevokeWriter(
                self.index(listed),
                self.below(2) == 0,
            )),
            29 => Some(Command::EnrolOffer),
            30..32 => Some(Command::EnrolReveal(self.elsewhere())),
            32..37 => Some(Command::EnrolGrant(self.elsewhere())),
            37.. if listed > 0 && !keys.books.is_empty() => {
                let book = self.index(keys.books.len());
                Some(Command::GrantBook(book, self.index(listed)))
            }
            _ => self.posting(keys),
        }
    }

    /// The step that is due in an enrolment.
    fn next_step(&mut self, enrolment: Enrolment) -> Option<Command> {
        match enrolment {
            Enrolment::None => None,
            Enrolment::Offered => Some(Command::EnrolReveal(self.elsewhere())),
            Enrolment::Met(number) => Some(Command::EnrolGrant(number)),
            Enrolment::Joined => Some(Command::EnrolConfirm),
            Enrolment::Confirmed => Some(Command::EnrolFinish),
        }
    }

    fn new_book(&mut self, keys: &Keys) -> Command {
        match keys.role {
            Role::Treasury => {
                let kinds = [Kind::Authenticated, Kind::Open, Kind::Imported];
                Command::CreateBook(kinds[self.index(3)])
            }
            _ => Command::TakeBook(keys.books.len()),
        }
    }

    fn posting(&mut self, keys: &Keys) -> Option<Command> {
        let count = 1 + u64::from(self.below(3));
        self.book(keys, |_| true, |place| Command::Post(place, count))
    }

    fn acknowledgement(&mut self, model: &Model) -> Option<Command> {
        let unread = model.log.unread.len();
        Some(Command::Acknowledge(self.index(unread + 1)))
    }

    /// A command about one of the authenticated books that fit.
    fn book(
        &mut self,
        keys: &Keys,
        fits: impl Fn(&Book) -> bool,
        command: impl Fn(usize) -> Command,
    ) -> Option<Command> {
        let books = keys.books.iter().enumerate();
        let fitting = books.filter(|(_, book)| book.kind == Kind::Authenticated && fits(book));
        let places: Vec<_> = fitting.map(|(place, _)| place).collect();
        self.one_of(&places).map(command)
    }

    fn one_of(&mut self, places: &[usize]) -> Option<usize> {
        (!places.is_empty()).then(|| places[self.index(places.len())])
    }

    fn index(&mut self, len: usize) -> usize {
        self.below(u32::try_from(len).expect("few")) as usize
    }

    fn elsewhere(&mut self) -> u32 {
        1 + self.below(ELSEWHERE)
    }

    /// A cut that comes soon or, now and then, later.
    fn cut(&mut self) -> PowerCut {
        let within = if self.below(8) == 0 { 100 } else { 5 };
        PowerCut {
            after: self.below(within),
            tear: self.tear(),
        }
    }

    fn tear(&mut self) -> Tear {
        let seed = self.number();
        match self.below(8) {
            0 => Tear::Nothing,
            1 => Tear::Half,
            2 => Tear::Everything,
            3..6 => Tear::Part(seed),
            _ => Tear::Bits(seed),
        }
    }
}
