//! `/v1/events`: every happening once, in order, also for those who come back.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use host_server::{AppState, serve, store::memory::MemoryStore};
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

use crate::{
    fixtures::{Server, Writer, append, book},
    statements,
};

/// One event as it came.
#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

/// A watcher; it hangs up when dropped.
struct Watcher(BufReader<TcpStream>);

impl Watcher {
    fn new(server: &Server, last: Option<&str>) -> Self {
        Self::at(&server.url, last)
    }

    fn at(url: &str, last: Option<&str>) -> Self {
        let address = url.strip_prefix("http://").expect("plain HTTP");
        let mut stream = TcpStream::connect(address).expect("it listens");
        let last = last.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        let head = format!("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n{last}\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut watcher = Self(BufReader::new(stream));
        let head: Vec<String> = std::iter::from_fn(|| watcher.line())
            .take_while(|line| !line.is_empty())
            .collect();
        assert!(head[0].contains("200"), "{head:?}");
        let is_stream =
            |line: &String| line.eq_ignore_ascii_case("content-type: text/event-stream");
        assert!(head.iter().any(is_stream), "{head:?}");
        watcher
    }

    /// The next line, none at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let len = self.0.read_line(&mut line).expect("a line");
        (len > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event, none when the server ends.
    fn next(&mut self) -> Option<Event> {
        let mut event = Event {
            id: String::new(),
            name: String::new(),
            data: Value::Null,
        };
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("data", data)) => event.data = serde_json::from_str(data).expect("JSON"),
                _ if line.is_empty() && !event.name.is_empty() => return Some(event),
                // The length of a chunk, an empty line, or a comment.
                _ => {}
            }
        }
    }
}

#[test]
fn everything_that_happens_is_told_once_and_without_amounts() {
    let server = Server::start();
    let mut watcher = Watcher::new(&server, None);
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let entries = append(writer.entries(&keys, &[5, 6, 7, 8]));
    for _ in 0..2 {
        assert_eq!(server.post(&keys.path("/entries"), &entries).status, 200);
        server.put(&keys.path(""), &keys.api());
    }
    let cut = writer.cut(&keys);
    server.post(&keys.path("/cuts"), &cut);
    server.post(&keys.path("/statements"), &statements::total(&keys));

    let (book, writer) = (keys.id.to_string(), writer.id.to_string());
    let place = serde_json::json!({ "book": book, "writer": writer, "position": 4 });
    let expected = [
        ("book", serde_json::json!({ "book": book })),
        (
            "entries",
            serde_json::json!({ "book": book, "writer": writer, "next_seq": 4 }),
        ),
        ("cut", place),
        ("statement", serde_json::json!({ "book": book })),
    ];
    for (name, data) in expected {
        let event = watcher.next().expect("the server goes on");
        assert_eq!((event.name.as_str(), event.data), (name, data));
    }
}

#[test]
fn who_comes_back_gets_what_was_missed_or_is_told_that_it_is_gone() {
    let server = Server::start();
    let mut watcher = Watcher::new(&server, None);
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let mut post = |count| {
        for _ in 0..count {
            let entries = append(writer.entries(&keys, &[1]));
            assert_eq!(server.post(&keys.path("/entries"), &entries).status, 200);
        }
    };
    let first = watcher.next().expect("the server goes on");
    assert_eq!(first.name, "book");
    drop(watcher);
    post(3);
    let mut again = Watcher::new(&server, Some(&first.id));
    let mut last = first.id;
    for next_seq in 1..=3 {
        let event = again.next().expect("the server goes on");
        assert_eq!(event.data["next_seq"], next_seq);
        last = event.id;
    }
    // Of another run, of the future, and nonsense.
    let (run, number) = last.split_once('-').expect("run and number");
    let other = format!(
        "{:016x}-{number}",
        !u64::from_str_radix(run, 16).expect("a number")
    );
    let future = format!("{run}-{}", u64::MAX);
    for id in [other.as_str(), &future, "17", "x-y"] {
        let reset = Watcher::new(&server, Some(id))
            .next()
            .expect("the server goes on");
        assert_eq!((reset.name.as_str(), &reset.id), ("reset", &last), "{id}");
    }
    post(1);
    let event = Watcher::new(&server, Some(&last))
        .next()
        .expect("the server goes on");
    assert_eq!(event.data["next_seq"], 4);
}

#[test]
fn a_server_that_stops_ends_its_streams() {
    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = runtime.spawn(serve(listener, AppState::new(MemoryStore::new()), async {
        let _ = stopped.await;
    }));
    let mut watcher = Watcher::at(&url, None);
    stop.send(()).expect("it serves");
    // Were the stream to go on, the server would wait for it.
    runtime.block_on(serving).expect("no panic");
    assert!(watcher.next().is_none());
}
