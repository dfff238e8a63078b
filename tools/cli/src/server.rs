//! The server's HTTP interface as methods.
//!
//! Every request may be sent twice: entries, cuts, books, accounts and statements are stored once
//! however often they arrive. So a connection that breaks is tried once more.

use std::{fmt, time::Duration};

use core_nostd::ids::{BookId, Handle, WriterId};
use host_api::{
    Account, AppendEntries, Appended, Balance, Book, Books, Cut, Cuts, Head, Heads, OpenAccount,
    Problem, Statement, StoredEntry, Total, teller::IDEMPOTENCY_KEY,
};
use serde::{Serialize, de::DeserializeOwned};
use ureq::{Agent, http};
use zeroize::Zeroizing;

use crate::{
    access::{self, Access},
    failure::{Failure, Result},
};

/// How long to wait for a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long to wait for the answer, which the server limits to 30 s.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(40);
/// The same for what a person at a token has to approve.
const APPROVAL_TIME_MAX: Duration = Duration::from_secs(120);
/// Longest answer, in bytes; a list of a million cuts fits.
const ANSWER_LEN_MAX: u64 = 256 << 20;

/// A server, at its base URL.
pub struct Server {
    agent: Agent,
    url: String,
    access: Access,
}

/// Why the server did not do what it was asked.
#[derive(Debug)]
pub enum ServerError {
    /// No answer.
    Unreachable {
        /// Base URL of the server.
        url: String,
        /// What failed.
        reason: String,
    },
    /// It refused.
    Problem(Box<Problem>),
    /// The answer is none of this interface.
    Garbled {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { url, reason } => write!(
                f,
                "the server at {url} does not answer ({reason}): is host-server running? Start it \
                 with `host-server --listen ADDRESS --store redb:PATH`, or name another with \
                 --server"
            ),
            Self::Problem(problem) => {
                write!(f, "the server refused: {}", problem.title)?;
                problem
                    .detail
                    .iter()
                    .try_for_each(|detail| write!(f, ": {detail}"))?;
                match problem.status {
                    401 => write!(f, " (--api-key-file FILE or TALLY_API_KEY gives the key)"),
                    _ => Ok(()),
                }
            }
            Self::Garbled { url, reason } => {
                write!(
                    f,
                    "{url} is not the interface of a tallystick server: {reason}"
                )
            }
        }
    }
}

impl ServerError {
    /// The name of the problem with which the server refused.
    pub fn problem_name(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(problem.name()),
            _ => None,
        }
    }

    /// Whether the server refused with the problem of this name.
    pub fn is_problem(&self, name: &str) -> bool {
        self.problem_name() == Some(name)
    }
}

/// What the server answers, or why it does not.
pub type Answer<T> = std::result::Result<T, ServerError>;

impl Server {
    /// The server at `url`, which need not answer yet.
    pub fn new(url: &str, access: Access) -> Result<Self> {
        Self::with_patience(url, access, ANSWER_TIME_MAX)
    }

    /// The same server, asked for what a person has to approve.
    pub fn patient(&self) -> Result<Self> {
        Self::with_patience(&self.url, self.access.clone(), APPROVAL_TIME_MAX)
    }

    fn with_patience(url: &str, access: Access, answer_time_max: Duration) -> Result<Self> {
        let url = url.trim_end_matches('/');
        let parsed = url.parse::<http::Uri>().ok().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
        });
        let parsed = parsed.ok_or_else(|| {
            Failure::usage(format!(
                "`{url}` is not the URL of a server: https://HOST:PORT, or http://HOST:PORT on \
                 this machine"
            ))
        })?;
        access.check(&parsed)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_global(Some(answer_time_max))
            .tls_config(access.tls().clone())
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            url: url.to_owned(),
            access,
        })
    }

    /// Whether nobody on the way can read what is sent.
    pub fn is_private(&self) -> bool {
        self.url.parse().is_ok_and(|url| access::is_private(&url))
    }

    /// The base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All books.
    pub fn books(&self) -> Answer<Vec<Book>> {
        self.get("/v1/books").map(|Books { books }| books)
    }

    /// Adds a book, or finds it there already.
    pub fn put_book(&self, book: &Book) -> Answer<Book> {
        self.send(http::Method::PUT, &format!("/v1/books/{}", book.book), book)
    }

    /// An account and, with a writer, the place of its next entry; `None` if there is no such
    /// account.
    pub fn account(
        &self,
        book: BookId,
        account: Handle,
        writer: Option<WriterId>,
    ) -> Answer<Option<Account>> {
        let query = writer
            .map(|writer| format!("?writer={writer}"))
            .unwrap_or_default();
        match self.get(&format!("/v1/books/{book}/accounts/{account}{query}")) {
            Err(error) if error.is_problem("unknown-account") => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Opens an account, or finds it there already.
    pub fn open_account(
        &self,
        book: BookId,
        account: Handle,
        sealed_nid: &[u8],
    ) -> Answer<Account> {
        let body = OpenAccount {
            sealed_nid: sealed_nid.into(),
        };
        let path = format!("/v1/books/{book}/accounts/{account}");
        self.send(http::Method::PUT, &path, &body)
    }

    /// Appends entries ([`host_api::Entry`] or [`host_api::OpenEntry`]); all are durable when it
    /// answers.
    pub fn append<E: Serialize + Clone>(&self, book: &str, entries: &[E]) -> Answer<Appended> {
        let body = AppendEntries {
            entries: entries.to_vec(),
        };
        self.send(
            http::Method::POST,
            &format!("/v1/books/{book}/entries"),
            &body,
        )
    }

    /// The entries `from ..` of one chain, at most `limit` of them.
    pub fn entries(
        &self,
        book: BookId,
        writer: &str,
        from: u64,
        limit: u64,
    ) -> Answer<Vec<StoredEntry>> {
        let path = format!("/v1/books/{book}/entries?writer={writer}&from={from}&limit={limit}");
        let lines = self.answer(http::Method::GET, &path, None, None)?;
        let entries: Result<Vec<_>, _> = serde_json::Deserializer::from_slice(&lines)
            .into_iter()
            .collect();
        entries.map_err(|error| self.garbled(&path, error))
    }

    /// Where every chain of a book ends.
    pub fn heads(&self, book: BookId) -> Answer<Vec<Head>> {
        self.get(&format!("/v1/books/{book}/heads"))
            .map(|Heads { heads }| heads)
    }

    /// All cuts of a book.
    pub fn cuts(&self, book: BookId) -> Answer<Cuts> {
        self.get(&format!("/v1/books/{book}/cuts"))
    }

    /// Publishes a cut.
    pub fn post_cut(&self, book: &str, cut: &Cut) -> Answer<Cut> {
        self.send(http::Method::POST, &format!("/v1/books/{book}/cuts"), cut)
    }

    /// The encrypted total between two cuts, each a number or a time.
    pub fn total(&self, book: BookId, from: Option<&str>, to: Option<&str>) -> Answer<Total> {
        let query: Vec<_> = [("from", from), ("to", to)]
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", percent_encoded(value?))))
            .collect();
        self.get(&format!("/v1/books/{book}/total?{}", query.join("&")))
    }

    /// The encrypted balance of an account.
    pub fn balance(&self, book: BookId, account: Handle) -> Answer<Balance> {
        self.get(&format!("/v1/books/{book}/accounts/{account}/balance"))
    }

    /// Publishes a statement.
    pub fn post_statement(&self, statement: &Statement) -> Answer<Statement> {
        let path = format!("/v1/books/{}/statements", statement.book.book);
        self.send(http::Method::POST, &path, statement)
    }

    /// Asks for the document at `path`.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        self.exchange(http::Method::GET, path, None, None)
    }

    /// Sends a document to `path`.
    pub fn send<T: DeserializeOwned>(
        &self,
        method: http::Method,
        path: &str,
        body: &impl Serialize,
    ) -> Answer<T> {
        self.send_under_key(method, path, body, None)
    }

    /// Sends a document to `path`, with an idempotency key that makes it repeatable.
    pub fn send_under_key<T: DeserializeOwned>(
        &self,
        method: http::Method,
        path: &str,
        body: &impl Serialize,
        key: Option<&str>,
    ) -> Answer<T> {
        let body = serde_json::to_vec(body).map_err(|error| self.garbled(path, error))?;
        // It may hold a PIN, a NID or an amount.
        let body = Zeroizing::new(body);
        self.exchange(method, path, Some(&body), key)
    }

    fn exchange<T: DeserializeOwned>(
        &self,
        method: http::Method,
        path: &str,
        body: Option<&[u8]>,
        key: Option<&str>,
    ) -> Answer<T> {
        let bytes = self.answer(method, path, body, key)?;
        serde_json::from_slice(&bytes).map_err(|error| self.garbled(path, error))
    }

    /// The bytes of an answer that is a success.
    fn answer(
        &self,
        method: http::Method,
        path: &str,
        body: Option<&[u8]>,
        key: Option<&str>,
    ) -> Answer<Vec<u8>> {
        let once = || self.exchange_once(method.clone(), path, body, key);
        // The server may have closed a connection that was kept open.
        let (status, bytes) = once()
            .or_else(|error| match error {
                ureq::Error::Timeout(_) => Err(error),
                _ => once(),
            })
            .map_err(|error| ServerError::Unreachable {
                url: self.url.clone(),
                reason: error.to_string(),
            })?;
        if status.is_success() {
            return Ok(bytes);
        }
        match serde_json::from_slice(&bytes) {
            Ok(problem) => Err(ServerError::Problem(problem)),
            Err(_) => Err(self.garbled(path, format_args!("it answers {status}"))),
        }
    }

    fn exchange_once(
        &self,
        method: http::Method,
        path: &str,
        body: Option<&[u8]>,
        key: Option<&str>,
    ) -> Result<(http::StatusCode, Vec<u8>), ureq::Error> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("accept", "application/json");
        if let Some(authorization) = self.access.authorization() {
            request = request.header("authorization", authorization);
        }
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let mut response = match body {
            Some(body) => {
                let request = request
                    .header("content-type", "application/json")
                    .body(body)?;
                self.agent.run(request)?
            }
            None => self.agent.run(request.body(())?)?,
        };
        let bytes = response
            .body_mut()
            .with_config()
            .limit(ANSWER_LEN_MAX)
            .read_to_vec()?;
        Ok((response.status(), bytes))
    }

    fn garbled(&self, path: &str, reason: impl fmt::Display) -> ServerError {
        ServerError::Garbled {
            url: format!("{}{path}", self.url),
            reason: reason.to_string(),
        }
    }
}

/// A value of a query: everything but unreserved characters (RFC 3986 section 2.3) is escaped.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn a_url_is_http_or_https_and_has_a_host() {
        for url in [
            "http://127.0.0.1:8080",
            "http://localhost:1/",
            "http://[::1]:80",
            "https://a",
        ] {
            assert!(Server::new(url, Access::default()).is_ok(), "{url}");
        }
        for url in ["", "localhost", "localhost:80", "unix:/x", "http://"] {
            let failure = Server::new(url, Access::default()).err().expect(url);
            assert_eq!(failure.exit, Exit::Usage, "{url}");
        }
    }

    #[test]
    fn a_server_that_is_down_is_named_with_what_to_do() {
        // A port that was free a moment ago, and that nobody listens on.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let server = Server::new(&format!("http://{address}"), Access::default()).expect("a URL");
        let failure = Failure::from(server.books().expect_err("nobody listens"));
        assert_eq!(failure.exit, Exit::NoServer);
        assert!(
            failure
                .text
                .contains(&format!("http://{address} does not answer"))
        );
        assert!(failure.text.contains("is host-server running?"));
    }

    #[test]
    fn values_of_queries_are_escaped() {
        assert_eq!(
            percent_encoded("2026-01-31T23:59:59+01:00"),
            "2026-01-31T23%3A59%3A59%2B01%3A00"
        );
        assert_eq!(percent_encoded("17"), "17");
        assert_eq!(percent_encoded("a&b=é"), "a%26b%3D%C3%A9");
    }

    #[test]
    fn problems_are_told_apart_by_name() {
        let problem = Problem {
            kind: "urn:tallystick:problem:unknown-book".into(),
            title: "There is no such book".into(),
            status: 404,
            detail: Some("create it".into()),
            request_id: None,
            entries: Vec::new(),
        };
        let error = ServerError::Problem(Box::new(problem));
        assert!(error.is_problem("unknown-book") && !error.is_problem("unknown"));
        let text = error.to_string();
        assert_eq!(text, "the server refused: There is no such book: create it");
    }
}
