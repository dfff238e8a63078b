//! Entries in redb: the log itself, and the two ways to find an entry but by its position.

use core_nostd::ids::{BookId, Handle, WriterId};
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::{
    file::Outcome,
    others::{decode, encode},
};
use crate::{
    ledger::{Body, OpenEntry, Stored},
    store::{
        Appended, NextPlace, Put, StoreError, chain,
        key::{self, AccountEntryKey, EntryKey, OpenKey},
        record::EntryRecord,
    },
};

/// (book, writer, seq) → the entry.
pub(super) const ENTRIES: TableDefinition<'_, &EntryKey, &[u8]> = TableDefinition::new("entries");
/// (book, handle, writer, seq) → nothing more.
pub(super) const ACCOUNT_ENTRIES: TableDefinition<'_, &AccountEntryKey, ()> =
    TableDefinition::new("account entries");
/// (book, writer, the client's identifier) → seq.
pub(super) const OPEN_ENTRIES: TableDefinition<'_, &OpenKey, u64> =
    TableDefinition::new("open entries");

/// Makes sure that the tables are there.
pub fn create_tables(txn: &WriteTransaction) -> Outcome<()> {
    txn.open_table(ENTRIES)?;
    txn.open_table(ACCOUNT_ENTRIES)?;
    txn.open_table(OPEN_ENTRIES)?;
    Ok(())
}

/// [`crate::store::Store::append`].
pub fn append(txn: &WriteTransaction, entries: &[Stored]) -> Outcome<Vec<Appended>> {
    let Some(Stored {
        book, writer, seq, ..
    }) = entries.first()
    else {
        return Ok(Vec::new());
    };
    let mut log = txn.open_table(ENTRIES)?;
    let next = next_seq(&log, book, writer)?;
    let stored = piece(&log, book, writer, *seq, entries.len())?;
    let (outcomes, new) = chain::judge(entries, next, &stored);
    let mut by_account = txn.open_table(ACCOUNT_ENTRIES)?;
    for entry in new {
        if let Some(account) = entry.account() {
            by_account.insert(&key::account_entry(book, account, writer, entry.seq), ())?;
        }
        insert(&mut log, entry.clone())?;
    }
    Ok(outcomes)
}

/// [`crate::store::Store::append_open`].
pub fn append_open(
    txn: &WriteTransaction,
    book: &BookId,
    writer: &WriterId,
    entries: &[OpenEntry],
    arrived_ms: u64,
) -> Outcome<Vec<(u64, Put)>> {
    let mut log = txn.open_table(ENTRIES)?;
    let mut by_id = txn.open_table(OPEN_ENTRIES)?;
    let mut next = next_seq(&log, book, writer)?;
    let mut outcomes = Vec::with_capacity(entries.len());
    for entry in entries {
        let id = key::open(book, writer, &entry.entry);
        let known = by_id.get(&id)?.map(|seq| seq.value());
        outcomes.push(match known {
            Some(seq) if record(&log, book, writer, seq)?.same_elements(entry) => {
                (seq, Put::Already)
            }
            Some(seq) => (seq, Put::Conflict),
            None => {
                by_id.insert(&id, next)?;
                let (book, writer, seq) = (*book, *writer, next);
                let OpenEntry { entry, c1, c2 } = entry.clone();
                let body = Body::Open { entry };
                insert(
                    &mut log,
                    Stored {
                        book,
                        writer,
                        seq,
                        c1,
                        c2,
                        body,
                        arrived_ms,
                    },
                )?;
                next += 1;
                (seq, Put::Stored)
            }
        });
    }
    Ok(outcomes)
}

/// [`crate::store::Store::heads`].
pub fn heads(txn: &ReadTransaction, book: &BookId) -> Outcome<Vec<(WriterId, u64)>> {
    let log = txn.open_table(ENTRIES)?;
    let mut heads = Vec::new();
    let least = key::first(&[&book.0]);
    let mut last = last_in(&log, &least, &key::last(&[&book.0]))?;
    while let Some((_, writer, seq)) = last {
        heads.push((writer, after(seq)?));
        last = last_below(&log, &least, &key::entry(book, &writer, 0))?;
    }
    heads.reverse();
    Ok(heads)
}

/// [`crate::store::Store::next_place`].
pub fn next_place(
    txn: &ReadTransaction,
    book: &BookId,
    writer: &WriterId,
    account: &Handle,
) -> Outcome<NextPlace> {
    let next_seq = next_seq(&txn.open_table(ENTRIES)?, book, writer)?;
    let by_account = txn.open_table(ACCOUNT_ENTRIES)?;
    let parts: [&[u8]; 3] = [&book.0, &account.0, &writer.0];
    let (least, greatest) = (key::first(&parts), key::last(&parts));
    let last = by_account
        .range::<&AccountEntryKey>(&least..=&greatest)?
        .next_back()
        .transpose()?;
    Ok(NextPlace {
        next_seq,
        prev: last.map(|(found, _)| key::position(found.value())),
    })
}

/// [`crate::store::Store::entries`].
pub fn entries(
    txn: &ReadTransaction,
    book: &BookId,
    writer: &WriterId,
    from: u64,
    limit: usize,
) -> Outcome<Vec<Stored>> {
    piece(&txn.open_table(ENTRIES)?, book, writer, from, limit)
}

/// [`crate::store::Store::account_entries`].
pub fn account_entries(
    txn: &ReadTransaction,
    book: &BookId,
    account: &Handle,
    after: &[(WriterId, u64)],
) -> Outcome<Vec<Stored>> {
    let log = txn.open_table(ENTRIES)?;
    let by_account = txn.open_table(ACCOUNT_ENTRIES)?;
    let mut entries = Vec::new();
    for (least, greatest) in key::account_entries(book, account, after) {
        for found in by_account.range::<&AccountEntryKey>(&least..=&greatest)? {
            let place = key::split_entry(&key::entry_of_account_entry(found?.0.value()));
            let (book, writer, seq) = &place;
            entries.push(record(&log, book, writer, *seq)?.into_stored(place));
        }
    }
    for (entry, prev) in chain::loose_links(&entries, after) {
        let found = piece(&log, book, &entry.writer, prev, 1)?;
        chain::check_loose_link(entry, found.first())?;
    }
    Ok(entries)
}

trait Log: ReadableTable<&'static EntryKey, &'static [u8]> {}

impl<T: ReadableTable<&'static EntryKey, &'static [u8]>> Log for T {}

fn next_seq(log: &impl Log, book: &BookId, writer: &WriterId) -> Outcome<u64> {
    let parts: [&[u8]; 2] = [&book.0, &writer.0];
    let last = last_in(log, &key::first(&parts), &key::last(&parts))?;
    last.map_or(Ok(0), |(.., seq)| after(seq))
}

/// Entries of a chain from a position on, without a gap.
fn piece(
    log: &impl Log,
    book: &BookId,
    writer: &WriterId,
    from: u64,
    limit: usize,
) -> Outcome<Vec<Stored>> {
    let least = key::entry(book, writer, from);
    let greatest = key::last(&[&book.0, &writer.0]);
    let mut entries = Vec::new();
    for found in log.range::<&EntryKey>(&least..=&greatest)?.take(limit) {
        let (found, value) = found?;
        let record: EntryRecord = decode(value.value())?;
        entries.push(record.into_stored(key::split_entry(found.value())));
    }
    chain::check_contiguous(&entries, from)?;
    Ok(entries)
}

/// The entry that an index names.
fn record(log: &impl Log, book: &BookId, writer: &WriterId, seq: u64) -> Outcome<EntryRecord> {
    match log.get(&key::entry(book, writer, seq))? {
        Some(value) => decode(value.value()),
        None => Err(StoreError::Damaged(format!(
            "book {book}, writer {writer}: the entry at {seq} is missing, an index names it"
        ))
        .into()),
    }
}

fn insert(log: &mut Table<'_, &EntryKey, &[u8]>, stored: Stored) -> Outcome<()> {
    let place = key::entry(&stored.book, &stored.writer, stored.seq);
    log.insert(&place, encode(&EntryRecord::from(stored))?.as_slice())?;
    Ok(())
}

type Place = (BookId, WriterId, u64);

fn last_in(log: &impl Log, least: &EntryKey, greatest: &EntryKey) -> Outcome<Option<Place>> {
    let last = log
        .range::<&EntryKey>(least..=greatest)?
        .next_back()
        .transpose()?;
    Ok(last.map(|(found, _)| key::split_entry(found.value())))
}

fn last_below(log: &impl Log, least: &EntryKey, bound: &EntryKey) -> Outcome<Option<Place>> {
    let last = log
        .range::<&EntryKey>(least..bound)?
        .next_back()
        .transpose()?;
    Ok(last.map(|(found, _)| key::split_entry(found.value())))
}

/// The position after `seq`, which no chain that counts from 0 can lack.
fn after(seq: u64) -> Outcome<u64> {
    let damaged = || StoreError::Damaged("a chain ends at position 2^64 - 1".to_owned());
    Ok(seq.checked_add(1).ok_or_else(damaged)?)
}
