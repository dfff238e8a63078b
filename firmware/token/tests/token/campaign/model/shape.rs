//! Answers, without the bytes that nobody can foretell.

use core_nostd::wire::{
    AuditEvent, Response, Role, SignedEntry, Standing, State, TokenError, take,
};

use super::log::{Event, Log, number_of};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    Info {
        state: State,
        ceremony: bool,
        tries_left: u8,
        books: usize,
        open_sums: bool,
    },
    Status {
        role: Option<Role>,
        writers: usize,
        audit_len: u64,
        audit_read: u64,
        audit_room: usize,
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
    Handle,
    Nid(String),
    Shares,
    Log(Log),
    EnrolOffer,
    EnrolJoin,
    EnrolReveal,
    EnrolGrant,
    BookGrant,
    /// The number of a writer elsewhere, none for the token itself.
    Writer {
        number: Option<u32>,
        name: String,
        standing: Standing,
    },
    NoWriter,
}

impl Shape {
    pub fn of(response: &Response<'_>) -> Self {
        match response {
            Response::Hello(info) => Self::Info {
                state: info.state,
                ceremony: info.ceremony,
                tries_left: info.tries_left,
                books: info.books.into(),
                open_sums: info.policy.is_some_and(|policy| policy.open_sums),
            },
            Response::Status(status) => Self::Status {
                role: status.role,
                writers: status.writers.into(),
                audit_len: status.audit_len,
                audit_read: status.audit_read,
                audit_room: status.audit_room.into(),
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
            Response::Handle { .. } => Self::Handle,
            Response::Nid(nid) => Self::Nid((*nid).to_owned()),
            Response::Shares(_) => Self::Shares,
            Response::AuditLog { first, events, .. } => Self::Log(Log {
                read: *first,
                unread: each_event(events).map(|(event, _)| event).collect(),
            }),
            Response::EnrolOffer { .. } => Self::EnrolOffer,
            Response::EnrolJoin { .. } => Self::EnrolJoin,
            Response::EnrolReveal { .. } => Self::EnrolReveal,
            Response::EnrolGrant { .. } => Self::EnrolGrant,
            Response::BookGrant { .. } => Self::BookGrant,
            Response::Writer(info) => Self::Writer {
                number: number_of(&info.writer),
                name: info.name.to_owned(),
                standing: info.standing,
            },
            Response::NoWriter => Self::NoWriter,
            other => panic!("no command of the campaign is answered with {other:?}"),
        }
    }
}

/// The events of an audit log, each with its encoding.
pub fn each_event(mut events: &[u8]) -> impl Iterator<Item = (Event, &[u8])> {
    std::iter::from_fn(move || {
        let whole = events;
        if whole.is_empty() {
            return None;
        }
        let event = take::<AuditEvent>(&mut events).expect("whole events");
        Some((Event::of(&event), &whole[..whole.len() - events.len()]))
    })
}

fn count(mut entries: &[u8]) -> u64 {
    std::iter::from_fn(|| SignedEntry::next_of(&mut entries)).count() as u64
}
