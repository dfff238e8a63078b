//! Baby steps: the keys of `b·G` for `b = 0, 1, 2, …`, a block at a time on all cores.

use std::thread;

use core_nostd::ciphersuite::Ciphersuite;

use super::{
    amount, coordinates::Coordinates, filter::KeyFilter, multiple_of_base, size::TableBits,
};
use crate::cores;

/// Blocks computed between two reports of progress.
const BLOCKS_PER_REPORT: usize = 64;

/// The keys of `b·G` for `0 ≤ b < len`.
pub(super) fn baby_keys<S: Ciphersuite, C: Coordinates>(
    len: usize,
    mut progress: impl FnMut(usize, usize),
) -> Vec<u64> {
    let mut keys = vec![0; len];
    let comb = C::comb(&multiple_of_base::<S, C>(1));
    let piece_len = BLOCKS_PER_REPORT.div_ceil(cores()) * C::BLOCK_LEN;
    let mut first = 0;
    for round in keys.chunks_mut(BLOCKS_PER_REPORT * C::BLOCK_LEN) {
        let round_len = round.len();
        thread::scope(|scope| {
            for (i, piece) in round.chunks_mut(piece_len).enumerate() {
                let comb = &comb;
                scope.spawn(move || fill_keys::<S, C>(first + i * piece_len, comb, piece));
            }
        });
        first += round_len;
        progress(first, len);
    }
    keys
}

/// The keys of `first·G`, `(first + 1)·G`, … into `keys`.
fn fill_keys<S: Ciphersuite, C: Coordinates>(first: usize, comb: &C::Comb, keys: &mut [u64]) {
    let mut centre = multiple_of_base::<S, C>(amount(first + C::REACH));
    let step = multiple_of_base::<S, C>(amount(C::BLOCK_LEN));
    let mut block = vec![0; C::BLOCK_LEN];
    for piece in keys.chunks_mut(C::BLOCK_LEN) {
        C::keys(&centre, comb, &mut block);
        piece.copy_from_slice(&block[..piece.len()]);
        centre = C::add(&centre, &step);
    }
}

/// The first `K` baby steps of a table of `N`, with their whole keys: so many that one block in
/// steps of `2K − 1` reaches from any baby step, or its negation, to one of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FirstSteps {
    filter: KeyFilter,
    /// Ascending.
    keys_and_steps: Vec<(u64, usize)>,
}

impl FirstSteps {
    pub(super) fn new<S: Ciphersuite, C: Coordinates>(bits: TableBits) -> Self {
        // R·(2K − 1) + (K − 1) ≥ N − 1.
        let len = (bits.len() + C::REACH).div_ceil(C::BLOCK_LEN);
        Self::of_keys(&baby_keys::<S, C>(len, |_, _| ()))
    }

    /// The steps of `keys`: that of step `i` is `keys[i]`.
    pub(super) fn of_keys(keys: &[u64]) -> Self {
        let mut keys_and_steps: Vec<_> = keys.iter().copied().zip(0..).collect();
        keys_and_steps.sort_unstable();
        Self {
            filter: KeyFilter::new(keys),
            keys_and_steps,
        }
    }

    /// `2K − 1`.
    pub(super) fn stride(&self) -> i64 {
        2 * amount(self.keys_and_steps.len()) - 1
    }

    /// Each `(i, step)` with `keys[i]` the key of that step.
    pub(super) fn find(&self, keys: &[u64]) -> impl Iterator<Item = (usize, i64)> {
        self.filter.glance(keys).flat_map(|i| {
            let (known, key) = (&self.keys_and_steps, keys[i]);
            let first = known.partition_point(|(known, _)| *known < key);
            let equal = known[first..]
                .iter()
                .take_while(move |(known, _)| *known == key);
            equal.map(move |(_, step)| (i, amount(*step)))
        })
    }
}
