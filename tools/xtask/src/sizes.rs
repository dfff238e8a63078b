//! `cargo xtask sizes`: holds the firmware image to its memory budgets.

use crate::args::Args;
use crate::elf::{self, Section};
use crate::image;
use crate::toolchain::WAYS;

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask sizes [OPTIONS]

Builds the firmware image and prints, section by section, what it takes of the device's memory:
flash (code, constants, initial values) and static RAM (initialised and zeroed variables; the
stack comes on top and is measured while running). Fails if a budget is exceeded.

Options:
  --board <NAME>   folder under firmware/boards [default: mps2-an386]
  --help           show this text
";

/// A budget of the token with both kinds of suite, ristretto255 and ffdhe3072.
struct Budget {
    what: &'static str,
    bytes: u64,
    counts: fn(&Section) -> bool,
}

const BUDGETS: [Budget; 2] = [
    Budget {
        what: "flash",
        bytes: 256 * 1024,
        counts: |section| section.stored,
    },
    Budget {
        what: "static RAM",
        bytes: 32 * 1024,
        counts: |section| section.writable,
    },
];

/// Runs the subcommand.
pub fn run(args: Args) -> Result<(), String> {
    let board = args.value("--board").unwrap_or(image::DEFAULT_BOARD);
    check(&image::build(image::known(board)?, &WAYS)?)
}

/// Prints the sizes of an image and compares them with the budgets.
pub fn check(image: &std::path::Path) -> Result<(), String> {
    let file = std::fs::read(image).map_err(|error| format!("{}: {error}", image.display()))?;
    let sections = elf::sections(&file).map_err(|error| format!("{}: {error}", image.display()))?;
    for section in sections.iter().filter(|section| section.size > 0) {
        println!(
            "{:<16} {:#010x} {:>8}",
            section.name, section.address, section.size
        );
    }
    let mut exceeded = Vec::new();
    for budget in &BUDGETS {
        let used = used(&sections, budget);
        println!("{:<16} {used:>8} of {} bytes", budget.what, budget.bytes);
        if used > budget.bytes {
            exceeded.push(format!("{} by {} bytes", budget.what, used - budget.bytes));
        }
    }
    if exceeded.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the image exceeds its budget: {}",
        exceeded.join(", ")
    ))
}

fn used(sections: &[Section], budget: &Budget) -> u64 {
    let counted = sections.iter().filter(|section| (budget.counts)(section));
    counted.map(|section| u64::from(section.size)).sum()
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
        let [flash, ram] = &BUDGETS;
        assert_eq!(used(&image, flash), 1020);
        assert_eq!(used(&image, ram), 320);
    }
}
