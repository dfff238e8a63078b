//! Running other programs, and where things are: the workspace root, the target directory, cargo.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(manifest);
    // tools/xtask lies two folders down.
    root.pop();
    root.pop();
    root
}

/// The cargo that runs this program, in the workspace root.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// What `cargo metadata --no-deps` says about the workspace.
pub fn metadata() -> Result<Value, String> {
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

/// What `cargo metadata` says of the workspace and of all that it depends on.
pub fn whole_metadata() -> Result<Value, String> {
    let text = output(cargo().args(["metadata", "--locked", "--format-version=1"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

/// Cargo's target directory, wherever it was configured to be.
pub fn target_dir() -> Result<PathBuf, String> {
    let metadata = metadata()?;
    let path = metadata["target_directory"]
        .as_str()
        .ok_or("cargo metadata: no target directory")?;
    Ok(PathBuf::from(path))
}

/// Shows the command line, then runs it with this program's own input and output.
pub fn run(command: &mut Command) -> Result<(), String> {
    eprintln!("$ {}", display(command));
    let status = command
        .status()
        .map_err(|error| format!("cannot start `{}`: {error}", name(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` failed ({status})", display(command)))
}

/// Runs the command quietly and returns what it printed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start `{}`: {error}", name(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let status = output.status;
        return Err(format!(
            "`{}` failed ({status}): {}",
            display(command),
            stderr.trim()
        ));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`{}` printed something that is not UTF-8", display(command)))
}

/// The full path of a program on the search path.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

/// Whether this process may install packages: Linux shows the user a process runs as in `/proc`.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Whether the file exists and may be run.
pub fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Installs Debian packages where that is possible, otherwise says how to.
pub fn apt_install(packages: &[&str]) -> Result<(), String> {
    if !can_apt_install() {
        return Err(format!("install it with:\n    {}", apt_line(packages)));
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    run(apt().arg("update"))?;
    run(apt()
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages))
}

/// Whether [`apt_install`] can do more than print the line.
pub fn can_apt_install() -> bool {
    is_root() && find("apt-get").is_some()
}

/// The line that installs Debian packages, to be copied by a person.
pub fn apt_line(packages: &[&str]) -> String {
    let sudo = if is_root() { "" } else { "sudo " };
    format!(
        "{sudo}apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn display(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(OsStr::new("?"));
    let mut line = program.to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}
