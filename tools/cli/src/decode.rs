//! From `D = mG` back to the amount, with a table of baby steps that is built once and kept.

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteVisitor},
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

/// How the amount behind a release is found.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Decoding {
    /// Decode what the token opened last, instead of opening anything: nobody presses a button
    #[arg(long)]
    pub last: bool,
    /// Look for amounts below 2^BITS minor units, 1 to 61; each bit doubles the time [default: as
    /// far as entries times cap reach, at most 48]
    #[arg(long, value_name = "BITS", value_parser = window)]
    pub window: Option<Window>,
    /// Look with a table of 2^BITS entries of three bytes, 1 to 28, which is kept; each bit halves
    /// the time [default: 22, in the ffdhe suites 18]
    #[arg(long, value_name = "BITS", value_parser = table_bits)]
    pub table_bits: Option<TableBits>,
}

impl Decoding {
    /// Says, before anything is opened, whether a sum of `count` entries is sure to be decoded.
    pub fn announce(&self, book: &Book, count: u64) {
        hint(&self.prospect(book, count));
    }

    /// The amount behind a release. It is at most `bound` in absolute value, if the entries were
    /// counted and none is above the cap.
    pub fn amount(
        &self,
        book: &Book,
        released: &OwnedStatement,
        bound: Option<u128>,
    ) -> Result<i64> {
        let window = self.window(bound);
        let search = Search {
            d: &released.d,
            window,
            bits: self.table_bits,
        };
        let minor = book.rules.suite.dispatch(search)?;
        minor.ok_or_else(|| {
            let text = out_of_range(book, &released.scope, bound, window);
            Failure::failed(text)
        })
    }

    fn window(&self, bound: Option<u128>) -> Window {
        let usual = || bound.map_or(Window::DEFAULT, Window::for_bound);
        self.window.unwrap_or_else(usual)
    }

    fn prospect(&self, book: &Book, count: u64) -> String {
        let bound = book.bound(count);
        let window = self.window(Some(bound));
        let (limit, reach) = (within(book, bound), within(book, window.largest()));
        if book.is_open() {
            format!(
                "{count} entries, meant to be {limit} together, will be looked for {reach}; nobody \
                 holds the entries of an open book to its cap"
            )
        } else if window.holds(bound) {
            format!("{count} entries are {limit} together, which is sure to be decoded")
        } else {
            format!(
                "warning: {count} entries are {limit} together, and are looked for {reach} only: \
                 what is opened may stay undecoded until it is looked for with a wider --window"
            )
        }
    }
}

/// Reads `--window`.
fn window(text: &str) -> Result<Window, String> {
    let window = text.parse().ok().and_then(Window::new);
    window.ok_or_else(|| format!("a window has 1 to {} bits", Window::MAX.get()))
}

/// Reads the size of a table.
pub fn table_bits(text: &str) -> Result<TableBits, String> {
    let bits = text.parse().ok().and_then(TableBits::new);
    bits.ok_or_else(|| format!("a table has 1 to {} bits", TableBits::MAX.get()))
}

struct Search<'a> {
    d: &'a [u8],
    window: Window,
    bits: Option<TableBits>,
}

impl SuiteVisitor for Search<'_> {
    type Output = Result<Option<i64>>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let d = S::Group::decode(self.d).map_err(|error| {
            Failure::failed(format!("the token's answer does not decode: {error}"))
        })?;
        let bits = self.bits.unwrap_or(TableBits::default_for(S::ID));
        let table = table::<S>(bits)?;
        let bar = bar("looking for the amount");
        let minor = table.solve_with_progress(&d, self.window, &|done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        Ok(minor.ok())
    }
}

/// The table of a suite: from the cache, or built and put there.
pub fn table<S: Ciphersuite>(bits: TableBits) -> Result<DiscreteLogTable<S>> {
    let folder = dirs::cache()?;
    let bar = bar(&format!("building the table for {}, once", S::ID));
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

fn bar(message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:30} {percent} % {eta}")
        .expect("the template is a constant");
    ProgressBar::no_length()
        .with_style(style)
        .with_message(message.to_owned())
}

/// "between -X and X EUR".
fn within(book: &Book, most: impl TryInto<i64> + std::fmt::Display + Copy) -> String {
    let currency = book.rules.currency;
    match most.try_into() {
        Ok(minor) => {
            let most = book.amount(minor);
            format!("between -{most} and {most} {currency}")
        }
        Err(_) => format!("between -{most} and {most} minor units of {currency}"),
    }
}

fn out_of_range(book: &Book, scope: &ScopeRecord, bound: Option<u128>, window: Window) -> String {
    let reach = within(book, window.largest());
    let bound_text = bound.map_or_else(String::new, |bound| {
        format!(" (entries times cap allow {})", within(book, bound))
    });
    let command = match scope {
        ScopeRecord::Balance { .. } => "balance",
        _ => "total",
    };
    let needed = bound.and_then(Window::holding).unwrap_or(Window::MAX);
    let wider = if needed > window {
        format!(
            "`tally {command} --last --window {}` looks further in what is opened already, and \
             needs no button; do that first, because the token keeps only what it opened last. \
             Each bit doubles the time; `tally table build` makes a larger table, each bit of \
             which halves it",
            needed.get()
        )
    } else {
        "It is not as small as entries times cap promise: an entry is above the cap, or the count \
         is wrong"
            .to_owned()
    };
    let parts = match scope {
        ScopeRecord::Total(_) => {
            "Or open the book in parts, cut by cut: `tally cut list`, then `tally total --from N \
             --to M`"
        }
        ScopeRecord::Balance { .. } => {
            "It can also be shown again once postings have brought it back into that range"
        }
        _ => {
            "Or open the book in parts: `tally total --from POSITION --to POSITION`. In an open \
             book an entry may also hold more than the cap, which nobody checks"
        }
    };
    format!(
        "the sum was opened, but it is not {reach}, where it was looked for (a window of {} \
         bits){bound_text}. No money is lost or wrong: it is only not decoded. {wider}. {parts}",
        window.get()
    )
}

#[cfg(test)]
mod tests {
    use core_nostd::book::BookKind;

    use super::*;

    fn book(kind: BookKind) -> Book {
        let statement = crate::statement::tests::sample(kind, 1);
        Book::from_api(&statement.book).expect("a book")
    }

    fn decoding(window: u8) -> Decoding {
        Decoding {
            window: Window::new(window),
            ..Decoding::default()
        }
    }

    #[test]
    fn a_window_is_what_was_asked_for_or_what_entries_times_cap_need() {
        let usual = Decoding::default();
        assert_eq!(usual.window(Some(255)).get(), 8);
        assert_eq!(usual.window(Some(1 << 80)), Window::DEFAULT);
        assert_eq!(usual.window(None), Window::DEFAULT);
        assert_eq!(decoding(60).window(Some(255)).get(), 60);
        for wrong in ["0", "62", "-1", "", "wide"] {
            let error = window(wrong).expect_err("no window");
            assert_eq!(error, "a window has 1 to 61 bits");
            let error = table_bits(wrong).expect_err("no size");
            assert_eq!(error, "a table has 1 to 28 bits");
        }
        assert_eq!(window("61"), Ok(Window::MAX));
        assert_eq!(table_bits("28"), Ok(TableBits::MAX));
    }

    #[test]
    fn whether_a_sum_is_sure_to_be_decoded_is_said_beforehand() {
        let book = book(BookKind::Authenticated);
        let sure = Decoding::default().prospect(&book, 3);
        let expected = "between -30000.00 and 30000.00 EUR together, which is sure to be decoded";
        assert!(sure.contains(expected), "{sure}");
        let unsure = decoding(20).prospect(&book, 3);
        assert!(unsure.starts_with("warning:"), "{unsure}");
        assert!(
            unsure.contains("between -10485.75 and 10485.75 EUR only"),
            "{unsure}"
        );
        let huge = Decoding::default().prospect(&book, u64::MAX);
        assert!(
            huge.starts_with("warning:") && huge.contains("minor units"),
            "{huge}"
        );
    }

    #[test]
    fn a_sum_that_is_too_large_says_bound_window_and_what_helps() {
        let book = book(BookKind::Open);
        let window = Window::new(20).expect("in range");
        let text = |scope| out_of_range(&book, &scope, Some(5_000_000), window);
        let total = text(ScopeRecord::Total([].into_iter().collect()));
        for words in [
            "between -10485.75 and 10485.75 EUR",
            "a window of 20 bits",
            "allow between -50000.00 and 50000.00 EUR",
            "`tally total --last --window 23`",
            "cut by cut",
        ] {
            assert!(total.contains(words), "{words}: {total}");
        }
        assert!(text(ScopeRecord::Open).contains("more than the cap"));
        let text = out_of_range(&book, &ScopeRecord::Open, Some(5), window);
        assert!(text.contains("above the cap"), "{text}");
    }
}
