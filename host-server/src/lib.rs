//! The ledger server: it stores ciphertexts and adds them, and never reads them.
//!
//! Library first: the caller owns the socket, the store and the moment of shutdown.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use host_server::{AppState, serve, store::memory::MemoryStore};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! serve(listener, AppState::new(MemoryStore::default()), std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use std::{
    future::Future,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{Problem, metrics::Metrics, problem};
use listen::Listener;
use store::Store;
use sums::Sums;
use teller::Teller;
use token_client::Address;

pub mod config;
pub mod events;
pub mod http;
pub mod keys;
pub mod ledger;
pub mod listen;
pub mod maintenance;
pub mod ranges;
pub mod store;
pub mod sums;
mod teller;
pub mod tls;
pub mod transfer;
pub mod verify;

/// What every request shares: the store, and the token if there is one.
pub struct AppState<S> {
    sums: Arc<Sums<S>>,
    teller: Option<Arc<Teller<S>>>,
    options: Arc<http::Options>,
    gate: Arc<http::Gate>,
    metrics: Arc<Metrics>,
}

impl<S: Store> AppState<S> {
    /// A server on this store, with no token.
    pub fn new(store: S) -> Self {
        Self {
            sums: Arc::new(Sums::new(Arc::new(store))),
            teller: None,
            options: Arc::default(),
            gate: Arc::default(),
            metrics: Arc::new(Metrics::new()),
        }
    }

    /// The same server with these options of its HTTP interface.
    #[must_use]
    pub fn with_options(mut self, options: http::Options) -> Self {
        self.options = Arc::new(options);
        self
    }

    /// The same server with a token, which adds the teller's routes. The token need not be there
    /// yet.
    #[must_use]
    pub fn with_token(mut self, address: Address) -> Self {
        self.teller = Some(Arc::new(Teller::new(Arc::clone(&self.sums), address)));
        self
    }

    /// The teller, if there is a token.
    pub(crate) fn teller(&self) -> Option<Arc<Teller<S>>> {
        self.teller.clone()
    }

    /// The options of the HTTP interface.
    pub(crate) fn options(&self) -> &http::Options {
        &self.options
    }

    /// Whether requests need an API key.
    pub fn gate(&self) -> &http::Gate {
        &self.gate
    }

    /// What is counted and timed.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The store.
    pub fn store(&self) -> &S {
        self.sums.store()
    }

    /// The store, for work that outlives a request.
    pub(crate) fn store_arc(&self) -> Arc<S> {
        Arc::clone(self.sums.store())
    }

    /// The store's sums.
    pub(crate) fn sums(&self) -> &Arc<Sums<S>> {
        &self.sums
    }
}

impl<S> Clone for AppState<S> {
    fn clone(&self) -> Self {
        Self {
            sums: Arc::clone(&self.sums),
            teller: self.teller.clone(),
            options: Arc::clone(&self.options),
            gate: Arc::clone(&self.gate),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// Serves until `shutdown`, then answers what has begun.
pub async fn serve<S: Store>(
    listener: impl Into<Listener>,
    state: AppState<S>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    if let Some(teller) = state.teller() {
        tokio::spawn(async move { teller.prepare().await });
    }
    let app = http::router(state.clone());
    let sums = Arc::clone(state.sums());
    let folding = tokio::spawn(async move { sums.fold().await });
    let sums = Arc::clone(state.sums());
    let shutdown = async move {
        shutdown.await;
        // Whoever watches would never have done.
        sums.events().end();
    };
    listener.into().serve(app, shutdown).await;
    // A sum that is not kept now is kept another time.
    folding.abort();
}

/// Milliseconds since 1970, by this machine's clock.
fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
        })
}

/// Runs heavy work off the threads that serve requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> problem::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Problem::internal)
}
