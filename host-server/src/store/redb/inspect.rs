//! Inspection of the file: the log, and the two indexes beside it.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::{
    RedbStore,
    entries::{ACCOUNT_ENTRIES, ENTRIES, OPEN_ENTRIES},
    file::{Fault, Outcome},
    others::decode,
};
use crate::{
    ledger::{Body, Stored},
    store::{
        Result,
        inspect::{Flaw, Found, Inspect, Place},
        key::{self, EntryKey},
        record::EntryRecord,
    },
};

impl Inspect for RedbStore {
    async fn scan(&self, from: Place, limit: usize) -> Result<Vec<Found>> {
        self.read(move |txn| scan(txn, from, limit)).await
    }

    async fn strays(&self) -> Result<Vec<Place>> {
        self.read(strays).await
    }

    async fn reindex(&self) -> Result<()> {
        self.write(reindex).await
    }
}

fn scan(txn: &ReadTransaction, from: Place, limit: usize) -> Outcome<Vec<Found>> {
    let log = txn.open_table(ENTRIES)?;
    let by_account = txn.open_table(ACCOUNT_ENTRIES)?;
    let by_id = txn.open_table(OPEN_ENTRIES)?;
    let from = key::entry(&from.0, &from.1, from.2);
    let mut found = Vec::new();
    for record in log.range::<&EntryKey>(&from..)?.take(limit) {
        let (place, value) = record?;
        let place = key::split_entry(place.value());
        let (mut entry, mut flaws) = (None, Vec::new());
        match read(value.value()) {
            None => flaws.push(Flaw::Unreadable),
            Some(record) => {
                if !record.is_intact(place) {
                    flaws.push(Flaw::Altered);
                }
                let stored = record.into_stored(place);
                let (book, writer, seq) = place;
                let is_indexed = match &stored.body {
                    Body::Authenticated { account, .. } => {
                        let row = key::account_entry(&book, account, &writer, seq);
                        by_account.get(&row)?.is_some()
                    }
                    Body::Open { entry } => {
                        let row = by_id.get(&key::open(&book, &writer, entry))?;
                        row.is_some_and(|row| row.value() == seq)
                    }
                };
                if !is_indexed {
                    flaws.push(Flaw::NotIndexed);
                }
                entry = Some(stored);
            }
        }
        found.push(Found {
            place,
            entry,
            flaws,
        });
    }
    Ok(found)
}

/// The record, if it is one.
fn read(bytes: &[u8]) -> Option<EntryRecord> {
    decode(bytes).ok()
}

fn strays(txn: &ReadTransaction) -> Outcome<Vec<Place>> {
    let log = txn.open_table(ENTRIES)?;
    let entry = |place: Place| -> Outcome<Option<Stored>> {
        let (book, writer, seq) = place;
        let value = log.get(&key::entry(&book, &writer, seq))?;
        let record = value.and_then(|value| read(value.value()));
        Ok(record.map(|record| record.into_stored(place)))
    };
    let mut strays = Vec::new();
    for row in txn.open_table(ACCOUNT_ENTRIES)?.iter()? {
        let row = *row?.0.value();
        let place = key::split_entry(&key::entry_of_account_entry(&row));
        let account = key::account_of_account_entry(&row);
        if entry(place)?.is_none_or(|stored| stored.account() != Some(&account)) {
            strays.push(place);
        }
    }
    for row in txn.open_table(OPEN_ENTRIES)?.iter()? {
        let (row, seq) = row?;
        let (book, writer, _) = key::split_entry(&key::entry_of_open(row.value(), seq.value()));
        let body = Body::Open {
            entry: key::open_id(row.value()),
        };
        let place = (book, writer, seq.value());
        if entry(place)?.is_none_or(|stored| stored.body != body) {
            strays.push(place);
        }
    }
    Ok(strays)
}

/// In one transaction: a server that is killed meanwhile has the old ones.
fn reindex(txn: &WriteTransaction) -> Outcome<()> {
    txn.delete_table(ACCOUNT_ENTRIES)?;
    txn.delete_table(OPEN_ENTRIES)?;
    let log = txn.open_table(ENTRIES)?;
    let mut by_account = txn.open_table(ACCOUNT_ENTRIES)?;
    let mut by_id = txn.open_table(OPEN_ENTRIES)?;
    for record in log.iter()? {
        let (place, value) = record?;
        let place = key::split_entry(place.value());
        let (book, writer, seq) = place;
        let record: EntryRecord = decode(value.value()).map_err(|_| unreadable(place))?;
        match record.into_stored(place).body {
            Body::Authenticated { account, .. } => {
                by_account.insert(&key::account_entry(&book, &account, &writer, seq), ())?;
            }
            Body::Open { entry } => {
                by_id.insert(&key::open(&book, &writer, &entry), seq)?;
            }
        }
    }
    Ok(())
}

fn unreadable((book, writer, seq): Place) -> Fault {
    use crate::store::StoreError::Damaged;
    let flaw = Flaw::Unreadable;
    Damaged(format!("book {book}, writer {writer}, seq {seq}: {flaw}")).into()
}
