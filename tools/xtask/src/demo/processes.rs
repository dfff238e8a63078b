//! Child processes and the folder they live in. Both end with the demo, however it ends.

use std::fs::DirBuilder;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

/// A child process that is killed when this is dropped.
pub struct Running {
    what: &'static str,
    child: Child,
}

impl Running {
    /// Starts the command.
    pub fn start(what: &'static str, command: &mut Command) -> Result<Self, String> {
        let child = command
            .spawn()
            .map_err(|error| format!("cannot start {what}: {error}"))?;
        Ok(Self { what, child })
    }

    /// Waits until the process has made a socket.
    pub fn wait_for_socket(&mut self, socket: &Path) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !socket.exists() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("{} ended before it listened ({status})", self.what));
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "{} does not listen at {}",
                    self.what,
                    socket.display()
                ));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A host server on a free port.
pub struct Server {
    /// Where it listens.
    pub url: String,
    _running: Running,
}

impl Server {
    /// Starts the program on a store and waits until it is ready.
    pub fn start(program: &Path, store: &str) -> Result<Self, String> {
        let mut command = Command::new(program);
        // What the person at the demo should read is what the demo prints.
        command.env("RUST_LOG", "warn");
        command.args(["--listen", "127.0.0.1:0", "--store", store]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut running = Running::start("host-server", &mut command)?;
        let stdout = running.child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .ok_or("host-server ended before it listened")?;
        // Keep reading, or the server would stall at a full pipe.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            url,
            _running: running,
        })
    }
}

/// A temporary folder that only this user can enter, removed when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// Creates it.
    pub fn create() -> Result<Self, String> {
        let path = env::temp_dir().join(format!("tallystick-demo-{}", process::id()));
        // It must be new: somebody else's folder of that name would not be private.
        let created = DirBuilder::new().mode(0o700).create(&path);
        created.map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("warning: {} is left behind: {error}", self.0.display());
        }
    }
}
