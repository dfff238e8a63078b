//! From `D = mG` back to the amount: tables of baby steps, one a suite, built when first needed.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    group::Group,
};
use host_kernels::discrete_log::{DiscreteLogTable, TableBits, Window};

/// The tables of all suites. A clone is the same tables.
#[derive(Clone, Default)]
pub struct Tables(Arc<Mutex<HashMap<SuiteId, Table>>>);

/// A [`DiscreteLogTable`] of the suite it is kept under.
type Table = Arc<dyn Any + Send + Sync>;

impl Tables {
    /// The `m` with `mG = d`, if `|m|` is at most `bound` or 2^48; heavy work. The first time it
    /// also builds the table.
    pub fn solve(&self, suite: SuiteId, d: &[u8], bound: u128) -> Option<i64> {
        suite.dispatch(Solve {
            tables: self,
            d,
            window: window(bound),
        })
    }

    /// Builds the table of a suite, so that nobody has to wait for it later.
    pub fn prepare(&self, suite: SuiteId) {
        suite.dispatch(Prepare(self));
    }

    fn get<S: Ciphersuite>(&self) -> Arc<DiscreteLogTable<S>> {
        // A table is put in whole, so a panic elsewhere leaves the map as good as it was.
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || -> Table { Arc::new(DiscreteLogTable::<S>::build(bits(S::ID), |_, _| ())) };
        let table = Arc::clone(tables.entry(S::ID).or_insert_with(build));
        table
            .downcast()
            .expect("the table under a suite's name is of that suite")
    }
}

struct Solve<'a> {
    tables: &'a Tables,
    d: &'a [u8],
    window: Window,
}

impl SuiteVisitor for Solve<'_> {
    type Output = Option<i64>;
    fn visit<S: Ciphersuite>(self) -> Option<i64> {
        let d = S::Group::decode(self.d).ok()?;
        self.tables.get::<S>().solve(&d, self.window).ok()
    }
}

struct Prepare<'a>(&'a Tables);

impl SuiteVisitor for Prepare<'_> {
    type Output = ();
    fn visit<S: Ciphersuite>(self) {
        self.0.get::<S>();
    }
}

/// In the finite-field groups an addition costs far more, and their books are small.
fn bits(suite: SuiteId) -> TableBits {
    match suite {
        SuiteId::Ristretto255 => TableBits::DEFAULT,
        _ => TableBits::new(18).unwrap_or(TableBits::DEFAULT),
    }
}

/// The narrowest window that holds every amount up to `bound`, or the widest there is.
fn window(bound: u128) -> Window {
    let bits = (u128::BITS - bound.leading_zeros()).max(1);
    u8::try_from(bits)
        .ok()
        .and_then(Window::new)
        .unwrap_or(Window::MAX)
}

#[cfg(test)]
mod tests {
    use core_nostd::{ciphersuite::Ristretto255Sha512, group::ristretto255::Ristretto255};

    use super::*;

    #[test]
    fn the_window_holds_the_bound_and_never_more_than_there_is() {
        for (bound, bits) in [(0, 1), (1, 1), (2, 2), (255, 8), (256, 9), (1 << 47, 48)] {
            assert_eq!(window(bound).get(), bits, "{bound}");
        }
        assert_eq!(window(1 << 48), Window::MAX);
        assert_eq!(window(u128::MAX), Window::MAX);
    }

    #[test]
    fn an_amount_is_found_within_its_bound_and_not_outside_the_window() {
        let tables = Tables::default();
        // A small table is as right as a large one.
        let bits = TableBits::new(8).expect("in range");
        let small = DiscreteLogTable::<Ristretto255Sha512>::build(bits, |_, _| ());
        let id = SuiteId::Ristretto255;
        tables
            .0
            .lock()
            .expect("not poisoned")
            .insert(id, Arc::new(small));
        let d = Ristretto255::encode(&Ristretto255::mul_base_i64(-70_000));
        assert_eq!(tables.solve(id, &d, 70_000), Some(-70_000));
        assert_eq!(tables.solve(id, &d, 60_000), None);
    }
}
