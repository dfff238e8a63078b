//! `cargo xtask doctor`: what this machine has for `cargo xtask test`, and how to get the rest.

use std::process::Command;

use crate::args::Args;
use crate::fetch::{LIGHTPHE, Library, SCHEMATHESIS, SHAMIR_MNEMONIC, UNICORN};
use crate::{boards, fetch, flash, shell, toolchain};

/// Help text and option grammar.
pub const HELP: &str = "\
Usage: cargo xtask doctor

Lists what `cargo xtask test` needs: present or missing, the install line for a Debian machine,
and whether xtask can fetch it by itself. Plain `cargo test` needs only the first three rows.
What the tests can do without comes last. Exit code 0 if the rest is present or can be fetched.

Options:
  --help           show this text
";

/// One need: what was found, or how to get it.
struct Finding {
    need: String,
    state: State,
}

enum State {
    Present(String),
    /// Missing; xtask gets it when it is needed.
    Fetchable {
        install: String,
    },
    Missing {
        install: String,
    },
    /// Missing, and no test needs it.
    Optional {
        what_for: &'static str,
        install: String,
    },
}

/// Runs the subcommand.
pub fn run(_: Args) -> Result<(), String> {
    let mut findings = vec![
        rust()?,
        tool(
            "rustfmt and clippy",
            &rust_components(),
            "rustup component add rustfmt clippy",
        ),
        tool(
            "cc",
            &[&["cc", "--version"]],
            &shell::apt_line(&["gcc", "libc6-dev"]),
        ),
    ];
    findings.extend(boards::targets()?.iter().map(|name| target(name)));
    findings.extend([python(), qemu()?, mongod()?, probe_rs()]);
    for needed in [LIGHTPHE, SHAMIR_MNEMONIC, UNICORN, SCHEMATHESIS] {
        findings.push(library(&needed)?);
    }
    let mut missing = 0;
    for finding in &findings {
        let need = &finding.need;
        match &finding.state {
            State::Present(found) => println!("present    {need:<28} {found}"),
            State::Fetchable { install } => {
                println!("fetchable  {need:<28} xtask gets it when needed; by hand: {install}");
            }
            State::Missing { install } => {
                missing += 1;
                println!("MISSING    {need:<28} install: {install}");
            }
            State::Optional { what_for, install } => {
                println!("optional   {need:<28} {what_for}: {install}");
            }
        }
    }
    if missing > 0 {
        return Err(format!(
            "`cargo xtask test` cannot run here: {missing} missing, see above"
        ));
    }
    println!("`cargo xtask test` can run here");
    Ok(())
}

/// The compiler, which must be as new as the manifests ask.
fn rust() -> Result<Finding, String> {
    let metadata = shell::metadata()?;
    let wanted = metadata["packages"][0]["rust_version"]
        .as_str()
        .ok_or("cargo metadata: no rust-version")?
        .to_owned();
    let found = shell::output(Command::new("rustc").arg("--version")).unwrap_or_default();
    let found = found.split_whitespace().nth(1).unwrap_or("none").to_owned();
    let state = if version(&found) >= version(&wanted) {
        State::Present(found)
    } else {
        State::Missing {
            install: "rustup update stable".to_owned(),
        }
    };
    Ok(Finding {
        need: format!("rust {wanted} or later"),
        state,
    })
}

/// `1.95.0-nightly` as (1, 95).
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn rust_components() -> [&'static [&'static str]; 2] {
    [
        &["cargo", "fmt", "--version"],
        &["cargo", "clippy", "--version"],
    ]
}

/// Something that is present if all the given commands succeed.
fn tool(need: &str, probes: &[&[&str]], install: &str) -> Finding {
    let mut found = Vec::new();
    for probe in probes {
        match shell::output(Command::new(probe[0]).args(&probe[1..])) {
            Ok(text) => found.push(text.lines().next().unwrap_or_default().to_owned()),
            Err(_) => {
                let state = State::Missing {
                    install: install.to_owned(),
                };
                return Finding {
                    need: need.to_owned(),
                    state,
                };
            }
        }
    }
    Finding {
        need: need.to_owned(),
        state: State::Present(found.join(", ")),
    }
}

/// The bare-metal target, by the first way that is open.
fn target(name: &str) -> Finding {
    let state = if toolchain::is_installed(name) {
        State::Present("way 1, the target is installed".to_owned())
    } else if toolchain::debian_linker().is_ok() {
        State::Present("way 3, Debian's rustc-web builds the core library".to_owned())
    } else if shell::find("rustup").is_some() {
        State::Fetchable {
            install: toolchain::rustup_line(&[name]),
        }
    } else {
        let install = format!(
            "{}, or {}",
            toolchain::rustup_line(&[name]),
            shell::apt_line(&toolchain::DEBIAN_PACKAGES)
        );
        State::Missing { install }
    };
    Finding {
        need: name.to_owned(),
        state,
    }
}

fn probe_rs() -> Finding {
    let state = match shell::find(flash::PROBE_RS) {
        Some(path) => State::Present(path.display().to_string()),
        None => State::Optional {
            what_for: "for `cargo xtask flash`",
            install: flash::probe_rs_line(),
        },
    };
    Finding {
        need: flash::PROBE_RS.to_owned(),
        state,
    }
}

fn python() -> Finding {
    let packages = shell::apt_line(&["python3", "python3-pip"]);
    tool(
        "python3 with pip",
        &[&["python3", "-m", "pip", "--version"]],
        &packages,
    )
}

fn qemu() -> Result<Finding, String> {
    let install = shell::apt_line(&[fetch::QEMU_PACKAGE]);
    let state = match fetch::qemu_present()? {
        Some(path) => State::Present(path.display().to_string()),
        None if shell::can_apt_install() => State::Fetchable { install },
        None => State::Missing { install },
    };
    Ok(Finding {
        need: fetch::QEMU_PACKAGE.to_owned(),
        state,
    })
}

fn mongod() -> Result<Finding, String> {
    let install = "cargo xtask fetch, or set MONGOD".to_owned();
    let state = if let Some(path) = fetch::mongod_present()? {
        State::Present(path.display().to_string())
    } else if std::env::consts::ARCH == "x86_64" {
        State::Fetchable { install }
    } else {
        State::Missing { install }
    };
    Ok(Finding {
        need: "mongod".to_owned(),
        state,
    })
}

fn library(library: &Library) -> Result<Finding, String> {
    let state = match library.present()? {
        Some(folder) => State::Present(folder.display().to_string()),
        None => State::Fetchable {
            install: library.by_hand()?,
        },
    };
    Ok(Finding {
        need: library.title(),
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_compare_by_number() {
        assert!(version("1.100.0") > version("1.95.0"));
        assert!(version("1.90.0") >= version("1.90"));
        assert!(version("1.90.0-nightly") >= version("1.90"));
        assert!(version("none") < version("1.90"));
    }
}
