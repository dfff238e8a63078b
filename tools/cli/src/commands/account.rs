//! `tally account open`: an account for a NID.

use clap::Subcommand;
use core_nostd::nid::Nid;
use serde::Serialize;

use crate::{
    book::Book,
    failure::{Failure, Result},
    settings::Settings,
};

/// Subcommands of `tally account`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open an account, or find it, and print its handle
    Open {
        /// Name or id of the book
        #[arg(long)]
        book: String,
        /// The holder's national id
        #[arg(long)]
        nid: String,
    },
}

/// What `tally account open` prints.
#[derive(Serialize)]
struct Opened {
    book: String,
    account: String,
}

/// Runs one.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    let Command::Open { book, nid } = command;
    check_nid(nid)?;
    let server = settings.server()?;
    let book = Book::find(&server, book)?;
    book.require_authenticated("it has no accounts")?;
    let mut token = settings.unlocked_token()?;
    book.on_token(&mut token)?;
    let account = token.handle(book.id, nid)?;
    server.open_account(book.id, account.handle, &account.sealed_nid)?;
    let opened = Opened {
        book: book.id.to_string(),
        account: account.handle.to_string(),
    };
    settings.format.print(&opened.account, &opened)
}

/// Refuses what the token would refuse, without repeating it.
pub fn check_nid(nid: &str) -> Result<()> {
    match Nid::normalise(nid) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::usage(format!("--nid: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_id_is_wrong_use_and_not_repeated() {
        let nid = "7".repeat(40);
        let failure = check_nid(&nid).expect_err("too long");
        assert_eq!(
            failure.text,
            "--nid: an id has at most 32 letters and digits"
        );
        assert_eq!(failure.exit, crate::failure::Exit::Usage);
        assert!(check_nid("ab-12").is_ok());
    }
}
