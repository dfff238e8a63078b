//! Whether the server lives, and whether it can work.

use axum::{Json, Router, extract::State, routing::get};
use host_api::Health;

use super::{
    extract::NoQuery,
    problem::{Kind, Result},
};
use crate::{AppState, store::Store};

pub(super) fn router<S: Store>() -> Router<AppState<S>> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready::<S>))
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
