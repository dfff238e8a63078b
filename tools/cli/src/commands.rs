//! The commands: one file each, and the line that calls each.

use clap::{Parser, Subcommand};

use crate::{
    failure::{EXIT_CODES, Result},
    settings::{Global, Settings},
};

mod account;
mod balance;
mod book;
mod cut;
mod emulate;
mod import;
mod key;
mod lightphe;
mod post;
mod shell;
mod status;
mod table;
mod token;
mod total;
mod verify;

/// Encrypted balances: a token encrypts, a server adds up, a token opens what its policy allows.
#[derive(Debug, Parser)]
#[command(name = "tally", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a software token: the firmware's own logic on this host
    Emulate(emulate::Args),
    /// The token's life: keys, PIN, state
    #[command(subcommand)]
    Token(token::Command),
    /// Books, on the server and the token
    #[command(subcommand)]
    Book(book::Command),
    /// Accounts of a book
    #[command(subcommand)]
    Account(account::Command),
    /// Post one amount: a deposit, or a withdrawal if it is negative
    Post(post::Args),
    /// Post every row of a CSV file; a stopped import goes on where it was
    Import(import::Args),
    /// Open the balance of one account
    Balance(balance::Args),
    /// Open the total of a book
    Total(total::Args),
    /// Cut the token's chain, so that a total can end here
    Cut(cut::Args),
    /// To and from LightPHE, a Python library with the same scheme in finite fields
    #[command(subcommand)]
    Lightphe(lightphe::Command),
    /// API keys of a running server
    #[command(subcommand)]
    Key(key::Command),
    /// Compare token, server and spool
    Status,
    /// Tables that amounts are decoded with
    #[command(subcommand)]
    Table(table::Command),
    /// Check a statement, without any key
    Verify(verify::Args),
    /// Print a script that lets a shell complete these commands
    Completions(shell::CompletionsArgs),
    /// Write manual pages
    Man(shell::ManArgs),
}

/// Runs a command.
pub fn run(cli: Cli) -> Result<()> {
    let settings = Settings::new(cli.global)?;
    match cli.command {
        Command::Emulate(args) => emulate::run(&args),
        Command::Token(command) => token::run(&settings, &command),
        Command::Book(command) => book::run(&settings, &command),
        Command::Account(command) => account::run(&settings, &command),
        Command::Post(args) => post::run(&settings, &args),
        Command::Import(args) => import::run(&settings, &args),
        Command::Balance(args) => balance::run(&settings, &args),
        Command::Total(args) => total::run(&settings, &args),
        Command::Cut(args) => cut::run(&settings, &args),
        Command::Lightphe(command) => lightphe::run(&settings, &command),
        Command::Key(command) => key::run(&settings, &command),
        Command::Status => status::run(&settings),
        Command::Table(command) => table::run(&settings, &command),
        Command::Verify(args) => verify::run(&settings, &args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
    }
}

#[cfg(test)]
mod tests;
