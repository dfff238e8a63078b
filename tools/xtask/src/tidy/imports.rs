//! Who may import whom, as direct dependencies. The table is the architecture of the project.

use super::{Package, Violation};

/// One row: what a package may depend on.
struct Rule {
    package: &'static str,
    /// Packages of this workspace.
    ours: &'static [&'static str],
    /// Packages of others, outside tests.
    others: Others,
    /// Packages of this workspace that its tests must not use either.
    never: &'static [&'static str],
}

enum Others {
    Any,
    Only(&'static [&'static str]),
}

const ALL_OURS: &[&str] = &[
    "core-nostd",
    "emulator",
    "e2e-tests",
    "firmware-counts",
    "firmware-token",
    "host-api",
    "host-kernels",
    "host-server",
    "mps2-an386",
    "nrf52840-dk",
    "pico2",
    "tally",
    "token-client",
    "xtask",
];

const BOARD: Rule = Rule {
    package: "a board",
    ours: &["firmware-token"],
    others: Others::Only(&[
        "cortex-m",
        "cortex-m-rt",
        // The clock that all of the hardware layers below share.
        "embassy-time",
        "embedded-hal",
        "embedded-io",
        "embedded-io-async",
        "embedded-storage",
        "rand_core",
    ]),
    never: &["core-nostd"],
};

/// The hardware layers of real boards, of which each takes one.
const HALS: &[&str] = &["embassy-nrf", "embassy-rp", "embassy-stm32"];

const RULES: &[Rule] = &[
    Rule {
        package: "core-nostd",
        ours: &[],
        others: Others::Only(&[
            "aes-siv",
            "cobs",
            "crc",
            "crypto-bigint",
            "curve25519-dalek",
            "heapless",
            "hkdf",
            "hmac",
            "postcard",
            "rand_core",
            "serde",
            "sha2",
            "subtle",
            "zeroize",
        ]),
        never: ALL_OURS,
    },
    Rule {
        package: "firmware-token",
        ours: &["core-nostd"],
        others: Others::Only(&[
            "embedded-hal",
            "embedded-io",
            "embedded-storage",
            "embedded-storage-async",
            "heapless",
            "postcard",
            "rand_core",
            "sequential-storage",
            "serde",
            "subtle",
            "zeroize",
        ]),
        never: &["host-server"],
    },
    // Not a board: it measures the core and the token from outside, and nothing runs on it.
    Rule {
        package: "firmware-counts",
        ours: &["core-nostd", "firmware-token"],
        others: Others::Only(&[
            "cortex-m",
            "cortex-m-rt",
            "embedded-io",
            "postcard",
            "rand_chacha",
            "rand_core",
        ]),
        never: ALL_OURS,
    },
    Rule {
        package: "token-client",
        ours: &["core-nostd"],
        others: Others::Any,
        never: &["firmware-token", "host-server"],
    },
    Rule {
        package: "emulator",
        ours: &["firmware-token"],
        others: Others::Any,
        never: &["host-server"],
    },
    Rule {
        package: "host-api",
        ours: &[],
        others: Others::Only(&["base64", "schemars", "serde"]),
        never: ALL_OURS,
    },
    Rule {
        package: "host-kernels",
        ours: &["core-nostd"],
        others: Others::Any,
        never: &["firmware-token", "host-server"],
    },
    Rule {
        package: "host-server",
        ours: &["core-nostd", "host-api", "host-kernels", "token-client"],
        others: Others::Any,
        never: &["firmware-token"],
    },
    Rule {
        package: "tally",
        ours: &[
            "core-nostd",
            "emulator",
            "host-api",
            "host-kernels",
            "token-client",
        ],
        others: Others::Any,
        never: &["firmware-token", "host-server"],
    },
    Rule {
        package: "xtask",
        ours: &[],
        others: Others::Only(&["serde_json"]),
        never: ALL_OURS,
    },
    Rule {
        package: "e2e-tests",
        ours: &[
            "core-nostd",
            "emulator",
            "host-api",
            "host-kernels",
            "host-server",
            "token-client",
        ],
        others: Others::Any,
        never: &["firmware-token"],
    },
];

/// Every package of the workspace has its row, so that a new one cannot slip through.
pub fn check_cover(packages: &[Package]) -> Vec<Violation> {
    let unknown = packages
        .iter()
        .filter(|package| !ALL_OURS.contains(&package.name.as_str()));
    unknown
        .map(|package| {
            let message = format!("`{}` has no row in tidy/imports.rs", package.name);
            Violation::new(&package.manifest, 1, message)
        })
        .collect()
}

/// Compares the direct dependencies of a package with its row.
pub fn check(package: &Package, manifest: &str) -> Vec<Violation> {
    let is_board = package.manifest.starts_with("firmware/boards/");
    let row = RULES.iter().find(|rule| rule.package == package.name);
    let Some(rule) = row.or(is_board.then_some(&BOARD)) else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    let mut hals = 0;
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let is_hal = is_board && HALS.contains(&name);
        hals += usize::from(is_hal && !dependency.dev);
        let allowed = if dependency.dev {
            !rule.never.contains(&name) && name != "e2e-tests"
        } else if ALL_OURS.contains(&name) {
            rule.ours.contains(&name)
        } else {
            match rule.others {
                Others::Any => true,
                Others::Only(list) => list.contains(&name) || is_hal,
            }
        };
        if !allowed {
            let message = format!("`{}` may not import `{name}`", package.name);
            violations.push(Violation::new(
                &package.manifest,
                line_of(manifest, name),
                message,
            ));
        }
    }
    if hals > 1 {
        let message = format!(
            "`{}` imports {hals} hardware layers: one a board",
            package.name
        );
        violations.push(Violation::new(&package.manifest, 1, message));
    }
    violations
}

/// The line of a manifest that names a dependency.
fn line_of(manifest: &str, name: &str) -> usize {
    let names = |line: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '.', '=']))
            || line.contains(&format!("package = \"{name}\""))
    };
    manifest
        .lines()
        .position(names)
        .map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::super::Dependency;
    use super::*;

    const BOARDS: [&str; 3] = ["mps2-an386", "nrf52840-dk", "pico2"];

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        let folder = if BOARDS.contains(&name) {
            "firmware/boards/x"
        } else {
            "x"
        };
        Package {
            name: name.to_owned(),
            manifest: format!("{folder}/Cargo.toml"),
            dependencies: dependencies
                .iter()
                .map(|(name, dev)| Dependency {
                    name: (*name).to_owned(),
                    dev: *dev,
                })
                .collect(),
            crate_roots: Vec::new(),
        }
    }

    fn is_allowed(name: &str, dependencies: &[(&str, bool)]) -> bool {
        check(&package(name, dependencies), "").is_empty()
    }

    #[test]
    fn what_the_table_allows_passes() {
        assert!(is_allowed(
            "core-nostd",
            &[("subtle", false), ("proptest", true)]
        ));
        assert!(is_allowed(
            "firmware-token",
            &[("core-nostd", false), ("emulator", true)]
        ));
        assert!(is_allowed(
            "mps2-an386",
            &[("firmware-token", false), ("embassy-nrf", false)]
        ));
        assert!(is_allowed(
            "nrf52840-dk",
            &[("embassy-nrf", false), ("embassy-time", false)]
        ));
        assert!(is_allowed(
            "host-server",
            &[("core-nostd", false), ("axum", false)]
        ));
    }

    #[test]
    fn what_it_does_not_allow_is_refused() {
        for (name, dependency, dev) in [
            ("core-nostd", "rand", false),
            ("core-nostd", "host-kernels", true),
            ("firmware-token", "embassy-nrf", false),
            ("mps2-an386", "core-nostd", false),
            ("nrf52840-dk", "mps2-an386", false),
            ("token-client", "firmware-token", true),
            ("host-api", "axum", false),
            ("host-server", "firmware-token", true),
            ("host-server", "tally", false),
            ("tally", "host-server", false),
            ("xtask", "core-nostd", true),
            ("emulator", "e2e-tests", true),
        ] {
            assert!(
                !is_allowed(name, &[(dependency, dev)]),
                "{name} imports {dependency}"
            );
        }
    }

    #[test]
    fn a_board_has_one_hardware_layer() {
        assert!(!is_allowed(
            "mps2-an386",
            &[("embassy-nrf", false), ("embassy-rp", false)]
        ));
    }

    #[test]
    fn a_package_without_a_row_is_reported() {
        assert!(check_cover(&[package("tally", &[])]).is_empty());
        assert_eq!(check_cover(&[package("helper", &[])]).len(), 1);
    }

    #[test]
    fn the_table_has_a_row_for_each_of_our_packages() {
        let rows = RULES.iter().map(|rule| rule.package);
        let mut rows: Vec<_> = rows.chain(BOARDS).collect();
        rows.sort_unstable();
        let mut all = ALL_OURS.to_vec();
        all.sort_unstable();
        assert_eq!(rows, all);
    }

    #[test]
    fn the_message_points_at_the_line() {
        let manifest = "[dependencies]\naxum-core = \"1\"\naxum.workspace = true\n";
        let violations = check(&package("host-api", &[("axum", false)]), manifest);
        assert_eq!(violations[0].line, 3);
    }
}
