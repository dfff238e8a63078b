//! `/v1/books/{book}/entries` and `/heads`: appending to the log and reading it.

use std::{collections::VecDeque, sync::Arc};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest, Request, State},
    http::{
        HeaderMap,
        header::{ACCEPT, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};
use core_nostd::{
    book::BookKind,
    ids::{BookId, WriterId},
};
use futures_util::{Stream, stream};
use host_api::{self as api, binary};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    access::Caller,
    append, binary as records,
    extract::{self, JsonBytes, KnownBook, NoQuery, POSITION_MAX, Query},
    openapi::{Operation, Routes, SchemaOf},
    problem::{Kind, Problem, Result},
};
use crate::{
    AppState, blocking,
    ledger::{self, Stored},
    now_ms,
    store::{self, Store, StoreError},
};

/// Media type of the log: one JSON document a line.
const NDJSON: &str = "application/x-ndjson";
/// Entries read from the store, and sent, at a time.
const PAGE_LEN: usize = 512;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    let bodies: [SchemaOf; 2] = [
        SchemaGenerator::subschema_for::<api::AppendEntries<api::Entry>>,
        SchemaGenerator::subschema_for::<api::AppendEntries<api::OpenEntry>>,
    ];
    routes
        .tag("entries")
        .get(
            "/v1/books/{book}/entries",
            read::<S>,
            Operation::new("Streams the log as it is now, a line an entry, chain by chain")
                .query::<ReadQuery>()
                .stream(
                    NDJSON,
                    "A `StoredEntry` a line; a line cut short was not sent whole.",
                ),
        )
        .post(
            "/v1/books/{book}/entries",
            post::<S>,
            Operation::new("Appends entries, durable when it answers")
                .bodies(bodies.to_vec())
                .binary_body(binary::MEDIA_TYPE)
                .answer::<api::Appended>("What became of each."),
        )
        .get(
            "/v1/books/{book}/heads",
            heads::<S>,
            Operation::new("Where every chain of the book ends")
                .answer::<api::Heads>("The chains, by writer."),
        )
}

/// `POST …/entries`: appends entries, which are durable when it answers.
///
/// The same bytes again are `already` there, so a request may be repeated at will. If an entry is
/// refused the problem says what became of each.
async fn post<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    _: NoQuery,
    caller: Caller,
    body: EntriesBody,
) -> Result<Json<api::Appended>> {
    let book = known.book;
    let rules = book.clone();
    let outcomes = match book.kind {
        BookKind::Authenticated => {
            let decode = move || {
                let entries = body.entries::<api::Entry, binary::Entry, api::OpenEntry>()?;
                append::decode(&book, &entries, now_ms())
            };
            let entries = blocking(decode).await??;
            for run in entries.chunk_by(|one, next| one.writer == next.writer) {
                caller.check_writer(&run[0].writer)?;
            }
            append::chains(app.sums(), &rules, &entries).await?
        }
        _ => {
            let decode = move || {
                let entries = body.entries::<api::OpenEntry, binary::OpenEntry, api::Entry>()?;
                append::decode_open(&book, &entries)
            };
            let (writer, entries) = (caller.open_writer()?, blocking(decode).await??);
            append::open(app.sums(), &rules, &writer, &entries, now_ms()).await?
        }
    };
    app.metrics().count_entries(&outcomes);
    append::answer(outcomes).map(Json)
}

/// Entries in one of their two forms, not yet parsed.
enum EntriesBody {
    Json(JsonBytes),
    Binary(Bytes),
}

impl EntriesBody {
    /// Parses entries, from records if it has those; `Other` are entries of the other kind of book.
    fn entries<Entry, Record, Other>(&self) -> Result<api::AppendEntries<Entry>>
    where
        Entry: DeserializeOwned + From<Record>,
        Record: DeserializeOwned,
        Other: DeserializeOwned,
    {
        match self {
            Self::Json(json) => json.parse_unless::<_, api::AppendEntries<Other>>(),
            Self::Binary(bytes) => records::read::<Record, Entry>(bytes),
        }
    }
}

impl<S: Store> FromRequest<AppState<S>> for EntriesBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState<S>) -> Result<Self> {
        if request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value == binary::MEDIA_TYPE)
        {
            let bytes = Bytes::from_request(request, state).await;
            return bytes.map(Self::Binary).map_err(Problem::internal);
        }
        JsonBytes::from_request(request, state)
            .await
            .map(Self::Json)
    }
}

/// `GET …/heads`: where every chain ends.
async fn heads<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    _: NoQuery,
) -> Result<Json<api::Heads>> {
    let heads = app.store().heads(&known.id).await?;
    Ok(Json(api::Heads {
        heads: heads
            .into_iter()
            .map(|(writer, next_seq)| api::Head {
                writer: writer.to_string(),
                next_seq,
            })
            .collect(),
    }))
}

/// Parameters of `GET …/entries`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadQuery {
    /// Only the chain of this writer.
    writer: Option<String>,
    /// Begins at this position of each chain.
    from: Option<u64>,
    /// Most entries in the answer.
    limit: Option<u64>,
}

/// `GET …/entries?writer=&from=&limit=`: the log as it is now, a line an entry.
///
/// Without `writer` every chain in turn, by writer. `from` is a position in each, so a broken
/// download is resumed with the writer of the last whole line and the position after it, then with
/// the writers behind it in `…/heads`.
async fn read<S: Store>(
    State(app): State<AppState<S>>,
    known: KnownBook,
    Query(query): Query<ReadQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let ReadQuery {
        writer,
        from,
        limit,
    } = query;
    if from > Some(POSITION_MAX) || !limit.is_none_or(|limit| (1..=POSITION_MAX).contains(&limit)) {
        return Err(Kind::BadQuery.detail(format!("from and limit are at most {POSITION_MAX}")));
    }
    let writer = writer
        .map(|text| extract::writer(&text, Kind::BadQuery))
        .transpose()?;
    let mut spans = app.store().heads(&known.id).await?;
    spans.retain(|(of, _)| writer.is_none_or(|writer| writer == *of));
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let (media_type, write): (_, Write) = match accepted {
        Some(accepted) if accepted.contains(binary::MEDIA_TYPE) => {
            (binary::MEDIA_TYPE, records::write)
        }
        _ => (NDJSON, lines),
    };
    let cursor = Cursor {
        store: app.store_arc(),
        book: known.id,
        spans: spans
            .into_iter()
            .map(|(writer, head)| (writer, from.unwrap_or(0), head))
            .collect(),
        left: limit.unwrap_or(u64::MAX),
        write,
    };
    let body = Body::from_stream(cursor.into_stream());
    Ok(([(CONTENT_TYPE, media_type), (VARY, "accept")], body).into_response())
}

/// What is still to be sent of a log.
struct Cursor<S> {
    store: Arc<S>,
    book: BookId,
    /// (writer, next position, position after the last), in the order they are sent.
    spans: VecDeque<(WriterId, u64, u64)>,
    /// How many more entries were asked for.
    left: u64,
    /// Makes bytes of entries.
    write: Write,
}

/// Makes bytes of entries, in one of the two forms.
type Write = fn(Vec<Stored>) -> Vec<u8>;

impl<S: Store> Cursor<S> {
    /// Pages of lines. An error ends the response early, so that the client notices.
    fn into_stream(self) -> impl Stream<Item = store::Result<Bytes>> {
        stream::try_unfold(self, |mut cursor| async move {
            let page = cursor.next_page().await.inspect_err(|error| {
                tracing::error!(%error, "reading the log failed half-way");
            })?;
            Ok(page.map(|page| (page, cursor)))
        })
    }

    /// The next lines, or nothing at the end.
    async fn next_page(&mut self) -> store::Result<Option<Bytes>> {
        while let Some((writer, from, to)) = self.spans.front_mut() {
            let want = to.saturating_sub(*from).min(self.left);
            if want == 0 {
                self.spans.pop_front();
                continue;
            }
            let limit = usize::try_from(want).map_or(PAGE_LEN, |want| want.min(PAGE_LEN));
            let page = self.store.entries(&self.book, writer, *from, limit).await?;
            if page.is_empty() {
                return Err(StoreError::Damaged(format!(
                    "{writer} has no entry at {from}"
                )));
            }
            let len = page.len() as u64;
            *from += len;
            self.left -= len;
            return Ok(Some((self.write)(page).into()));
        }
        Ok(None)
    }
}

fn lines(page: Vec<Stored>) -> Vec<u8> {
    let mut text = Vec::new();
    for entry in page {
        serde_json::to_writer(&mut text, &to_api(entry)).expect("a Vec takes every byte");
        text.push(b'\n');
    }
    text
}

/// A stored entry as JSON.
fn to_api(stored: Stored) -> api::StoredEntry {
    let mut line = api::StoredEntry {
        writer: stored.writer.to_string(),
        seq: stored.seq,
        arrived_ms: stored.arrived_ms,
        entry: None,
        account: None,
        prev: None,
        c1: stored.c1.into(),
        c2: stored.c2.into(),
        tag: None,
        account_tag: None,
    };
    match stored.body {
        ledger::Body::Authenticated {
            account,
            prev,
            tag,
            account_tag,
        } => {
            line.account = Some(account.to_string());
            line.prev = prev;
            line.tag = Some(tag.into());
            line.account_tag = Some(account_tag.into());
        }
        ledger::Body::Open { entry } => line.entry = Some(hex::encode(entry)),
    }
    line
}
