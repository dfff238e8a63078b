//! Rules for Rust files, on the text as rustfmt leaves it.

use super::Violation;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 90;
const COLUMNS_MAX: usize = 100;
const BOARD_MAIN_LINES_MAX: usize = 150;

/// A data table may be longer than a file of code: this comment, with a reason, says so.
const DATA_TABLE: &str = "// tidy: data table, ";

/// Where a panic would stop a device in the field.
const NO_PANIC: [&str; 2] = ["core-nostd/src/", "firmware/token/src/"];

/// Calls that panic by design. (In a const item the compiler would be the one to panic.)
const PANICS: [&str; 7] = [
    ".unwrap()",
    ".expect(",
    "panic!(",
    "unreachable!(",
    "todo!(",
    "unimplemented!(",
    "dbg!(",
];

/// Checks one file.
pub fn check(path: &str, text: &str) -> Vec<Violation> {
    let lines: Vec<&str> = text.lines().collect();
    let mut violations = Vec::new();
    check_length(path, &lines, &mut violations);
    check_columns(path, &lines, &mut violations);
    check_functions(path, &lines, &mut violations);
    if NO_PANIC.iter().any(|folder| path.starts_with(folder)) && !is_test_file(path) {
        check_panics(path, &lines, &mut violations);
    }
    if path.ends_with("/mod.rs") {
        let message = "name a module with children `foo.rs`, beside `foo/`";
        violations.push(Violation::new(path, 1, message));
    }
    violations
}

/// Every crate forbids unsafe code, but for those that drive hardware or vector units.
pub fn check_crate_root(package: &str, path: &str, text: &str) -> Option<Violation> {
    let exempt = path.starts_with("firmware/boards/")
        || ["firmware-counts", "host-kernels"].contains(&package);
    if exempt || text.lines().any(|line| line == "#![forbid(unsafe_code)]") {
        return None;
    }
    Some(Violation::new(
        path,
        1,
        "`#![forbid(unsafe_code)]` is missing",
    ))
}

fn check_length(path: &str, lines: &[&str], violations: &mut Vec<Violation>) {
    let is_board_main = path.starts_with("firmware/boards/") && path.ends_with("/src/main.rs");
    let max = match () {
        () if is_board_main => BOARD_MAIN_LINES_MAX,
        () if path.contains("/src/") => FILE_LINES_MAX,
        () => return,
    };
    let is_reason = |line: &&str| {
        line.strip_prefix(DATA_TABLE)
            .is_some_and(|why| !why.is_empty())
    };
    if lines.len() > max && !lines.iter().any(is_reason) {
        let message = format!("{} lines, at most {max}: split the file", lines.len());
        violations.push(Violation::new(path, max + 1, message));
    }
}

fn check_columns(path: &str, lines: &[&str], violations: &mut Vec<Violation>) {
    for (index, line) in lines.iter().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            let message = format!("{columns} columns, at most {COLUMNS_MAX}");
            violations.push(Violation::new(path, index + 1, message));
        }
    }
}

fn check_functions(path: &str, lines: &[&str], violations: &mut Vec<Violation>) {
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let Some(end) = block_end(lines, start) else {
            continue;
        };
        let len = end - start + 1;
        if len > FUNCTION_LINES_MAX {
            let message = format!("`{name}` has {len} lines, at most {FUNCTION_LINES_MAX}");
            violations.push(Violation::new(path, start + 1, message));
        }
    }
}

fn check_panics(path: &str, lines: &[&str], violations: &mut Vec<Violation>) {
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        if line.trim() == "#[cfg(test)]" {
            // Skip the item behind the attributes, whole if it is a block.
            let is_attribute = |line: &&&str| line.trim_start().starts_with("#[");
            index += lines[index..].iter().take_while(is_attribute).count();
            index = block_end(lines, index).unwrap_or(index) + 1;
            continue;
        }
        let code = line.split("//").next().unwrap_or_default();
        if let Some(call) = PANICS.iter().find(|call| code.contains(**call)) {
            let message = format!("`{call}` can panic, which this crate must not");
            violations.push(Violation::new(path, index + 1, message));
        }
        index += 1;
    }
}

/// A module that is compiled for tests only has the name `tests`.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The name of the function that starts on this line.
fn function_name(line: &str) -> Option<&str> {
    const BEFORE: [&str; 6] = ["pub", "const", "async", "unsafe", "extern", "\"C\""];
    let mut words = line.split_whitespace();
    let is_qualifier = |word: &&str| BEFORE.contains(word) || word.starts_with("pub(");
    let word = words.by_ref().find(|word| !is_qualifier(word))?;
    if word != "fn" {
        return None;
    }
    words.next()?.split(['(', '<']).next()
}

/// The last line of the item that starts at `start`: the next closing brace at its indentation.
/// None for an item without a block.
fn block_end(lines: &[&str], start: usize) -> Option<usize> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(lines.get(start)?);
    for (index, line) in lines.iter().enumerate().skip(start) {
        if line.trim().is_empty() || indent(line) != own {
            continue;
        }
        if line.ends_with('}') {
            return Some(index);
        }
        if line.ends_with(';') {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_reported(path: &str, text: &str) -> Vec<usize> {
        check(path, text)
            .iter()
            .map(|violation| violation.line)
            .collect()
    }

    fn function(body_lines: usize) -> String {
        format!(
            "    pub(crate) fn long(\n    ) -> u8 {{\n{}    }}\n",
            "        x;\n".repeat(body_lines)
        )
    }

    #[test]
    fn long_files_are_reported_unless_they_are_tables() {
        let text = "//\n".repeat(FILE_LINES_MAX);
        assert!(lines_reported("a/src/b.rs", &text).is_empty());
        let text = text + "//\n";
        assert_eq!(lines_reported("a/src/b.rs", &text), [501]);
        assert!(lines_reported("a/tests/b.rs", &text).is_empty());
        let table = format!("{DATA_TABLE}from the standard\n{text}");
        assert!(lines_reported("a/src/b.rs", &table).is_empty());
        let no_reason = format!("{DATA_TABLE}\n{text}");
        assert_eq!(lines_reported("a/src/b.rs", &no_reason), [501]);
    }

    #[test]
    fn board_mains_are_short() {
        let text = "//\n".repeat(BOARD_MAIN_LINES_MAX);
        assert!(lines_reported("firmware/boards/x/src/main.rs", &text).is_empty());
        assert_eq!(
            lines_reported("firmware/boards/x/src/main.rs", &(text + "//\n")),
            [151]
        );
    }

    #[test]
    fn columns_are_characters() {
        let fits = format!("// {}\n", "ä".repeat(97));
        assert!(lines_reported("a/b.rs", &fits).is_empty());
        let wide = format!("\n// {}\n", "ä".repeat(98));
        assert_eq!(lines_reported("a/b.rs", &wide), [2]);
    }

    #[test]
    fn long_functions_are_reported_where_they_start() {
        assert!(lines_reported("a/b.rs", &function(FUNCTION_LINES_MAX - 3)).is_empty());
        let text = format!(
            "    fn short() {{}}\n    fn declared(\n    );\n{}",
            function(88)
        );
        assert_eq!(lines_reported("a/b.rs", &text), [4]);
    }

    #[test]
    fn the_core_does_not_panic_outside_its_tests() {
        let text = "\
fn good() {} // .unwrap()
fn bad() { x.unwrap() }
#[cfg(test)]
fn only_for_tests() {
    x.unwrap();
}
fn worse() { todo!() }
#[cfg(test)]
mod outside;
fn late() { x.expect(\"\") }
#[cfg(test)]
#[allow(missing_docs)]
mod tests {
    fn fine() { x.unwrap() }
}
";
        assert_eq!(lines_reported("core-nostd/src/a.rs", text), [2, 7, 10]);
        assert_eq!(lines_reported("firmware/token/src/a.rs", text), [2, 7, 10]);
        assert!(lines_reported("firmware/token/src/a/tests.rs", text).is_empty());
        assert!(lines_reported("host-server/src/a.rs", text).is_empty());
    }

    #[test]
    fn modules_are_not_called_mod() {
        assert_eq!(lines_reported("a/src/b/mod.rs", ""), [1]);
        assert!(lines_reported("a/src/b/model.rs", "").is_empty());
    }

    #[test]
    fn crate_roots_forbid_unsafe_code() {
        let bare = "//! Text that mentions #![forbid(unsafe_code)].\n";
        let good = "//! Text.\n#![forbid(unsafe_code)]\n";
        assert!(check_crate_root("a", "a/src/lib.rs", bare).is_some());
        assert!(check_crate_root("a", "a/src/lib.rs", good).is_none());
        assert!(check_crate_root("b", "firmware/boards/b/src/main.rs", bare).is_none());
        assert!(check_crate_root("host-kernels", "x/src/lib.rs", bare).is_none());
    }
}
