//! Rules for the tree as a newcomer sees it: the root, the manifests, the links.

use std::collections::BTreeSet;

use super::Violation;

/// What the root shows, beside licences and dot-files.
const ROOT: [&str; 9] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "core-nostd",
    "firmware",
    "host-server",
    "tests",
    "tools",
];

/// The root shows exactly what it should. `tracked` are the files in git.
pub fn check_root(tracked: &BTreeSet<String>) -> Vec<Violation> {
    let shown: BTreeSet<&str> = tracked
        .iter()
        .map(|path| path.split('/').next().unwrap_or(path))
        .collect();
    let is_expected =
        |name: &str| ROOT.contains(&name) || name.starts_with('.') || name.starts_with("LICENSE-");
    let unexpected = shown.iter().filter(|name| !is_expected(name));
    let unexpected =
        unexpected.map(|name| Violation::new(name, 1, "does not belong into the root"));
    let missing = ROOT.iter().filter(|name| !shown.contains(**name));
    let missing = missing.map(|name| Violation::new(name, 1, "is missing from the root"));
    unexpected.chain(missing).collect()
}

/// A package takes the lints of the workspace.
pub fn check_lints(path: &str, manifest: &str) -> Option<Violation> {
    let mut lines = manifest
        .lines()
        .skip_while(|line| line.trim() != "[lints]")
        .skip(1);
    if lines
        .next()
        .is_some_and(|line| line.trim() == "workspace = true")
    {
        return None;
    }
    Some(Violation::new(
        path,
        1,
        "add `[lints]` with `workspace = true`",
    ))
}

/// Relative links of a Markdown file lead to something. `exists` takes paths from the root.
pub fn check_links(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Violation> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut violations = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in links(line) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains(':') {
                continue; // A heading of this page, or somewhere else on the net.
            }
            if !resolve(folder, file).is_some_and(|file| exists(&file)) {
                let message = format!("the link `{target}` leads nowhere");
                violations.push(Violation::new(path, index + 1, message));
            }
        }
    }
    violations
}

/// The targets of `[text](target)` and `[label]: target` on one line.
fn links(line: &str) -> Vec<&str> {
    let inline = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let label = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "));
    inline
        .chain(label.map(|(_, target)| target.trim()))
        .collect()
}

/// A path from the root, without `.` and `..`. None if it leaves the repository.
fn resolve(folder: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(link.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracked(extra: &[&str]) -> BTreeSet<String> {
        ROOT.iter()
            .chain(extra)
            .map(|name| (*name).to_owned())
            .collect()
    }

    #[test]
    fn the_root_is_exactly_the_listing() {
        let good = tracked(&[
            "LICENSE-MIT",
            ".gitignore",
            ".ci/run",
            "tools/cli/Cargo.toml",
        ]);
        assert!(check_root(&good).is_empty());
        let violations = check_root(&tracked(&["notes.txt", "docs/a.md"]));
        let files: Vec<_> = violations
            .iter()
            .map(|violation| violation.file.as_str())
            .collect();
        assert_eq!(files, ["docs", "notes.txt"]);
        let mut lacking = tracked(&[]);
        lacking.remove("README.md");
        assert_eq!(check_root(&lacking)[0].file, "README.md");
    }

    #[test]
    fn manifests_inherit_the_lints() {
        assert!(check_lints("a", "[package]\n\n[lints]\nworkspace = true\n").is_none());
        assert!(check_lints("a", "[package]\nworkspace = true\n").is_some());
        assert!(check_lints("a", "[lints]\nrust.missing_docs = \"allow\"\n").is_some());
    }

    #[test]
    fn links_lead_somewhere() {
        let exists = |path: &str| matches!(path, "tools/cli" | "README.md");
        let good = "[a](../cli) [b](https://example.org/x) [c](#top) [d](../../README.md#map)\n\
            [e]: ../cli\n```\n[not a link](nowhere)\n```\n";
        assert!(check_links("tools/xtask/README.md", good, exists).is_empty());
        let bad = "fine\n[a](../clj) and [b](../../../README.md)\n[c]: nowhere\n";
        let violations = check_links("tools/xtask/README.md", bad, exists);
        let lines: Vec<_> = violations.iter().map(|violation| violation.line).collect();
        assert_eq!(lines, [2, 2, 3]);
    }
}
