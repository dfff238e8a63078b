//! What handlers take from a request, each refusal a problem document.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderValue, Method, header::CONTENT_TYPE, request::Parts},
    middleware::Next,
    response::Response,
};
use core_nostd::ids::{BookId, Handle, WriterId};
use host_api::teller::IDEMPOTENCY_KEY;
use serde::de::DeserializeOwned;

use super::problem::{Kind, Problem, Result};
use crate::{AppState, ledger::Book, store::Store, teller::Key};

/// Largest position, number or count in a request: what every reader of JSON reads exactly.
pub const POSITION_MAX: u64 = (1 << 53) - 1;

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

/// The header of a request that may be repeated, well formed wherever it stands.
pub async fn check_idempotency_key(request: Request, next: Next) -> Result<Response> {
    let key = request.headers().get(IDEMPOTENCY_KEY);
    let text = |value: &HeaderValue| value.to_str().ok().and_then(Key::new).is_some();
    if *request.method() == Method::POST && !key.is_none_or(text) {
        return Err(bad_key());
    }
    Ok(next.run(request).await)
}

/// That a key is missing or malformed.
pub fn bad_key() -> Problem {
    Kind::BadHeader.detail(
        "a posting needs the header Idempotency-Key: 16 to 128 visible characters that nobody can \
         guess, fresh for every posting and the same for its repetitions",
    )
}

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
        serde_json::from_slice(&self.0)
            .or_else(|error| match whole_numbers(&self.0) {
                Some(plain) if error.is_data() => serde_json::from_slice(&plain),
                _ => Err(error),
            })
            .map_err(|error| {
                let kind = match error.classify() {
                    serde_json::error::Category::Data => Kind::InvalidBody,
                    _ => Kind::MalformedJson,
                };
                kind.detail(error.to_string())
            })
    }
}

impl JsonBytes {
    /// Parses the body, which may not be what a book of the other kind takes.
    ///
    /// # Errors
    /// Those of [`Self::parse`], and [`Kind::WrongKind`].
    pub fn parse_unless<T: DeserializeOwned, Other: DeserializeOwned>(&self) -> Result<T> {
        self.parse().map_err(|problem| match self.parse::<Other>() {
            Ok(_) => Kind::WrongKind.detail("entries like these belong to the other kind of book"),
            Err(_) => problem,
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

/// The same document with `12.0` written as `12`, which in JSON is the same number. `None` if there
/// is no such number.
fn whole_numbers(json: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    let mut rest = json;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte == b'.' && !in_text {
            let zeros = behind.iter().take_while(|digit| **digit == b'0').count();
            let ends = !matches!(behind.get(zeros), Some(b'0'..=b'9' | b'e' | b'E'));
            if zeros > 0 && ends {
                rest = &behind[zeros..];
                continue;
            }
        }
        in_text ^= *byte == b'"' && !escaped;
        escaped = in_text && *byte == b'\\' && !escaped;
        plain.push(*byte);
    }
    (plain.len() < json.len()).then_some(plain)
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

#[cfg(test)]
mod tests {
    use super::whole_numbers;

    #[test]
    fn whole_numbers_are_whole_however_they_are_written() {
        let plain = |text: &str| whole_numbers(text.as_bytes());
        assert_eq!(plain("[1.0, -20.00,3.0]"), Some(b"[1, -20,3]".to_vec()));
        assert_eq!(
            plain(r#"{"a.0": "1.0\\", "b": 5.0}"#),
            Some(br#"{"a.0": "1.0\\", "b": 5}"#.to_vec())
        );
        for same in [
            "[1.5, 1.05, 1.0e3, 10, 1.]",
            r#""\"1.0""#,
            r#"{"x": "1.0"}"#,
            "",
        ] {
            assert_eq!(plain(same), None, "{same}");
        }
    }
}
