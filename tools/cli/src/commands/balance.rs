//! `tally balance`: one account, opened by the token. Its statement is not published: who may see
//! it is between the holder and whoever asked.

use std::path::PathBuf;

use host_api::{Scope, Statement};
use serde::Serialize;

use crate::{
    book::Book,
    chain::Chain,
    commands::account::check_nid,
    failure::{Failure, Result},
    release,
    server::Server,
    settings::Settings,
    statement,
    teller::Teller,
};

/// Arguments of `tally balance`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id of the book
    #[arg(long)]
    book: String,
    /// The holder's national id
    #[arg(long)]
    nid: String,
    /// Write the statement to a file, for `tally verify`
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
}

/// What `tally balance` prints.
#[derive(Serialize)]
struct Balance {
    book: String,
    name: String,
    account: String,
    currency: String,
    balance: String,
    /// How many entries it is the sum of, if the token is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    statement: Statement,
}

/// Opens it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    check_nid(&args.nid)?;
    let server = settings.server()?;
    let book = Book::find(&server, &args.book)?;
    book.require_authenticated("it has no accounts, hence no balances")?;
    let (statement, entries) = match Teller::unlocked(settings, &server)? {
        Some(teller) => (teller.balance(&book, &args.nid)?, None),
        None => open(settings, &server, &book, &args.nid)?,
    };
    if let Some(path) = &args.statement {
        statement::write(path, &statement)?;
    }
    let Scope::Balance { account, .. } = &statement.scope else {
        return Err(Failure::failed("the statement is not about a balance"));
    };
    let text = format!("{} {}", book.rules.currency, statement.amount);
    let balance = Balance {
        book: book.id.to_string(),
        name: book.rules.name.clone(),
        account: account.clone(),
        currency: book.rules.currency.to_string(),
        balance: statement.amount.clone(),
        entries,
        statement,
    };
    settings.format.print(&text, &balance)
}

/// Opens it with the token that is here.
fn open(
    settings: &Settings,
    server: &Server,
    book: &Book,
    nid: &str,
) -> Result<(Statement, Option<u64>)> {
    let spool = settings.spool()?;
    let mut token = settings.unlocked_token()?;
    // What was posted and has not arrived yet belongs to the balance.
    Chain::open(server, &mut token, &spool, book)?;
    let account = token.handle(book.id, nid)?.handle;
    let sum = server.balance(book.id, account).map_err(|error| {
        let is_empty = ["unknown-account", "nothing-to-sum"]
            .iter()
            .any(|name| error.is_problem(name));
        if is_empty {
            Failure::failed(format!(
                "nothing was ever posted to an account of this id in \"{}\"",
                book.rules.name
            ))
        } else {
            error.into()
        }
    })?;
    let statement = release::balance(&mut token, book, account, &sum)?;
    Ok((statement, Some(sum.count)))
}
