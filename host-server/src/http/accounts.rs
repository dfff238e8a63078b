//! `/v1/books/{book}/accounts`: handles with their sealed NIDs, and where their next entry goes.

use axum::{Json, extract::State, http::StatusCode};
use core_nostd::{account::SEALED_NID_LEN, book::BookKind, ids::Handle};
use host_api as api;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    extract::{self, KnownBook, NoQuery, PathHandle, Query},
    openapi::{Operation, Routes},
    problem::{Kind, Result},
};
use crate::{
    AppState,
    ledger::{Account, Book},
    store::{NextPlace, Put, Store},
};

/// Accounts in one answer unless `limit` says otherwise.
const PAGE_LEN: usize = 100;
/// Most accounts in one answer.
const PAGE_LEN_MAX: usize = 1000;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .tag("accounts")
        .get(
            "/v1/books/{book}/accounts",
            list::<S>,
            Operation::new("A page of accounts by handle; `after` of the answer asks for the next")
                .query::<ListQuery>()
                .answer::<api::Accounts>("The page."),
        )
        .get(
            "/v1/books/{book}/accounts/{handle}",
            read::<S>,
            Operation::new("An account, and where a writer's next entry in it goes")
                .query::<ReadQuery>()
                .answer::<api::Account>("The account."),
        )
        .put(
            "/v1/books/{book}/accounts/{handle}",
            open::<S>,
            Operation::new("Opens an account")
                .body::<api::OpenAccount>()
                .creates::<api::Account>(),
        )
}

/// `PUT …/accounts/{handle}`: opens an account. 201, or 200 if it is there already.
async fn open<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    PathHandle(handle): PathHandle,
    _: NoQuery,
    extract::Json(body): extract::Json<api::OpenAccount>,
) -> Result<(StatusCode, Json<api::Account>)> {
    require_accounts(&known.book)?;
    if body.sealed_nid.0.len() != SEALED_NID_LEN {
        return Err(Kind::InvalidBody.detail(format!(
            "sealed_nid has {SEALED_NID_LEN} bytes, as the token made it"
        )));
    }
    let account = Account {
        book: known.id,
        handle,
        sealed_nid: body.sealed_nid.0,
    };
    let status = match app.store().put_account(&account).await? {
        Put::Stored => StatusCode::CREATED,
        Put::Already => StatusCode::OK,
        Put::Conflict => return Err(Kind::AccountConflict.into()),
    };
    Ok((status, Json(to_api(account, None))))
}

/// Parameters of `GET …/accounts/{handle}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadQuery {
    /// Also answers where this writer's next entry goes.
    writer: Option<String>,
}

/// `GET …/accounts/{handle}?writer=`: the account, and the place of the writer's next entry in it.
async fn read<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    PathHandle(handle): PathHandle,
    Query(query): Query<ReadQuery>,
) -> Result<Json<api::Account>> {
    let writer = query
        .writer
        .map(|text| extract::writer(&text, Kind::BadQuery))
        .transpose()?;
    let account = app
        .store()
        .account(&known.id, &handle)
        .await?
        .ok_or(Kind::UnknownAccount)?;
    let next = match writer {
        Some(writer) => Some(app.store().next_place(&known.id, &writer, &handle).await?),
        None => None,
    };
    Ok(Json(to_api(account, next)))
}

/// Parameters of `GET …/accounts`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Begins after this account.
    after: Option<String>,
    /// Most accounts in the answer; 100 unless given.
    #[schemars(range(max = PAGE_LEN_MAX))]
    limit: Option<usize>,
}

/// `GET …/accounts?after=&limit=`: a page of accounts by handle.
async fn list<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    Query(query): Query<ListQuery>,
) -> Result<Json<api::Accounts>> {
    let limit = query.limit.unwrap_or(PAGE_LEN);
    if !(1..=PAGE_LEN_MAX).contains(&limit) {
        return Err(Kind::BadQuery.detail(format!("limit is 1 to {PAGE_LEN_MAX}")));
    }
    let after: Option<Handle> = query
        .after
        .map(|text| extract::handle(&text, Kind::BadQuery))
        .transpose()?;
    let page = app
        .store()
        .accounts(&known.id, after.as_ref(), limit)
        .await?;
    let after = (page.len() == limit)
        .then(|| page.last().map(|account| account.handle.to_string()))
        .flatten();
    Ok(Json(api::Accounts {
        accounts: page
            .into_iter()
            .map(|account| to_api(account, None))
            .collect(),
        after,
    }))
}

/// Refuses open books, which have no accounts.
pub(super) fn require_accounts(book: &Book) -> Result<()> {
    match book.kind {
        BookKind::Authenticated => Ok(()),
        _ => Err(Kind::WrongKind.detail("an open book has no accounts")),
    }
}

fn to_api(account: Account, next: Option<NextPlace>) -> api::Account {
    api::Account {
        account: account.handle.to_string(),
        sealed_nid: account.sealed_nid.into(),
        next: next.map(|NextPlace { next_seq, prev }| api::NextPlace { next_seq, prev }),
    }
}
