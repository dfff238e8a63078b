//! What goes to standard output: lines for people or one JSON document, never both. Everything else
//! (progress, hints, warnings) goes to standard error.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::failure::{Failure, Result};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// `--json`.
    Json,
}

impl Format {
    /// Prints a result: as `text`, or `value` as one JSON document.
    pub fn print(self, text: &str, value: &impl Serialize) -> Result<()> {
        let text = match self {
            Self::Human => text.to_owned(),
            Self::Json => serde_json::to_string_pretty(value).map_err(Failure::failed)?,
        };
        line(&text)
    }
}

/// Prints lines to standard output, now. A reader that has gone away ends the program quietly.
pub fn line(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => outcome.map_err(|error| Failure::failed(format!("standard output: {error}"))),
    }
}

/// Says something to a person on standard error; nobody need read it.
pub fn hint(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
