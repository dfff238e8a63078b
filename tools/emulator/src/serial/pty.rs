//! A pseudo-terminal as the token's serial line: clients open its other end like a device.
//!
//! The token keeps that end open too. Without that, reading would fail from the moment a client
//! closes it until the next one opens it, and the settings would be lost.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::OptionalActions;

use super::{WRITE_SECONDS_MAX, poll_fds, retry};
use crate::Error;

/// A pseudo-terminal, which clients open like a serial device.
pub struct Pty {
    master: OwnedFd,
    _slave: OwnedFd,
    path: PathBuf,
}

impl Pty {
    /// Opens a pseudo-terminal that passes all bytes as they are.
    ///
    /// # Errors
    ///
    /// [`Error::Pty`] if the system has none left, or no /dev/pts.
    pub fn open() -> Result<Self, Error> {
        Self::open_raw().map_err(Error::Pty)
    }

    /// Path of the device that clients open.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open_raw() -> io::Result<Self> {
        use std::os::unix::ffi::OsStringExt;

        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let path = rustix::pty::ptsname(&master, Vec::new())?.into_bytes();
        let path = PathBuf::from(std::ffi::OsString::from_vec(path));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&path, flags, Mode::empty())?;
        let mut settings = rustix::termios::tcgetattr(&slave)?;
        settings.make_raw();
        rustix::termios::tcsetattr(&slave, OptionalActions::Now, &settings)?;
        // A client that reads nothing must not block the token.
        rustix::io::ioctl_fionbio(&master, true)?;
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
        Ok(Self {
            master,
            _slave: slave,
            path,
        })
    }

    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            poll_fds(&mut [PollFd::new(&self.master, PollFlags::IN)], None)?;
            match retry(|| Ok(rustix::io::read(&self.master, &mut *bytes)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
        }
    }

    pub(super) fn read_ready(&mut self) -> io::Result<bool> {
        Ok(poll_fds(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(0))? > 0)
    }

    /// Sends what there is room for. If there is none for long, nobody reads: then the bytes are
    /// gone, as on a wire that leads nowhere.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match retry(|| Ok(rustix::io::write(&self.master, bytes)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            let mut fds = [PollFd::new(&self.master, PollFlags::OUT)];
            if poll_fds(&mut fds, Some(WRITE_SECONDS_MAX))? == 0 {
                return Ok(bytes.len());
            }
        }
    }
}
