//! The teller: postings and releases in clear, through the token attached to this machine.
//!
//! The token has one line and one client: whoever holds a [`Token`] has both until it lets go, so
//! two requests never interleave. An entry that was signed is never lost: the token keeps the last
//! one, and before anything else happens to its chain the entry is in the store (`settling`). A
//! posting that is repeated is recognised by its idempotency key (`attempts`).

use std::sync::Arc;

use core_nostd::{
    book::BookKind,
    ciphersuite::SuiteId,
    ids::{BookId, Handle},
    wire::{Info, State, TokenError},
};
use host_api::teller as api;
use token_client::{Address, ClientError};
use zeroize::Zeroizing;

use crate::{
    blocking,
    events::Event,
    http::problem::{Kind, Problem, Result},
    ledger::{Account, Book},
    store::{Put, Store},
    sums::Sums,
};
use decode::Tables;
use link::{Link, Token};

mod attempts;
mod decode;
mod link;
mod posting;
mod releasing;
mod settling;

pub use attempts::Key;
pub use decode::{WINDOW_BITS_MAX, window};

/// The teller's side of a server.
pub struct Teller<S> {
    store: Arc<S>,
    sums: Arc<Sums<S>>,
    link: Link,
    tables: Tables,
}

impl<S: Store> Teller<S> {
    /// A teller that finds its token at `address`, now or later.
    pub fn new(sums: Arc<Sums<S>>, address: Address) -> Self {
        Self {
            store: Arc::clone(sums.store()),
            sums,
            link: Link::new(address),
            tables: Tables::default(),
        }
    }

    /// The token, once nobody else has it.
    pub async fn token(&self) -> Token {
        self.link.token().await
    }

    /// Whether the token answers; if somebody else has it just now, it did.
    pub async fn check(&self) -> Result<()> {
        match self.link.try_token() {
            Some(mut token) => token.call(|client| client.hello().map(|_| ())).await,
            None => Ok(()),
        }
    }

    /// Builds what decoding needs, and catches up with the token: at the start, beside serving.
    pub async fn prepare(&self) {
        let tables = self.tables.clone();
        let built = blocking(move || tables.prepare(SuiteId::Ristretto255));
        self.catch_up(&mut self.token().await).await;
        let _ = built.await;
    }

    /// Brings what the token signed last into the store, for every book, as far as token and store
    /// answer. What could not be done now is done before the next posting.
    pub async fn catch_up(&self, token: &mut Token) {
        let Ok(books) = self.store.books().await else {
            return;
        };
        for book in books {
            if let Err(problem) = self.settle(token, &book).await {
                tracing::debug!(kind = problem.kind.name(), "a book is not settled yet");
            }
        }
    }

    /// What the token says of itself.
    pub async fn info(&self, token: &mut Token) -> Result<api::Info> {
        Ok(info(&token.call(|client| client.hello()).await?))
    }

    /// Opens the token's secrets.
    pub async fn unlock(&self, token: &mut Token, pin: Zeroizing<String>) -> Result<api::Info> {
        token.call(move |client| client.unlock(&pin)).await?;
        self.catch_up(token).await;
        self.info(token).await
    }

    /// Wipes the secrets from the token's memory.
    pub async fn lock(&self, token: &mut Token) -> Result<api::Info> {
        token.call(|client| client.lock()).await?;
        self.info(token).await
    }

    /// Makes a book on the token, which knows its key, and in the store. `book` has no public key
    /// yet.
    pub async fn create_book(&self, token: &mut Token, mut book: Book) -> Result<(Put, Book)> {
        let (id, rules) = (book.id(), book.clone());
        match token
            .try_call(move |client| client.create_book(&rules.rules()))
            .await
        {
            Ok(_) | Err(ClientError::Token(TokenError::BookExists)) => {}
            Err(error) => return Err(error.into()),
        }
        book.public_key = token.call(move |client| client.public_key(id)).await?;
        match self.store.put_book(&book).await? {
            Put::Conflict => Err(Kind::BookConflict.into()),
            put => {
                if put == Put::Stored {
                    self.sums.events().tell(Event::Book(id));
                }
                Ok((put, book))
            }
        }
    }

    /// The account of a NID, opened if it is new.
    async fn account(
        &self,
        token: &mut Token,
        book: BookId,
        nid: Zeroizing<String>,
    ) -> Result<Handle> {
        let opened = token.call(move |client| client.handle(book, &nid)).await?;
        let account = Account {
            book,
            handle: opened.handle,
            sealed_nid: opened.sealed_nid,
        };
        match self.store.put_account(&account).await? {
            Put::Stored | Put::Already => Ok(account.handle),
            Put::Conflict => Err(Kind::AccountConflict.into()),
        }
    }
}

/// Refuses open books, whose entries anybody encrypts.
fn require_authenticated(book: &Book) -> Result<()> {
    match book.kind {
        BookKind::Authenticated => Ok(()),
        _ => Err(Kind::WrongKind.detail("the token signs entries of authenticated books only")),
    }
}

fn info(info: &Info) -> api::Info {
    let state = match info.state {
        State::Empty => "empty",
        State::Locked => "locked",
        State::Unlocked => "unlocked",
        State::Blocked => "blocked",
        _ => "unknown",
    };
    let [major, minor, patch] = info.firmware;
    api::Info {
        state: state.to_owned(),
        writer: info.writer.map(|writer| writer.to_string()),
        firmware: format!("{major}.{minor}.{patch}"),
        true_random: info.true_random,
        tries_left: info.tries_left,
        books: info.books,
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let Some(refusal) = error.token() else {
            tracing::warn!(%error, "the token does not answer");
            return Kind::TokenUnavailable
                .detail("is it plugged in? The server's log says more; then ask again");
        };
        let kind = match refusal {
            TokenError::Locked => {
                return Kind::TokenLocked.detail("unlock it with POST /v1/teller/unlock");
            }
            TokenError::WrongPin { .. } | TokenError::BadPin => Kind::WrongPin,
            TokenError::BadNid => Kind::BadNid,
            TokenError::OverCap => Kind::OverCap,
            TokenError::Denied | TokenError::PresenceTimeout | TokenError::Cancelled => {
                Kind::TokenDenied
            }
            TokenError::TooFewEntries { .. } => Kind::TooFewEntries,
            TokenError::Busy | TokenError::StaleSession => Kind::TokenUnavailable,
            _ => Kind::TokenRefused,
        };
        kind.detail(refusal.to_string())
    }
}
