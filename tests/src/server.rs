//! A server in this process, on any store.

use std::{path::PathBuf, thread};

use host_server::{
    AppState, serve,
    store::{Store, memory::MemoryStore, redb::RedbStore},
};
use tokio::{net::TcpListener, sync::oneshot};

use crate::api::Api;

/// Where a server keeps its ledger.
#[derive(Clone, Debug)]
pub enum StoreKind {
    /// In memory: gone when the server stops.
    Memory,
    /// In a file.
    Redb(PathBuf),
    /// In MongoDB.
    #[cfg(feature = "mongo")]
    Mongo(String),
}

impl StoreKind {
    /// Whether the ledger outlives the server.
    #[must_use]
    pub fn survives(&self) -> bool {
        !matches!(self, Self::Memory)
    }
}

/// A running server. Dropping it stops it, after it has answered what has begun.
pub struct Server {
    /// A client of it.
    pub api: Api,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a port of the system's choice.
    #[must_use]
    pub fn start(kind: &StoreKind) -> Self {
        match kind.clone() {
            StoreKind::Memory => Self::launch(async || AppState::new(MemoryStore::default())),
            StoreKind::Redb(path) => {
                Self::launch(async move || AppState::new(crate::reopen(|| RedbStore::open(&path))))
            }
            #[cfg(feature = "mongo")]
            StoreKind::Mongo(uri) => Self::launch(async move || {
                let store = host_server::store::mongo::MongoStore::connect(&uri).await;
                AppState::new(store.expect("MongoDB answers"))
            }),
        }
    }

    /// Starts a server whose state is made on the threads that it will run on.
    #[must_use]
    pub fn launch<S: Store>(state: impl AsyncFnOnce() -> AppState<S> + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async move { run(state().await, ready, stopped).await });
        });
        let address: std::net::SocketAddr = address.recv().expect("the server starts");
        let api = Api::new(&format!("http://{address}"));
        Self {
            api,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

async fn run<S: Store>(
    state: AppState<S>,
    ready: std::sync::mpsc::Sender<std::net::SocketAddr>,
    stopped: oneshot::Receiver<()>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    ready
        .send(listener.local_addr().expect("an address"))
        .expect("the starter waits");
    let shutdown = async {
        let _ = stopped.await;
    };
    serve(listener, state, shutdown).await;
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
