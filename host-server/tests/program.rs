//! The program: what it prints, refuses, and does when it is told to stop.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-server"));
    for name in ["LISTEN", "STORE", "TOKEN"] {
        command.env_remove(format!("HOST_SERVER_{name}"));
    }
    command
}

/// Starts it on a free port; returns it and where it listens.
fn start(store: &str) -> (Child, String) {
    let mut child = program()
        .args(["--listen", "127.0.0.1:0", "--store", store])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let address = line
        .trim()
        .strip_prefix("listening on http://")
        .expect("says where");
    (child, address.to_owned())
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("an answer");
    reply
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

fn refused(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = program().args(arguments).output().expect("it runs");
    assert!(!status.success());
    assert!(stdout.is_empty());
    String::from_utf8(stderr).expect("text")
}

#[test]
fn it_serves_until_it_is_told_to_stop_and_its_ledger_opens_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = format!(
        "redb:{}",
        Path::new(dir.path()).join("ledger.redb").display()
    );
    for name in ["TERM", "INT"] {
        let (mut child, address) = start(&store);
        assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200 "));
        signal(&child, name);
        assert!(child.wait().expect("it ends").success(), "{name}");
    }
}

#[test]
fn connections_that_send_nothing_do_not_keep_it_from_stopping() {
    let (mut child, address) = start("memory:");
    let _idle = TcpStream::connect(&address).expect("it listens");
    assert!(get(&address, "/livez").starts_with("HTTP/1.1 200 "));
    signal(&child, "TERM");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_start_that_is_impossible_is_a_sentence_and_a_failure() {
    let open = refused(&["--listen", "0.0.0.0:0", "--store", "memory:"]);
    assert!(
        open.contains("can be reached from other machines"),
        "{open}"
    );
    let nowhere = refused(&["--listen", "127.0.0.1:0"]);
    assert!(nowhere.contains("--store redb:ledger.redb"), "{nowhere}");
    let unknown = refused(&["--store", "mysql://x"]);
    assert!(
        unknown.contains("memory:, redb:PATH or mongodb://"),
        "{unknown}"
    );
    let lost = refused(&[
        "--listen",
        "127.0.0.1:0",
        "--store",
        "redb:/nowhere/at/all.redb",
    ]);
    assert!(lost.starts_with("host-server: "), "{lost}");
}

#[test]
fn two_servers_do_not_share_one_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = format!("redb:{}", dir.path().join("ledger.redb").display());
    let (mut child, _) = start(&store);
    let second = refused(&["--listen", "127.0.0.1:0", "--store", &store]);
    assert!(second.starts_with("host-server: "), "{second}");
    signal(&child, "TERM");
    assert!(child.wait().expect("it ends").success());
}

/// Runs work on a whole ledger: its exit code, and what it says.
fn work(arguments: &[&str]) -> (Option<i32>, String) {
    let output = program().args(arguments).output().expect("it runs");
    let says = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(says).expect("text"))
}

#[test]
fn work_on_a_ledger_says_by_its_exit_code_what_came_of_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let store = format!("redb:{}", path("ledger.redb"));
    let (file, copy) = (path("export"), format!("redb:{}", path("copy.redb")));

    let (code, says) = work(&["export", "--store", &store, "--to", &file]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("there is no ledger at"), "{says}");
    assert!(!Path::new(&path("ledger.redb")).exists());

    let (mut child, _) = start(&store);
    let (code, says) = work(&["export", "--store", &store, "--to", &file]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("is in use by another process"), "{says}");
    signal(&child, "TERM");
    assert!(child.wait().expect("it ends").success());

    for (arguments, wanted) in [
        (["export", "--store", &store, "--to", &file], 0),
        (["export", "--store", &store, "--to", &file], 2),
        (["import", "--store", &copy, "--from", &file], 0),
        (["import", "--store", &copy, "--from", &store], 0),
        (["import", "--store", &copy, "--from", &copy], 2),
    ] {
        let (code, says) = work(&arguments);
        assert_eq!(code, Some(wanted), "{arguments:?}: {says}");
    }
}
