//! Python at the other end of a pipe: one JSON request a line, one JSON answer a line.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// `python3` with a script of `tests/e2e` and the library in the folder that the environment
/// variable `library` names.
///
/// # Panics
/// If the variable is not set.
#[must_use]
pub fn command(script: &str, library: &str) -> Command {
    let folder = std::env::var_os(library).unwrap_or_else(|| panic!("{library} names its folder"));
    let mut command = Command::new("python3");
    command
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("e2e")
                .join(script),
        )
        .env("PYTHONPATH", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A running script. Dropping it ends it.
pub struct Peer {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 starts");
        Self {
            requests: child.stdin.take().expect("piped"),
            answers: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    /// Sends a request.
    ///
    /// # Panics
    /// If it has ended.
    pub fn tell(&mut self, request: &Value) {
        writeln!(self.requests, "{request}").expect("it listens");
    }

    /// The next answer.
    ///
    /// # Panics
    /// If there is none.
    pub fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
