//! From `D = mG` back to the amount, with a table of baby steps that is built once and kept.

use std::time::Duration;

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    group::Group,
    wire::scope::ScopeRecord,
};
use host_kernels::discrete_log::{DiscreteLogTable, TableBits, TableFileError, Window};
use indicatif::{ProgressBar, ProgressStyle};
use token_client::OwnedStatement;

use crate::{
    book::Book,
    dirs,
    failure::{Failure, Result},
    out::hint,
};

/// The amount behind a release, which is at most `bound` in absolute value if the server counts
/// right.
pub fn amount(book: &Book, released: &OwnedStatement, bound: &str) -> Result<i64> {
    let window = window(bound);
    let d = &released.d;
    let minor = book.rules.suite.dispatch(Decode { d, window })?;
    minor.ok_or_else(|| {
        let text = out_of_range(book, &released.scope, bound, window);
        Failure::failed(text)
    })
}

struct Decode<'a> {
    d: &'a [u8],
    window: Window,
}

impl SuiteVisitor for Decode<'_> {
    type Output = Result<Option<i64>>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let d = S::Group::decode(self.d).map_err(|error| {
            Failure::failed(format!("the token's answer does not decode: {error}"))
        })?;
        let table = table::<S>()?;
        let spinner = ProgressBar::new_spinner().with_message("looking for the amount");
        spinner.enable_steady_tick(Duration::from_millis(200));
        let minor = table.solve(&d, self.window).ok();
        spinner.finish_and_clear();
        Ok(minor)
    }
}

/// The table of a suite: from the cache, or built and put there.
fn table<S: Ciphersuite>() -> Result<DiscreteLogTable<S>> {
    let folder = dirs::cache()?;
    let bits = table_bits(S::ID);
    let bar = ProgressBar::no_length();
    bar.set_style(
        ProgressStyle::with_template("{msg} {bar:30} {percent} %")
            .expect("the template is a constant"),
    );
    bar.set_message(format!("building the table for {}, once", S::ID));
    bar.enable_steady_tick(Duration::from_millis(200));
    let progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let table = match DiscreteLogTable::load_or_build(&folder, bits, progress) {
        // The cache is ours, and what is in it can always be made again.
        Err(error @ (TableFileError::Damaged { .. } | TableFileError::Version { .. })) => {
            hint(&format!("warning: {error}"));
            DiscreteLogTable::rebuild(&folder, bits, progress)
        }
        table => table,
    };
    bar.finish_and_clear();
    table.map_err(Failure::failed)
}

/// In the finite-field groups an addition costs far more, and their books are small.
fn table_bits(suite: SuiteId) -> TableBits {
    match suite {
        SuiteId::Ristretto255 => TableBits::DEFAULT,
        _ => TableBits::new(18).unwrap_or(TableBits::DEFAULT),
    }
}

/// The narrowest window that holds every amount up to `bound`, or the widest there is.
fn window(bound: &str) -> Window {
    let bound: u128 = bound.parse().unwrap_or(u128::MAX);
    let bits = u128::BITS - bound.leading_zeros();
    u8::try_from(bits.max(1))
        .ok()
        .and_then(Window::new)
        .unwrap_or(Window::MAX)
}

fn out_of_range(book: &Book, scope: &ScopeRecord, bound: &str, window: Window) -> String {
    let currency = book.rules.currency;
    let reach = book.amount((1 << window.get()) - 1);
    let bound = match bound.parse() {
        Ok(bound) => format!("{} {currency}", book.amount(bound)),
        Err(_) => format!("{bound} minor units"),
    };
    let advice = match scope {
        ScopeRecord::Total(_) => {
            "Open the book in parts, cut by cut: `tally cut list`, then `tally total --from N \
             --to M`"
        }
        ScopeRecord::Balance { .. } => {
            "It can be shown again once postings have brought it back into that range"
        }
        _ => {
            "Open the book in parts: `tally total --from POSITION --to POSITION`. In an open book \
             an entry may also hold more than the cap, which nobody checks"
        }
    };
    format!(
        "the sum was opened, but it is not between -{reach} and {reach} {currency}, where it was \
         looked for (entries times cap allow {bound}). No money is lost or wrong: it is only not \
         decoded. {advice}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_holds_the_bound_and_never_more_than_there_is() {
        for (bound, bits) in [
            ("0", 1),
            ("1", 1),
            ("2", 2),
            ("255", 8),
            ("256", 9),
            ("281474976710655", 48),
            ("281474976710656", 48),
            ("99999999999999999999999", 48),
            ("nonsense", 48),
        ] {
            assert_eq!(window(bound).get(), bits, "{bound}");
        }
    }

    #[test]
    fn a_sum_that_is_too_large_says_bound_window_and_what_helps() {
        let statement = crate::statement::tests::sample(core_nostd::book::BookKind::Open, 1);
        let book = Book::from_api(&statement.book).expect("a book");
        let text = |scope| out_of_range(&book, &scope, "1000000", window("1000000"));
        let total = text(ScopeRecord::Total([].into_iter().collect()));
        assert!(
            total.contains("between -10485.75 and 10485.75 EUR"),
            "{total}"
        );
        assert!(total.contains("allow 10000.00 EUR"), "{total}");
        assert!(total.contains("cut by cut"), "{total}");
        assert!(text(ScopeRecord::Open).contains("more than the cap"));
    }
}
