//! The root seed as shares, out of one token and into another ([`core_nostd::backup`]).
//!
//! Both work in ceremony mode only: the host sees every share, and whoever has enough of them has
//! every key. Here the words of a share are numbers; their list is the host's business.
//!
//! A token that was restored has the keys of the one that was backed up, but is another writer, so
//! it can't go on with chains that it knows nothing of. It has no books either: the same rules make
//! the same books. Nor does it know any writer, which can be admitted again.

use core_nostd::{
    backup::{Quorum, SHARES_MAX, Share},
    keys::RootSeed,
    wire::{AuditEvent, ITERATION_EXPONENT_MAX, Policy, Response, Role, TokenError},
};
use heapless::Vec;

use crate::{
    engine::Engine,
    platform::{Platform, Prompt},
    serial::Line,
    vault::{Identity, Pin, new_writer},
};

impl<P: Platform> Engine<P> {
    /// Whether so many shares may be made.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`], [`TokenError::CeremonyRequired`],
    /// [`TokenError::BadQuorum`].
    #[inline(never)]
    pub(crate) fn take_quorum(&self, threshold: u8, shares: u8) -> Result<Quorum, TokenError> {
        self.vault.treasury()?;
        self.must_be_ceremony()?;
        Quorum::new(threshold, shares).map_err(|_| TokenError::BadQuorum)
    }

    /// Makes shares of the root seed, with presence, and keeps none.
    ///
    /// # Errors
    /// Those of presence, entropy and storage.
    #[inline(never)]
    pub(crate) fn backup<'b>(
        &mut self,
        line: &mut Line<P::Serial>,
        quorum: Quorum,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let (threshold, shares) = (quorum.threshold(), quorum.shares());
        self.confirm(line, &Prompt::Backup { threshold, shares })?;
        self.take_consent()?;
        let mut rng = self.rng()?;
        self.record(&AuditEvent::BackedUp { threshold, shares }, body)?;
        let (_, secrets) = self.vault.unlocked()?;
        let mut len = 0;
        for share in secrets.seed()?.split(quorum, &mut rng) {
            let room = body.get_mut(len..).unwrap_or_default();
            len += share.write_bytes(room).ok_or(TokenError::FrameTooLong)?;
        }
        let shares = body.get(..len).ok_or(TokenError::FrameTooLong)?;
        Ok(Response::Shares(shares))
    }

    /// The root seed of these shares, for an empty token.
    ///
    /// # Errors
    /// [`TokenError::AlreadyProvisioned`], [`TokenError::CeremonyRequired`],
    /// [`TokenError::BadShares`].
    #[inline(never)]
    pub(crate) fn take_shares(&self, bytes: &[u8]) -> Result<RootSeed, TokenError> {
        if self.vault.identity().is_some() {
            return Err(TokenError::AlreadyProvisioned);
        }
        self.must_be_ceremony()?;
        combine(bytes).ok_or(TokenError::BadShares)
    }

    /// Becomes a treasury with this root seed, with presence; the token is then unlocked.
    ///
    /// # Errors
    /// Those of presence, entropy and storage.
    #[inline(never)]
    pub(crate) fn restore(
        &mut self,
        line: &mut Line<P::Serial>,
        seed: &RootSeed,
        pin: &Pin,
        policy: Policy,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        self.confirm(line, &Prompt::Restore)?;
        let mut rng = self.rng()?;
        let identity = Identity {
            writer: new_writer(&mut rng),
            role: Role::Treasury,
            generation: 0,
            policy,
        };
        let writer = identity.writer;
        self.take_consent()?;
        self.record(&AuditEvent::Restored { writer, policy }, work)?;
        self.found(&mut rng, identity, seed.expose_bytes(), pin, work)
    }
}

/// The seed of shares one after the other. None also if combining them would take too long.
#[inline(never)]
fn combine(bytes: &[u8]) -> Option<RootSeed> {
    let (each, []) = bytes.as_chunks::<{ Share::SEED_BYTES }>() else {
        return None;
    };
    let mut shares = Vec::<Share, { SHARES_MAX as usize }>::new();
    for bytes in each {
        let share = Share::from_bytes(bytes).ok()?;
        if share.iteration_exponent() > ITERATION_EXPONENT_MAX {
            return None;
        }
        shares.push(share).ok()?;
    }
    RootSeed::from_shares(&shares).ok()
}
