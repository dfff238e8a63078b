//! `cargo xtask image`: builds firmware images with whatever toolchain this machine has.

use std::path::PathBuf;

use crate::args::Args;
use crate::toolchain::{self, WAYS, Way};
use crate::{boards, shell, sizes};

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
  --lean           without the finite-field suites, on a board that has a feature `ffdhe` for them
  --all            every image there is, and the flash that the boards' take
  --counts         instead, the image that counts instructions (firmware/counts)
  --way <N>        try only this toolchain: 1, 2 or 3
  --help           show this text
";

/// The board the CI uses.
pub const DEFAULT_BOARD: &str = "mps2-an386";

/// The package of the image that counts instructions.
pub const COUNTS: &str = "firmware-counts";

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
    if args.has("--all") {
        return build_all(ways);
    }
    let package = if args.has("--counts") {
        COUNTS
    } else {
        known(board)?
    };
    let elf = if args.has("--lean") {
        build_lean(package, ways)?
    } else {
        build(package, ways)?
    };
    println!("{}", elf.display());
    Ok(())
}

/// Builds every image, holds those of boards to their flash, and prints all paths at the end.
fn build_all(ways: &[Way]) -> Result<(), String> {
    let mut paths = Vec::new();
    for image in boards::images()? {
        let elf = build(&image.package, ways)?;
        if image.is_board {
            println!("{}:", image.package);
            sizes::sections(&elf)?;
        }
        paths.push(elf);
    }
    for path in paths {
        println!("{}", path.display());
    }
    Ok(())
}

/// The board, if there is one of that name.
pub fn known(board: &str) -> Result<&str, String> {
    boards::board(board).map(|_| board)
}

/// Builds the image of a package and returns the path of the ELF file.
pub fn build(package: &str, ways: &[Way]) -> Result<PathBuf, String> {
    build_with(package, &[], ways)
}

/// [`build`] without the package's default features. The file is another one.
pub fn build_lean(package: &str, ways: &[Way]) -> Result<PathBuf, String> {
    let elf = build_with(package, &["--no-default-features"], ways)?;
    // So that nobody takes it for the other; cargo puts that one back where it belongs.
    let lean = elf.with_file_name(format!("{package}-lean"));
    std::fs::rename(&elf, &lean).map_err(|error| format!("{}: {error}", lean.display()))?;
    Ok(lean)
}

fn build_with(package: &str, features: &[&str], ways: &[Way]) -> Result<PathBuf, String> {
    let target = boards::image(package)?.target;
    // Apart from the host's artefacts: the guest is compiled with other flags and features.
    let target_dir = shell::target_dir()?.join("firmware");
    let (_, mut cargo) = toolchain::cargo("build", &target, ways)?;
    cargo.args(["--package", package, "--profile", "firmware"]);
    cargo.args(features);
    cargo.arg("--target-dir").arg(&target_dir);
    shell::run(&mut cargo)?;
    let elf = target_dir.join(&target).join("firmware").join(package);
    if !elf.is_file() {
        return Err(format!("the build left no image at {}", elf.display()));
    }
    Ok(elf)
}
