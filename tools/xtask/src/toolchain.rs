//! Toolchains for targets other than this machine: whichever of three ways is open here.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell;

/// Debian's packages for way 3.
pub const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// A way to a toolchain that can build for a target.
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

/// `cargo COMMAND --target TARGET` of the first way that is open, in the workspace root.
///
/// # Errors
/// Why none is, with the lines that install what is missing.
pub fn cargo(command: &str, target: &str, ways: &[Way]) -> Result<(Way, Command), String> {
    let mut refused = Vec::new();
    for way in ways {
        let attempt = match way {
            Way::Installed => installed(command, target),
            Way::Rustup => rustup(command, target),
            Way::Debian => debian(command, target),
        };
        match attempt {
            Ok(mut cargo) => {
                // Flags in the environment are meant for the host.
                cargo.env_remove("RUSTFLAGS");
                cargo.env_remove("CARGO_ENCODED_RUSTFLAGS");
                cargo.args(["--target", target]);
                return Ok((*way, cargo));
            }
            Err(reason) => refused.push(format!("    {way:?}: {reason}")),
        }
    }
    Err(format!(
        "no toolchain for {target}:\n{}\nget one with either of\n    {}\n    {}",
        refused.join("\n"),
        rustup_line(&[target]),
        shell::apt_line(&DEBIAN_PACKAGES)
    ))
}

/// Whether the plain toolchain has the target, so that it can also run clippy for it.
pub fn is_installed(target: &str) -> bool {
    // Installed means that the compiler finds a core library, whoever put it there.
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", target]);
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

/// The line of way 2, to be copied by a person.
pub fn rustup_line(targets: &[&str]) -> String {
    format!("rustup target add {}", targets.join(" "))
}

/// Way 2 itself, for several targets at once.
pub fn rustup_add(targets: &[&str]) -> Result<(), String> {
    shell::run(Command::new("rustup").args(["target", "add"]).args(targets))
}

fn installed(command: &str, target: &str) -> Result<Command, String> {
    if !is_installed(target) {
        return Err("the compiler has no core library for the target".to_owned());
    }
    let mut cargo = shell::cargo();
    cargo.arg(command);
    Ok(cargo)
}

fn rustup(command: &str, target: &str) -> Result<Command, String> {
    rustup_add(&[target])?;
    installed(command, target)
}

fn debian(command: &str, target: &str) -> Result<Command, String> {
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
    let variable = target.to_uppercase().replace(['-', '.'], "_");
    cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), linker);
    // Building the core library needs unstable flags, which Debian's stable compiler then accepts.
    cargo
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1");
    // No `alloc`: what allocates does not build.
    cargo.args([command, "-Zbuild-std=core"]);
    cargo.arg("-Zbuild-std-features=compiler-builtins-mem");
    Ok(cargo)
}
