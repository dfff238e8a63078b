//! Why a call to a token failed.

use std::{io, time::Duration};

use core_nostd::wire::TokenError;

use crate::Address;

/// Why a call to a token failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The token answered with an error. Its state is as it was before.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// There is nothing to talk to at the address.
    #[error("no token can be reached at {address}: {source}{hint}", hint = hint(address, source))]
    Connect {
        /// The address.
        address: Address,
        /// What the operating system says.
        source: io::Error,
    },
    /// No answer came in time. Usually the token is busy, or something else is at that address.
    #[error("the token did not answer within {} s: is it a token, and has it power?", .0.as_secs())]
    Timeout(Duration),
    /// What came back is not what the protocol says. Usually the token's firmware is newer.
    #[error("the token's answer makes no sense: {0}")]
    Protocol(&'static str),
    /// The line is closed: the cable was pulled, or the emulator has ended.
    #[error("the token is gone: its line was closed. Plug it in (or start it) and try again")]
    Unplugged,
    /// Reading or writing failed otherwise.
    #[error("the line to the token failed: {0}")]
    Io(io::Error),
}

impl ClientError {
    /// The token's own error, if it is one.
    #[must_use]
    pub fn token(&self) -> Option<TokenError> {
        match self {
            Self::Token(error) => Some(*error),
            _ => None,
        }
    }
}

/// A pulled cable shows as EIO, a closed socket as a broken pipe or a reset.
impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        let gone = matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::NotConnected
                | io::ErrorKind::UnexpectedEof
        );
        let eio = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
        if gone || eio {
            Self::Unplugged
        } else {
            Self::Io(error)
        }
    }
}

/// What to do about a connection that fails.
fn hint(address: &Address, error: &io::Error) -> &'static str {
    match (address, error.kind()) {
        (Address::Tty(_), io::ErrorKind::PermissionDenied) => {
            ". You may not open this device: join the group that owns it (often dialout)"
        }
        (Address::Tty(_), _) => ". Is it plugged in?",
        (Address::Unix(_), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            ". Is the emulated token running? `tally emulate` starts one"
        }
        _ => "",
    }
}
