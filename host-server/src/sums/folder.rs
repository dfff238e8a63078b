//! The background: folds chains into checkpoints, and accounts into their kept sums, as they grow.
//!
//! What it is told is only a hint. If it is behind, it is told nothing more; whoever reads does the
//! work then, or the next hint brings it on.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use core_nostd::ids::{BookId, Handle, WriterId};
use tokio::sync::mpsc;

use super::{ACCOUNT_TAIL, CHECKPOINT_EVERY, Of, Sums};
use crate::{ledger::Stored, store::Store};

/// So many hints wait at most.
const HINTS_LEN_MAX: usize = 1024;
/// The entries of so many accounts are counted. Beyond, counting begins anew.
const ACCOUNTS_MAX: usize = 1 << 16;

/// Something to fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    /// A chain, up to a position where a checkpoint should be.
    Chain(Of, WriterId, u64),
    /// An account.
    Account(Of, Handle),
}

/// Where to say what has grown.
pub struct Folder {
    hints: mpsc::Sender<Hint>,
    /// Where they arrive, until somebody folds.
    inbox: Mutex<Option<mpsc::Receiver<Hint>>>,
    /// Entries of accounts since they were last folded, as far as this server took them in.
    counts: Mutex<HashMap<(BookId, Handle), usize>>,
}

impl Folder {
    /// A folder that was told nothing yet.
    pub fn new() -> Self {
        let (hints, inbox) = mpsc::channel(HINTS_LEN_MAX);
        Self {
            hints,
            inbox: Mutex::new(Some(inbox)),
            counts: Mutex::default(),
        }
    }

    /// Folds what is hinted at, for ever. Whoever comes second has nothing to do.
    pub async fn run<S: Store>(&self, sums: &Sums<S>) {
        let inbox = lock(&self.inbox).take();
        let Some(mut inbox) = inbox else {
            return;
        };
        while let Some(hint) = inbox.recv().await {
            let folded = match hint {
                Hint::Chain(of, writer, to) => sums.prefix(of, &writer, to).await.map(|_| ()),
                Hint::Account(of, account) => sums.balance(of, &account).await.map(|_| ()),
            };
            if let Err(error) = folded {
                tracing::warn!(%error, "sums could not be kept");
            }
        }
    }

    /// Says that these consecutive entries of a chain are stored.
    pub fn has_grown(&self, of: Of, entries: &[Stored]) {
        let Some((first, last)) = entries.first().zip(entries.last()) else {
            return;
        };
        let to = last.seq.saturating_add(1);
        self.chain_has_grown(of, &first.writer, to - first.seq, to);
        for account in entries.iter().filter_map(Stored::account) {
            if self.is_due(of, account) {
                self.hint(Hint::Account(of, *account));
            }
        }
    }

    /// Says that a chain has so many entries more, and ends before `to`.
    pub fn chain_has_grown(&self, of: Of, writer: &WriterId, by: u64, to: u64) {
        let due = to / CHECKPOINT_EVERY * CHECKPOINT_EVERY;
        if due > to.saturating_sub(by) {
            self.hint(Hint::Chain(of, *writer, due));
        }
    }

    fn is_due(&self, of: Of, account: &Handle) -> bool {
        let mut counts = lock(&self.counts);
        if counts.len() >= ACCOUNTS_MAX {
            counts.clear();
        }
        let place = (of.book, *account);
        let count = counts.entry(place).or_default();
        *count += 1;
        let is_due = *count >= ACCOUNT_TAIL;
        if is_due {
            counts.remove(&place);
        }
        is_due
    }

    fn hint(&self, hint: Hint) {
        // Full, or nobody folds: then those who read do.
        let _ = self.hints.try_send(hint);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use core_nostd::ciphersuite::SuiteId;

    use super::*;
    use crate::ledger::Body;

    fn entries(positions: std::ops::Range<u64>, account: u8) -> Vec<Stored> {
        let body = Body::Authenticated {
            account: Handle([account; 32]),
            prev: None,
            tag: vec![],
            account_tag: vec![],
        };
        positions
            .map(|seq| Stored {
                book: OF.book,
                writer: WriterId([2; 16]),
                seq,
                c1: vec![],
                c2: vec![],
                body: body.clone(),
                arrived_ms: 0,
            })
            .collect()
    }

    const OF: Of = Of {
        book: BookId([1; 32]),
        suite: SuiteId::Ristretto255,
        is_tagged: true,
    };

    #[test]
    fn a_hint_comes_when_a_checkpoint_or_an_account_is_due() {
        let folder = Folder::new();
        let mut hints = lock(&folder.inbox).take().expect("nobody folds");
        let mut told = |positions, account| {
            folder.has_grown(OF, &entries(positions, account));
            std::iter::from_fn(|| hints.try_recv().ok()).collect::<Vec<_>>()
        };
        assert_eq!(told(0..63, 1), []);
        let of_account = |account| Hint::Account(OF, Handle([account; 32]));
        assert_eq!(told(63..64, 1), [of_account(1)]);
        assert_eq!(told(64..127, 1), []);
        let of_chain = |due| Hint::Chain(OF, WriterId([2; 16]), due);
        assert_eq!(told(510..511, 2), []);
        assert_eq!(told(511..512, 2), [of_chain(512)]);
        assert_eq!(told(512..513, 2), []);
        assert_eq!(told(1000..1030, 2), [of_chain(1024)]);
        assert_eq!(told(1030..1031, 1), [of_account(1)]);
    }
}
