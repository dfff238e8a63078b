//! Enrolment of a writer, seen from the host between the two tokens; and books for writers.
//!
//! The host relays and learns nothing. What it can compute, too, is the code that both tokens show.

use std::{
    fmt,
    io::{Read, Write},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use core_nostd::{
    enrolment,
    ids::{BookId, WriterId},
    wire::{Closing, Request, Response, Rules},
};

#[cfg(doc)]
use core_nostd::wire::TokenError;

use crate::{Client, ClientError, OwnedBook, OwnedRules};

/// A book that a treasury vouches for to one of its writers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookGrant {
    /// The book's rules.
    pub rules: OwnedRules,
    /// Its public key.
    pub public_key: [u8; 32],
    /// What only that treasury can make, and only that writer can check.
    pub mac: [u8; 32],
}

/// What a person is to do while a writer is enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentPress {
    /// Press the treasury's button: somebody is to be enrolled.
    Offer,
    /// Compare the codes on both tokens, and press both buttons only if they are this one.
    Compare {
        /// Six digits.
        code: u32,
    },
}

/// Why a writer was not enrolled.
#[derive(Debug)]
pub enum EnrolmentError {
    /// The treasury refused, or can't be reached.
    Treasury(ClientError),
    /// The writer refused, or can't be reached.
    Writer(ClientError),
    /// The same, when the treasury had it on its list already. There it can be revoked.
    Unfinished {
        /// The identifier on the list.
        listed: WriterId,
        /// What the writer said.
        error: ClientError,
    },
}

impl fmt::Display for EnrolmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Treasury(error) => write!(f, "the treasury: {error}"),
            Self::Writer(error) => write!(f, "the writer: {error}"),
            Self::Unfinished { listed, error } => write!(
                f,
                "the writer: {error}. The treasury lists it already, as {listed}; begin again, and \
                 revoke that one"
            ),
        }
    }
}

impl std::error::Error for EnrolmentError {}

/// Enrols the empty token `writer` with the treasury `treasury`, both in ceremony mode, the latter
/// unlocked. `tell` hears when buttons are to be pressed; both tokens wait at the same time while
/// the codes are compared, and if one is denied the other stops waiting.
///
/// # Errors
/// [`EnrolmentError`].
pub fn enrol<T: Read + Write, W: Read + Write + Send>(
    treasury: &mut Client<T>,
    writer: &mut Client<W>,
    name: &str,
    pin: &str,
    mut tell: impl FnMut(EnrolmentPress),
) -> Result<WriterId, EnrolmentError> {
    use EnrolmentError::{Treasury, Unfinished, Writer};
    tell(EnrolmentPress::Offer);
    let commitment = treasury.enrol_offer().map_err(Treasury)?;
    let (id, joining) = writer.enrol_join(commitment).map_err(Writer)?;
    let treasurys = treasury.enrol_reveal(id, joining).map_err(Treasury)?;
    let code = enrolment::code(&commitment, &treasurys, &joining, &id);
    tell(EnrolmentPress::Compare { code });

    let over = Arc::new(AtomicBool::new(false));
    treasury.on_waiting(stop_when(&over));
    writer.on_waiting(stop_when(&over));
    let (confirmed, granted) = thread::scope(|scope| {
        let confirm = scope.spawn(|| ended(&over, writer.enrol_confirm(treasurys)));
        let granted = ended(&over, treasury.enrol_grant(name));
        let confirmed = confirm.join();
        let panicked = Err(ClientError::Protocol("the writer's thread panicked"));
        (confirmed.unwrap_or(panicked), granted)
    });
    match (confirmed, granted) {
        (Ok(()), Ok(sealed)) => match writer.enrol_finish(pin, &sealed) {
            Ok(()) => Ok(id),
            Err(error) => Err(Unfinished { listed: id, error }),
        },
        (Err(error), Ok(_)) => Err(Unfinished { listed: id, error }),
        // Who was cancelled is not the one who said no.
        (Err(error), Err(_)) if !is_cancelled(&error) => Err(Writer(error)),
        (_, Err(error)) => Err(Treasury(error)),
    }
}

fn stop_when(over: &Arc<AtomicBool>) -> crate::OnWaiting {
    let over = over.clone();
    Box::new(move || match over.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    })
}

fn ended<R>(over: &AtomicBool, outcome: Result<R, ClientError>) -> Result<R, ClientError> {
    if outcome.is_err() {
        over.store(true, Ordering::Relaxed);
    }
    outcome
}

fn is_cancelled(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Token(core_nostd::wire::TokenError::Cancelled)
    )
}

impl<T: Read + Write> Client<T> {
    /// Treasury: begins an enrolment, with presence; the commitment.
    ///
    /// # Errors
    /// Those of every call and of presence; [`TokenError::CeremonyRequired`],
    /// [`TokenError::WrongRole`], [`TokenError::TooManyWriters`].
    pub fn enrol_offer(&mut self) -> Result<[u8; 32], ClientError> {
        self.session
            .call(&Request::EnrolOffer, |answer| match answer {
                Response::EnrolOffer { commitment } => Some(commitment),
                _ => None,
            })
    }

    /// Empty token: answers an offer; its identifier and its half of the exchange.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::CeremonyRequired`], [`TokenError::AlreadyProvisioned`],
    /// [`TokenError::EnrolmentFailed`] after too many of them.
    pub fn enrol_join(
        &mut self,
        commitment: [u8; 32],
    ) -> Result<(WriterId, [u8; 32]), ClientError> {
        self.session
            .call(&Request::EnrolJoin { commitment }, |answer| match answer {
                Response::EnrolJoin { writer, point } => Some((writer, point)),
                _ => None,
            })
    }

    /// Treasury: takes the answer; its half of the exchange.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::EnrolmentFailed`], [`TokenError::WriterExists`].
    pub fn enrol_reveal(
        &mut self,
        writer: WriterId,
        point: [u8; 32],
    ) -> Result<[u8; 32], ClientError> {
        let request = Request::EnrolReveal { writer, point };
        self.session.call(&request, |answer| match answer {
            Response::EnrolReveal { point } => Some(point),
            _ => None,
        })
    }

    /// Empty token: takes the treasury's half, shows the code and waits for a press.
    ///
    /// # Errors
    /// Those of every call and of presence; [`TokenError::EnrolmentFailed`].
    pub fn enrol_confirm(&mut self, point: [u8; 32]) -> Result<(), ClientError> {
        self.done(&Request::EnrolConfirm { point })
    }

    /// Treasury: shows the code, waits for a press, lists the writer; what is sealed for it.
    ///
    /// # Errors
    /// Those of every call and of presence; [`TokenError::EnrolmentFailed`],
    /// [`TokenError::BadName`].
    pub fn enrol_grant(&mut self, name: &str) -> Result<Vec<u8>, ClientError> {
        self.session
            .call(&Request::EnrolGrant { name }, |answer| match answer {
                Response::EnrolGrant { sealed } => Some(sealed.to_vec()),
                _ => None,
            })
    }

    /// Empty token: becomes the writer.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::EnrolmentFailed`], [`TokenError::BadPin`].
    pub fn enrol_finish(&mut self, pin: &str, sealed: &[u8]) -> Result<(), ClientError> {
        self.done(&Request::EnrolFinish { pin, sealed })
    }

    /// Treasury: vouches for a book to a writer on its list.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::UnknownBook`], [`TokenError::UnknownWriter`],
    /// [`TokenError::WrongKind`].
    pub fn grant_book(&mut self, book: BookId, to: WriterId) -> Result<BookGrant, ClientError> {
        let request = Request::GrantBook { book, writer: to };
        self.session.call(&request, |answer| match answer {
            Response::BookGrant {
                rules,
                public_key,
                mac,
            } => {
                let rules = rules.check().filter(|rules| rules.id() == book)?;
                Some(BookGrant {
                    rules: OwnedRules::from(&rules),
                    public_key,
                    mac,
                })
            }
            _ => None,
        })
    }

    /// Writer: takes a book that its treasury vouches for, once or again.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::GrantRefused`], [`TokenError::WrongRole`],
    /// [`TokenError::TooManyBooks`].
    pub fn take_book(&mut self, grant: &BookGrant) -> Result<OwnedBook, ClientError> {
        let rules = grant.rules.as_rules();
        let request = Request::TakeBook {
            rules: Rules::from(&rules),
            public_key: grant.public_key,
            mac: grant.mac,
        };
        self.new_book(&rules, &request)
    }

    /// Treasury: closes the chains of a writer for ever, with presence. In a book that is not
    /// among `closings`, whose places ascend, nothing of it counts any more.
    ///
    /// # Errors
    /// Those of every call and of presence; [`TokenError::CeremonyRequired`],
    /// [`TokenError::UnknownWriter`].
    pub fn revoke_writer(
        &mut self,
        writer: WriterId,
        closings: &[Closing],
    ) -> Result<(), ClientError> {
        let mut bytes = Vec::new();
        for closing in closings {
            let mut room = [0; 16];
            // A place and a varint: at most 11 bytes.
            let encoded = postcard::to_slice(closing, &mut room);
            bytes.extend_from_slice(encoded.map_err(|_| ClientError::Protocol("no room"))?);
        }
        self.done(&Request::RevokeWriter {
            writer,
            closings: &bytes,
        })
    }
}
