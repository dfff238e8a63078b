//! `tally token enrol`: an empty token becomes a writer of a treasury, both plugged into this host,
//! which relays what they say and learns nothing from it.

use std::path::PathBuf;

use core_nostd::book::BookKind;
use serde::Serialize;
use token_client::{Address, Client, EnrolmentError, EnrolmentPress, enrol};

use crate::{
    failure::{Failure, Result},
    out::hint,
    pin::PinSource,
    settings::{Settings, Token},
};

/// Options of `tally token enrol`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The treasury [default: the token of the other commands]. A token on another machine can be
    /// reached through its forwarded port
    #[arg(long, value_name = "ADDRESS")]
    treasury: Option<Address>,
    /// The empty token
    #[arg(long, value_name = "ADDRESS")]
    writer: Address,
    /// What people call the writer, up to 32 bytes
    #[arg(long)]
    name: String,
    /// A file whose first line is the writer's PIN (else asked for)
    #[arg(long, value_name = "FILE")]
    writer_pin_file: Option<PathBuf>,
}

/// What is printed.
#[derive(Serialize)]
struct Enrolled {
    writer: String,
    name: String,
    /// Names of the books it was given.
    books: Vec<String>,
}

/// Runs it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let treasury = match &args.treasury {
        Some(address) => Client::connect(address)?,
        None => settings.token()?,
    };
    let mut treasury = settings.unlock(treasury)?;
    let mut writer = Client::connect(&args.writer)?;
    let pin = PinSource {
        file: args.writer_pin_file.clone(),
        variable: None,
    };
    let pin = pin.read_new("PIN of the writer, 6 to 16 characters")?;
    let id = enrol(&mut treasury, &mut writer, &args.name, &pin, tell).map_err(refused)?;
    writer.hello()?;
    let enrolled = Enrolled {
        writer: id.to_string(),
        name: args.name.clone(),
        books: give_books(&mut treasury, &mut writer)?,
    };
    let books = match &enrolled.books[..] {
        [] => "no books yet".to_owned(),
        books => books.join(", "),
    };
    let text = format!("enrolled \"{}\" as {id}, with {books}", args.name);
    settings.format.print(&text, &enrolled)
}

fn tell(press: EnrolmentPress) {
    match press {
        EnrolmentPress::Offer => hint("press the button on the treasury to begin an enrolment"),
        EnrolmentPress::Compare { code } => hint(&format!(
            "both tokens show a code, which should be {code:06}: press both buttons if the tokens \
             themselves show the same, and deny if not. This host may be lying"
        )),
    }
}

/// Which of the two tokens it was.
fn refused(error: EnrolmentError) -> Failure {
    let text = error.to_string();
    let failure = match error {
        EnrolmentError::Treasury(error)
        | EnrolmentError::Writer(error)
        | EnrolmentError::Unfinished { error, .. } => Failure::from(error),
    };
    Failure::new(failure.exit, text)
}

/// Every authenticated book of the treasury.
fn give_books(treasury: &mut Token, writer: &mut Token) -> Result<Vec<String>> {
    let to = writer.info().writer;
    let to = to.ok_or_else(|| Failure::failed("the writer has not become one"))?;
    let mut given = Vec::new();
    for book in treasury.books()? {
        if book.rules.kind == BookKind::Authenticated {
            let grant = treasury.grant_book(book.id, to)?;
            writer.take_book(&grant)?;
            given.push(book.rules.name);
        }
    }
    Ok(given)
}
