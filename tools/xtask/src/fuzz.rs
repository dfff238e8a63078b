//! `cargo xtask fuzz`: the fuzz targets under libFuzzer, with the plain toolchain. What each of
//! them asserts is in `tools/fuzz`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::shell;

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask fuzz [OPTIONS]

Builds the targets of tools/fuzz with libFuzzer and runs them one after the other, from the
committed corpus and with the same random seed every time. Stops at the first target that fails
and names the input it fails on. What is found interesting goes to the folder fuzz/corpus of the
target directory, and serves the next run as well.

Options:
  --target <NAME>      only this target (they are listed in tools/fuzz/README.md)
  --runs <N>           inputs for each target, 1000000 unless given
  --seconds <N>        time for each target, 20 unless given; whichever ends first
  --help               show this text
";

const MANIFEST: &str = "tools/fuzz/Cargo.toml";

/// The flags with which `cargo fuzz` builds, but for those that need a nightly toolchain: coverage
/// that libFuzzer can see.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// No input may be longer, take longer, or make the process larger.
const LIMITS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=512"];

/// Say how much was done, not every step of it.
const QUIET: [&str; 2] = ["-verbosity=0", "-print_final_stats=1"];

/// How long each target runs.
struct Budget {
    runs: u64,
    seconds: u64,
}

impl Budget {
    const DEFAULT: Self = Self {
        runs: 1_000_000,
        seconds: 20,
    };
}

/// Runs the subcommand.
pub fn run(args: Args) -> Result<(), String> {
    let number = |name: &str, default| match args.value(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| format!("{name} takes a number, not `{text}`")),
    };
    let budget = Budget {
        runs: number("--runs", Budget::DEFAULT.runs)?,
        seconds: number("--seconds", Budget::DEFAULT.seconds)?,
    };
    let mut targets = targets()?;
    if let Some(name) = args.value("--target") {
        targets.retain(|target| target == name);
        if targets.is_empty() {
            return Err(format!(
                "there is no target `{name}` in tools/fuzz/fuzz_targets"
            ));
        }
    }
    campaign(&targets, &budget)
}

/// A short run of every target from the committed corpus alone: the same on every machine that is
/// fast enough.
pub fn check() -> Result<(), String> {
    let found = work_dir()?.join("corpus");
    if found.exists() {
        fs::remove_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    }
    campaign(&targets()?, &Budget::DEFAULT)
}

/// A `cargo` command on the package of the fuzz targets, which is a workspace of its own. What it
/// builds goes where the root workspace has its own.
pub fn cargo(command: &str) -> Result<Command, String> {
    let mut cargo = shell::cargo();
    cargo.env("CARGO_TARGET_DIR", shell::target_dir()?);
    cargo.args([command, "--manifest-path", MANIFEST]);
    Ok(cargo)
}

fn campaign(targets: &[String], budget: &Budget) -> Result<(), String> {
    let programs = build()?;
    for target in targets {
        fuzz(&programs, target, budget)?;
    }
    Ok(())
}

/// Builds all targets and returns the folder of the programs.
fn build() -> Result<PathBuf, String> {
    let compilers = ["c++", "g++", "clang++"];
    let has_compiler = compilers
        .iter()
        .any(|program| shell::find(program).is_some());
    if !has_compiler && env::var_os("CXX").is_none() {
        let line = shell::apt_line(&["g++"]);
        return Err(format!(
            "libFuzzer is built with a C++ compiler, and there is none:\n    {line}"
        ));
    }
    let host = host()?;
    let work = work_dir()?;
    let mut cargo = cargo("build")?;
    cargo.args(["--release", "--bins", "--features", "libfuzzer"]);
    // With a target named, the flags are not those of build scripts and macros.
    cargo
        .args(["--target", &host])
        .arg("--target-dir")
        .arg(&work);
    cargo.env("RUSTFLAGS", RUSTFLAGS);
    shell::run(&mut cargo)?;
    Ok(work.join(host).join("release"))
}

fn fuzz(programs: &Path, target: &str, budget: &Budget) -> Result<(), String> {
    let work = work_dir()?;
    let found = work.join("corpus").join(target);
    let artifacts = work.join("artifacts").join(target);
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut program = Command::new(programs.join(target));
    program.current_dir(shell::root()).args(LIMITS).args(QUIET);
    program.args([
        "-seed=1".to_owned(),
        format!("-runs={}", budget.runs),
        format!("-max_total_time={}", budget.seconds),
        format!("-artifact_prefix={}/", artifacts.display()),
    ]);
    // New inputs go to the first folder, the other is only read.
    program
        .arg(found)
        .arg(format!("tools/fuzz/corpus/{target}"));
    report(target, &mut program).map_err(|error| {
        format!(
            "{error}\nits input is the newest in {}",
            artifacts.display()
        )
    })
}

/// Runs a target. libFuzzer says more than anybody wants to read, unless it finds something.
fn report(target: &str, program: &mut Command) -> Result<(), String> {
    let output = program
        .output()
        .map_err(|error| format!("cannot start `{target}`: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{log}");
        return Err(format!("`{target}` has failed ({})", output.status));
    }
    let value = |name| {
        let line = log.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or("?").trim()
    };
    eprintln!(
        "{target}: {} inputs, {} a second, {} of them new, at most {} MB",
        value("stat::number_of_executed_units:"),
        value("stat::average_exec_per_sec:"),
        value("stat::new_units_added:"),
        value("stat::peak_rss_mb:"),
    );
    Ok(())
}

/// The names of the targets, sorted.
fn targets() -> Result<Vec<String>, String> {
    let folder = shell::root().join("tools/fuzz/fuzz_targets");
    let failed = |error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let (Some(stem), Some("rs")) = (
            path.file_stem().and_then(|stem| stem.to_str()),
            path.extension().and_then(|extension| extension.to_str()),
        ) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The target that programs for this machine are built for.
fn host() -> Result<String, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = shell::output(Command::new(rustc).args(["--print", "host-tuple"]))?;
    Ok(printed.trim().to_owned())
}

/// Where everything about fuzzing goes that is not committed.
fn work_dir() -> Result<PathBuf, String> {
    Ok(shell::target_dir()?.join("fuzz"))
}
