//! `/v1/books/{book}/cuts`: the cuts that writers' tokens gave out.

use axum::{Json, extract::State, http::StatusCode};
use core_nostd::book::BookKind;
use host_api as api;

use super::{
    access::Caller,
    extract::{self, KnownBook, NoQuery},
    openapi::{Operation, Routes},
    problem::{Kind, Result},
};
use crate::{
    AppState,
    events::Event,
    ledger::ChainCut,
    now_ms, ranges,
    store::{Put, Store},
};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .tag("totals")
        .get(
            "/v1/books/{book}/cuts",
            list::<S>,
            Operation::new("All cuts with their numbers").answer::<api::Cuts>("The cuts."),
        )
        .post(
            "/v1/books/{book}/cuts",
            publish::<S>,
            Operation::new("Keeps a cut that a writer's token gave out")
                .body::<api::Cut>()
                .creates::<api::Cut>(),
        )
}

/// `POST …/cuts`: keeps a cut. 201, or 200 if it is there already.
///
/// Its MAC is for a token to check. The entries before it must be stored, so that a total up to it
/// can be summed.
async fn publish<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    _: NoQuery,
    caller: Caller,
    extract::Json(body): extract::Json<api::Cut>,
) -> Result<(StatusCode, Json<api::Cut>)> {
    if known.book.kind != BookKind::Authenticated {
        return Err(Kind::WrongKind.detail("an open book has no cuts"));
    }
    let cut = from_api(&body)?;
    caller.check_writer(&cut.writer)?;
    let heads = app.store().heads(&known.id).await?;
    let head = heads
        .iter()
        .find(|(writer, _)| *writer == cut.writer)
        .map_or(0, |(_, head)| *head);
    if cut.position > head {
        return Err(Kind::CutAhead.detail(format!(
            "the chain has {head} entries here: send those up to position {} first",
            cut.position
        )));
    }
    let status = match app.store().put_cut(&known.id, &cut).await? {
        Put::Stored => {
            let events = app.sums().events();
            events.tell(Event::Cut(known.id, cut.writer, cut.position));
            StatusCode::CREATED
        }
        Put::Already => StatusCode::OK,
        Put::Conflict => return Err(Kind::CutConflict.into()),
    };
    Ok((status, Json(to_api(&cut))))
}

/// `GET …/cuts`: all cuts with their numbers, by writer, then position.
async fn list<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    _: NoQuery,
) -> Result<Json<api::Cuts>> {
    let numbered = ranges::numbered(app.store().cuts(&known.id).await?);
    let cut = |(number, cut): (u64, ChainCut)| api::NumberedCut {
        number,
        arrived_ms: cut.arrived_ms,
        cut: to_api(&cut),
    };
    Ok(Json(api::Cuts {
        cuts: numbered.into_iter().map(cut).collect(),
    }))
}

fn from_api(body: &api::Cut) -> Result<ChainCut> {
    let mac = body
        .mac
        .as_ref()
        .and_then(|mac| mac.as_ref().try_into().ok())
        .ok_or_else(|| Kind::BadCut.detail("the MAC of a cut has 16 bytes"))?;
    if body.position == 0 {
        return Err(Kind::BadCut.detail("the start of a chain is no cut"));
    }
    Ok(ChainCut {
        writer: extract::writer(&body.writer, Kind::InvalidBody)?,
        position: body.position,
        mac,
        arrived_ms: now_ms(),
    })
}

fn to_api(cut: &ChainCut) -> api::Cut {
    api::Cut {
        writer: cut.writer.to_string(),
        position: cut.position,
        mac: Some(cut.mac.as_slice().into()),
    }
}
