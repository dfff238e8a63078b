//! `cargo xtask demo`: the main job with every real part in place. A token encrypts what a CSV file
//! lists, a server stores and adds it unread, the token opens the total.
//!
//! The demo knows the amounts because it makes them up, so it can tell at the end whether the total
//! that came back through all of this is the right one.

mod http;
mod processes;
mod sample;
mod token;

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use self::processes::{Folder, Server};
use self::sample::{Sample, decimal, minor_units};
use self::token::Token;
use crate::args::Args;
use crate::shell;

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask demo [OPTIONS]

Builds the programs, starts a token and a server of its own in a temporary folder, imports a
sample CSV, shows what the server stores, adds it up encrypted, lets the token open the total and
compares it with the sum computed in clear. On a terminal it asks you to approve the release as
you would by pressing the token's button; otherwise it answers itself.
Exit code 0 only if the two sums agree.

Options:
  --qemu           the token is the firmware image in QEMU, not a process of this machine
  --help           show this text
";

const BOOK: &str = "demo";

/// The demo's token holds nothing of value.
const PIN: &str = "271828";

/// Runs the subcommand.
pub fn run(args: Args) -> Result<(), String> {
    heading("build");
    let programs = Programs::build()?;
    let firmware = if args.has("--qemu") {
        Some(token::firmware()?)
    } else {
        None
    };
    let start = Instant::now();
    let folder = Folder::create()?;
    let sample = Sample::generate();
    let csv = folder.path("sample.csv");
    fs::write(&csv, sample.csv()).map_err(|error| format!("{}: {error}", csv.display()))?;

    heading("start a token and a server");
    let asks = std::io::stdin().is_terminal();
    let token = match &firmware {
        Some(firmware) => Token::in_qemu(firmware, &folder, asks)?,
        None => Token::emulated(&programs.tally, &folder, asks)?,
    };
    let store = folder.path("ledger.redb");
    let server = Server::start(&programs.server, &format!("redb:{}", store.display()))?;
    println!("token  {}\nserver {}", token.address, server.url);
    let tally = Tally {
        program: programs.tally,
        server: &server,
        token: &token,
        folder: &folder,
    };

    let total = main_job(&tally, &sample, &csv)?;
    println!(
        "(took {:.1} s after the build)\n",
        start.elapsed().as_secs_f64()
    );
    let (opened, expected) = (decimal(total), decimal(sample.sum()));
    println!("total EUR {opened} = expected EUR {expected}");
    if total == sample.sum() {
        return Ok(());
    }
    Err("the total is wrong".to_owned())
}

/// From an empty token to an opened total, in minor units.
fn main_job(tally: &Tally, sample: &Sample, csv: &Path) -> Result<i64, String> {
    heading("a fresh key on the token, a book on token and server");
    tally.run(&["token", "provision"])?;
    tally.run(&["book", "create", BOOK, "--currency", "EUR"])?;

    heading(&format!(
        "import {} rows of {} accounts",
        sample.rows.len(),
        sample::ACCOUNTS
    ));
    tally.run(&["import", "--book", BOOK, &text(csv)])?;

    heading("two entries as the server stores them");
    let book = book_id(&tally.server.url)?;
    let entries = http::get(&tally.server.url, &format!("/v1/books/{book}/entries"))?;
    for entry in entries.lines().take(2) {
        println!("{}", pretty(entry)?);
    }

    heading("the total, still encrypted");
    let total = http::get(&tally.server.url, &format!("/v1/books/{book}/total"))?;
    println!("{}", pretty(&total)?);

    heading("the token checks the sum and opens it");
    let statement = text(&tally.folder.path("statement.json"));
    let answer = tally.output(&["total", "--book", BOOK, "--statement", &statement, "--json"])?;
    println!("{}", answer.trim());
    let answer: Value = serde_json::from_str(&answer)
        .map_err(|error| format!("`tally total --json` printed no JSON: {error}"))?;
    let total = answer["total"].as_str().and_then(minor_units);
    let total = total.ok_or("`tally total --json` printed no total")?;

    heading("anybody can verify the statement, without a key");
    tally.run(&["verify", &statement])?;

    heading("the opened total beside the sum in clear");
    println!("opened by the token      EUR {:>16}", decimal(total));
    println!("added up from the CSV    EUR {:>16}", decimal(sample.sum()));
    Ok(total)
}

/// The programs under demonstration.
struct Programs {
    tally: PathBuf,
    server: PathBuf,
}

impl Programs {
    fn build() -> Result<Self, String> {
        let packages = ["--package", "tally", "--package", "host-server"];
        shell::run(
            shell::cargo()
                .args(["build", "--release", "--bins"])
                .args(packages),
        )?;
        let folder = shell::target_dir()?.join("release");
        Ok(Self {
            tally: folder.join("tally"),
            server: folder.join("host-server"),
        })
    }
}

/// `tally`, told where server and token are, and kept away from the user's own settings.
struct Tally<'a> {
    program: PathBuf,
    server: &'a Server,
    token: &'a Token,
    folder: &'a Folder,
}

impl Tally<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args);
        command
            .env("TALLY_SERVER", &self.server.url)
            .env("TALLY_TOKEN", &self.token.address);
        command.env("TALLY_PIN", PIN);
        for variable in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            command.env(variable, self.folder.path("home"));
        }
        command
    }

    fn run(&self, args: &[&str]) -> Result<(), String> {
        shell::run(&mut self.command(args))
    }

    fn output(&self, args: &[&str]) -> Result<String, String> {
        shell::output(&mut self.command(args))
    }
}

/// The id by which the server knows the demo's book, which is the only one.
fn book_id(server: &str) -> Result<String, String> {
    let answer = http::get(server, "/v1/books")?;
    let answer: Value = serde_json::from_str(&answer)
        .map_err(|error| format!("GET /v1/books is no JSON: {error}"))?;
    let id = answer["books"][0]["book"].as_str();
    id.map(str::to_owned)
        .ok_or_else(|| format!("GET /v1/books lists no book: {answer}"))
}

fn pretty(json: &str) -> Result<String, String> {
    let value: Value =
        serde_json::from_str(json).map_err(|error| format!("the server sent no JSON: {error}"))?;
    serde_json::to_string_pretty(&value).map_err(|error| error.to_string())
}

fn heading(text: &str) {
    println!("\n== {text}");
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
