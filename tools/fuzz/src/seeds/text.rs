//! Amounts, national ids, identifiers and shares of a backup.

use core_nostd::{backup::Quorum, keys::RootSeed};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::Seed;
use crate::text::CURRENCIES;

pub(super) fn all() -> Vec<Seed> {
    [amounts(), nids(), shares(), identifiers(), lightphe()]
        .into_iter()
        .flatten()
        .collect()
}

fn amounts() -> Vec<Seed> {
    let amount = |code: &str, text: &str| {
        let number = CURRENCIES.iter().position(|known| *known == code);
        let number = number.and_then(|number| u8::try_from(number).ok());
        [&[number.expect("a known code")], text.as_bytes()].concat()
    };
    let valid = [
        ("cents", "EUR", "12.34"),
        ("plus", "EUR", "+7"),
        ("one decimal", "EUR", "-0.5"),
        ("greatest", "EUR", "92233720368547758.07"),
        ("least", "JPY", "-9223372036854775808"),
        ("four decimals", "CLF", "-0.0001"),
        ("three decimals", "KWD", "1.001"),
        ("leading zeros", "JPY", "000000000000000000000001"),
        ("minus zero", "EUR", "-0"),
    ];
    let bad = [
        ("surplus decimals", "EUR", "12.345"),
        ("decimals of none", "JPY", "1.0"),
        ("beyond the greatest", "EUR", "92233720368547758.08"),
        ("beyond 64 bits", "EUR", "184467440737095516.16"),
        ("too long", "JPY", "0000000000000000000000001"),
        ("bare point", "EUR", "."),
        ("trailing point", "EUR", "5."),
        ("exponent", "EUR", "1e3"),
        ("comma", "EUR", "1,50"),
        ("foreign digit", "EUR", "\u{661}"),
        ("two signs", "EUR", "-+1"),
        ("empty", "EUR", ""),
    ];
    let valid = valid.map(|(name, code, text)| Seed::valid("amount", name, amount(code, text)));
    let bad = bad.map(|(name, code, text)| Seed::bad("amount", name, amount(code, text)));
    valid.into_iter().chain(bad).collect()
}

fn nids() -> Vec<Seed> {
    let longest = "A".repeat(32);
    let valid = [
        ("plain", "AB123456"),
        ("separators", " ab-123.45/6_7 "),
        ("longest", longest.as_str()),
        ("shortest", "0000"),
        ("white space around", "\u{c}\t1123 \u{a0}\n"),
    ];
    let too_long = "A".repeat(33);
    let bad = [
        ("too short", "AB-1"),
        ("too long", too_long.as_str()),
        ("accent", "ÄB123456"),
        (
            "padded",
            "\u{4}AB12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ),
        ("inner zero", "AB\x0012345"),
        ("inner form feed", "AB\u{c}12345"),
    ];
    let valid = valid.map(|(name, text)| Seed::valid("nid", name, text));
    let bad = bad.map(|(name, text)| Seed::bad("nid", name, text));
    valid.into_iter().chain(bad).collect()
}

fn shares() -> Vec<Seed> {
    let quorum = Quorum::new(2, 2).expect("a quorum");
    let mut rng = ChaCha20Rng::seed_from_u64(39);
    let seed = RootSeed::from_bytes(&[7; 32]);
    let texts = seed.split(quorum, &mut rng).map(|share| {
        let mut text = String::new();
        share.write_words(&mut text).expect("a text has room");
        text
    });
    let texts: Vec<_> = texts.collect();
    let short = "duckling enlarge academic academic agency result length solution fridge kidney \
                 coal piece deal husband erode duke ajar critical decision keyboard";
    let valid = [
        ("one of two", texts[0].clone()),
        ("two of two in capitals", texts[1].to_ascii_uppercase()),
        ("of 16 bytes", short.to_owned()),
        (
            "spread out",
            format!("\n{}\t", short.replace(' ', "  \r\n")),
        ),
    ];
    let bad = [
        ("a word changed", short.replace("coal", "cargo")),
        ("words exchanged", short.replace("coal piece", "piece coal")),
        ("an unknown word", short.replace("coal", "coals")),
        ("a word short", short.replace("duckling ", "")),
        ("a word more", format!("{} academic", texts[0])),
        (
            "padding",
            short
                .replace("agency", "email")
                .replace("critical decision keyboard", "music cargo fitness"),
        ),
    ];
    let valid = valid.map(|(name, text)| Seed::valid("share", name, text));
    let bad = bad.map(|(name, text)| Seed::bad("share", name, text));
    valid.into_iter().chain(bad).collect()
}

fn identifiers() -> Vec<Seed> {
    let book = "b0".repeat(32);
    let capitals = "AC".repeat(16);
    let valid = [
        ("book", book.as_str()),
        ("writer", capitals.as_str()),
        ("currency", "EUR"),
        ("suite", "ffdhe2048"),
    ];
    let bad = [
        ("odd", "abc"),
        ("no digit", "g0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0"),
        ("sign", "+0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0"),
        ("gold", "XAU"),
        ("suite in capitals", "FFDHE2048"),
    ];
    let valid = valid.map(|(name, text)| Seed::valid("identifier", name, text));
    let bad = bad.map(|(name, text)| Seed::bad("identifier", name, text));
    valid.into_iter().chain(bad).collect()
}

fn lightphe() -> Vec<Seed> {
    const TARGET: &str = "lightphe_text";
    let digits = "9".repeat(2501);
    let valid = [
        (
            "key",
            r#"{"public_key": {"p": 23, "g": 5, "y": 8}, "private_key": {"x": 6}}"#,
        ),
        ("pythons literal", "[(4, -5,), {'c1': '4', \"c2\": 0}]\n"),
        ("longest number", &digits[1..]),
        ("quotation marks", r#"'"' "'""#),
    ];
    let bad = [
        ("longer number", digits.as_str()),
        ("code", "__import__('os')"),
        ("expression", "{'p': 2**64}"),
        ("idle zero", "[007]"),
        ("two signs", "--1"),
        ("backslash", r"'a\n'"),
        ("not closed", "'open"),
    ];
    let valid = valid.map(|(name, text)| Seed::valid(TARGET, name, text));
    let bad = bad.map(|(name, text)| Seed::bad(TARGET, name, text));
    valid.into_iter().chain(bad).collect()
}
