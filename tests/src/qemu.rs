//! The firmware image in QEMU: serial line and panel on unix sockets, flash in a file.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Write},
    os::unix::{fs::symlink, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use token_client::{Address, Port};

use crate::debugger::Watch;

/// How long QEMU may take to make its sockets.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The word that stands for a button held at power-on; see the board's page.
const CEREMONY: &str = "loader,addr=0x203FFFF0,data=0x43455245,data-len=4";

/// The program: what `QEMU_SYSTEM_ARM` names, or the one on the search path.
#[must_use]
pub fn program() -> OsString {
    std::env::var_os("QEMU_SYSTEM_ARM").unwrap_or("qemu-system-arm".into())
}

/// A running machine. Dropping it kills it.
pub struct Qemu {
    child: Child,
    socket: PathBuf,
    control: PathBuf,
}

impl Qemu {
    /// Starts the image that `FIRMWARE_ELF` names, with its flash in `dir`; a thread presses the
    /// button at every question.
    #[must_use]
    pub fn start(dir: &Path, ceremony: bool) -> Self {
        Self::start_with(dir, ceremony, |_| true, &[])
    }

    /// Like [`Self::start`], with more arguments for QEMU, and a person who presses the button
    /// where `agrees` says so and does nothing otherwise.
    #[must_use]
    pub fn start_with(
        dir: &Path,
        ceremony: bool,
        agrees: impl Fn(&str) -> bool + Send + 'static,
        more: &[&str],
    ) -> Self {
        let elf = std::env::var_os("FIRMWARE_ELF").expect("FIRMWARE_ELF names the image");
        let [socket, panel, control, entropy, flash] = [
            "token.sock",
            "panel.sock",
            "control.sock",
            "entropy",
            "flash.bin",
        ]
        .map(|name| dir.join(name));
        for stale in [&socket, &panel, &control] {
            let _ = std::fs::remove_file(stale);
        }
        let _ = symlink("/dev/urandom", entropy.with_extension("in"));
        let _ = symlink("/dev/null", entropy.with_extension("out"));
        let socket_line = |id: &str, path: &Path| {
            format!("socket,id={id},path={},server=on,wait=off", path.display())
        };
        let mut command = Command::new(program());
        command
            .args([
                "-machine",
                "mps2-an386,memory-backend=nv",
                "-cpu",
                "cortex-m4",
            ])
            .arg("-object")
            .arg(format!(
                "memory-backend-file,id=nv,size=16M,mem-path={},share=on",
                flash.display()
            ))
            .args([
                "-chardev",
                &socket_line("token", &socket),
                "-serial",
                "chardev:token",
            ])
            .arg("-chardev")
            .arg(format!("pipe,id=entropy,path={}", entropy.display()))
            .args(["-serial", "chardev:entropy"])
            .args([
                "-chardev",
                &socket_line("panel", &panel),
                "-serial",
                "chardev:panel",
            ])
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", control.display()))
            .args([
                "-display",
                "none",
                "-monitor",
                "none",
                "-no-reboot",
                "-kernel",
            ])
            .arg(elf)
            .args(more)
            .stdin(Stdio::null());
        if ceremony {
            command.args(["-device", CEREMONY]);
        }
        let child = command.spawn().expect("QEMU starts");
        let mut machine = Self {
            child,
            socket,
            control,
        };
        let panel = machine.wait_for(&panel);
        thread::spawn(move || press_the_button(&panel, agrees));
        machine
    }

    /// Opens the serial line. QEMU takes one client at a time.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn open(&self) -> io::Result<Port> {
        Port::open(&Address::Unix(self.socket.clone()))
    }

    /// What is in the memory of the machine, read from outside while it runs.
    #[must_use]
    pub fn memory(&self, address: u32, len: u32) -> Vec<u8> {
        let dump = self.control.with_extension("bin");
        self.command(
            "pmemsave",
            &json!({ "val": address, "size": len, "filename": dump }),
        );
        std::fs::read(dump).expect("QEMU has written it")
    }

    /// Stops the machine, and lets it run on from store to store into a piece of its memory.
    #[must_use]
    pub fn watch(&self, address: u32, len: u32) -> Watch {
        let port = self.control.with_file_name("debugger.sock");
        let listen = format!("gdbserver unix:{},server=on,wait=off", port.display());
        self.command("human-monitor-command", &json!({ "command-line": listen }));
        let port = UnixStream::connect(port).expect("QEMU takes a debugger");
        Watch::new(port, address, len)
    }

    /// Has QEMU carry out a command of its control line.
    fn command(&self, name: &str, arguments: &Value) {
        let command = json!({ "execute": name, "arguments": arguments });
        let mut control = UnixStream::connect(&self.control).expect("QEMU takes commands");
        let mut answers = BufReader::new(control.try_clone().expect("a handle")).lines();
        for command in [json!({ "execute": "qmp_capabilities" }), command] {
            writeln!(control, "{command}").expect("QEMU reads");
            // A greeting and events come in between.
            let answer = answers.by_ref().map_while(Result::ok);
            let mut answer = answer.skip_while(|line| !line.contains(r#""return""#));
            assert!(answer.next().is_some(), "QEMU refuses {command}");
        }
    }

    /// Ends it with SIGKILL, in the middle of whatever it does.
    pub fn kill(self) {
        drop(self);
    }

    fn wait_for(&mut self, socket: &Path) -> UnixStream {
        let end = Instant::now() + START_LIMIT;
        loop {
            if let Ok(stream) = UnixStream::connect(socket) {
                return stream;
            }
            let exited = self.child.try_wait().expect("a child");
            assert!(exited.is_none(), "QEMU ended: {exited:?}");
            assert!(Instant::now() < end, "QEMU made no socket");
            thread::yield_now();
        }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers `y` to every line that is a question and agreed to.
fn press_the_button(panel: &UnixStream, agrees: impl Fn(&str) -> bool) {
    for line in BufReader::new(panel).lines().map_while(Result::ok) {
        let mut answer = panel;
        if line.starts_with('?') && agrees(&line) && answer.write_all(b"y").is_err() {
            return;
        }
        assert!(!line.starts_with('!'), "the image reports a fault: {line}");
    }
}
