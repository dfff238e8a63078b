//! A name for every request: in its answer, in its problem document and on its lines of the log.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

/// The header that carries it, both ways.
pub const REQUEST_ID: &str = "x-request-id";

/// Longest name that is taken over from a client.
const LEN_MAX: usize = 64;

tokio::task_local! {
    static CURRENT: String;
}

/// The name of the request that this task answers.
pub(super) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Names the request and logs its answer: the route, not the path, hence no identifiers, amounts,
/// PINs or NIDs.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(fresh);
    let span = tracing::info_span!("request", %id);
    CURRENT
        .scope(id.clone(), answer(request, next, id))
        .instrument(span)
        .await
}

async fn answer(request: Request, next: Next, id: String) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let begun = Instant::now();
    let mut response = next.run(request).await;
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let (status, elapsed) = (response.status().as_u16(), begun.elapsed());
    tracing::info!(%method, route, status, ?elapsed, "answered");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The client's own name for it, if it is fit for a log: letters, digits and `-._`.
fn given(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    ((1..=LEN_MAX).contains(&id.len()) && id.bytes().all(is_plain)).then(|| id.to_owned())
}

/// 128 random bits.
fn fresh() -> String {
    let mut bytes = [0; 16];
    // Without randomness the name is not unique, which a log can bear.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}
