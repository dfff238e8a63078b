//! Connections: taken in, limited in number, and given up when the other side is too slow.
//!
//! A client that sends nothing, or a byte now and then, keeps a connection for the few seconds that
//! a handshake or the head of a request may take (its body has a limit of its own in `http/body`),
//! and of connections there is a fixed number. So such clients cost a little memory, and others
//! wait those seconds at the worst.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time,
};
use tower::Service;

use crate::tls::Tls;

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait. Below the 1024 files that a process mostly may
    /// have open.
    pub connections: u32,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long the head of a request may take, and how long a connection may be idle before it.
    pub head: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 800,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
        }
    }
}

/// What a server listens on.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<Arc<Tls>>,
    limits: Limits,
}

impl From<TcpListener> for Listener {
    /// Without TLS.
    fn from(tcp: TcpListener) -> Self {
        Self {
            tcp,
            tls: None,
            limits: Limits::default(),
        }
    }
}

impl Listener {
    /// The same with TLS.
    #[must_use]
    pub fn with_tls(self, tls: Arc<Tls>) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// The same with other bounds.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Serves `app` until `shutdown`, then lets requests under way finish.
    pub(crate) async fn serve(self, app: Router, shutdown: impl Future<Output = ()>) {
        let Limits { connections, .. } = self.limits;
        let places = Arc::new(Semaphore::new(connections as usize));
        let (stop, stopped) = watch::channel(());
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place.expect("never closed"), self.accept().await)
            };
            let (place, (stream, peer)) = tokio::select! {
                () = &mut shutdown => break,
                accepted = accepted => accepted,
            };
            let connection = Connection {
                app: app.clone(),
                peer,
                tls: self.tls.clone(),
                limits: self.limits,
                stopped: stopped.clone(),
            };
            tokio::spawn(async move {
                connection.serve(stream).await;
                drop(place);
            });
        }
        drop((self.tcp, stop));
        // Every place is free again when the last connection is closed.
        let _ = places.acquire_many(connections).await;
    }

    /// The next connection, however often taking one fails.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.tcp.accept().await {
                Ok((stream, peer)) => {
                    // Answers are small and whole: waiting to fill a packet only delays them.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY");
                    }
                    return (stream, peer);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Mostly too many open files: some will be closed soon.
                    tracing::error!(%error, "can't take connections");
                    time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// One connection, before it is served.
struct Connection {
    app: Router,
    peer: SocketAddr,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    stopped: watch::Receiver<()>,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream) {
        let Some(tls) = self.tls.take() else {
            return self.talk(stream).await;
        };
        let mut stopped = self.stopped.clone();
        let handshake = time::timeout(self.limits.handshake, tls.accept(stream));
        tokio::select! {
            _ = stopped.changed() => {}
            shaken = handshake => match shaken {
                Ok(Ok(stream)) => self.talk(stream).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        }
    }

    async fn talk(self, io: impl AsyncRead + AsyncWrite + Unpin) {
        let Self {
            app,
            peer,
            limits,
            mut stopped,
            ..
        } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            app.clone().call(request)
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.head)
                .serve_connection(TokioIo::new(io), service)
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
