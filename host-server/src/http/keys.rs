//! `/v1/keys`: API keys made, listed and revoked while the server runs.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use core_nostd::wire::WRITERS_MAX;
use host_api::keys as api;

use super::{
    extract::{self, NoQuery},
    openapi::{Operation, Routes},
    problem::{Kind, Problem, Result},
};
use crate::{
    AppState,
    keys::{ApiKey, KeyId, Scopes},
    now_ms,
    store::{Put, Store},
};

/// Most scopes in a request: every word once, and as many writers as a book may have.
pub(super) const SCOPES_MAX: usize = 4 + WRITERS_MAX;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .tag("keys")
        .get(
            "/v1/keys",
            list::<S>,
            Operation::new("All API keys, also revoked ones").answer::<api::Keys>("The keys."),
        )
        .post(
            "/v1/keys",
            create::<S>,
            Operation::new("Makes an API key; from the first on, every request needs one")
                .body::<api::NewKey>()
                .makes::<api::CreatedKey>(),
        )
        .delete(
            "/v1/keys/{id}",
            revoke::<S>,
            Operation::new("Revokes an API key for good").answer::<api::KeyInfo>("It is revoked."),
        )
}

/// `POST /v1/keys`: makes a key. 201, with the key itself; it is not shown again.
///
/// From the first key on, every request needs one.
async fn create<S: Store>(
    State(app): State<AppState<S>>,
    _: NoQuery,
    extract::Json(body): extract::Json<api::NewKey>,
) -> Result<(StatusCode, Json<api::CreatedKey>)> {
    let refused = |sentence: String| Kind::InvalidBody.detail(sentence);
    if body.scopes.len() > SCOPES_MAX {
        return Err(refused(format!("a key has at most {SCOPES_MAX} scopes")));
    }
    let scopes = Scopes::parse(&body.scopes).map_err(refused)?;
    let (secret, key) = ApiKey::new(&body.name, scopes, now_ms()).map_err(refused)?;
    if app.store().put_key(&key).await? != Put::Stored {
        return Err(Problem::internal("a fresh key is there already"));
    }
    app.gate().close();
    let created = api::CreatedKey {
        secret: secret.expose_text().to_string(),
        key: to_api(&key),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /v1/keys`: all keys, also revoked ones, in the order they were made.
async fn list<S: Store>(State(app): State<AppState<S>>, _: NoQuery) -> Result<Json<api::Keys>> {
    let keys = app.store().keys().await?;
    Ok(Json(api::Keys {
        keys: keys.iter().map(to_api).collect(),
    }))
}

/// `DELETE /v1/keys/{id}`: revokes a key for good. The next request with it is refused.
async fn revoke<S: Store>(
    State(app): State<AppState<S>>,
    Path(id): Path<String>,
    _: NoQuery,
) -> Result<Json<api::KeyInfo>> {
    let id = KeyId::from_hex(&id)
        .ok_or_else(|| Kind::BadPath.detail("a key is named by 32 hexadecimal digits"))?;
    let revoked = app.store().revoke_key(&id, now_ms()).await?;
    revoked
        .map(|key| Json(to_api(&key)))
        .ok_or(Kind::UnknownKey.into())
}

fn to_api(key: &ApiKey) -> api::KeyInfo {
    api::KeyInfo {
        id: key.id().to_string(),
        name: key.name.clone(),
        scopes: key.scopes.words(),
        created_ms: key.created_ms,
        revoked_ms: key.revoked_ms,
    }
}
