//! The plain model of a token: what it is, and what each command makes of it. No flash, no keys.

use core_nostd::wire::{Response, SignedEntry, State, TokenError};
use firmware_token::TRIES_MAX;

use crate::bench::RULES;

/// Entries between two cuts.
const K: u64 = RULES.min_entries as u64;

/// PINs that a token may have, and one that none has.
pub const PINS: [&str; 2] = ["123456", "another"];
pub const WRONG_PIN: &str = "no such";

/// A token as people think of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// How often it got keys.
    pub life: u32,
    /// How many writer identifiers it has had.
    pub writers: u32,
    pub keys: Option<Keys>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub pin: &'static str,
    pub spent: u8,
    /// Lost with the power, unlike everything else.
    pub unlocked: bool,
    pub books: Vec<Book>,
    /// Number of the last statement.
    pub statement: u64,
    /// Which of its writer identifiers it has.
    pub writer: u32,
    /// Whether it may open sums of open books.
    pub open_sums: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    pub kind: Kind,
    pub next_seq: u64,
    pub last_cut: u64,
    /// Number of entries in the last answer, and the cut in it.
    pub replied: u64,
    pub cut: Option<u64>,
}

/// What kind of book, and whose key it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Authenticated,
    Open,
    Imported,
}

/// What a host may ask for. Books are named by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Hello,
    Provision,
    /// From shares of a seed that is always the same.
    Restore,
    SetPolicy(bool),
    NewWriter,
    Unlock(&'static str),
    ChangePin(&'static str),
    CreateBook(Kind),
    Post(usize, u64),
    /// The last posting once more.
    PostAgain(usize),
    Cut(usize),
    ReleaseTotal(usize),
    ReleaseBalance(usize),
    ReleaseOpen(usize),
    Wipe,
    Book(usize),
    LastEntry(usize),
    PublicKey(usize),
    LastStatement,
}

/// An answer without the bytes that nobody can foretell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    Info {
        state: State,
        tries_left: u8,
        books: usize,
        open_sums: bool,
    },
    Done,
    Refused(TokenError),
    Book {
        next_seq: u64,
        last_cut: u64,
    },
    NoBook,
    Posted {
        first: u64,
        count: u64,
        cut: Option<u64>,
    },
    Cut(u64),
    Statement(u64),
    PublicKey,
}

impl Shape {
    pub fn of(response: &Response<'_>) -> Self {
        match response {
            Response::Hello(info) => Self::Info {
                state: info.state,
                tries_left: info.tries_left,
                books: info.books.into(),
                open_sums: info.policy.is_some_and(|policy| policy.open_sums),
            },
            Response::Done => Self::Done,
            Response::Error(error) => Self::Refused(*error),
            Response::Book(info) => Self::Book {
                next_seq: info.next_seq,
                last_cut: info.last_cut,
            },
            Response::NoBook => Self::NoBook,
            Response::Posted {
                first_seq,
                cut,
                entries,
                ..
            } => Self::Posted {
                first: *first_seq,
                count: count(entries),
                cut: cut.map(|cut| cut.position),
            },
            Response::Cut { cut, .. } => Self::Cut(cut.position),
            Response::Statement(record) => Self::Statement(record.number),
            Response::PublicKey(_) => Self::PublicKey,
            other => panic!("no command of the campaign is answered with {other:?}"),
        }
    }
}

fn count(mut entries: &[u8]) -> u64 {
    std::iter::from_fn(|| SignedEntry::next_of(&mut entries)).count() as u64
}

/// What a command makes of a model: the states it goes through, of which each may be where a power
/// cut leaves it, and the answer in the last.
pub struct Outcome {
    pub path: Vec<Model>,
    pub answer: Shape,
}

impl Model {
    /// The state without power.
    pub fn lock(&mut self) {
        if let Some(keys) = &mut self.keys {
            keys.unlocked = false;
        }
    }

    pub fn state(&self) -> State {
        match &self.keys {
            None => State::Empty,
            Some(keys) if keys.unlocked => State::Unlocked,
            Some(keys) if keys.spent == TRIES_MAX => State::Blocked,
            Some(_) => State::Locked,
        }
    }

    /// Which writer identifier it has, 0 for none.
    pub fn writer(&self) -> u32 {
        self.keys.as_ref().map_or(0, |keys| keys.writer)
    }

    pub fn books(&self) -> &[Book] {
        self.keys.as_ref().map_or(&[], |keys| &keys.books)
    }

    /// What becomes of this state. The commands that need keys in memory are given only to those
    /// who have them.
    pub fn apply(&self, command: Command) -> Outcome {
        let answer = |answer| Outcome {
            path: vec![],
            answer,
        };
        let Some(keys) = &self.keys else {
            return match command {
                Command::Hello => answer(self.info()),
                Command::Provision | Command::Restore => self.provision(),
                Command::Wipe => answer(Shape::Done),
                _ => answer(Shape::Refused(TokenError::NotProvisioned)),
            };
        };
        match command {
            Command::Hello => answer(self.info()),
            Command::Provision | Command::Restore => {
                answer(Shape::Refused(TokenError::AlreadyProvisioned))
            }
            Command::SetPolicy(open_sums) => {
                self.one(Shape::Done, |keys| keys.open_sums = open_sums)
            }
            Command::NewWriter => {
                let mut renewed = self.one(Shape::Done, |keys| {
                    let begun = |book: &Book| Book::new(book.kind);
                    keys.books = keys.books.iter().map(begun).collect();
                    keys.writer = self.writers + 1;
                });
                renewed.path[0].writers += 1;
                renewed
            }
            Command::Wipe => Outcome {
                path: vec![Self {
                    keys: None,
                    ..*self
                }],
                answer: Shape::Done,
            },
            Command::Unlock(pin) => self.with_pin(keys, pin, |keys| vec![keys]),
            Command::ChangePin(new) => self.with_pin(keys, keys.pin, |right| {
                let unlocked = keys.unlocked;
                let old = Keys { unlocked, ..right };
                vec![old.clone(), Keys { pin: new, ..old }]
            }),
            Command::CreateBook(kind) => {
                let book = Book::new(kind);
                let made = Shape::Book {
                    next_seq: 0,
                    last_cut: 0,
                };
                self.one(made, |keys| keys.books.push(book))
            }
            Command::Book(place) => answer(match keys.books.get(place) {
                Some(book) => Shape::Book {
                    next_seq: book.next_seq,
                    last_cut: book.last_cut,
                },
                None => Shape::NoBook,
            }),
            Command::PublicKey(_) => answer(Shape::PublicKey),
            Command::LastStatement if keys.statement == 0 => {
                answer(Shape::Refused(TokenError::NothingStored))
            }
            Command::LastStatement => answer(Shape::Statement(keys.statement)),
            Command::ReleaseOpen(_) if !keys.open_sums => {
                answer(Shape::Refused(TokenError::NotAllowed))
            }
            Command::ReleaseTotal(_) | Command::ReleaseBalance(_) | Command::ReleaseOpen(_) => {
                let number = keys.statement + 1;
                self.one(Shape::Statement(number), |keys| keys.statement = number)
            }
            Command::Post(place, _)
            | Command::PostAgain(place)
            | Command::Cut(place)
            | Command::LastEntry(place) => match keys.books[place].apply(command) {
                (None, shape) => answer(shape),
                (Some(book), shape) => self.one(shape, |keys| keys.books[place] = book),
            },
        }
    }

    /// One step to another state.
    fn one(&self, answer: Shape, change: impl FnOnce(&mut Keys)) -> Outcome {
        let mut next = self.clone();
        change(
            next.keys
                .as_mut()
                .expect("only tokens with keys are changed"),
        );
        Outcome {
            path: vec![next],
            answer,
        }
    }

    fn provision(&self) -> Outcome {
        let keys = Keys {
            pin: PINS[0],
            spent: 0,
            unlocked: true,
            books: vec![],
            statement: 0,
            writer: self.writers + 1,
            open_sums: true,
        };
        let next = Self {
            life: self.life + 1,
            writers: self.writers + 1,
            keys: Some(keys),
        };
        Outcome {
            path: vec![next],
            answer: Shape::Done,
        }
    }

    /// A try: spent first, and all given back if the PIN is right. Then comes what else `right`
    /// makes of the keys, which are unlocked by then.
    fn with_pin(&self, keys: &Keys, pin: &str, right: impl FnOnce(Keys) -> Vec<Keys>) -> Outcome {
        let spent = keys.spent + 1;
        if keys.spent == TRIES_MAX {
            return Outcome {
                path: vec![],
                answer: Shape::Refused(TokenError::Blocked),
            };
        }
        let unlocked = keys.unlocked && (pin == keys.pin || spent < TRIES_MAX);
        let mut path = vec![Keys {
            spent,
            unlocked,
            ..keys.clone()
        }];
        let answer = if pin == keys.pin {
            path.extend(right(Keys {
                spent: 0,
                unlocked: true,
                ..keys.clone()
            }));
            Shape::Done
        } else {
            Shape::Refused(TokenError::WrongPin {
                tries_left: TRIES_MAX - spent,
            })
        };
        let of = |keys| Self {
            keys: Some(keys),
            ..*self
        };
        Outcome {
            path: path.into_iter().map(of).collect(),
            answer,
        }
    }

    fn info(&self) -> Shape {
        Shape::Info {
            state: self.state(),
            tries_left: TRIES_MAX - self.keys.as_ref().map_or(0, |keys| keys.spent),
            books: self.books().len(),
            open_sums: self.keys.as_ref().is_some_and(|keys| keys.open_sums),
        }
    }
}

impl Book {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            next_seq: 0,
            last_cut: 0,
            replied: 0,
            cut: None,
        }
    }

    /// Position of the first entry in the last answer.
    pub fn first(&self) -> u64 {
        self.next_seq - self.replied
    }

    /// Whether nothing was posted since the last cut.
    pub fn is_at_a_cut(&self) -> bool {
        self.pending() == 0 && self.last_cut > 0
    }

    /// Number of entries behind the last cut.
    pub fn pending(&self) -> u64 {
        self.next_seq - self.last_cut
    }

    /// What a command to a book of authenticated entries makes of it, and the answer.
    fn apply(&self, command: Command) -> (Option<Self>, Shape) {
        let posted = |book: &Self| Shape::Posted {
            first: book.first(),
            count: book.replied,
            cut: book.cut,
        };
        if self.kind != Kind::Authenticated {
            return (None, Shape::Refused(TokenError::WrongKind));
        }
        match command {
            Command::Post(_, count) => {
                let mut next = self.clone();
                next.next_seq += count;
                next.replied = count;
                // With 2k pending a posting cuts so that at least k are left.
                next.cut =
                    (next.pending() >= 2 * K).then(|| next.last_cut + (next.pending() / K - 1) * K);
                next.last_cut = next.cut.unwrap_or(next.last_cut);
                let shape = posted(&next);
                (Some(next), shape)
            }
            Command::PostAgain(_) | Command::LastEntry(_) if self.replied > 0 => {
                (None, posted(self))
            }
            Command::PostAgain(_) | Command::LastEntry(_) => {
                (None, Shape::Refused(TokenError::NothingStored))
            }
            Command::Cut(_) if self.is_at_a_cut() => (None, Shape::Cut(self.last_cut)),
            Command::Cut(_) if self.pending() < K => {
                let missing = u32::try_from(K - self.pending()).expect("small");
                (None, Shape::Refused(TokenError::TooFewEntries { missing }))
            }
            Command::Cut(_) => {
                let last_cut = self.next_seq;
                (
                    Some(Self {
                        last_cut,
                        ..self.clone()
                    }),
                    Shape::Cut(last_cut),
                )
            }
            other => panic!("{other:?} is not about a book"),
        }
    }
}

impl Command {
    /// The place of the book it is about.
    pub fn place(self) -> usize {
        match self {
            Self::Post(place, _)
            | Self::PostAgain(place)
            | Self::Cut(place)
            | Self::ReleaseTotal(place)
            | Self::ReleaseBalance(place)
            | Self::ReleaseOpen(place)
            | Self::Book(place)
            | Self::LastEntry(place)
            | Self::PublicKey(place) => place,
            other => panic!("{other:?} is not about a book"),
        }
    }

    /// Whether the token must be started with its button held.
    pub fn needs_ceremony(self) -> bool {
        matches!(
            self,
            Self::Wipe | Self::Restore | Self::SetPolicy(_) | Self::NewWriter
        )
    }

    /// What people call it.
    pub fn name(self) -> String {
        let name = format!("{self:?}");
        name.split('(').next().unwrap_or_default().to_owned()
    }
}
