//! The list of writers of a treasury, and the steps by which one comes onto it.

use core_nostd::wire::{Standing, TokenError, WRITERS_MAX};

use super::{Book, Command, Enrolment, Event, Keys, Kind, Model, Outcome, Shape};

/// A writer on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub who: Who,
    pub standing: Standing,
    /// Whether something of it counts, so that it is never forgotten.
    pub counts: bool,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The token itself, under the writer identifier that it had as this one in a row.
    Own(u32),
    /// Another one.
    Elsewhere(u32),
}

impl Who {
    /// The number of a writer elsewhere.
    pub fn number(self) -> Option<u32> {
        match self {
            Self::Own(_) => None,
            Self::Elsewhere(number) => Some(number),
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 4] = ["Süd", "x", "a branch of thirty-two character", "branch"];
        match self {
            Self::Own(_) => "this token, before",
            Self::Elsewhere(number) => NAMES[number as usize % NAMES.len()],
        }
    }
}

impl Keys {
    fn listed(&self, who: Who) -> Option<&Listed> {
        self.list.iter().find(|listed| listed.who == who)
    }

    /// Where a writer comes to stand.
    fn place_for(&self, who: Option<Who>) -> Result<usize, TokenError> {
        if who.is_some_and(|who| self.listed(who).is_some()) {
            return Err(TokenError::WriterExists);
        }
        if self.list.len() < WRITERS_MAX {
            return Ok(self.list.len());
        }
        let idle = self.list.iter().position(|listed| !listed.counts);
        idle.ok_or(TokenError::TooManyWriters)
    }

    fn add(&mut self, who: Who, standing: Standing) {
        let place = self.place_for(Some(who)).expect("that was looked at");
        let listed = Listed {
            who,
            standing,
            counts: true,
        };
        match self.list.get_mut(place) {
            Some(idle) => *idle = listed,
            None => self.list.push(listed),
        }
    }
}

impl Model {
    /// What becomes of a treasury by a command about writers. `step` is how far the enrolment has
    /// come that the command goes on with.
    pub(super) fn apply_to_list(&self, keys: &Keys, command: Command, step: Enrolment) -> Outcome {
        let active = |who| {
            let listed = keys.listed(who);
            listed.is_some_and(|listed| listed.standing != Standing::Revoked)
        };
        match command {
            Command::Writer(place) => self.stay(match keys.list.get(place) {
                None => Shape::NoWriter,
                Some(listed) => Shape::Writer {
                    number: listed.who.number(),
                    name: listed.who.name().to_owned(),
                    standing: listed.standing,
                },
            }),
            Command::NewWriter => self.renew(keys),
            Command::AdmitWriter(number) => {
                let who = Who::Elsewhere(number);
                match keys.place_for(Some(who)) {
                    Err(error) => self.refuse(error),
                    Ok(_) => self.welcome(Event::WriterAdmitted(Some(number)), Shape::Done, who),
                }
            }
            Command::RevokeWriter(place, counts) => {
                let who = keys.list[place].who;
                if who == Who::Own(keys.writer) || !active(who) {
                    return self.refuse(TokenError::UnknownWriter);
                }
                let event = Event::WriterRevoked(who.number());
                self.note(event, Shape::Done, |next| {
                    next.keys_mut().list[place] = Listed {
                        who,
                        standing: Standing::Revoked,
                        counts: counts && !keys.books.is_empty(),
                    };
                })
            }
            Command::GrantBook(book, _) if keys.books[book].kind != Kind::Authenticated => {
                self.refuse(TokenError::WrongKind)
            }
            Command::GrantBook(_, place) => match keys.list[place].standing {
                Standing::Active => self.stay(Shape::BookGrant),
                _ => self.refuse(TokenError::UnknownWriter),
            },
            _ if !self.ceremony => self.refuse(TokenError::CeremonyRequired),
            Command::EnrolOffer => match keys.place_for(None) {
                Err(error) => self.refuse(error),
                Ok(_) => self.come_to(Enrolment::Offered, Shape::EnrolOffer),
            },
            Command::EnrolReveal(number) if step == Enrolment::Offered => {
                match keys.place_for(Some(Who::Elsewhere(number))) {
                    Err(error) => self.refuse(error),
                    Ok(_) => self.come_to(Enrolment::Met(number), Shape::EnrolReveal),
                }
            }
            Command::EnrolGrant(_) => match step {
                Enrolment::Met(number) if active(Who::Elsewhere(number)) => {
                    self.come_to(step, Shape::EnrolGrant)
                }
                Enrolment::Met(number) => {
                    let event = Event::WriterEnrolled(Some(number));
                    let met = Self {
                        enrolment: step,
                        ..self.clone()
                    };
                    met.welcome(event, Shape::EnrolGrant, Who::Elsewhere(number))
                }
                _ => self.refuse(TokenError::EnrolmentFailed),
            },
            Command::EnrolReveal(_) => self.refuse(TokenError::EnrolmentFailed),
            other => panic!("{other:?} is not about writers"),
        }
    }

    /// A writer is noted, then listed.
    fn welcome(&self, event: Event, answer: Shape, who: Who) -> Outcome {
        self.note(event, answer, |next| {
            next.keys_mut().add(who, Standing::Active);
        })
    }

    /// The identifier so far is listed, the next one noted, then taken.
    fn renew(&self, keys: &Keys) -> Outcome {
        if self.log.room() == 0 {
            return self.refuse(TokenError::AuditFull);
        }
        let old = Who::Own(keys.writer);
        let mut retired = self.clone();
        if keys.listed(old).is_none() {
            if let Err(error) = keys.place_for(Some(old)) {
                return self.refuse(error);
            }
            retired.keys_mut().add(old, Standing::Retired);
        }
        let mut renewed = retired.note(Event::WriterRenewed, Shape::Done, |next| {
            next.writers += 1;
            let writer = next.writers;
            let keys = next.keys_mut();
            let begun = |book: &Book| Book::new(book.kind);
            keys.books = keys.books.iter().map(begun).collect();
            keys.writer = writer;
        });
        renewed.path.insert(0, retired);
        renewed
    }
}
