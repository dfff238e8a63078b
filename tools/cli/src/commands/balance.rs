//! `tally balance`: one account, opened by the token. Its statement is not published: who may see
//! it is between the holder and whoever asked.

use std::path::PathBuf;

use core_nostd::wire::scope::ScopeRecord;
use host_api::{Scope, Statement, teller::Released};
use serde::Serialize;

use crate::{
    book::Book,
    chain::Chain,
    commands::account::check_nid,
    decode::Decoding,
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
    #[command(flatten)]
    decoding: Decoding,
}

/// What `tally balance` prints.
#[derive(Serialize)]
struct Balance {
    book: String,
    name: String,
    account: String,
    currency: String,
    balance: String,
    /// Entries times cap in minor units: no such balance is larger. Absent with `--last`, where
    /// nobody counted the entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<String>,
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
    let Opened {
        statement,
        entries,
        bound,
    } = match Teller::unlocked(settings, &server)? {
        Some(teller) => {
            let Released { statement, bound } = teller.balance(&book, &args.nid, &args.decoding)?;
            Opened {
                statement,
                entries: None,
                bound,
            }
        }
        None => open(settings, &server, &book, args)?,
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
        bound,
        entries,
        statement,
    };
    settings.format.print(&text, &balance)
}

/// A balance with what is known of its size.
struct Opened {
    statement: Statement,
    entries: Option<u64>,
    bound: Option<String>,
}

/// Opens it with the token that is here.
fn open(settings: &Settings, server: &Server, book: &Book, args: &Args) -> Result<Opened> {
    let Args { nid, decoding, .. } = args;
    let mut token = settings.unlocked_token()?;
    if decoding.last {
        book.on_token(&mut token)?;
        let asked = token.handle(book.id, nid)?.handle;
        let is_it =
            |scope: &_| matches!(scope, ScopeRecord::Balance { account, .. } if *account == asked);
        return Ok(Opened {
            statement: release::last(&mut token, book, is_it, decoding)?,
            entries: None,
            bound: None,
        });
    }
    let spool = settings.spool()?;
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
    Ok(Opened {
        statement: release::balance(&mut token, book, account, &sum, decoding)?,
        entries: Some(sum.count),
        bound: Some(book.bound(sum.count).to_string()),
    })
}
