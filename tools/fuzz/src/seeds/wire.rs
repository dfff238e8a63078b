//! Messages and frames: the frozen bytes of every protocol version, and numbers spelt too long.

use super::{Seed, unhex};

/// The bytes that no version may change.
const FROZEN: &str = include_str!("../../../../core-nostd/tests/vectors/wire_v1.txt");

pub(super) fn all() -> Vec<Seed> {
    let mut seeds: Vec<_> = FROZEN.lines().map(frozen).collect();
    seeds.extend(messages());
    seeds.extend(frames());
    seeds
}

/// `kind | name | hex`.
fn frozen(line: &str) -> Seed {
    let mut fields = line.split(" | ");
    let mut field = || fields.next().expect("three fields a line");
    let (kind, name, digits) = (field(), field(), field());
    let target = match kind {
        "request" => "request",
        "response" | "error" => "response",
        "entry" => "entries",
        "frame" => "frame",
        "event" => "event",
        kind => panic!("the frozen bytes have a kind that no target takes: {kind}"),
    };
    // There are several events of one name.
    let end = digits.len().saturating_sub(6);
    let name = match kind {
        "event" => format!("{name} {}", &digits[end..]),
        _ => name.to_owned(),
    };
    Seed::valid(target, format!("{kind} {name}"), unhex(digits))
}

fn messages() -> Vec<Seed> {
    let rules = unhex("01014555520280c2d72f1007736176696e6773");
    let mut scale = rules.clone();
    scale[5] = 3;
    vec![
        Seed::valid("rules", "euro", rules),
        Seed::bad("rules", "scale of another currency", scale),
        Seed::bad("request", "long number of a command", [0x83, 0]),
        Seed::bad("request", "trailing byte", [3, 0]),
        Seed::bad("request", "unknown command", [0xFF, 0x7F]),
        Seed::bad("response", "long number of an error", [0x0a, 0x80, 0]),
        Seed::bad("response", "bool of two", unhex("0001010001000200")),
        Seed::bad("entries", "none", []),
    ]
}

fn frames() -> Vec<Seed> {
    let hello = unhex("0b0173657373696f6e310701010105c22341de00");
    let noisy = [&[7, 9, 0xFF, 0, 0], hello.as_slice(), &hello].concat();
    let mut crc = hello.clone();
    crc[18] ^= 1;
    vec![
        Seed::valid("frame", "after noise, twice", noisy),
        Seed::bad("frame", "checksum", crc),
        Seed::bad("frame", "cut short", &hello[1..]),
        Seed::bad("frame", "endless", vec![7; 700]),
        Seed::bad("frame", "block beyond the end", [9, 1, 0]),
    ]
}
