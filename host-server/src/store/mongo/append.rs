//! Appends. The `_id` of an entry is its position, so of two servers that try to fill one position
//! MongoDB refuses one, whoever it is and however late its request arrives.
//!
//! An insert is sent only when a majority has the entry before it, and an insert command stores
//! its documents in order and stops at the first that fails. So no chain ever has a gap, not even
//! when a request that was given up is carried out after all: it fills the next positions or none.
//!
//! What exactly happened to an insert that failed is never guessed: the chain is read again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use core_nostd::ids::{BookId, WriterId};
use mongodb::ClientSession;
use tokio::sync::oneshot;

use super::{MongoStore, document::EntryDocument, error, within};
use crate::{
    ledger::{OpenEntry, Stored},
    store::{Appended, Put, Result, StoreError, chain},
};

/// How often to read again after a collision. Each round somebody's entry got in, so a few are
/// enough unless the database contradicts itself.
pub(super) const ROUNDS_MAX: usize = 64;
/// About so many open entries are inserted at once.
const GROUP_LEN_MAX: usize = 10_000;

pub(super) type ChainId = (BookId, WriterId);
pub(super) type Outcomes = Vec<(u64, Put)>;

impl MongoStore {
    /// [`crate::store::Store::append`].
    pub async fn append_run(&self, entries: &[Stored]) -> Result<Vec<Appended>> {
        let Some(first) = entries.first() else {
            return Ok(Vec::new());
        };
        let mut session = self.causal_session().await?;
        let mut ours = vec![false; entries.len()];
        for _ in 0..ROUNDS_MAX {
            let (next, stored) = self.what_is_there(first, entries, &mut session).await?;
            let (mut outcomes, new) = chain::judge(entries, next, &stored);
            let collision = self.insert(new.iter().cloned(), &mut session).await?;
            if let Some(inserted) = collision {
                let start = outcomes
                    .iter()
                    .position(|outcome| *outcome == Appended::Put(Put::Stored));
                let start = start.expect("only new entries collide");
                ours[start..start + inserted].fill(true);
                continue;
            }
            for (outcome, _) in outcomes.iter_mut().zip(&ours).filter(|(_, ours)| **ours) {
                *outcome = Appended::Put(Put::Stored);
            }
            return Ok(outcomes);
        }
        Err(never_settled(&first.book, &first.writer))
    }

    /// The chain's next position as far as it matters, and its entries from that of `first` on, at
    /// most as many as `entries`.
    async fn what_is_there(
        &self,
        first: &Stored,
        entries: &[Stored],
        session: &mut ClientSession,
    ) -> Result<(u64, Vec<Stored>)> {
        let Stored {
            book, writer, seq, ..
        } = first;
        // One read shows, in nearly all cases, that the entry before is there and none after it.
        let before = usize::from(*seq > 0);
        let from = seq.saturating_sub(1);
        let limit = entries.len().saturating_add(before);
        let mut stored = self.piece(book, writer, from, limit, session).await?;
        let follows = stored.len() >= before;
        stored.drain(..before.min(stored.len()));
        let all_same = stored
            .iter()
            .zip(entries)
            .all(|(old, entry)| old.same(entry));
        let next = match follows && all_same {
            true => seq.saturating_add(stored.len() as u64),
            false => self.next_seq(book, writer, session).await?,
        };
        Ok((next, stored))
    }

    /// Inserts entries in order. If one collides, the number of those before it, which are stored.
    pub(super) async fn insert(
        &self,
        entries: impl Iterator<Item = Stored>,
        session: &mut ClientSession,
    ) -> Result<Option<usize>> {
        let documents: Vec<_> = entries.map(EntryDocument::from).collect();
        if documents.is_empty() {
            return Ok(None);
        }
        match self
            .entries
            .insert_many(&documents)
            .ordered(true)
            .session(session)
            .await
        {
            Ok(_) => Ok(None),
            Err(error) => match error::stored_before_duplicate(&error) {
                Some(inserted) => Ok(Some(inserted)),
                None => Err(error.into()),
            },
        }
    }

    /// [`crate::store::Store::append_open`]: together with what others append to the same chain
    /// meanwhile, so that they do not take each other's positions.
    pub async fn append_in_lane(
        &self,
        chain: ChainId,
        entries: Vec<OpenEntry>,
        arrived_ms: u64,
    ) -> Result<Outcomes> {
        let (tell, told) = oneshot::channel();
        if self.lanes.enter(
            chain,
            Job {
                entries,
                arrived_ms,
                tell,
            },
        ) {
            tokio::spawn(self.clone().drive(chain));
        }
        let gone = |_| StoreError::Unavailable("an append was given up".to_owned());
        told.await.map_err(gone)?
    }

    /// Does the work of a lane until there is none left.
    async fn drive(self, chain: ChainId) {
        while let Some(jobs) = self.lanes.take(chain) {
            let (posts, tells): (Vec<_>, Vec<_>) = jobs
                .into_iter()
                .map(|job| ((job.entries, job.arrived_ms), job.tell))
                .unzip();
            let store = self.clone();
            let work = async move { within(store.append_posts(chain, &posts)).await };
            // In a task of its own: the lane goes on even if it panics.
            let outcomes = tokio::spawn(work).await.unwrap_or_else(|error| {
                Err(StoreError::Unavailable(format!(
                    "an append was given up: {error}"
                )))
            });
            match outcomes {
                // Nobody may be waiting any more.
                Ok(outcomes) => tells
                    .into_iter()
                    .zip(outcomes)
                    .for_each(|(tell, outcomes)| {
                        let _ = tell.send(Ok(outcomes));
                    }),
                Err(error) => tells.into_iter().for_each(|tell| {
                    let _ = tell.send(Err(error.clone()));
                }),
            }
        }
    }
}

pub(super) fn never_settled(book: &BookId, writer: &WriterId) -> StoreError {
    StoreError::Unavailable(format!(
        "book {book}, writer {writer}: others kept taking the next position"
    ))
}

/// Group commit: the posts that wait, by chain. A chain is there as long as somebody drives it.
#[derive(Clone, Default)]
pub struct Lanes(Arc<Mutex<HashMap<ChainId, Vec<Job>>>>);

struct Job {
    entries: Vec<OpenEntry>,
    arrived_ms: u64,
    tell: oneshot::Sender<Result<Outcomes>>,
}

impl Lanes {
    /// Adds a job. Whether the caller has to see to it that somebody drives the lane.
    fn enter(&self, chain: ChainId, job: Job) -> bool {
        let mut lanes = self.lock();
        let idle = !lanes.contains_key(&chain);
        lanes.entry(chain).or_default().push(job);
        idle
    }

    /// The next jobs of a lane; if there are none it is closed.
    fn take(&self, chain: ChainId) -> Option<Vec<Job>> {
        let mut lanes = self.lock();
        let waiting = lanes.get_mut(&chain)?;
        let mut len = 0;
        let fits = |job: &Job| {
            let room = len < GROUP_LEN_MAX;
            len += job.entries.len();
            room
        };
        let count = waiting.iter().map(fits).take_while(|fits| *fits).count();
        if count == 0 {
            lanes.remove(&chain);
            return None;
        }
        Some(waiting.drain(..count).collect())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChainId, Vec<Job>>> {
        // Nothing that can panic is done under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
