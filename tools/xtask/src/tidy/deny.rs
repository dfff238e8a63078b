//! What may be depended on: the lists of `.cargo/deny.toml`, held against every package that is
//! built from the lock file. `cargo deny`, which reads the same file, is not needed for this; only
//! advisories are left to it, for they have to be downloaded.

use serde_json::Value;

use super::Violation;

/// Where the lists are.
pub const FILE: &str = ".cargo/deny.toml";

/// Compares all packages with the lists. `metadata` is that of the whole graph.
pub fn check(lists: &str, metadata: &Value) -> Vec<Violation> {
    let (allowed, banned) = (
        list(lists, "licenses", "allow"),
        list(lists, "bans", "deny"),
    );
    let registries = list(lists, "sources", "allow-registry");
    let mut violations = Vec::new();
    let mut refuse = |message: String| violations.push(Violation::new(FILE, 1, message));
    let none = Vec::new();
    for package in metadata["packages"].as_array().unwrap_or(&none) {
        let field = |name: &str| package[name].as_str().unwrap_or_default();
        let name = format!("{} {}", field("name"), field("version"));
        if banned.contains(&field("name")) {
            refuse(format!("{name} is banned"));
        }
        let source = field("source");
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        if !source.is_empty() && !registries.contains(&registry) {
            refuse(format!("{name} comes from {source}"));
        }
        let licence = field("license");
        if !is_allowed(licence, &allowed) {
            refuse(format!("{name} has the licence `{licence}`"));
        }
    }
    violations
}

/// The strings of `key = [ … ]` in `[section]`: a line each, or all in one.
fn list<'a>(text: &'a str, section: &str, key: &str) -> Vec<&'a str> {
    let heading = format!("[{section}]");
    let opening = format!("{key} = [");
    let of_section = text.lines().skip_while(|line| line.trim() != heading);
    let of_section = of_section.skip(1).take_while(|line| !line.starts_with('['));
    let mut strings = Vec::new();
    for line in of_section.skip_while(|line| !line.starts_with(&opening)) {
        strings.extend(line.split('"').skip(1).step_by(2));
        if line.trim_end().ends_with(']') {
            break;
        }
    }
    strings
}

/// Whether an SPDX expression can be fulfilled with the allowed licences alone. `/` is an old way
/// to write OR. What can't be read is refused.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let fulfilled = any(&mut rest, allowed);
    fulfilled == Some(true) && rest.is_empty()
}

/// `all OR all …`
fn any(words: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    let mut fulfilled = all(words, allowed)?;
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        fulfilled |= all(words, allowed)?;
    }
    Some(fulfilled)
}

/// `one AND one …`
fn all(words: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    let mut fulfilled = one(words, allowed)?;
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        fulfilled &= one(words, allowed)?;
    }
    Some(fulfilled)
}

/// A licence, perhaps with an exception, or an expression in brackets.
fn one(words: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    if *first == "(" {
        let fulfilled = any(words, allowed)?;
        *words = words.strip_prefix(&[")"])?;
        return Some(fulfilled);
    }
    if let ["WITH", _, rest @ ..] = *words {
        // The exception only gives more.
        *words = rest;
    }
    Some(allowed.contains(first))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LISTS: &str = "\
[licenses]
allow = [\"MIT\", \"ISC\"]
[bans]
deny = [
    \"openssl\",
]
[sources]
allow-registry = [
    \"https://here\",
]
";

    fn of(name: &str, licence: &str, source: Option<&str>) -> usize {
        let package = json!({
            "name": name, "version": "1.0.0", "license": licence, "source": source,
        });
        check(LISTS, &json!({ "packages": [package] })).len()
    }

    #[test]
    fn expressions_are_fulfilled_with_what_is_allowed_or_refused() {
        let allowed = ["MIT", "ISC"];
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "Unlicense/MIT",
            "MIT AND ISC",
            "(GPL-3.0 OR MIT) AND ISC",
            "MIT WITH Some-exception OR GPL-3.0",
        ] {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT",
            "MIT ISC",
            "OR MIT",
            "MIT OR",
        ] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn licences_bans_and_sources_are_checked() {
        assert_eq!(of("good", "MIT", Some("registry+https://here")), 0);
        assert_eq!(of("ours", "MIT OR Apache-2.0", None), 0);
        assert_eq!(of("openssl", "MIT", Some("registry+https://here")), 1);
        assert_eq!(of("copyleft", "GPL-3.0", Some("registry+https://here")), 1);
        assert_eq!(of("foreign", "MIT", Some("registry+https://there")), 1);
        assert_eq!(of("fork", "MIT", Some("git+https://here")), 1);
    }
}
