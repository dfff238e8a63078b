//! One search for one logarithm: giant steps in blocks, from the middle outwards.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use core_nostd::{
    ciphersuite::{Ciphersuite, Element},
    group::Group,
};

use super::{DiscreteLogTable, amount, coordinates::Coordinates, multiple_of_base, size::Window};
use crate::cores;

/// The search for the logarithm of `d`. Block `n` is the giant steps `j` around `n·(2R + 1)`.
pub(super) struct Search<'a, S: Ciphersuite, C: Coordinates> {
    table: &'a DiscreteLogTable<S>,
    window: Window,
    d: &'a Element<S>,
    /// A giant step: this many amounts.
    stride: i64,
    /// In giant steps.
    comb: C::Comb,
    /// In steps of the second search, from when it is first needed.
    second_comb: OnceLock<C::Comb>,
    centre: C::Point,
    /// The number of the last block to either side that reaches into the window.
    last_block: i64,
    /// Giant steps looked up.
    done: AtomicU64,
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl<'a, S: Ciphersuite, C: Coordinates> Search<'a, S, C> {
    pub(super) fn new(
        table: &'a DiscreteLogTable<S>,
        d: &'a Element<S>,
        window: Window,
        progress: &'a (dyn Fn(u64, u64) + Sync),
    ) -> Self {
        let entries = amount(table.bits.len());
        let stride = 2 * entries - 1;
        // Steps −N+1 ..= N−1 of the table around giant step j must reach 2^w − 1.
        let giant_steps = ceil_div(window.largest() - (entries - 1), stride);
        Self {
            table,
            window,
            d,
            stride,
            comb: C::comb(&multiple_of_base::<S, C>(stride)),
            second_comb: OnceLock::new(),
            centre: C::point(S::Group::encode(d).as_ref()),
            last_block: ceil_div(giant_steps - amount(C::REACH), amount(C::BLOCK_LEN)),
            done: AtomicU64::new(0),
            progress,
        }
    }

    /// The logarithm, if it is in the window.
    pub(super) fn run(&self) -> Option<i64> {
        let mut keys = vec![0; C::BLOCK_LEN];
        self.block(&self.centre, 0, &mut keys)
            .or_else(|| self.outwards())
    }

    /// Everything but the block in the middle, on all cores if it is much: lane `i` of `n` looks
    /// at blocks `±(1 + i)`, `±(1 + i + n)`, ….
    fn outwards(&self) -> Option<i64> {
        let lanes = if self.last_block < BLOCKS_PARALLEL_MIN {
            1
        } else {
            cores()
        };
        let found = AtomicBool::new(false);
        let lane = |first: usize| {
            let result = self.lane(amount(first), amount(lanes), &found);
            found.fetch_or(result.is_some(), Ordering::Relaxed);
            result
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..lanes)
                .map(|i| scope.spawn(move || lane(1 + i)))
                .collect();
            others.into_iter().fold(lane(1), |result, other| {
                result.or(other.join().expect("a search does not panic"))
            })
        })
    }

    fn lane(&self, first: i64, lanes: i64, found: &AtomicBool) -> Option<i64> {
        if first > self.last_block {
            return None;
        }
        let block_stride = self.stride * amount(C::BLOCK_LEN);
        let start = multiple_of_base::<S, C>(first * block_stride);
        let step = multiple_of_base::<S, C>(lanes * block_stride);
        let (minus_start, minus_step) = (C::negate(&start), C::negate(&step));
        let mut above = C::add(&self.centre, &start);
        let mut below = C::add(&self.centre, &minus_start);
        let mut keys = vec![0; C::BLOCK_LEN];
        let mut number = first;
        while number <= self.last_block && !found.load(Ordering::Relaxed) {
            let hit = self
                .block(&above, number, &mut keys)
                .or_else(|| self.block(&below, -number, &mut keys));
            if hit.is_some() {
                return hit;
            }
            above = C::add(&above, &step);
            below = C::add(&below, &minus_step);
            number += lanes;
        }
        None
    }

    /// Looks up `D + j·stride·G` for the `j` of one block.
    fn block(&self, centre: &C::Point, number: i64, keys: &mut [u64]) -> Option<i64> {
        C::keys(centre, &self.comb, keys);
        let found = self.table.filter.glance(keys).find_map(|i| {
            let from_centre = amount(i) - amount(C::REACH);
            let way = multiple_of_base::<S, C>(from_centre * self.stride);
            let offset = (number * amount(C::BLOCK_LEN) + from_centre) * self.stride;
            self.look_closer(&C::add(centre, &way), offset)
        });
        self.report();
        found
    }

    /// The logarithm of `D`, if this element `D + offset·G` is a baby step or the negation of one:
    /// the second search.
    fn look_closer(&self, element: &C::Point, offset: i64) -> Option<i64> {
        let known = &self.table.first_steps;
        let comb = || C::comb(&multiple_of_base::<S, C>(known.stride()));
        let comb = self.second_comb.get_or_init(comb);
        let mut keys = vec![0; C::BLOCK_LEN];
        C::keys(element, comb, &mut keys);
        known.find(&keys).find_map(|(i, step)| {
            let offset = offset + (amount(i) - amount(C::REACH)) * known.stride();
            [step - offset, -step - offset]
                .into_iter()
                .find(|m| self.is_solution(*m))
        })
    }

    fn is_solution(&self, m: i64) -> bool {
        self.window.contains(m) && S::Group::mul_base_i64(m) == *self.d
    }

    /// Counts one block.
    fn report(&self) {
        let block_len = C::BLOCK_LEN as u64;
        let done = self.done.fetch_add(block_len, Ordering::Relaxed) + block_len;
        let blocks = 1 + 2 * self.last_block.unsigned_abs();
        (self.progress)(done, blocks * block_len);
    }
}

/// With fewer blocks than this to either side, a search is over before a thread has started.
const BLOCKS_PARALLEL_MIN: i64 = 4;

/// `⌈a/b⌉`, or 0 if `a` is negative.
fn ceil_div(a: i64, b: i64) -> i64 {
    (a.max(0) + b - 1) / b
}
