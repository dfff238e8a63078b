//! The token's audit log, page by page, and what it says of itself beside `Info`.

use std::io::{Read, Write};

use core_nostd::wire::{AuditEvent, Request, Response, Status, audit::chain, take};

#[cfg(doc)]
use core_nostd::wire::TokenError;

use crate::{Client, ClientError};

/// A position of an audit log: how many events lie before it, and the hash of their chain. The
/// default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditPosition {
    /// Number of events before it, which is the number of the next one.
    pub events: u64,
    /// Hash of the chain.
    pub hash: [u8; 32],
}

impl AuditPosition {
    /// The position behind an event with this encoding.
    #[must_use]
    pub fn after(&self, event: &[u8]) -> Self {
        Self {
            events: self.events.saturating_add(1),
            hash: chain(&self.hash, self.events, event),
        }
    }
}

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// The event.
    pub event: AuditEvent,
    /// Its encoding, which is what the chain is made of.
    pub bytes: Vec<u8>,
}

/// Events of the log, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// The position before the first, as the token says.
    pub before: AuditPosition,
    /// The events; none at the end of the log.
    pub events: Vec<LoggedEvent>,
    /// The position behind the last, computed here.
    pub after: AuditPosition,
}

impl AuditPage {
    /// The page of these encodings, one after the other; none if they are not encodings of events.
    #[must_use]
    pub fn read(before: AuditPosition, mut bytes: &[u8]) -> Option<Self> {
        let (mut events, mut after) = (vec![], before);
        while !bytes.is_empty() {
            let rest = bytes;
            let event = take(&mut bytes)?;
            let bytes = rest.get(..rest.len() - bytes.len())?.to_vec();
            after = after.after(&bytes);
            events.push(LoggedEvent { event, bytes });
        }
        Some(Self {
            before,
            events,
            after,
        })
    }
}

impl<T: Read + Write> Client<T> {
    /// What the token says of itself beside [`Self::info`], in every state.
    ///
    /// # Errors
    /// Those of every call.
    pub fn status(&mut self) -> Result<Status, ClientError> {
        self.session.call(&Request::Status, |answer| match answer {
            Response::Status(status) => Some(status),
            _ => None,
        })
    }

    /// The audit log from event number `from` on, as much as one answer holds; from later on if
    /// that event was acknowledged or erased, and from the end if there is none.
    ///
    /// # Errors
    /// Those of every call.
    pub fn audit_log(&mut self, from: u64) -> Result<AuditPage, ClientError> {
        let request = Request::AuditLog { from };
        self.session.call(&request, |answer| match answer {
            Response::AuditLog {
                first,
                before,
                events,
            } => {
                let before = AuditPosition {
                    events: first,
                    hash: before,
                };
                AuditPage::read(before, events)
            }
            _ => None,
        })
    }

    /// Frees the room of the events before a position, which the token then forgets.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::WrongHash`].
    pub fn acknowledge_audit(&mut self, position: &AuditPosition) -> Result<(), ClientError> {
        self.done(&Request::AuditAcknowledge {
            through: position.events,
            hash: position.hash,
        })
    }
}
