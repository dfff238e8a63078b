//! Everything in redb but entries: books, accounts, cuts, statements, intents, and what the ledger
//! is.

use core_nostd::ids::{BookId, Handle, WriterId};
use redb::{
    Key, ReadTransaction, ReadableTable, Table, TableDefinition, TableHandle, WriteTransaction,
};
use serde::{Serialize, de::DeserializeOwned};

use super::file::Outcome;
use crate::{
    ledger::{Account, At, Book, ChainCut},
    store::{
        INTENT_LIFE_MS, Intent, Put, StoreError,
        key::{self, AccountKey, EntryKey, StatementKey},
        record::{AccountRecord, BookRecord, CutRecord, IntentRecord},
    },
};

/// "schema" → u32 big-endian, "ledger" → 16 random bytes.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const BOOKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("books");
const ACCOUNTS: TableDefinition<'_, &AccountKey, &[u8]> = TableDefinition::new("accounts");
const CUTS: TableDefinition<'_, &EntryKey, &[u8]> = TableDefinition::new("cuts");
/// (book, number) → JSON.
const STATEMENTS: TableDefinition<'_, &StatementKey, &str> = TableDefinition::new("statements");
/// (book, JSON) → nothing more.
const STATEMENT_TEXTS: TableDefinition<'_, (&[u8; 32], &str), ()> =
    TableDefinition::new("statement texts");
const INTENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("intents");
/// (when it was begun, key of the intent) → nothing more.
const INTENT_TIMES: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("intent times");

/// So many dead intents are removed when one is begun: more than one, so that they get fewer.
const INTENTS_REMOVED_MAX: usize = 16;

/// The bytes of a record.
pub fn encode<R: Serialize>(record: &R) -> Outcome<Vec<u8>> {
    let unfit = |error| StoreError::Unavailable(format!("a record can't be encoded: {error}"));
    Ok(postcard::to_allocvec(record).map_err(unfit)?)
}

/// The record of these bytes.
pub fn decode<R: DeserializeOwned>(bytes: &[u8]) -> Outcome<R> {
    let damaged = |error| StoreError::Damaged(format!("a record can't be decoded: {error}"));
    Ok(postcard::from_bytes(bytes).map_err(damaged)?)
}

/// Makes sure that the tables are there.
pub fn create_tables(txn: &WriteTransaction) -> Outcome<()> {
    txn.open_table(BOOKS)?;
    txn.open_table(ACCOUNTS)?;
    txn.open_table(CUTS)?;
    txn.open_table(STATEMENTS)?;
    txn.open_table(STATEMENT_TEXTS)?;
    txn.open_table(INTENTS)?;
    txn.open_table(INTENT_TIMES)?;
    Ok(())
}

/// Schema and identifier of the ledger; none in a new file.
pub fn meta(txn: &WriteTransaction) -> Outcome<Option<(u32, [u8; 16])>> {
    if txn.list_tables()?.next().is_none() {
        return Ok(None);
    }
    if !txn.list_tables()?.any(|table| table.name() == META.name()) {
        let foreign = "the file is a redb database, but not a ledger";
        return Err(StoreError::Damaged(foreign.to_owned()).into());
    }
    let table = txn.open_table(META)?;
    let (schema, ledger_id) = (table.get("schema")?, table.get("ledger")?);
    let schema = schema
        .and_then(|bytes| bytes.value().try_into().ok())
        .map(u32::from_be_bytes);
    let ledger_id = ledger_id.and_then(|bytes| bytes.value().try_into().ok());
    match schema.zip(ledger_id) {
        Some(meta) => Ok(Some(meta)),
        None => Err(StoreError::Damaged("the ledger does not say what it is".to_owned()).into()),
    }
}

/// Writes what the ledger is.
pub fn put_meta(txn: &WriteTransaction, schema: u32, ledger_id: &[u8; 16]) -> Outcome<()> {
    let mut table = txn.open_table(META)?;
    table.insert("schema", schema.to_be_bytes().as_slice())?;
    table.insert("ledger", ledger_id.as_slice())?;
    Ok(())
}

/// [`crate::store::Store::put_book`].
pub fn put_book(txn: &WriteTransaction, book: &Book) -> Outcome<Put> {
    let value = encode(&BookRecord::from(book))?;
    put(&mut txn.open_table(BOOKS)?, &book.id().0, &value, |old| {
        Ok(old == value)
    })
}

/// [`crate::store::Store::book`].
pub fn book(txn: &ReadTransaction, id: &BookId) -> Outcome<Option<Book>> {
    let Some(value) = txn.open_table(BOOKS)?.get(&id.0)? else {
        return Ok(None);
    };
    Ok(Some(decode::<BookRecord>(value.value())?.into_book(id)?))
}

/// [`crate::store::Store::books`].
pub fn books(txn: &ReadTransaction) -> Outcome<Vec<Book>> {
    let mut books = Vec::new();
    for found in txn.open_table(BOOKS)?.iter()? {
        let (id, value) = found?;
        books.push(decode::<BookRecord>(value.value())?.into_book(&BookId(*id.value()))?);
    }
    books.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(books)
}

/// [`crate::store::Store::put_account`].
pub fn put_account(txn: &WriteTransaction, account: &Account) -> Outcome<Put> {
    let place = key::account(&account.book, &account.handle);
    let value = encode(&AccountRecord::from(account))?;
    put(&mut txn.open_table(ACCOUNTS)?, &place, &value, |old| {
        Ok(old == value)
    })
}

/// [`crate::store::Store::account`].
pub fn account(txn: &ReadTransaction, book: &BookId, handle: &Handle) -> Outcome<Option<Account>> {
    match txn.open_table(ACCOUNTS)?.get(&key::account(book, handle))? {
        Some(value) => {
            let record: AccountRecord = decode(value.value())?;
            Ok(Some(record.into_account(book, handle)))
        }
        None => Ok(None),
    }
}

/// [`crate::store::Store::accounts`].
pub fn accounts(
    txn: &ReadTransaction,
    book: &BookId,
    after: Option<&Handle>,
    limit: usize,
) -> Outcome<Vec<Account>> {
    let least = after.map_or(key::first(&[&book.0]), |after| key::account(book, after));
    let greatest = key::last(&[&book.0]);
    let mut accounts = Vec::new();
    for found in txn
        .open_table(ACCOUNTS)?
        .range::<&AccountKey>(&least..=&greatest)?
    {
        let (place, value) = found?;
        let handle = key::handle(place.value());
        if accounts.len() == limit {
            break;
        }
        if after != Some(&handle) {
            accounts.push(decode::<AccountRecord>(value.value())?.into_account(book, &handle));
        }
    }
    Ok(accounts)
}

/// [`crate::store::Store::put_cut`].
pub fn put_cut(txn: &WriteTransaction, book: &BookId, cut: &ChainCut) -> Outcome<Put> {
    let place = key::entry(book, &cut.writer, cut.position);
    let record = CutRecord::from(cut);
    put(
        &mut txn.open_table(CUTS)?,
        &place,
        &encode(&record)?,
        |old| Ok(decode::<CutRecord>(old)?.same(&record)),
    )
}

/// [`crate::store::Store::last_cut`].
pub fn last_cut(
    txn: &ReadTransaction,
    book: &BookId,
    writer: &WriterId,
    at: At,
) -> Outcome<Option<ChainCut>> {
    let parts: [&[u8]; 2] = [&book.0, &writer.0];
    let (least, greatest) = (key::first(&parts), key::last(&parts));
    let table = txn.open_table(CUTS)?;
    let cuts = table.range::<&EntryKey>(&least..=&greatest)?;
    let cut = |(place, value): (
        redb::AccessGuard<'_, &EntryKey>,
        redb::AccessGuard<'_, &[u8]>,
    )| {
        let record: CutRecord = decode(value.value())?;
        Ok(record.into_cut(*writer, key::position(place.value())))
    };
    match at {
        At::Number(last) => {
            let reached = usize::try_from(last).unwrap_or(usize::MAX);
            cuts.take(reached)
                .last()
                .map(|found| cut(found?))
                .transpose()
        }
        At::Latest | At::Time(_) => {
            for found in cuts.rev() {
                let cut = cut(found?)?;
                if !matches!(at, At::Time(last) if cut.arrived_ms > last) {
                    return Ok(Some(cut));
                }
            }
            Ok(None)
        }
    }
}

/// [`crate::store::Store::cuts`].
pub fn cuts(txn: &ReadTransaction, book: &BookId) -> Outcome<Vec<ChainCut>> {
    let (least, greatest) = (key::first(&[&book.0]), key::last(&[&book.0]));
    let mut cuts = Vec::new();
    for found in txn
        .open_table(CUTS)?
        .range::<&EntryKey>(&least..=&greatest)?
    {
        let (place, value) = found?;
        let (_, writer, position) = key::split_entry(place.value());
        cuts.push(decode::<CutRecord>(value.value())?.into_cut(writer, position));
    }
    Ok(cuts)
}

/// [`crate::store::Store::put_statement`].
pub fn put_statement(txn: &WriteTransaction, book: &BookId, json: &str) -> Outcome<Put> {
    if txn
        .open_table(STATEMENT_TEXTS)?
        .insert((&book.0, json), ())?
        .is_some()
    {
        return Ok(Put::Already);
    }
    let mut statements = txn.open_table(STATEMENTS)?;
    let (least, greatest) = (key::first(&[&book.0]), key::last(&[&book.0]));
    let last = statements
        .range::<&StatementKey>(&least..=&greatest)?
        .next_back()
        .transpose()?;
    let number = last.map_or(0, |(place, _)| key::position(place.value()) + 1);
    statements.insert(&key::statement(book, number), json)?;
    Ok(Put::Stored)
}

/// [`crate::store::Store::statements`].
pub fn statements(txn: &ReadTransaction, book: &BookId) -> Outcome<Vec<String>> {
    let (least, greatest) = (key::first(&[&book.0]), key::last(&[&book.0]));
    let table = txn.open_table(STATEMENTS)?;
    let texts = table.range::<&StatementKey>(&least..=&greatest)?;
    Ok(texts
        .map(|found| Ok(found?.1.value().to_owned()))
        .collect::<redb::Result<_>>()?)
}

/// [`crate::store::Store::begin`].
pub fn begin(txn: &WriteTransaction, key: &str, intent: &Intent) -> Outcome<Intent> {
    let mut intents = txn.open_table(INTENTS)?;
    let mut times = txn.open_table(INTENT_TIMES)?;
    let old = match intents.get(key)? {
        Some(value) => Some(Intent::from(decode::<IntentRecord>(value.value())?)),
        None => None,
    };
    if let Some(old) = old {
        if old.is_alive(intent.begun_ms) {
            return Ok(old);
        }
        times.remove((old.begun_ms, key))?;
    }
    remove_dead(&mut intents, &mut times, intent.begun_ms)?;
    intents.insert(key, encode(&IntentRecord::from(intent))?.as_slice())?;
    times.insert((intent.begun_ms, key), ())?;
    Ok(*intent)
}

fn remove_dead(
    intents: &mut Table<'_, &str, &[u8]>,
    times: &mut Table<'_, (u64, &str), ()>,
    now_ms: u64,
) -> Outcome<()> {
    let Some(born_before) = now_ms.checked_sub(INTENT_LIFE_MS) else {
        return Ok(());
    };
    let dead = times
        .range(..(born_before, ""))?
        .take(INTENTS_REMOVED_MAX)
        .map(|found| Ok(found?.0.value()).map(|(begun_ms, key)| (begun_ms, key.to_owned())))
        .collect::<redb::Result<Vec<_>>>()?;
    for (begun_ms, key) in dead {
        times.remove((begun_ms, key.as_str()))?;
        intents.remove(key.as_str())?;
    }
    Ok(())
}

/// Puts `value` under `place` unless something is there, and compares it if so.
pub fn put<K: Key>(
    table: &mut Table<'_, K, &[u8]>,
    place: K::SelfType<'_>,
    value: &[u8],
    same: impl FnOnce(&[u8]) -> Outcome<bool>,
) -> Outcome<Put> {
    if let Some(old) = table.get(&place)? {
        return Ok(if same(old.value())? {
            Put::Already
        } else {
            Put::Conflict
        });
    }
    table.insert(place, value)?;
    Ok(Put::Stored)
}
