//! A store that fails when a test tells it to, around any store that works.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use core_nostd::ids::{BookId, Handle, WriterId};

use super::{Appended, Intent, NextPlace, Put, Result, Store, StoreError};
use crate::{
    keys::{ApiKey, KeyId},
    ledger::{Account, AccountSum, At, Book, ChainCut, Checkpoint, OpenEntry, Stored},
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no room; nothing is done.
    Full,
    /// Nobody answers, or another is the primary now; nothing is done.
    Unavailable,
    /// All is done and durable, but nobody is told.
    Unacknowledged,
    /// The first half of the entries of an append is stored, and nobody is told. Other calls fail
    /// as if [`Fault::Unavailable`].
    Half,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Full,
        Self::Unavailable,
        Self::Unacknowledged,
        Self::Half,
    ];

    fn error(self) -> StoreError {
        match self {
            Self::Full => StoreError::Full("a test says so".to_owned()),
            _ => StoreError::Unavailable("a test says so".to_owned()),
        }
    }
}

/// Says of each call by its number, from 0, whether it fails.
type Plan = Box<dyn FnMut(u64) -> Option<Fault> + Send>;

/// When the store fails; shared by the store and the test.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<State>>);

struct State {
    plan: Plan,
    calls: u64,
    failed: u64,
}

impl Default for Faults {
    /// Never.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            plan: Box::new(|_| None),
            calls: 0,
            failed: 0,
        })))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faults({} failed)", self.failed())
    }
}

impl Faults {
    /// From now on calls fail as `plan` says; they are counted anew.
    pub fn plan(&self, plan: impl FnMut(u64) -> Option<Fault> + Send + 'static) {
        *self.state() = State {
            plan: Box::new(plan),
            calls: 0,
            failed: 0,
        };
    }

    /// How many calls have failed since the last plan.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.state().failed
    }

    fn next(&self) -> Option<Fault> {
        let state = &mut *self.state();
        let fault = (state.plan)(state.calls);
        state.calls += 1;
        state.failed += u64::from(fault.is_some());
        fault
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store.
#[derive(Debug)]
pub struct FaultyStore<S> {
    store: S,
    faults: Faults,
}

impl<S: Store> FaultyStore<S> {
    /// A store that works but for these faults.
    pub fn new(store: S, faults: Faults) -> Self {
        Self { store, faults }
    }

    async fn call<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.faults.next() {
            None => work.await,
            Some(fault @ Fault::Unacknowledged) => {
                work.await?;
                Err(fault.error())
            }
            Some(fault) => Err(fault.error()),
        }
    }

    /// A call with a list, of which it may do half.
    async fn call_with<'a, E, T, W>(
        &'a self,
        list: &'a [E],
        work: impl Fn(&'a S, &'a [E]) -> W,
    ) -> Result<T>
    where
        W: Future<Output = Result<T>>,
    {
        let work = |list| work(&self.store, list);
        match self.faults.next() {
            None => work(list).await,
            Some(fault @ Fault::Unacknowledged) => {
                work(list).await?;
                Err(fault.error())
            }
            Some(fault @ Fault::Half) => {
                work(&list[..list.len() / 2]).await?;
                Err(fault.error())
            }
            Some(fault) => Err(fault.error()),
        }
    }
}

/// Methods that may fail instead.
macro_rules! fallible {
    ($($method:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {$(
        async fn $method(&self, $($argument: $kind),*) -> Result<$answer> {
            self.call(self.store.$method($($argument),*)).await
        }
    )*};
}

impl<S: Store> Store for FaultyStore<S> {
    fallible! {
        put_book(book: &Book) -> Put;
        book(id: &BookId) -> Option<Book>;
        books() -> Vec<Book>;
        put_account(account: &Account) -> Put;
        account(book: &BookId, handle: &Handle) -> Option<Account>;
        accounts(book: &BookId, after: Option<&Handle>, limit: usize) -> Vec<Account>;
        heads(book: &BookId) -> Vec<(WriterId, u64)>;
        next_place(book: &BookId, writer: &WriterId, account: &Handle) -> NextPlace;
        entries(book: &BookId, writer: &WriterId, from: u64, limit: usize) -> Vec<Stored>;
        account_entries(
            book: &BookId,
            account: &Handle,
            after: &[(WriterId, u64)]
        ) -> Vec<Stored>;
        put_cut(book: &BookId, cut: &ChainCut) -> Put;
        cuts(book: &BookId) -> Vec<ChainCut>;
        last_cut(book: &BookId, writer: &WriterId, at: At) -> Option<ChainCut>;
        put_checkpoints(new: &[Checkpoint]) -> ();
        last_checkpoint(book: &BookId, writer: &WriterId, at_most: u64) -> Option<Checkpoint>;
        checkpoints(
            book: &BookId,
            writer: &WriterId,
            from: u64,
            limit: usize
        ) -> Vec<Checkpoint>;
        account_sum(book: &BookId, account: &Handle) -> Option<AccountSum>;
        move_account_sum(old_count: u64, new: &AccountSum) -> bool;
        account_sums(book: &BookId, after: Option<&Handle>, limit: usize) -> Vec<AccountSum>;
        forget_sums(book: &BookId) -> ();
        put_statement(book: &BookId, json: &str) -> Put;
        statements(book: &BookId) -> Vec<String>;
        begin(key: &str, intent: &Intent) -> Intent;
        put_key(key: &ApiKey) -> Put;
        key(id: &KeyId) -> Option<ApiKey>;
        keys() -> Vec<ApiKey>;
        revoke_key(id: &KeyId, now_ms: u64) -> Option<ApiKey>;
        ping() -> ();
    }

    async fn append(&self, entries: &[Stored]) -> Result<Vec<Appended>> {
        self.call_with(entries, |store, entries| store.append(entries))
            .await
    }

    async fn append_open(
        &self,
        book: &BookId,
        writer: &WriterId,
        entries: &[OpenEntry],
        arrived_ms: u64,
    ) -> Result<Vec<(u64, Put)>> {
        self.call_with(entries, |store, entries| {
            store.append_open(book, writer, entries, arrived_ms)
        })
        .await
    }
}
