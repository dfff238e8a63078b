//! One document of each kind, and some that are none.

use super::Seed;
use crate::json::KINDS;

pub(super) fn all() -> Vec<Seed> {
    let kinds = KINDS.iter().map(|(kind, _)| *kind);
    let valid = kinds.map(|kind| Seed::valid("json", kind, input(kind, &document(kind))));
    let bad = [
        ("padded bytes", "bytes", r#""AAA=""#),
        ("bytes with idle bits", "bytes", r#""AAB""#),
        ("bytes of the other alphabet", "bytes", r#""++//""#),
        (
            "unknown field",
            "ask-balance",
            r#"{"nid":"AB12","now":true}"#,
        ),
        (
            "field twice",
            "ask-balance",
            r#"{"nid":"AB12","nid":"AB12"}"#,
        ),
        (
            "number too large",
            "ask-total",
            r#"{"from":18446744073709551616}"#,
        ),
        ("number with a point", "ask-total", r#"{"from":1.0}"#),
        ("nothing", "health", ""),
        ("trailing comma", "health", r#"{"status":"ok",}"#),
    ]
    .map(|(name, kind, text)| Seed::bad("json", name, input(kind, text)));
    let deep = input("statement", &"[".repeat(200));
    valid
        .chain(bad)
        .chain([Seed::bad("json", "deep", deep)])
        .collect()
}

/// The number of the kind, then the document.
fn input(kind: &str, document: &str) -> Vec<u8> {
    let number = KINDS.iter().position(|(known, _)| *known == kind);
    let number = number.and_then(|number| u8::try_from(number).ok());
    [&[number.expect("a known kind")], document.as_bytes()].concat()
}

const RULES: &str = r#""suite":"ristretto255","kind":"authenticated","currency":"EUR","cap":100,
    "min_entries":16,"name":"till""#;
const CIPHERTEXT: &str = r#""c1":"AQI","c2":"AwQ""#;
const PLACE: &str = r#""writer":"1717","seq":18446744073709551615"#;
const CUT: &str = r#"{"writer":"1717","position":300,"mac":"x8fHxw"}"#;

fn document(kind: &str) -> String {
    match kind {
        "bytes" => r#""_-8""#.to_owned(),
        "book" => book(),
        "books" => format!(r#"{{"books":[{}]}}"#, book()),
        "open-account" => r#"{"sealed_nid":"CAgI"}"#.to_owned(),
        "account" => account(),
        "accounts" => format!(r#"{{"accounts":[{}],"after":"ac"}}"#, account()),
        "entries" => format!(r#"{{"entries":[{{{PLACE},{}}}]}}"#, signed()),
        "open-entries" => format!(r#"{{"entries":[{{"entry":"00ff",{CIPHERTEXT}}}]}}"#),
        "appended" => format!(r#"{{"entries":[{{{PLACE},"outcome":"already"}}]}}"#),
        "stored-entry" => format!(r#"{{{PLACE},"arrived_ms":5,{}}}"#, signed()),
        "cut" => CUT.to_owned(),
        "cuts" => format!(r#"{{"cuts":[{{"number":1,"arrived_ms":5,"cut":{CUT}}}]}}"#),
        "total" => total(),
        "balance" => balance(),
        "heads" => r#"{"heads":[{"writer":"1717","next_seq":301}]}"#.to_owned(),
        "statement" => statement(r#"{"total":{"ranges":[{"writer":"17","from":0,"to":3}]}}"#),
        "statements" => format!(
            r#"{{"statements":[{},{}]}}"#,
            statement(r#""open""#),
            statement(r#"{"balance":{"account":"ac","last":[{"writer":"17","seq":null}]}}"#)
        ),
        "health" => r#"{"status":"ok"}"#.to_owned(),
        "problem" => problem(),
        "unlock" => r#"{"pin":"271828"}"#.to_owned(),
        "new-book" => format!("{{{RULES}}}"),
        "post" => r#"{"nid":"AB12","amount":"-3"}"#.to_owned(),
        "ask-balance" => r#"{"nid":"AB12"}"#.to_owned(),
        "ask-total" => r#"{"from":1,"to":null}"#.to_owned(),
        kind => panic!("there is no document of the kind {kind}"),
    }
}

fn book() -> String {
    format!(r#"{{"book":"b0","scale":2,"public_key":"AQ",{RULES}}}"#)
}

fn account() -> String {
    r#"{"account":"ac","sealed_nid":"CAgI","next":{"next_seq":3,"prev":2}}"#.to_owned()
}

fn signed() -> String {
    format!(r#""account":"ac","prev":2,{CIPHERTEXT},"tag":"BQ","account_tag":"Bg""#)
}

fn total() -> String {
    let (from, to) = (r#"{"position":0}"#, r#"{"position":3,"mac":"x8c"}"#);
    let range = format!(r#"{{"writer":"17","from":{from},"to":{to}}}"#);
    format!(r#"{{"book":"b0",{CIPHERTEXT},"tag":"BQ","ranges":[{range}],"count":3,"bound":"300"}}"#)
}

fn balance() -> String {
    format!(
        r#"{{"book":"b0","account":"ac",{CIPHERTEXT},"account_tag":"Bg",
        "last":[{{"writer":"17","seq":2}}],"count":3,"bound":"300"}}"#
    )
}

fn statement(scope: &str) -> String {
    format!(
        r#"{{"format":"tallystick-statement-v1","book":{},"number":4,"count":3,"scope":{scope},
        {CIPHERTEXT},"d":"Bw","proof_c":"CA","proof_s":"CQ","minor":"-1250","amount":"-12.50"}}"#,
        book()
    )
}

fn problem() -> String {
    format!(
        r#"{{"type":"urn:tallystick:problem:entry-gap","title":"a gap","status":409,
        "detail":"position 7","entries":[{{{PLACE},"outcome":"gap"}}]}}"#
    )
}
