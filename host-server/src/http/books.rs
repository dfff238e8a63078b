//! `/v1/books`: books by the hash of their rules.

use axum::{Json, extract::State, http::StatusCode};
use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    currency::Currency,
    error::DecodeError,
    keys::PublicKey,
};
use host_api::{self as api, teller::NewBook};

use super::{
    extract::{self, KnownBook, NoQuery, PathBook},
    openapi::{Operation, Routes},
    problem::{Kind, Result},
};
use crate::{
    AppState,
    events::Event,
    ledger::Book,
    store::{Put, Store},
};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .tag("books")
        .get(
            "/v1/books",
            list::<S>,
            Operation::new("All books, by name").answer::<api::Books>("The books."),
        )
        .get(
            "/v1/books/{book}",
            read,
            Operation::new("One book").answer::<api::Book>("Its rules and public key."),
        )
        .put(
            "/v1/books/{book}",
            create::<S>,
            Operation::new("Adds a book under the hash of its rules")
                .body::<api::Book>()
                .creates::<api::Book>(),
        )
}

/// `PUT /v1/books/{book}`: adds a book. 201, or 200 if it is there already.
async fn create<S: Store>(
    State(app): State<AppState<S>>,
    PathBook(id): PathBook,
    _: NoQuery,
    extract::Json(body): extract::Json<api::Book>,
) -> Result<(StatusCode, Json<api::Book>)> {
    let book = from_api(&body)?;
    if book.id() != id || body.book != id.to_string() {
        return Err(
            Kind::WrongBookId.detail(format!("these rules are those of book {}", book.id()))
        );
    }
    let status = match app.store().put_book(&book).await? {
        Put::Stored => {
            app.sums().events().tell(Event::Book(id));
            StatusCode::CREATED
        }
        Put::Already => StatusCode::OK,
        Put::Conflict => {
            return Err(Kind::BookConflict.detail("choose another name, or use the first key"));
        }
    };
    Ok((status, Json(to_api(&book))))
}

/// `GET /v1/books`: all books, by name.
async fn list<S: Store>(State(app): State<AppState<S>>, _: NoQuery) -> Result<Json<api::Books>> {
    let books = app.store().books().await?;
    Ok(Json(api::Books {
        books: books.iter().map(to_api).collect(),
    }))
}

/// `GET /v1/books/{book}`: one book.
async fn read(known: KnownBook, _: NoQuery) -> Json<api::Book> {
    Json(to_api(&known.book))
}

/// A book as JSON.
pub(crate) fn to_api(book: &Book) -> api::Book {
    api::Book {
        book: book.id().to_string(),
        suite: book.suite.name().to_owned(),
        kind: book.kind.name().to_owned(),
        currency: book.currency.code().to_owned(),
        scale: book.currency.scale(),
        cap: book.cap,
        min_entries: book.min_entries,
        name: book.name.clone(),
        public_key: book.public_key.as_slice().into(),
    }
}

/// A book from JSON: rules within bounds, a public key of the suite. The identifier is not looked
/// at.
fn from_api(body: &api::Book) -> Result<Book> {
    let mut book = from_rules(&NewBook {
        suite: body.suite.clone(),
        kind: body.kind.clone(),
        currency: body.currency.clone(),
        cap: body.cap,
        min_entries: body.min_entries,
        name: body.name.clone(),
    })?;
    let (suite, currency) = (book.suite, book.currency);
    if currency.scale() != body.scale {
        let scale = currency.scale();
        return Err(Kind::BadRules.detail(format!("the scale of {currency} is {scale}")));
    }
    suite
        .dispatch(CheckPublicKey(&body.public_key.0))
        .map_err(|error| Kind::BadPublicKey.detail(format!("in {suite} it is {error}")))?;
    book.public_key = body.public_key.0.clone();
    Ok(book)
}

/// A book that has no public key yet, from rules within bounds.
pub(super) fn from_rules(body: &NewBook) -> Result<Book> {
    let suite = SuiteId::from_name(&body.suite).ok_or_else(|| {
        let names = SuiteId::ALL.map(SuiteId::name).join(", ");
        Kind::BadRules.detail(format!("the suite is one of {names}"))
    })?;
    let kind = BookKind::from_name(&body.kind)
        .ok_or_else(|| Kind::BadRules.detail("the kind is authenticated or open"))?;
    let currency = Currency::from_code(&body.currency)
        .map_err(|error| Kind::BadRules.detail(error.to_string()))?;
    let book = Book {
        suite,
        kind,
        currency,
        cap: body.cap,
        min_entries: body.min_entries,
        name: body.name.clone(),
        public_key: Vec::new(),
    };
    book.rules()
        .check()
        .map_err(|error| Kind::BadRules.detail(error.to_string()))?;
    Ok(book)
}

struct CheckPublicKey<'a>(&'a [u8]);

impl SuiteVisitor for CheckPublicKey<'_> {
    type Output = std::result::Result<(), DecodeError>;
    fn visit<S: Ciphersuite>(self) -> Self::Output {
        PublicKey::<S>::from_bytes(self.0).map(|_| ())
    }
}
