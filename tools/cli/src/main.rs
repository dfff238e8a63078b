//! `tally`: encrypted balances from the command line.
//!
//! Every command is a file under `commands`; what they share is beside them. Results go to standard
//! output, everything else to standard error, and the exit code says what kind of failure it was.
#![forbid(unsafe_code)]

mod access;
mod adopt;
mod book;
mod bulk;
mod chain;
mod commands;
mod decode;
mod dirs;
mod durable;
mod failure;
mod journal;
mod lightphe;
mod out;
mod pin;
mod release;
mod rows;
mod server;
mod settings;
mod spool;
mod statement;
mod teller;
mod terminal;
mod words;

use std::process::ExitCode;

use clap::Parser;

use commands::Cli;

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out::hint(&format!("tally: {}", failure.text));
            failure.exit.into()
        }
    }
}
