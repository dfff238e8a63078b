//! The audit log: events in a row, of which the first are forgotten once they are acknowledged.

use core_nostd::{ids::WriterId, wire::AuditEvent};

/// Events that have room at once, and those of them that only wrong PINs may fill.
const SLOTS: usize = 48;
const RESERVE: usize = 15;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// How many events were acknowledged.
    pub read: u64,
    /// Those behind them.
    pub unread: Vec<Event>,
}

/// An event without what nobody can foretell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Provisioned,
    Restored,
    Enrolled,
    /// With so many tries left.
    UnlockFailed(u8),
    PinChanged,
    /// The number of the statement.
    Released(u64),
    /// Whether sums of open books may be opened.
    PolicyChanged(bool),
    WriterRenewed,
    /// The number of a writer elsewhere; none for an identifier that the token had itself.
    WriterEnrolled(Option<u32>),
    WriterAdmitted(Option<u32>),
    WriterRevoked(Option<u32>),
    BackedUp,
    BookImported,
    NidRevealed,
    Wiped,
}

impl Log {
    /// Number of events since the factory.
    pub fn len(&self) -> u64 {
        self.read + self.unread.len() as u64
    }

    /// Whether a wrong PIN is still noted.
    pub fn has_slots(&self) -> bool {
        self.unread.len() < SLOTS
    }

    /// Events until everything else is refused.
    pub fn room(&self) -> usize {
        (SLOTS - RESERVE).saturating_sub(self.unread.len())
    }

    /// What a wipe leaves of it.
    pub fn wiped(&self) -> Self {
        Self {
            read: self.len(),
            unread: vec![Event::Wiped],
        }
    }
}

impl Event {
    pub fn of(event: &AuditEvent) -> Self {
        match event {
            AuditEvent::Provisioned { .. } => Self::Provisioned,
            AuditEvent::Restored { .. } => Self::Restored,
            AuditEvent::Enrolled { .. } => Self::Enrolled,
            AuditEvent::UnlockFailed { tries_left } => Self::UnlockFailed(*tries_left),
            AuditEvent::PinChanged => Self::PinChanged,
            AuditEvent::Released { number, .. } => Self::Released(*number),
            AuditEvent::PolicyChanged { policy } => Self::PolicyChanged(policy.open_sums),
            AuditEvent::WriterRenewed { .. } => Self::WriterRenewed,
            AuditEvent::WriterEnrolled { writer } => Self::WriterEnrolled(number_of(writer)),
            AuditEvent::WriterAdmitted { writer } => Self::WriterAdmitted(number_of(writer)),
            AuditEvent::WriterRevoked { writer } => Self::WriterRevoked(number_of(writer)),
            AuditEvent::BackedUp { .. } => Self::BackedUp,
            AuditEvent::BookImported { .. } => Self::BookImported,
            AuditEvent::NidRevealed { .. } => Self::NidRevealed,
            AuditEvent::Wiped => Self::Wiped,
            other => panic!("no command of the campaign is noted as {other:?}"),
        }
    }
}

/// The identifier of the writer elsewhere that has this number. No token draws such a one.
pub fn elsewhere(number: u32) -> WriterId {
    let mut id = [0xee; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    WriterId(id)
}

/// The number of a writer elsewhere.
pub fn number_of(writer: &WriterId) -> Option<u32> {
    let (_, number) = writer.0.split_last_chunk().expect("16 bytes");
    let number = u32::from_be_bytes(*number);
    (elsewhere(number) == *writer).then_some(number)
}
