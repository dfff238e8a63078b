//! The line to the token: one client, one conversation at a time, found again when it was lost.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use core_nostd::{
    ids::{BookId, WriterId},
    wire::TokenError,
};
use token_client::{Address, Client, ClientError, Port};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::attempts::Owner;
use crate::http::problem::Result;

/// After a failed connection nobody tries again for this long, doubled each time …
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// … up to this.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Where the token is, and the line to it.
pub struct Link {
    line: Arc<Mutex<Line>>,
}

/// The line, for as long as this is held.
pub struct Token(OwnedMutexGuard<Line>);

struct Line {
    address: Address,
    client: Option<Client<Port>>,
    /// How long to leave the address alone, and since when.
    pause: Option<(Duration, Instant)>,
    /// Books whose chain is in the store as far as the token has signed it.
    settled: HashSet<BookId>,
    /// What is to be recorded about a signed posting once its entry is in the store.
    owed: HashMap<BookId, Owner>,
}

impl Link {
    /// A line that is opened when it is needed.
    pub fn new(address: Address) -> Self {
        let line = Line {
            address,
            client: None,
            pause: None,
            settled: HashSet::new(),
            owed: HashMap::new(),
        };
        Self {
            line: Arc::new(Mutex::new(line)),
        }
    }

    /// The line, once nobody else has it.
    pub async fn token(&self) -> Token {
        Token(Arc::clone(&self.line).lock_owned().await)
    }

    /// The line, unless somebody has it.
    pub fn try_token(&self) -> Option<Token> {
        Arc::clone(&self.line).try_lock_owned().ok().map(Token)
    }
}

impl Token {
    /// Talks to the token on a thread that may block, connecting first if need be.
    ///
    /// # Errors As the token or the line says. After an error of the line nothing about the token's
    /// chains is taken for granted.
    pub async fn try_call<T: Send + 'static>(
        &mut self,
        talk: impl FnOnce(&mut Client<Port>) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let mut client = self.0.client.take();
        if client.is_none() {
            client = Some(self.connect().await?);
        }
        let talked = tokio::task::spawn_blocking(move || {
            let mut client = client?;
            let outcome = talk(&mut client);
            Some((client, outcome))
        });
        let Ok(Some((client, outcome))) = talked.await else {
            self.0.settled.clear();
            return Err(ClientError::Protocol("the conversation broke off"));
        };
        match &outcome {
            Ok(_) | Err(ClientError::Token(_)) => self.0.client = Some(client),
            // The client says hello again by itself.
            Err(ClientError::Timeout(_) | ClientError::Protocol(_)) => {
                self.0.settled.clear();
                self.0.client = Some(client);
            }
            Err(_) => self.0.settled.clear(),
        }
        outcome
    }

    /// [`Self::try_call`], a failure being a problem for the client of this server.
    pub async fn call<T: Send + 'static>(
        &mut self,
        talk: impl FnOnce(&mut Client<Port>) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T> {
        Ok(self.try_call(talk).await?)
    }

    /// The token's writer.
    pub async fn writer(&mut self) -> Result<WriterId> {
        let writer = |client: &mut Client<Port>| {
            let known = client.info().writer;
            let writer =
                known.map_or_else(|| client.hello().map(|info| info.writer), |w| Ok(Some(w)));
            writer?.ok_or(TokenError::NotProvisioned.into())
        };
        self.call(writer).await
    }

    /// Whether a book's chain is known to be in the store as far as the token has signed it.
    pub fn is_settled(&self, book: &BookId) -> bool {
        self.0.settled.contains(book)
    }

    /// The token has signed something for a book: remember what to record once it is in the store.
    pub fn owe(&mut self, book: BookId, owner: Owner) {
        self.0.settled.remove(&book);
        self.0.owed.insert(book, owner);
    }

    /// What is still to be recorded about a book.
    pub fn owed(&self, book: &BookId) -> Option<Owner> {
        self.0.owed.get(book).cloned()
    }

    /// It is recorded, and the chain is in the store.
    pub fn set_paid(&mut self, book: BookId) {
        self.0.owed.remove(&book);
        self.0.settled.insert(book);
    }

    async fn connect(&mut self) -> Result<Client<Port>, ClientError> {
        let line = &mut *self.0;
        line.settled.clear();
        if line
            .pause
            .is_some_and(|(pause, since)| since.elapsed() < pause)
        {
            return Err(ClientError::Unplugged);
        }
        let address = line.address.clone();
        let connected = tokio::task::spawn_blocking(move || Client::connect(&address)).await;
        let connected = connected.unwrap_or(Err(ClientError::Unplugged));
        line.pause = match &connected {
            Ok(_) => None,
            Err(_) => {
                let pause = line
                    .pause
                    .map_or(PAUSE_MIN, |(pause, _)| (2 * pause).min(PAUSE_MAX));
                Some((pause, Instant::now()))
            }
        };
        connected
    }
}
