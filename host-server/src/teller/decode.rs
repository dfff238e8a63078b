//! From `D = mG` back to the amount: tables of baby steps, one a suite, built when first needed.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use core_nostd::{
    amount::Amount,
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    group::Group,
};
use host_kernels::discrete_log::{DiscreteLogTable, TableBits, Window};

use crate::{
    http::problem::{Kind, Problem, Result},
    ledger::Book,
};

/// The tables of all suites. A clone is the same tables.
#[derive(Clone, Default)]
pub struct Tables(Arc<Mutex<HashMap<SuiteId, Table>>>);

/// A [`DiscreteLogTable`] of the suite it is kept under.
type Table = Arc<dyn Any + Send + Sync>;

impl Tables {
    /// The `m` in the window with `mG = d`; heavy work. The first time it also builds the table.
    pub fn solve(&self, suite: SuiteId, d: &[u8], window: Window) -> Option<i64> {
        suite.dispatch(Solve {
            tables: self,
            d,
            window,
        })
    }

    /// Builds the table of a suite, so that nobody has to wait for it later.
    pub fn prepare(&self, suite: SuiteId) {
        suite.dispatch(Prepare(self));
    }

    fn get<S: Ciphersuite>(&self) -> Arc<DiscreteLogTable<S>> {
        // A table is put in whole, so a panic elsewhere leaves the map as good as it was.
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bits = TableBits::default_for(S::ID);
        let build = || -> Table { Arc::new(DiscreteLogTable::<S>::build(bits, |_, _| ())) };
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

/// The widest window that a request may ask for: some minutes of all cores, with the default table.
pub const WINDOW_BITS_MAX: u8 = 54;

/// The window that a request asks for, if it asks for one.
pub fn window(bits: Option<u8>) -> Result<Option<Window>> {
    let window = |bits: u8| {
        Window::new(bits)
            .filter(|window| window.get() <= WINDOW_BITS_MAX)
            .ok_or_else(|| {
                Kind::InvalidBody.detail(format!(
                    "a window has 1 to {WINDOW_BITS_MAX} bits here; beside the token, `tally total \
                     --last --window` looks further"
                ))
            })
    };
    bits.map(window).transpose()
}

/// That an opened sum was not found, how far it can be, and what helps.
pub fn out_of_range(book: &Book, window: Window, bound: Option<u128>) -> Problem {
    let currency = book.currency;
    let reach = Amount::from_minor(window.largest(), currency);
    let bound = bound.map_or_else(String::new, |bound| {
        format!(" (entries times cap allow {bound} minor units)")
    });
    Kind::OutOfRange.detail(format!(
        "the sum was opened, but it is not between -{reach} and {reach} {currency}, where it was \
         looked for{bound}. It is not lost and not wrong, only not decoded: ask again with \
         \"last\": true and a \"window\" above {} bits, which opens nothing again; or open the \
         book cut by cut",
        window.get()
    ))
}

#[cfg(test)]
mod tests {
    use core_nostd::{ciphersuite::Ristretto255Sha512, group::ristretto255::Ristretto255};

    use super::*;

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
        let window = Window::for_bound;
        assert_eq!(tables.solve(id, &d, window(70_000)), Some(-70_000));
        assert_eq!(tables.solve(id, &d, window(60_000)), None);
    }
}
