//! The serial line of an emulated token: a socket in this process, a unix socket, or a
//! pseudo-terminal.

mod listener;
mod pty;

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use listener::Listener;
pub use pty::Pty;

/// After so long without room for a byte, the other side is taken for dead.
const WRITE_SECONDS_MAX: u8 = 5;

/// A serial line to clients.
pub enum Serial {
    /// One client, connected from the start; when it hangs up, reading returns `Ok(0)`.
    Stream(UnixStream),
    /// A unix socket, on which clients follow one another.
    Listener(Listener),
    /// A pseudo-terminal, which clients open like a serial device.
    Pty(Pty),
}

impl embedded_io::ErrorType for Serial {
    type Error = io::Error;
}

impl embedded_io::Read for Serial {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => retry(|| stream.read(bytes)),
            Self::Listener(listener) => listener.read(bytes),
            Self::Pty(pty) => pty.read(bytes),
        }
    }
}

impl embedded_io::ReadReady for Serial {
    fn read_ready(&mut self) -> io::Result<bool> {
        match self {
            Self::Stream(stream) => {
                let mut fds = [PollFd::new(stream, PollFlags::IN)];
                Ok(poll_fds(&mut fds, Some(0))? > 0)
            }
            Self::Listener(listener) => listener.read_ready(),
            Self::Pty(pty) => pty.read_ready(),
        }
    }
}

impl embedded_io::Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => retry(|| stream.write(bytes)),
            Self::Listener(listener) => Ok(listener.write(bytes)),
            Self::Pty(pty) => pty.write(bytes),
        }
    }

    /// Nothing is buffered here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Repeats a call that a signal has interrupted.
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// Waits until one of `fds` is ready, for `seconds` at most if given; how many are.
fn poll_fds(fds: &mut [PollFd<'_>], seconds: Option<u8>) -> io::Result<usize> {
    let timeout = seconds.map(|seconds| Timespec {
        tv_sec: seconds.into(),
        tv_nsec: 0,
    });
    retry(|| Ok(poll(fds, timeout.as_ref())?))
}
