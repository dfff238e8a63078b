//! A bad network: a TCP proxy in front of a server, which delays, cuts and half-closes connections
//! at random places, also in the middle of a message.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    runtime::Runtime,
    sync::oneshot,
};

use crate::seed::{ChaCha20Rng, Rng, SeedableRng, below};

/// A connection in trouble carries at most so many bytes in the direction that breaks.
const BYTES_MAX: usize = 20_000;
/// A piece is held back for at most so long.
const DELAY_MAX: Duration = Duration::from_millis(20);

/// What the network has done.
#[derive(Debug, Default)]
pub struct Damage {
    /// Connections of which both directions broke.
    pub cut: AtomicUsize,
    /// Connections of which requests got through no more, but answers still did.
    pub deaf: AtomicUsize,
    /// Connections of which requests got through, but answers did no more.
    pub mute: AtomicUsize,
    /// Pieces that were held back.
    pub delayed: AtomicUsize,
}

impl Damage {
    /// How many connections broke.
    #[must_use]
    pub fn breaks(&self) -> usize {
        let kinds = [&self.cut, &self.deaf, &self.mute];
        kinds
            .map(|count| count.load(Ordering::Relaxed))
            .iter()
            .sum()
    }

    /// Whether everything has happened.
    #[must_use]
    pub fn all_kinds(&self) -> bool {
        let kinds = [&self.cut, &self.deaf, &self.mute, &self.delayed];
        kinds.iter().all(|count| count.load(Ordering::Relaxed) > 0)
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [cut, deaf, mute, delayed] = [&self.cut, &self.deaf, &self.mute, &self.delayed]
            .map(|count| count.load(Ordering::Relaxed));
        write!(
            f,
            "connections: {cut} cut, {deaf} closed for requests, {mute} closed for answers; \
             {delayed} pieces delayed"
        )
    }
}

/// What the connections share.
struct Network {
    server: PathBuf,
    bad: AtomicBool,
    rng: Mutex<ChaCha20Rng>,
    damage: Damage,
}

/// The proxy. Dropping it closes all connections.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What happens to a connection.
#[derive(Clone, Copy)]
enum Fate {
    /// It breaks as a whole when so many bytes have gone in one direction.
    Cut(usize, Direction),
    /// One direction ends after so many bytes, properly, and the other goes on.
    HalfClosed(usize, Direction),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Answers,
}

impl Proxy {
    /// A proxy before the server on this unix socket. The network is good until [`Self::set_bad`].
    #[must_use]
    pub fn start(server: &Path, rng: &mut ChaCha20Rng) -> Self {
        let network = Arc::new(Network {
            server: server.to_owned(),
            bad: AtomicBool::new(false),
            rng: Mutex::new(ChaCha20Rng::seed_from_u64(rng.next_u64())),
            damage: Damage::default(),
        });
        let (ready, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let shared = network.clone();
        let thread = thread::spawn(move || {
            let runtime = Runtime::new().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = listener.local_addr().expect("bound");
                ready.send(address).expect("somebody waits");
                let serve = async {
                    while let Ok((client, _)) = listener.accept().await {
                        tokio::spawn(shared.clone().carry(client));
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: address.recv().expect("it starts"),
            network,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the network is bad from now on.
    pub fn set_bad(&self, bad: bool) {
        self.network.bad.store(bad, Ordering::Relaxed);
    }

    /// What it has done so far.
    #[must_use]
    pub fn damage(&self) -> &Damage {
        &self.network.damage
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

impl Network {
    /// Carries one connection to its end.
    async fn carry(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = UnixStream::connect(&self.server).await else {
            return;
        };
        let _ = client.set_nodelay(true);
        let fate = self.fate();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let requests = self.pump(from_client, to_server, Direction::Requests, fate);
        let answers = self.pump(from_server, to_client, Direction::Answers, fate);
        // A connection that was cut drops both; one that was half-closed lives on.
        tokio::pin!(requests, answers);
        tokio::select! {
            whole = &mut requests => if whole { answers.await; },
            whole = &mut answers => if whole { requests.await; },
        }
    }

    fn fate(&self) -> Fate {
        let rng = &mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = 1 + below(rng, BYTES_MAX);
        let direction = match below(rng, 2) {
            0 => Direction::Requests,
            _ => Direction::Answers,
        };
        match below(rng, 3) {
            0 => Fate::HalfClosed(bytes, direction),
            _ => Fate::Cut(bytes, direction),
        }
    }

    /// Carries one direction. Whether the other may go on.
    async fn pump(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        direction: Direction,
        fate: Fate,
    ) -> bool {
        let mut left = match fate {
            Fate::Cut(left, of) | Fate::HalfClosed(left, of) if of == direction => left,
            _ => usize::MAX,
        };
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = from.read(&mut buffer).await {
            let mut piece = &buffer[..len];
            if self.bad.load(Ordering::Relaxed) {
                self.delay().await;
                piece = &piece[..len.min(left)];
                left = left.saturating_sub(len);
            }
            if to.write_all(piece).await.is_err() {
                return false;
            }
            if left == 0 {
                return self.note(fate, direction);
            }
        }
        // The end of one direction is carried on like everything else.
        to.shutdown().await.is_ok()
    }

    /// Holds a piece back, now and then.
    async fn delay(&self) {
        let delay = {
            let rng = &mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            (below(rng, 8) == 0)
                .then(|| DELAY_MAX.mul_f64(f64::from(rng.next_u32()) / 2f64.powi(32)))
        };
        if let Some(delay) = delay {
            self.damage.delayed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(delay).await;
        }
    }

    fn note(&self, fate: Fate, direction: Direction) -> bool {
        let (count, whole) = match (fate, direction) {
            (Fate::Cut(..), _) => (&self.damage.cut, false),
            (Fate::HalfClosed(..), Direction::Requests) => (&self.damage.deaf, true),
            (Fate::HalfClosed(..), Direction::Answers) => (&self.damage.mute, true),
        };
        count.fetch_add(1, Ordering::Relaxed);
        whole
    }
}
