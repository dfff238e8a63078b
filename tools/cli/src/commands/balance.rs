//! `tally balance`: one account, opened by the token.

use host_api::Statement;
use serde::Serialize;

use crate::{
    book::Book,
    chain::Chain,
    commands::account::check_nid,
    failure::{Failure, Result},
    release,
    settings::Settings,
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
}

/// What `tally balance` prints.
#[derive(Serialize)]
struct Balance {
    book: String,
    name: String,
    account: String,
    currency: String,
    balance: String,
    entries: u64,
    statement: Statement,
}

/// Opens it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    check_nid(&args.nid)?;
    let server = settings.server()?;
    let book = Book::find(&server, &args.book)?;
    book.require_authenticated("it has no accounts, hence no balances")?;
    let spool = settings.spool()?;
    let mut token = settings.unlocked_token()?;
    // What was posted and has not arrived yet belongs to the balance.
    Chain::open(&server, &mut token, &spool, &book)?;
    let account = token.handle(book.id, &args.nid)?.handle;
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
    let statement = release::balance(&server, &mut token, &book, account, &sum)?;
    let text = format!("{} {}", book.rules.currency, statement.amount);
    let balance = Balance {
        book: book.id.to_string(),
        name: book.rules.name.clone(),
        account: account.to_string(),
        currency: book.rules.currency.to_string(),
        balance: statement.amount.clone(),
        entries: sum.count,
        statement,
    };
    settings.format.print(&text, &balance)
}
