//! `host-server rebuild`: forgets everything derived and makes it anew from the log.

use std::sync::Arc;

use core_nostd::ids::Handle;

use super::progress::Progress;
use crate::{
    ledger::Book,
    store::inspect::Inspect,
    sums::{Of, Span, SumError, Sums},
};

/// Accounts read at a time.
const PAGE_LEN: usize = 512;
/// Entries added up between two reports.
const STEP: u64 = 1 << 16;

/// Makes indexes, checkpoints and sums of accounts anew. Stopped in the middle, it leaves a ledger
/// that works, only slower, until the rest is made.
///
/// # Errors
/// Those of the store; damage of the log, which `verify` names, can't be mended from here.
pub async fn rebuild<S: Inspect>(store: S, progress: &Progress) -> Result<(), SumError> {
    let store = Arc::new(store);
    store.reindex().await?;
    let sums = Sums::new(Arc::clone(&store));
    for book in store.books().await? {
        rebuild_book(&*store, &sums, &book, progress).await?;
    }
    Ok(())
}

async fn rebuild_book<S: Inspect>(
    store: &S,
    sums: &Sums<S>,
    book: &Book,
    progress: &Progress,
) -> Result<(), SumError> {
    let (id, of) = (book.id(), Of::from(book));
    store.forget_sums(&id).await?;
    for (writer, head) in store.heads(&id).await? {
        let mut from = 0;
        while from < head {
            // Checkpoints are kept on the way.
            let to = head.min(from + STEP);
            let from_start = Span {
                writer,
                from: 0,
                to,
            };
            sums.total(of, &[from_start]).await?;
            progress.add(to - from);
            from = to;
        }
    }
    let mut after: Option<Handle> = None;
    loop {
        let page = store.accounts(&id, after.as_ref(), PAGE_LEN).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.handle);
        for account in page {
            // A long one is kept on the way.
            sums.balance(of, &account.handle).await?;
        }
    }
}
