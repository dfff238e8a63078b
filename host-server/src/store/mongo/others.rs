//! Everything in MongoDB but entries: books, accounts, cuts, statements, intents.

use core_nostd::ids::{BookId, Handle, WriterId};
use mongodb::{
    Collection,
    bson::{DateTime, Document, doc},
    options::Hint,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    MongoStore,
    document::{FETCH_LEN, IntentDocument, Row, StatementDocument, binary, collect, range},
    error,
};
use crate::{
    ledger::{Account, At, Book, ChainCut},
    store::{
        Intent, Put, Result, StoreError,
        key::{self, AccountKey, EntryKey, StatementKey},
        record::{AccountRecord, BookRecord, CutRecord},
    },
};

/// How often to try again after somebody else was quicker.
const ROUNDS_MAX: usize = 64;

impl MongoStore {
    /// [`crate::store::Store::put_book`].
    pub async fn put_book(&self, book: &Book) -> Result<Put> {
        let id = book.id();
        let row = Row {
            id: id.0.to_vec(),
            record: BookRecord::from(book),
        };
        self.put(&self.books, &row, |old| Ok(old.into_book(&id)? == *book))
            .await
    }

    /// [`crate::store::Store::book`].
    pub async fn find_book(&self, id: &BookId) -> Result<Option<Book>> {
        let found = self.books.find_one(doc! { "_id": binary(&id.0) }).await?;
        found.map(|row| row.record.into_book(id)).transpose()
    }

    /// [`crate::store::Store::books`].
    pub async fn find_books(&self) -> Result<Vec<Book>> {
        let rows = collect(self.books.find(doc! {}).sort(doc! { "_id": 1 }).await?).await?;
        let book = |row: Row<BookRecord>| {
            let id = BookId(fixed(&row.id)?);
            Ok((id, row.record.into_book(&id)?))
        };
        let mut books = rows.into_iter().map(book).collect::<Result<Vec<_>>>()?;
        books.sort_by(|(id, book), (other_id, other)| {
            (&book.name, id).cmp(&(&other.name, other_id))
        });
        Ok(books.into_iter().map(|(_, book)| book).collect())
    }

    /// [`crate::store::Store::put_account`].
    pub async fn put_account(&self, account: &Account) -> Result<Put> {
        let Account { book, handle, .. } = account;
        let id = key::account(book, handle).to_vec();
        let row = Row {
            id,
            record: AccountRecord::from(account),
        };
        let same = |old: AccountRecord| Ok(old.into_account(book, handle) == *account);
        self.put(&self.accounts, &row, same).await
    }

    /// [`crate::store::Store::account`].
    pub async fn find_account(&self, book: &BookId, handle: &Handle) -> Result<Option<Account>> {
        let id = binary(&key::account(book, handle));
        let found = self.accounts.find_one(doc! { "_id": id }).await?;
        Ok(found.map(|row| row.record.into_account(book, handle)))
    }

    /// [`crate::store::Store::accounts`].
    pub async fn find_accounts(
        &self,
        book: &BookId,
        after: Option<&Handle>,
        limit: usize,
    ) -> Result<Vec<Account>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let greatest: AccountKey = key::last(&[&book.0]);
        let wanted = match after {
            Some(after) => {
                let after = binary(&key::account(book, after));
                doc! { "_id": { "$gt": after, "$lte": binary(&greatest) } }
            }
            None => range(
                "_id",
                &key::first::<{ size_of::<AccountKey>() }>(&[&book.0]),
                &greatest,
            ),
        };
        let find = self
            .accounts
            .find(wanted)
            .sort(doc! { "_id": 1 })
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .batch_size(FETCH_LEN);
        let account = |row: Row<AccountRecord>| {
            let handle = key::handle(&fixed(&row.id)?);
            Ok(row.record.into_account(book, &handle))
        };
        collect(find.await?)
            .await?
            .into_iter()
            .map(account)
            .collect()
    }

    /// [`crate::store::Store::put_cut`].
    pub async fn put_cut(&self, book: &BookId, cut: &ChainCut) -> Result<Put> {
        let id = key::entry(book, &cut.writer, cut.position).to_vec();
        let row = Row {
            id,
            record: CutRecord::from(cut),
        };
        self.put(&self.cuts, &row, |old| Ok(old.same(&row.record)))
            .await
    }

    /// [`crate::store::Store::last_cut`].
    pub async fn find_last_cut(
        &self,
        book: &BookId,
        writer: &WriterId,
        at: At,
    ) -> Result<Option<ChainCut>> {
        let parts: [&[u8]; 2] = [&book.0, &writer.0];
        let (least, greatest): (EntryKey, EntryKey) = (key::first(&parts), key::last(&parts));
        let mut wanted = range("_id", &least, &greatest);
        let cut = |row: Row<CutRecord>| {
            let (_, writer, position) = key::split_entry(&fixed(&row.id)?);
            Ok(row.record.into_cut(writer, position))
        };
        match at {
            At::Number(0) => return Ok(None),
            At::Number(number) => {
                let nth = self.cuts.find_one(wanted.clone()).sort(doc! { "_id": 1 });
                let before = (number - 1).min(i64::MAX.cast_unsigned());
                if let Some(row) = nth.skip(before).await? {
                    return cut(row).map(Some);
                }
            }
            At::Time(last) => {
                wanted.insert("record.arrived_ms", doc! { "$lte": last.cast_signed() });
            }
            At::Latest => {}
        }
        let last = self.cuts.find_one(wanted).sort(doc! { "_id": -1 });
        last.await?.map(cut).transpose()
    }

    /// [`crate::store::Store::cuts`].
    pub async fn find_cuts(&self, book: &BookId) -> Result<Vec<ChainCut>> {
        let (least, greatest): (EntryKey, EntryKey) =
            (key::first(&[&book.0]), key::last(&[&book.0]));
        let find = self
            .cuts
            .find(range("_id", &least, &greatest))
            .sort(doc! { "_id": 1 });
        let cut = |row: Row<CutRecord>| {
            let (_, writer, position) = key::split_entry(&fixed(&row.id)?);
            Ok(row.record.into_cut(writer, position))
        };
        collect(find.batch_size(FETCH_LEN).await?)
            .await?
            .into_iter()
            .map(cut)
            .collect()
    }

    /// [`crate::store::Store::put_statement`]: numbers are fenced by `_id`, texts by an index.
    pub async fn put_statement(&self, book: &BookId, json: &str) -> Result<Put> {
        let mut session = self.causal_session().await?;
        for _ in 0..ROUNDS_MAX {
            let same = doc! { "book": binary(&book.0), "json": json };
            if self
                .statements
                .find_one(same)
                .session(&mut session)
                .await?
                .is_some()
            {
                return Ok(Put::Already);
            }
            let find = self.statements.find_one(of_book(book));
            let find = find.hint(by_id());
            let last = find.sort(doc! { "_id": -1 }).session(&mut session).await?;
            let number = last.map_or(0, |last| key::position(&last.id) + 1);
            let id = key::statement(book, number);
            let statement = StatementDocument {
                id,
                book: book.0,
                json: json.to_owned(),
            };
            match self
                .statements
                .insert_one(statement)
                .session(&mut session)
                .await
            {
                Ok(_) => return Ok(Put::Stored),
                Err(error) if error::stored_before_duplicate(&error).is_some() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(never_settled())
    }

    /// [`crate::store::Store::statements`].
    pub async fn find_statements(&self, book: &BookId) -> Result<Vec<String>> {
        let find = self
            .statements
            .find(of_book(book))
            .hint(by_id())
            .sort(doc! { "_id": 1 });
        let found = collect(find.batch_size(FETCH_LEN).await?).await?;
        Ok(found.into_iter().map(|statement| statement.json).collect())
    }

    /// [`crate::store::Store::begin`].
    pub async fn begin_intent(&self, key: &str, intent: &Intent) -> Result<Intent> {
        let begun = DateTime::from_millis(intent.begun_ms.cast_signed());
        let new = IntentDocument {
            id: key.to_owned(),
            begun,
            record: intent.into(),
        };
        let mut session = self.causal_session().await?;
        for _ in 0..ROUNDS_MAX {
            match self.intents.insert_one(&new).session(&mut session).await {
                Ok(_) => return Ok(*intent),
                Err(error) if error::stored_before_duplicate(&error).is_some() => {}
                Err(error) => return Err(error.into()),
            }
            let find = self.intents.find_one(doc! { "_id": key });
            let Some(old) = find.session(&mut session).await? else {
                continue;
            };
            let (old_begun, old) = (old.begun, Intent::from(old.record));
            if old.is_alive(intent.begun_ms) {
                return Ok(old);
            }
            // Whoever removes the dead one, one of those who then insert wins.
            let dead = doc! { "_id": key, "begun": old_begun };
            self.intents.delete_one(dead).session(&mut session).await?;
        }
        Err(never_settled())
    }

    /// Inserts a row unless there is one under its key, and compares that one if so.
    pub async fn put<R>(
        &self,
        rows: &Collection<Row<R>>,
        row: &Row<R>,
        same: impl FnOnce(R) -> Result<bool>,
    ) -> Result<Put>
    where
        R: Serialize + DeserializeOwned + Send + Sync,
    {
        let mut session = self.causal_session().await?;
        match rows.insert_one(row).session(&mut session).await {
            Ok(_) => return Ok(Put::Stored),
            Err(error) if error::stored_before_duplicate(&error).is_some() => {}
            Err(error) => return Err(error.into()),
        }
        let find = rows.find_one(doc! { "_id": binary(&row.id) });
        let old = find
            .session(&mut session)
            .await?
            .ok_or_else(never_settled)?;
        Ok(if same(old.record)? {
            Put::Already
        } else {
            Put::Conflict
        })
    }
}

/// Asks for the statements of a book by their numbers, and names the book, the shard key.
fn of_book(book: &BookId) -> Document {
    let (least, greatest): (StatementKey, StatementKey) =
        (key::first(&[&book.0]), key::last(&[&book.0]));
    let mut wanted = range("_id", &least, &greatest);
    wanted.insert("book", binary(&book.0));
    wanted
}

fn by_id() -> Hint {
    Hint::Keys(doc! { "_id": 1 })
}

fn never_settled() -> StoreError {
    StoreError::Unavailable("MongoDB has something under a key, but does not show it".to_owned())
}

/// A key of `N` bytes.
pub fn fixed<const N: usize>(id: &[u8]) -> Result<[u8; N]> {
    let damaged = |_| StoreError::Damaged(format!("an _id has {} bytes, not {N}", id.len()));
    id.try_into().map_err(damaged)
}
