//! `tally total`: the total of a book, opened by the token.

use std::path::{Path, PathBuf};

use host_api::{self as api, Statement};
use serde::Serialize;

use crate::{
    book::Book,
    chain::Chain,
    durable,
    failure::{Failure, Result},
    out::hint,
    release,
    server::Server,
    settings::{Settings, Token},
};

/// Arguments of `tally total`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id of the book
    #[arg(long)]
    book: String,
    /// Where to begin: a cut number, or a time such as 2026-01-31T23:59:59Z, meaning the latest cut
    /// not after it (in an open book: a position) [default: the beginning]
    #[arg(long, value_name = "T")]
    from: Option<String>,
    /// Where to end, likewise [default: a cut now, if there are enough entries for one]
    #[arg(long, value_name = "T")]
    to: Option<String>,
    /// Write the statement to a file, for `tally verify`
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
}

/// What `tally total` prints.
#[derive(Serialize)]
struct Total {
    book: String,
    name: String,
    currency: String,
    total: String,
    entries: u64,
    ranges: Vec<Range>,
    statement: Statement,
}

/// What a total covers of one chain.
#[derive(Serialize)]
struct Range {
    writer: String,
    from: u64,
    to: u64,
}

/// Opens it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let server = settings.server()?;
    let book = Book::find(&server, &args.book)?;
    let mut token = settings.unlocked_token()?;
    let mut left_over = None;
    if book.is_open() {
        book.on_token(&mut token)?;
    } else {
        left_over = bring_up_to_date(settings, &server, &mut token, &book, args.to.is_none())?;
    }
    let sum = encrypted(&server, &book, args, left_over)?;
    let statement = if book.is_open() {
        release::open_sum(&server, &mut token, &book, &sum)?
    } else {
        release::total(&server, &mut token, &book, &sum)?
    };
    if let Some(path) = &args.statement {
        write(path, &statement)?;
    }
    print(settings, &book, sum, statement)
}

/// Delivers what waits and cuts the chain if the total is to end now. Returns how many more entries
/// a cut would need, if there was none.
fn bring_up_to_date(
    settings: &Settings,
    server: &Server,
    token: &mut Token,
    book: &Book,
    ends_now: bool,
) -> Result<Option<u32>> {
    let spool = settings.spool()?;
    let mut chain = Chain::open(server, token, &spool, book)?;
    if !ends_now {
        return Ok(None);
    }
    let last_cut = book.on_token(chain.token)?.last_cut;
    let missing = chain.cut()?.err();
    if missing.is_some() && chain.next_seq > last_cut && last_cut > 0 {
        hint(&format!(
            "the last {} entries of this token's chain are not in it: a total can end there only \
             after {} (the book's rule)",
            chain.next_seq - last_cut,
            book.rules.min_entries
        ));
    }
    Ok(missing)
}

fn encrypted(
    server: &Server,
    book: &Book,
    args: &Args,
    missing: Option<u32>,
) -> Result<api::Total> {
    let total = server.total(book.id, args.from.as_deref(), args.to.as_deref());
    total.map_err(|error| match missing {
        Some(missing) if error.is_problem("nothing-to-sum") => Failure::failed(format!(
            "there is no total yet: a total of \"{}\" has at least {} entries of each writer in \
             it, and {missing} more are needed. That protects single amounts",
            book.rules.name, book.rules.min_entries
        )),
        _ => error.into(),
    })
}

fn write(path: &Path, statement: &Statement) -> Result<()> {
    let mut json = serde_json::to_vec_pretty(statement).map_err(Failure::failed)?;
    json.push(b'\n');
    durable::write(path, &json).map_err(|error| Failure::file(path, error))
}

fn print(settings: &Settings, book: &Book, sum: api::Total, statement: Statement) -> Result<()> {
    let ranges: Vec<_> = sum
        .ranges
        .into_iter()
        .map(|range| Range {
            writer: range.writer,
            from: range.from.position,
            to: range.to.position,
        })
        .collect();
    let mut text = format!("{} {}", book.rules.currency, statement.amount);
    text += &format!("\n{} entries of \"{}\":", sum.count, book.rules.name);
    for Range { writer, from, to } in ranges.iter().filter(|range| range.from < range.to) {
        text += &format!("\n  writer {writer}, {from} to {}", to - 1);
    }
    let total = Total {
        book: book.id.to_string(),
        name: book.rules.name.clone(),
        currency: book.rules.currency.to_string(),
        total: statement.amount.clone(),
        entries: sum.count,
        ranges,
        statement,
    };
    settings.format.print(&text, &total)
}
