//! `tally token restore`: an empty token becomes the treasury whose shares are at hand.

use std::path::PathBuf;

use core_nostd::{
    keys::RootSeed,
    wire::{State, TokenError},
};
use serde::Serialize;

use super::{Role, policy};
use crate::{
    adopt::{Adopted, adopt},
    failure::{Failure, Result},
    out::hint,
    release::announce,
    settings::Settings,
    terminal::Terminal,
    words,
};

/// Options of `tally token restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it may open
    #[arg(long, value_delimiter = ',', default_value = "totals")]
    allow: Vec<Role>,
    /// A file with the words of one share; as many of them as are needed (else asked for)
    #[arg(long = "share-file", value_name = "FILE")]
    share_files: Vec<PathBuf>,
    /// Admit every writer that the server knows, without asking for each
    #[arg(long)]
    admit: bool,
}

/// What a finished restore prints.
#[derive(Serialize)]
struct Restored {
    /// The identifier of the token, a new one.
    writer: Option<String>,
    #[serde(flatten)]
    adopted: Option<Adopted>,
}

/// Runs it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let mut token = settings.token()?;
    // Before anybody types words.
    if token.info().state != State::Empty {
        return Err(TokenError::AlreadyProvisioned.into());
    }
    if !token.info().ceremony {
        return Err(TokenError::CeremonyRequired.into());
    }
    hint(
        "warning: these words are every key of the token, and they pass through this host. Use \
         one that is not on a network, best of all one that never was",
    );
    let shares = match &args.share_files[..] {
        [] => {
            let terminal = Terminal::open();
            words::ask(&mut terminal.ok_or_else(|| {
                Failure::usage("there is no terminal to ask for words: give --share-file FILE")
            })?)?
        }
        files => files
            .iter()
            .map(|file| words::read_file(file))
            .collect::<Result<_>>()?,
    };
    let seed: RootSeed = words::combine(&shares)?;
    let pin = settings.pin.read_new("new PIN, 6 to 16 characters")?;
    announce(&mut token, "take the seed in");
    token.restore(&pin, policy(&args.allow), &shares)?;
    drop(shares);

    let writer = token.hello()?.writer.map(|writer| writer.to_string());
    let adopted = match settings.has_server() {
        true => Some(adopt(
            &settings.server()?,
            &mut token,
            Some(&seed),
            args.admit,
        )?),
        false => {
            hint("its books come back with `tally book adopt`, from a server");
            None
        }
    };
    let mut text = "the token is restored, as a new writer".to_owned();
    if let Some(adopted) = &adopted {
        text += &format!("\n{}", adopted.text());
    }
    settings.format.print(&text, &Restored { writer, adopted })
}
