//! Inspection of the model, which has nothing beside its log.

use super::MemoryStore;
use crate::store::{
    Result,
    inspect::{Found, Inspect, Place},
};

impl Inspect for MemoryStore {
    async fn scan(&self, from: Place, limit: usize) -> Result<Vec<Found>> {
        let ledger = self.ledger();
        let chains = ledger.chains.range((from.0, from.1)..);
        let entries = chains.flat_map(|(_, chain)| chain);
        let found = entries.map(|entry| Found {
            place: (entry.book, entry.writer, entry.seq),
            entry: Some(entry.clone()),
            flaws: Vec::new(),
        });
        let wanted = found.filter(|found| found.place >= from);
        Ok(wanted.take(limit).collect())
    }

    async fn strays(&self) -> Result<Vec<Place>> {
        Ok(Vec::new())
    }

    async fn reindex(&self) -> Result<()> {
        Ok(())
    }
}
