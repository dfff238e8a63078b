//! What handlers take from a request, each refusal a problem document.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{header::CONTENT_TYPE, request::Parts},
};
use core_nostd::ids::{BookId, Handle, WriterId};
use serde::de::DeserializeOwned;

use super::problem::{Kind, Problem, Result};
use crate::{AppState, ledger::Book, store::Store};

/// The book named in the path, which exists.
pub struct KnownBook {
    /// Its identifier.
    pub id: BookId,
    /// Its rules and public key.
    pub book: Book,
}

/// The book identifier in the path, whether or not there is such a book.
pub struct PathBook(pub BookId);

/// The account handle in the path.
pub struct PathHandle(pub Handle);

/// Query parameters, none of them unknown.
pub struct Query<T>(pub T);

/// There are no query parameters.
pub struct NoQuery;

/// A body that is declared to be JSON, not yet parsed.
pub struct JsonBytes(Bytes);

/// A small JSON body, parsed.
pub struct Json<T>(pub T);

impl JsonBytes {
    /// Parses the body: syntax, types, and no unknown fields.
    ///
    /// # Errors
    /// [`Kind::MalformedJson`] and [`Kind::InvalidBody`].
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.0).map_err(|error| {
            let kind = match error.classify() {
                serde_json::error::Category::Data => Kind::InvalidBody,
                _ => Kind::MalformedJson,
            };
            kind.detail(error.to_string())
        })
    }
}

impl<S: Store> FromRequestParts<AppState<S>> for KnownBook {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState<S>) -> Result<Self> {
        let PathBook(id) = PathBook::from_request_parts(parts, state).await?;
        let book = state.store().book(&id).await?.ok_or_else(|| {
            Kind::UnknownBook.detail(format!("create book {id} with PUT /v1/books/{id} first"))
        })?;
        Ok(Self { id, book })
    }
}

impl<S: Store> FromRequestParts<AppState<S>> for PathBook {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState<S>) -> Result<Self> {
        let text = path_param(parts, state, "book").await?;
        BookId::from_hex(&text)
            .map(Self)
            .ok_or_else(|| Kind::BadPath.detail("a book is named by 64 hexadecimal digits"))
    }
}

impl<S: Store> FromRequestParts<AppState<S>> for PathHandle {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState<S>) -> Result<Self> {
        let text = path_param(parts, state, "handle").await?;
        Handle::from_hex(&text)
            .map(Self)
            .ok_or_else(|| Kind::BadPath.detail("an account is named by 64 hexadecimal digits"))
    }
}

impl<S: Store, T: DeserializeOwned> FromRequestParts<AppState<S>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState<S>) -> Result<Self> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|rejection| Kind::BadQuery.detail(rejection.body_text()))
    }
}

impl<S: Store> FromRequestParts<AppState<S>> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState<S>) -> Result<Self> {
        match parts.uri.query() {
            None | Some("") => Ok(Self),
            Some(_) => Err(Kind::BadQuery.detail("this path takes no query parameters")),
        }
    }
}

impl<S: Store> FromRequest<AppState<S>> for JsonBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState<S>) -> Result<Self> {
        let media_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| value.split(';').next().unwrap_or_default().trim());
        if !media_type.is_some_and(|value| value.eq_ignore_ascii_case("application/json")) {
            return Err(Kind::UnsupportedMediaType
                .detail("send the body with the header content-type: application/json"));
        }
        // `take_body` has read it whole.
        let bytes = Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(Problem::internal)
    }
}

impl<S: Store, T: DeserializeOwned> FromRequest<AppState<S>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState<S>) -> Result<Self> {
        JsonBytes::from_request(request, state)
            .await?
            .parse()
            .map(Self)
    }
}

/// A writer in a query or a body.
///
/// # Errors
/// `kind`, which says where it stood.
pub fn writer(text: &str, kind: Kind) -> Result<WriterId> {
    WriterId::from_hex(text)
        .ok_or_else(|| kind.detail("a writer is named by 32 hexadecimal digits"))
}

/// An account in a query or a body.
///
/// # Errors
/// `kind`, which says where it stood.
pub fn handle(text: &str, kind: Kind) -> Result<Handle> {
    Handle::from_hex(text)
        .ok_or_else(|| kind.detail("an account is named by 64 hexadecimal digits"))
}

async fn path_param<S: Store>(
    parts: &mut Parts,
    state: &AppState<S>,
    name: &str,
) -> Result<String> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|rejection| Kind::BadPath.detail(rejection.body_text()))?;
    params
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| Problem::internal(format!("the route has no parameter {name}")))
}
