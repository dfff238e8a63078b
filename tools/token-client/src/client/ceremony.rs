//! What a token does in ceremony mode, with a person who has come for it; and the way from an
//! account back to a name.

use std::io::{Read, Write};

use core_nostd::{
    backup::{Quorum, Share},
    ids::{BookId, Handle, WriterId},
    wire::{Policy, Request, Response},
};
use zeroize::Zeroizing;

#[cfg(doc)]
use core_nostd::wire::TokenError;

use crate::{Client, ClientError, OwnedWriter};

impl<T: Read + Write> Client<T> {
    /// Changes what a treasury may open, with presence.
    ///
    /// # Errors
    /// Those of every call and of presence; [`TokenError::CeremonyRequired`],
    /// [`TokenError::WrongRole`].
    pub fn set_policy(&mut self, policy: Policy) -> Result<(), ClientError> {
        self.done(&Request::SetPolicy { policy })
    }

    /// Makes shares of the root seed, with presence: others each time, and none is kept there.
    ///
    /// # Errors
    /// Those of [`Self::set_policy`].
    pub fn backup(&mut self, quorum: Quorum) -> Result<Vec<Share>, ClientError> {
        let (threshold, shares) = (quorum.threshold(), quorum.shares());
        let request = Request::Backup { threshold, shares };
        self.session.call(&request, |answer| match answer {
            Response::Shares(bytes) => read_shares(bytes, quorum),
            _ => None,
        })
    }

    /// Makes a treasury of an empty token from shares of a root seed, as many as are needed, with
    /// presence. It gets a writer identifier of its own, and has no books.
    ///
    /// # Errors
    /// Those of every call and of presence; [`TokenError::CeremonyRequired`],
    /// [`TokenError::AlreadyProvisioned`], [`TokenError::BadPin`], [`TokenError::BadShares`], also
    /// if combining them would take it longer than
    /// [`ITERATION_EXPONENT_MAX`](core_nostd::wire::ITERATION_EXPONENT_MAX) allows.
    pub fn restore(
        &mut self,
        pin: &str,
        policy: Policy,
        shares: &[Share],
    ) -> Result<(), ClientError> {
        let mut bytes = Zeroizing::new(vec![0; shares.len() * Share::SEED_BYTES]);
        let mut len = 0;
        for share in shares {
            // A share has at most so many bytes, so there is always room.
            len += share.write_bytes(&mut bytes[len..]).unwrap_or_default();
        }
        let shares = &bytes[..len];
        self.done(&Request::Restore {
            pin,
            policy,
            shares,
        })
    }

    /// Goes on under a new writer identifier, with presence. The chains so far are retired.
    ///
    /// # Errors
    /// Those of [`Self::set_policy`]; [`TokenError::TooManyWriters`].
    pub fn new_writer(&mut self) -> Result<(), ClientError> {
        self.done(&Request::NewWriter)
    }

    /// The writers on a treasury's list.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::WrongRole`].
    pub fn writers(&mut self) -> Result<Vec<OwnedWriter>, ClientError> {
        let mut writers = Vec::new();
        for index in 0..=u8::MAX {
            let request = Request::Writer { index };
            let writer = self.session.call(&request, |answer| match answer {
                Response::Writer(info) => Some(Some(OwnedWriter::from(info))),
                Response::NoWriter => Some(None),
                _ => None,
            })?;
            match writer {
                Some(writer) => writers.push(writer),
                None => break,
            }
        }
        Ok(writers)
    }

    /// Lists a writer without an enrolment, as after a restore, with presence.
    ///
    /// # Errors
    /// Those of [`Self::set_policy`]; [`TokenError::WriterExists`], [`TokenError::TooManyWriters`],
    /// [`TokenError::BadName`].
    pub fn admit_writer(&mut self, writer: WriterId, name: &str) -> Result<(), ClientError> {
        self.done(&Request::AdmitWriter { writer, name })
    }

    /// The NID in the sealed box of an account, with presence, where balances may be opened.
    ///
    /// # Errors
    /// Those of every call and of presence; [`TokenError::NotAllowed`], [`TokenError::BadBox`],
    /// [`TokenError::UnknownBook`], [`TokenError::WrongRole`].
    pub fn reveal_nid(
        &mut self,
        book: BookId,
        account: Handle,
        sealed_nid: &[u8],
    ) -> Result<Zeroizing<String>, ClientError> {
        let request = Request::RevealNid {
            book,
            account,
            sealed_nid,
        };
        self.session.call(&request, |answer| match answer {
            Response::Nid(nid) => Some(Zeroizing::new(nid.to_owned())),
            _ => None,
        })
    }
}

/// As many shares as were asked for, of one quorum.
fn read_shares(bytes: &[u8], quorum: Quorum) -> Option<Vec<Share>> {
    let shares: Option<Vec<_>> = bytes
        .chunks(Share::SEED_BYTES)
        .map(|bytes| Share::from_bytes(bytes).ok())
        .collect();
    shares.filter(|shares| {
        shares.len() == usize::from(quorum.shares())
            && shares
                .iter()
                .all(|share| share.member_threshold() == quorum.threshold())
    })
}
