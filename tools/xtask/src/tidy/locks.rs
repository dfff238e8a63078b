//! One set of versions: a package that is a workspace of its own, with a lock file of its own,
//! takes what the root workspace takes. Otherwise it would test other code than is shipped.

use super::Violation;

/// The lock files beside that of the root.
pub const OTHERS: [&str; 1] = ["tools/fuzz/Cargo.lock"];

/// Compares a lock file with that of the root. A package that the root does not have is fine.
pub fn check(path: &str, lock: &str, root: &str) -> Vec<Violation> {
    let root = packages(root);
    let mut violations = Vec::new();
    for (line, name, version) in packages(lock) {
        let of_root = || root.iter().filter(|(_, known, _)| *known == name);
        if of_root().count() > 0 && !of_root().any(|(_, _, known)| *known == version) {
            let message = format!(
                "{name} {version} is not the version of the root: copy the root's Cargo.lock here \
                 and run `cargo metadata`, which takes out what is not needed"
            );
            violations.push(Violation::new(path, line, message));
        }
    }
    violations
}

/// Line, name and version of each package in a lock file: `name = "…"`, then `version = "…"`.
fn packages(lock: &str) -> Vec<(usize, &str, &str)> {
    let lines = lock.lines();
    let pairs = std::iter::zip(lines.clone(), lines.skip(1)).enumerate();
    pairs
        .filter_map(|(index, (name, version))| {
            let name = name.strip_prefix("name = \"")?.strip_suffix('"')?;
            let version = version.strip_prefix("version = \"")?.strip_suffix('"')?;
            Some((index + 1, name, version))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "\
[[package]]
name = \"cobs\"
version = \"0.3.0\"

[[package]]
name = \"cobs\"
version = \"0.5.1\"
dependencies = [
 \"thiserror\",
]
";

    fn lines_reported(lock: &str) -> Vec<usize> {
        let violations = check("tools/x/Cargo.lock", lock, ROOT);
        violations.iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn versions_are_those_of_the_root() {
        assert!(lines_reported(ROOT).is_empty());
        assert_eq!(lines_reported(&ROOT.replace("0.3.0", "0.4.0")), [2]);
    }

    #[test]
    fn packages_of_its_own_may_have_any_version() {
        assert!(lines_reported(&ROOT.replace("cobs", "cc")).is_empty());
    }
}
