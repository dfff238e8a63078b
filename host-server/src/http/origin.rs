//! Who a request was meant for, and which pages in a browser may make one.
//!
//! A browser on this machine reaches this server too, and shows pages of strangers. They must not
//! read from it (no CORS unless asked for), write to it without reading (the `Origin` of a request
//! that changes something), or reach it under a name of their own (DNS rebinding).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, Method, Uri,
        header::{
            AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, ORIGIN,
            RETRY_AFTER,
        },
    },
    middleware::Next,
    response::Response,
};
use host_api::teller::IDEMPOTENCY_KEY;
use tower_http::cors::CorsLayer;

use super::{
    problem::{Kind, Result},
    request_id::REQUEST_ID,
};

/// Lets pages of these origins, and no others, read answers.
pub(super) fn cors(origins: &[HeaderValue]) -> CorsLayer {
    if origins.is_empty() {
        return CorsLayer::new();
    }
    let name = HeaderName::from_static;
    let asked = [
        AUTHORIZATION,
        CONTENT_ENCODING,
        CONTENT_TYPE,
        IF_NONE_MATCH,
        name(IDEMPOTENCY_KEY),
        name("last-event-id"),
        name(REQUEST_ID),
    ];
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::PUT, Method::POST])
        .allow_headers(asked)
        .expose_headers([ETAG, RETRY_AFTER, name(REQUEST_ID)])
}

/// Refuses requests that change something and come from a page that is neither this server's own
/// nor of one of `origins`.
pub(super) async fn refuse_foreign_pages(
    State(origins): State<Arc<[HeaderValue]>>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let headers = request.headers();
    let is_foreign = |origin: &HeaderValue| {
        let own = headers.get(HOST).and_then(|host| host.to_str().ok());
        let from = origin.to_str().ok();
        let from = from.and_then(|from| from.split_once("://").map(|(_, authority)| authority));
        !origins.contains(origin) && (from.is_none() || from != own)
    };
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if !reads && headers.get(ORIGIN).is_some_and(is_foreign) {
        return Err(Kind::ForeignOrigin.detail("start the server with --cors-origin to allow it"));
    }
    Ok(next.run(request).await)
}

/// Refuses requests for host names that are neither loopback's nor among `names`.
pub(super) async fn refuse_other_hosts(
    State(names): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Result<Response> {
    match request.headers().get(HOST) {
        Some(host) if !is_ours(host, &names) => Err(Kind::Misdirected
            .detail("this server answers to loopback names and those given with --public-name")),
        _ => Ok(next.run(request).await),
    }
}

fn is_ours(host: &HeaderValue, names: &[String]) -> bool {
    let Some(uri) = host.to_str().ok().and_then(|host| host.parse::<Uri>().ok()) else {
        return false;
    };
    let name = uri.host().unwrap_or_default();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|ours| ours.eq_ignore_ascii_case(address))
        || address
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}
