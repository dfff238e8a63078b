//! `tally cut`: places where a total can begin or end.

use clap::Subcommand;
use host_api::NumberedCut;
use serde::Serialize;

use crate::{
    book::Book,
    chain::Chain,
    failure::{Exit, Failure, Result},
    settings::Settings,
};

/// Arguments of `tally cut`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    /// Name or id of the book
    #[arg(long, required = true)]
    book: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the cuts of a book
    List {
        /// Name or id of the book
        #[arg(long)]
        book: String,
    },
}

/// What `tally cut` prints.
#[derive(Serialize)]
struct Made {
    book: String,
    writer: String,
    position: u64,
}

/// Cuts, or lists cuts.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    match (&args.command, &args.book) {
        (Some(Command::List { book }), _) => list(settings, book),
        (None, Some(book)) => make(settings, book),
        (None, None) => Err(Failure::usage("which book? Give --book")),
    }
}

fn make(settings: &Settings, name: &str) -> Result<()> {
    let server = settings.server()?;
    let book = Book::find(&server, name)?;
    let spool = settings.spool()?;
    let mut token = settings.unlocked_token()?;
    let mut chain = Chain::open(&server, &mut token, &spool, &book)?;
    let cut = chain.cut()?.map_err(|missing| {
        Failure::new(
            Exit::TokenRefused,
            format_args!(
                "no cut yet: \"{}\" has at least {} entries between two cuts, and {missing} more \
                 are needed",
                book.rules.name, book.rules.min_entries
            ),
        )
    })?;
    let made = Made {
        book: book.id.to_string(),
        writer: chain.writer.to_string(),
        position: cut.position,
    };
    let text = format!(
        "cut at position {} of writer {}",
        made.position, made.writer
    );
    settings.format.print(&text, &made)
}

fn list(settings: &Settings, name: &str) -> Result<()> {
    let server = settings.server()?;
    let book = Book::find(&server, name)?;
    book.require_authenticated("it has no cuts; its totals begin and end at any position")?;
    let cuts = server.cuts(book.id)?;
    let line = |NumberedCut {
                    number,
                    arrived_ms,
                    cut,
                }: &NumberedCut| {
        let time = utc(*arrived_ms);
        format!(
            "{number:>6}  {time}  position {:>10}  writer {}",
            cut.position, cut.writer
        )
    };
    let lines: Vec<_> = cuts.cuts.iter().map(line).collect();
    let text = if lines.is_empty() {
        "there are no cuts".to_owned()
    } else {
        lines.join("\n")
    };
    settings.format.print(&text, &cuts)
}

/// Milliseconds since 1970 as `--from` and `--to` take a time, rounded up to a whole second so that
/// it is not before the cut.
fn utc(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1 January 1970. Years are counted from 1 March, so
/// that the leap day is the last of them, in eras of 400 years, which all have 146,097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    // 1 March of year 0 was 719,468 days before.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March have 31 30 31 30 31 days, over and over: 153 days in five of them.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_server_reads_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1, "1970-01-01T00:00:01Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_800_000, "2000-03-01T00:00:00Z"),
            (1_709_210_096_000, "2024-02-29T12:34:56Z"),
            (1_798_761_599_000, "2026-12-31T23:59:59Z"),
            (4_107_542_399_001, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(ms), text, "{ms}");
        }
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let mut last = civil(0);
        for day in 1..292_194 {
            let next = civil(day);
            let (year, month, day) = last;
            let is_next = next == (year, month, day + 1)
                || (next == (year, month + 1, 1) && day >= 28)
                || (next == (year + 1, 1, 1) && (month, day) == (12, 31));
            assert!(is_next, "{last:?} then {next:?}");
            last = next;
        }
        assert_eq!(last, (2769, 12, 31));
    }
}
