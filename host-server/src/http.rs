//! The HTTP interface: one router, one file for each kind of thing it serves.
//!
//! | File | Paths |
//! |---|---|
//! | `books` | `/v1/books`, `/v1/books/{book}` |
//! | `accounts` | `…/accounts`, `…/accounts/{handle}` |
//! | `entries`, `append` | `…/entries`, `…/heads` |
//! | `cuts` | `…/cuts` |
//! | `totals` | `…/total`, `…/accounts/{handle}/balance` |
//! | `statements` | `…/statements` |
//! | `teller` | `/v1/teller/…`, only with a token |
//! | `health` | `/livez`, `/readyz` |
//!
//! `extract` is what comes in, `problem` every answer that is not a success.

use std::time::{Duration, Instant};

use axum::{
    Router,
    body::{Bytes, HttpBody},
    extract::{DefaultBodyLimit, FromRequest, MatchedPath, Request},
    http::{HeaderValue, StatusCode, Uri, header::HOST},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

use crate::{AppState, store::Store};
use problem::{Kind, Result};

mod accounts;
pub(crate) mod append;
pub(crate) mod books;
mod cuts;
mod entries;
mod extract;
mod health;
pub mod problem;
mod statements;
mod teller;
pub(crate) mod totals;

/// Longest body of a request in bytes.
pub const BODY_LEN_MAX: usize = 2 << 20;
/// How long a request may take until its answer begins. A stream may go on for as long as it likes.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// The same for the teller's routes, where a person may have to press a button first.
pub const TELLER_TIME_MAX: Duration = Duration::from_secs(150);

/// All routes.
pub fn router<S: Store>(state: AppState<S>) -> Router {
    let has_token = state.teller().is_some();
    let quick = Router::new()
        .merge(health::router())
        .merge(books::router())
        .merge(accounts::router())
        .merge(entries::router())
        .merge(cuts::router())
        .merge(totals::router())
        .merge(statements::router());
    let mut all = quick.layer(middleware::from_fn(|request, next| {
        limit_time(REQUEST_TIME_MAX, request, next)
    }));
    if has_token {
        all = all.merge(teller::router().layer(middleware::from_fn(|request, next| {
            limit_time(TELLER_TIME_MAX, request, next)
        })));
    }
    all.fallback(|| async { Problem::from(Kind::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::from(Kind::MethodNotAllowed) })
        .layer(middleware::from_fn(take_body))
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(middleware::from_fn(refuse_other_hosts))
        .layer(middleware::from_fn(log))
        .with_state(state)
}

/// Answers with a problem when a handler takes too long. What it has begun in the store may still
/// be done, as after a lost answer.
async fn limit_time(time: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Kind::Timeout
            .detail("it may have been done all the same: ask again before repeating it")
            .into_response(),
    }
}

/// Reads the body whole before anything is decided, so that a refusal finds it read and the
/// connection goes on. A body that is declared too long is refused unread, and ends it.
async fn take_body(request: Request, next: Next) -> Result<Response> {
    let too_large =
        || Kind::BodyTooLarge.detail(format!("a body has at most {BODY_LEN_MAX} bytes"));
    let (parts, body) = request.into_parts();
    if body.size_hint().lower() > BODY_LEN_MAX as u64 {
        return Err(too_large());
    }
    let reading = Bytes::from_request(Request::from_parts(parts.clone(), body), &());
    let bytes = tokio::time::timeout(REQUEST_TIME_MAX, reading)
        .await
        .map_err(|_| Kind::Timeout.detail("the body did not come in time"))?
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => Kind::MalformedJson.detail("the body ended early"),
        })?;
    Ok(next.run(Request::from_parts(parts, bytes.into())).await)
}

/// Refuses requests for host names that are not this machine's: a page in a browser here must not
/// reach the server under a name of its own (DNS rebinding).
async fn refuse_other_hosts(request: Request, next: Next) -> Result<Response> {
    match request.headers().get(HOST) {
        Some(host) if !is_loopback(host) => {
            Err(Kind::Misdirected.detail("this server answers only to loopback names"))
        }
        _ => Ok(next.run(request).await),
    }
}

fn is_loopback(host: &HeaderValue) -> bool {
    let Some(uri) = host.to_str().ok().and_then(|host| host.parse::<Uri>().ok()) else {
        return false;
    };
    let name = uri.host().unwrap_or_default();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Logs the route, not the path: no identifiers, amounts, PINs or NIDs.
async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let (status, elapsed) = (response.status().as_u16(), begun.elapsed());
    tracing::info!(%method, route, status, ?elapsed, "answered");
    response
}

pub use problem::Problem;
