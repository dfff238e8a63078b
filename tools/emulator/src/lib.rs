//! The token as a process on a host: the firmware's own logic over a unix socket, a
//! pseudo-terminal, or a socket inside the process.
//!
//! For development, for tests and for small set-ups. It is no hardware token: whoever reads its
//! state file or its memory has the device, and it says so to every client (its random numbers
//! are reported as not those of a board).
//!
//! ```no_run
//! use emulator::{Emulator, Options};
//!
//! let emulator = Emulator::start(&Options {
//!     state: "token.bin".into(),
//!     listen: "unix:token.sock".parse()?,
//!     answers: "ask".parse()?,
//!     ceremony: false,
//! })?;
//! println!("listening on {}", emulator.address());
//! emulator.serve();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod flash;
mod platform;
mod presence;
mod serial;

use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread::{self, JoinHandle};

use firmware_token::{Ports, Token, device};
use getrandom::SysRng;

pub use error::Error;
pub use firmware_token::nor::power::Tear;
pub use flash::{CAPACITY, FileFlash};
pub use platform::{HostClock, HostPlatform, Interactive, PinCost, TestOnly};
pub use presence::{Answers, Person, Script, Terminal};
pub use serial::{Listener, Pty, Serial};

/// What an emulated token is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The state file; made if there is none. It is as good as the device: keep it like a key.
    pub state: PathBuf,
    /// Where clients find the token.
    pub listen: Listen,
    /// Who presses the button.
    pub answers: Answers,
    /// Whether the button is held at power-on, which is ceremony mode.
    pub ceremony: bool,
}

/// Where clients find an emulated token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A unix socket at this path.
    Unix(PathBuf),
    /// A pseudo-terminal; its path is [`Emulator::address`].
    Pty,
}

impl FromStr for Listen {
    type Err = String;

    /// Reads `unix:PATH` or `pty`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            None if text == "pty" => Ok(Self::Pty),
            _ => Err(format!(
                "`{text}` is no place to listen: `unix:PATH` or `pty`"
            )),
        }
    }
}

/// Where a client finds a running token; displayed as clients take it, `unix:PATH` or `tty:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A serial device.
    Tty(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tty(path) => write!(f, "tty:{}", path.display()),
        }
    }
}

/// An emulated token that clients can connect to, for people.
pub struct Emulator {
    ports: Ports<HostPlatform<Interactive>>,
    address: Address,
}

impl Emulator {
    /// Opens the state and starts to listen. Clients wait until [`Self::serve`] is called.
    ///
    /// # Errors
    ///
    /// Each [`Error`] says what to do about it.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let flash = FileFlash::open(&options.state)?;
        let (serial, address) = match &options.listen {
            Listen::Unix(path) => {
                let mut busy = vec![0; 64];
                let len = firmware_token::busy_frame(&mut busy);
                busy.truncate(len);
                (
                    Serial::Listener(Listener::bind(path, busy)?),
                    Address::Unix(path.clone()),
                )
            }
            Listen::Pty => {
                let pty = Pty::open()?;
                let address = Address::Tty(pty.path().to_owned());
                (Serial::Pty(pty), address)
            }
        };
        let parts = Parts {
            flash,
            person: options.answers.into(),
            clock: HostClock::real(),
            ceremony: options.ceremony,
        };
        Ok(Self {
            ports: parts.power_on(serial)?,
            address,
        })
    }

    /// Where clients find the token.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Serves clients until the process is stopped.
    ///
    /// It may be killed at any time: what the token has acknowledged is in the state file.
    pub fn serve(self) {
        Token::new(self.ports).serve();
    }
}

/// What an emulated token is made of, apart from its serial line; for tests.
pub struct Parts {
    /// The persistent state.
    pub flash: FileFlash,
    /// Who presses the button.
    pub person: Person,
    /// The token's time.
    pub clock: HostClock,
    /// Whether the button is held at power-on.
    pub ceremony: bool,
}

impl Parts {
    /// Runs a token in a thread of this process, with the other end of its serial line.
    ///
    /// The thread ends when that end is dropped. To restart a token on the same state file,
    /// join the thread first.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the flash holds something else, [`Error::Pair`] if the system refuses
    /// the sockets.
    pub fn spawn<C: PinCost>(self) -> Result<(UnixStream, JoinHandle<()>), Error> {
        let (client, token) = UnixStream::pair().map_err(Error::Pair)?;
        let ports = self.power_on::<C>(Serial::Stream(token))?;
        let thread = thread::Builder::new()
            .name("token".to_owned())
            .spawn(move || Token::new(ports).serve())
            .map_err(Error::Pair)?;
        Ok((client, thread))
    }

    fn power_on<C: PinCost>(mut self, serial: Serial) -> Result<Ports<HostPlatform<C>>, Error> {
        let secret = device::secret(
            &mut self.flash,
            &mut SysRng,
            flash::DEVICE_PAGE,
            flash::STORE,
        )?;
        Ok(Ports {
            serial,
            entropy: SysRng,
            flash: self.flash,
            presence: self.person,
            clock: self.clock,
            device_secret: secret,
            ceremony: self.ceremony,
        })
    }
}
