//! The model: what a ledger store does, in maps behind one lock. It forgets everything with the
//! process, which `--store memory:` is for.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use core_nostd::ids::{BookId, Handle, WriterId};

use super::{Appended, Intent, NextPlace, Put, Result, Store, chain, other_sum, record};
use crate::{
    keys::{ApiKey, KeyId},
    ledger::{Account, AccountSum, At, Body, Book, ChainCut, Checkpoint, OpenEntry, Stored},
};

mod inspect;

/// A ledger in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    books: BTreeMap<BookId, Book>,
    accounts: BTreeMap<(BookId, Handle), Account>,
    /// Each with at least one entry; the entry at index `n` has position `n`.
    chains: BTreeMap<(BookId, WriterId), Vec<Stored>>,
    cuts: BTreeMap<(BookId, WriterId, u64), ChainCut>,
    checkpoints: BTreeMap<(BookId, WriterId, u64), Checkpoint>,
    account_sums: BTreeMap<(BookId, Handle), AccountSum>,
    statements: BTreeMap<BookId, Vec<String>>,
    intents: BTreeMap<String, Intent>,
    keys: BTreeMap<KeyId, ApiKey>,
}

impl MemoryStore {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // No method leaves a half-done change behind if it panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// The entries of a chain; none if nobody has written to it.
    fn chain(&self, book: &BookId, writer: &WriterId) -> &[Stored] {
        self.chains
            .get(&(*book, *writer))
            .map_or(&[], Vec::as_slice)
    }

    /// The chains of a book, by writer.
    fn chains(&self, book: &BookId) -> impl Iterator<Item = (WriterId, &Vec<Stored>)> {
        let all = (*book, WriterId([0; 16]))..=(*book, WriterId([0xff; 16]));
        self.chains
            .range(all)
            .map(|((_, writer), chain)| (*writer, chain))
    }

    /// The positions `from..to` of a chain that exist.
    fn piece(&self, book: &BookId, writer: &WriterId, from: u64, len: usize) -> &[Stored] {
        let chain = self.chain(book, writer);
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(chain.len());
        &chain[from..from.saturating_add(len).min(chain.len())]
    }
}

fn next(chain: &[Stored]) -> u64 {
    chain.len() as u64
}

/// Puts `value` under `key` unless something is there, and compares it if so.
fn put<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    same: impl Fn(&V, &V) -> bool,
) -> Put {
    match map.get(&key) {
        Some(old) if same(old, &value) => Put::Already,
        Some(_) => Put::Conflict,
        None => {
            map.insert(key, value);
            Put::Stored
        }
    }
}

impl Store for MemoryStore {
    async fn put_book(&self, book: &Book) -> Result<Put> {
        Ok(put(
            &mut self.ledger().books,
            book.id(),
            book.clone(),
            Book::eq,
        ))
    }

    async fn book(&self, id: &BookId) -> Result<Option<Book>> {
        Ok(self.ledger().books.get(id).cloned())
    }

    async fn books(&self) -> Result<Vec<Book>> {
        let mut books: Vec<_> = self.ledger().books.values().cloned().collect();
        books.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(books)
    }

    async fn put_account(&self, account: &Account) -> Result<Put> {
        let key = (account.book, account.handle);
        Ok(put(
            &mut self.ledger().accounts,
            key,
            account.clone(),
            Account::eq,
        ))
    }

    async fn account(&self, book: &BookId, handle: &Handle) -> Result<Option<Account>> {
        Ok(self.ledger().accounts.get(&(*book, *handle)).cloned())
    }

    async fn accounts(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> Result<Vec<Account>> {
        let ledger = self.ledger();
        let of_book = ledger
            .accounts
            .values()
            .filter(|account| account.book == *book);
        let beyond = of_book.filter(|account| after.is_none_or(|after| account.handle > *after));
        Ok(beyond.take(limit).cloned().collect())
    }

    async fn append(&self, entries: &[Stored]) -> Result<Vec<Appended>> {
        let Some(Stored {
            book, writer, seq, ..
        }) = entries.first()
        else {
            return Ok(Vec::new());
        };
        let mut ledger = self.ledger();
        let stored = ledger.piece(book, writer, *seq, entries.len());
        let (outcomes, new) = chain::judge(entries, next(ledger.chain(book, writer)), stored);
        if !new.is_empty() {
            ledger
                .chains
                .entry((*book, *writer))
                .or_default()
                .extend_from_slice(new);
        }
        Ok(outcomes)
    }

    async fn append_open(
        &self,
        book: &BookId,
        writer: &WriterId,
        entries: &[OpenEntry],
        arrived_ms: u64,
    ) -> Result<Vec<(u64, Put)>> {
        let mut ledger = self.ledger();
        let mut outcomes = Vec::with_capacity(entries.len());
        for OpenEntry { entry, c1, c2 } in entries {
            let body = Body::Open { entry: *entry };
            let chain = ledger.chain(book, writer);
            outcomes.push(match chain.iter().find(|stored| stored.body == body) {
                Some(old) if (&old.c1, &old.c2) == (c1, c2) => (old.seq, Put::Already),
                Some(old) => (old.seq, Put::Conflict),
                None => {
                    let (seq, c1, c2) = (next(chain), c1.clone(), c2.clone());
                    let (book, writer) = (*book, *writer);
                    let stored = Stored {
                        book,
                        writer,
                        seq,
                        c1,
                        c2,
                        body,
                        arrived_ms,
                    };
                    ledger
                        .chains
                        .entry((book, writer))
                        .or_default()
                        .push(stored);
                    (seq, Put::Stored)
                }
            });
        }
        Ok(outcomes)
    }

    async fn heads(&self, book: &BookId) -> Result<Vec<(WriterId, u64)>> {
        Ok(self
            .ledger()
            .chains(book)
            .map(|(writer, chain)| (writer, next(chain)))
            .collect())
    }

    async fn next_place(
        &self,
        book: &BookId,
        writer: &WriterId,
        account: &Handle,
    ) -> Result<NextPlace> {
        let ledger = self.ledger();
        let chain = ledger.chain(book, writer);
        let last = chain
            .iter()
            .rfind(|stored| stored.account() == Some(account));
        Ok(NextPlace {
            next_seq: next(chain),
            prev: last.map(|stored| stored.seq),
        })
    }

    async fn entries(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Stored>> {
        Ok(self.ledger().piece(book, writer, from, limit).to_vec())
    }

    async fn account_entries(
        &self,
        book: &BookId,
        account: &Handle,
        after: &[(WriterId, u64)],
    ) -> Result<Vec<Stored>> {
        let ledger = self.ledger();
        let is_after = |stored: &&Stored| {
            let last = after.iter().find(|(writer, _)| *writer == stored.writer);
            last.is_none_or(|(_, last)| stored.seq > *last)
        };
        let entries = ledger.chains(book).flat_map(|(_, chain)| chain);
        Ok(entries
            .filter(|stored| stored.account() == Some(account))
            .filter(is_after)
            .cloned()
            .collect())
    }

    async fn put_cut(&self, book: &BookId, cut: &ChainCut) -> Result<Put> {
        let key = (*book, cut.writer, cut.position);
        Ok(put(&mut self.ledger().cuts, key, *cut, |old, new| {
            old.mac == new.mac
        }))
    }

    async fn last_cut(&self, book: &BookId, writer: &WriterId, at: At) -> Result<Option<ChainCut>> {
        let ledger = self.ledger();
        let mut cuts = ledger
            .cuts
            .range((*book, *writer, 0)..=(*book, *writer, u64::MAX))
            .map(|(_, cut)| *cut);
        Ok(match at {
            At::Latest => cuts.next_back(),
            At::Number(last) => {
                let reached = usize::try_from(last).unwrap_or(usize::MAX);
                cuts.take(reached).last()
            }
            At::Time(last) => cuts.rfind(|cut| cut.arrived_ms <= last),
        })
    }

    async fn cuts(&self, book: &BookId) -> Result<Vec<ChainCut>> {
        let ledger = self.ledger();
        let of_book = ledger.cuts.iter().filter(|((of, ..), _)| of == book);
        Ok(of_book.map(|(_, cut)| *cut).collect())
    }

    async fn put_checkpoints(&self, new: &[Checkpoint]) -> Result<()> {
        let mut ledger = self.ledger();
        for new in new {
            let place = (new.book, new.writer, new.through);
            let kept = ledger.checkpoints.entry(place);
            if *kept.or_insert_with(|| new.clone()) != *new {
                return Err(other_sum(new));
            }
        }
        Ok(())
    }

    async fn last_checkpoint(
        &self,
        book: &BookId,
        writer: &WriterId,
        at_most: u64,
    ) -> Result<Option<Checkpoint>> {
        let ledger = self.ledger();
        let mut below = ledger
            .checkpoints
            .range((*book, *writer, 0)..=(*book, *writer, at_most));
        Ok(below.next_back().map(|(_, checkpoint)| checkpoint.clone()))
    }

    async fn checkpoints(
        &self,
        book: &BookId,
        writer: &WriterId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>> {
        let ledger = self.ledger();
        let found = ledger
            .checkpoints
            .range((*book, *writer, from)..=(*book, *writer, u64::MAX));
        let found = found.map(|(_, checkpoint)| checkpoint);
        Ok(found.take(limit).cloned().collect())
    }

    async fn account_sum(&self, book: &BookId, account: &Handle) -> Result<Option<AccountSum>> {
        Ok(self.ledger().account_sums.get(&(*book, *account)).cloned())
    }

    async fn move_account_sum(&self, old_count: u64, new: &AccountSum) -> Result<bool> {
        let mut ledger = self.ledger();
        let place = (new.book, new.account);
        let count = ledger.account_sums.get(&place).map_or(0, |old| old.count);
        if count == old_count {
            ledger.account_sums.insert(place, new.clone());
        }
        Ok(count == old_count)
    }

    async fn account_sums(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> Result<Vec<AccountSum>> {
        let ledger = self.ledger();
        let of_book = ledger.account_sums.values().filter(|sum| sum.book == *book);
        let beyond = of_book.filter(|sum| after.is_none_or(|after| sum.account > *after));
        Ok(beyond.take(limit).cloned().collect())
    }

    async fn forget_sums(&self, book: &BookId) -> Result<()> {
        let mut ledger = self.ledger();
        ledger.checkpoints.retain(|(of, ..), _| of != book);
        ledger.account_sums.retain(|(of, _), _| of != book);
        Ok(())
    }

    async fn put_statement(&self, book: &BookId, json: &str) -> Result<Put> {
        let mut ledger = self.ledger();
        let statements = ledger.statements.entry(*book).or_default();
        if statements.iter().any(|old| old == json) {
            return Ok(Put::Already);
        }
        statements.push(json.to_owned());
        Ok(Put::Stored)
    }

    async fn statements(&self, book: &BookId) -> Result<Vec<String>> {
        Ok(self
            .ledger()
            .statements
            .get(book)
            .cloned()
            .unwrap_or_default())
    }

    async fn begin(&self, key: &str, intent: &Intent) -> Result<Intent> {
        let mut ledger = self.ledger();
        ledger
            .intents
            .retain(|_, old| old.is_alive(intent.begun_ms));
        Ok(*ledger.intents.entry(key.to_owned()).or_insert(*intent))
    }

    async fn put_key(&self, key: &ApiKey) -> Result<Put> {
        let keys = &mut self.ledger().keys;
        Ok(put(keys, key.id(), key.clone(), ApiKey::eq))
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>> {
        Ok(self.ledger().keys.get(id).cloned())
    }

    async fn keys(&self) -> Result<Vec<ApiKey>> {
        let mut keys: Vec<_> = self.ledger().keys.values().cloned().collect();
        record::sort_keys(&mut keys);
        Ok(keys)
    }

    async fn revoke_key(&self, id: &KeyId, now_ms: u64) -> Result<Option<ApiKey>> {
        let mut ledger = self.ledger();
        Ok(ledger.keys.get_mut(id).map(|key| {
            key.revoked_ms.get_or_insert(now_ms);
            key.clone()
        }))
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[tokio::test]
    async fn the_model_conforms() {
        conformance::check_all(&MemoryStore::new()).await;
    }
}
