//! `tally lightphe export`: the entries of an open book as LightPHE takes them.

use host_api::StoredEntry;
use serde::Serialize;

use super::{classic_book, each_page};
use crate::{
    failure::{Failure, Result},
    lightphe::key::decimal,
    out,
    settings::Settings,
};

/// What `--help` says at its end.
pub const HELP: &str = "\
Prints [{\"c1\": \"…\", \"c2\": \"…\"}, …], a row an entry; an output without its last bracket was
cut short. In Python, with the book's key in `cs`:

    rows = json.load(open(\"entries.json\"))
    c = cs.create_ciphertext_obj((int(rows[0][\"c1\"]), int(rows[0][\"c2\"])))

LightPHE's +, * and regenerate_ciphertext work on them, and who has the private key decrypts. Its
search counts up from 0: a sum of some thousands takes seconds, and one below zero never ends.";

/// Arguments of `tally lightphe export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id of an open book
    #[arg(long)]
    book: String,
}

/// One row.
#[derive(Serialize)]
struct Row {
    c1: String,
    c2: String,
}

/// Prints them as they come.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let server = settings.server()?;
    let book = classic_book(&server, &args.book)?;
    let mut opening = "[";
    each_page(&server, &book, |page| {
        let rows = page.iter().map(row).collect::<Result<Vec<_>>>()?;
        out::line(&format!("{opening}{}", rows.join(",\n ")))?;
        opening = ",";
        Ok(())
    })?;
    out::line(if opening == "[" { "[]" } else { "]" })
}

fn row(entry: &StoredEntry) -> Result<String> {
    let row = Row {
        c1: decimal(entry.c1.as_ref()),
        c2: decimal(entry.c2.as_ref()),
    };
    serde_json::to_string(&row).map_err(Failure::failed)
}
