//! API keys in redb.

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::{
    file::Outcome,
    others::{self, decode, encode},
};
use crate::{
    keys::{ApiKey, KeyId},
    store::{
        Put,
        record::{self, KeyRecord},
    },
};

const KEYS: TableDefinition<'_, &[u8; KeyId::LEN], &[u8]> = TableDefinition::new("keys");

/// Makes sure that the table is there.
pub fn create_table(txn: &WriteTransaction) -> Outcome<()> {
    txn.open_table(KEYS)?;
    Ok(())
}

/// [`crate::store::Store::put_key`].
pub fn put(txn: &WriteTransaction, key: &ApiKey) -> Outcome<Put> {
    let value = encode(&KeyRecord::from(key))?;
    let mut table = txn.open_table(KEYS)?;
    others::put(&mut table, &key.id().0, &value, |old| Ok(old == value))
}

/// [`crate::store::Store::key`].
pub fn get(txn: &ReadTransaction, id: &KeyId) -> Outcome<Option<ApiKey>> {
    let found = txn.open_table(KEYS)?.get(&id.0)?;
    found.map(|value| key(id, value.value())).transpose()
}

/// [`crate::store::Store::keys`].
pub fn all(txn: &ReadTransaction) -> Outcome<Vec<ApiKey>> {
    let mut keys = Vec::new();
    for found in txn.open_table(KEYS)?.iter()? {
        let (id, value) = found?;
        keys.push(key(&KeyId(*id.value()), value.value())?);
    }
    record::sort_keys(&mut keys);
    Ok(keys)
}

/// [`crate::store::Store::revoke_key`].
pub fn revoke(txn: &WriteTransaction, id: &KeyId, now_ms: u64) -> Outcome<Option<ApiKey>> {
    let mut table = txn.open_table(KEYS)?;
    let Some(old) = table.get(&id.0)?.map(|value| value.value().to_vec()) else {
        return Ok(None);
    };
    let new = decode::<KeyRecord>(&old)?.revoked(now_ms);
    let value = encode(&new)?;
    table.insert(&id.0, value.as_slice())?;
    Ok(Some(new.into_key(id)?))
}

fn key(id: &KeyId, value: &[u8]) -> Outcome<ApiKey> {
    Ok(decode::<KeyRecord>(value)?.into_key(id)?)
}
