//! `tally emulate`: a software token.

use std::path::PathBuf;

use emulator::{Answers, Emulator, Listen, Options};

use crate::{
    failure::{Failure, Result},
    out,
};

/// Arguments of `tally emulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The token's storage; made if it is not there. As good as the token itself: keep it like a
    /// key
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Where clients find the token: unix:PATH, or pty for a pseudo-terminal
    #[arg(long, value_name = "PLACE")]
    listen: Listen,
    /// Who presses the button: ask (you, at this terminal), yes or no (nobody)
    #[arg(long, value_name = "WHO", default_value = "ask")]
    presence: Answers,
    /// Start in ceremony mode, as if the button were held at power-on
    #[arg(long)]
    ceremony: bool,
}

/// Serves clients until the process is stopped.
pub fn run(args: &Args) -> Result<()> {
    let emulator = Emulator::start(&Options {
        state: args.state.clone(),
        listen: args.listen.clone(),
        answers: args.presence,
        ceremony: args.ceremony,
    })
    .map_err(Failure::failed)?;
    out::line(&format!("listening on {}", emulator.address()))?;
    emulator.serve();
    Ok(())
}
