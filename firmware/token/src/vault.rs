//! The secrets, sealed under the PIN.
//!
//! ```text
//! identity record: salt, writer, role, generation, policy in clear; the secrets sealed with
//!                  AES-256-SIV under stretch(PIN, salt, device secret), associated data the rest
//! ```
//!
//! Changing the PIN writes one record; the old one, still sealed under the old PIN, stays in the
//! flash until its page is erased.

use core_nostd::{
    ids::WriterId,
    wire::{AuditEvent, Policy, Role, State, TokenError},
};
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    engine::Engine,
    platform::{Platform, Prompt},
    serial::Line,
    storage::Key,
};

mod pin;
mod secrets;

pub(crate) use pin::Pin;
pub use pin::TRIES_MAX;
pub(crate) use secrets::{SealKey, Sealable, Secrets};

/// What is known of the identity without the PIN. Believed once the seal has been opened.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) writer: WriterId,
    pub(crate) role: Role,
    /// Counts the identifiers this token has had since it got its keys. Chains of an earlier
    /// generation are no longer its own.
    pub(crate) generation: u32,
    pub(crate) policy: Policy,
}

/// The state of the secrets.
pub(crate) struct Vault {
    identity: Option<Identity>,
    tries_spent: u8,
    secrets: Option<Secrets>,
}

impl Vault {
    pub(crate) const fn new() -> Self {
        Self {
            identity: None,
            tries_spent: 0,
            secrets: None,
        }
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    pub(crate) fn tries_left(&self) -> u8 {
        TRIES_MAX.saturating_sub(self.tries_spent)
    }

    pub(crate) fn state(&self) -> State {
        match (&self.identity, &self.secrets) {
            (None, _) => State::Empty,
            (Some(_), Some(_)) => State::Unlocked,
            (Some(_), None) if self.tries_left() == 0 => State::Blocked,
            (Some(_), None) => State::Locked,
        }
    }

    /// To be said whenever the number in the store has changed.
    pub(crate) fn set_tries_spent(&mut self, spent: u8) {
        self.tries_spent = spent;
    }

    /// The identity and the secrets of an unlocked token.
    ///
    /// # Errors
    /// [`TokenError::NotProvisioned`], [`TokenError::Locked`], [`TokenError::Blocked`].
    pub(crate) fn unlocked(&self) -> Result<(&Identity, &Secrets), TokenError> {
        match (&self.identity, &self.secrets) {
            (Some(identity), Some(secrets)) => Ok((identity, secrets)),
            (None, _) => Err(TokenError::NotProvisioned),
            (Some(_), None) if self.tries_left() == 0 => Err(TokenError::Blocked),
            (Some(_), None) => Err(TokenError::Locked),
        }
    }

    /// The identity and the secrets of an unlocked treasury.
    ///
    /// # Errors
    /// Those of [`Self::unlocked`], [`TokenError::WrongRole`].
    pub(crate) fn treasury(&self) -> Result<(&Identity, &Secrets), TokenError> {
        let (identity, secrets) = self.unlocked()?;
        secrets.seed()?;
        Ok((identity, secrets))
    }
}

/// The identity record.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    salt: [u8; 16],
    writer: WriterId,
    role: Role,
    generation: u32,
    policy: Policy,
    tag: [u8; 16],
    sealed: &'a [u8],
}

impl Record<'_> {
    fn identity(&self) -> Identity {
        Identity {
            writer: self.writer,
            role: self.role,
            generation: self.generation,
            policy: self.policy,
        }
    }
}

/// Longest identity record, in bytes.
pub(crate) const RECORD_LEN_MAX: usize = 16 + 16 + 1 + 5 + 3 + 16 + 2 + Sealable::LEN_MAX;

impl<P: Platform> Engine<P> {
    /// Reads the identity.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`].
    #[inline(never)]
    pub(crate) fn load_vault(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        self.vault = Vault::new();
        if let Some(record) = self.storage.get(Key::Identity, work)? {
            let record: Record<'_> = decode(record)?;
            self.vault.identity = Some(record.identity());
        }
        Ok(())
    }

    /// Makes keys and a writer id, with presence; the token is then unlocked.
    ///
    /// # Errors
    /// [`TokenError::AlreadyProvisioned`], those of presence, entropy and storage.
    #[inline(never)]
    pub(crate) fn provision(
        &mut self,
        line: &mut Line<P::Serial>,
        pin: &Pin,
        policy: Policy,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        if self.vault.identity.is_some() {
            return Err(TokenError::AlreadyProvisioned);
        }
        self.confirm(line, &Prompt::Provision)?;
        let mut rng = self.rng()?;
        let mut root = Zeroizing::new([0; 32]);
        rng.fill_bytes(root.as_mut());
        let identity = Identity {
            writer: new_writer(&mut rng),
            role: Role::Treasury,
            generation: 0,
            policy,
        };
        let writer = identity.writer;
        self.take_consent()?;
        self.record(&AuditEvent::Provisioned { writer, policy }, work)?;
        self.found(&mut rng, identity, root.as_slice(), pin, work)
    }

    /// Becomes what `identity` says, on an empty token, with a hedge and a store key of its own;
    /// it is then unlocked. `root` is the root seed of a treasury, or what a writer was granted:
    /// its own key and the shared ones.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`], also if `root` is not as long as it should be.
    #[inline(never)]
    pub(crate) fn found(
        &mut self,
        rng: &mut impl Rng,
        identity: Identity,
        root: &[u8],
        pin: &Pin,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let sealable = Sealable::new(identity.role, root, rng).ok_or(TokenError::StorageFailed)?;
        let seal = self.seal_key(rng, pin);
        self.write_identity(&identity, &sealable, &seal, work)?;
        self.vault.secrets = Some(Secrets::new(&sealable, seal));
        self.vault.identity = Some(identity);
        Ok(())
    }

    /// Goes on under another identity with the same secrets; the token stays unlocked.
    ///
    /// # Errors
    /// Those of [`Vault::unlocked`] and storage.
    #[inline(never)]
    pub(crate) fn set_identity(
        &mut self,
        identity: Identity,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let (_, secrets) = self.vault.unlocked()?;
        let (sealable, seal) = (secrets.sealable(), secrets.seal_key());
        self.write_identity(&identity, &sealable, &seal, work)?;
        self.vault.identity = Some(identity);
        Ok(())
    }

    /// Opens the seal.
    ///
    /// # Errors
    /// Those of [`Self::try_pin`].
    #[inline(never)]
    pub(crate) fn unlock(
        &mut self,
        line: &mut Line<P::Serial>,
        pin: &Pin,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let (identity, sealable, seal) = self.try_pin(line, pin, work)?;
        self.vault.secrets = Some(Secrets::new(&sealable, seal));
        self.vault.identity = Some(identity);
        Ok(())
    }

    /// Wipes the secrets from memory, and ends an enrolment.
    pub(crate) fn lock(&mut self) {
        self.enrolment.end();
        self.vault.secrets = None;
    }

    /// Seals the secrets under another PIN; the token stays locked or unlocked as it is.
    ///
    /// # Errors
    /// Those of [`Self::try_pin`], [`TokenError::AuditFull`], those of entropy and storage.
    #[inline(never)]
    pub(crate) fn change_pin(
        &mut self,
        line: &mut Line<P::Serial>,
        old: &Pin,
        new: &Pin,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        self.must_have_tries()?;
        self.must_have_audit_room()?;
        let (identity, sealable, _) = self.try_pin(line, old, work)?;
        let mut rng = self.rng()?;
        self.record(&AuditEvent::PinChanged, work)?;
        let seal = self.seal_key(&mut rng, new);
        self.write_identity(&identity, &sealable, &seal, work)?;
        if let Some(secrets) = &mut self.vault.secrets {
            secrets.set_seal_key(seal);
        }
        Ok(())
    }

    /// Changes what a treasury may open, with presence, in ceremony mode.
    ///
    /// # Errors
    /// [`TokenError::CeremonyRequired`], those of [`Vault::treasury`], presence and storage.
    #[inline(never)]
    pub(crate) fn set_policy(
        &mut self,
        line: &mut Line<P::Serial>,
        policy: Policy,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let (identity, _) = self.vault.treasury()?;
        let identity = Identity {
            policy,
            ..*identity
        };
        self.must_be_ceremony()?;
        self.confirm(line, &Prompt::SetPolicy { policy })?;
        self.take_consent()?;
        self.record(&AuditEvent::PolicyChanged { policy }, work)?;
        self.set_identity(identity, work)
    }

    /// Goes on under a fresh writer identifier, with presence, in ceremony mode. The chains so far
    /// are no longer this token's: one write of the identity ends them all, see
    /// [`crate::posting`].
    ///
    /// The old identifier is listed first, so that its entries go on counting. A writer can't do
    /// this: the treasury knows it by its identifier. It is wiped and enrolled again.
    ///
    /// # Errors
    /// Those of [`Self::set_policy`], of [`Self::retire`], and of entropy.
    #[inline(never)]
    pub(crate) fn renew_writer(
        &mut self,
        line: &mut Line<P::Serial>,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let old = *self.vault.treasury()?.0;
        self.must_be_ceremony()?;
        self.confirm(line, &Prompt::NewWriter)?;
        self.take_consent()?;
        let mut rng = self.rng()?;
        let generation = old.generation.checked_add(1);
        let identity = Identity {
            writer: new_writer(&mut rng),
            generation: generation.ok_or(TokenError::StorageFull)?,
            ..old
        };
        self.retire(&old.writer, work)?;
        let (old, new) = (old.writer, identity.writer);
        self.record(&AuditEvent::WriterRenewed { old, new }, work)?;
        self.set_identity(identity, work)
    }

    /// # Errors
    /// [`TokenError::CeremonyRequired`] unless the token was started in ceremony mode.
    pub(crate) fn must_be_ceremony(&self) -> Result<(), TokenError> {
        if self.ceremony {
            Ok(())
        } else {
            Err(TokenError::CeremonyRequired)
        }
    }

    /// Erases everything, with presence twice, in ceremony mode.
    ///
    /// # Errors
    /// [`TokenError::CeremonyRequired`], those of presence and storage.
    #[inline(never)]
    pub(crate) fn wipe(
        &mut self,
        line: &mut Line<P::Serial>,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        self.must_be_ceremony()?;
        self.confirm(line, &Prompt::Wipe)?;
        self.take_consent()?;
        self.confirm(line, &Prompt::WipeForGood)?;
        self.take_consent()?;
        self.erase(work)
    }

    /// The key that this PIN seals with from now on.
    fn seal_key(&mut self, rng: &mut impl Rng, pin: &Pin) -> SealKey {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let key = P::stretch_pin(pin.as_bytes(), &salt, &self.device_secret);
        SealKey { salt, key }
    }

    #[inline(never)]
    fn write_identity(
        &mut self,
        identity: &Identity,
        sealable: &Sealable,
        seal: &SealKey,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let mut sealed = sealable.duplicate();
        let tag = seal.seal(identity, &mut sealed);
        let record = Record {
            salt: seal.salt,
            writer: identity.writer,
            role: identity.role,
            generation: identity.generation,
            policy: identity.policy,
            tag,
            sealed: sealed.as_bytes(),
        };
        let mut bytes = [0; RECORD_LEN_MAX];
        let bytes =
            postcard::to_slice(&record, &mut bytes).map_err(|_| TokenError::StorageFailed)?;
        self.storage.put(Key::Identity, &[bytes], work)
    }
}

/// A fresh writer identifier.
pub(crate) fn new_writer(rng: &mut impl Rng) -> WriterId {
    let mut writer = WriterId([0; 16]);
    rng.fill_bytes(&mut writer.0);
    writer
}

fn decode(record: &[u8]) -> Result<Record<'_>, TokenError> {
    match postcard::take_from_bytes(record) {
        Ok((record, [])) => Ok(record),
        _ => Err(TokenError::StorageFailed),
    }
}

#[cfg(test)]
mod tests;
