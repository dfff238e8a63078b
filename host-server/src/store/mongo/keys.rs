//! API keys in MongoDB.

use mongodb::{bson::doc, options::ReturnDocument};

use super::{
    MongoStore,
    document::{Row, binary, collect},
    others::fixed,
};
use crate::{
    keys::{ApiKey, KeyId},
    store::{
        Put, Result,
        record::{self, KeyRecord},
    },
};

impl MongoStore {
    /// [`crate::store::Store::put_key`].
    pub async fn put_api_key(&self, key: &ApiKey) -> Result<Put> {
        let id = key.id();
        let row = Row {
            id: id.0.to_vec(),
            record: KeyRecord::from(key),
        };
        self.put(&self.keys, &row, |old| Ok(old.into_key(&id)? == *key))
            .await
    }

    /// [`crate::store::Store::key`].
    pub async fn find_key(&self, id: &KeyId) -> Result<Option<ApiKey>> {
        let found = self.keys.find_one(doc! { "_id": binary(&id.0) }).await?;
        found.map(|row| row.record.into_key(id)).transpose()
    }

    /// [`crate::store::Store::keys`].
    pub async fn find_keys(&self) -> Result<Vec<ApiKey>> {
        let rows = collect(self.keys.find(doc! {}).await?).await?;
        let key = |row: Row<KeyRecord>| row.record.into_key(&KeyId(fixed(&row.id)?));
        let mut keys = rows.into_iter().map(key).collect::<Result<Vec<_>>>()?;
        record::sort_keys(&mut keys);
        Ok(keys)
    }

    /// [`crate::store::Store::revoke_key`].
    pub async fn revoke_api_key(&self, id: &KeyId, now_ms: u64) -> Result<Option<ApiKey>> {
        // A time that is there stays: the first revocation counts.
        let first = doc! { "$ifNull": ["$record.revoked_ms", now_ms.cast_signed()] };
        let update = vec![doc! { "$set": { "record.revoked_ms": first } }];
        let revoked = self
            .keys
            .find_one_and_update(doc! { "_id": binary(&id.0) }, update)
            .return_document(ReturnDocument::After)
            .await?;
        revoked.map(|row| row.record.into_key(id)).transpose()
    }
}
