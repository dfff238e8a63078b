//! What a restored token takes over from a server: its books, which the same rules make again, and
//! the writers whose entries are to count.

use std::collections::BTreeMap;

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, SuiteId},
    ids::WriterId,
    keys::RootSeed,
    wire::TokenError,
};
use serde::Serialize;

use crate::{
    book::Book,
    failure::{Failure, Result},
    out::hint,
    release::announce,
    server::Server,
    settings::Token,
    terminal::Terminal,
};

/// What was taken over.
#[derive(Debug, Default, Serialize)]
pub struct Adopted {
    /// Names of books that the token has now and did not have before.
    books: Vec<String>,
    /// Books that stay away.
    left_out: Vec<LeftOut>,
    /// Identifiers of writers that were admitted.
    writers: Vec<String>,
}

/// A book that the token does not have.
#[derive(Debug, Serialize)]
struct LeftOut {
    book: String,
    name: String,
    why: &'static str,
}

/// An open book may have a key that was made elsewhere, and a book that is made is never unmade.
const MAYBE_IMPORTED: &str = "an open book may have a key of its own. `tally book create` with the \
    same rules makes it again; if its key was imported, with --import-lightphe FILE";
const IMPORTED: &str = "its key is not of this seed: it was imported (`tally book create` with the \
    same rules and --import-lightphe FILE takes it in again), or it is another token's book";
const OTHER: &str = "its key is not of this seed: it is the book of another token, or the server \
    is lying";
const UNSOUND: &str = "its rules are not those of its id";

/// Makes the server's books on the token, then lets a person admit the server's writers.
///
/// With the seed at hand, a book is made only if its key on the server is the one that it will
/// have.
pub fn adopt(
    server: &Server,
    token: &mut Token,
    seed: Option<&RootSeed>,
    admit: bool,
) -> Result<Adopted> {
    let mut adopted = Adopted::default();
    let known: Vec<_> = token.books()?.into_iter().map(|book| book.id).collect();
    let mut ours = Vec::new();
    for listed in server.books()? {
        let left_out = |why| LeftOut {
            book: listed.book.clone(),
            name: listed.name.clone(),
            why,
        };
        let Some(book) = Book::from_api(&listed) else {
            adopted.left_out.push(left_out(UNSOUND));
            continue;
        };
        if !known.contains(&book.id) {
            if let Err(why) = may_make(&book, seed) {
                adopted.left_out.push(left_out(why));
                continue;
            }
            token.create_book(&book.rules.as_rules())?;
            adopted.books.push(book.rules.name.clone());
        }
        if token.public_key(book.id)? == book.public_key {
            ours.push(book);
        } else {
            adopted.left_out.push(left_out(OTHER));
        }
    }
    adopted.writers = admit_writers(server, token, &ours, admit)?;
    Ok(adopted)
}

impl Adopted {
    /// The same for people.
    pub fn text(&self) -> String {
        let list = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        let mut text = format!(
            "books taken over: {}\nwriters admitted: {}",
            list(&self.books),
            list(&self.writers)
        );
        for LeftOut { name, why, .. } in &self.left_out {
            text += &format!("\nbook \"{name}\" was left out: {why}");
        }
        text
    }
}

/// Whether the token's book of these rules would be this book.
fn may_make(book: &Book, seed: Option<&RootSeed>) -> Result<(), &'static str> {
    match (seed, book.rules.kind) {
        (Some(seed), _) if public_key(seed, book) == book.public_key => Ok(()),
        (Some(_), BookKind::Open) => Err(IMPORTED),
        (Some(_), _) => Err(OTHER),
        (None, BookKind::Open) => Err(MAYBE_IMPORTED),
        (None, _) => Ok(()),
    }
}

/// The public key that a seed gives a book.
fn public_key(seed: &RootSeed, book: &Book) -> Vec<u8> {
    macro_rules! key {
        ($suite:ty) => {
            seed.secret_key::<$suite>(&book.id)
                .public_key()
                .to_bytes()
                .as_ref()
                .to_vec()
        };
    }
    match book.rules.suite {
        SuiteId::Ristretto255 => key!(Ristretto255Sha512),
        SuiteId::Ffdhe2048 => key!(Ffdhe2048Sha512),
        SuiteId::Ffdhe3072 => key!(Ffdhe3072Sha512),
        // Suites of versions to come have no key here, and no book of theirs is made.
        _ => Vec::new(),
    }
}

/// What the server has of a writer.
#[derive(Default)]
struct Found {
    entries: u64,
    books: Vec<String>,
}

/// Asks for each writer that the token does not know whether its entries are to count.
fn admit_writers(
    server: &Server,
    token: &mut Token,
    books: &[Book],
    admit: bool,
) -> Result<Vec<String>> {
    let mut found = BTreeMap::<WriterId, Found>::new();
    for book in books.iter().filter(|book| !book.is_open()) {
        for head in server.heads(book.id)? {
            let writer = WriterId::from_hex(&head.writer)
                .ok_or_else(|| Failure::failed("the server sent a malformed writer"))?;
            let of_writer = found.entry(writer).or_default();
            of_writer.entries += head.next_seq;
            of_writer.books.push(format!("\"{}\"", book.rules.name));
        }
    }
    let own = token.info().writer.ok_or(TokenError::NotProvisioned)?;
    found.remove(&own);
    for listed in token.writers()? {
        found.remove(&listed.writer);
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut terminal = Terminal::open().filter(|_| !admit);
    if !token.info().ceremony || (!admit && terminal.is_none()) {
        hint(&format!(
            "the server has entries of {} writers that this token does not know, and they count in \
             no total and no balance: `tally book adopt` in ceremony mode asks for each, with \
             --admit it does not",
            found.len()
        ));
        return Ok(Vec::new());
    }
    hint(
        "a restored token has forgotten which writers were revoked. Do not admit those: their \
         entries would count again",
    );
    let mut admitted = Vec::new();
    for (writer, Found { entries, books }) in found {
        let short = &writer.to_string()[..8];
        let question = format!(
            "admit writer {writer}, with {entries} entries in {}?",
            books.join(", ")
        );
        let agreed = match &mut terminal {
            Some(terminal) => terminal.agrees(&question)?,
            None => true,
        };
        if agreed {
            announce(token, &format!("admit writer {short}"));
            token.admit_writer(writer, &format!("writer {short}"))?;
            admitted.push(writer.to_string());
        }
    }
    Ok(admitted)
}
