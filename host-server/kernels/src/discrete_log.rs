//! Small discrete logarithms: from `D = m·G` back to `m`, by signed baby-step giant-step.
//!
//! With `N` baby steps in a table, `D + j·(2N − 1)·G` is looked up for `j = 0, ±1, ±2, …`: nearest
//! totals first. A baby step `b` answers for `b·G` and `−b·G`, so one giant step covers `2N − 1`
//! amounts, and `|m| < 2^w` takes at most `(2^w − N)/(2N − 1)` of them to either side, rounded up
//! to whole blocks.
//!
//! The table only says whether an element is a baby step, in three bytes a step, and is wrong about
//! it once in some 2^14 times. Which one it is comes out of a second, small search, of one block,
//! among the first `K` baby steps, whose keys are kept in full. What comes out of that is checked
//! (`m·G == D`) before it is returned, so nothing wrong is ever found, and nothing overlooked.
//!
//! A table serves every window: its size decides only how long one takes. A look-up takes some
//! 80 ns to 150 ns of a core on ristretto255, as far as the table stays in its cache. So an amount
//! at the end of the window, or outside, takes (the mean is half of it;
//! `examples/discrete_log_times.rs` measures):
//!
//! | suite | table | window | look-ups | one core of a small server |
//! |---|---|---|---:|---:|
//! | ristretto255 | 2^18, 0.8 MB | 2^32 | 16,384 | 2.0 ms |
//! | ristretto255 | 2^22, 12.6 MB | 2^32 | 1,024 | 0.5 ms |
//! | ristretto255 | 2^22, 12.6 MB | 2^40 | 262,144 | 41 ms; on two cores 21 ms |
//! | ffdhe2048 | 2^18, 0.8 MB | 2^32 | 16,384 | 31 ms |
//! | ffdhe3072 | 2^18, 0.8 MB | 2^32 | 16,384 | 62 ms |
//!
//! Each bit of window doubles the time, each bit of table halves it, and all cores share it.
//! Everything here takes variable time, and `D` is the total that is being opened.

use std::marker::PhantomData;

use core_nostd::{
    ciphersuite::{Ciphersuite, Element, SuiteId},
    group::{
        Group,
        ffdhe::{Prime2048, Prime3072},
    },
};

use baby_steps::{FirstSteps, baby_keys};
use coordinates::{Coordinates, edwards25519::Edwards25519, torus::Torus};
use filter::KeyFilter;
use search::Search;

mod baby_steps;
mod coordinates;
mod file;
mod filter;
mod search;
mod size;

pub use file::TableFileError;
pub use size::{TableBits, Window};

/// The baby steps of a suite: `b·G` for `0 ≤ b < 2^bits`, findable by a key.
#[derive(Debug, PartialEq, Eq)]
pub struct DiscreteLogTable<S> {
    bits: TableBits,
    filter: KeyFilter,
    first_steps: FirstSteps,
    suite: PhantomData<S>,
}

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
    /// Computes the baby steps on all cores, calling `progress(done, total)` now and then. While it
    /// does, it needs eight bytes more for each.
    pub fn build(bits: TableBits, progress: impl FnMut(usize, usize)) -> Self {
        let keys = match S::ID {
            SuiteId::Ristretto255 => baby_keys::<S, Edwards25519>(bits.len(), progress),
            SuiteId::Ffdhe2048 => baby_keys::<S, Torus<Prime2048, _>>(bits.len(), progress),
            SuiteId::Ffdhe3072 => baby_keys::<S, Torus<Prime3072, _>>(bits.len(), progress),
            _ => unsupported::<S>(),
        };
        Self::with_filter(bits, KeyFilter::new(&keys))
    }

    /// The `m` in `window` with `m·G == d`.
    ///
    /// # Errors
    /// [`OutOfRange`] if there is none. Finding that out costs the whole window.
    pub fn solve(&self, d: &Element<S>, window: Window) -> Result<i64, OutOfRange> {
        self.solve_with_progress(d, window, &|_, _| ())
    }

    /// Like [`Self::solve`], calling `progress(done, total)` after each block: how many giant steps
    /// have been looked up, and how many there are in the window. It is called by several threads.
    ///
    /// # Errors
    /// Those of [`Self::solve`]; `done` is then `total`.
    pub fn solve_with_progress(
        &self,
        d: &Element<S>,
        window: Window,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<i64, OutOfRange> {
        let found = match S::ID {
            SuiteId::Ristretto255 => self.search::<Edwards25519>(d, window, progress),
            SuiteId::Ffdhe2048 => self.search::<Torus<Prime2048, _>>(d, window, progress),
            SuiteId::Ffdhe3072 => self.search::<Torus<Prime3072, _>>(d, window, progress),
            _ => unsupported::<S>(),
        };
        found.ok_or(OutOfRange {
            window_bits: window.get(),
        })
    }

    /// The size of this table.
    #[must_use]
    pub fn bits(&self) -> TableBits {
        self.bits
    }

    /// The table with this filter, which is that of all its baby steps.
    fn with_filter(bits: TableBits, filter: KeyFilter) -> Self {
        let first_steps = match S::ID {
            SuiteId::Ristretto255 => FirstSteps::new::<S, Edwards25519>(bits),
            SuiteId::Ffdhe2048 => FirstSteps::new::<S, Torus<Prime2048, _>>(bits),
            SuiteId::Ffdhe3072 => FirstSteps::new::<S, Torus<Prime3072, _>>(bits),
            _ => unsupported::<S>(),
        };
        Self {
            bits,
            filter,
            first_steps,
            suite: PhantomData,
        }
    }

    fn search<C: Coordinates>(
        &self,
        d: &Element<S>,
        window: Window,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Option<i64> {
        Search::<S, C>::new(self, d, window, progress).run()
    }
}

fn multiple_of_base<S: Ciphersuite, C: Coordinates>(m: i64) -> C::Point {
    C::point(S::Group::encode(&S::Group::mul_base_i64(m)).as_ref())
}

/// A small length or position, where amounts are counted.
fn amount(len: usize) -> i64 {
    i64::try_from(len).expect("no table and no block is longer than 2^28")
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
