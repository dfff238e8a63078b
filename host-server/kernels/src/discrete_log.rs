//! Small discrete logarithms: from `D = m·G` back to `m`, by signed baby-step giant-step.
//!
//! With `N` baby steps in a table, `D + j·(2N − 1)·G` is looked up for `j = 0, ±1, ±2, …`: nearest
//! totals first. A stored step `b` answers for `b·G` and `−b·G`, so one giant step covers `2N − 1`
//! amounts, and `|m| < 2^w` takes at most `(2^w − N)/(2N − 1)` of them to either side, rounded up
//! to whole blocks of 257. Every hit is checked (`m·G == D`) before it is returned.
//!
//! Everything here takes variable time, and `D` is the total that is being opened.

use std::{
    marker::PhantomData,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use core_nostd::{
    ciphersuite::{Ciphersuite, Element, SuiteId},
    group::{
        Group,
        ffdhe::{Prime2048, Prime3072},
    },
};

use crate::cores;
use coordinates::{BLOCK_LEN, Coordinates, REACH, edwards25519::Edwards25519, torus::Torus};
use key_index::KeyIndex;

mod coordinates;
mod file;
mod key_index;

pub use file::TableFileError;

/// The baby steps of a suite: `b·G` for `0 ≤ b < 2^bits`, findable by a key.
#[derive(Debug, PartialEq, Eq)]
pub struct DiscreteLogTable<S> {
    bits: TableBits,
    index: KeyIndex,
    suite: PhantomData<S>,
}

/// The size of a table: `2^bits` entries of seven bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableBits(u8);

/// Where a logarithm is looked for: `|m| < 2^bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(u8);

/// There is no `m` in the window with `m·G == D`.
///
/// The usual cause is a sum of more, or larger, amounts than the window allows for. No sum is ever
/// wrong because of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the total is not between -2^{window_bits} and 2^{window_bits}: look in a wider window, or \
     open the book cut by cut"
)]
pub struct OutOfRange {
    /// The window that was searched: `|m| < 2^window_bits`.
    pub window_bits: u8,
}

impl<S: Ciphersuite> DiscreteLogTable<S> {
    /// Computes the baby steps on all cores, calling `progress(done, total)` now and then.
    pub fn build(bits: TableBits, progress: impl FnMut(usize, usize)) -> Self {
        let keys = match S::ID {
            SuiteId::Ristretto255 => baby_keys::<S, Edwards25519>(bits, progress),
            SuiteId::Ffdhe2048 => baby_keys::<S, Torus<Prime2048, _>>(bits, progress),
            SuiteId::Ffdhe3072 => baby_keys::<S, Torus<Prime3072, _>>(bits, progress),
            _ => unsupported::<S>(),
        };
        Self {
            bits,
            index: KeyIndex::new(&keys),
            suite: PhantomData,
        }
    }

    /// The `m` in `window` with `m·G == d`.
    ///
    /// # Errors
    /// [`OutOfRange`] if there is none. Finding that out costs the whole window.
    pub fn solve(&self, d: &Element<S>, window: Window) -> Result<i64, OutOfRange> {
        let found = match S::ID {
            SuiteId::Ristretto255 => self.search::<Edwards25519>(d, window),
            SuiteId::Ffdhe2048 => self.search::<Torus<Prime2048, _>>(d, window),
            SuiteId::Ffdhe3072 => self.search::<Torus<Prime3072, _>>(d, window),
            _ => unsupported::<S>(),
        };
        found.ok_or(OutOfRange {
            window_bits: window.0,
        })
    }

    /// The size of this table.
    #[must_use]
    pub fn bits(&self) -> TableBits {
        self.bits
    }

    fn search<C: Coordinates>(&self, d: &Element<S>, window: Window) -> Option<i64> {
        let stride = 2 * self.bits.entries() - 1;
        let comb = C::comb(&multiple_of_base::<S, C>(stride));
        let centre = C::point(S::Group::encode(d).as_ref());
        let search = Search::<S, C> {
            table: self,
            window,
            d,
            stride,
            comb,
            centre,
        };
        search
            .block(&search.centre, 0)
            .or_else(|| search.outwards())
    }
}

impl TableBits {
    /// The size to use unless there is a reason for another: 14.7 MB, with which 2^32 takes well
    /// under a millisecond and 2^40 some tens of milliseconds on ristretto255.
    pub const DEFAULT: Self = Self(21);
    /// The largest size: 1.9 GB.
    pub const MAX: Self = Self(28);

    /// From 1 to [`Self::MAX`].
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if 0 < bits && bits <= Self::MAX.0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The exponent.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    fn entries(self) -> i64 {
        1 << self.0
    }

    fn len(self) -> usize {
        1 << self.0
    }
}

impl Window {
    /// The widest window, and the usual one: 2^48 cents are 2.8 trillion euros.
    pub const MAX: Self = Self(48);

    /// From 1 to [`Self::MAX`].
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if 0 < bits && bits <= Self::MAX.0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The exponent.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether `|m| < 2^bits`.
    #[must_use]
    pub const fn contains(self, m: i64) -> bool {
        m.unsigned_abs() < 1 << self.0
    }
}

/// One search for the logarithm of `d`.
struct Search<'a, S: Ciphersuite, C: Coordinates> {
    table: &'a DiscreteLogTable<S>,
    window: Window,
    d: &'a Element<S>,
    /// A giant step: this many amounts.
    stride: i64,
    comb: C::Comb,
    centre: C::Point,
}

impl<S: Ciphersuite, C: Coordinates> Search<'_, S, C> {
    /// Everything but the block in the middle, on all cores if it is much: lane `i` of `n` looks
    /// at blocks `±(1 + i)`, `±(1 + i + n)`, ….
    fn outwards(&self) -> Option<i64> {
        let last_block = self.last_block();
        let lanes = if last_block < BLOCKS_PARALLEL_MIN {
            1
        } else {
            cores()
        };
        let found = AtomicBool::new(false);
        let lane = |first: usize| {
            let first = i64::try_from(first).expect("there are few cores");
            let lanes = i64::try_from(lanes).expect("there are few cores");
            let result = self.lane(first, lanes, last_block, &found);
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

    fn lane(&self, first: i64, lanes: i64, last: i64, found: &AtomicBool) -> Option<i64> {
        if first > last {
            return None;
        }
        let block_stride = self.stride * BLOCK;
        let start = multiple_of_base::<S, C>(first * block_stride);
        let step = multiple_of_base::<S, C>(lanes * block_stride);
        let (minus_start, minus_step) = (C::negate(&start), C::negate(&step));
        let mut above = C::add(&self.centre, &start);
        let mut below = C::add(&self.centre, &minus_start);
        let mut number = first;
        while number <= last && !found.load(Ordering::Relaxed) {
            let hit = self
                .block(&above, number)
                .or_else(|| self.block(&below, -number));
            if hit.is_some() {
                return hit;
            }
            above = C::add(&above, &step);
            below = C::add(&below, &minus_step);
            number += lanes;
        }
        None
    }

    /// Looks up `D + j·stride·G` for the `j` of one block, whose centre is `j = number·257`.
    fn block(&self, centre: &C::Point, number: i64) -> Option<i64> {
        let mut keys = [0; BLOCK_LEN];
        C::keys(centre, &self.comb, &mut keys);
        self.table.index.glance(&keys).find_map(|i| {
            let j = number * BLOCK + i64::try_from(i).expect("a block is short") - BLOCK / 2;
            let offset = j * self.stride;
            self.table.index.candidates(keys[i]).find_map(|step| {
                let step = i64::from(step);
                [step - offset, -step - offset]
                    .into_iter()
                    .find(|m| self.is_solution(*m))
            })
        })
    }

    fn is_solution(&self, m: i64) -> bool {
        self.window.contains(m) && S::Group::mul_base_i64(m) == *self.d
    }

    /// The number of the last block to either side that reaches into the window.
    fn last_block(&self) -> i64 {
        // Steps −N+1 ..= N−1 of the table around giant step j must reach 2^w − 1.
        let reach = self.table.bits.entries() - 1;
        let giant_steps = ceil_div((1 << self.window.0) - 1 - reach, self.stride);
        ceil_div(giant_steps - BLOCK / 2, BLOCK)
    }
}

/// [`BLOCK_LEN`] where amounts are counted.
#[expect(clippy::cast_possible_wrap, reason = "a small constant")]
const BLOCK: i64 = BLOCK_LEN as i64;

/// With fewer blocks than this to either side, a search is over before a thread has started.
const BLOCKS_PARALLEL_MIN: i64 = 16;

/// Baby steps computed between two reports of progress.
const KEYS_PER_REPORT: usize = 256 * BLOCK_LEN;

/// The keys of `b·G` for `0 ≤ b < 2^bits`.
fn baby_keys<S: Ciphersuite, C: Coordinates>(
    bits: TableBits,
    mut progress: impl FnMut(usize, usize),
) -> Vec<u64> {
    let mut keys = vec![0; bits.len()];
    let comb = C::comb(&multiple_of_base::<S, C>(1));
    let piece_len = (KEYS_PER_REPORT / cores()).next_multiple_of(BLOCK_LEN);
    let mut first = 0;
    for round in keys.chunks_mut(KEYS_PER_REPORT) {
        let round_len = round.len();
        thread::scope(|scope| {
            for (i, piece) in round.chunks_mut(piece_len).enumerate() {
                let comb = &comb;
                scope.spawn(move || fill_keys::<S, C>(first + i * piece_len, comb, piece));
            }
        });
        first += round_len;
        progress(first, bits.len());
    }
    keys
}

/// The keys of `first·G`, `(first + 1)·G`, … into `keys`.
fn fill_keys<S: Ciphersuite, C: Coordinates>(first: usize, comb: &C::Comb, keys: &mut [u64]) {
    let amount = |index: usize| i64::try_from(index).expect("at most 2^28");
    let mut centre = multiple_of_base::<S, C>(amount(first + REACH));
    let step = multiple_of_base::<S, C>(BLOCK);
    let mut block = [0; BLOCK_LEN];
    for piece in keys.chunks_mut(BLOCK_LEN) {
        C::keys(&centre, comb, &mut block);
        piece.copy_from_slice(&block[..piece.len()]);
        centre = C::add(&centre, &step);
    }
}

fn multiple_of_base<S: Ciphersuite, C: Coordinates>(m: i64) -> C::Point {
    C::point(S::Group::encode(&S::Group::mul_base_i64(m)).as_ref())
}

/// `⌈a/b⌉`, or 0 if `a` is negative.
fn ceil_div(a: i64, b: i64) -> i64 {
    (a.max(0) + b - 1) / b
}

/// The arm for suites this crate has no coordinates for: with one, it does not compile.
fn unsupported<S: Ciphersuite>() -> ! {
    const {
        assert!(matches!(
            S::ID,
            SuiteId::Ristretto255 | SuiteId::Ffdhe2048 | SuiteId::Ffdhe3072
        ));
    }
    unreachable!("the other arms name every suite that passes the assertion")
}

#[cfg(test)]
mod tests;
