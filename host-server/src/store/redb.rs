//! The embedded store: the whole ledger in one file, nothing to install. The file is locked while
//! it is open; a second server is refused.
//!
//! Every read has a read transaction, that is one snapshot, of its own. Writes go through one
//! thread (`redb/writer.rs`) that commits together what arrived during the last commit.

use std::{io, path::Path, sync::Arc};

use core_nostd::ids::{BookId, Handle, WriterId};
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};

use self::{
    file::{File, Outcome},
    writer::Writer,
};
use super::{Appended, Intent, NextPlace, Put, Result, SCHEMA, Store, StoreError};
use crate::{
    keys::{ApiKey, KeyId},
    ledger::{Account, AccountSum, At, Book, ChainCut, Checkpoint, OpenEntry, Stored},
};

mod entries;
mod file;
mod inspect;
mod keys;
mod others;
mod sums;
#[cfg(test)]
mod tests;
mod writer;

/// A ledger in one file. Dropping it finishes what was begun and closes the file.
#[derive(Debug)]
pub struct RedbStore {
    writer: Writer,
    file: Arc<File>,
    ledger_id: [u8; 16],
}

impl RedbStore {
    /// Opens the ledger in the file at `path`, and creates it if there is none. After a crash the
    /// file is put in order first. Blocks the thread meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file is in use or can't be opened,
    /// [`StoreError::Damaged`] if it is not a ledger, [`StoreError::Schema`] if another version of
    /// this server wrote it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let name = path.display().to_string();
        Self::open_with(name, move || {
            file::discard_unfinished(&path)?;
            Database::create(&path)
        })
    }

    fn open_with(
        name: String,
        open: impl Fn() -> std::result::Result<Database, DatabaseError> + Send + Sync + 'static,
    ) -> Result<Self> {
        let file = Arc::new(File::new(name, open));
        let ledger_id = file.with(initialise)?;
        let writer = Writer::start(file.clone()).map_err(|error| no_thread(&error))?;
        Ok(Self {
            writer,
            file,
            ledger_id,
        })
    }

    /// The random identifier that this ledger got when it was created.
    #[must_use]
    pub fn ledger_id(&self) -> [u8; 16] {
        self.ledger_id
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let file = self.file.clone();
        let reading = move || file.with(|database| work(&database.begin_read()?));
        tokio::task::spawn_blocking(reading)
            .await
            .map_err(|error| StoreError::Unavailable(format!("a read was given up: {error}")))?
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.write(work).await
    }
}

fn no_thread(error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("no thread for the store's writer: {error}"))
}

/// Checks the schema, or writes it into a new file, and gives the ledger's identifier.
fn initialise(database: &Database) -> Outcome<[u8; 16]> {
    let txn = file::begin_write(database)?;
    let ledger_id = match others::meta(&txn)? {
        Some((schema, ledger_id)) if schema == SCHEMA => ledger_id,
        Some((found, _)) => {
            return Err(StoreError::Schema {
                found: found.to_string(),
                expected: SCHEMA,
            }
            .into());
        }
        None => {
            let mut ledger_id = [0; 16];
            getrandom::fill(&mut ledger_id)
                .map_err(|error| StoreError::Unavailable(format!("no randomness: {error}")))?;
            others::put_meta(&txn, SCHEMA, &ledger_id)?;
            ledger_id
        }
    };
    entries::create_tables(&txn)?;
    others::create_tables(&txn)?;
    keys::create_table(&txn)?;
    sums::create_tables(&txn)?;
    txn.commit()?;
    Ok(ledger_id)
}

impl Store for RedbStore {
    async fn put_book(&self, book: &Book) -> Result<Put> {
        let book = book.clone();
        self.write(move |txn| others::put_book(txn, &book)).await
    }

    async fn book(&self, id: &BookId) -> Result<Option<Book>> {
        let id = *id;
        self.read(move |txn| others::book(txn, &id)).await
    }

    async fn books(&self) -> Result<Vec<Book>> {
        self.read(others::books).await
    }

    async fn put_account(&self, account: &Account) -> Result<Put> {
        let account = account.clone();
        self.write(move |txn| others::put_account(txn, &account))
            .await
    }

    async fn account(&self, book: &BookId, handle: &Handle) -> Result<Option<Account>> {
        let (book, handle) = (*book, *handle);
        self.read(move |txn| others::account(txn, &book, &handle))
            .await
    }

    async fn accounts(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> Result<Vec<Account>> {
        let (book, after) = (*book, after.copied());
        self.read(move |txn| others::accounts(txn, &book, after.as_ref(), limit))
            .await
    }

    async fn append(&self, entries: &[Stored]) -> Result<Vec<Appended>> {
        let entries = entries.to_vec();
        self.write(move |txn| entries::append(txn, &entries)).await
    }

    async fn append_open(
        &self,
        book: &BookId,
        writer: &WriterId,
        entries: &[OpenEntry],
        arrived_ms: u64,
    ) -> Result<Vec<(u64, Put)>> {
        let (book, writer, entries) = (*book, *writer, entries.to_vec());
        self.write(move |txn| entries::append_open(txn, &book, &writer, &entries, arrived_ms))
            .await
    }

    async fn heads(&self, book: &BookId) -> Result<Vec<(WriterId, u64)>> {
        let book = *book;
        self.read(move |txn| entries::heads(txn, &book)).await
    }

    async fn next_place(
        &self,
        book: &BookId,
        writer: &WriterId,
        account: &Handle,
    ) -> Result<NextPlace> {
        let (book, writer, account) = (*book, *writer, *account);
        self.read(move |txn| entries::next_place(txn, &book, &writer, &account))
            .await
    }

    async fn entries(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Stored>> {
        let (book, writer) = (*book, *writer);
        self.read(move |txn| entries::entries(txn, &book, &writer, from, limit))
            .await
    }

    async fn account_entries(
        &self,
        book: &BookId,
        account: &Handle,
        after: &[(WriterId, u64)],
    ) -> Result<Vec<Stored>> {
        let (book, account, after) = (*book, *account, after.to_vec());
        self.read(move |txn| entries::account_entries(txn, &book, &account, &after))
            .await
    }

    async fn put_cut(&self, book: &BookId, cut: &ChainCut) -> Result<Put> {
        let (book, cut) = (*book, *cut);
        self.write(move |txn| others::put_cut(txn, &book, &cut))
            .await
    }

    async fn last_cut(&self, book: &BookId, writer: &WriterId, at: At) -> Result<Option<ChainCut>> {
        let (book, writer) = (*book, *writer);
        self.read(move |txn| others::last_cut(txn, &book, &writer, at))
            .await
    }

    async fn cuts(&self, book: &BookId) -> Result<Vec<ChainCut>> {
        let book = *book;
        self.read(move |txn| others::cuts(txn, &book)).await
    }

    async fn put_checkpoints(&self, new: &[Checkpoint]) -> Result<()> {
        let new = new.to_vec();
        self.write(move |txn| sums::put_checkpoints(txn, &new))
            .await
    }

    async fn last_checkpoint(
        &self,
        book: &BookId,
        writer: &WriterId,
        at_most: u64,
    ) -> Result<Option<Checkpoint>> {
        let (book, writer) = (*book, *writer);
        self.read(move |txn| sums::last_checkpoint(txn, &book, &writer, at_most))
            .await
    }

    async fn checkpoints(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>> {
        let (book, writer) = (*book, *writer);
        self.read(move |txn| sums::checkpoints(txn, &book, &writer, from, limit))
            .await
    }

    async fn account_sum(&self, book: &BookId, account: &Handle) -> Result<Option<AccountSum>> {
        let (book, account) = (*book, *account);
        self.read(move |txn| sums::account_sum(txn, &book, &account))
            .await
    }

    async fn move_account_sum(&self, old_count: u64, new: &AccountSum) -> Result<bool> {
        let new = new.clone();
        self.write(move |txn| sums::move_account_sum(txn, old_count, &new))
            .await
    }

    async fn account_sums(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> Result<Vec<AccountSum>> {
        let (book, after) = (*book, after.copied());
        self.read(move |txn| sums::account_sums(txn, &book, after.as_ref(), limit))
            .await
    }

    async fn forget_sums(&self, book: &BookId) -> Result<()> {
        let book = *book;
        self.write(move |txn| sums::forget_sums(txn, &book)).await
    }

    async fn put_statement(&self, book: &BookId, json: &str) -> Result<Put> {
        let (book, json) = (*book, json.to_owned());
        self.write(move |txn| others::put_statement(txn, &book, &json))
            .await
    }

    async fn statements(&self, book: &BookId) -> Result<Vec<String>> {
        let book = *book;
        self.read(move |txn| others::statements(txn, &book)).await
    }

    async fn begin(&self, key: &str, intent: &Intent) -> Result<Intent> {
        let (key, intent) = (key.to_owned(), *intent);
        self.write(move |txn| others::begin(txn, &key, &intent))
            .await
    }

    async fn put_key(&self, key: &ApiKey) -> Result<Put> {
        let key = key.clone();
        self.write(move |txn| keys::put(txn, &key)).await
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>> {
        let id = *id;
        self.read(move |txn| keys::get(txn, &id)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>> {
        self.read(keys::all).await
    }

    async fn revoke_key(&self, id: &KeyId, now_ms: u64) -> Result<Option<ApiKey>> {
        let id = *id;
        self.write(move |txn| keys::revoke(txn, &id, now_ms)).await
    }

    async fn ping(&self) -> Result<()> {
        self.read(|_| Ok(())).await
    }
}
