//! What the corpus begins with: real values of every suite, and the edges where decoders go wrong.
//!
//! A seed named `valid-…` is taken by its target, one named `bad-…` refused. Everything here is
//! made from constants, so it is the same on every machine.

use core_nostd::ciphersuite::SuiteId;

use crate::{claim, commands, seal, statement};

mod algebra;
mod json;
mod table;
mod text;
mod wire;

/// One input of the corpus.
pub struct Seed {
    /// The target it is for.
    pub target: &'static str,
    /// Its file's name.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

impl Seed {
    fn valid(target: &'static str, name: impl AsRef<str>, bytes: impl Into<Vec<u8>>) -> Self {
        let name = format!("valid-{}", slug(name.as_ref()));
        let bytes = bytes.into();
        Self {
            target,
            name,
            bytes,
        }
    }

    fn bad(target: &'static str, name: impl AsRef<str>, bytes: impl Into<Vec<u8>>) -> Self {
        let name = format!("bad-{}", slug(name.as_ref()));
        Self {
            name,
            ..Self::valid(target, "", bytes)
        }
    }
}

/// All seeds.
#[must_use]
pub fn all() -> Vec<Seed> {
    let mut seeds = algebra::all();
    seeds.extend(json::all());
    seeds.extend(table::all());
    seeds.extend(text::all());
    seeds.extend(wire::all());
    seeds.extend(claims());
    seeds.extend(sequences());
    seeds.extend(sealed());
    seeds.extend(statements());
    seeds
}

fn claims() -> Vec<Seed> {
    let [total, balance] = &*claim::GENUINE;
    vec![
        Seed::valid("claim", "total", total.as_slice()),
        Seed::valid("claim", "balance", balance.as_slice()),
        Seed::bad("claim", "another total", flip_last(total)),
        Seed::bad("claim", "another balance", flip_last(balance)),
    ]
}

fn sequences() -> Vec<Seed> {
    let [agreed, denied] = commands::seeds();
    vec![
        Seed::valid("commands", "releases", agreed),
        Seed::bad("commands", "denied releases", denied),
        Seed::bad("event", "unknown event", [0x7f]),
        Seed::bad("commands", "half a step", [1, 2, 3]),
    ]
}

fn sealed() -> Vec<Seed> {
    let (_, genuine) = seal::genuine();
    vec![
        Seed::valid("sealed_nid", "box", genuine),
        Seed::bad("sealed_nid", "another box", flip_last(&genuine)),
        Seed::bad("sealed_nid", "short box", &genuine[1..]),
    ]
}

fn statements() -> Vec<Seed> {
    let names = SuiteId::ALL
        .into_iter()
        .flat_map(|suite| ["total", "balance", "open"].map(|scope| format!("{suite} {scope}")));
    let numbered = (0_u8..).zip(statement::GENUINE.iter());
    std::iter::zip(names, numbered)
        .flat_map(|(name, (number, genuine))| {
            let genuine = [&[number], genuine.record.as_slice()].concat();
            [
                Seed::bad("statement", format!("{name} changed"), flip_last(&genuine)),
                Seed::valid("statement", name, genuine),
            ]
        })
        .collect()
}

/// A name of small letters, digits and hyphens.
fn slug(text: &str) -> String {
    let words: Vec<_> = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

/// The same bytes but for a bit near the end.
fn flip_last(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let [.., before_last, _] = bytes.as_mut_slice() {
        *before_last ^= 1;
    }
    bytes
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| {
        let digits = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(digits, 16).ok()
    };
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| byte(pair).expect("pairs of hexadecimal digits"))
        .collect()
}
