//! `tally completions` and `tally man`: what a shell and a manual want to know of all commands.

use std::{fs, path::PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use crate::{
    failure::{Failure, Result},
    out,
};

/// Arguments of `tally completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell that completes
    shell: Shell,
}

/// Arguments of `tally man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder for the pages, such as ~/.local/share/man/man1; made if it is not there
    folder: PathBuf,
}

/// Prints the script for a shell.
pub fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tally", &mut script);
    let script = String::from_utf8(script).map_err(Failure::failed)?;
    out::line(script.trim_end())
}

/// Writes one page for each command.
pub fn man(args: &ManArgs) -> Result<()> {
    let folder = &args.folder;
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))
}
