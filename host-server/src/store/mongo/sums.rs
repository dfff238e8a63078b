//! Derived sums in MongoDB: checkpoints of chains, sums of accounts.

use core_nostd::ids::{BookId, Handle, WriterId};
use mongodb::bson::doc;

use super::{
    MongoStore,
    document::{FETCH_LEN, Row, binary, collect, range},
    error,
    others::fixed,
};
use crate::{
    ledger::{AccountSum, Checkpoint},
    store::{
        Result,
        key::{self, AccountKey, EntryKey},
        other_sum,
        record::{AccountSumRecord, CheckpointRecord},
    },
};

impl MongoStore {
    /// [`crate::store::Store::put_checkpoints`]. They are inserted in any order; then those that
    /// were there already are compared.
    pub async fn insert_checkpoints(&self, new: &[Checkpoint]) -> Result<()> {
        let place = |new: &Checkpoint| key::entry(&new.book, &new.writer, new.through);
        let row = |new: &Checkpoint| Row {
            id: place(new).to_vec(),
            record: CheckpointRecord::from(new),
        };
        let rows: Vec<_> = new.iter().map(row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut session = self.causal_session().await?;
        let inserting = self.checkpoints.insert_many(&rows).ordered(false);
        match inserting.session(&mut session).await {
            Ok(_) => return Ok(()),
            Err(error) if error::are_duplicates(&error) => {}
            Err(error) => return Err(error.into()),
        }
        for new in new {
            let find = self
                .checkpoints
                .find_one(doc! { "_id": binary(&place(new)) });
            let kept = find
                .session(&mut session)
                .await?
                .map(checkpoint)
                .transpose()?;
            if kept.as_ref() != Some(new) {
                return Err(other_sum(new));
            }
        }
        Ok(())
    }

    /// [`crate::store::Store::last_checkpoint`].
    pub async fn find_last_checkpoint(
        &self,
        book: &BookId,
        writer: &WriterId,
        at_most: u64,
    ) -> Result<Option<Checkpoint>> {
        let least: EntryKey = key::first(&[&book.0, &writer.0]);
        let below = range("_id", &least, &key::entry(book, writer, at_most));
        let find = self.checkpoints.find_one(below).sort(doc! { "_id": -1 });
        find.await?.map(checkpoint).transpose()
    }

    /// [`crate::store::Store::checkpoints`].
    pub async fn find_checkpoints(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let greatest: EntryKey = key::last(&[&book.0, &writer.0]);
        let find = self
            .checkpoints
            .find(range("_id", &key::entry(book, writer, from), &greatest))
            .sort(doc! { "_id": 1 })
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .batch_size(FETCH_LEN);
        let found = collect(find.await?).await?;
        found.into_iter().map(checkpoint).collect()
    }

    /// [`crate::store::Store::account_sum`].
    pub async fn find_account_sum(
        &self,
        book: &BookId,
        account: &Handle,
    ) -> Result<Option<AccountSum>> {
        let id = binary(&key::account(book, account));
        let found = self.account_sums.find_one(doc! { "_id": id }).await?;
        Ok(found.map(|row| row.record.into_account_sum(book, account)))
    }

    /// [`crate::store::Store::move_account_sum`].
    pub async fn replace_account_sum(&self, old_count: u64, new: &AccountSum) -> Result<bool> {
        let place = key::account(&new.book, &new.account);
        let row = Row {
            id: place.to_vec(),
            record: AccountSumRecord::from(new),
        };
        if old_count == 0 {
            return match self.account_sums.insert_one(row).await {
                Ok(_) => Ok(true),
                Err(error) if error::stored_before_duplicate(&error).is_some() => Ok(false),
                Err(error) => Err(error.into()),
            };
        }
        let old = doc! { "_id": binary(&place), "record.count": old_count.cast_signed() };
        let replaced = self.account_sums.replace_one(old, row).await?;
        Ok(replaced.matched_count > 0)
    }

    /// [`crate::store::Store::account_sums`].
    pub async fn find_account_sums(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> Result<Vec<AccountSum>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let (least, greatest): (AccountKey, AccountKey) =
            (key::first(&[&book.0]), key::last(&[&book.0]));
        let mut wanted = range("_id", &least, &greatest);
        if let Some(after) = after {
            let after = binary(&key::account(book, after));
            wanted = doc! { "_id": { "$gt": after, "$lte": binary(&greatest) } };
        }
        let find = self
            .account_sums
            .find(wanted)
            .sort(doc! { "_id": 1 })
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .batch_size(FETCH_LEN);
        let sum = |row: Row<AccountSumRecord>| {
            let account = key::handle(&fixed(&row.id)?);
            Ok(row.record.into_account_sum(book, &account))
        };
        let found = collect(find.await?).await?;
        found.into_iter().map(sum).collect()
    }

    /// [`crate::store::Store::forget_sums`].
    pub async fn delete_sums(&self, book: &BookId) -> Result<()> {
        let (least, greatest): (EntryKey, EntryKey) =
            (key::first(&[&book.0]), key::last(&[&book.0]));
        let of_book = range("_id", &least, &greatest);
        self.checkpoints.delete_many(of_book).await?;
        let (least, greatest): (AccountKey, AccountKey) =
            (key::first(&[&book.0]), key::last(&[&book.0]));
        let of_book = range("_id", &least, &greatest);
        self.account_sums.delete_many(of_book).await?;
        Ok(())
    }
}

fn checkpoint(row: Row<CheckpointRecord>) -> Result<Checkpoint> {
    Ok(row
        .record
        .into_checkpoint(key::split_entry(&fixed(&row.id)?)))
}
