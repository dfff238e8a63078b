//! `/v1/events`: what happens on this server, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event as Message, KeepAlive, Sse},
};
use core_nostd::ids::{BookId, WriterId};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;

use super::{
    extract::NoQuery,
    openapi::{Operation, Routes},
};
use crate::{
    AppState,
    events::{Event, Next},
    store::Store,
    sums::Sums,
};

/// A comment is sent so often while nothing happens, so that a dead line is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The header with the last event that a watcher has seen.
const LAST_EVENT_ID: &str = "last-event-id";

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.tag("operations").get(
        "/v1/events",
        watch::<S>,
        Operation::new("What happens from now on, or after the event named by `Last-Event-ID`")
            .header(
                "Last-Event-ID",
                "The `id` of the last event the watcher has seen.",
            )
            .stream(
                "text/event-stream",
                "`book`, `entries`, `cut`, `statement` and `checkpoint` with the place as JSON; \
                 `reset` if events were missed, after which the watcher reads everything anew.",
            ),
    )
}

/// `GET /v1/events`: events with `id`, and `data` in JSON. They say where something happened and
/// never how much.
async fn watch<S: Store>(
    State(app): State<AppState<S>>,
    _: NoQuery,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Message, Infallible>>> {
    let sums = std::sync::Arc::clone(app.sums());
    let seen = headers.get(LAST_EVENT_ID);
    let from = match seen.map(|id| id.to_str().unwrap_or_default()) {
        None | Some("") => sums.events().head(),
        // What this server did not send was missed: a number that no event has.
        Some(id) => after(id, sums.events().run()).unwrap_or(u64::MAX),
    };
    let batches = stream::unfold((sums, from), |(sums, from)| async move {
        let next = sums.events().next(from).await?;
        let (messages, from) = messages(&sums, next);
        Some((stream::iter(messages), (sums, from)))
    });
    Sse::new(batches.flatten().map(Ok)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// Number of the event after the one with this id, if it was sent in this run.
fn after(id: &str, run: u64) -> Option<u64> {
    let (of, number) = id.split_once('-')?;
    let of = u64::from_str_radix(of, 16).ok()?;
    let number: u64 = number.parse().ok()?;
    (of == run).then(|| number.checked_add(1)).flatten()
}

/// The messages for a watcher, and the number of the event after them.
fn messages<S: Store>(sums: &Sums<S>, next: Next) -> (Vec<Message>, u64) {
    let run = sums.events().run();
    let id = |number: u64| format!("{run:016x}-{number}");
    match next {
        Next::Reset(next) => {
            // Whoever comes back with this id has seen everything before `next`.
            let reset = Message::default().event("reset").data("{}");
            let id = next.checked_sub(1).map(id).unwrap_or_default();
            (vec![reset.id(id)], next)
        }
        Next::Events(events, next) => {
            let first = next - events.len() as u64;
            let numbered = (first..).zip(events);
            let messages = numbered.map(|(number, event)| message(event).id(id(number)));
            (messages.collect(), next)
        }
    }
}

fn message(event: Event) -> Message {
    let (name, data) = match event {
        Event::Book(book) => ("book", json!({ "book": book.to_string() })),
        Event::Entries(book, writer, next_seq) => (
            "entries",
            json!({
                "book": book.to_string(),
                "writer": writer.to_string(),
                "next_seq": next_seq,
            }),
        ),
        Event::Cut(book, writer, position) => ("cut", place(&book, &writer, position)),
        Event::Checkpoint(book, writer, position) => {
            ("checkpoint", place(&book, &writer, position))
        }
        Event::Statement(book) => ("statement", json!({ "book": book.to_string() })),
    };
    Message::default().event(name).data(data.to_string())
}

fn place(book: &BookId, writer: &WriterId, position: u64) -> serde_json::Value {
    json!({ "book": book.to_string(), "writer": writer.to_string(), "position": position })
}
