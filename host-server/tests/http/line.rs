//! An emulated token behind a unix socket whose line can be broken at a posting.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

use core_nostd::wire::{FRAME_LEN_MAX, Policy, Request, frame::FrameReader};
use emulator::{FileFlash, HostClock, Parts, Person, TestOnly};
use token_client::{Address, Client};

pub const PIN: &str = "123456";

/// What happens to the next posting on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The line breaks before the token has it.
    LoseRequest,
    /// The line breaks before the answer is through.
    LoseAnswer,
}

/// The line to a token.
pub struct Line {
    path: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    /// No connections are taken.
    is_down: bool,
    /// The line stays down after the fault.
    stays_down: bool,
    /// The next answer is to be lost.
    swallows: bool,
    client: Option<UnixStream>,
}

impl Line {
    /// Starts a token with keys, whose person always gives the same answer.
    pub fn start(dir: &Path, answer: bool) -> Self {
        let flash = FileFlash::open(&dir.join("token.bin")).expect("a state file");
        let parts = Parts {
            flash,
            person: Person::Always(true),
            clock: HostClock::real(),
            ceremony: false,
        };
        let (stream, thread) = parts.spawn::<TestOnly>().expect("a token");
        let mut client = Client::open(stream, token_client::Deadlines::default()).expect("hello");
        let policy = Policy {
            totals: true,
            balances: true,
            open_sums: true,
        };
        client.provision(PIN, policy).expect("keys");
        drop(client);
        thread.join().expect("it ends with its line");

        let parts = Parts {
            flash: FileFlash::open(&dir.join("token.bin")).expect("a state file"),
            person: Person::Always(answer),
            clock: HostClock::real(),
            ceremony: false,
        };
        let (stream, _) = parts.spawn::<TestOnly>().expect("a token");
        let path = dir.join("token.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let shared = Arc::new(Shared {
            state: Mutex::default(),
        });
        let (to_token, answers) = (stream.try_clone().expect("a handle"), Arc::clone(&shared));
        thread::spawn(move || answers.pump_answers(stream));
        let requests = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                requests.pump_requests(client.expect("a client"), &to_token);
            }
        });
        Self { path, shared }
    }

    pub fn address(&self) -> Address {
        Address::Unix(self.path.clone())
    }

    /// Breaks the line at the next posting; `stays_down` until [`Self::mend`].
    pub fn break_at_posting(&self, fault: Fault, stays_down: bool) {
        let mut state = self.shared.state.lock().expect("not poisoned");
        (state.fault, state.stays_down) = (Some(fault), stays_down);
    }

    pub fn mend(&self) {
        self.shared.state.lock().expect("not poisoned").is_down = false;
    }
}

impl Shared {
    /// Carries answers to whoever is connected.
    fn pump_answers(&self, mut token: UnixStream) {
        let mut bytes = [0; 1024];
        while let Ok(len @ 1..) = token.read(&mut bytes) {
            let mut state = self.state.lock().expect("not poisoned");
            if std::mem::take(&mut state.swallows) {
                state.hang_up();
            } else if let Some(client) = &mut state.client {
                let _ = client.write_all(&bytes[..len]);
            }
        }
    }

    /// Carries requests of one client until it leaves or is cut off.
    fn pump_requests(&self, mut client: UnixStream, mut token: &UnixStream) {
        {
            let mut state = self.state.lock().expect("not poisoned");
            if state.is_down {
                return;
            }
            state.client = Some(client.try_clone().expect("a handle"));
        }
        let mut reader = FrameReader::<FRAME_LEN_MAX>::new();
        let mut frame = Vec::new();
        let mut byte = [0];
        while let Ok(1) = client.read(&mut byte) {
            frame.push(byte[0]);
            if !reader.push(byte[0]) && byte[0] != 0 {
                continue;
            }
            if is_posting(&mut reader) {
                let mut state = self.state.lock().expect("not poisoned");
                match state.fault.take() {
                    Some(Fault::LoseRequest) => return state.hang_up(),
                    Some(Fault::LoseAnswer) => state.swallows = true,
                    None => {}
                }
            }
            reader.clear();
            token.write_all(&frame).expect("the token takes it");
            frame.clear();
        }
    }
}

impl State {
    fn hang_up(&mut self) {
        self.is_down = self.stays_down;
        if let Some(client) = self.client.take() {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

fn is_posting(reader: &mut FrameReader<FRAME_LEN_MAX>) -> bool {
    reader
        .frame()
        .is_ok_and(|(_, message)| matches!(postcard::from_bytes(message), Ok(Request::Post { .. })))
}
