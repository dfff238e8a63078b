//! The plain model of a token: what it is, and what each command makes of it. No flash, no keys.

use core_nostd::wire::{Role, State, TokenError};
use firmware_token::TRIES_MAX;

pub use book::{Book, Kind};
pub use command::{Command, PINS, WRONG_PIN};
pub use list::{Listed, Who};
pub use log::{Event, Log, elsewhere};
pub use shape::{Shape, each_event};

mod book;
mod command;
mod list;
mod log;
mod shape;

/// The NID that is asked for.
pub const NID: &str = "ALICE1";

/// A token as people think of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// How often it got keys.
    pub life: u32,
    /// How many writer identifiers it has had.
    pub writers: u32,
    pub log: Log,
    pub keys: Option<Keys>,
    /// Lost with the power, unlike everything above.
    pub ceremony: bool,
    pub enrolment: Enrolment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub role: Role,
    pub pin: &'static str,
    pub spent: u8,
    /// Lost with the power.
    pub unlocked: bool,
    pub books: Vec<Book>,
    /// Number of the last statement.
    pub statement: u64,
    /// Which of its writer identifiers it has.
    pub writer: u32,
    /// Whether it may open sums of open books.
    pub open_sums: bool,
    /// The writers that a treasury knows.
    pub list: Vec<Listed>,
}

/// How far an enrolment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enrolment {
    #[default]
    None,
    Offered,
    /// Of the writer with this number.
    Met(u32),
    Joined,
    Confirmed,
}

/// What a command makes of a model: the states it goes through, of which each may be where a power
/// cut leaves it, and the answer in the last.
pub struct Outcome {
    pub path: Vec<Model>,
    pub answer: Shape,
}

impl Model {
    /// The state without power, and then with it.
    pub fn restart(&mut self, ceremony: bool) {
        if let Some(keys) = &mut self.keys {
            keys.unlocked = false;
        }
        self.enrolment = Enrolment::None;
        self.ceremony = ceremony;
    }

    pub fn state(&self) -> State {
        match &self.keys {
            None => State::Empty,
            Some(keys) if keys.unlocked => State::Unlocked,
            Some(keys) if keys.spent == TRIES_MAX => State::Blocked,
            Some(_) => State::Locked,
        }
    }

    pub fn role(&self) -> Option<Role> {
        self.keys.as_ref().map(|keys| keys.role)
    }

    /// Which writer identifier it has, 0 for none.
    pub fn writer(&self) -> u32 {
        self.keys.as_ref().map_or(0, |keys| keys.writer)
    }

    pub fn books(&self) -> &[Book] {
        self.keys.as_ref().map_or(&[], |keys| &keys.books)
    }

    pub fn list(&self) -> &[Listed] {
        self.keys.as_ref().map_or(&[], |keys| &keys.list)
    }

    /// What becomes of this state. The commands that need keys in memory, or a token of one role,
    /// are given only to those who have them.
    pub fn apply(&self, command: Command) -> Outcome {
        // A step of an enrolment takes the one before with it, even if it is refused.
        let step = self.enrolment;
        let mut start = self.clone();
        if command.goes_on() {
            start.enrolment = Enrolment::None;
        }
        match (command, &self.keys) {
            (Command::Hello, _) => start.stay(self.info()),
            (Command::Status, _) => start.stay(self.status()),
            (Command::Wipe, _) => Outcome {
                path: vec![Self {
                    keys: None,
                    enrolment: Enrolment::None,
                    log: self.log.wiped(),
                    ..*self
                }],
                answer: Shape::Done,
            },
            (_, None) => start.apply_to_empty(command, step),
            (_, Some(keys)) => start.apply_to_keys(keys, command, step),
        }
    }

    fn apply_to_empty(&self, command: Command, step: Enrolment) -> Outcome {
        match command {
            Command::Provision => self.found(Event::Provisioned, Role::Treasury),
            Command::Restore => self.found(Event::Restored, Role::Treasury),
            Command::EnrolJoin | Command::EnrolConfirm | Command::EnrolFinish if !self.ceremony => {
                self.refuse(TokenError::CeremonyRequired)
            }
            Command::EnrolJoin => self.come_to(Enrolment::Joined, Shape::EnrolJoin),
            Command::EnrolConfirm if step == Enrolment::Joined => {
                self.come_to(Enrolment::Confirmed, Shape::Done)
            }
            Command::EnrolFinish if step == Enrolment::Confirmed => {
                self.found(Event::Enrolled, Role::Writer)
            }
            Command::EnrolConfirm | Command::EnrolFinish => {
                self.refuse(TokenError::EnrolmentFailed)
            }
            _ => self.refuse(TokenError::NotProvisioned),
        }
    }

    fn apply_to_keys(&self, keys: &Keys, command: Command, step: Enrolment) -> Outcome {
        match command {
            Command::Provision
            | Command::Restore
            | Command::EnrolJoin
            | Command::EnrolConfirm
            | Command::EnrolFinish => self.refuse(TokenError::AlreadyProvisioned),
            Command::Unlock(pin) => self.with_pin(keys, pin, |right| Outcome {
                path: vec![right],
                answer: Shape::Done,
            }),
            Command::ChangePin(_) if self.log.room() == 0 => self.refuse(TokenError::AuditFull),
            Command::ChangePin(new) => self.with_pin(keys, keys.pin, |mut right| {
                right.keys_mut().unlocked = keys.unlocked;
                let mut changed = right.note(Event::PinChanged, Shape::Done, |next| {
                    next.keys_mut().pin = new;
                });
                changed.path.insert(0, right);
                changed
            }),
            Command::SetPolicy(open_sums) => {
                self.note(Event::PolicyChanged(open_sums), Shape::Done, |next| {
                    next.keys_mut().open_sums = open_sums;
                })
            }
            Command::Backup => self.note(Event::BackedUp, Shape::Shares, |_| {}),
            Command::AuditLog => self.stay(Shape::Log(self.log.clone())),
            Command::Acknowledge(count) => {
                let mut next = self.clone();
                next.log.unread.drain(..count);
                next.log.read += count as u64;
                next.stay(Shape::Done)
            }
            Command::AcknowledgeAgain(0) => self.stay(Shape::Done),
            Command::AcknowledgeAgain(_) => self.refuse(TokenError::WrongHash),
            Command::LastStatement if keys.statement == 0 => self.refuse(TokenError::NothingStored),
            Command::LastStatement => self.stay(Shape::Statement(keys.statement)),
            Command::EnrolOffer
            | Command::EnrolReveal(_)
            | Command::EnrolGrant(_)
            | Command::GrantBook(..)
            | Command::NewWriter
            | Command::AdmitWriter(_)
            | Command::RevokeWriter(..)
            | Command::Writer(_) => self.apply_to_list(keys, command, step),
            _ => self.apply_to_book(keys, command),
        }
    }

    fn apply_to_book(&self, keys: &Keys, command: Command) -> Outcome {
        let add = |next: &mut Self, kind| next.keys_mut().books.push(Book::new(kind));
        match command {
            Command::CreateBook(Kind::Imported) => {
                let made = Book::new(Kind::Imported).shape();
                self.note(Event::BookImported, made, |next| add(next, Kind::Imported))
            }
            Command::CreateBook(kind) => self.one(Book::new(kind).shape(), |next| add(next, kind)),
            Command::TakeBook(place) => match keys.books.get(place) {
                Some(book) => self.stay(book.shape()),
                None => self.apply_to_book(keys, Command::CreateBook(Kind::Authenticated)),
            },
            Command::Book(place) => {
                let book = keys.books.get(place);
                self.stay(book.map_or(Shape::NoBook, Book::shape))
            }
            Command::PublicKey(_) => self.stay(Shape::PublicKey),
            Command::Handle(_) => self.stay(Shape::Handle),
            Command::RevealNid(_) => {
                self.note(Event::NidRevealed, Shape::Nid(NID.to_owned()), |_| {})
            }
            Command::ReleaseOpen(_) if !keys.open_sums => self.refuse(TokenError::NotAllowed),
            Command::ReleaseTotal(_) | Command::ReleaseBalance(_) | Command::ReleaseOpen(_) => {
                let number = keys.statement + 1;
                self.note(Event::Released(number), Shape::Statement(number), |next| {
                    next.keys_mut().statement = number;
                })
            }
            _ => match keys.books[command.place()].apply(command) {
                (None, shape) => self.stay(shape),
                (Some(book), shape) => self.one(shape, |next| {
                    next.keys_mut().books[command.place()] = book;
                }),
            },
        }
    }

    /// No step to another state.
    fn stay(&self, answer: Shape) -> Outcome {
        self.one(answer, |_| {})
    }

    fn refuse(&self, error: TokenError) -> Outcome {
        self.stay(Shape::Refused(error))
    }

    /// One step of an enrolment.
    fn come_to(&self, enrolment: Enrolment, answer: Shape) -> Outcome {
        self.one(answer, |next| next.enrolment = enrolment)
    }

    /// One step to another state.
    fn one(&self, answer: Shape, change: impl FnOnce(&mut Self)) -> Outcome {
        let mut next = self.clone();
        change(&mut next);
        Outcome {
            path: vec![next],
            answer,
        }
    }

    /// Two steps: an event is noted, then it happens.
    fn note(&self, event: Event, answer: Shape, change: impl FnOnce(&mut Self)) -> Outcome {
        if self.log.room() == 0 {
            return self.refuse(TokenError::AuditFull);
        }
        let mut noted = self.clone();
        noted.log.unread.push(event);
        let mut outcome = noted.one(answer, change);
        outcome.path.insert(0, noted);
        outcome
    }

    /// It gets keys, all at once.
    fn found(&self, event: Event, role: Role) -> Outcome {
        self.note(event, Shape::Done, |next| {
            next.life += 1;
            next.writers += 1;
            next.keys = Some(Keys {
                role,
                pin: PINS[0],
                spent: 0,
                unlocked: true,
                books: vec![],
                statement: 0,
                writer: next.writers,
                open_sums: role == Role::Treasury,
                list: vec![],
            });
        })
    }

    /// A try: spent first, which is noted, and all given back if the PIN is right, which takes the
    /// note back. Then comes what else `right` makes of the unlocked token.
    fn with_pin(&self, keys: &Keys, pin: &str, right: impl FnOnce(Self) -> Outcome) -> Outcome {
        if keys.spent == TRIES_MAX {
            return self.refuse(TokenError::Blocked);
        }
        let spent = keys.spent + 1;
        let tries_left = TRIES_MAX - spent;
        let mut tried = self.clone();
        if tried.log.has_slots() {
            tried.log.unread.push(Event::UnlockFailed(tries_left));
        }
        tried.keys_mut().spent = spent;
        if pin != keys.pin {
            tried.keys_mut().unlocked &= tries_left > 0;
            return tried.refuse(TokenError::WrongPin { tries_left });
        }
        let mut opened = self.clone();
        let open = opened.keys_mut();
        (open.spent, open.unlocked) = (0, true);
        let mut outcome = right(opened);
        outcome.path.insert(0, tried);
        outcome
    }

    fn keys_mut(&mut self) -> &mut Keys {
        let keys = self.keys.as_mut();
        keys.expect("only tokens with keys are changed")
    }

    fn info(&self) -> Shape {
        let keys = self.keys.as_ref();
        Shape::Info {
            state: self.state(),
            ceremony: self.ceremony,
            tries_left: TRIES_MAX - keys.map_or(0, |keys| keys.spent),
            books: self.books().len(),
            open_sums: keys.is_some_and(|keys| keys.open_sums),
        }
    }

    fn status(&self) -> Shape {
        Shape::Status {
            role: self.role(),
            writers: self.list().len(),
            audit_len: self.log.len(),
            audit_read: self.log.read,
            audit_room: self.log.room(),
        }
    }
}
