//! `cargo xtask tidy`: the rules of the repository as checks.
//!
//! Each check is a function from text to violations, so that its tests are small samples. What a
//! rule is for stands beside it; a rule without a check does not last.

mod deny;
mod imports;
mod locks;
mod source;
mod tree;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::args::Args;
use crate::shell;

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask tidy

Checks the rules that no lint covers, each violation as file:line:
  imports    who may depend on whom (the table is in tools/xtask/src/tidy/imports.rs)
  sources    files of at most 500 lines, functions of at most 90, lines of at most 100 columns,
             board mains of at most 150 lines, no mod.rs, forbid(unsafe_code) in every crate root,
             no call that can panic by design in the core and on the token
  deny       licences, bans and sources of all dependencies, by the lists of .cargo/deny.toml
  locks      workspaces of their own take the versions of the root
  tree       the root shows what it should, every package inherits the lints, links of the
             Markdown files lead somewhere

Options:
  --help     show this text
";

/// A broken rule, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path from the root.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Violation {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Runs the subcommand.
pub fn run(_: Args) -> Result<(), String> {
    check()
}

/// Checks everything and prints all violations.
pub fn check() -> Result<(), String> {
    let tracked = git_files(&["--cached"])?;
    let mut files = tracked.clone();
    files.extend(git_files(&["--others", "--exclude-standard"])?);
    files.retain(|path| shell::root().join(path).is_file());

    let packages = packages(&shell::metadata()?)?;
    let mut violations = tree::check_root(&tracked);
    violations.extend(imports::check_cover(&packages));
    for package in &packages {
        let manifest = read(&package.manifest)?;
        violations.extend(imports::check(package, &manifest));
        violations.extend(tree::check_lints(&package.manifest, &manifest));
        for root in &package.crate_roots {
            violations.extend(source::check_crate_root(&package.name, root, &read(root)?));
        }
    }
    violations.extend(deny::check(&read(deny::FILE)?, &shell::whole_metadata()?));
    let lock = read("Cargo.lock")?;
    for path in locks::OTHERS {
        violations.extend(locks::check(path, &read(path)?, &lock));
    }
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        violations.extend(source::check(path, &read(path)?));
    }
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        let exists = |link: &str| shell::root().join(link).exists();
        violations.extend(tree::check_links(path, &read(path)?, exists));
    }
    report(violations, files.len(), packages.len())
}

fn report(mut violations: Vec<Violation>, files: usize, packages: usize) -> Result<(), String> {
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => {
            println!("tidy: {files} files, {packages} packages, no violation");
            Ok(())
        }
        1 => Err("tidy: 1 violation".to_owned()),
        count => Err(format!("tidy: {count} violations")),
    }
}

/// A member of the workspace, as far as the rules look at it.
pub struct Package {
    name: String,
    /// Path from the root.
    manifest: String,
    dependencies: Vec<Dependency>,
    /// The files that start a library or a binary, as paths from the root.
    crate_roots: Vec<String>,
}

/// A direct dependency.
struct Dependency {
    name: String,
    /// Only for tests, examples and benchmarks.
    dev: bool,
}

fn packages(metadata: &Value) -> Result<Vec<Package>, String> {
    let root = metadata["workspace_root"]
        .as_str()
        .ok_or("cargo metadata: no workspace root")?;
    let relative = |path: &Value| {
        let path = path.as_str().unwrap_or_default();
        let path = path.strip_prefix(root).unwrap_or(path);
        path.trim_start_matches('/').to_owned()
    };
    let dependency = |value: &Value| Dependency {
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        dev: value["kind"] == "dev",
    };
    let is_product = |target: &&Value| {
        list(&target["kind"]).any(|kind| matches!(kind.as_str(), Some("lib" | "bin")))
    };
    let package = |value: &Value| Package {
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        manifest: relative(&value["manifest_path"]),
        dependencies: list(&value["dependencies"]).map(dependency).collect(),
        crate_roots: list(&value["targets"])
            .filter(is_product)
            .map(|target| relative(&target["src_path"]))
            .collect(),
    };
    let packages: Vec<_> = list(&metadata["packages"]).map(package).collect();
    if packages.is_empty() {
        return Err("cargo metadata lists no package".to_owned());
    }
    Ok(packages)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Files that git knows, as paths from the root. The repository may belong to another user.
fn git_files(which: &[&str]) -> Result<BTreeSet<String>, String> {
    let mut git = Command::new("git");
    git.current_dir(shell::root())
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(which);
    Ok(shell::output(&mut git)?
        .split_terminator('\0')
        .map(str::to_owned)
        .collect())
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(shell::root().join(path)).map_err(|error| format!("{path}: {error}"))
}
