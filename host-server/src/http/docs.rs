//! Pages for people: `/docs` shows `/openapi.json`, `/docs/problems` every kind of problem.
//!
//! They need nothing from elsewhere: a page, a script that reads the document from this server, and
//! no library.

use std::fmt::Write;

use axum::{
    http::{
        HeaderName,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    },
    response::IntoResponse,
};
use host_api::problem::TYPE_PREFIX;

use super::{
    openapi::{Operation, Routes},
    problem::Kind,
};
use crate::store::Store;

/// What the pages may load: this server's own, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .tag("operations")
        .get(
            "/docs",
            || async { page(HTML, include_str!("docs/page.html")) },
            Operation::new("The API for people to read").stream(HTML, "A page."),
        )
        .get(
            "/docs/page.js",
            || async { page(SCRIPT, include_str!("docs/page.js")) },
            Operation::new("The script of the page").stream(SCRIPT, "A script."),
        )
        .get(
            "/docs/style.css",
            || async { page(STYLE, include_str!("docs/style.css")) },
            Operation::new("The style of the pages").stream(STYLE, "A style sheet."),
        )
        .get(
            "/docs/problems",
            || async { page(HTML, problems()) },
            Operation::new("Every kind of problem, and what to do").stream(HTML, "A page."),
        )
}

fn page(media_type: &'static str, text: impl IntoResponse) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text)
}

/// The table of all kinds, each to be linked to by its name.
fn problems() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Problems</title>\
         <link rel=\"stylesheet\" href=\"/docs/style.css\"><h1>Problems</h1>\
         <p>Every answer that is not a success is a document of the type \
         <code>application/problem+json</code> (RFC 9457). Its <code>type</code> is one of these \
         and never changes its meaning; <code>detail</code> says what is wrong this time.</p>\
         <table><tr><th>Type<th>Status<th>Title<th>What to do</tr>",
    );
    for kind in Kind::ALL {
        let (name, status, title) = (kind.name(), kind.status().as_u16(), kind.title());
        let help = kind.help();
        write!(
            page,
            "<tr id=\"{name}\"><td><code>{TYPE_PREFIX}{name}</code><td>{status}<td>{title}\
             <td>{help}</tr>"
        )
        .expect("a String takes every character");
    }
    page.push_str("</table></html>");
    page
}
