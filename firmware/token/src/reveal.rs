//! The one way from an account back to a name: a sealed box is opened, with presence.

use core_nostd::{
    account::SealedNid,
    ids::{BookId, Handle},
    nid::Nid,
    wire::{AuditEvent, Response, TokenError},
};

use crate::{
    books::keep,
    engine::Engine,
    platform::{Platform, Prompt},
    serial::Line,
};

/// A NID that was found in its box and may be told once a person agrees. Wiped when dropped.
pub(crate) struct Reveal {
    book: BookId,
    account: Handle,
    nid: Nid,
}

impl<P: Platform> Engine<P> {
    /// Takes the sealed box of an account. Who may open balances may know whose they are.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], [`TokenError::WrongRole`], [`TokenError::NotAllowed`],
    /// [`TokenError::BadBox`], those of storage.
    #[inline(never)]
    pub(crate) fn take_box(
        &mut self,
        book: &BookId,
        account: &Handle,
        sealed: &[u8],
        body: &mut [u8],
    ) -> Result<Reveal, TokenError> {
        let suite = self.find(book, body)?.rules.suite;
        let (_, secrets) = self.vault.treasury()?;
        self.allowed(|policy| policy.balances)?;
        let sealed = <&SealedNid>::try_from(sealed).map_err(|_| TokenError::BadBox)?;
        let nid = secrets.shared.open_nid(suite, book, account, sealed);
        Ok(Reveal {
            book: *book,
            account: *account,
            nid: nid.ok_or(TokenError::BadBox)?,
        })
    }

    /// Tells a NID that was found, with presence.
    ///
    /// # Errors
    /// Those of presence and storage.
    #[inline(never)]
    pub(crate) fn reveal<'b>(
        &mut self,
        line: &mut Line<P::Serial>,
        reveal: &Reveal,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let prompt = Prompt::RevealNid {
            book: self.find(&reveal.book, body)?.rules.name,
            account: &reveal.account.0,
        };
        self.confirm(line, &prompt)?;
        let (book, account) = (reveal.book, reveal.account);
        self.take_consent()?;
        self.record(&AuditEvent::NidRevealed { book, account }, body)?;
        let nid = keep(&[reveal.nid.as_str().as_bytes()], body)?;
        // A normalised NID is ASCII.
        let nid = core::str::from_utf8(nid).map_err(|_| TokenError::BadBox)?;
        Ok(Response::Nid(nid))
    }
}
