//! A token on any carrier: a thread of this process, a pseudo-terminal, the firmware image in QEMU.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    thread::JoinHandle,
    time::Duration,
};

use emulator::{Emulator, FileFlash, HostClock, Listen, Options, Parts, Person, Script, TestOnly};
use token_client::{Client, Deadlines, Port};

#[cfg(feature = "qemu")]
use crate::qemu::Qemu;

/// What carries the bytes between host and token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A socket pair within this process.
    InProcess,
    /// A pseudo-terminal.
    Pty,
    /// The serial line of the firmware image in QEMU.
    #[cfg(feature = "qemu")]
    Qemu,
}

/// A line to a token, whatever carries it.
pub trait Line: Read + Write + Send {}
impl<T: Read + Write + Send> Line for T {}

/// A client on any carrier.
pub type AnyClient = Client<Box<dyn Line>>;

/// A token and what it runs on. Its button always says yes; its state outlives [`Self::kill`].
pub struct TestToken {
    carrier: Carrier,
    dir: PathBuf,
    ceremony: bool,
    running: Option<Running>,
}

enum Running {
    Thread {
        line: UnixStream,
        thread: JoinHandle<()>,
    },
    Pty {
        address: token_client::Address,
    },
    #[cfg(feature = "qemu")]
    Qemu(Qemu),
}

impl TestToken {
    /// A new token with its state in `dir`, switched on.
    #[must_use]
    pub fn start(carrier: Carrier, dir: &Path) -> Self {
        let mut token = Self {
            carrier,
            dir: dir.to_owned(),
            ceremony: false,
            running: None,
        };
        token.power_on();
        token
    }

    /// The same token, switched off and on.
    pub fn restart(&mut self) {
        self.kill();
        self.ceremony = false;
        self.power_on();
    }

    /// A new token, switched on with the button held.
    #[must_use]
    pub fn start_in_ceremony_mode(carrier: Carrier, dir: &Path) -> Self {
        let mut token = Self {
            carrier,
            dir: dir.to_owned(),
            ceremony: true,
            running: None,
        };
        token.power_on();
        token
    }

    /// The same token, switched on with the button held.
    pub fn restart_in_ceremony_mode(&mut self) {
        self.kill();
        self.ceremony = true;
        self.power_on();
    }

    /// Whether [`Self::kill`] and [`Self::power_on`] work on this carrier.
    #[must_use]
    pub fn can_restart(&self) -> bool {
        self.carrier != Carrier::Pty
    }

    /// Cuts the power.
    pub fn kill(&mut self) {
        match self.running.take() {
            Some(Running::Thread { line, thread }) => {
                line.shutdown(std::net::Shutdown::Both)
                    .expect("an open line");
                drop(line);
                let ended = thread.join();
                assert!(
                    ended.is_ok() || std::thread::panicking(),
                    "the token panicked"
                );
            }
            #[cfg(feature = "qemu")]
            Some(Running::Qemu(qemu)) => qemu.kill(),
            Some(Running::Pty { .. }) => panic!("a token on a pseudo-terminal runs on"),
            None => {}
        }
    }

    /// Gives it power again.
    pub fn power_on(&mut self) {
        assert!(self.running.is_none(), "it has power");
        let state = self.dir.join("token.bin");
        self.running = Some(match self.carrier {
            Carrier::InProcess => {
                let parts = Parts {
                    flash: crate::reopen(|| FileFlash::open(&state)),
                    person: Person::Always(true),
                    clock: HostClock::skipping(),
                    ceremony: self.ceremony,
                };
                let (line, thread) = parts.spawn::<TestOnly>().expect("a token");
                Running::Thread { line, thread }
            }
            Carrier::Pty => {
                let options = Options {
                    state,
                    listen: Listen::Pty,
                    answers: emulator::Answers::Yes,
                    ceremony: self.ceremony,
                };
                let emulator = Emulator::start(&options).expect("a token");
                let address = emulator.address().to_string().parse().expect("an address");
                std::thread::spawn(move || emulator.serve());
                Running::Pty { address }
            }
            #[cfg(feature = "qemu")]
            Carrier::Qemu => Running::Qemu(Qemu::start(&self.dir, self.ceremony)),
        });
    }

    /// The machine that the firmware image runs on.
    #[cfg(feature = "qemu")]
    #[must_use]
    pub fn machine(&self) -> &Qemu {
        match &self.running {
            Some(Running::Qemu(qemu)) => qemu,
            _ => panic!("no machine, or it has no power"),
        }
    }

    /// Where another program finds the token; nowhere on some carriers.
    #[must_use]
    pub fn address(&self) -> Option<token_client::Address> {
        match &self.running {
            Some(Running::Pty { address }) => Some(address.clone()),
            _ => None,
        }
    }

    /// A fresh line to the token, as raw bytes.
    #[must_use]
    pub fn line(&self) -> Box<dyn Line> {
        match self.running.as_ref().expect("it has power") {
            Running::Thread { line, .. } => {
                let line = line.try_clone().expect("a handle");
                line.set_read_timeout(Some(Duration::from_millis(100)))
                    .expect("a socket");
                Box::new(line)
            }
            Running::Pty { address } => Box::new(Port::open(address).expect("the line opens")),
            #[cfg(feature = "qemu")]
            Running::Qemu(qemu) => Box::new(qemu.open().expect("the line opens")),
        }
    }

    /// A client that has said hello.
    #[must_use]
    pub fn client(&self) -> AnyClient {
        client(self.line())
    }
}

impl Drop for TestToken {
    fn drop(&mut self) {
        if self.can_restart() {
            self.kill();
        }
    }
}

/// A client that has said hello on this line, and has patience with a busy machine.
#[must_use]
pub fn client(line: Box<dyn Line>) -> AnyClient {
    let deadlines = Deadlines {
        answer: Duration::from_secs(60),
        slow_answer: Duration::from_secs(120),
        presence: Duration::from_secs(120),
    };
    Client::open(line, deadlines).expect("the token says hello")
}

/// A token in this process whose button follows `script`.
#[must_use]
pub fn scripted(script: &Script) -> (UnixStream, JoinHandle<()>) {
    let parts = Parts {
        flash: FileFlash::in_memory(),
        person: Person::Script(script.clone()),
        clock: HostClock::skipping(),
        ceremony: false,
    };
    parts.spawn::<TestOnly>().expect("a token")
}

/// Reads until nothing has come for one of the line's time-outs; for tests of raw bytes.
///
/// # Errors
/// Those of the line.
pub fn drain(line: &mut dyn Line) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 256];
    loop {
        match line.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(bytes),
            Err(error) => return Err(error),
        }
    }
}
