//! The ledger in MongoDB, for deployments of several servers. It needs a replica set, of one member
//! if need be; MongoDB 6.0 or later.
//!
//! Every write is one document, acknowledged by a majority and journaled. Nothing is cached: any
//! number of servers may share a database, and a chain is fenced by the `_id`s of its entries alone
//! (`mongo/append.rs`). Reads go to the primary and see only what a majority has; where an answer
//! comes from several documents they are read from one snapshot.
//!
//! A primary that was cut off from the others may, until it notices, answer reads with what it last
//! knew; it can't acknowledge a write.
//!
//! Every collection can be sharded: each query names the shard key, ranges of `_id` for all but
//! statements and intents (`setup.rs`), so that only those shards are asked that have the answer.

use std::{fmt, future::Future, time::Duration};

use core_nostd::ids::{BookId, Handle, WriterId};
use mongodb::{
    Client, ClientSession, Collection, Database,
    bson::doc,
    options::{ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use tokio::time;

use self::{
    append::Lanes,
    document::{EntryDocument, IntentDocument, OpenIdDocument, Row, StatementDocument},
};
use super::{
    Appended, Intent, NextPlace, Put, Result, Store, StoreError,
    record::{AccountRecord, AccountSumRecord, BookRecord, CheckpointRecord, CutRecord, KeyRecord},
};
use crate::{
    keys::{ApiKey, KeyId},
    ledger::{Account, AccountSum, At, Book, ChainCut, Checkpoint, OpenEntry, Stored},
};

mod append;
mod document;
mod entries;
mod error;
mod inspect;
mod keys;
mod open;
mod others;
mod setup;
mod sums;

/// The database's name unless the URI has one.
const DATABASE_DEFAULT: &str = "tallystick";
/// How long to look for a primary.
const SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the members may take to confirm a write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(8);
/// After so long every operation is given up.
const DEADLINE: Duration = Duration::from_secs(10);

/// A ledger in a MongoDB database.
#[derive(Clone)]
pub struct MongoStore {
    client: Client,
    database: Database,
    books: Collection<Row<BookRecord>>,
    accounts: Collection<Row<AccountRecord>>,
    entries: Collection<EntryDocument>,
    open_ids: Collection<OpenIdDocument>,
    cuts: Collection<Row<CutRecord>>,
    checkpoints: Collection<Row<CheckpointRecord>>,
    account_sums: Collection<Row<AccountSumRecord>>,
    statements: Collection<StatementDocument>,
    intents: Collection<IntentDocument>,
    keys: Collection<Row<KeyRecord>>,
    lanes: Lanes,
    ledger_id: [u8; 16],
}

impl MongoStore {
    /// Connects to the database that the URI names, or to `tallystick` if it names none, and
    /// creates the ledger there if there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the URI is wrong, no primary answers, or it is not a replica
    /// set; [`StoreError::Schema`] if another version of this server made the ledger.
    pub async fn connect(uri: &str) -> Result<Self> {
        within(async {
            let mut options = ClientOptions::parse(uri).await?;
            options.app_name = Some("tallystick".to_owned());
            options.server_selection_timeout = Some(SELECTION_TIMEOUT);
            options.retry_reads = Some(true);
            options.retry_writes = Some(true);
            options.selection_criteria =
                Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
            options.read_concern = Some(ReadConcern::majority());
            let mut durable = WriteConcern::majority();
            durable.journal = Some(true);
            durable.w_timeout = Some(WRITE_TIMEOUT);
            options.write_concern = Some(durable);
            let name = options.default_database.clone();
            let client = Client::with_options(options)?;
            let database = client.database(name.as_deref().unwrap_or(DATABASE_DEFAULT));
            let ledger_id = setup::prepare(&database).await?;
            Ok(Self::new(client, database, ledger_id))
        })
        .await
    }

    fn new(client: Client, database: Database, ledger_id: [u8; 16]) -> Self {
        Self {
            client,
            books: database.collection("books"),
            accounts: database.collection("accounts"),
            entries: database.collection(setup::ENTRIES),
            open_ids: database.collection(setup::OPEN_IDS),
            cuts: database.collection("cuts"),
            checkpoints: database.collection("checkpoints"),
            account_sums: database.collection("account_sums"),
            statements: database.collection(setup::STATEMENTS),
            intents: database.collection(setup::INTENTS),
            keys: database.collection("keys"),
            database,
            lanes: Lanes::default(),
            ledger_id,
        }
    }

    /// The random identifier that this ledger got when it was created.
    #[must_use]
    pub fn ledger_id(&self) -> [u8; 16] {
        self.ledger_id
    }

    /// A session in which a read waits until a majority has everything that the operations before
    /// it met, for instance the document that an insert collided with.
    async fn causal_session(&self) -> Result<ClientSession> {
        Ok(self.client.start_session().causal_consistency(true).await?)
    }

    /// A session whose reads all see the same moment: the latest that a majority has when the first
    /// of them begins. Reads in it have to ask for [`ReadConcern::snapshot`].
    async fn snapshot_session(&self) -> Result<ClientSession> {
        Ok(self.client.start_session().snapshot(true).await?)
    }
}

impl fmt::Debug for MongoStore {
    /// The client knows a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoStore({:?})", self.database.name())
    }
}

/// Does some work before the deadline, or says that the database did not answer.
async fn within<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| StoreError::Unavailable(format!("no answer within {DEADLINE:?}"));
    time::timeout(DEADLINE, work).await.map_err(late)?
}

impl Store for MongoStore {
    async fn put_book(&self, book: &Book) -> Result<Put> {
        within(self.put_book(book)).await
    }

    async fn book(&self, id: &BookId) -> Result<Option<Book>> {
        within(self.find_book(id)).await
    }

    async fn books(&self) -> Result<Vec<Book>> {
        within(self.find_books()).await
    }

    async fn put_account(&self, account: &Account) -> Result<Put> {
        within(self.put_account(account)).await
    }

    async fn account(&self, book: &BookId, handle: &Handle) -> Result<Option<Account>> {
        within(self.find_account(book, handle)).await
    }

    async fn accounts(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> Result<Vec<Account>> {
        within(self.find_accounts(book, after, limit)).await
    }

    async fn append(&self, entries: &[Stored]) -> Result<Vec<Appended>> {
        within(self.append_run(entries)).await
    }

    async fn append_open(
        &self,
        book: &BookId,
        writer: &WriterId,
        entries: &[OpenEntry],
        arrived_ms: u64,
    ) -> Result<Vec<(u64, Put)>> {
        within(self.append_in_lane((*book, *writer), entries.to_vec(), arrived_ms)).await
    }

    async fn heads(&self, book: &BookId) -> Result<Vec<(WriterId, u64)>> {
        within(self.find_heads(book)).await
    }

    async fn next_place(
        &self,
        book: &BookId,
        writer: &WriterId,
        account: &Handle,
    ) -> Result<NextPlace> {
        within(self.find_next_place(book, writer, account)).await
    }

    async fn entries(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Stored>> {
        within(async {
            let mut session = self.causal_session().await?;
            self.piece(book, writer, from, limit, &mut session).await
        })
        .await
    }

    async fn account_entries(
        &self,
        book: &BookId,
        account: &Handle,
        after: &[(WriterId, u64)],
    ) -> Result<Vec<Stored>> {
        within(self.find_account_entries(book, account, after)).await
    }

    async fn put_cut(&self, book: &BookId, cut: &ChainCut) -> Result<Put> {
        within(self.put_cut(book, cut)).await
    }

    async fn last_cut(&self, book: &BookId, writer: &WriterId, at: At) -> Result<Option<ChainCut>> {
        within(self.find_last_cut(book, writer, at)).await
    }

    async fn cuts(&self, book: &BookId) -> Result<Vec<ChainCut>> {
        within(self.find_cuts(book)).await
    }

    async fn put_checkpoints(&self, new: &[Checkpoint]) -> Result<()> {
        within(self.insert_checkpoints(new)).await
    }

    async fn last_checkpoint(
        &self,
        book: &BookId,
        writer: &WriterId,
        at_most: u64,
    ) -> Result<Option<Checkpoint>> {
        within(self.find_last_checkpoint(book, writer, at_most)).await
    }

    async fn checkpoints(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>> {
        within(self.find_checkpoints(book, writer, from, limit)).await
    }

    async fn account_sum(&self, book: &BookId, account: &Handle) -> Result<Option<AccountSum>> {
        within(self.find_account_sum(book, account)).await
    }

    async fn move_account_sum(&self, old_count: u64, new: &AccountSum) -> Result<bool> {
        within(self.replace_account_sum(old_count, new)).await
    }

    async fn account_sums(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> Result<Vec<AccountSum>> {
        within(self.find_account_sums(book, after, limit)).await
    }

    async fn forget_sums(&self, book: &BookId) -> Result<()> {
        within(self.delete_sums(book)).await
    }

    async fn put_statement(&self, book: &BookId, json: &str) -> Result<Put> {
        within(self.put_statement(book, json)).await
    }

    async fn statements(&self, book: &BookId) -> Result<Vec<String>> {
        within(self.find_statements(book)).await
    }

    async fn begin(&self, key: &str, intent: &Intent) -> Result<Intent> {
        within(self.begin_intent(key, intent)).await
    }

    async fn put_key(&self, key: &ApiKey) -> Result<Put> {
        within(self.put_api_key(key)).await
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>> {
        within(self.find_key(id)).await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>> {
        within(self.find_keys()).await
    }

    async fn revoke_key(&self, id: &KeyId, now_ms: u64) -> Result<Option<ApiKey>> {
        within(self.revoke_api_key(id, now_ms)).await
    }

    async fn ping(&self) -> Result<()> {
        within(async {
            self.database.run_command(doc! { "ping": 1 }).await?;
            Ok(())
        })
        .await
    }
}
