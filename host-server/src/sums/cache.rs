//! Sums of beginnings of chains that were asked for lately. An entry never changes, so neither does
//! the sum of those below a position: what is kept here is never wrong, only forgotten.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use core_nostd::ids::{BookId, WriterId};

use super::sum::Sum;

/// So many positions of a chain are remembered.
const POSITIONS_MAX: usize = 16;
/// So many chains are.
const CHAINS_MAX: usize = 4096;

/// The sum of the entries of a chain below a position.
#[derive(Clone)]
pub struct Prefix {
    /// The position.
    pub through: u64,
    /// The sum.
    pub sum: Arc<Sum>,
}

/// What is remembered.
#[derive(Default)]
pub struct Cache(Mutex<Chains>);

#[derive(Default)]
struct Chains {
    chains: HashMap<(BookId, WriterId), Chain>,
    /// Counts uses.
    clock: u64,
}

#[derive(Default)]
struct Chain {
    used: u64,
    /// The last one used is the last.
    prefixes: Vec<Prefix>,
}

impl Cache {
    /// The longest prefix up to `to`.
    pub fn get(&self, chain: &(BookId, WriterId), to: u64) -> Option<Prefix> {
        let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chains.clock += 1;
        let clock = chains.clock;
        let chain = chains.chains.get_mut(chain)?;
        chain.used = clock;
        let known = chain.prefixes.iter().enumerate();
        let best = known
            .filter(|(_, prefix)| prefix.through <= to)
            .max_by_key(|(_, prefix)| prefix.through);
        let (index, _) = best?;
        let prefix = chain.prefixes.remove(index);
        chain.prefixes.push(prefix.clone());
        Some(prefix)
    }

    /// Remembers a prefix, and forgets what was not used for the longest time if there are too
    /// many.
    pub fn put(&self, chain: (BookId, WriterId), prefix: Prefix) {
        let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if chains.chains.len() >= CHAINS_MAX && !chains.chains.contains_key(&chain) {
            let oldest = chains.chains.iter().min_by_key(|(_, chain)| chain.used);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                chains.chains.remove(&oldest);
            }
        }
        chains.clock += 1;
        let used = chains.clock;
        let chain = chains.chains.entry(chain).or_default();
        chain.used = used;
        chain.prefixes.retain(|old| old.through != prefix.through);
        if chain.prefixes.len() >= POSITIONS_MAX {
            chain.prefixes.remove(0);
        }
        chain.prefixes.push(prefix);
    }
}

#[cfg(test)]
mod tests {
    use core_nostd::ciphersuite::SuiteId;

    use super::*;

    fn prefix(through: u64) -> Prefix {
        let sum = Sum::of(SuiteId::Ristretto255, false, &[]).expect("an empty sum");
        Prefix {
            through,
            sum: Arc::new(sum),
        }
    }

    #[test]
    fn the_longest_prefix_that_is_not_too_long_is_found() {
        let (cache, chain) = (Cache::default(), (BookId([1; 32]), WriterId([2; 16])));
        let get = |to| cache.get(&chain, to).map(|prefix| prefix.through);
        assert_eq!(get(9), None);
        for through in [4, 0, 8] {
            cache.put(chain, prefix(through));
        }
        assert_eq!([3, 4, 7, 8, u64::MAX].map(get), [0, 4, 4, 8, 8].map(Some));
    }

    #[test]
    fn what_was_not_used_for_long_is_forgotten() {
        let cache = Cache::default();
        let chain = |n: usize| (BookId([0; 32]), WriterId((n as u128).to_be_bytes()));
        for through in 0..POSITIONS_MAX as u64 {
            cache.put(chain(0), prefix(through * 10));
        }
        assert!(cache.get(&chain(0), 5).is_some());
        cache.put(chain(0), prefix(1000));
        assert_eq!(
            cache.get(&chain(0), 5).map(|prefix| prefix.through),
            Some(0)
        );
        assert_eq!(
            cache.get(&chain(0), 15).map(|prefix| prefix.through),
            Some(0)
        );
        for n in 1..CHAINS_MAX {
            cache.put(chain(n), prefix(1));
        }
        assert!(cache.get(&chain(0), 0).is_some(), "as many as fit");
        cache.put(chain(CHAINS_MAX), prefix(1));
        assert!(cache.get(&chain(0), 0).is_some(), "it was used last");
        assert!(cache.get(&chain(1), 1).is_none());
    }
}
