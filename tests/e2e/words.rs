//! Words on a screen and typed again: a person at a terminal, which Python plays.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use e2e_tests::process::{Service, emulator_in_ceremony_mode};
use serde_json::{Value, json};

/// What `tally` writes to clear a screen.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";
const WRITTEN: &str = "Write them down, then press Enter:";
const WORDS: &str = "in one line:";

/// Runs `tally` at a terminal, where these answers are given to these questions, in turn.
fn at_a_terminal(token: &Service, args: &[&str], answers: &[(&str, &str)]) -> (Value, String) {
    let tally = std::env::var_os("TALLY_BIN").expect("TALLY_BIN names the program");
    let home = tempfile::tempdir().expect("a folder");
    let mut child = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/words/typist.py"))
        .arg(tally)
        .args(args)
        .env("TALLY_TOKEN", &token.address)
        .env("TALLY_PIN", "271828")
        .env_remove("TALLY_SERVER")
        .env("XDG_CONFIG_HOME", home.path())
        .env("XDG_STATE_HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let mut input = child.stdin.take().expect("piped");
    writeln!(input, "{}", json!(answers)).expect("it listens");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let mut seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(seen["unasked"], 0, "{}", seen["screen"]);
    let screen = seen["screen"].as_str().expect("text").to_owned();
    (seen["code"].take(), screen)
}

/// The words on a page, which are numbered in columns, in their order.
fn words(page: &str) -> Vec<String> {
    let (_, table) = page.split_once("\r\n\r\n").expect("a headline");
    let (table, _) = table.split_once("\r\n\r\n").expect("an end");
    let mut parts = table.split_whitespace();
    let mut numbered: Vec<(usize, &str)> = Vec::new();
    while let Some((number, word)) = parts.next().zip(parts.next()) {
        numbered.push((number.parse().expect("a number"), word));
    }
    numbered.sort_unstable();
    numbered
        .iter()
        .map(|(_, word)| (*word).to_owned())
        .collect()
}

#[test]
fn sheets_are_shown_one_at_a_time_and_typed_in_again_with_slips() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [first, second] = dirs
        .each_ref()
        .map(|dir| emulator_in_ceremony_mode(dir.path()));
    let (code, _) = at_a_terminal(&first, &["token", "provision"], &[]);
    assert_eq!(code, 0);
    let backup = ["token", "backup", "--shares", "2of3"];
    let (code, screen) = at_a_terminal(&first, &backup, &[(WRITTEN, ""); 3]);
    assert_eq!(code, 0, "{screen}");
    let pages: Vec<&str> = screen.split(CLEAR).collect();
    assert_eq!(pages.len(), 5, "before, three sheets, after");
    let sheets: Vec<_> = pages[1..4].iter().map(|page| words(page)).collect();
    assert!(sheets.iter().all(|words| words.len() == 33));
    for outside in [pages[0], pages[4]] {
        let shows = |word: &String| outside.contains(&format!(" {word} "));
        assert!(!sheets.iter().any(|sheet| sheet[4..].iter().all(shows)));
    }

    let mut slip = sheets[2].clone();
    slip[5] = format!("{}q", &slip[5]);
    let short = |sheet: &[String]| {
        let short: Vec<_> = sheet.iter().map(|word| &word[..4]).collect();
        short.join(" ")
    };
    let (slip, whole, short) = (slip.join(" "), sheets[2].join(" "), short(&sheets[0]));
    let answers = [
        (WORDS, &*slip),
        (WORDS, &whole),
        (WORDS, &whole),
        ("Press Enter:", ""),
        (WORDS, &short),
    ];
    let (code, screen) = at_a_terminal(&second, &["token", "restore"], &answers);
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.contains("word 6 is not in the word list"),
        "{screen}"
    );
    let near = format!("Near it are: {}", sheets[2][5]);
    assert!(screen.contains(&near), "{near}: {screen}");
    assert!(screen.contains("given already"), "{screen}");
    assert!(screen.ends_with("as a new writer\r\n"), "{screen}");
}
