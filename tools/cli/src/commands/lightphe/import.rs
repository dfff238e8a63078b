//! `tally lightphe import`: their ciphertexts, as they are, as entries of an open book.

use std::path::PathBuf;

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteVisitor},
    ciphertext::Ciphertext,
    error::DecodeError,
};
use host_api::OpenEntry;
use serde::Serialize;

use super::{Opening, classic_book, post_open, read_rows};
use crate::{
    book::Book,
    failure::{Failure, Result},
    lightphe::{
        ciphertexts::{Complaints, Row, RowIds},
        key::{KeyFile, fixed_len},
        opening::{Negatives, Opener},
    },
    out::hint,
    settings::Settings,
};

/// What `--help` says at its end.
pub const HELP: &str = "\
The file is [{\"c1\": \"…\", \"c2\": \"…\"}, …] with decimal numbers, in quotation marks or bare, or
[[c1, c2], …]. Every number is checked before the first is sent: that it is below p, and in the
group of prime order. A row is stored once however often the file is imported (its entry's id is a
hash of book, label and ciphertext), so a stopped import is simply run again.

What can't be seen in a ciphertext: LightPHE makes an encrypted −n into −n + 1 (100 + (−5) comes out
as 96), and a fraction into a number that nothing finds again, or, halves above all, into the next
whole number. With --key every row is decrypted on this host, and rows below zero or without a
number are refused; without it you get a warning that nobody has looked. A sum of positive and
negative amounts, or a half, looks like any other number with the key too.";

/// Arguments of `tally lightphe import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id of an open book
    #[arg(long)]
    book: String,
    /// The ciphertexts
    file: PathBuf,
    /// The book's private key as LightPHE keeps it, to decrypt every row on this host first
    #[arg(long, value_name = "KEYFILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    opening: Opening,
    /// Part of every entry's id: the same ciphertexts under another label are stored once more
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

/// What `tally lightphe import` prints.
#[derive(Serialize)]
struct Imported {
    book: String,
    /// Rows of the file, all of which are entries now.
    rows: u64,
    /// Those that were entries before.
    already: u64,
    /// Whether they were decrypted first.
    checked_with_key: bool,
}

/// Imports them.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    if args.opening.negatives == Some(Negatives::MinusOne) {
        return Err(Failure::usage(
            "import takes ciphertexts as they are; `tally lightphe migrate` can post the amounts \
             one smaller",
        ));
    }
    let server = settings.server()?;
    let book = classic_book(&server, &args.book)?;
    let rows = read_rows(&args.file)?;
    check(&book, &rows)?;
    match &args.key {
        Some(path) => look_inside(&book, &rows, &KeyFile::read(path)?, &args.opening)?,
        None => hint(&format!(
            "warning: without --key nobody can see whether a row is a negative amount (LightPHE \
             makes −n into −n + 1), a fraction, above the cap of {} {}, or encrypted under another \
             key than the book's; any of these makes totals wrong, or impossible to decode",
            book.amount(i64::try_from(book.rules.cap).unwrap_or(i64::MAX)),
            book.rules.currency
        )),
    }
    let mut ids = RowIds::new(&book.id, &args.label);
    let already = post_open(&server, &book, rows.len(), |i| {
        let [c1, c2] = encoded(&book, &rows[i]).expect("every row was checked");
        Ok(OpenEntry {
            entry: hex::encode(ids.next(&rows[i])),
            c1: c1.into(),
            c2: c2.into(),
        })
    })?;
    let imported = Imported {
        book: book.id.to_string(),
        rows: rows.len() as u64,
        already,
        checked_with_key: args.key.is_some(),
    };
    let mut text = format!(
        "{} ciphertexts are in \"{}\"",
        imported.rows, book.rules.name
    );
    if already > 0 {
        text += &format!(
            "; {already} of them were there before, and were not stored again (--label does)"
        );
    }
    settings.format.print(&text, &imported)
}

/// Both parts as the server takes them; `None` if one is longer than `p`.
fn encoded(book: &Book, row: &Row) -> Option<[Vec<u8>; 2]> {
    let part = |part| fixed_len(part, book.rules.suite);
    Some([part(&row.c1)?, part(&row.c2)?])
}

/// Refuses whatever is no ciphertext of the book's group.
fn check(book: &Book, rows: &[Row]) -> Result<()> {
    let mut complaints = Complaints::default();
    for (number, row) in (0..).zip(rows) {
        if row.nid.is_some() {
            complaints.add(number, "an open book has no accounts: leave `nid` out");
        }
        let parts = encoded(book, row).ok_or(DecodeError::NonCanonical);
        let check = |parts: [Vec<u8>; 2]| book.rules.suite.dispatch(Check(&parts));
        if let Err(error) = parts.and_then(check) {
            complaints.add(number, explain(error));
        }
    }
    complaints.into_result("`tally lightphe inspect` says whether their key is of this group")
}

fn explain(error: DecodeError) -> &'static str {
    match error {
        DecodeError::Identity => "its c1 is 1, so it hides nothing",
        DecodeError::NotInSubgroup => {
            "not in the group of prime order: made under another p, or with another g than 2"
        }
        _ => "a number that is 0, or not below p",
    }
}

struct Check<'a>(&'a [Vec<u8>; 2]);

impl SuiteVisitor for Check<'_> {
    type Output = Result<(), DecodeError>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let [c1, c2] = self.0;
        Ciphertext::<S>::from_bytes(c1, c2).map(|_| ())
    }
}

/// Decrypts every row here, and refuses what is not what it seems.
fn look_inside(book: &Book, rows: &[Row], key: &KeyFile, opening: &Opening) -> Result<()> {
    let key_of_book = fixed_len(&key.y, book.rules.suite);
    if key.suite() != Some(book.rules.suite) || key_of_book.as_ref() != Some(&book.public_key) {
        return Err(Failure::usage(format!(
            "the key in --key is not that of \"{}\": a book can only add up what is encrypted \
             under its own key. `tally lightphe migrate` decrypts and encrypts again",
            book.rules.name
        )));
    }
    let opener = Opener::new(key, opening.window())?;
    let numbers = opener.settle(opener.open(rows), opening.negatives)?;
    let mut complaints = Complaints::default();
    let rules = book.rules.as_rules();
    for (number, minor) in (0..).zip(numbers) {
        if rules.admit(minor).is_err() {
            complaints.add(number, "above the book's cap for one entry");
        }
    }
    complaints.into_result("")
}
