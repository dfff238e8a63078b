//! Routes with their description: what is served and what `/openapi.json` says are one table.
//!
//! Types describe themselves (feature `schema` of `host-api`); here are the rules that a type does
//! not have, by the name of a field (`fields`), and examples (`examples.json`) that the tests send.

use std::sync::LazyLock;

use axum::{
    Router,
    body::Bytes,
    handler::Handler,
    http::header::CONTENT_TYPE,
    routing::{MethodFilter, get, on},
};
use host_api::{Problem, problem, teller::IDEMPOTENCY_KEY};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{AppState, store::Store};

mod fields;

/// Routes and what is said of them.
pub(super) struct Routes<S> {
    router: Router<AppState<S>>,
    paths: Map<String, Value>,
    schemas: SchemaGenerator,
    tag: &'static str,
}

/// Gives the schema of a type, and keeps the definitions of those in it.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What is said of one method of one path.
pub(super) struct Operation {
    summary: &'static str,
    query: Option<SchemaOf>,
    bodies: Vec<(&'static str, Vec<SchemaOf>)>,
    answers: Vec<(u16, &'static str, Option<SchemaOf>, &'static str)>,
    headers: Vec<(&'static str, &'static str)>,
}

/// JSON, by its media type.
const JSON: &str = "application/json";

impl Operation {
    /// An operation and what it does.
    pub fn new(summary: &'static str) -> Self {
        Self {
            summary,
            query: None,
            bodies: Vec::new(),
            answers: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Takes these query parameters.
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// Takes this JSON body.
    pub fn body<T: JsonSchema>(self) -> Self {
        self.bodies(vec![SchemaGenerator::subschema_for::<T>])
    }

    /// Takes one of these JSON bodies.
    pub fn bodies(mut self, schemas: Vec<SchemaOf>) -> Self {
        self.bodies.push((JSON, schemas));
        self
    }

    /// Also takes a body of this media type.
    pub fn binary_body(mut self, media_type: &'static str) -> Self {
        self.bodies.push((media_type, Vec::new()));
        self
    }

    /// Takes this header, which may be absent.
    pub fn header(mut self, name: &'static str, description: &'static str) -> Self {
        self.headers.push((name, description));
        self
    }

    /// Answers 200 with this document.
    pub fn answer<T: JsonSchema>(self, description: &'static str) -> Self {
        self.json::<T>(200, description)
    }

    /// Answers 201 with this document, or 200 if it is there already.
    pub fn creates<T: JsonSchema>(self) -> Self {
        self.json::<T>(201, "Stored.")
            .json::<T>(200, "It was there already.")
    }

    /// Answers 201 with this document, each time with another.
    pub fn makes<T: JsonSchema>(self) -> Self {
        self.json::<T>(201, "Made.")
    }

    fn json<T: JsonSchema>(mut self, status: u16, description: &'static str) -> Self {
        let schema: SchemaOf = SchemaGenerator::subschema_for::<T>;
        self.answers.push((status, description, Some(schema), JSON));
        self
    }

    /// Answers 200 with bytes of this media type.
    pub fn stream(mut self, media_type: &'static str, description: &'static str) -> Self {
        self.answers.push((200, description, None, media_type));
        self
    }

    /// Answers 304 to those who have it already.
    pub fn etag(mut self) -> Self {
        let text = "The caller has it already: it is as named by `If-None-Match`.";
        self.answers.push((304, text, None, ""));
        self.header(
            "If-None-Match",
            "The `ETag` of the answer that the caller has.",
        )
    }
}

impl<S: Store> Routes<S> {
    /// None yet.
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            router: Router::new(),
            paths: Map::new(),
            schemas: settings.into_generator(),
            tag: "",
        }
    }

    /// What follows is of this kind.
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// Adds `GET`.
    pub fn get<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, AppState<S>>,
        operation: Operation,
    ) -> Self {
        self.add(("get", MethodFilter::GET), path, handler, operation)
    }

    /// Adds `PUT`.
    pub fn put<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, AppState<S>>,
        operation: Operation,
    ) -> Self {
        self.add(("put", MethodFilter::PUT), path, handler, operation)
    }

    /// Adds `DELETE`.
    pub fn delete<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, AppState<S>>,
        operation: Operation,
    ) -> Self {
        self.add(("delete", MethodFilter::DELETE), path, handler, operation)
    }

    /// Adds `POST`.
    pub fn post<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, AppState<S>>,
        operation: Operation,
    ) -> Self {
        self.add(("post", MethodFilter::POST), path, handler, operation)
    }

    fn add<T: 'static>(
        mut self,
        (name, method): (&'static str, MethodFilter),
        path: &str,
        handler: impl Handler<T, AppState<S>>,
        operation: Operation,
    ) -> Self {
        let described = self.describe(name, path, operation);
        let methods = self.paths.entry(path).or_insert_with(|| json!({}));
        methods[name] = described;
        self.router = self.router.route(path, on(method, handler));
        self
    }

    /// The routes, and one more that describes them all.
    pub fn finish(mut self) -> Router<AppState<S>> {
        let path = "/openapi.json";
        let operation = Operation::new("This document").stream(JSON, "OpenAPI 3.1.");
        let described = self.describe("get", path, operation);
        self.paths
            .insert(path.to_owned(), json!({ "get": described }));
        let mut schemas = self.schemas.take_definitions(true);
        for (name, schema) in &mut schemas {
            fields::refine(schema);
            // Both kinds of `AppendEntries_for_…` are called after what they are for.
            if let Some(example) = example(name.trim_end_matches("_for_Entry")) {
                schema["examples"] = json!([example]);
            }
        }
        let document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Tallystick",
                "version": env!("CARGO_PKG_VERSION"),
                "description": DESCRIPTION,
                "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            },
            "paths": self.paths,
            "security": [{}, { "key": [] }],
            "components": {
                "securitySchemes": { "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, wherever the server has any.",
                } },
                "schemas": schemas,
                "responses": { "Problem": {
                    "description": "A problem document (RFC 9457); `/docs/problems` lists them.",
                    "content": { problem::MEDIA_TYPE: { "schema": reference("Problem") } },
                } },
            },
        });
        let bytes = Bytes::from(document.to_string());
        let document = move || async move { ([(CONTENT_TYPE, JSON)], bytes) };
        self.router.route(path, get(document))
    }

    /// The JSON of an operation.
    fn describe(&mut self, method: &str, path: &str, operation: Operation) -> Value {
        let mut parameters = self.parameters(&operation);
        for (segment, text) in PATH_PARAMETERS {
            if path.contains(&format!("{{{segment}}}")) {
                parameters.push(parameter(
                    "path",
                    segment,
                    text,
                    json!({ "type": "string" }),
                ));
            }
        }
        if method == "post" {
            parameters.push(parameter(
                "header",
                IDEMPOTENCY_KEY,
                IDEMPOTENCY,
                json!({ "type": "string" }),
            ));
        }
        let _ = self.schemas.subschema_for::<Problem>();
        let mut responses = json!({
            "4XX": { "$ref": "#/components/responses/Problem" },
            "5XX": { "$ref": "#/components/responses/Problem" },
        });
        for (status, description, schema, media_type) in operation.answers {
            let mut response = json!({ "description": description });
            if let Some(schema) = schema {
                let schema = schema(&mut self.schemas);
                response["content"] = json!({ media_type: { "schema": schema } });
            } else if !media_type.is_empty() {
                response["content"] = json!({ media_type: {} });
            }
            responses[status.to_string()] = response;
        }
        let id: String = format!("{method}{path}")
            .split(['/', '{', '}'])
            .filter(|part| !part.is_empty() && *part != "v1")
            .collect::<Vec<_>>()
            .join("-");
        let mut described = json!({
            "operationId": id,
            "tags": [self.tag],
            "summary": operation.summary,
            "parameters": parameters,
            "responses": responses,
        });
        if !operation.bodies.is_empty() {
            let mut content = Map::new();
            for (media_type, schemas) in operation.bodies {
                let mut schemas = schemas.into_iter().map(|schema| schema(&mut self.schemas));
                let schema = match schemas.len() {
                    0 => json!({}),
                    1 => json!(schemas.next()),
                    _ => json!({ "anyOf": schemas.collect::<Vec<_>>() }),
                };
                content.insert(media_type.to_owned(), json!({ "schema": schema }));
            }
            described["requestBody"] = json!({ "required": true, "content": content });
        }
        described
    }

    /// Query parameters and headers.
    fn parameters(&mut self, operation: &Operation) -> Vec<Value> {
        let mut all = Vec::new();
        if let Some(query) = operation.query {
            let schema = query(&mut self.schemas);
            let name = schema
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|path| path.rsplit('/').next())
                .unwrap_or_default()
                .to_owned();
            // Its fields are the parameters; nothing else refers to it.
            let fields = self.schemas.definitions_mut().remove(&name);
            let fields = fields
                .as_ref()
                .and_then(|schema| schema["properties"].as_object());
            for (name, schema) in fields.into_iter().flatten() {
                let mut schema = schema.clone();
                let text = schema["description"].take();
                if let Some(schema) = schema.as_object_mut() {
                    schema.remove("description");
                }
                fields::not_null(&mut schema);
                all.push(parameter(
                    "query",
                    name,
                    text.as_str().unwrap_or_default(),
                    schema,
                ));
            }
        }
        for (name, text) in &operation.headers {
            all.push(parameter("header", name, text, json!({ "type": "string" })));
        }
        all
    }
}

/// What follows a name in braces in a path.
const PATH_PARAMETERS: [(&str, &str); 3] = [
    ("book", "The book: the hash of its rules."),
    ("handle", "The account: its handle in this book."),
    ("id", "The API key: its public name."),
];

const DESCRIPTION: &str = "\
A ledger of encrypted amounts: the server stores ciphertexts and adds them, and can't read any. \
Identifiers are hexadecimal, byte strings base64url without padding, amounts in minor units. Every \
answer that is not a success is a problem document, whose `type` never changes its meaning. What \
is malformed is refused with 400 or 422; what is well formed and contradicts the book it is sent \
to, with 409. A `POST` may be repeated: what is there already is not stored again.";

const IDEMPOTENCY: &str = "\
16 to 128 visible ASCII characters that nobody can guess, the same for the repetitions of a \
request. Postings at the teller need it and are known by it. All else is idempotent in itself, \
by what is sent, and takes the key without needing it; only API keys are new each time.";

/// One parameter. Those of a path are always there.
fn parameter(place: &str, name: &str, text: &str, mut schema: Value) -> Value {
    fields::refine_field(name, &mut schema);
    let mut all = json!({
        "name": name,
        "in": place,
        "required": place == "path",
        "description": text,
        "schema": schema,
    });
    if let Some(example) = example(name) {
        all["example"] = example;
    }
    all
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An example of a type or parameter, real: the tests send every one of them.
fn example(name: &str) -> Option<Value> {
    static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
        serde_json::from_str(include_str!("openapi/examples.json")).expect("it is JSON")
    });
    EXAMPLES.get(name).cloned()
}
