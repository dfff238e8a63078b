//! Derived sums in redb: checkpoints of chains, sums of accounts.

use core_nostd::ids::{BookId, Handle, WriterId};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::{
    file::Outcome,
    others::{decode, encode},
};
use crate::{
    ledger::{AccountSum, Checkpoint},
    store::{
        key::{self, AccountKey, EntryKey},
        other_sum,
        record::{AccountSumRecord, CheckpointRecord},
    },
};

/// (book, writer, through) → the sum.
const CHECKPOINTS: TableDefinition<'_, &EntryKey, &[u8]> = TableDefinition::new("checkpoints");
/// (book, handle) → the sum.
const ACCOUNT_SUMS: TableDefinition<'_, &AccountKey, &[u8]> = TableDefinition::new("account sums");

/// Makes sure that the tables are there.
pub fn create_tables(txn: &WriteTransaction) -> Outcome<()> {
    txn.open_table(CHECKPOINTS)?;
    txn.open_table(ACCOUNT_SUMS)?;
    Ok(())
}

/// [`crate::store::Store::put_checkpoints`].
pub fn put_checkpoints(txn: &WriteTransaction, new: &[Checkpoint]) -> Outcome<()> {
    let mut table = txn.open_table(CHECKPOINTS)?;
    for new in new {
        let place = key::entry(&new.book, &new.writer, new.through);
        let value = encode(&CheckpointRecord::from(new))?;
        let is_kept = match table.get(&place)? {
            Some(old) if old.value() != value => return Err(other_sum(new).into()),
            old => old.is_some(),
        };
        if !is_kept {
            table.insert(&place, value.as_slice())?;
        }
    }
    Ok(())
}

/// [`crate::store::Store::last_checkpoint`].
pub fn last_checkpoint(
    txn: &ReadTransaction,
    book: &BookId,
    writer: &WriterId,
    at_most: u64,
) -> Outcome<Option<Checkpoint>> {
    let least = key::first(&[&book.0, &writer.0]);
    let table = txn.open_table(CHECKPOINTS)?;
    let mut below = table.range::<&EntryKey>(&least..=&key::entry(book, writer, at_most))?;
    below
        .next_back()
        .map(|found| checkpoint(found?))
        .transpose()
}

/// [`crate::store::Store::checkpoints`].
pub fn checkpoints(
    txn: &ReadTransaction,
    book: &BookId,
    writer: &WriterId,
    from: u64,
    limit: usize,
) -> Outcome<Vec<Checkpoint>> {
    let greatest = key::last(&[&book.0, &writer.0]);
    let table = txn.open_table(CHECKPOINTS)?;
    let found = table.range::<&EntryKey>(&key::entry(book, writer, from)..=&greatest)?;
    found.take(limit).map(|found| checkpoint(found?)).collect()
}

type Row<'a, K> = (
    redb::AccessGuard<'a, K>,
    redb::AccessGuard<'a, &'static [u8]>,
);

fn checkpoint((place, value): Row<'_, &'static EntryKey>) -> Outcome<Checkpoint> {
    let record: CheckpointRecord = decode(value.value())?;
    Ok(record.into_checkpoint(key::split_entry(place.value())))
}

/// [`crate::store::Store::account_sum`].
pub fn account_sum(
    txn: &ReadTransaction,
    book: &BookId,
    account: &Handle,
) -> Outcome<Option<AccountSum>> {
    let table = txn.open_table(ACCOUNT_SUMS)?;
    let Some(value) = table.get(&key::account(book, account))? else {
        return Ok(None);
    };
    let record: AccountSumRecord = decode(value.value())?;
    Ok(Some(record.into_account_sum(book, account)))
}

/// [`crate::store::Store::move_account_sum`].
pub fn move_account_sum(txn: &WriteTransaction, old_count: u64, new: &AccountSum) -> Outcome<bool> {
    let mut table = txn.open_table(ACCOUNT_SUMS)?;
    let place = key::account(&new.book, &new.account);
    let count = match table.get(&place)? {
        Some(old) => decode::<AccountSumRecord>(old.value())?.count(),
        None => 0,
    };
    if count == old_count {
        table.insert(&place, encode(&AccountSumRecord::from(new))?.as_slice())?;
    }
    Ok(count == old_count)
}

/// [`crate::store::Store::account_sums`].
pub fn account_sums(
    txn: &ReadTransaction,
    book: &BookId,
    after: Option<&Handle>,
    limit: usize,
) -> Outcome<Vec<AccountSum>> {
    let least = after.map_or(key::first(&[&book.0]), |after| key::account(book, after));
    let table = txn.open_table(ACCOUNT_SUMS)?;
    let found = table.range::<&AccountKey>(&least..=&key::last(&[&book.0]))?;
    let sum = |(place, value): Row<'_, &'static AccountKey>| {
        let record: AccountSumRecord = decode(value.value())?;
        Ok(record.into_account_sum(book, &key::handle(place.value())))
    };
    let sums = found.map(|found| sum(found?));
    let beyond = sums.filter(|sum| {
        let account = sum.as_ref().map(|sum| sum.account);
        account.is_err() || account.ok().as_ref() != after
    });
    beyond.take(limit).collect()
}

/// [`crate::store::Store::forget_sums`].
pub fn forget_sums(txn: &WriteTransaction, book: &BookId) -> Outcome<()> {
    let (least, greatest): (EntryKey, EntryKey) = (key::first(&[&book.0]), key::last(&[&book.0]));
    let mut checkpoints = txn.open_table(CHECKPOINTS)?;
    checkpoints.retain_in::<&EntryKey, _>(&least..=&greatest, |_, _| false)?;
    let (least, greatest): (AccountKey, AccountKey) =
        (key::first(&[&book.0]), key::last(&[&book.0]));
    let mut sums = txn.open_table(ACCOUNT_SUMS)?;
    sums.retain_in::<&AccountKey, _>(&least..=&greatest, |_, _| false)?;
    Ok(())
}
