//! `POST /v1/books/{book}/sum`: the sum of whatever is asked for, for open books and audits.
//!
//! No token opens such a sum of an authenticated book; who holds the log can compare it with their
//! own.

use axum::{Json, extract::State};
use core_nostd::ids::{Handle, WriterId};
use host_api as api;

use super::{
    accounts::require_accounts,
    extract::{self, KnownBook, NoQuery, POSITION_MAX},
    openapi::{Operation, Routes},
    problem::{Kind, Result},
};
use crate::{
    AppState,
    ledger::Summand,
    store::Store,
    sums::{Of, Span, Sums},
};

/// Most accounts or spans in one request.
pub(super) const PARTS_MAX: usize = 1000;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.tag("totals").post(
        "/v1/books/{book}/sum",
        sum::<S>,
        Operation::new("The sum of some accounts, or of some stretches of chains")
            .body::<api::AskSum>()
            .answer::<api::AskedSum>("The sum, and exactly what it is of."),
    )
}

/// `POST …/sum`: adds up. What was not given by its ends is of everything stored now.
async fn sum<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    _: NoQuery,
    extract::Json(asked): extract::Json<api::AskSum>,
) -> Result<Json<api::AskedSum>> {
    let parts = match &asked {
        api::AskSum::Accounts(accounts) => accounts.len(),
        api::AskSum::Spans(spans) => spans.len(),
    };
    if !(1..=PARTS_MAX).contains(&parts) {
        return Err(Kind::InvalidBody.detail(format!("a sum has 1 to {PARTS_MAX} parts")));
    }
    let of = Of::from(&known.book);
    let (sum, count, parts) = match asked {
        api::AskSum::Accounts(accounts) => {
            require_accounts(&known.book)?;
            of_accounts(app.sums(), of, &accounts).await?
        }
        api::AskSum::Spans(spans) => of_spans(&app, of, &spans).await?,
    };
    let sum = sum.ok_or_else(|| Kind::NothingToSum.detail("none of them has an entry"))?;
    Ok(Json(api::AskedSum {
        book: known.id.to_string(),
        c1: sum.c1.into(),
        c2: sum.c2.into(),
        count,
        bound: known.book.rules().bound(count).to_string(),
        parts,
    }))
}

/// A sum, the number of its entries, and what it is of.
type Summed = (Option<Summand>, u64, api::SumParts);

async fn of_accounts<S: Store>(sums: &Sums<S>, of: Of, accounts: &[String]) -> Result<Summed> {
    let handle = |text: &String| extract::handle(text, Kind::InvalidBody);
    let mut handles: Vec<Handle> = accounts.iter().map(handle).collect::<Result<_>>()?;
    handles.sort_unstable();
    handles.dedup();
    let (mut rows, mut parts, mut count) = (Vec::new(), Vec::new(), 0);
    for handle in handles {
        let Some(balance) = sums.balance(of, &handle).await? else {
            continue;
        };
        count += balance.count;
        rows.push(balance.sum);
        let last = |(writer, seq): (WriterId, u64)| api::LastPosition {
            writer: writer.to_string(),
            seq: Some(seq),
        };
        parts.push(api::AccountPart {
            account: handle.to_string(),
            last: balance.last.into_iter().map(last).collect(),
        });
    }
    let sum = sums.add_up(of, rows).await?;
    Ok((sum, count, api::SumParts::Accounts(parts)))
}

async fn of_spans<S: Store>(app: &AppState<S>, of: Of, asked: &[api::AskSpan]) -> Result<Summed> {
    let heads = app.store().heads(&of.book).await?;
    let mut spans: Vec<Span> = Vec::new();
    for api::AskSpan { writer, from, to } in asked {
        let writer = extract::writer(writer, Kind::InvalidBody)?;
        let (from, to) = (from.unwrap_or(0), to.unwrap_or(POSITION_MAX));
        if from.max(to) > POSITION_MAX {
            let text = format!("a position is at most {POSITION_MAX}");
            return Err(Kind::InvalidBody.detail(text));
        }
        let head = heads.iter().find(|(of, _)| *of == writer);
        let to = to.min(head.map_or(0, |(_, head)| *head));
        if from < to {
            spans.push(Span { writer, from, to });
        }
    }
    spans.sort_unstable_by_key(|span| (span.writer, span.from));
    let overlap = |pair: &[Span]| pair[0].writer == pair[1].writer && pair[1].from < pair[0].to;
    if spans.windows(2).any(overlap) {
        return Err(Kind::SpansOverlap.into());
    }
    let count = spans.iter().map(|span| span.to - span.from).sum();
    let sum = app.sums().total(of, &spans).await?;
    let part = |span: Span| api::Span {
        writer: span.writer.to_string(),
        from: span.from,
        to: span.to,
    };
    let parts = api::SumParts::Spans(spans.into_iter().map(part).collect());
    Ok((sum, count, parts))
}
