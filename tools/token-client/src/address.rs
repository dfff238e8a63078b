//! Where a token is: a unix socket, a serial device or a TCP port.

use std::{fmt, path::PathBuf, str::FromStr};

/// The address of a token, written `unix:PATH`, `tty:PATH` or `tcp:HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A unix socket: an emulated token, or QEMU's serial line.
    Unix(PathBuf),
    /// A serial device or pseudo-terminal.
    Tty(PathBuf),
    /// `HOST:PORT` of a serial line behind TCP. The line is neither encrypted nor authenticated.
    Tcp(String),
}

/// A text is no [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token's address is unix:PATH, tty:PATH or tcp:HOST:PORT, such as tty:/dev/ttyACM0")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (kind, place) = text.split_once(':').ok_or(AddressError)?;
        match kind {
            _ if place.is_empty() => Err(AddressError),
            "unix" => Ok(Self::Unix(place.into())),
            "tty" => Ok(Self::Tty(place.into())),
            "tcp" => match place.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                    Ok(Self::Tcp(place.to_owned()))
                }
                _ => Err(AddressError),
            },
            _ => Err(AddressError),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tty(path) => write!(f, "tty:{}", path.display()),
            Self::Tcp(place) => write!(f, "tcp:{place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in [
            "unix:/run/token.sock",
            "unix:relative",
            "tty:/dev/ttyACM0",
            "tcp:localhost:4000",
            "tcp:[::1]:4000",
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "unix",
            "unix:",
            "tty:",
            "/dev/ttyACM0",
            "tcp:localhost",
            "tcp::4000",
            "tcp:localhost:65536",
            "http://localhost",
            "UNIX:/x",
        ] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text:?}");
        }
    }
}
