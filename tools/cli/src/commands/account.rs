//! `tally account …`: from a NID to its account and, with the token's leave, back.

use clap::Subcommand;
use core_nostd::{ids::Handle, nid::Nid};
use serde::Serialize;

use crate::{
    book::Book,
    failure::{Failure, Result},
    release::announce,
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
    /// Let the token reveal the national id behind a handle; takes a press, and a token that opens
    /// balances
    Reveal {
        /// Name or id of the book
        #[arg(long)]
        book: String,
        /// The account's handle, 64 hex digits
        #[arg(value_parser = handle)]
        handle: Handle,
    },
}

/// What `tally account open` prints.
#[derive(Serialize)]
struct Opened {
    book: String,
    account: String,
}

/// What `tally account reveal` prints.
#[derive(Serialize)]
struct Revealed<'a> {
    book: String,
    account: String,
    nid: &'a str,
}

/// Runs one.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    match command {
        Command::Open { book, nid } => open(settings, book, nid),
        Command::Reveal { book, handle } => reveal(settings, book, *handle),
    }
}

fn open(settings: &Settings, book: &str, nid: &str) -> Result<()> {
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

fn reveal(settings: &Settings, book: &str, handle: Handle) -> Result<()> {
    let server = settings.server()?;
    let book = Book::find(&server, book)?;
    let account = server.account(book.id, handle, None)?.ok_or_else(|| {
        Failure::failed(format!(
            "book \"{}\" has no account {handle} on the server",
            book.rules.name
        ))
    })?;
    let mut token = settings.unlocked_token()?;
    book.on_token(&mut token)?;
    announce(
        &mut token,
        &format!("reveal ONE NAME of \"{}\"", book.rules.name),
    );
    let nid = token.reveal_nid(book.id, handle, &account.sealed_nid.0)?;
    let revealed = Revealed {
        book: book.id.to_string(),
        account: handle.to_string(),
        nid: &nid,
    };
    settings.format.print(&nid, &revealed)
}

fn handle(text: &str) -> std::result::Result<Handle, &'static str> {
    Handle::from_hex(text).ok_or("a handle has 64 hexadecimal digits")
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
