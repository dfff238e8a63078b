//! The program with a ledger in a folder of its own.

use std::{
    io::{BufRead, BufReader, Lines},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::pki::{Identity, NAME};

/// A folder with a ledger, and perhaps a certificate.
pub struct Ledger {
    pub folder: TempDir,
}

/// A running server, killed when dropped.
pub struct Running {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// Where it listens, on this machine.
    pub address: String,
    /// `http` or `https`.
    pub scheme: String,
}

impl Ledger {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    /// The program on this ledger, with arguments.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host-server"));
        command.env_clear();
        let store = format!("redb:{}", self.path().join("ledger.redb").display());
        command.args(["--store", &store]).args(arguments);
        command
    }

    /// Makes a key with these scopes; gives the key and its id.
    pub fn create_key(&self, scopes: &[&str]) -> (String, String) {
        let arguments = [&["key", "create", "--name", "a key"], scopes].concat();
        let output = self.program(&arguments).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stderr).expect("text");
        let id = said.split_whitespace().nth(3).expect("This is key ID");
        let key = String::from_utf8(output.stdout).expect("text");
        (key.trim().to_owned(), id.to_owned())
    }

    /// The arguments for TLS with this identity.
    pub fn tls(&self, identity: &Identity) -> Vec<String> {
        let (certificate, key) = identity.write(self.path());
        let path = |path: &Path| path.display().to_string();
        vec![
            "--public-name".to_owned(),
            NAME.to_owned(),
            "--tls-cert".to_owned(),
            path(&certificate),
            "--tls-key".to_owned(),
            path(&key),
        ]
    }

    /// Starts it on a free port of all addresses.
    pub fn start(&self, arguments: &[String]) -> Running {
        self.start_on("0.0.0.0:0", arguments)
    }

    /// Starts it on this address.
    pub fn start_on(&self, listen: &str, arguments: &[String]) -> Running {
        let mut child = self
            .program(&["--listen", listen])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on ").expect(&line);
        let (scheme, address) = url.split_once("://").expect("a URL");
        let address: SocketAddr = address.parse().expect("an address");
        let log = BufReader::new(child.stderr.take().expect("piped")).lines();
        Running {
            address: format!("127.0.0.1:{}", address.port()),
            scheme: scheme.to_owned(),
            child,
            log,
        }
    }

    /// What it says when it does not start.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let Output { status, stderr, .. } = self.program(arguments).output().expect("it runs");
        assert!(!status.success());
        String::from_utf8(stderr).expect("text")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Running {
    /// Sends SIGHUP and waits until it has said what came of it.
    pub fn hang_up(&mut self) -> String {
        let sent = Command::new("kill")
            .args(["-HUP", &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
        let mut lines = self.log.by_ref().map(|line| line.expect("text"));
        lines
            .find(|line| line.contains("certificate"))
            .expect("it says what became of the certificate")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
