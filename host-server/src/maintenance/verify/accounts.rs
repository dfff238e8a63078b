//! The accounts of a book, and that what is kept as an account's sum is the sum of its entries.

use core_nostd::ids::{BookId, Handle};
use futures_util::{StreamExt, stream};

use super::Verifier;
use crate::{
    ledger::{AccountSum, Book, Stored},
    store::{Result, StoreError, inspect::Inspect},
    sums::{Of, Sum},
};

/// Accounts read at a time.
const PAGE_LEN: usize = 512;
/// Accounts whose entries are read at the same time.
const READ_MAX: usize = 8;

impl<S: Inspect> Verifier<'_, S> {
    /// Accounts and kept sums of a book.
    pub async fn accounts(&mut self, book: &Book, id: &BookId) -> Result<()> {
        let mut after: Option<Handle> = None;
        loop {
            let page = self.store.accounts(id, after.as_ref(), PAGE_LEN).await;
            let page = self.sound(page)?.unwrap_or_default();
            let Some(last) = page.last() else { break };
            after = Some(last.handle);
            self.report.accounts += page.len() as u64;
        }
        let of = Of::from(book);
        let mut after: Option<Handle> = None;
        loop {
            let page = self.store.account_sums(id, after.as_ref(), PAGE_LEN).await;
            let page = self.sound(page)?.unwrap_or_default();
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.account);
            let store = self.store;
            let wrong = stream::iter(page).map(|kept| async move {
                let entries = store.account_entries(id, &kept.account, &[]).await;
                (kept, entries)
            });
            let mut wrong = wrong.buffer_unordered(READ_MAX);
            while let Some((kept, entries)) = wrong.next().await {
                self.report.account_sums += 1;
                let what = match entries {
                    Err(StoreError::Damaged(text)) => Some(text),
                    entries => compare(of, &kept, entries?).await?,
                };
                if let Some(what) = what {
                    let account = kept.account;
                    self.fault(&format!("book {id}, account {account}: {what}"));
                }
            }
        }
    }
}

/// What is wrong with a kept sum, given all entries of the account.
async fn compare(of: Of, kept: &AccountSum, entries: Vec<Stored>) -> Result<Option<String>> {
    let is_summed = |entry: &Stored| {
        let last = kept.last.iter().find(|(writer, _)| *writer == entry.writer);
        last.is_some_and(|(_, seq)| entry.seq <= *seq)
    };
    let entries: Vec<_> = entries.into_iter().filter(is_summed).collect();
    for (writer, seq) in &kept.last {
        let is_there = |entry: &Stored| (entry.writer, entry.seq) == (*writer, *seq);
        if !entries.iter().any(is_there) {
            return Ok(Some(format!(
                "the kept sum ends with writer {writer}, seq {seq}, which is no entry of the \
                 account, or is missing"
            )));
        }
    }
    let count = entries.len() as u64;
    if count != kept.count {
        let text = format!(
            "the kept sum is of {} entries, there are {count}",
            kept.count
        );
        return Ok(Some(text));
    }
    let rows: Vec<_> = entries.into_iter().map(Stored::for_balance).collect();
    let sum = move || Sum::of(of.suite, of.is_tagged, &rows).map(|sum| sum.to_summand());
    let gone = |error| {
        let text = format!("adding up was given up: {error}");
        StoreError::Unavailable(text)
    };
    let sum = tokio::task::spawn_blocking(sum).await.map_err(gone)?;
    Ok(match sum {
        Ok(sum) if sum == kept.sum => None,
        Ok(_) => Some("the kept sum is not the sum of the entries".to_owned()),
        // The entry was named when the log was read.
        Err(_) => None,
    })
}
