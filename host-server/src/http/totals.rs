//! `…/total` and `…/accounts/{handle}/balance`: encrypted sums, each with exactly what it is of.

use axum::{extract::State, response::Response};
use core_nostd::{
    book::BookKind,
    ids::{BookId, Handle, WriterId},
    tag::{Cut, Range},
    wire::WRITERS_MAX,
};
use host_api as api;
use schemars::JsonSchema;
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    accounts::require_accounts,
    etag::{IfNoneMatch, Tag},
    extract::{KnownBook, NoQuery, PathHandle, Query},
    openapi::{Operation, Routes},
    problem::{Kind, Problem, Result},
};
use crate::{
    AppState,
    ledger::{At, Book, Summand},
    ranges,
    store::Store,
    sums::{Of, Span, SumError, Sums},
};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .tag("totals")
        .get(
            "/v1/books/{book}/total",
            total::<S>,
            Operation::new("The encrypted total between two cuts, and exactly what it is of")
                .query::<TotalQuery>()
                .answer::<api::Total>("The sum.")
                .etag(),
        )
        .get(
            "/v1/books/{book}/accounts/{handle}/balance",
            balance::<S>,
            Operation::new("The encrypted balance of an account, and exactly what it is of")
                .answer::<api::Balance>("The sum.")
                .etag(),
        )
}

/// Parameters of `GET …/total`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TotalQuery {
    /// Number of the cut to begin at, or a time; a position in an open book.
    from: Option<String>,
    /// Number of the cut to end at, or a time; a position in an open book.
    to: Option<String>,
}

/// `GET …/total?from=&to=`: the encrypted total between two cuts, or two positions of an open book.
///
/// `from` and `to` are numbers of cuts, or RFC 3339 times, each meaning the latest cut of every
/// chain that is not after it. Without `from` the total begins with the chains, without `to` it
/// ends at the latest cut of each. Costs at most as many additions a writer as twice
/// [`crate::sums::CHECKPOINT_EVERY`].
async fn total<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    Query(TotalQuery { from, to }): Query<TotalQuery>,
    seen: IfNoneMatch,
) -> Result<Response> {
    let KnownBook { id, book } = known;
    let ranges = match book.kind {
        BookKind::Authenticated => {
            let from = from.map(|text| cut_at(&text)).transpose()?;
            let to = to.map_or(Ok(At::Latest), |text| cut_at(&text))?;
            ranges::between_cuts(app.store(), &id, from, to).await?
        }
        _ => {
            let from = from.map_or(Ok(0), |text| position(&text))?;
            let to = to.map_or(Ok(u64::MAX), |text| position(&text))?;
            ranges::between_positions(app.store(), &id, from, to).await?
        }
    };
    let tag = total_tag(&id, &ranges);
    if seen.has(&tag) {
        return Ok(tag.not_modified());
    }
    let total = sum(app.sums(), &book, ranges).await?;
    Ok(tag.answer(to_api(&id, &book, total)))
}

/// `GET …/accounts/{handle}/balance`: the encrypted balance of one account. Costs as many additions
/// as entries of it came since its sum was last kept, see [`crate::sums::ACCOUNT_TAIL`].
async fn balance<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    PathHandle(handle): PathHandle,
    _: NoQuery,
    seen: IfNoneMatch,
) -> Result<Response> {
    let KnownBook { id, book } = known;
    require_accounts(&book)?;
    let balance = app.sums().balance(Of::from(&book), &handle);
    let balance = balance
        .await?
        .ok_or_else(|| Kind::NothingToSum.detail("the account has no entries"))?;
    check_writers(balance.last.len())?;
    let tag = balance_tag(&id, &handle, &balance.last);
    if seen.has(&tag) {
        return Ok(tag.not_modified());
    }
    let last = |(writer, seq): (_, u64)| api::LastPosition {
        writer: format!("{writer}"),
        seq: Some(seq),
    };
    Ok(tag.answer(api::Balance {
        book: id.to_string(),
        account: handle.to_string(),
        c1: balance.sum.c1.into(),
        c2: balance.sum.c2.into(),
        account_tag: balance.sum.tag.unwrap_or_default().into(),
        last: balance.last.into_iter().map(last).collect(),
        count: balance.count,
        bound: bound(balance.count, &book),
    }))
}

fn total_tag(id: &BookId, ranges: &[Range]) -> Tag {
    let range = |range: &Range| {
        let ends = [range.from, range.to].map(|end| (end.position.to_be_bytes(), end.mac));
        let [(from, from_mac), (to, to_mac)] = ends;
        [&range.writer.0[..], &from, &from_mac, &to, &to_mac].concat()
    };
    Tag::of(std::iter::once(id.0.to_vec()).chain(ranges.iter().map(range)))
}

fn balance_tag(id: &BookId, handle: &Handle, last: &[(WriterId, u64)]) -> Tag {
    let last = last
        .iter()
        .map(|(writer, seq)| [&writer.0[..], &seq.to_be_bytes()].concat());
    Tag::of([id.0.to_vec(), handle.0.to_vec()].into_iter().chain(last))
}

/// A total, and exactly what it is of.
pub(crate) struct Total {
    /// The sum.
    pub sum: Summand,
    /// What it covers, writers ascending.
    pub ranges: Vec<Range>,
    /// Number of entries.
    pub count: u64,
}

/// The sum of what `ranges` cover.
pub(crate) async fn sum<S: Store>(
    sums: &Sums<S>,
    book: &Book,
    mut ranges: Vec<Range>,
) -> Result<Total> {
    let backwards = |range: &Range| range.from.position > range.to.position;
    if ranges.iter().any(backwards) {
        return Err(Kind::NothingToSum.detail("from comes after to"));
    }
    let empty = |range: &Range| range.from.position == range.to.position;
    if ranges.len() > WRITERS_MAX {
        ranges.retain(|range| !empty(range));
    }
    check_writers(ranges.len())?;
    let span = |range: &Range| Span {
        writer: range.writer,
        from: range.from.position,
        to: range.to.position,
    };
    let spans: Vec<Span> = ranges.iter().map(span).collect();
    let count = spans.iter().map(|span| span.to - span.from).sum();
    let sum = sums.total(Of::from(book), &spans);
    let sum = sum
        .await?
        .ok_or_else(|| Kind::NothingToSum.detail(nothing(book)))?;
    Ok(Total { sum, ranges, count })
}

fn nothing(book: &Book) -> String {
    match book.kind {
        BookKind::Authenticated => format!(
            "no chain has a cut in that range; a token cuts its chain after {} entries",
            book.min_entries
        ),
        _ => "the book has no entries in that range".to_owned(),
    }
}

impl From<SumError> for Problem {
    fn from(error: SumError) -> Self {
        match error {
            SumError::Store(error) => error.into(),
            SumError::Task(error) => Self::internal(error),
        }
    }
}

pub(crate) fn check_writers(len: usize) -> Result<()> {
    if len > WRITERS_MAX {
        return Err(Kind::TooManyWriters.detail(format!(
            "{len} writers have entries in it; a token opens sums of at most {WRITERS_MAX}"
        )));
    }
    Ok(())
}

/// `count · cap` in minor units.
fn bound(count: u64, book: &Book) -> String {
    book.rules().bound(count).to_string()
}

fn to_api(id: &BookId, book: &Book, total: Total) -> api::Total {
    let end = |Cut { position, mac }: Cut| api::RangeEnd {
        position,
        mac: (book.kind == BookKind::Authenticated && position > 0).then(|| mac.as_slice().into()),
    };
    let range = |Range { writer, from, to }: Range| api::Range {
        writer: writer.to_string(),
        from: end(from),
        to: end(to),
    };
    api::Total {
        book: id.to_string(),
        c1: total.sum.c1.into(),
        c2: total.sum.c2.into(),
        tag: total.sum.tag.map(Into::into),
        ranges: total.ranges.into_iter().map(range).collect(),
        count: total.count,
        bound: bound(total.count, book),
    }
}

/// A cut's number, or a time.
fn cut_at(text: &str) -> Result<At> {
    if let Ok(number) = text.parse() {
        return Ok(At::Number(number));
    }
    // An unescaped "+" of an offset arrives as a space.
    let time = OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339).map_err(|_| {
        Kind::BadQuery
            .detail("from and to are numbers of cuts, or times such as 2026-01-31T23:59:59Z")
    })?;
    let ms = time.unix_timestamp_nanos() / 1_000_000;
    Ok(At::Time(u64::try_from(ms).unwrap_or(0)))
}

fn position(text: &str) -> Result<u64> {
    match cut_at(text)? {
        At::Number(position) => Ok(position),
        _ => Err(Kind::WrongKind.detail("an open book has no cuts: from and to are positions")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_named_by_number_or_time() {
        assert_eq!(cut_at("0"), Ok(At::Number(0)));
        assert_eq!(cut_at("17"), Ok(At::Number(17)));
        assert_eq!(cut_at("1970-01-01T00:00:01Z"), Ok(At::Time(1000)));
        assert_eq!(cut_at("1970-01-01T02:00:00.5+02:00"), Ok(At::Time(500)));
        assert_eq!(cut_at("1970-01-01T02:00:01 02:00"), Ok(At::Time(1000)));
        for text in [
            "",
            "-1",
            "1.5",
            "yesterday",
            "2026-01-31",
            "18446744073709551616",
        ] {
            assert_eq!(
                cut_at(text).map_err(|problem| problem.kind),
                Err(Kind::BadQuery),
                "{text}"
            );
        }
    }
}
