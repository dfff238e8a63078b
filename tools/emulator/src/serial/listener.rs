//! A unix socket as the token's serial line: one client at a time, and a busy signal for the rest.
//!
//! All of it happens in the token's own thread, whenever the token reads or asks for input; the
//! system's queue of connections bridges the time in between.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::{WRITE_SECONDS_MAX, poll_fds};
use crate::Error;

/// How many refused clients may still hold their connection.
const REFUSED_MAX: usize = 16;

/// A unix socket on which clients follow one another.
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    client: Option<UnixStream>,
    /// Bytes of `client` that the token has not read yet.
    inbox: VecDeque<u8>,
    /// What a second client is sent before it is shut out.
    busy: Vec<u8>,
    /// Kept open for a while: if they were closed at once, their first message would fail before
    /// they had read the busy signal.
    refused: VecDeque<UnixStream>,
}

impl Listener {
    /// Listens at `path`, for this user only (mode 0600).
    ///
    /// A socket that nobody listens at any more is replaced. Clients beyond the first are sent
    /// `busy` and see the end of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::SocketInUse`] if somebody answers there, [`Error::NotASocket`] if the path holds
    /// another kind of file, [`Error::Listen`] if the system refuses.
    pub fn bind(path: &Path, busy: Vec<u8>) -> Result<Self, Error> {
        remove_stale(path)?;
        let listener = listen(path).map_err(|source| Error::Listen {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            client: None,
            inbox: VecDeque::new(),
            busy,
            refused: VecDeque::new(),
        })
    }

    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.inbox.is_empty() && !bytes.is_empty() {
            self.look(None)?;
        }
        self.inbox.read(bytes)
    }

    pub(super) fn read_ready(&mut self) -> io::Result<bool> {
        self.look(Some(0))?;
        Ok(!self.inbox.is_empty())
    }

    /// Sends to the client. Without one, or if it does not take the bytes, they are gone, as on a
    /// wire that leads nowhere.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        if let Some(client) = &mut self.client
            && client.write_all(bytes).is_err()
        {
            self.client = None;
        }
        bytes.len()
    }

    /// Waits for an event, `seconds` at most if given, and deals with all there are.
    fn look(&mut self, seconds: Option<u8>) -> io::Result<()> {
        let mut fds = vec![PollFd::new(&self.listener, PollFlags::IN)];
        fds.extend(
            self.client
                .iter()
                .map(|client| PollFd::new(client, PollFlags::IN)),
        );
        poll_fds(&mut fds, seconds)?;
        let knocks = !fds[0].revents().is_empty();
        let from_client = fds.get(1).map_or(PollFlags::empty(), PollFd::revents);

        if knocks && let Ok((newcomer, _)) = self.listener.accept() {
            if self.client.is_none() || from_client.contains(PollFlags::HUP) {
                self.adopt(newcomer);
                return Ok(());
            }
            self.refuse(newcomer);
        }
        if !from_client.is_empty() {
            self.fetch();
        }
        Ok(())
    }

    /// Takes a new client in place of the last, whose unread bytes go with it.
    fn adopt(&mut self, stream: UnixStream) {
        self.inbox.clear();
        let timeout = Duration::from_secs(WRITE_SECONDS_MAX.into());
        let is_usable = stream.set_nonblocking(false).is_ok()
            && stream.set_write_timeout(Some(timeout)).is_ok();
        self.client = is_usable.then_some(stream);
    }

    /// Moves what the client has sent to the inbox, or drops a client that has hung up.
    fn fetch(&mut self) {
        let mut bytes = [0; 4096];
        match self.client.as_mut().map(|client| client.read(&mut bytes)) {
            Some(Ok(len @ 1..)) => self.inbox.extend(&bytes[..len]),
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => self.client = None,
        }
    }

    fn refuse(&mut self, mut stream: UnixStream) {
        // A client that is gone already needs no answer; a few bytes fit into any socket's buffer.
        let _ = stream.write_all(&self.busy);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        self.refused.push_back(stream);
        if self.refused.len() > REFUSED_MAX {
            self.refused.pop_front();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Makes a socket that is never open to others: the mode is set before it listens.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let kind = (
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
    );
    let socket = rustix::net::socket_with(kind.0, kind.1, kind.2, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::fs::chmod(path, Mode::RUSR | Mode::WUSR)?;
    rustix::net::listen(&socket, 16)?;
    let listener = UnixListener::from(socket);
    // A client that hangs up between `poll` and `accept` must not stop the token.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn remove_stale(path: &Path) -> Result<(), Error> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(Error::NotASocket {
            path: path.to_owned(),
        });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| Error::Listen {
                path: path.to_owned(),
                source,
            })
        }
        _ => Err(Error::SocketInUse {
            path: path.to_owned(),
        }),
    }
}
