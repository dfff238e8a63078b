//! Why an emulator does not start.

use std::io;
use std::path::PathBuf;

use firmware_token::device::DeviceError;
use thiserror::Error;

/// Why an emulator does not start: what happened, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The state file can't be opened, made or read. Likely cause: a missing folder.
    #[error("cannot use the state file {}: {source}", path.display())]
    State {
        /// The state file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another emulator has the state file open.
    #[error(
        "the state file {} is in use by another emulator: stop that one, or choose another file",
        path.display()
    )]
    StateInUse {
        /// The state file.
        path: PathBuf,
    },
    /// The file has not the size of a state file. Likely cause: a wrong path.
    #[error(
        "{} is not the state file of an emulated token: choose a path where none exists yet and \
         a new one is made",
        path.display()
    )]
    NotState {
        /// The file.
        path: PathBuf,
    },
    /// The content of the state file is not a token's, or no secret for a new one could be made.
    #[error("this state file cannot be used: {0}; choose a path where none exists yet")]
    Device(#[from] DeviceError),
    /// Something answers at the socket's path. Likely cause: the emulator runs already.
    #[error("another process listens at {}: stop it, or choose another path", path.display())]
    SocketInUse {
        /// The path of the socket.
        path: PathBuf,
    },
    /// The path of the socket holds a file of another kind, which is not overwritten.
    #[error("{} exists and is not a socket: choose another path", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The socket can't be made. Likely cause: a missing folder, or a path over 107 bytes.
    #[error("cannot listen at {}: {source}", path.display())]
    Listen {
        /// The path of the socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No pseudo-terminal is to be had. Likely cause: /dev/pts is not mounted.
    #[error("cannot open a pseudo-terminal: {0}")]
    Pty(#[source] io::Error),
    /// The socket pair of a token in this process can't be made.
    #[error("cannot make a pair of sockets: {0}")]
    Pair(#[source] io::Error),
}
