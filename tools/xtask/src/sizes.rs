//! `cargo xtask sizes`: holds the images of all boards to their memory budgets.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::elf::{self, Section};
use crate::toolchain::WAYS;
use crate::{boards, fetch, image, shell};

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask sizes [OPTIONS]

Builds the images of all boards, and that of mps2-an386 also without the finite-field suites, runs
every command of the protocol on the two in QEMU, and prints what each image takes of its chip:
flash (code, constants, initial values) and RAM, which is static RAM (initialised and zeroed
variables) and the stack at its deepest. Fails if a budget is exceeded: 256 KiB of flash, 32 KiB of
RAM, 16 KiB without the finite-field suites. Real boards can't be measured here: their stack is
taken to be as deep as that of mps2-an386, which runs the same token.

Options:
  --board <NAME>   without a measurement, the sections of this board's image
  --help           show this text
";

const FLASH_BUDGET: u64 = 256 * 1024;
const RAM_BUDGET: u64 = 32 * 1024;
const RAM_BUDGET_LEAN: u64 = 16 * 1024;

/// The emulated board without the finite-field suites.
const LEAN: &str = "mps2-an386, lean";

/// The image of a board.
pub struct Image {
    /// What it is called in the table.
    pub name: String,
    /// Without the finite-field suites.
    pub lean: bool,
    /// The file.
    pub elf: PathBuf,
}

/// Runs the subcommand.
pub fn run(args: Args) -> Result<(), String> {
    if let Some(board) = args.value("--board") {
        return sections(&image::build(image::known(board)?, &WAYS)?);
    }
    let images = images()?;
    let features = ["--features", "qemu"];
    shell::run(
        shell::cargo()
            .args(["build", "--package", "e2e-tests", "--bin", "stack"])
            .args(features),
    )?;
    check(&images, &fetch::qemu()?)
}

/// Builds the images of all boards, and the lean one of the emulated board.
pub fn images() -> Result<Vec<Image>, String> {
    // First, because its file becomes that of the whole image.
    let lean = image::build_lean(image::DEFAULT_BOARD, &WAYS)?;
    let mut images = Vec::new();
    for board in boards::boards()? {
        images.push(Image {
            elf: image::build(&board.package, &WAYS)?,
            name: board.package,
            lean: false,
        });
    }
    images.push(Image {
        name: LEAN.to_owned(),
        lean: true,
        elf: lean,
    });
    Ok(images)
}

/// The file of one of these images.
///
/// # Errors
/// There is none of that name.
pub fn find(images: &[Image], name: &str) -> Result<PathBuf, String> {
    let image = images.iter().find(|image| image.name == name);
    let image = image.ok_or_else(|| format!("there is no image `{name}`"))?;
    Ok(image.elf.clone())
}

/// Measures the stack of the two images that run in QEMU, prints the table, and compares with the
/// budgets. The program that measures has been built.
pub fn check(images: &[Image], qemu: &Path) -> Result<(), String> {
    let program = shell::target_dir()?.join("debug/stack");
    let stack = |name: &str| {
        println!("stack of {name}, in bytes:");
        measure(&program, &find(images, name)?, qemu)
    };
    let [full, lean] = [stack(image::DEFAULT_BOARD)?, stack(LEAN)?];
    println!(
        "\n{:<20}{:>16}{:>14}{:>8}{:>16}",
        "image", "flash", "static RAM", "stack", "RAM"
    );
    let mut exceeded = Vec::new();
    for image in images {
        let used = Used::read(&image.elf)?;
        let (stack, budget) = if image.lean {
            (lean, RAM_BUDGET_LEAN)
        } else {
            (full, RAM_BUDGET)
        };
        let ram = used.ram + stack;
        println!(
            "{:<20}{:>7} / {FLASH_BUDGET}{:>14}{stack:>8}{ram:>8} / {budget}",
            image.name, used.flash, used.ram,
        );
        for (what, used, budget) in [("flash", used.flash, FLASH_BUDGET), ("RAM", ram, budget)] {
            if used > budget {
                let over = used - budget;
                exceeded.push(format!(
                    "{} takes {over} bytes of {what} too many",
                    image.name
                ));
            }
        }
    }
    verdict(&exceeded)
}

/// The greatest number that the program prints at the end of a line, all of which are shown.
fn measure(program: &Path, elf: &Path, qemu: &Path) -> Result<u64, String> {
    let mut command = Command::new(program);
    command
        .env("FIRMWARE_ELF", elf)
        .env("QEMU_SYSTEM_ARM", qemu);
    let report = shell::output(&mut command)?;
    print!("{report}");
    let number = |line: &str| line.split_whitespace().next_back()?.parse().ok();
    let numbers: Option<Vec<u64>> = report.lines().map(number).collect();
    let deepest = numbers.and_then(|numbers| numbers.into_iter().max());
    deepest.ok_or_else(|| format!("{} prints no numbers", program.display()))
}

/// Prints the sections of an image and compares those in flash with the budget.
pub fn sections(elf: &Path) -> Result<(), String> {
    for section in read(elf)?.iter().filter(|section| section.size > 0) {
        println!(
            "{:<16} {:#010x} {:>8}",
            section.name, section.address, section.size
        );
    }
    let used = Used::read(elf)?;
    println!("flash            {:>8} of {FLASH_BUDGET} bytes", used.flash);
    println!("static RAM       {:>8}", used.ram);
    let over = used.flash.saturating_sub(FLASH_BUDGET);
    let exceeded = (over > 0).then(|| format!("it takes {over} bytes of flash too many"));
    verdict(exceeded.as_slice())
}

fn verdict(exceeded: &[String]) -> Result<(), String> {
    if exceeded.is_empty() {
        return Ok(());
    }
    Err(format!("over budget: {}", exceeded.join(", ")))
}

/// What an image takes of the memory of its chip, in bytes, the stack left aside.
#[derive(Debug, PartialEq, Eq)]
struct Used {
    flash: u64,
    ram: u64,
}

impl Used {
    fn read(elf: &Path) -> Result<Self, String> {
        Ok(Self::of(&read(elf)?))
    }

    fn of(sections: &[Section]) -> Self {
        let sum = |counts: fn(&Section) -> bool| {
            let counted = sections.iter().filter(|section| counts(section));
            counted.map(|section| u64::from(section.size)).sum()
        };
        Self {
            flash: sum(|section| section.stored),
            ram: sum(|section| section.writable),
        }
    }
}

fn read(elf: &Path) -> Result<Vec<Section>, String> {
    let named = |error: String| format!("{}: {error}", elf.display());
    let file = std::fs::read(elf).map_err(|error| named(error.to_string()))?;
    elf::sections(&file).map_err(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialised_variables_count_twice_and_zeroed_ones_once() {
        let section = |size, writable, stored| Section {
            name: String::new(),
            address: 0,
            size,
            writable,
            stored,
        };
        let image = [
            section(1000, false, true),
            section(20, true, true),
            section(300, true, false),
        ];
        let used = Used::of(&image);
        assert_eq!(
            used,
            Used {
                flash: 1020,
                ram: 320
            }
        );
    }
}
