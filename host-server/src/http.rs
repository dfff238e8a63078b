//! The HTTP interface: one router, one file for each kind of thing it serves.
//!
//! | File | Paths |
//! |---|---|
//! | `books` | `/v1/books`, `/v1/books/{book}` |
//! | `accounts` | `…/accounts`, `…/accounts/{handle}` |
//! | `entries`, `append` | `…/entries`, `…/heads` |
//! | `cuts` | `…/cuts` |
//! | `totals` | `…/total`, `…/accounts/{handle}/balance` |
//! | `sum` | `…/sum` |
//! | `statements` | `…/statements` |
//! | `events` | `/v1/events` |
//! | `teller` | `/v1/teller/…`, only with a token |
//! | `keys` | `/v1/keys`, `/v1/keys/{id}` |
//! | `health` | `/livez`, `/readyz` |
//! | `docs`, `openapi` | `/docs`, `/openapi.json` |
//! | `metrics` | `/metrics` |
//!
//! Every request passes, from outside in, `request_id` (its name and its line in the log), packing
//! of the answer, `origin` (pages and hosts it may come from), `rate` and `body`. `extract` is what
//! handlers take from it, `problem` every answer that is not a success.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::HeaderValue,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::compression::CompressionLayer;

use crate::{AppState, store::Store};
use openapi::Routes;
use problem::Kind;
pub use rate::{RATE_DEFAULT, Rate};
pub use request_id::REQUEST_ID;

mod access;
mod accounts;
pub(crate) mod append;
mod binary;
mod body;
pub(crate) mod books;
mod cuts;
mod docs;
mod entries;
mod etag;
mod events;
mod extract;
mod health;
mod keys;
pub mod metrics;
mod openapi;
mod origin;
pub mod problem;
mod rate;
mod request_id;
mod statements;
mod sum;
mod teller;
pub(crate) mod totals;

/// Longest body of a request in bytes.
pub const BODY_LEN_MAX: usize = 2 << 20;
/// How long a request may take until its answer begins. A stream may go on for as long as it likes.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// The same for the teller's routes, where a person may have to press a button first.
pub const TELLER_TIME_MAX: Duration = Duration::from_secs(150);

/// What a server's owner decides about its HTTP interface.
#[derive(Clone, Debug)]
pub struct Options {
    /// Origins (`https://console.example`) whose pages in a browser may use this server.
    pub cors_origins: Vec<HeaderValue>,
    /// How many requests a client may make.
    pub rate: Rate,
    /// Names, beside those of loopback, under which clients reach this server.
    pub public_names: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            rate: Rate::Default,
            public_names: Vec::new(),
        }
    }
}

/// All routes.
pub fn router<S: Store>(state: AppState<S>) -> Router {
    let mut routes = [
        health::routes,
        metrics::routes,
        books::routes,
        accounts::routes,
        entries::routes,
        cuts::routes,
        totals::routes,
        sum::routes,
        statements::routes,
        keys::routes,
        events::routes,
        docs::routes,
    ]
    .into_iter()
    .fold(Routes::new(), |routes, add| add(routes));
    if state.teller().is_some() {
        routes = teller::routes(routes);
    }
    let all = routes.finish().layer(middleware::from_fn(limit_time));
    let options = state.options();
    let origins: Arc<[HeaderValue]> = options.cors_origins.clone().into();
    let names: Arc<[String]> = options.public_names.clone().into();
    let limiter = rate::Limiter::new(options.rate);
    all.fallback(|| async { Problem::from(Kind::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::from(Kind::MethodNotAllowed) })
        .layer(middleware::from_fn(access::refuse_unlisted))
        .layer(middleware::from_fn(extract::check_idempotency_key))
        .layer(middleware::from_fn(body::take))
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(middleware::from_fn_with_state(state.clone(), access::check))
        .layer(middleware::from_fn_with_state(limiter, rate::limit))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&origins),
            origin::refuse_foreign_pages,
        ))
        .layer(middleware::from_fn_with_state(
            names,
            origin::refuse_other_hosts,
        ))
        .layer(origin::cors(&origins))
        .layer(CompressionLayer::new().gzip(true).zstd(true))
        .layer(middleware::from_fn(body::end_unread))
        .layer(middleware::from_fn_with_state(
            Arc::clone(state.metrics()),
            metrics::measure,
        ))
        .layer(middleware::from_fn(request_id::trace))
        .with_state(state)
}

/// Answers with a problem when a handler takes too long. What it has begun in the store may still
/// be done, as after a lost answer.
async fn limit_time(request: Request, next: Next) -> Response {
    let time = if request.uri().path().starts_with("/v1/teller/") {
        TELLER_TIME_MAX
    } else {
        REQUEST_TIME_MAX
    };
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Kind::Timeout
            .detail("it may have been done all the same: ask again before repeating it")
            .into_response(),
    }
}

pub use access::Gate;
pub use problem::Problem;
