//! `tally lightphe …`: keys and ciphertexts of LightPHE, in and out.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use core_nostd::ciphersuite::SuiteId;
use host_api::{OpenEntry, StoredEntry};
use host_kernels::discrete_log::Window;

use crate::{
    book::Book,
    bulk::Progress,
    failure::{Failure, Result},
    lightphe::{
        ciphertexts::{Row, Rows},
        key::KeyFile,
        opening::Negatives,
        verdict::Verdict,
    },
    server::Server,
    settings::Settings,
};

mod export;
mod import;
mod migrate;

/// Entries sent in one request.
const ENTRIES_PER_REQUEST: usize = 256;
/// Entries fetched at a time.
const ENTRIES_PER_PAGE: u64 = 512;

/// Subcommands of `tally lightphe`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what is known of a key to everybody, and whether a token can have it
    #[command(after_help = INSPECT_HELP)]
    Inspect {
        /// A key file that LightPHE's `export_keys` wrote; read as data, never evaluated
        #[arg(value_name = "KEYFILE")]
        key: PathBuf,
    },
    /// Put LightPHE's ciphertexts, as they are, into an open book that has their key
    #[command(after_help = import::HELP)]
    Import(import::Args),
    /// Print the ciphertexts of an open book as LightPHE takes them
    #[command(after_help = export::HELP)]
    Export(export::Args),
    /// Decrypt with an old key on this host, and post the amounts again under a book's own key
    #[command(after_help = migrate::HELP)]
    Migrate(migrate::Args),
}

const INSPECT_HELP: &str = "\
Nothing leaves this machine, and no server or token is asked. The key file may be of either half.";

/// How ciphertexts are decrypted on this host.
#[derive(Debug, clap::Args)]
struct Opening {
    /// What a number below zero stands for; without this, such rows are refused by number
    #[arg(long, value_enum)]
    negatives: Option<Negatives>,
    /// Look for numbers between -2^BITS and 2^BITS
    #[arg(
        long,
        value_name = "BITS",
        default_value_t = 32,
        value_parser = clap::value_parser!(u8).range(1..=i64::from(Window::DEFAULT.get()))
    )]
    window: u8,
}

impl Opening {
    fn window(&self) -> Window {
        Window::new(self.window).unwrap_or(Window::DEFAULT)
    }
}

/// Runs one.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    match command {
        Command::Inspect { key } => {
            let verdict = Verdict::of(&KeyFile::read(key)?);
            settings.format.print(&verdict.lines().join("\n"), &verdict)
        }
        Command::Import(args) => import::run(settings, args),
        Command::Export(args) => export::run(settings, args),
        Command::Migrate(args) => migrate::run(settings, args),
    }
}

/// An open book in one of LightPHE's groups.
fn classic_book(server: &Server, name: &str) -> Result<Book> {
    let book = Book::find(server, name)?;
    let refused = |why: &str| Failure::usage(format!("\"{}\" {why}", book.rules.name));
    if !book.is_open() {
        return Err(refused(
            "is an authenticated book: its entries carry tags, which LightPHE's ciphertexts lack. \
             `tally lightphe migrate` posts amounts into it",
        ));
    }
    if book.rules.suite == SuiteId::Ristretto255 {
        return Err(refused(
            "is a book of ristretto255, a group that LightPHE's numbers are not of: ffdhe2048 and \
             ffdhe3072 are",
        ));
    }
    Ok(book)
}

/// All rows of a file, whatever they hold.
fn read_rows(path: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for row in Rows::open(path)? {
        let (_, row) = row.map_err(|mut failure| {
            failure.text = format!("{}: {}", path.display(), failure.text);
            failure
        })?;
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(Failure::usage(format!("{} has no rows", path.display())));
    }
    Ok(rows)
}

/// Fetches the entries of an open book as they are now, page by page.
fn each_page(
    server: &Server,
    book: &Book,
    mut take: impl FnMut(&[StoredEntry]) -> Result<()>,
) -> Result<()> {
    for head in server.heads(book.id)? {
        let mut next = 0;
        while next < head.next_seq {
            let limit = ENTRIES_PER_PAGE.min(head.next_seq - next);
            let page = server.entries(book.id, &head.writer, next, limit)?;
            if page.len() as u64 != limit {
                return Err(Failure::failed("the server left entries out"));
            }
            take(&page)?;
            next += limit;
        }
    }
    Ok(())
}

/// Sends entries of an open book, each of which `encode` makes from its place in `0 .. count`.
/// Returns how many of them the server had already.
fn post_open(
    server: &Server,
    book: &Book,
    count: usize,
    mut encode: impl FnMut(usize) -> Result<OpenEntry>,
) -> Result<u64> {
    let progress = Progress::new(count as u64, 0);
    let mut already = 0;
    for first in (0..count).step_by(ENTRIES_PER_REQUEST) {
        let end = count.min(first + ENTRIES_PER_REQUEST);
        let entries = (first..end).map(&mut encode).collect::<Result<Vec<_>>>()?;
        let appended = server
            .append(&book.id.to_string(), &entries)
            .map_err(|error| {
                Failure::from(error).and("Run the same command again: it goes on where it was")
            })?;
        if appended.entries.len() != entries.len() {
            return Err(Failure::failed(
                "the server does not say of every entry what became of it. Run the same command \
                 again: no row is counted twice",
            ));
        }
        already += appended
            .entries
            .iter()
            .filter(|entry| entry.outcome == host_api::Outcome::Already)
            .count() as u64;
        progress.set(end as u64);
    }
    progress.finish();
    Ok(already)
}
