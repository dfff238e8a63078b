//! `tally total`: the total of a book, opened by the token.

use std::path::PathBuf;

use core_nostd::wire::scope::ScopeRecord;
use host_api::{self as api, Scope, Span, Statement};
use serde::Serialize;

use crate::{
    book::Book,
    chain::Chain,
    decode::Decoding,
    failure::{Failure, Result},
    out::hint,
    release,
    server::Server,
    settings::{Settings, Token},
    statement,
    teller::Teller,
};

/// Arguments of `tally total`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id of the book
    #[arg(long)]
    book: String,
    /// Where to begin: a cut number, or a time such as 2026-01-31T23:59:59Z, meaning the latest cut
    /// not after it (in an open book: a position) [default: the beginning]
    #[arg(long, value_name = "T", conflicts_with = "last")]
    from: Option<String>,
    /// Where to end, likewise [default: a cut now, if there are enough entries for one]
    #[arg(long, value_name = "T", conflicts_with = "last")]
    to: Option<String>,
    /// Write the statement to a file, for `tally verify`
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    #[command(flatten)]
    decoding: Decoding,
}

/// What `tally total` prints.
#[derive(Serialize)]
struct Total {
    book: String,
    name: String,
    currency: String,
    total: String,
    entries: u64,
    /// Entries times cap in minor units: no such total is larger.
    bound: String,
    /// What it covers of each chain; empty for an open book.
    ranges: Vec<Span>,
    statement: Statement,
}

/// Opens it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let server = settings.server()?;
    let book = Book::find(&server, &args.book)?;
    let statement = match Teller::unlocked(settings, &server)? {
        Some(teller) => {
            let (from, to) = (args.from.as_deref(), args.to.as_deref());
            teller.total(&book, from, to, &args.decoding)?
        }
        None => open(settings, &server, &book, args)?,
    };
    if let Some(path) = &args.statement {
        statement::write(path, &statement)?;
    }
    print(settings, &book, statement)
}

/// Opens it with the token that is here, and publishes the statement.
fn open(settings: &Settings, server: &Server, book: &Book, args: &Args) -> Result<Statement> {
    let mut token = settings.unlocked_token()?;
    let decoding = &args.decoding;
    let statement = if decoding.last {
        book.on_token(&mut token)?;
        let is_total = |scope: &_| !matches!(scope, ScopeRecord::Balance { .. });
        release::last(&mut token, book, is_total, decoding)?
    } else if book.is_open() {
        book.on_token(&mut token)?;
        let sum = encrypted(server, book, args, None)?;
        release::open_sum(&mut token, book, &sum, decoding)?
    } else {
        let missing = bring_up_to_date(settings, server, &mut token, book, args.to.is_none())?;
        let sum = encrypted(server, book, args, missing)?;
        release::total(&mut token, book, &sum, decoding)?
    };
    server.post_statement(&statement)?;
    Ok(statement)
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

fn print(settings: &Settings, book: &Book, statement: Statement) -> Result<()> {
    let ranges = match &statement.scope {
        Scope::Total { ranges } => ranges.clone(),
        Scope::Balance { .. } | Scope::Open => Vec::new(),
    };
    let mut text = format!("{} {}", book.rules.currency, statement.amount);
    text += &format!("\n{} entries of \"{}\"", statement.count, book.rules.name);
    for Span { writer, from, to } in ranges.iter().filter(|range| range.from < range.to) {
        text += &format!("\n  writer {writer}, {from} to {}", to - 1);
    }
    let total = Total {
        book: book.id.to_string(),
        name: book.rules.name.clone(),
        currency: book.rules.currency.to_string(),
        total: statement.amount.clone(),
        entries: statement.count,
        bound: book.bound(statement.count).to_string(),
        ranges,
        statement,
    };
    settings.format.print(&text, &total)
}
