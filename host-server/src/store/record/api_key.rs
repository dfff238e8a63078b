//! An API key as it is stored; its key is the first half of the hash.

use core_nostd::ids::WriterId;
use serde::{Deserialize, Serialize};

use crate::{
    keys::{ApiKey, KeyHash, KeyId, Scopes},
    store::{Result, StoreError},
};

/// An API key.
#[derive(Serialize, Deserialize)]
pub struct KeyRecord {
    #[serde(with = "serde_bytes")]
    hash: [u8; 32],
    name: String,
    read: bool,
    /// The writers, one after the other.
    #[serde(with = "serde_bytes")]
    post: Vec<u8>,
    post_open: bool,
    teller: bool,
    admin: bool,
    created_ms: i64,
    revoked_ms: Option<i64>,
}

impl From<&ApiKey> for KeyRecord {
    fn from(key: &ApiKey) -> Self {
        let ApiKey {
            hash,
            name,
            scopes,
            created_ms,
            revoked_ms,
        } = key;
        Self {
            hash: hash.0,
            name: name.clone(),
            read: scopes.read,
            post: scopes.post.iter().flat_map(|writer| writer.0).collect(),
            post_open: scopes.post_open,
            teller: scopes.teller,
            admin: scopes.admin,
            created_ms: created_ms.cast_signed(),
            revoked_ms: revoked_ms.map(u64::cast_signed),
        }
    }
}

impl KeyRecord {
    /// The key. Fails if it is not the one of that id.
    pub fn into_key(self, id: &KeyId) -> Result<ApiKey> {
        let damaged = || StoreError::Damaged(format!("API key {id} is not what was stored"));
        let (writers, rest) = self.post.as_chunks::<{ WriterId::LEN }>();
        let key = ApiKey {
            hash: KeyHash(self.hash),
            name: self.name,
            scopes: Scopes {
                read: self.read,
                post: writers.iter().copied().map(WriterId).collect(),
                post_open: self.post_open,
                teller: self.teller,
                admin: self.admin,
            },
            created_ms: self.created_ms.cast_unsigned(),
            revoked_ms: self.revoked_ms.map(i64::cast_unsigned),
        };
        if rest.is_empty() && key.id() == *id {
            Ok(key)
        } else {
            Err(damaged())
        }
    }

    /// The same, revoked at `now_ms` unless it was before.
    pub fn revoked(mut self, now_ms: u64) -> Self {
        self.revoked_ms.get_or_insert(now_ms.cast_signed());
        self
    }
}

/// In the order they were made.
pub fn sort(keys: &mut [ApiKey]) {
    keys.sort_by_key(|key| (key.created_ms, key.id()));
}
