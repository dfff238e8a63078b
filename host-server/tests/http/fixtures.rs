//! A server of its own for each test, a client, and writers with real keys.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::TcpStream,
};

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    currency::Currency,
    entry::Entry,
    ids::{BookId, Handle, Place, WriterId},
    keys::{Nonce, RootSeed, SecretKey, SharedKeys},
};
use host_api as api;
use host_server::{
    AppState,
    ledger::Book,
    serve,
    store::{Store, memory::MemoryStore},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

/// A running server; it stops when dropped.
pub struct Server {
    pub url: String,
    agent: ureq::Agent,
    stop: Option<oneshot::Sender<()>>,
    _runtime: Runtime,
}

/// An answer, byte for byte.
pub struct Raw {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Server {
    pub fn start() -> Self {
        Self::on(AppState::new(MemoryStore::new()))
    }

    pub fn on(state: AppState<impl Store>) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (stop, stopped) = oneshot::channel();
        runtime.spawn(serve(listener, state, async {
            let _ = stopped.await;
        }));
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.build().into();
        Self {
            url,
            agent,
            stop: Some(stop),
            _runtime: runtime,
        }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let Raw {
            status,
            headers,
            body,
        } = self.raw(method, path, headers, body);
        Reply {
            status,
            headers,
            text: String::from_utf8(body).expect("text"),
        }
    }

    /// An answer whose body may be anything.
    pub fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Raw {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = if body.is_empty() {
            self.agent.run(request.body(()).expect("a request"))
        } else {
            self.agent.run(request.body(body).expect("a request"))
        }
        .expect("an answer");
        Raw {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.body_mut().read_to_vec().expect("a body"),
        }
    }

    /// The whole answer to a request head written by hand.
    pub fn send_head(&self, head: &str) -> String {
        let address = self.url.strip_prefix("http://").expect("plain HTTP");
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream
            .write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
            .expect("sent");
        let mut reply = String::new();
        stream
            .read_to_string(&mut reply)
            .expect("an answer in UTF-8");
        reply
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], &[])
    }

    pub fn json(&self, method: &str, path: &str, body: &impl Serialize) -> Reply {
        let body = serde_json::to_vec(body).expect("serialises");
        self.send(method, path, &[("content-type", "application/json")], &body)
    }

    pub fn put(&self, path: &str, body: &impl Serialize) -> Reply {
        self.json("PUT", path, body)
    }

    pub fn post(&self, path: &str, body: &impl Serialize) -> Reply {
        self.json("POST", path, body)
    }

    /// All entries of a book, as stored.
    pub fn log(&self, book: &BookId) -> Vec<api::StoredEntry> {
        self.get(&format!("/v1/books/{book}/entries")).lines()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }
}

impl Reply {
    /// The body of a success.
    pub fn ok<T: DeserializeOwned>(&self) -> T {
        assert!((200..300).contains(&self.status), "{self:?}");
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The lines of a stream.
    pub fn lines<T: DeserializeOwned>(&self) -> Vec<T> {
        assert_eq!(self.status, 200, "{self:?}");
        let line = |line| serde_json::from_str(line).expect("each line is a document");
        self.text.lines().map(line).collect()
    }

    /// A problem document that names this problem.
    #[track_caller]
    pub fn problem(&self, status: u16, name: &str) -> api::Problem {
        let problem: api::Problem =
            serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!((self.status, problem.name()), (status, name), "{self:?}");
        assert_eq!(problem.status, status);
        assert_eq!(problem.kind, format!("urn:tallystick:problem:{name}"));
        assert_eq!(self.headers["content-type"], "application/problem+json");
        problem
    }
}

/// Random numbers that are the same each time.
pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A book with its keys.
pub struct Keys<S: Ciphersuite> {
    pub book: Book,
    pub id: BookId,
    pub secret: SecretKey<S>,
    pub shared: SharedKeys,
}

impl<S: Ciphersuite> Keys<S> {
    pub fn new(name: &str, kind: BookKind) -> Self {
        let seed = RootSeed::random(&mut rng(1));
        let mut book = Book {
            suite: S::ID,
            kind,
            currency: Currency::from_code("EUR").expect("in use"),
            cap: 1_000_000,
            min_entries: 4,
            name: name.to_owned(),
            public_key: Vec::new(),
        };
        let id = book.id();
        let secret = seed.secret_key::<S>(&id);
        book.public_key = secret.public_key().to_bytes().as_ref().to_vec();
        Self {
            book,
            id,
            secret,
            shared: seed.shared_keys(),
        }
    }

    /// The book as JSON.
    pub fn api(&self) -> api::Book {
        api::Book {
            book: self.id.to_string(),
            suite: self.book.suite.name().to_owned(),
            kind: self.book.kind.name().to_owned(),
            currency: "EUR".to_owned(),
            scale: 2,
            cap: self.book.cap,
            min_entries: self.book.min_entries,
            name: self.book.name.clone(),
            public_key: self.book.public_key.as_slice().into(),
        }
    }

    /// The path of the book, with more behind it.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/books/{}{rest}", self.id)
    }

    /// Creates the book on the server.
    pub fn create(self, server: &Server) -> Self {
        assert_eq!(server.put(&self.path(""), &self.api()).status, 201);
        self
    }
}

/// An authenticated book on ristretto255, on this server.
pub fn book(server: &Server) -> Keys<Ristretto255Sha512> {
    Keys::new("main", BookKind::Authenticated).create(server)
}

/// An account by number.
pub fn account(number: u8) -> Handle {
    Handle([number; 32])
}

/// One chain.
pub struct Writer {
    pub id: WriterId,
    pub seq: u64,
    prev: HashMap<Handle, u64>,
    rng: ChaCha20Rng,
}

impl Writer {
    pub fn new(number: u8) -> Self {
        Self {
            id: WriterId([number; 16]),
            seq: 0,
            prev: HashMap::new(),
            rng: rng(u64::from(number) + 100),
        }
    }

    /// Signs the next entry.
    pub fn entry<S: Ciphersuite>(&mut self, keys: &Keys<S>, of: Handle, minor: i64) -> api::Entry {
        let place = Place {
            book: keys.id,
            writer: self.id,
            seq: self.seq,
            account: of,
            prev: self.prev.insert(of, self.seq),
        };
        self.seq += 1;
        let nonce = Nonce::<S>::random(&mut self.rng);
        let amount = keys.book.rules().admit(minor).expect("within the cap");
        to_api(
            &place,
            &keys.shared.entry(&keys.secret, &place, amount, nonce),
        )
    }

    /// Signs one entry of account 1 for each amount.
    pub fn entries<S: Ciphersuite>(&mut self, keys: &Keys<S>, minors: &[i64]) -> Vec<api::Entry> {
        minors
            .iter()
            .map(|minor| self.entry(keys, account(1), *minor))
            .collect()
    }

    /// The cut before the next entry.
    pub fn cut<S: Ciphersuite>(&self, keys: &Keys<S>) -> api::Cut {
        let cut = keys.shared.cut::<S>(&keys.id, &self.id, self.seq);
        api::Cut {
            writer: self.id.to_string(),
            position: cut.position,
            mac: Some(cut.mac.as_slice().into()),
        }
    }
}

fn to_api<S: Ciphersuite>(place: &Place, entry: &Entry<S>) -> api::Entry {
    use core_nostd::group::Group;
    let (c1, c2) = entry.ciphertext.to_bytes();
    api::Entry {
        writer: place.writer.to_string(),
        seq: place.seq,
        account: place.account.to_string(),
        prev: place.prev,
        c1: c1.as_ref().into(),
        c2: c2.as_ref().into(),
        tag: S::Group::encode(&entry.tag).as_ref().into(),
        account_tag: S::Group::encode(&entry.account_tag).as_ref().into(),
    }
}

/// A body of entries.
pub fn append<E>(entries: Vec<E>) -> api::AppendEntries<E> {
    api::AppendEntries { entries }
}

/// The prime of ffdhe2048 (RFC 7919 appendix A.1).
pub const FFDHE2048_P: &str = "\
FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF9\
7D2FE363630C75D8F681B202AEC4617AD3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935\
984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94BB2C8E3FB\
B96ADAB760D7F4681D4F42A3DE394DF4AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61\
9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005C58EF1837D1683B2C6F34A26C1B2EFFA\
886B423861285C97FFFFFFFFFFFFFFFF";
