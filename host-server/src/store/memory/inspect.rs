//! Inspection of the model, which has nothing beside its log.

use std::ops::Bound;

use super::MemoryStore;
use crate::store::{
    Result,
    inspect::{Found, Inspect, Place},
};

impl Inspect for MemoryStore {
    async fn scan(&self, after: Option<Place>, limit: usize) -> Result<Vec<Found>> {
        let ledger = self.ledger();
        let from = after.map(|(book, writer, _)| (book, writer));
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let chains = ledger.chains.range((from, Bound::Unbounded));
        let entries = chains.flat_map(|(_, chain)| chain);
        let found = entries.map(|entry| Found {
            place: (entry.book, entry.writer, entry.seq),
            entry: Some(entry.clone()),
            flaws: Vec::new(),
        });
        let beyond = found.filter(|found| after.is_none_or(|after| found.place > after));
        Ok(beyond.take(limit).collect())
    }

    async fn strays(&self) -> Result<Vec<Place>> {
        Ok(Vec::new())
    }

    async fn reindex(&self) -> Result<()> {
        Ok(())
    }
}
