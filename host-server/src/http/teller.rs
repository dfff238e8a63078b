//! `/v1/teller/…`: in clear, to and from the attached token. Only with a token.
//!
//! Work with the token goes on when a client hangs up: what was begun is finished.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use host_api::{self as api, teller as bodies};
use schemars::JsonSchema;
use serde::Deserialize;
use token_client::{AuditPage, AuditPosition};
use zeroize::Zeroizing;

use super::{
    books,
    extract::{self, KnownBook, NoQuery},
    openapi::{Operation, Routes},
    problem::{Kind, Problem, Result},
};
use crate::{
    AppState,
    store::{Put, Store},
    teller::{self, Key, Teller},
};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    let info_op = |summary| Operation::new(summary).answer::<bodies::Info>("The token now.");
    let book = "/v1/teller/books/{book}";
    routes
        .tag("teller")
        .get(
            "/v1/teller/info",
            info::<S>,
            info_op("What the token says of itself"),
        )
        .post(
            "/v1/teller/unlock",
            unlock::<S>,
            info_op("Opens the token's secrets with the PIN").body::<bodies::Unlock>(),
        )
        .post("/v1/teller/lock", lock::<S>, info_op("Locks the token"))
        .get(
            "/v1/teller/audit",
            audit_log::<S>,
            Operation::new("What happened to the token, event by event")
                .query::<AuditQuery>()
                .answer::<bodies::AuditLog>("Events, chained by hashes."),
        )
        .post(
            "/v1/teller/audit",
            acknowledge_audit::<S>,
            info_op("Lets the token forget events that were read, which makes room for more")
                .body::<bodies::AcknowledgeAudit>(),
        )
        .post(
            "/v1/teller/books",
            create_book::<S>,
            Operation::new("Makes a book on the token and here")
                .body::<bodies::NewBook>()
                .creates::<api::Book>(),
        )
        .post(
            &format!("{book}/entries"),
            post_entry::<S>,
            Operation::new("A deposit, or a withdrawal, durable when it answers")
                .body::<bodies::Post>()
                .answer::<bodies::Posted>("Where it stands."),
        )
        .post(
            &format!("{book}/balance"),
            balance::<S>,
            Operation::new("Opens an account's balance, with a press at the token")
                .body::<bodies::AskBalance>()
                .answer::<bodies::Released>("What was opened, with its proof."),
        )
        .post(
            &format!("{book}/total"),
            total::<S>,
            Operation::new("Opens a total, with a press at the token, and publishes it")
                .body::<bodies::AskTotal>()
                .answer::<bodies::Released>("What was opened, with its proof."),
        )
}

/// `GET /v1/teller/info`: what the token says of itself.
async fn info<S: Store>(State(app): State<AppState<S>>, _: NoQuery) -> Result<Json<bodies::Info>> {
    let teller = teller(&app)?;
    let mut token = teller.token().await;
    finish(async move { teller.info(&mut token).await })
        .await
        .map(Json)
}

/// `POST /v1/teller/unlock`: opens the token's secrets with the PIN.
async fn unlock<S: Store>(
    State(app): State<AppState<S>>,
    _: NoQuery,
    extract::Json(body): extract::Json<bodies::Unlock>,
) -> Result<Json<bodies::Info>> {
    let pin = Zeroizing::new(body.pin);
    let teller = teller(&app)?;
    let mut token = teller.token().await;
    finish(async move { teller.unlock(&mut token, pin).await })
        .await
        .map(Json)
}

/// `POST /v1/teller/lock`: wipes the secrets from the token's memory.
async fn lock<S: Store>(State(app): State<AppState<S>>, _: NoQuery) -> Result<Json<bodies::Info>> {
    let teller = teller(&app)?;
    let mut token = teller.token().await;
    finish(async move { teller.lock(&mut token).await })
        .await
        .map(Json)
}

/// Parameters of `GET /v1/teller/audit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    /// Number of the first event to show.
    #[serde(default)]
    from: u64,
}

/// `GET /v1/teller/audit?from=`: what happened to the token.
async fn audit_log<S: Store>(
    State(app): State<AppState<S>>,
    extract::Query(AuditQuery { from }): extract::Query<AuditQuery>,
) -> Result<Json<bodies::AuditLog>> {
    let mut token = teller(&app)?.token().await;
    let page = finish(async move { token.call(move |client| client.audit_log(from)).await });
    let AuditPage { before, events, .. } = page.await?;
    let events = events.iter().map(|event| hex::encode(&event.bytes));
    Ok(Json(bodies::AuditLog {
        first: before.events,
        before: hex::encode(before.hash),
        events: events.collect(),
    }))
}

/// `POST /v1/teller/audit`: the events before a position were read.
async fn acknowledge_audit<S: Store>(
    State(app): State<AppState<S>>,
    _: NoQuery,
    extract::Json(body): extract::Json<bodies::AcknowledgeAudit>,
) -> Result<Json<bodies::Info>> {
    let mut position = AuditPosition {
        events: body.through,
        hash: [0; 32],
    };
    hex::decode_to_slice(&body.hash, &mut position.hash)
        .map_err(|_| Kind::InvalidBody.detail("a hash has 64 hexadecimal digits"))?;
    let teller = teller(&app)?;
    let mut token = teller.token().await;
    let acknowledging = async move {
        let done = token.call(move |client| client.acknowledge_audit(&position));
        done.await?;
        teller.info(&mut token).await
    };
    finish(acknowledging).await.map(Json)
}

/// `POST /v1/teller/books`: makes a book on the token and here. 201, or 200 if it is there already.
async fn create_book<S: Store>(
    State(app): State<AppState<S>>,
    _: NoQuery,
    extract::Json(body): extract::Json<bodies::NewBook>,
) -> Result<(StatusCode, Json<api::Book>)> {
    let book = books::from_rules(&body)?;
    let teller = teller(&app)?;
    let mut token = teller.token().await;
    let (put, book) = finish(async move { teller.create_book(&mut token, book).await }).await?;
    let status = if put == Put::Stored {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(books::to_api(&book))))
}

/// `POST /v1/teller/books/{book}/entries`: a deposit or a withdrawal, durable when it answers.
async fn post_entry<S: Store>(
    State(app): State<AppState<S>>,
    KnownBook { book, .. }: KnownBook,
    _: NoQuery,
    IdempotencyKey(key): IdempotencyKey,
    extract::Json(body): extract::Json<bodies::Post>,
) -> Result<Json<bodies::Posted>> {
    let teller = teller(&app)?;
    let mut token = teller.token().await;
    let posting = async move { teller.post(&mut token, &book, body, key).await };
    finish(posting).await.map(Json)
}

/// `POST /v1/teller/books/{book}/balance`: opens one account's balance, with presence.
async fn balance<S: Store>(
    State(app): State<AppState<S>>,
    KnownBook { book, .. }: KnownBook,
    _: NoQuery,
    extract::Json(body): extract::Json<bodies::AskBalance>,
) -> Result<Json<bodies::Released>> {
    let bodies::AskBalance { nid, last, window } = body;
    let nid = Zeroizing::new(nid);
    let window = teller::window(window)?;
    let teller = teller(&app)?;
    let mut token = teller.token().await;
    let release = async move { teller.balance(&mut token, &book, nid, last, window).await };
    finish(release).await.map(Json)
}

/// `POST /v1/teller/books/{book}/total`: opens a total, with presence, and publishes its statement.
async fn total<S: Store>(
    State(app): State<AppState<S>>,
    KnownBook { book, .. }: KnownBook,
    _: NoQuery,
    extract::Json(body): extract::Json<bodies::AskTotal>,
) -> Result<Json<bodies::Released>> {
    let window = teller::window(body.window)?;
    let teller = teller(&app)?;
    let mut token = teller.token().await;
    let release = async move { teller.total(&mut token, &book, body, window).await };
    finish(release).await.map(Json)
}

fn teller<S: Store>(app: &AppState<S>) -> Result<Arc<Teller<S>>> {
    app.teller().ok_or(Kind::NotFound.into())
}

/// Does work to its end, whether or not the client still waits for it.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.map_err(Problem::internal)?
}

/// The `Idempotency-Key` header of a posting.
struct IdempotencyKey(Key);

impl<S: Store> FromRequestParts<AppState<S>> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState<S>) -> Result<Self> {
        parts
            .headers
            .get(bodies::IDEMPOTENCY_KEY)
            .and_then(|value| value.to_str().ok())
            .and_then(Key::new)
            .map(Self)
            .ok_or_else(extract::bad_key)
    }
}
