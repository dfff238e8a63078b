//! The build system of the workspace, run as `cargo xtask`.
//!
//! Everything a contributor or the CI does beyond plain `cargo` is a subcommand here, in Rust, so
//! that it works the same on every machine. The package imports no crate of the project: it must
//! still build when they do not.
#![forbid(unsafe_code)]

mod args;
mod boards;
mod demo;
mod doctor;
mod elf;
mod fetch;
mod flash;
mod fuzz;
mod image;
mod portability;
mod shell;
mod sizes;
mod test;
mod tidy;
mod toolchain;
mod uf2;

use std::process::ExitCode;

use args::Args;

/// A subcommand: its name, one line for the overview, its help text, its code.
struct Command {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(Args) -> Result<(), String>,
}

const COMMANDS: [Command; 10] = [
    Command {
        name: "demo",
        summary: "the main job in front of your eyes: import, sum encrypted, open, verify",
        help: demo::HELP,
        run: demo::run,
    },
    Command {
        name: "test",
        summary: "everything the CI runs, in its order",
        help: test::HELP,
        run: test::run,
    },
    Command {
        name: "fuzz",
        summary: "the fuzz targets of every decoder, each for a while",
        help: fuzz::HELP,
        run: fuzz::run,
    },
    Command {
        name: "doctor",
        summary: "what this machine has and lacks for `test`, with install lines",
        help: doctor::HELP,
        run: doctor::run,
    },
    Command {
        name: "tidy",
        summary: "the rules of the repository: imports, lengths, forbidden calls, links",
        help: tidy::HELP,
        run: tidy::run,
    },
    Command {
        name: "sizes",
        summary: "flash, RAM and stack of the firmware images against their budgets",
        help: sizes::HELP,
        run: sizes::run,
    },
    Command {
        name: "portability",
        summary: "the core compiles for microcontrollers, 32-bit hosts and WebAssembly",
        help: portability::HELP,
        run: portability::run,
    },
    Command {
        name: "image",
        summary: "build the firmware image of a board and print its path",
        help: image::HELP,
        run: image::run,
    },
    Command {
        name: "flash",
        summary: "put the firmware image onto a board",
        help: flash::HELP,
        run: flash::run,
    },
    Command {
        name: "fetch",
        summary: "get QEMU and mongod for the tests",
        help: fetch::HELP,
        run: fetch::run,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(name) = words.next() else {
        eprint!("{}", overview());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "--help" | "-h" | "help") {
        print!("{}", overview());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("error: there is no `cargo xtask {name}`\n\n{}", overview());
        return ExitCode::from(2);
    };
    let args = match Args::parse(command.help, words) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{}", command.help);
            return ExitCode::SUCCESS;
        }
        Err(reason) => {
            eprint!("error: {reason}\n\n{}", command.help);
            return ExitCode::from(2);
        }
    };
    match (command.run)(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn overview() -> String {
    let mut text = String::from("Usage: cargo xtask <COMMAND> [OPTIONS]\n\nCommands:\n");
    for command in &COMMANDS {
        text.push_str(&format!("  {:<12}{}\n", command.name, command.summary));
    }
    text.push_str("\n`cargo xtask <COMMAND> --help` explains one of them.\n");
    text
}
