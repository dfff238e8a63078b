//! `tally import`: every row of a CSV file, in batches as large as the token takes.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    book::Book,
    bulk::{Bulk, Progress},
    chain::Chain,
    failure::{Failure, Result},
    journal::Journal,
    out::hint,
    rows::{Rows, Survey},
    settings::Settings,
};

/// Arguments of `tally import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id of the book
    #[arg(long)]
    book: String,
    /// A CSV file whose first line is `nid,amount`
    file: PathBuf,
    /// Leave bad rows out instead of refusing the file
    #[arg(long)]
    skip_bad: bool,
    /// Write every bad row into this file: `line,reason`, and no NIDs
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Post a file again whose import has ended
    #[arg(long)]
    again: bool,
}

/// What `tally import` prints.
#[derive(Serialize)]
struct Imported {
    book: String,
    writer: String,
    /// Rows posted, those of earlier runs of the same import included.
    rows: u64,
    /// Bad rows that were left out.
    skipped: u64,
    /// Rows that an earlier run had posted.
    resumed: u64,
    /// Accounts seen in this run.
    accounts: u64,
    /// Position of the first entry; none if there are no rows.
    first_seq: Option<u64>,
    /// Position after the last entry.
    next_seq: u64,
}

/// Imports it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let server = settings.server()?;
    let book = Book::find(&server, &args.book)?;
    book.require_authenticated("it has no accounts; post its entries one by one")?;
    let survey = survey(args, &book)?;
    if survey.bad_count > 0 {
        report_bad(&survey, &args.file, args.skip_bad)?;
    }
    let spool = settings.spool()?;
    let mut token = settings.unlocked_token()?;
    let batch_len = usize::from(token.info().batch_len_max).max(1);
    let chain = Chain::open(&server, &mut token, &spool, &book)?;
    let journal = Journal::begin(
        &spool,
        &book.id,
        &chain.writer,
        &args.file,
        &survey.sha256,
        args.again,
    )?;
    let resumed = journal.rows_done();
    let progress = Progress::new(survey.good, resumed);
    let mut import = Bulk::new(chain, journal);
    let mut rows = Rows::open(&args.file, &book.rules)?;
    // Bad rows were reported before anything was posted.
    let good = std::iter::from_fn(|| rows.next().transpose()).filter_map(|row| match row {
        Ok(row) => row.ok().map(Ok),
        Err(failure) => Some(Err(failure)),
    });
    import.post_all(good, batch_len, &progress)?;
    progress.finish();

    let imported = Imported {
        book: book.id.to_string(),
        writer: import.chain.writer.to_string(),
        rows: import.journal.rows_done(),
        skipped: survey.bad_count,
        resumed,
        accounts: import.accounts_seen(),
        first_seq: import.journal.first_seq(),
        next_seq: import.chain.next_seq,
    };
    import.journal.finish()?;
    let mut text = format!(
        "{} rows posted to \"{}\"; the chain of this token is at position {}",
        imported.rows, book.rules.name, imported.next_seq
    );
    if resumed > 0 {
        text += &format!("\n{resumed} of them had been posted before, and were not posted again");
        if resumed == imported.rows {
            text += " (--again posts the whole file once more)";
        }
    }
    if survey.bad_count > 0 {
        text += &format!("\n{} bad rows were left out", survey.bad_count);
    }
    settings.format.print(&text, &imported)
}

/// Reads the whole file before anything is posted.
fn survey(args: &Args, book: &Book) -> Result<Survey> {
    let Some(path) = &args.report else {
        return Survey::of(&args.file, &book.rules, &mut io::sink());
    };
    let file = File::create(path).map_err(|error| Failure::file(path, error))?;
    Survey::of(&args.file, &book.rules, &mut BufWriter::new(file))
}

/// Names the bad rows; they end the import unless they are to be left out.
fn report_bad(survey: &Survey, file: &Path, skip_bad: bool) -> Result<()> {
    let complaint = format!(
        "{} rows of {} are bad:\n{}",
        survey.bad_count,
        file.display(),
        survey.complaint()
    );
    if skip_bad {
        hint(complaint.trim_end());
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{complaint}Nothing was posted. Correct them, or leave them out with --skip-bad"
    )))
}
