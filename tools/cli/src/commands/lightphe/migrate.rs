//! `tally lightphe migrate`: amounts under a key that no token can have, posted again under ours.

use std::{collections::HashSet, path::PathBuf};

use clap::ValueEnum;
use core_nostd::nid::Nid;
use host_api::OpenEntry;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Opening, each_page, post_open, read_rows};
use crate::{
    book::Book,
    bulk::{Bulk, Progress},
    chain::Chain,
    commands::post::encrypt,
    failure::{Failure, Result},
    journal::Journal,
    lightphe::{
        ciphertexts::{Complaints, Row, RowIds},
        key::KeyFile,
        opening::Opener,
    },
    out::hint,
    rows,
    server::Server,
    settings::Settings,
    teller::Teller,
};

/// What `--help` says at its end.
pub const HELP: &str = "\
The old key decrypts on this host, which sees every amount while it does. The file is that of
`tally lightphe import`. Into an authenticated book every row needs a holder,
{\"nid\": \"…\", \"c1\": …, \"c2\": …}, and the token here posts it; into an open book none has one,
and the rows are encrypted under the book's public key. Every row is decrypted and checked before
the first is posted. Stopped and run again, with the same options, it goes on where it was and posts
no row twice.

LightPHE reduces plaintexts modulo p where exponents count modulo p − 1. So an encrypted −n comes
out as −n + 1, −1 as 0, and 100 + (−5) as 96; a product with a negative number comes out right. Rows
below zero are therefore refused until --negatives says what they are; rows that are sums of
positive and negative amounts look like any other, and no program can mend them. A fraction mostly
comes out as a number as long as p, and such rows are refused; a half can come out as the next whole
number.";

/// Arguments of `tally lightphe migrate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The old private key as LightPHE keeps it
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// Name or id of the book
    #[arg(long)]
    book: String,
    /// The ciphertexts
    file: PathBuf,
    /// What the encrypted numbers count
    #[arg(long, value_enum, default_value = "minor")]
    unit: Unit,
    #[command(flatten)]
    opening: Opening,
    /// The same rows under another label are posted once more
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

/// What an integer of LightPHE counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unit {
    /// Cents, or whatever the currency's smallest unit is
    Minor,
    /// Whole euros, or whatever the currency is
    Major,
}

/// What `tally lightphe migrate` prints.
#[derive(Serialize)]
struct Migrated {
    book: String,
    /// Rows of the file, all of which are posted now.
    rows: u64,
    /// Those that an earlier run had posted.
    resumed: u64,
    /// The sum of all rows.
    sum: String,
}

/// Migrates them.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let server = settings.server()?;
    let book = Book::find(&server, &args.book)?;
    refuse_teller(settings, &server, &book)?;
    if book.is_open() {
        compare_key(settings, &book)?;
    }
    let opener = Opener::new(&KeyFile::read(&args.key)?, args.opening.window())?;
    let rows = read_rows(&args.file)?;
    check(&opener, &book, &rows)?;
    let numbers = opener.settle(opener.open(&rows), args.opening.negatives)?;
    let amounts = to_minor(&book, &numbers, args.unit)?;
    let resumed = if book.is_open() {
        post_open_rows(&server, &book, &rows, &amounts, &args.label)?
    } else {
        post_signed_rows(settings, args, &server, &book, &rows, &amounts)?
    };
    let sum = amounts.iter().map(|minor| i128::from(*minor)).sum::<i128>();
    let migrated = Migrated {
        book: book.id.to_string(),
        rows: rows.len() as u64,
        resumed,
        sum: i64::try_from(sum).map_or(sum.to_string(), |sum| book.amount(sum).to_string()),
    };
    let mut text = format!(
        "{} rows are posted to \"{}\", {} {} in all",
        migrated.rows, book.rules.name, book.rules.currency, migrated.sum
    );
    if resumed > 0 {
        text += &format!(
            "\n{resumed} of them had been posted before, and were not posted again (--label does)"
        );
    }
    settings.format.print(&text, &migrated)
}

/// A token behind the server takes postings one by one, and can't be asked what it signed.
fn refuse_teller(settings: &Settings, server: &Server, book: &Book) -> Result<()> {
    if !book.is_open() && Teller::find(settings, server)?.is_some() {
        return Err(Failure::usage(
            "the token is attached to the server, and many rows are posted only with a token at \
             this machine: run this where the token is, and name it with --token",
        ));
    }
    Ok(())
}

/// Whoever's public key it is will read every amount: the token says whether it is the book's.
fn compare_key(settings: &Settings, book: &Book) -> Result<()> {
    if settings.token_address().is_none() {
        hint(
            "warning: the book's public key is taken on the server's word; name the token with \
             --token to have it compared",
        );
        return Ok(());
    }
    book.on_token(&mut settings.unlocked_token()?).map(|_| ())
}

/// Refuses what is no ciphertext under the old key, or has no holder where one is needed.
fn check(opener: &Opener, book: &Book, rows: &[Row]) -> Result<()> {
    let mut complaints = Complaints::default();
    for (number, row) in (0..).zip(rows) {
        if ![&row.c1, &row.c2]
            .into_iter()
            .all(|part| opener.is_residue(part))
        {
            complaints.add(number, "a number that is 0, or not below p");
        }
        match (&row.nid, book.is_open()) {
            (Some(_), true) => complaints.add(number, "an open book has no accounts: it has a nid"),
            (None, false) => complaints.add(number, "whose is it? An account needs a nid"),
            (Some(nid), false) => {
                if let Err(error) = Nid::normalise(nid) {
                    complaints.add(number, format_args!("nid: {error}"));
                }
            }
            (None, true) => {}
        }
    }
    complaints.into_result("")
}

/// Numbers as minor units of the book's currency, each within its cap.
fn to_minor(book: &Book, numbers: &[i64], unit: Unit) -> Result<Vec<i64>> {
    let factor = match unit {
        Unit::Minor => 1,
        Unit::Major => 10_i64.pow(u32::from(book.rules.currency.scale())),
    };
    let mut complaints = Complaints::default();
    let rules = book.rules.as_rules();
    let mut amounts = Vec::with_capacity(numbers.len());
    for (row, number) in (0..).zip(numbers) {
        let minor = number.checked_mul(factor);
        match minor.filter(|minor| rules.admit(*minor).is_ok()) {
            Some(minor) => amounts.push(minor),
            None => complaints.add(row, "above the book's cap for one entry"),
        }
    }
    complaints.into_result("Is --unit right?")?;
    Ok(amounts)
}

/// Posts what the book does not have yet; each run encrypts afresh, so the log says what it has.
fn post_open_rows(
    server: &Server,
    book: &Book,
    rows: &[Row],
    amounts: &[i64],
    label: &str,
) -> Result<u64> {
    let mut known = HashSet::new();
    each_page(server, book, |page| {
        known.extend(page.iter().filter_map(|entry| entry.entry.clone()));
        Ok(())
    })?;
    let mut ids = RowIds::new(&book.id, label);
    let missing: Vec<_> = rows
        .iter()
        .zip(amounts)
        .map(|(row, minor)| (hex::encode(ids.next(row)), *minor))
        .filter(|(id, _)| !known.contains(id))
        .collect();
    post_open(server, book, missing.len(), |i| {
        let (id, minor) = &missing[i];
        let [c1, c2] = encrypt(book, *minor)?;
        Ok(OpenEntry {
            entry: id.clone(),
            c1: c1.into(),
            c2: c2.into(),
        })
    })?;
    Ok((rows.len() - missing.len()) as u64)
}

/// Posts through the token, with a journal, as `tally import` does.
fn post_signed_rows(
    settings: &Settings,
    args: &Args,
    server: &Server,
    book: &Book,
    rows: &[Row],
    amounts: &[i64],
) -> Result<u64> {
    let spool = settings.spool()?;
    let mut token = settings.unlocked_token()?;
    let batch_len = usize::from(token.info().batch_len_max).max(1);
    let chain = Chain::open(server, &mut token, &spool, book)?;
    let digest = digest(rows, &args.label);
    let journal = Journal::begin(&spool, &book.id, &chain.writer, &args.file, &digest, false)?;
    let resumed = journal.rows_done();
    let progress = Progress::new(rows.len() as u64, resumed);
    let mut bulk = Bulk::new(chain, journal);
    let signed = rows.iter().zip(amounts).map(|(row, minor)| {
        let nid = row.nid.as_deref().map(String::as_str).unwrap_or_default();
        let nid = Nid::normalise(nid).map_err(Failure::usage)?;
        Ok(rows::Row { nid, minor: *minor })
    });
    bulk.post_all(signed, batch_len, &progress)?;
    progress.finish();
    bulk.journal.finish()?;
    Ok(resumed)
}

/// What makes this migration another than one of the same file: its rows and its label.
fn digest(rows: &[Row], label: &str) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(label.as_bytes());
    for row in rows {
        part(row.nid.as_ref().map_or(&[], |nid| nid.as_bytes()));
        part(&row.c1.to_be_bytes_trimmed_vartime());
        part(&row.c2.to_be_bytes_trimmed_vartime());
    }
    hex::encode(hash.finalize())
}
