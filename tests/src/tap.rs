//! A tap on the line between a server and its token: it lets everything through, and on demand it
//! keeps back the answer to the next posting, which is then signed but not known to the server.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use core_nostd::wire::{FRAME_LEN_MAX, Request, frame::FrameReader};
use token_client::Address;

/// The tap. It ends with the process.
pub struct Tap {
    path: PathBuf,
    shared: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Who wants to hear of the next posting.
    wanted: Option<Sender<()>>,
    /// Who hears of it when the answer comes.
    posting: Option<Sender<()>>,
}

impl Tap {
    /// A tap in `dir` on the line to the token at `token`.
    #[must_use]
    pub fn start(dir: &Path, token: &Path) -> Self {
        let (path, token) = (dir.join("tap.sock"), token.to_owned());
        let listener = UnixListener::bind(&path).expect("a socket");
        let shared: Arc<Mutex<State>> = Arc::default();
        let connections = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a client");
                // The token may be gone: then so is the client's connection.
                if let Ok(token) = UnixStream::connect(&token) {
                    carry(&connections, client, token);
                }
            }
        });
        Self { path, shared }
    }

    /// Where the server finds the token.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::Unix(self.path.clone())
    }

    /// Keeps back the answer to the next posting; says when it is there.
    #[must_use]
    pub fn keep_next_answer(&self) -> Receiver<()> {
        let (tell, told) = channel();
        *lock(&self.shared) = State {
            wanted: Some(tell),
            posting: None,
        };
        told
    }
}

/// Carries one connection, in both directions, until one end is closed.
fn carry(shared: &Arc<Mutex<State>>, client: UnixStream, token: UnixStream) {
    let clone = |stream: &UnixStream| stream.try_clone().expect("a handle");
    let (to_client, from_token, answers) = (clone(&client), clone(&token), shared.clone());
    thread::spawn(move || carry_answers(&answers, from_token, to_client));
    let requests = shared.clone();
    thread::spawn(move || carry_requests(&requests, client, token));
}

fn carry_requests(shared: &Mutex<State>, mut client: UnixStream, mut token: UnixStream) {
    let mut reader = FrameReader::<FRAME_LEN_MAX>::new();
    let mut frame = Vec::new();
    let mut byte = [0];
    while let Ok(1) = client.read(&mut byte) {
        frame.push(byte[0]);
        if !reader.push(byte[0]) && byte[0] != 0 {
            continue;
        }
        if is_posting(&mut reader) {
            let mut state = lock(shared);
            state.posting = state.wanted.take();
        }
        reader.clear();
        if token.write_all(&frame).is_err() {
            break;
        }
        frame.clear();
    }
    let _ = (
        client.shutdown(Shutdown::Both),
        token.shutdown(Shutdown::Both),
    );
}

fn carry_answers(shared: &Mutex<State>, mut token: UnixStream, mut client: UnixStream) {
    let mut bytes = [0; 1024];
    let mut kept = false;
    while let Ok(len @ 1..) = token.read(&mut bytes) {
        if let Some(tell) = lock(shared).posting.take() {
            kept = true;
            // Nobody may be waiting any more.
            let _ = tell.send(());
        }
        if !kept && client.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    let _ = (
        client.shutdown(Shutdown::Both),
        token.shutdown(Shutdown::Both),
    );
}

fn is_posting(reader: &mut FrameReader<FRAME_LEN_MAX>) -> bool {
    reader
        .frame()
        .is_ok_and(|(_, message)| matches!(postcard::from_bytes(message), Ok(Request::Post { .. })))
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing that can panic is done under the lock.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
