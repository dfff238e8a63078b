//! Reads of entries.

use core_nostd::ids::{BookId, Handle, WriterId};
use mongodb::{
    ClientSession,
    bson::doc,
    options::{Hint, ReadConcern},
};

use super::{
    MongoStore,
    document::{EntryDocument, FETCH_LEN, binary, collect_in, range},
    setup::by_account,
};
use crate::{
    ledger::Stored,
    store::{
        NextPlace, Result, StoreError, chain,
        key::{self, EntryKey},
    },
};

impl MongoStore {
    /// Entries of a chain from a position on, without a gap. Entries appear in their order, so a
    /// scan upwards can't miss one that is there, even while others append.
    pub async fn piece(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
        session: &mut ClientSession,
    ) -> Result<Vec<Stored>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let greatest: EntryKey = key::last(&[&book.0, &writer.0]);
        let find = self
            .entries
            .find(range("_id", &key::entry(book, writer, from), &greatest))
            .sort(doc! { "_id": 1 })
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .batch_size(FETCH_LEN);
        let cursor = find.session(&mut *session).await?;
        let entries = to_stored(collect_in(session, cursor).await?);
        chain::check_contiguous(&entries, from)?;
        Ok(entries)
    }

    /// The next position of a chain.
    pub async fn next_seq(
        &self,
        book: &BookId,
        writer: &WriterId,
        session: &mut ClientSession,
    ) -> Result<u64> {
        let parts: [&[u8]; 2] = [&book.0, &writer.0];
        let (least, greatest): (EntryKey, EntryKey) = (key::first(&parts), key::last(&parts));
        let find = self.entries.find_one(range("_id", &least, &greatest));
        let last = find.sort(doc! { "_id": -1 }).session(session).await?;
        last.map_or(Ok(0), |last| after(last.place().2))
    }

    /// [`crate::store::Store::heads`].
    pub async fn find_heads(&self, book: &BookId) -> Result<Vec<(WriterId, u64)>> {
        let mut session = self.snapshot_session().await?;
        let mut heads = Vec::new();
        let least: EntryKey = key::first(&[&book.0]);
        let mut bound: EntryKey = key::last(&[&book.0]);
        // From the last chain down: below the first position of one lies the head of the next.
        loop {
            let below = doc! { "_id": { "$gte": binary(&least), "$lt": binary(&bound) } };
            let find = self.entries.find_one(below).sort(doc! { "_id": -1 });
            let find = find.read_concern(ReadConcern::snapshot());
            let Some(last) = find.session(&mut session).await? else {
                break;
            };
            let (_, writer, seq) = last.place();
            heads.push((writer, after(seq)?));
            bound = key::entry(book, &writer, 0);
        }
        heads.reverse();
        Ok(heads)
    }

    /// [`crate::store::Store::next_place`]. The log only grows, at its ends; so the account's last
    /// entry below the next position, read after it, is what one snapshot would have shown.
    pub async fn find_next_place(
        &self,
        book: &BookId,
        writer: &WriterId,
        account: &Handle,
    ) -> Result<NextPlace> {
        let mut session = self.causal_session().await?;
        let next_seq = self.next_seq(book, writer, &mut session).await?;
        let Some(greatest) = next_seq.checked_sub(1) else {
            return Ok(NextPlace {
                next_seq,
                prev: None,
            });
        };
        let place = |seq| key::account_entry(book, account, writer, seq);
        let mut wanted = range("account", &place(0), &place(greatest));
        // What a sharded cluster goes by: only who has the chain is asked.
        let place = |seq| key::entry(book, writer, seq);
        wanted.extend(range("_id", &place(0), &place(greatest)));
        let find = self.entries.find_one(wanted).hint(Hint::Keys(by_account()));
        let last = find
            .sort(doc! { "account": -1 })
            .session(&mut session)
            .await?;
        Ok(NextPlace {
            next_seq,
            prev: last.map(|last| last.place().2),
        })
    }

    /// [`crate::store::Store::account_entries`].
    pub async fn find_account_entries(
        &self,
        book: &BookId,
        account: &Handle,
        after: &[(WriterId, u64)],
    ) -> Result<Vec<Stored>> {
        let mut session = self.snapshot_session().await?;
        let ranges = key::account_entries(book, account, after);
        let ranges = ranges
            .iter()
            .map(|(least, greatest)| range("account", least, greatest));
        let mut wanted = doc! { "$or": ranges.collect::<Vec<_>>() };
        // What a sharded cluster goes by: only who has chains of the book is asked.
        let (least, greatest): (EntryKey, EntryKey) =
            (key::first(&[&book.0]), key::last(&[&book.0]));
        wanted.extend(range("_id", &least, &greatest));
        let find = self
            .entries
            .find(wanted)
            .hint(Hint::Keys(by_account()))
            .sort(doc! { "account": 1 })
            .batch_size(FETCH_LEN)
            .read_concern(ReadConcern::snapshot());
        let cursor = find.session(&mut session).await?;
        let entries = to_stored(collect_in(&mut session, cursor).await?);
        for (entry, prev) in chain::loose_links(&entries, after) {
            let id = binary(&key::entry(book, &entry.writer, prev));
            let find = self.entries.find_one(doc! { "_id": id });
            let find = find.read_concern(ReadConcern::snapshot());
            let found = find
                .session(&mut session)
                .await?
                .map(EntryDocument::into_stored);
            chain::check_loose_link(entry, found.as_ref())?;
        }
        Ok(entries)
    }
}

fn to_stored(found: Vec<EntryDocument>) -> Vec<Stored> {
    found.into_iter().map(EntryDocument::into_stored).collect()
}

/// The position after `seq`, which no chain that counts from 0 can lack.
fn after(seq: u64) -> Result<u64> {
    let damaged = || StoreError::Damaged("a chain ends at position 2^64 - 1".to_owned());
    seq.checked_add(1).ok_or_else(damaged)
}
