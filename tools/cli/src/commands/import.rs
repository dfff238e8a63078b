//! `tally import`: every row of a CSV file, in batches as large as the token takes.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use core_nostd::{
    ids::Handle,
    nid::{Nid, PADDED_LEN},
    wire::Posting,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use zeroize::ZeroizeOnDrop;

use crate::{
    book::Book,
    chain::Chain,
    failure::{Failure, Result},
    journal::Journal,
    out::hint,
    rows::{Row, Rows, Survey},
    settings::Settings,
};

/// How often a batch is begun again because somebody else posted to the chain meanwhile.
const TRIES: usize = 16;
/// How often progress is reported where there is no terminal.
const REPORT_EVERY: Duration = Duration::from_secs(5);

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
    let survey = Survey::of(&args.file, &book.rules)?;
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
    let mut import = Import {
        chain,
        journal,
        accounts: HashMap::new(),
        last: HashMap::new(),
    };
    import.post_all(&args.file, &book, batch_len, &progress)?;
    progress.bar.finish_and_clear();

    let imported = Imported {
        book: book.id.to_string(),
        writer: import.chain.writer.to_string(),
        rows: import.journal.rows_done(),
        skipped: survey.bad_count,
        resumed,
        accounts: import.accounts.len() as u64,
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

/// An import under way.
struct Import<'a> {
    chain: Chain<'a>,
    journal: Journal,
    /// The accounts of this file, so that each is looked up once.
    accounts: HashMap<NidKey, Handle>,
    /// Their last positions in the chain.
    last: HashMap<Handle, Option<u64>>,
}

/// A NID as a key. Wiped when dropped.
#[derive(PartialEq, Eq, Hash, ZeroizeOnDrop)]
struct NidKey([u8; PADDED_LEN]);

impl Import<'_> {
    fn post_all(
        &mut self,
        file: &Path,
        book: &Book,
        batch_len: usize,
        progress: &Progress,
    ) -> Result<()> {
        let mut rows = Rows::open(file, &book.rules)?;
        let mut skip = self.journal.rows_done();
        let mut batch = Vec::with_capacity(batch_len);
        while let Some(row) = rows.next()? {
            // Bad rows were reported before anything was posted.
            let Ok(row) = row else { continue };
            if skip > 0 {
                skip -= 1;
                continue;
            }
            batch.push(row);
            if batch.len() == batch_len {
                self.post(&batch)?;
                batch.clear();
                progress.set(self.journal.rows_done());
            }
        }
        if !batch.is_empty() {
            self.post(&batch)?;
        }
        Ok(())
    }

    /// Posts one batch; when this returns, its entries are durable on the server.
    fn post(&mut self, batch: &[Row]) -> Result<()> {
        for _ in 0..TRIES {
            let mut postings = Vec::with_capacity(batch.len());
            for row in batch {
                let account = self.account(&row.nid)?;
                let prev = self.last.get(&account).copied().flatten();
                postings.push(Posting {
                    account,
                    prev,
                    minor: row.minor,
                });
            }
            self.journal
                .begin_batch(self.chain.next_seq, batch.len() as u64)?;
            if let Some(posted) = self.chain.post(&mut postings)? {
                self.journal.end_batch();
                for (seq, entry) in std::iter::zip(posted.first_seq.., &posted.entries) {
                    self.last.insert(entry.account, Some(seq));
                }
                return Ok(());
            }
            // Somebody else posted: nothing was signed, and what we know of accounts is old.
            self.journal.drop_batch();
            self.last.clear();
            self.accounts.clear();
            self.chain.bring_into_step()?;
        }
        Err(Failure::failed(
            "other programs keep posting with this token at the same time. Run the same command \
             again later: it goes on where it was",
        ))
    }

    fn account(&mut self, nid: &Nid) -> Result<Handle> {
        let key = NidKey(nid.padded());
        if let Some(handle) = self.accounts.get(&key) {
            return Ok(*handle);
        }
        let account = self.chain.account(nid.as_str())?;
        self.accounts.insert(key, account.handle);
        self.last.insert(account.handle, account.prev);
        Ok(account.handle)
    }
}

/// A bar on a terminal, a line every few seconds elsewhere.
struct Progress {
    bar: ProgressBar,
    resumed: u64,
    begun: Instant,
    reported: std::cell::Cell<Instant>,
}

impl Progress {
    fn new(rows: u64, resumed: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
        let style = "{bar:30} {pos}/{len} rows, {per_sec}, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is a constant"));
        bar.set_position(resumed);
        bar.reset_eta();
        let now = Instant::now();
        Self {
            bar,
            resumed,
            begun: now,
            reported: now.into(),
        }
    }

    fn set(&self, done: u64) {
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.reported.get().elapsed() >= REPORT_EVERY {
            self.reported.set(Instant::now());
            let all = self.bar.length().unwrap_or(0);
            // A rate to be read: whole rows a second.
            let rate = (done - self.resumed) / self.begun.elapsed().as_secs().max(1);
            hint(&format!("{done} of {all} rows, {rate} a second"));
        }
    }
}
