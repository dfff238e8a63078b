//! What a host may ask for.

use super::Kind;

/// PINs that a token may have, and one that none has.
pub const PINS: [&str; 2] = ["123456", "another"];
pub const WRONG_PIN: &str = "no such";

/// What a host may ask for. Books are named by their places, writers on a treasury's list as well;
/// writers that are to be listed by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Hello,
    Status,
    Provision,
    /// From shares of a seed that is always the same.
    Restore,
    Backup,
    SetPolicy(bool),
    NewWriter,
    Unlock(&'static str),
    ChangePin(&'static str),
    Wipe,

    CreateBook(Kind),
    Post(usize, u64),
    /// The last posting once more.
    PostAgain(usize),
    Cut(usize),
    ReleaseTotal(usize),
    ReleaseBalance(usize),
    ReleaseOpen(usize),
    RevealNid(usize),

    /// So many of the events that are not acknowledged.
    Acknowledge(usize),
    /// The end of those that are, or so many events before it.
    AcknowledgeAgain(u64),

    EnrolOffer,
    EnrolJoin,
    EnrolReveal(u32),
    EnrolConfirm,
    EnrolGrant(u32),
    EnrolFinish,
    /// This book to that writer.
    GrantBook(usize, usize),
    TakeBook(usize),
    AdmitWriter(u32),
    /// This writer, of which the first entries go on counting or nothing does.
    RevokeWriter(usize, bool),

    Book(usize),
    LastEntry(usize),
    PublicKey(usize),
    Handle(usize),
    LastStatement,
    AuditLog,
    Writer(usize),
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
            | Self::RevealNid(place)
            | Self::GrantBook(place, _)
            | Self::TakeBook(place)
            | Self::Book(place)
            | Self::LastEntry(place)
            | Self::Handle(place)
            | Self::PublicKey(place) => place,
            other => panic!("{other:?} is not about a book"),
        }
    }

    /// Whether the token must be started with its button held.
    pub fn needs_ceremony(self) -> bool {
        matches!(
            self,
            Self::Wipe
                | Self::Restore
                | Self::Backup
                | Self::SetPolicy(_)
                | Self::NewWriter
                | Self::AdmitWriter(_)
                | Self::RevokeWriter(..)
                | Self::EnrolOffer
                | Self::EnrolJoin
        ) || self.goes_on()
    }

    /// Whether it goes on with an enrolment, which ends with its session.
    pub fn goes_on(self) -> bool {
        matches!(
            self,
            Self::EnrolReveal(_) | Self::EnrolConfirm | Self::EnrolGrant(_) | Self::EnrolFinish
        )
    }

    /// Whether it may change the flash; what these make is kept in memory alone.
    pub fn writes(self) -> bool {
        !matches!(
            self,
            Self::EnrolOffer
                | Self::EnrolJoin
                | Self::EnrolReveal(_)
                | Self::EnrolConfirm
                | Self::GrantBook(..)
        )
    }

    /// What a host asks for before.
    pub fn lead(self) -> Vec<Self> {
        match self {
            Self::ReleaseOpen(place) => vec![Self::PublicKey(place)],
            Self::RevealNid(place) => vec![Self::Handle(place)],
            Self::TakeBook(_) => vec![Self::Hello],
            Self::Acknowledge(_) => vec![Self::AuditLog],
            Self::EnrolReveal(_) => vec![Self::EnrolOffer],
            Self::EnrolGrant(number) => vec![Self::EnrolOffer, Self::EnrolReveal(number)],
            Self::EnrolConfirm => vec![Self::EnrolJoin],
            Self::EnrolFinish => vec![Self::EnrolJoin, Self::EnrolConfirm],
            _ => vec![],
        }
    }

    /// What people call it.
    pub fn name(self) -> String {
        let name = format!("{self:?}");
        name.split('(').next().unwrap_or_default().to_owned()
    }
}
