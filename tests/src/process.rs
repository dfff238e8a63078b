//! The programs of this workspace as processes: started, killed, and asked like a person would.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use token_client::Address;

/// A process that says `listening on …` and then serves. Dropping it kills it with SIGKILL.
pub struct Service {
    child: Child,
    /// Where it listens, as it says.
    pub address: String,
}

impl Service {
    /// Starts a program and waits until it is ready.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .unwrap_or_else(|| panic!("{command:?} did not get ready"));
        // Its pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `host-server` on a store.
#[must_use]
pub fn host_server(store: &str) -> Service {
    let mut command = Command::new(program("HOST_SERVER_BIN"));
    command
        .args(["--listen", "127.0.0.1:0", "--store", store])
        .stderr(Stdio::null());
    Service::start(&mut command)
}

/// `host-server` on a store, with a token.
#[must_use]
pub fn host_server_with_token(store: &str, token: &Address) -> Service {
    let mut command = Command::new(program("HOST_SERVER_BIN"));
    command
        .args(["--listen", "127.0.0.1:0", "--store", store, "--token"])
        .arg(token.to_string())
        .stderr(Stdio::null());
    Service::start(&mut command)
}

/// `tally emulate` on a unix socket in `dir`, whose button says yes.
#[must_use]
pub fn emulator(dir: &Path) -> Service {
    emulator_with_button(dir, "yes")
}

/// The same with a button that says yes or no.
#[must_use]
pub fn emulator_with_button(dir: &Path, answer: &str) -> Service {
    Service::start(&mut emulator_command(dir, answer))
}

fn emulator_command(dir: &Path, answer: &str) -> Command {
    let socket = format!("unix:{}", dir.join("token.sock").display());
    let mut command = Command::new(program("TALLY_BIN"));
    command
        .args([
            "emulate",
            "--presence",
            answer,
            "--listen",
            &socket,
            "--state",
        ])
        .arg(dir.join("token.bin"))
        .stderr(Stdio::null());
    command
}

/// The same, with its button held when it was switched on.
#[must_use]
pub fn emulator_in_ceremony_mode(dir: &Path) -> Service {
    Service::start(emulator_command(dir, "yes").arg("--ceremony"))
}

/// A person with `tally`, a home of their own, and the PIN.
pub struct Person {
    home: PathBuf,
    /// The server's URL.
    pub server: String,
    /// The token's address.
    pub token: String,
}

impl Person {
    /// A person whose home is `dir`.
    #[must_use]
    pub fn new(dir: &Path, server: &Service, token: &Service) -> Self {
        Self {
            home: dir.to_owned(),
            server: server.address.clone(),
            token: token.address.clone(),
        }
    }

    /// `tally` with these arguments, not yet started.
    #[must_use]
    pub fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let mut command = Command::new(program("TALLY_BIN"));
        command
            .args(args)
            .env("TALLY_SERVER", &self.server)
            .env("TALLY_TOKEN", &self.token)
            .env("TALLY_PIN", "271828")
            .stdin(Stdio::null());
        for folder in ["CONFIG", "STATE", "DATA", "CACHE"] {
            command.env(format!("XDG_{folder}_HOME"), self.home.join(folder));
        }
        command
    }

    /// Runs `tally` to its end.
    #[must_use]
    pub fn tally<A: AsRef<OsStr>>(&self, args: &[A]) -> Output {
        self.command(args).output().expect("tally starts")
    }

    /// Runs `tally --json`, which must succeed, and parses what it says.
    pub fn json<A: AsRef<OsStr> + std::fmt::Debug>(&self, args: &[A]) -> serde_json::Value {
        let output = self
            .command(&[OsStr::new("--json")])
            .args(args)
            .output()
            .expect("tally starts");
        assert!(
            output.status.success(),
            "tally {args:?}: {}",
            text(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("one JSON document")
    }
}

/// Output as text.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The program that an environment variable names.
#[must_use]
pub fn program(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} names the program"))
        .into()
}
