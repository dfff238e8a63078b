//! The secrets, sealed under the PIN, and the tries for it.
//!
//! ```text
//! identity record: salt, writer, policy in clear; root seed ‖ hedge ‖ store key sealed with
//!                  AES-256-SIV under stretch(PIN, salt, device secret), associated data the rest
//! tries record:    how many tries are spent
//! ```
//!
//! A try is spent in flash before the PIN is compared and given back only after it was right, so
//! a power cut never adds one. Changing the PIN writes one record; the old one, still sealed under
//! the old PIN, stays in the flash until its page is erased.

use core_nostd::{
    ids::WriterId,
    keys::{Hedge, RootSeed, SharedKeys},
    seal,
    wire::{Policy, State, TokenError},
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

/// Wrong PINs in a row until a token blocks itself.
pub const TRIES_MAX: u8 = 8;

/// What is known of the identity without the PIN. Believed once the seal has been opened.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) writer: WriterId,
    pub(crate) policy: Policy,
}

/// What the PIN seals. Wiped when dropped.
pub(crate) struct Secrets {
    pub(crate) seed: RootSeed,
    /// Makes nonces this device's own.
    pub(crate) hedge: Hedge,
    /// The key of the MACs in the store.
    pub(crate) store_key: Zeroizing<[u8; 32]>,
    /// Derived from the seed once, at unlocking.
    pub(crate) shared: SharedKeys,
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
}

/// A PIN of 6 to 16 characters. Wiped when dropped.
pub(crate) struct Pin {
    /// A character has at most four bytes.
    bytes: Zeroizing<[u8; 4 * 16]>,
    len: usize,
}

impl Pin {
    /// # Errors
    /// [`TokenError::BadPin`].
    pub(crate) fn new(text: &str) -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new([0; 64]);
        let room = bytes.get_mut(..text.len()).ok_or(TokenError::BadPin)?;
        room.copy_from_slice(text.as_bytes());
        if !(6..=16).contains(&text.chars().count()) {
            return Err(TokenError::BadPin);
        }
        let len = text.len();
        Ok(Self { bytes, len })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The identity record.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    salt: [u8; 16],
    writer: WriterId,
    policy: Policy,
    tag: [u8; 16],
    sealed: &'a [u8],
}

/// Root seed, hedge and store key, one after the other.
type SealedSecrets = Zeroizing<[u8; 3 * 32]>;

impl<P: Platform> Engine<P> {
    /// Reads identity and tries.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`], also if there are tries but no identity: then it was lost,
    /// and an empty token would be a lie.
    #[inline(never)]
    pub(crate) fn load_vault(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        self.vault = Vault::new();
        let spent = self.storage.get(Key::Tries, work)?;
        let spent = match spent {
            None => None,
            Some([spent]) => Some(*spent),
            Some(_) => return Err(TokenError::StorageFailed),
        };
        self.vault.tries_spent = spent.unwrap_or(0);
        self.vault.identity = match self.storage.get(Key::Identity, work)? {
            Some(record) => {
                let Record { writer, policy, .. } = decode(record)?;
                Some(Identity { writer, policy })
            }
            None if spent.is_some() => return Err(TokenError::StorageFailed),
            None => None,
        };
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
        let mut secrets = SealedSecrets::new([0; 3 * 32]);
        rng.fill_bytes(secrets.as_mut());
        let mut writer = WriterId([0; 16]);
        rng.fill_bytes(&mut writer.0);
        let identity = Identity { writer, policy };
        self.write_identity(&mut rng, &identity, &secrets, pin, work)?;
        self.vault.secrets = Some(open_secrets(&secrets));
        self.vault.identity = Some(identity);
        Ok(())
    }

    /// Opens the seal.
    ///
    /// # Errors
    /// Those of [`Self::try_pin`].
    #[inline(never)]
    pub(crate) fn unlock(&mut self, pin: &Pin, work: &mut [u8]) -> Result<(), TokenError> {
        let (identity, secrets) = self.try_pin(pin, work)?;
        self.vault.secrets = Some(open_secrets(&secrets));
        self.vault.identity = Some(identity);
        Ok(())
    }

    /// Wipes the secrets from memory.
    pub(crate) fn lock(&mut self) {
        self.vault.secrets = None;
    }

    /// Seals the secrets under another PIN; the token stays locked or unlocked as it is.
    ///
    /// # Errors
    /// Those of [`Self::try_pin`], of entropy and storage.
    #[inline(never)]
    pub(crate) fn change_pin(
        &mut self,
        old: &Pin,
        new: &Pin,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let (identity, secrets) = self.try_pin(old, work)?;
        let mut rng = self.rng()?;
        self.write_identity(&mut rng, &identity, &secrets, new, work)
    }

    /// Erases everything, with presence, in ceremony mode.
    ///
    /// # Errors
    /// [`TokenError::CeremonyRequired`], those of presence and storage.
    #[inline(never)]
    pub(crate) fn wipe(&mut self, line: &mut Line<P::Serial>) -> Result<(), TokenError> {
        if !self.ceremony {
            return Err(TokenError::CeremonyRequired);
        }
        self.confirm(line, &Prompt::Wipe)?;
        self.stop();
        self.storage.wipe()
    }

    /// Spends a try, compares the PIN by opening the seal, and gives all tries back if it was
    /// right.
    ///
    /// # Errors
    /// [`TokenError::NotProvisioned`], [`TokenError::Blocked`], [`TokenError::WrongPin`], also if
    /// the record was edited, and those of storage.
    #[inline(never)]
    fn try_pin(
        &mut self,
        pin: &Pin,
        work: &mut [u8],
    ) -> Result<(Identity, SealedSecrets), TokenError> {
        if self.vault.identity.is_none() {
            return Err(TokenError::NotProvisioned);
        }
        if self.vault.tries_left() == 0 {
            return Err(TokenError::Blocked);
        }
        self.write_tries(self.vault.tries_spent.saturating_add(1), work)?;
        let stored = self.storage.get(Key::Identity, work)?;
        let record: Record<'_> = decode(stored.ok_or(TokenError::StorageFailed)?)?;
        let (writer, policy) = (record.writer, record.policy);
        let identity = Identity { writer, policy };
        let mut secrets = SealedSecrets::new([0; 3 * 32]);
        if record.sealed.len() != secrets.len() {
            return Err(TokenError::StorageFailed);
        }
        secrets.copy_from_slice(record.sealed);
        let key = P::stretch_pin(pin.as_bytes(), &record.salt, &self.device_secret);
        let ad = associated_data(&identity, &record.salt);
        let ad = ad.each_ref().map(|part| part.as_slice());
        if !seal::open(&key, &ad, secrets.as_mut_slice(), &record.tag) {
            let tries_left = self.vault.tries_left();
            if tries_left == 0 {
                self.lock();
            }
            return Err(TokenError::WrongPin { tries_left });
        }
        self.write_tries(0, work)?;
        Ok((identity, secrets))
    }

    fn write_tries(&mut self, spent: u8, work: &mut [u8]) -> Result<(), TokenError> {
        self.storage.put(Key::Tries, &[&[spent]], work)?;
        self.vault.tries_spent = spent;
        Ok(())
    }

    #[inline(never)]
    fn write_identity(
        &mut self,
        rng: &mut impl Rng,
        identity: &Identity,
        secrets: &SealedSecrets,
        pin: &Pin,
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let key = P::stretch_pin(pin.as_bytes(), &salt, &self.device_secret);
        let mut sealed = secrets.clone();
        let ad = associated_data(identity, &salt);
        let ad = ad.each_ref().map(|part| part.as_slice());
        let tag = seal::seal(&key, &ad, sealed.as_mut_slice());
        let record = Record {
            salt,
            writer: identity.writer,
            policy: identity.policy,
            tag,
            sealed: sealed.as_slice(),
        };
        let mut bytes = [0; 16 + 16 + 3 + 16 + 1 + 96];
        let bytes =
            postcard::to_slice(&record, &mut bytes).map_err(|_| TokenError::StorageFailed)?;
        self.storage.put(Key::Identity, &[bytes], work)
    }
}

/// What the seal binds the secrets to: a label, then salt, writer and policy.
fn associated_data(identity: &Identity, salt: &[u8; 16]) -> [[u8; 16]; 4] {
    let Policy {
        totals,
        balances,
        open_sums,
    } = identity.policy;
    let mut policy = [0; 16];
    for (to, from) in policy.iter_mut().zip([totals, balances, open_sums]) {
        *to = u8::from(from);
    }
    [*b"tallystick-ident", *salt, identity.writer.0, policy]
}

#[inline(never)]
fn open_secrets(bytes: &SealedSecrets) -> Secrets {
    let mut parts: [Zeroizing<[u8; 32]>; 3] = Default::default();
    for (part, bytes) in parts.iter_mut().zip(bytes.chunks(32)) {
        part.copy_from_slice(bytes);
    }
    let [seed, hedge, store_key] = parts;
    let seed = RootSeed::from_bytes(&seed);
    Secrets {
        shared: seed.shared_keys(),
        seed,
        hedge: Hedge::from_bytes(&hedge),
        store_key,
    }
}

fn decode(record: &[u8]) -> Result<Record<'_>, TokenError> {
    match postcard::take_from_bytes(record) {
        Ok((record, [])) => Ok(record),
        _ => Err(TokenError::StorageFailed),
    }
}

#[cfg(test)]
mod tests;
