//! What the PIN seals, in memory and in the form in which it is sealed.
//!
//! ```text
//! treasury: root seed ‖ hedge ‖ store key
//! writer:   writer key ‖ hedge ‖ store key ‖ shared keys
//! ```

use core_nostd::{
    keys::{Hedge, RootSeed, SHARED_KEYS_LEN, SharedKeys, WriterKey},
    seal::{self, Tag},
    wire::{Policy, Role, TokenError},
};
use rand_core::Rng;
use zeroize::Zeroizing;

use super::Identity;

/// The secrets of an unlocked token. Wiped when dropped.
pub(crate) struct Secrets {
    keys: Keys,
    /// Makes nonces this device's own.
    pub(crate) hedge: Hedge,
    /// The key of the MACs in the store.
    pub(crate) store_key: Zeroizing<[u8; 32]>,
    /// Derived from the seed once, at unlocking, or granted by the treasury.
    pub(crate) shared: SharedKeys,
    seal: SealKey,
}

/// What makes a treasury a treasury, and a writer a writer.
enum Keys {
    Treasury(RootSeed),
    Writer(WriterKey),
}

impl Secrets {
    /// The secrets in their sealed form, opened.
    #[inline(never)]
    pub(crate) fn new(sealable: &Sealable, seal: SealKey) -> Self {
        let [root, hedge, store_key] = sealable.parts();
        let (keys, shared) = match sealable.role {
            Role::Writer => {
                let keys = Keys::Writer(WriterKey::from_bytes(root));
                (keys, SharedKeys::from_bytes(sealable.shared()))
            }
            _ => {
                let seed = RootSeed::from_bytes(root);
                let shared = seed.shared_keys();
                (Keys::Treasury(seed), shared)
            }
        };
        Self {
            keys,
            hedge: Hedge::from_bytes(hedge),
            store_key: Zeroizing::new(*store_key),
            shared,
            seal,
        }
    }

    /// The root seed of a treasury.
    ///
    /// # Errors
    /// [`TokenError::WrongRole`].
    pub(crate) fn seed(&self) -> Result<&RootSeed, TokenError> {
        match &self.keys {
            Keys::Treasury(seed) => Ok(seed),
            Keys::Writer(_) => Err(TokenError::WrongRole),
        }
    }

    /// What a writer knows together with its treasury.
    ///
    /// # Errors
    /// [`TokenError::WrongRole`].
    pub(crate) fn writer_key(&self) -> Result<&WriterKey, TokenError> {
        match &self.keys {
            Keys::Writer(key) => Ok(key),
            Keys::Treasury(_) => Err(TokenError::WrongRole),
        }
    }

    /// The form in which they are sealed.
    #[inline(never)]
    pub(super) fn sealable(&self) -> Sealable {
        let (role, root) = match &self.keys {
            Keys::Treasury(seed) => (Role::Treasury, seed.expose_bytes()),
            Keys::Writer(key) => (Role::Writer, key.expose_bytes()),
        };
        let mut sealable = Sealable::zeroed(role);
        let parts = [root, self.hedge.expose_bytes(), &*self.store_key];
        for (room, part) in sealable.bytes.chunks_mut(32).zip(parts) {
            room.copy_from_slice(part);
        }
        if let (Role::Writer, Some(room)) = (role, sealable.bytes.last_chunk_mut()) {
            self.shared.expose_into(room);
        }
        sealable
    }

    /// The key they are sealed under.
    pub(super) fn seal_key(&self) -> SealKey {
        let SealKey { salt, key } = &self.seal;
        SealKey {
            salt: *salt,
            key: key.clone(),
        }
    }

    /// From now on they are sealed under another key.
    pub(super) fn set_seal_key(&mut self, seal: SealKey) {
        self.seal = seal;
    }
}

/// The key that a PIN is stretched into. Wiped when dropped.
pub(crate) struct SealKey {
    pub(super) salt: [u8; 16],
    pub(super) key: Zeroizing<[u8; 32]>,
}

impl SealKey {
    #[inline(never)]
    pub(super) fn seal(&self, identity: &Identity, text: &mut Sealable) -> Tag {
        let ad = self.associated_data(identity);
        let ad = ad.each_ref().map(|part| part.as_slice());
        seal::seal(&self.key, &ad, text.as_mut_bytes())
    }

    #[inline(never)]
    pub(super) fn open(&self, identity: &Identity, text: &mut Sealable, tag: &Tag) -> bool {
        let ad = self.associated_data(identity);
        let ad = ad.each_ref().map(|part| part.as_slice());
        seal::open(&self.key, &ad, text.as_mut_bytes(), tag)
    }

    /// What the seal binds the secrets to: a label, the salt, and the identity.
    fn associated_data(&self, identity: &Identity) -> [[u8; 16]; 4] {
        let Identity {
            writer,
            role,
            generation,
            policy,
        } = identity;
        let Policy {
            totals,
            balances,
            open_sums,
        } = *policy;
        let [a, b, c, d] = generation.to_be_bytes();
        let mut rest = [0; 16];
        let known = [totals, balances, open_sums].map(u8::from);
        let known = known.into_iter().chain([*role as u8, a, b, c, d]);
        for (to, from) in rest.iter_mut().zip(known) {
            *to = from;
        }
        [*b"tallystick-ident", self.salt, writer.0, rest]
    }
}

/// The secrets as bytes, sealed or open. Wiped when dropped.
pub(crate) struct Sealable {
    role: Role,
    bytes: Zeroizing<[u8; Sealable::LEN_MAX]>,
}

impl Sealable {
    /// A writer's, in bytes.
    pub(crate) const LEN_MAX: usize = 3 * 32 + SHARED_KEYS_LEN;

    fn zeroed(role: Role) -> Self {
        let bytes = Zeroizing::new([0; Self::LEN_MAX]);
        Self { role, bytes }
    }

    fn len(role: Role) -> usize {
        match role {
            Role::Writer => Self::LEN_MAX,
            _ => 3 * 32,
        }
    }

    /// New ones: hedge and store key are drawn. `root` is a root seed or, for a writer, its key and
    /// the shared ones. None unless it is as long as that.
    #[inline(never)]
    pub(super) fn new(role: Role, root: &[u8], rng: &mut impl Rng) -> Option<Self> {
        let (first, shared) = root.split_at_checked(32)?;
        let mut new = Self::zeroed(role);
        if 3 * 32 + shared.len() != Self::len(role) {
            return None;
        }
        let (parts, room) = new.bytes.split_at_mut_checked(3 * 32)?;
        rng.fill_bytes(parts);
        parts.get_mut(..32)?.copy_from_slice(first);
        room.get_mut(..shared.len())?.copy_from_slice(shared);
        Some(new)
    }

    /// Those of a record. None unless they are as long as they should be.
    pub(super) fn sealed(role: Role, sealed: &[u8]) -> Option<Self> {
        let mut new = Self::zeroed(role);
        if sealed.len() != Self::len(role) {
            return None;
        }
        new.bytes.get_mut(..sealed.len())?.copy_from_slice(sealed);
        Some(new)
    }

    pub(super) fn duplicate(&self) -> Self {
        Self {
            role: self.role,
            bytes: self.bytes.clone(),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..Self::len(self.role)).unwrap_or_default()
    }

    fn as_mut_bytes(&mut self) -> &mut [u8] {
        let len = Self::len(self.role);
        self.bytes.get_mut(..len).unwrap_or_default()
    }

    /// Root, hedge and store key.
    fn parts(&self) -> [&[u8; 32]; 3] {
        const NONE: &[u8; 32] = &[0; 32];
        let (chunks, _) = self.bytes.as_chunks::<32>();
        // There are always more than three.
        [0, 1, 2].map(|i| chunks.get(i).unwrap_or(NONE))
    }

    fn shared(&self) -> &[u8; SHARED_KEYS_LEN] {
        const NONE: &[u8; SHARED_KEYS_LEN] = &[0; SHARED_KEYS_LEN];
        // Never none: there are as many bytes, and more.
        self.bytes.last_chunk().unwrap_or(NONE)
    }
}
