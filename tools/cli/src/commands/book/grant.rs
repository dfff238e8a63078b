//! `tally book grant` and `tally book take`: a book for a writer that was enrolled before it was
//! made. The file between the two holds nothing secret, and nobody can change it unnoticed.

use std::{fs, path::Path};

use host_api::{self as api, Base64};
use serde::{Deserialize, Serialize};
use token_client::BookGrant;

use crate::{
    book::{Book, on_token},
    commands::token::writers,
    failure::{Failure, Result},
    out,
    settings::Settings,
};

/// Says what the file is.
const FORMAT: &str = "tallystick-book-grant-v1";

/// The file.
#[derive(Serialize, Deserialize)]
struct GrantFile {
    format: String,
    /// Whom it is for.
    writer: String,
    book: api::Book,
    /// The treasury's, for this writer.
    mac: Base64,
}

/// What `take` prints.
#[derive(Serialize)]
struct Taken {
    book: String,
    name: String,
}

/// Prints a grant, asked of the treasury.
pub fn grant(settings: &Settings, name: &str, writer: &str) -> Result<()> {
    let to = writers::parse(writer)?;
    let mut token = settings.unlocked_token()?;
    let book = on_token(&mut token, name)?;
    let grant = token.grant_book(book.id, to)?;
    let document = Book {
        id: book.id,
        rules: grant.rules,
        public_key: grant.public_key.to_vec(),
    };
    let file = GrantFile {
        format: FORMAT.to_owned(),
        writer: to.to_string(),
        book: document.to_api(),
        mac: grant.mac.to_vec().into(),
    };
    let text = serde_json::to_string_pretty(&file).map_err(Failure::failed)?;
    out::line(&text)
}

/// Hands a grant to the writer.
pub fn take(settings: &Settings, path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
    let grant = read(&text).ok_or_else(|| {
        let path = path.display();
        Failure::usage(format!(
            "{path}: not a grant of a book (`tally book grant`)"
        ))
    })?;
    let book = settings.unlocked_token()?.take_book(&grant)?;
    let taken = Taken {
        book: book.id.to_string(),
        name: book.rules.name,
    };
    let text = format!("the token has book \"{}\"", taken.name);
    settings.format.print(&text, &taken)
}

fn read(text: &str) -> Option<BookGrant> {
    let file: GrantFile = serde_json::from_str(text).ok()?;
    let book = Book::from_api(&file.book).filter(|_| file.format == FORMAT)?;
    Some(BookGrant {
        rules: book.rules,
        public_key: book.public_key.try_into().ok()?,
        mac: file.mac.0.try_into().ok()?,
    })
}
