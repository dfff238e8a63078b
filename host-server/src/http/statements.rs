//! `/v1/books/{book}/statements`: releases as published, each verified first.

use axum::{Json, extract::State, http::StatusCode};
use host_api as api;

use super::{
    books,
    extract::{self, KnownBook, NoQuery},
    openapi::{Operation, Routes},
    problem::{Kind, Problem, Result},
};
use crate::{
    AppState, blocking,
    events::Event,
    store::{Put, Store},
    verify,
};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .tag("statements")
        .get(
            "/v1/books/{book}/statements",
            list::<S>,
            Operation::new("Published statements in the order of their arrival")
                .answer::<api::Statements>("The statements."),
        )
        .post(
            "/v1/books/{book}/statements",
            publish::<S>,
            Operation::new("Verifies a statement and publishes it")
                .body::<api::Statement>()
                .creates::<api::Statement>(),
        )
}

/// `POST …/statements`: verifies a statement with the book's public key and publishes it. 201, or
/// 200 if it is there already.
async fn publish<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    _: NoQuery,
    extract::Json(statement): extract::Json<api::Statement>,
) -> Result<(StatusCode, Json<api::Statement>)> {
    let KnownBook { id, book } = known;
    if statement.book != books::to_api(&book) {
        let text = format!("its rules and public key are not those of book {id}");
        return Err(Kind::ForeignBook.detail(text));
    }
    let (statement, verified) = blocking(move || {
        let verified = verify::statement(&book, &statement);
        (statement, verified)
    })
    .await?;
    verified.map_err(|error| Kind::BadStatement.detail(error.to_string()))?;
    let json = serde_json::to_string(&statement).map_err(Problem::internal)?;
    let status = match app.store().put_statement(&id, &json).await? {
        Put::Stored => {
            app.sums().events().tell(Event::Statement(id));
            StatusCode::CREATED
        }
        Put::Already | Put::Conflict => StatusCode::OK,
    };
    Ok((status, Json(statement)))
}

/// `GET …/statements`: published statements in the order of their arrival.
async fn list<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    _: NoQuery,
) -> Result<Json<api::Statements>> {
    let texts = app.store().statements(&known.id).await?;
    let statements = texts
        .iter()
        .map(|text| serde_json::from_str(text))
        .collect::<std::result::Result<_, _>>()
        .map_err(Problem::internal)?;
    Ok(Json(api::Statements { statements }))
}
