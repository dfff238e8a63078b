//! A book of a token, and what postings and cuts make of it.

use core_nostd::wire::TokenError;

use super::{Command, Shape};
use crate::bench::RULES;

/// Entries between two cuts.
const K: u64 = RULES.min_entries as u64;

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

impl Book {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            next_seq: 0,
            last_cut: 0,
            replied: 0,
            cut: None,
        }
    }

    /// How it is shown.
    pub fn shape(&self) -> Shape {
        Shape::Book {
            next_seq: self.next_seq,
            last_cut: self.last_cut,
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
    pub fn apply(&self, command: Command) -> (Option<Self>, Shape) {
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
