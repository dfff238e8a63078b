//! Who may use which route: one table, one check before every handler, and what a handler may ask
//! of the caller.
//!
//! A route without a row is refused, to everybody, as a failure of the server; so is a method
//! without one. A ledger without keys is open to all who reach it, which its listener has to limit
//! to this machine.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{ALLOW, AUTHORIZATION},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use core_nostd::ids::WriterId;

use super::{
    append::SHARED_WRITER,
    problem::{Kind, Problem, Result},
};
use crate::{
    AppState,
    keys::{ApiKey, Scopes, Secret},
    now_ms,
    store::{self, Store},
};
use Need::{Admin, Nothing, Place, Post, Read, Teller};

/// What a key has to have for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// No key.
    Nothing,
    /// `read`.
    Read,
    /// `read`, or `post` of whatever: what a posting is prepared with.
    Place,
    /// `post`; the handler checks as whom.
    Post,
    /// `teller`.
    Teller,
    /// `admin`.
    Admin,
}

/// Method, path and need of every route.
const ROUTES: &[(&str, &str, Need)] = &[
    ("GET", "/livez", Nothing),
    ("GET", "/readyz", Nothing),
    ("GET", "/metrics", Read),
    ("GET", "/openapi.json", Nothing),
    ("GET", "/docs", Nothing),
    ("GET", "/docs/page.js", Nothing),
    ("GET", "/docs/style.css", Nothing),
    ("GET", "/docs/problems", Nothing),
    ("GET", "/v1/books", Place),
    ("GET", "/v1/books/{book}", Place),
    ("PUT", "/v1/books/{book}", Admin),
    ("GET", "/v1/books/{book}/accounts", Read),
    ("GET", "/v1/books/{book}/accounts/{handle}", Place),
    ("PUT", "/v1/books/{book}/accounts/{handle}", Post),
    ("GET", "/v1/books/{book}/accounts/{handle}/balance", Read),
    ("GET", "/v1/books/{book}/entries", Place),
    ("POST", "/v1/books/{book}/entries", Post),
    ("GET", "/v1/books/{book}/heads", Place),
    ("GET", "/v1/books/{book}/cuts", Place),
    ("POST", "/v1/books/{book}/cuts", Post),
    ("GET", "/v1/books/{book}/total", Read),
    ("POST", "/v1/books/{book}/sum", Read),
    ("GET", "/v1/books/{book}/statements", Read),
    // Only a token makes a statement that verifies: who may read adds nothing of their own.
    ("POST", "/v1/books/{book}/statements", Read),
    ("GET", "/v1/events", Read),
    ("GET", "/v1/keys", Admin),
    ("POST", "/v1/keys", Admin),
    ("DELETE", "/v1/keys/{id}", Admin),
    ("GET", "/v1/teller/info", Teller),
    ("GET", "/v1/teller/audit", Teller),
    ("POST", "/v1/teller/audit", Teller),
    ("POST", "/v1/teller/unlock", Teller),
    ("POST", "/v1/teller/lock", Teller),
    ("POST", "/v1/teller/books", Teller),
    ("POST", "/v1/teller/books/{book}/entries", Teller),
    ("POST", "/v1/teller/books/{book}/balance", Teller),
    ("POST", "/v1/teller/books/{book}/total", Teller),
];

/// Who makes a request. An extractor of every handler that asks.
#[derive(Clone, Debug)]
pub struct Caller(Option<ApiKey>);

impl Caller {
    /// Refuses a caller who may not post as this writer.
    ///
    /// # Errors
    /// [`Kind::WriterNotAllowed`].
    pub fn check_writer(&self, writer: &WriterId) -> Result<()> {
        match &self.0 {
            Some(key) if !key.scopes.post.contains(writer) => {
                Err(Kind::WriterNotAllowed.detail(format!(
                    "key {} may not post as writer {writer}: make one with --post {writer}",
                    key.id()
                )))
            }
            _ => Ok(()),
        }
    }

    /// The writer whose chain of an open book the caller appends to.
    ///
    /// # Errors
    /// [`Kind::WriterNotAllowed`].
    pub fn open_writer(&self) -> Result<WriterId> {
        match &self.0 {
            None => Ok(SHARED_WRITER),
            Some(key) if key.scopes.post_open => Ok(key.id().as_writer()),
            Some(key) => Err(Kind::WriterNotAllowed.detail(format!(
                "key {} may not post to open books: make one with --post open",
                key.id()
            ))),
        }
    }
}

impl<S: Store> FromRequestParts<AppState<S>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState<S>) -> Result<Self> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::internal("a handler asks for a caller nobody checked"))
    }
}

/// Whether requests need a key. It closes with the first key that is made, and never opens again.
#[derive(Debug, Default)]
pub struct Gate {
    is_closed: AtomicBool,
    /// When the store was last found to have no key: milliseconds since 1970.
    found_open_ms: AtomicU64,
}

impl Gate {
    /// How long an answer of the store that it has no key is believed: somebody else may make one.
    const BELIEF_MS: u64 = 1000;

    /// Every request needs a key from now on.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    async fn is_open(&self, store: &impl Store) -> store::Result<bool> {
        if self.is_closed.load(Ordering::Acquire) {
            return Ok(false);
        }
        let now_ms = now_ms();
        if now_ms.abs_diff(self.found_open_ms.load(Ordering::Relaxed)) < Self::BELIEF_MS {
            return Ok(true);
        }
        let is_open = store.keys().await?.is_empty();
        if is_open {
            self.found_open_ms.store(now_ms, Ordering::Relaxed);
        } else {
            self.close();
        }
        Ok(is_open)
    }
}

/// Lets a request pass if its caller may use the route. What has no row passes unidentified, for
/// [`refuse_unlisted`] to refuse once the body is read, so that the connection can go on.
pub(super) async fn check<S: Store>(
    State(app): State<AppState<S>>,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let need = match find(&request) {
        Found::Need(need) => need,
        Found::OtherMethods(_) | Found::Nothing => Nothing,
    };
    if need != Nothing {
        let caller = identify(&app, request.headers()).await?;
        if let Caller(Some(key)) = &caller {
            check_need(key, need)?;
        }
        request.extensions_mut().insert(caller);
    }
    Ok(next.run(request).await)
}

/// Refuses routes and methods that have no row; what has no route at all is refused elsewhere.
pub(super) async fn refuse_unlisted(request: Request, next: Next) -> Result<Response> {
    match find(&request) {
        Found::Need(_) => Ok(next.run(request).await),
        Found::OtherMethods(methods) => Ok(method_not_allowed(&methods)),
        Found::Nothing => match request.extensions().get::<MatchedPath>() {
            None => Ok(next.run(request).await),
            Some(route) => Err(Problem::internal(format!(
                "{} has no row in the table of http/access.rs",
                route.as_str()
            ))),
        },
    }
}

enum Found {
    Need(Need),
    OtherMethods(Vec<&'static str>),
    Nothing,
}

fn find(request: &Request) -> Found {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("", MatchedPath::as_str);
    match request.method().as_str() {
        "HEAD" => find_row("GET", route),
        method => find_row(method, route),
    }
}

fn find_row(method: &str, route: &str) -> Found {
    let rows = ROUTES.iter().filter(|(_, path, _)| *path == route);
    let methods: Vec<_> = rows.clone().map(|(method, ..)| *method).collect();
    match rows.clone().find(|(of, ..)| *of == method) {
        Some((.., need)) => Found::Need(*need),
        None if methods.is_empty() => Found::Nothing,
        None => Found::OtherMethods(methods),
    }
}

fn method_not_allowed(methods: &[&str]) -> Response {
    let mut response = Problem::from(Kind::MethodNotAllowed).into_response();
    let mut allow = methods.join(",");
    if methods.contains(&"GET") {
        allow += ",HEAD";
    }
    if let Ok(allow) = HeaderValue::from_str(&allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

async fn identify<S: Store>(app: &AppState<S>, headers: &HeaderMap) -> Result<Caller> {
    let Some(presented) = headers.get(AUTHORIZATION) else {
        return if app.gate().is_open(app.store()).await? {
            Ok(Caller(None))
        } else {
            Err(Kind::KeyMissing.detail("send the header Authorization: Bearer KEY"))
        };
    };
    let unknown = || Kind::KeyUnknown.detail("it is no key of this server, or is misspelt");
    let secret = bearer(presented).ok_or_else(unknown)?;
    let hash = secret.hash();
    match app.store().key(&hash.id()).await? {
        Some(key) if key.hash != hash => Err(unknown()),
        Some(key) if key.revoked_ms.is_some() => Err(Kind::KeyRevoked.detail("ask for another")),
        Some(key) => Ok(Caller(Some(key))),
        None => Err(unknown()),
    }
}

/// The key in a header `Bearer KEY` (RFC 6750 section 2.1).
fn bearer(header: &HeaderValue) -> Option<Secret> {
    let (scheme, text) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(())?;
    Secret::parse(text.trim())
}

fn check_need(key: &ApiKey, need: Need) -> Result<()> {
    let Scopes {
        read,
        teller,
        admin,
        ..
    } = key.scopes;
    let posts = key.scopes.may_post();
    let (allowed, names) = match need {
        Nothing => (true, ""),
        Read => (read, "read"),
        Place => (read || posts, "read or post"),
        Post => (posts, "post"),
        Teller => (teller, "teller"),
        Admin => (admin, "admin"),
    };
    if allowed {
        return Ok(());
    }
    Err(Kind::ScopeMissing.detail(format!("key {} needs the scope {names}", key.id())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_one_row() {
        for (index, (method, path, _)) in ROUTES.iter().enumerate() {
            let again = ROUTES[index + 1..].iter();
            assert!(
                again.clone().all(|(m, p, _)| (m, p) != (method, path)),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn what_has_no_row_is_not_found() {
        assert!(matches!(find_row("GET", "/v1/secrets"), Found::Nothing));
        let other = find_row("DELETE", "/v1/books");
        assert!(matches!(other, Found::OtherMethods(methods) if methods == ["GET"]));
        assert!(matches!(find_row("GET", "/v1/books"), Found::Need(Place)));
    }

    #[tokio::test]
    async fn a_route_without_a_row_answers_nobody() {
        use axum::{Router, body::Body, middleware, routing::get};
        let handler = || async { "an answer" };
        let router: Router = Router::new()
            .route("/livez", get(handler).delete(handler))
            .route("/v1/secrets", get(handler))
            .layer(middleware::from_fn(refuse_unlisted));
        for (method, path, status) in [
            ("GET", "/livez", 200),
            ("HEAD", "/livez", 200),
            ("DELETE", "/livez", 405),
            ("GET", "/v1/secrets", 500),
            ("GET", "/nowhere", 404),
        ] {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).expect("a request");
            let answer = tower::ServiceExt::oneshot(router.clone(), request).await;
            let answer = answer.expect("a router always answers");
            assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        }
    }

    #[test]
    fn a_scope_gives_what_it_names_and_no_other() {
        let key = |word: &str| {
            let scopes = Scopes::parse(&[word.to_owned()]).expect("a scope");
            ApiKey::new("k", scopes, 0).expect("a key").1
        };
        let writer = format!("post:{}", "0".repeat(32));
        for (word, allowed) in [
            ("read", [true, true, false, false, false]),
            (writer.as_str(), [false, true, true, false, false]),
            ("post:open", [false, true, true, false, false]),
            ("teller", [false, false, false, true, false]),
            ("admin", [false, false, false, false, true]),
        ] {
            let key = key(word);
            let needs = [Read, Place, Post, Teller, Admin];
            assert_eq!(
                needs.map(|need| check_need(&key, need).is_ok()),
                allowed,
                "{word}"
            );
        }
    }

    #[test]
    fn a_bearer_is_a_key_and_the_scheme_has_no_case() {
        let secret = Secret::random().expect("randomness");
        let text = secret.expose_text();
        let read = |scheme: &str| bearer(&[scheme, &text].concat().parse().expect("a header"));
        for scheme in ["Bearer ", "bearer ", "BEARER  "] {
            assert!(read(scheme).is_some_and(|read| read.hash() == secret.hash()));
        }
        for scheme in ["", "Basic ", "Bearer", "Bearer x"] {
            assert!(read(scheme).is_none(), "{scheme}");
        }
    }
}
