//! One open line to a token. Whatever it is (socket, device, TCP), reads and writes give up with
//! `WouldBlock` after a short while, so that a caller can watch its deadline.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    termios::{ControlModes, OptionalActions, QueueSelector},
};

use crate::Address;

/// How long a read or write waits for the line before it answers `WouldBlock`: 100 ms.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Speed of a serial device in baud. USB and pseudo-terminals ignore it.
const BAUD: u32 = 115_200;

/// An open line to a token.
#[derive(Debug)]
pub struct Port(OwnedFd);

impl Port {
    /// Opens the line.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn open(address: &Address) -> io::Result<Self> {
        let port = match address {
            Address::Unix(path) => Self(UnixStream::connect(path)?.into()),
            Address::Tty(path) => Self(open_tty(path)?),
            Address::Tcp(place) => {
                let stream = TcpStream::connect(place.as_str())?;
                stream.set_nodelay(true)?;
                Self(stream.into())
            }
        };
        rustix::io::ioctl_fionbio(&port.0, true)?;
        Ok(port)
    }

    fn wait(&self, what: PollFlags) -> io::Result<()> {
        let mut ports = [PollFd::new(&self.0, what)];
        match poll(&mut ports, Some(&TICK))? {
            0 => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }
}

/// Opens a serial device as a plain byte stream: raw mode, no flow control, no modem lines.
fn open_tty(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let tty = rustix::fs::open(path, flags, Mode::empty())?;
    let mut settings = rustix::termios::tcgetattr(&tty)?;
    settings.make_raw();
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    settings.control_modes -= ControlModes::CRTSCTS;
    settings.set_speed(BAUD)?;
    rustix::termios::tcsetattr(&tty, OptionalActions::Now, &settings)?;
    rustix::termios::tcflush(&tty, QueueSelector::IFlush)?;
    Ok(tty)
}

impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(PollFlags::IN)?;
        Ok(rustix::io::read(&self.0, buffer)?)
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(PollFlags::OUT)?;
        Ok(rustix::io::write(&self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
