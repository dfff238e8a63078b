//! `cargo xtask test`: everything the CI runs. The tests come last, so that their own summary is
//! the last thing to be read.

use std::path::PathBuf;

use crate::args::Args;
use crate::toolchain::{self, WAYS};
use crate::{boards, fetch, fuzz, image, portability, shell, sizes, tidy};

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask test [OPTIONS]

Runs, and stops at the first that fails: formatting, tidy, clippy, documentation, the firmware
images and their sizes, the image that counts instructions, the core's portability, QEMU, mongod,
LightPHE, shamir-mnemonic, Unicorn and Schemathesis (fetched if missing), the corpus of the fuzz
targets, then all tests, also those that need the images, MongoDB, the four libraries and the
binaries. `cargo xtask doctor` tells beforehand whether all this is there.

Options:
  --long           also the slow tests marked `ignore`, 16 times the property test cases, and every
                   fuzz target for 20 seconds
  --help           show this text
";

/// Everything that can be tested at all.
const ALL_FEATURES: [&str; 4] = [
    "--features",
    "e2e-tests/qemu,e2e-tests/mongo,e2e-tests/cli",
    "--features",
    "e2e-tests/lightphe,e2e-tests/slip39,e2e-tests/faults,e2e-tests/kit,e2e-tests/schemathesis",
];

/// The real board whose image runs on a model of its chip.
const KIT: &str = "nrf52840-dk";

/// Packages that must also build without their optional parts.
const LEAN: [&str; 3] = ["core-nostd", "firmware-token", "host-server"];

/// Proptest's default is 256.
const LONG_PROPTEST_CASES: &str = "4096";

/// Runs the subcommand.
pub fn run(args: Args) -> Result<(), String> {
    step("format", format)?;
    step("tidy", tidy::check)?;
    step("clippy", clippy)?;
    step("clippy of the images", clippy_images)?;
    step("documentation", documentation)?;
    let images = step("firmware images", sizes::images)?;
    let counts = step("image that counts instructions", || {
        image::build(image::COUNTS, &WAYS)
    })?;
    step("portability", portability::check)?;
    let qemu = step("fetch QEMU", fetch::qemu)?;
    let mongod = step("fetch mongod", fetch::mongod)?;
    let lightphe = step("fetch LightPHE", || fetch::LIGHTPHE.fetch())?;
    let shamir = step("fetch shamir-mnemonic", || fetch::SHAMIR_MNEMONIC.fetch())?;
    let unicorn = step("fetch Unicorn", || fetch::UNICORN.fetch())?;
    let schemathesis = step("fetch Schemathesis", || fetch::SCHEMATHESIS.fetch())?;
    step("binaries", || {
        shell::run(shell::cargo().args(["build", "--bins"]).args(ALL_FEATURES))
    })?;
    step("sizes", || sizes::check(&images, &qemu))?;
    step("fuzz corpus", fuzz_corpus)?;
    if args.has("--long") {
        step("fuzz", fuzz::check)?;
    }
    let needs = [
        ("FIRMWARE_ELF", sizes::find(&images, image::DEFAULT_BOARD)?),
        ("COUNTS_ELF", counts),
        ("KIT_ELF", sizes::find(&images, KIT)?),
        ("QEMU_SYSTEM_ARM", qemu),
        ("MONGOD", mongod),
        (fetch::LIGHTPHE.variable, lightphe),
        (fetch::SHAMIR_MNEMONIC.variable, shamir),
        (fetch::UNICORN.variable, unicorn),
        (fetch::SCHEMATHESIS.variable, schemathesis),
    ];
    step("tests", || tests(&args, needs))
}

/// Announces a step, and names it if it fails.
fn step<T>(name: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    eprintln!("\n== {name}");
    work().map_err(|error| format!("{error}\nfailed step: {name}"))
}

fn format() -> Result<(), String> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(fuzz::cargo("fmt")?.arg("--check"))
}

fn clippy() -> Result<(), String> {
    let deny = ["--", "-D", "warnings"];
    shell::run(
        shell::cargo()
            .args(["clippy", "--all-targets"])
            .args(ALL_FEATURES)
            .args(deny),
    )?;
    for package in LEAN {
        let lean = ["clippy", "--no-default-features", "--package", package];
        shell::run(shell::cargo().args(lean).args(deny))?;
    }
    shell::run(fuzz::cargo("clippy")?.arg("--all-targets").args(deny))
}

fn clippy_images() -> Result<(), String> {
    let target_dir = shell::target_dir()?.join("firmware");
    // One by one: built together, each would have the features that any other asks for.
    for image in boards::images()? {
        let (package, target) = (image.package, image.target);
        if !toolchain::is_installed(&target) {
            eprintln!(
                "left out {package}: only the plain toolchain has clippy, and it lacks {target}"
            );
            continue;
        }
        let mut cargo = shell::cargo();
        cargo.args(["clippy", "--profile", "firmware", "--package", &package]);
        cargo.args(["--target", &target]);
        cargo.arg("--target-dir").arg(&target_dir);
        shell::run(cargo.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn documentation() -> Result<(), String> {
    let mut cargo = shell::cargo();
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    shell::run(cargo.args(["doc", "--no-deps"]).args(ALL_FEATURES))
}

/// Every input that a fuzzer ever found worth keeping, without a fuzzer.
fn fuzz_corpus() -> Result<(), String> {
    shell::run(&mut fuzz::cargo("test")?)
}

fn tests<const N: usize>(args: &Args, needs: [(&str, PathBuf); N]) -> Result<(), String> {
    let built = shell::target_dir()?.join("debug");
    let mut cargo = shell::cargo();
    cargo.arg("test").args(ALL_FEATURES).envs(needs);
    cargo.env("TALLY_BIN", built.join("tally"));
    cargo.env("HOST_SERVER_BIN", built.join("host-server"));
    if args.has("--long") {
        cargo
            .env("PROPTEST_CASES", LONG_PROPTEST_CASES)
            .args(["--", "--include-ignored"]);
    }
    shell::run(&mut cargo)
}
