//! `tally token …`: keys, PIN and state of a token.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use core_nostd::wire::Policy;
use serde::Serialize;

use crate::{
    book,
    commands::book::PublicKey,
    failure::{Failure, Result},
    out::hint,
    pin::PinSource,
    release::{announce, announce_delay},
    settings::Settings,
    teller::Teller,
};

mod audit;
mod backup;
mod enrol;
pub mod info;
mod new_writer;
mod restore;
pub mod writers;

/// Subcommands of `tally token`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make its keys and seal them under a PIN of 6 to 16 characters
    Provision {
        /// What it may open
        #[arg(long, value_delimiter = ',', default_value = "totals")]
        allow: Vec<Role>,
    },
    /// Say what it is and in which state
    Info,
    /// Print the public key of one of its books
    PublicKey {
        /// Name or id of the book
        book: String,
    },
    /// Unlock it with the PIN
    Unlock,
    /// Lock it
    Lock,
    /// Seal its keys under another PIN
    ChangePin {
        /// A file whose first line is the new PIN (else asked for)
        #[arg(long, value_name = "FILE")]
        new_pin_file: Option<PathBuf>,
    },
    /// Change what it may open; works only in ceremony mode
    Policy {
        /// What it may open from then on, and nothing else
        #[arg(long, value_delimiter = ',', required = true)]
        allow: Vec<Role>,
    },
    /// Show its keys as shares, in words to be written down; works only in ceremony mode
    Backup(backup::Args),
    /// Bring keys back from shares, onto an empty token; works only in ceremony mode
    Restore(restore::Args),
    /// Retire its chains and go on in new ones, when the server has lost step with it; works only
    /// in ceremony mode
    NewWriter(new_writer::Args),
    /// Make an empty token a writer of a treasury, both in ceremony mode and plugged in here: it
    /// posts, and opens nothing
    Enrol(enrol::Args),
    /// List the writers whose entries count, beside its own
    Writers,
    /// Revoke a writer, or admit one that is not known any more
    #[command(subcommand)]
    Writer(writers::Command),
    /// Print what happened to it, and check that nothing is missing
    Audit(audit::Args),
    /// Erase everything on it; works only in ceremony mode
    Wipe,
}

/// What a token may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Totals of authenticated books.
    Totals,
    /// Balances of single accounts.
    Balances,
    /// Sums of open books, which nothing verifies.
    OpenSums,
}

/// Runs one.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    match command {
        Command::Provision { allow } => provision(settings, allow),
        Command::Info => info::run(settings),
        Command::PublicKey { book } => public_key(settings, book),
        Command::Unlock => unlock(settings),
        Command::Lock => {
            match teller(settings)? {
                Some(mut teller) => teller.lock()?,
                None => settings.token()?.lock()?,
            }
            done(settings, "locked")
        }
        Command::ChangePin { new_pin_file } => change_pin(settings, new_pin_file.as_ref()),
        Command::Policy { allow } => set_policy(settings, policy(allow)),
        Command::Backup(args) => backup::run(settings, args),
        Command::Restore(args) => restore::run(settings, args),
        Command::NewWriter(args) => new_writer::run(settings, args),
        Command::Enrol(args) => enrol::run(settings, args),
        Command::Writers => writers::list(settings),
        Command::Writer(command) => writers::run(settings, command),
        Command::Audit(args) => audit::run(settings, args),
        Command::Wipe => {
            let mut token = settings.token()?;
            announce(&mut token, "ERASE every key on it, twice");
            token.wipe()?;
            done(settings, "erased")
        }
    }
}

/// What a finished command prints.
#[derive(Serialize)]
struct Done<'a> {
    done: &'a str,
}

fn done(settings: &Settings, what: &str) -> Result<()> {
    settings
        .format
        .print(&format!("the token is {what}"), &Done { done: what })
}

/// What `--allow` allows.
fn policy(allow: &[Role]) -> Policy {
    Policy {
        totals: allow.contains(&Role::Totals),
        balances: allow.contains(&Role::Balances),
        open_sums: allow.contains(&Role::OpenSums),
    }
}

fn provision(settings: &Settings, allow: &[Role]) -> Result<()> {
    let policy = policy(allow);
    let mut token = settings.token()?;
    let pin = settings.pin.read_new("new PIN, 6 to 16 characters")?;
    announce(&mut token, "make its keys");
    token.provision(&pin, policy)?;
    if !(policy.totals && policy.balances && policy.open_sums) {
        hint(&format!(
            "this token opens {} and nothing else, as --allow says; `tally token policy` changes \
             that",
            roles(policy)
        ));
    }
    done(settings, "provisioned")
}

fn set_policy(settings: &Settings, policy: Policy) -> Result<()> {
    let mut token = settings.unlocked_token()?;
    let may_open = roles(policy);
    announce(&mut token, &format!("let it open {may_open}"));
    token.set_policy(policy)?;
    done(
        settings,
        &format!("one that opens {may_open} and nothing else"),
    )
}

/// The token attached to the server, if no other is named.
fn teller(settings: &Settings) -> Result<Option<Teller>> {
    match settings.has_server() {
        true => Teller::find(settings, &settings.server()?),
        false => Ok(None),
    }
}

fn unlock(settings: &Settings) -> Result<()> {
    if let Some(mut teller) = teller(settings)? {
        teller.unlock(settings)?;
        return done(settings, "unlocked");
    }
    let mut token = settings.token()?;
    let pin = settings.pin.read("PIN of the token")?;
    let pin = pin.ok_or_else(|| {
        Failure::usage("there is no terminal to ask for the PIN: give --pin-file or TALLY_PIN")
    })?;
    announce_delay(&mut token);
    token.unlock(&pin)?;
    done(settings, "unlocked")
}

fn change_pin(settings: &Settings, new_pin_file: Option<&PathBuf>) -> Result<()> {
    let mut token = settings.token()?;
    let old = settings.pin.read("PIN so far")?;
    let old = old.ok_or_else(|| {
        Failure::usage("there is no terminal to ask for the PIN: give --pin-file or TALLY_PIN")
    })?;
    let new = PinSource {
        file: new_pin_file.cloned(),
        variable: None,
    };
    let new = new.read_new("new PIN, 6 to 16 characters")?;
    announce_delay(&mut token);
    token.change_pin(&old, &new)?;
    done(settings, "sealed under the new PIN")
}

fn public_key(settings: &Settings, name: &str) -> Result<()> {
    let mut token = settings.unlocked_token()?;
    let book = book::on_token(&mut token, name)?;
    let key = token.public_key(book.id)?;
    PublicKey::new(book.id, &book.rules, key.as_slice().into()).print(settings.format)
}

fn role_names(policy: Policy) -> Vec<&'static str> {
    [
        (policy.totals, "totals"),
        (policy.balances, "balances"),
        (policy.open_sums, "open-sums"),
    ]
    .into_iter()
    .filter_map(|(is_allowed, name)| is_allowed.then_some(name))
    .collect()
}

fn roles(policy: Policy) -> String {
    match role_names(policy)[..] {
        [] => "no sums at all".to_owned(),
        ref names => names.join(" and "),
    }
}
