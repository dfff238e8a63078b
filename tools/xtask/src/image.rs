//! `cargo xtask image`: builds a board's firmware image with whatever toolchain this machine has.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::shell;

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask image [OPTIONS]

Builds the firmware image of a board and prints the path of the ELF file on the last line.
Toolchains are tried in this order:
  1. the plain one, if it has the board's target installed
  2. `rustup target add`
  3. Debian's rustc-web, which brings the source of the core library and builds it too

Options:
  --board <NAME>   folder under firmware/boards [default: mps2-an386]
  --way <N>        try only this toolchain: 1, 2 or 3
  --help           show this text
";

/// The board the CI uses.
pub const DEFAULT_BOARD: &str = "mps2-an386";

/// The target of every board so far (Cortex-M4 with a floating-point unit).
pub const TARGET: &str = "thumbv7em-none-eabihf";

/// The line of way 2.
pub const RUSTUP_LINE: &str = "rustup target add thumbv7em-none-eabihf";

/// Debian's packages for way 3.
pub const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// A way to a toolchain that can build for [`TARGET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The target is installed.
    Installed,
    /// `rustup target add` fetches it.
    Rustup,
    /// Debian's compiler builds the core library from source.
    Debian,
}

/// All ways, in the order in which they are tried.
pub const WAYS: [Way; 3] = [Way::Installed, Way::Rustup, Way::Debian];

/// Runs the subcommand.
pub fn run(args: Args) -> Result<(), String> {
    let board = args.value("--board").unwrap_or(DEFAULT_BOARD);
    let ways = match args.value("--way") {
        None => &WAYS[..],
        Some("1") => &WAYS[..1],
        Some("2") => &WAYS[1..2],
        Some("3") => &WAYS[2..],
        Some(other) => return Err(format!("`--way {other}`: there are the ways 1, 2 and 3")),
    };
    println!("{}", build(board, ways)?.display());
    Ok(())
}

/// Builds the image and returns the path of the ELF file.
pub fn build(board: &str, ways: &[Way]) -> Result<PathBuf, String> {
    let manifest = format!("firmware/boards/{board}/Cargo.toml");
    if !shell::root().join(&manifest).is_file() {
        return Err(format!(
            "there is no board `{board}`: {manifest} does not exist"
        ));
    }
    // Apart from the host's artefacts: the guest is compiled with other flags and features.
    let target_dir = shell::target_dir()?.join("firmware");
    let mut cargo = toolchain(ways)?;
    cargo.args([
        "--package",
        board,
        "--profile",
        "firmware",
        "--target",
        TARGET,
    ]);
    cargo.arg("--target-dir").arg(&target_dir);
    shell::run(&mut cargo)?;
    let elf = target_dir.join(TARGET).join("firmware").join(board);
    if !elf.is_file() {
        return Err(format!("the build left no image at {}", elf.display()));
    }
    Ok(elf)
}

/// Whether the plain toolchain has the target, so that it can also run clippy for it.
pub fn target_is_installed() -> bool {
    // Installed means that the compiler finds a core library, whoever put it there.
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let Ok(folder) = shell::output(&mut rustc) else {
        return false;
    };
    let Ok(mut files) = Path::new(folder.trim()).read_dir() else {
        return false;
    };
    files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().contains("libcore-")))
}

/// What Debian's toolchain lacks on this machine, or its linker.
pub fn debian_linker() -> Result<PathBuf, String> {
    for needed in [
        "/usr/bin/cargo",
        "/usr/bin/rustc",
        "/usr/lib/rustlib/src/rust/library",
    ] {
        if !Path::new(needed).exists() {
            return Err(format!("{needed} does not exist"));
        }
    }
    let shipped = std::env::consts::ARCH;
    let shipped = format!("/usr/lib/rustlib/{shipped}-unknown-linux-gnu/bin/rust-lld");
    [shipped.as_str(), "/usr/bin/rust-lld", "/usr/bin/ld.lld"]
        .into_iter()
        .map(PathBuf::from)
        .find(|linker| shell::is_executable(linker))
        .ok_or_else(|| "neither rust-lld nor ld.lld is there".to_owned())
}

/// Flags for building a guest, without those meant for the host.
fn for_guest(mut cargo: Command) -> Command {
    cargo
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// `cargo build` of the first toolchain that is ready, or both install lines.
fn toolchain(ways: &[Way]) -> Result<Command, String> {
    let mut refused = Vec::new();
    for way in ways {
        let attempt = match way {
            Way::Installed => installed(),
            Way::Rustup => rustup(),
            Way::Debian => debian(),
        };
        match attempt {
            Ok(cargo) => return Ok(for_guest(cargo)),
            Err(reason) => refused.push(format!("    {way:?}: {reason}")),
        }
    }
    Err(format!(
        "no toolchain for {TARGET}:\n{}\nget one with either of\n    {RUSTUP_LINE}\n    {}",
        refused.join("\n"),
        shell::apt_line(&DEBIAN_PACKAGES)
    ))
}

fn installed() -> Result<Command, String> {
    if !target_is_installed() {
        return Err("the compiler has no core library for the target".to_owned());
    }
    let mut cargo = shell::cargo();
    cargo.arg("build");
    Ok(cargo)
}

fn rustup() -> Result<Command, String> {
    shell::run(Command::new("rustup").args(["target", "add", TARGET]))?;
    installed()
}

fn debian() -> Result<Command, String> {
    let linker = debian_linker()?;
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo.current_dir(shell::root());
    // Whatever a rustup proxy has set up for its own toolchain would lead this one astray.
    for variable in [
        "RUSTUP_TOOLCHAIN",
        "LD_LIBRARY_PATH",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "CARGO",
    ] {
        cargo.env_remove(variable);
    }
    let target = TARGET.to_uppercase().replace('-', "_");
    cargo.env(format!("CARGO_TARGET_{target}_LINKER"), linker);
    // Building the core library needs unstable flags, which Debian's stable compiler then accepts.
    cargo
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1");
    cargo.args(["build", "-Zbuild-std=core,alloc"]);
    cargo.arg("-Zbuild-std-features=compiler-builtins-mem");
    Ok(cargo)
}
