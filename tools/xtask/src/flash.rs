//! `cargo xtask flash`: puts the firmware image onto a board.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::boards::{self, Loader};
use crate::toolchain::WAYS;
use crate::{elf, image, shell, uf2};

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask flash <BOARD> [OPTIONS]

Builds the firmware image of a board and puts it onto it, in the way its manifest names:
  probe-rs     through the debug port
  uf2-family   as a UF2 file, copied to the drive that the board shows when it is connected with its
               BOOTSEL button held; if none is there, the file's path is printed

Arguments:
  <BOARD>           folder under firmware/boards

Options:
  --erase           where the debug port is shut: erase all of the chip first, keys included
  --drive <FOLDER>  where the board's drive is mounted [default: looked for]
  --help            show this text
";

/// The program that writes flash through a debug port.
pub const PROBE_RS: &str = "probe-rs";

/// Debian's packages that it takes to compile that program.
const PROBE_RS_PACKAGES: [&str; 4] = ["pkg-config", "libudev-dev", "cmake", "git"];

/// The file by which a drive can be told to be a boot loader for UF2 files.
const DRIVE_MARK: &str = "INFO_UF2.TXT";

/// Folders in whose subfolders, or theirs, systems mount drives.
const MOUNTS: [&str; 4] = ["/media", "/run/media", "/mnt", "/Volumes"];

/// Runs the subcommand.
pub fn run(args: Args) -> Result<(), String> {
    let name = args.value("<BOARD>").ok_or("say which board")?;
    let board = boards::board(name)?;
    match &board.loader {
        Loader::Emulated => Err(format!(
            "`{name}` is emulated: see firmware/boards/{name}/README.md for how to run it"
        )),
        Loader::ProbeRs { chip } => {
            // Before minutes of building.
            let probe_rs = find_probe_rs()?;
            let elf = image::build(name, &WAYS)?;
            write_with_probe(&probe_rs, chip, &elf, args.has("--erase"))
        }
        Loader::Uf2 { family } => {
            let file = write_uf2(&image::build(name, &WAYS)?, *family)?;
            copy_to_drive(&file, args.value("--drive").map(PathBuf::from))
        }
    }
}

/// The line that installs [`PROBE_RS`], to be copied by a person.
pub fn probe_rs_line() -> String {
    let packages = shell::apt_line(&PROBE_RS_PACKAGES);
    format!("{packages} && cargo install probe-rs-tools --locked")
}

fn find_probe_rs() -> Result<PathBuf, String> {
    shell::find(PROBE_RS).ok_or_else(|| {
        let line = probe_rs_line();
        format!("{PROBE_RS} is not on the search path; install it with:\n    {line}")
    })
}

fn write_with_probe(probe_rs: &Path, chip: &str, elf: &Path, erase: bool) -> Result<(), String> {
    let mut command = Command::new(probe_rs);
    command.args(["download", "--non-interactive", "--chip", chip, "--verify"]);
    if erase {
        command.arg("--allow-erase-all");
    }
    shell::run(command.arg(elf)).map_err(|error| {
        let hint = "if the chip is locked, `--erase` erases it, the token's keys included";
        format!("{error}\n{hint}")
    })?;
    println!("written; now switch the board off and on");
    Ok(())
}

/// Writes the UF2 file beside the ELF file.
fn write_uf2(elf: &Path, family: u32) -> Result<PathBuf, String> {
    let named = |error: String| format!("{}: {error}", elf.display());
    let image = fs::read(elf).map_err(|error| named(error.to_string()))?;
    let segments = elf::segments(&image).map_err(named)?;
    let content = uf2::file(&segments, family).map_err(named)?;
    let file = elf.with_extension("uf2");
    fs::write(&file, content).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

fn copy_to_drive(file: &Path, drive: Option<PathBuf>) -> Result<(), String> {
    let path = file.display();
    let Some(drive) = drive.or_else(find_drive) else {
        println!(
            "no drive of a boot loader is mounted: connect the board with its BOOTSEL button\n\
             held, mount its drive, and run this again or copy this file onto it:\n{path}"
        );
        return Ok(());
    };
    if !drive.join(DRIVE_MARK).is_file() {
        let drive = drive.display();
        return Err(format!(
            "{drive} is no boot loader's drive: it has no {DRIVE_MARK}"
        ));
    }
    let to = drive.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to).map_err(|error| format!("{}: {error}", to.display()))?;
    println!(
        "{path} copied to {}; the board restarts by itself",
        drive.display()
    );
    Ok(())
}

/// The drive of a boot loader, if one is mounted where desktops mount drives.
fn find_drive() -> Option<PathBuf> {
    let user = env::var_os("USER").unwrap_or_default();
    let mounts = MOUNTS.into_iter().map(PathBuf::from);
    let folders = mounts.flat_map(|mount| [mount.join(&user), mount]);
    let drives = folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten();
    let mut drives = drives.filter_map(|entry| Some(entry.ok()?.path()));
    drives.find(|drive| drive.join(DRIVE_MARK).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_copied_to_a_folder_that_is_no_boot_loaders() {
        let folder = env::temp_dir().join(format!("xtask-flash-{}", std::process::id()));
        let drive = folder.join("drive");
        fs::create_dir_all(&drive).unwrap();
        let file = folder.join("image.uf2");
        fs::write(&file, "content").unwrap();

        assert!(copy_to_drive(&file, Some(drive.clone())).is_err());
        assert!(!drive.join("image.uf2").exists());
        fs::write(drive.join(DRIVE_MARK), "").unwrap();
        copy_to_drive(&file, Some(drive.clone())).unwrap();
        assert_eq!(fs::read(drive.join("image.uf2")).unwrap(), b"content");
        fs::remove_dir_all(&folder).unwrap();
    }
}
