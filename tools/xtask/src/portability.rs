//! `cargo xtask portability`: the core compiles wherever there is a core library, and asks for no
//! more than that.

use crate::args::Args;
use crate::shell;
use crate::toolchain::{self, Way};

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask portability

Checks core-nostd, with and without its feature `wire`:
  features   no default feature, and no dependency that is compiled with `std` or `alloc`
  targets    it compiles for this machine, for Cortex-M0, -M4 and -M33, for a 32-bit host and for
             WebAssembly

A target is taken where it is installed, else from `rustup target add`, else its core library is
built from source by Debian's rustc-web. One that is not to be had is left out, and the last lines
say so.

Options:
  --help           show this text
";

/// What the core compiles for, besides this machine.
const TARGETS: [&str; 5] = [
    "thumbv6m-none-eabi",
    "thumbv7em-none-eabihf",
    "thumbv8m.main-none-eabihf",
    "i686-unknown-linux-gnu",
    "wasm32-unknown-unknown",
];

const PACKAGE: [&str; 2] = ["--package", "core-nostd"];

/// All of the core, and the least of it.
const FEATURES: [&[&str]; 2] = [&["--features", "wire"], &["--no-default-features"]];

/// Runs the subcommand.
pub fn run(_: Args) -> Result<(), String> {
    check()
}

/// Checks everything.
pub fn check() -> Result<(), String> {
    check_features()?;
    for features in FEATURES {
        shell::run(
            shell::cargo()
                .args(["check", "--lib"])
                .args(PACKAGE)
                .args(features),
        )?;
    }
    fetch_targets();
    let target_dir = shell::target_dir()?.join("portability");
    let mut built = Vec::new();
    let mut left_out = Vec::new();
    for target in TARGETS {
        let ways = [Way::Installed, Way::Debian];
        let (way, _) = match toolchain::cargo("check", target, &ways) {
            Ok(found) => found,
            Err(reason) => {
                left_out.push(reason);
                continue;
            }
        };
        for features in FEATURES {
            let (_, mut cargo) = toolchain::cargo("check", target, &[way])?;
            cargo.arg("--lib").args(PACKAGE).args(features);
            if way == Way::Debian {
                // Another compiler, so what runs while compiling can't be shared with the host.
                cargo.arg("--target-dir").arg(&target_dir);
            }
            shell::run(&mut cargo)?;
        }
        built.push(match way {
            Way::Installed | Way::Rustup => target.to_owned(),
            Way::Debian => format!("{target} (its core library from source)"),
        });
    }
    println!(
        "portability: core-nostd compiles for this machine, {}",
        built.join(", ")
    );
    for reason in left_out {
        println!("left out: {reason}");
    }
    Ok(())
}

/// Gets all missing targets at once. Where that fails, each is tried in another way.
fn fetch_targets() {
    let missing: Vec<_> = TARGETS
        .into_iter()
        .filter(|target| !toolchain::is_installed(target))
        .collect();
    if missing.is_empty() || shell::find("rustup").is_none() {
        return;
    }
    if let Err(reason) = toolchain::rustup_add(&missing) {
        eprintln!("{reason}");
    }
}

/// Reads in cargo's own words what is compiled with which features.
fn check_features() -> Result<(), String> {
    // Each line is a library and its features; what only runs while compiling may use std.
    let format = ["--prefix", "none", "--format", "{lib} {f}"];
    let edges = ["--edges", "normal,no-proc-macro"];
    let tree = |features: &[&str]| {
        let mut cargo = shell::cargo();
        cargo.arg("tree").args(PACKAGE).args(edges).args(format);
        shell::output(cargo.args(features))
    };
    let default = tree(&[])?;
    let own = default.lines().next().unwrap_or_default();
    if !matches!(own.trim(), "core_nostd" | "core_nostd default") {
        return Err(format!("no feature should be a default one: {own}"));
    }
    let with_std = beyond_core(&tree(&["--features", "wire"])?);
    if with_std.is_empty() {
        return Ok(());
    }
    Err(format!(
        "core-nostd would not run without an operating system or a heap: {}",
        with_std.join("; ")
    ))
}

/// The libraries of a tree that are compiled with `std` or `alloc`.
fn beyond_core(tree: &str) -> Vec<String> {
    let mut found: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, features)| {
            let mut features = features.split([',', ' ']);
            features.any(|feature| matches!(feature, "std" | "alloc"))
        })
        .map(|(library, features)| format!("{library} with {features}"))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::beyond_core;

    #[test]
    fn a_library_with_std_or_alloc_is_reported_once() {
        let tree = "\
core_nostd wire
serde derive,std
zeroize alloc,derive (*)
sha2 zeroize
subtle
serde derive,std
";
        assert_eq!(
            beyond_core(tree),
            ["serde with derive,std", "zeroize with alloc,derive (*)"]
        );
    }

    #[test]
    fn a_feature_that_only_sounds_alike_passes() {
        assert!(beyond_core("heapless std-like,no-alloc\n").is_empty());
    }
}
