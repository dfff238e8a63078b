//! `/metrics`: numbers for Prometheus, in the OpenMetrics text format.
//!
//! No label names a request's identifiers, amounts or holders; chains are named by book and writer.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, header::CONTENT_TYPE},
    middleware::Next,
    response::{IntoResponse, Response},
};
use host_api::{EntryOutcome, Outcome};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use super::{
    extract::NoQuery,
    openapi::{Operation, Routes},
    problem::{Problem, Result},
};
use crate::{AppState, store::Store};

/// The format that [`text::encode`] writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// So many chains are listed; a server of more says how many it left out.
const CHAINS_MAX: usize = 1000;

/// How long store and token may take to say that they are there.
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Chain {
    book: String,
    writer: String,
}

type Level = Gauge<u64, AtomicU64>;

/// What is counted and timed since the server began.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    entries: Family<OfOutcome, Counter>,
    /// Read when they are asked for; one asks at a time.
    levels: Mutex<Levels>,
}

#[derive(Clone, Default)]
struct Levels {
    store_up: Level,
    /// Nothing, or one without a label.
    token_up: Family<Vec<(String, String)>, Level>,
    heads: Family<Chain, Level>,
    lags: Family<Chain, Level>,
    left_out: Level,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tallystick");
        let requests = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        // From 0.1 ms to about 50 s.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.0001, 2.0, 20));
        let seconds = Family::new_with_constructor(histogram);
        let help = "Seconds until an answer began";
        registry.register("request_seconds", help, seconds.clone());
        let entries = Family::default();
        registry.register("entries", "Entries sent here, by outcome", entries.clone());
        let levels = Levels::default();
        let help = "Whether the store answers";
        registry.register("store_up", help, levels.store_up.clone());
        let help = "Whether the attached token answers; not there without one";
        registry.register("token_up", help, levels.token_up.clone());
        let help = "Entries of a chain";
        registry.register("chain_entries", help, levels.heads.clone());
        let help = "Entries of a chain behind its last checkpoint";
        registry.register("checkpoint_lag_entries", help, levels.lags.clone());
        let help = "Chains that are not listed";
        registry.register("chains_left_out", help, levels.left_out.clone());
        Self {
            registry,
            requests,
            seconds,
            entries,
            levels: Mutex::new(levels),
        }
    }

    /// Counts what became of entries that a client sent.
    pub fn count_entries(&self, outcomes: &[EntryOutcome]) {
        for entry in outcomes {
            let outcome = match entry.outcome {
                Outcome::Stored => "stored",
                Outcome::Already => "already",
                Outcome::Conflict => "conflict",
                Outcome::Gap => "gap",
            };
            self.entries.get_or_create(&OfOutcome { outcome }).inc();
        }
    }

    fn levels(&self) -> Levels {
        let levels = self.levels.lock();
        levels.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.tag("operations").get(
        "/metrics",
        metrics::<S>,
        Operation::new("Numbers for Prometheus").stream(OPEN_METRICS, "Metrics."),
    )
}

/// Counts a request and the time to its answer, under its route.
pub(super) async fn measure(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let method = name(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unknown", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    let seconds = metrics.seconds.get_or_create(&Route {
        route: route.clone(),
    });
    seconds.observe(begun.elapsed().as_secs_f64());
    let status = response.status().as_u16();
    let answered = Answered {
        method,
        route,
        status,
    };
    metrics.requests.get_or_create(&answered).inc();
    response
}

/// The methods that routes have; a client may make up any number of others.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}

/// `GET /metrics`: what was counted, and how things stand just now.
async fn metrics<S: Store>(State(app): State<AppState<S>>, _: NoQuery) -> Result<Response> {
    let metrics = app.metrics();
    let levels = metrics.levels();
    let is_up = chains(&app, &levels).await;
    levels.store_up.set(u64::from(is_up));
    if let Some(teller) = app.teller() {
        let checked = tokio::time::timeout(PROBE_TIME_MAX, teller.check()).await;
        let is_up = checked.is_ok_and(|checked| checked.is_ok());
        levels.token_up.get_or_create(&vec![]).set(u64::from(is_up));
    }
    let mut body = String::new();
    text::encode(&mut body, &metrics.registry).map_err(Problem::internal)?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], body).into_response())
}

/// Reads how long the chains are and how far their checkpoints lie behind. Whether the store
/// answered.
async fn chains<S: Store>(app: &AppState<S>, levels: &Levels) -> bool {
    let store = app.store();
    let reading = async {
        let mut chains = Vec::new();
        for book in store.books().await? {
            let book = book.id();
            let heads = store.heads(&book).await?;
            chains.extend(heads.into_iter().map(|(writer, head)| (book, writer, head)));
        }
        let left_out = chains.len().saturating_sub(CHAINS_MAX);
        chains.truncate(CHAINS_MAX);
        let mut lags = Vec::with_capacity(chains.len());
        for (book, writer, head) in chains {
            let last = store.last_checkpoint(&book, &writer, head).await?;
            let through = last.map_or(0, |last| last.through);
            lags.push((book, writer, head, head - through));
        }
        Ok::<_, crate::store::StoreError>((lags, left_out))
    };
    let Ok(Ok((chains, left_out))) = tokio::time::timeout(PROBE_TIME_MAX, reading).await else {
        return false;
    };
    levels.heads.clear();
    levels.lags.clear();
    for (book, writer, head, lag) in chains {
        let chain = Chain {
            book: book.to_string(),
            writer: writer.to_string(),
        };
        levels.heads.get_or_create(&chain).set(head);
        levels.lags.get_or_create(&chain).set(lag);
    }
    levels.left_out.set(left_out as u64);
    true
}
