//! The HTTP interface as a client sees it: typed where it succeeds, a problem document elsewhere.

use host_api::{Problem, problem};
use serde::{Serialize, de::DeserializeOwned};

/// What a request came to, if not a success.
#[derive(Debug)]
pub struct Refused {
    /// HTTP status.
    pub status: u16,
    /// The name of the problem, without [`problem::TYPE_PREFIX`].
    pub name: String,
    /// The whole document.
    pub document: serde_json::Value,
}

/// A request that nobody answered: the connection failed, or broke before the answer was whole.
/// Nobody knows what became of it.
#[derive(Debug)]
pub struct Unanswered(pub String);

/// An answer, which may be a refusal.
pub type Answered<T> = Result<Result<T, Refused>, Unanswered>;

/// A client of one server.
#[derive(Clone)]
pub struct Api {
    base: String,
    agent: ureq::Agent,
}

impl Api {
    /// A client of the server at `base`, `http://HOST:PORT`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        Self {
            base: base.to_owned(),
            agent: config.into(),
        }
    }

    /// The server's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `GET path`, parsed.
    ///
    /// # Errors
    /// The problem document.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refused> {
        let answer = self.agent.get(self.url(path)).call();
        read(answer.expect("the server answers"))
    }

    /// `GET path` as text.
    ///
    /// # Errors
    /// The problem document.
    pub fn text(&self, path: &str) -> Result<String, Refused> {
        let answer = self.agent.get(self.url(path)).call();
        text(answer.expect("the server answers"))
    }

    /// `PUT path` with a JSON body; the answer's body is not looked at.
    ///
    /// # Errors
    /// The problem document.
    pub fn put(&self, path: &str, body: &impl Serialize) -> Result<(), Refused> {
        let body = serde_json::to_vec(body).expect("serialisable");
        let request = self
            .agent
            .put(self.url(path))
            .header("content-type", "application/json");
        text(request.send(&body[..]).expect("the server answers")).map(drop)
    }

    /// `POST path` with a JSON body; the answer's text.
    ///
    /// # Errors
    /// The problem document.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Result<String, Refused> {
        self.post_bytes(path, &serde_json::to_vec(body).expect("serialisable"))
    }

    /// `POST path` with any bytes as JSON; the answer's text.
    ///
    /// # Errors
    /// The problem document.
    pub fn post_bytes(&self, path: &str, body: &[u8]) -> Result<String, Refused> {
        let request = self
            .agent
            .post(self.url(path))
            .header("content-type", "application/json");
        text(request.send(body).expect("the server answers"))
    }

    /// `GET path` as text, of a server that may die meanwhile.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn try_get(&self, path: &str) -> Answered<String> {
        try_text(self.agent.get(self.url(path)).call())
    }

    /// `POST path` with a JSON body and these headers, to a server that may die meanwhile.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &impl Serialize,
    ) -> Answered<String> {
        let body = serde_json::to_vec(body).expect("serialisable");
        let mut request = self
            .agent
            .post(self.url(path))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        try_text(request.send(&body[..]))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

type Answer = ureq::http::Response<ureq::Body>;

fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, Refused> {
    let text = text(answer)?;
    Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}")))
}

/// The body of a success. Anything else must be a problem document that says its own status.
fn text(answer: Answer) -> Result<String, Refused> {
    try_text(Ok(answer)).expect("a body of UTF-8")
}

fn try_text(answer: Result<Answer, ureq::Error>) -> Answered<String> {
    let unanswered = |error: ureq::Error| Unanswered(error.to_string());
    let mut answer = answer.map_err(unanswered)?;
    let status = answer.status().as_u16();
    let media_type = answer.headers().get("content-type").cloned();
    let body = answer.body_mut().with_config().limit(1 << 28);
    let text = body.read_to_string().map_err(unanswered)?;
    Ok(judge(status, media_type, text))
}

fn judge(
    status: u16,
    media_type: Option<ureq::http::HeaderValue>,
    text: String,
) -> Result<String, Refused> {
    if (200..300).contains(&status) {
        return Ok(text);
    }
    assert_eq!(
        media_type.expect("a media type"),
        problem::MEDIA_TYPE,
        "{text}"
    );
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let problem: Problem = serde_json::from_str(&text).expect("a problem document");
    assert_eq!(problem.status, status);
    let name = problem
        .kind
        .strip_prefix(problem::TYPE_PREFIX)
        .expect("our prefix")
        .to_owned();
    Err(Refused {
        status,
        name,
        document,
    })
}
