//! Whether the server lives, and whether it can work.

use axum::{Json, extract::State};
use host_api::Health;

use super::{
    extract::NoQuery,
    openapi::{Operation, Routes},
    problem::{Kind, Result},
};
use crate::{AppState, store::Store};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .tag("operations")
        .get(
            "/livez",
            live,
            Operation::new("Whether the process lives").answer::<Health>("It does."),
        )
        .get(
            "/readyz",
            ready::<S>,
            Operation::new("Whether store and token answer").answer::<Health>("They do."),
        )
}

/// `GET /livez`: 200 while the process answers at all.
async fn live() -> Json<Health> {
    Json(ok())
}

/// `GET /readyz`: 200 while the store answers, and the token if there is to be one.
async fn ready<S: Store>(State(app): State<AppState<S>>, _: NoQuery) -> Result<Json<Health>> {
    app.store().ping().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        Kind::NotReady.detail("the store does not answer")
    })?;
    if let Some(teller) = app.teller() {
        teller
            .check()
            .await
            .map_err(|_| Kind::NotReady.detail("the token does not answer"))?;
    }
    Ok(Json(ok()))
}

fn ok() -> Health {
    Health {
        status: "ok".to_owned(),
    }
}
