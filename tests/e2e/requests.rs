//! Schemathesis: requests made up from `/openapi.json`, right ones and wrong ones, and chains of
//! them; every answer must be one that the document promises, and right ones must be taken.

use std::{env, fs, process::Command};

use e2e_tests::server::{Server, StoreKind};

/// Chosen once; another one in the environment makes other requests.
const SEED: &str = "20261122";

#[test]
fn made_up_requests_are_answered_as_described() {
    run("8", &StoreKind::Memory);
}

#[test]
#[ignore = "more of the same: some minutes"]
fn many_made_up_requests_are_answered_as_described() {
    let dir = tempfile::tempdir().expect("a folder");
    run("150", &StoreKind::Redb(dir.path().join("ledger.redb")));
}

/// Runs it with so many examples an operation.
fn run(examples: &str, store: &StoreKind) {
    let folder = env::var_os("SCHEMATHESIS").expect("SCHEMATHESIS names its folder");
    let seed = env::var("SCHEMATHESIS_SEED").unwrap_or_else(|_| SEED.to_owned());
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(store);
    let mut program = Command::new("python3");
    program
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("{}/openapi.json", server.api.base()))
        .args(["--seed", &seed, "--max-examples", examples])
        .args(["--request-timeout", "20", "--no-color"])
        // A stream of events does not end, and the first key shuts everybody out.
        .args([
            "--exclude-path",
            "/v1/events",
            "--exclude-path-regex",
            "^/v1/keys",
        ])
        .env("PYTHONPATH", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(dir.path());
    let output = program.output().expect("python3 starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tested = |line: &&str| line.trim_start().starts_with("Tested:");
    let tested = text.lines().find(tested).expect("a summary");
    eprintln!("Schemathesis, seed {seed}: {}", tested.trim());
    fs::remove_dir_all(dir.path()).expect("its leftovers");
}
