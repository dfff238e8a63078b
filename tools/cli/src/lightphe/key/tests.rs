//! Key files that LightPHE wrote, and files that are none.

use std::{fs, path::PathBuf};

use core_nostd::{
    ciphersuite::{Ciphersuite, Ffdhe2048Sha512},
    group::Group,
};
use crypto_bigint::ConcatenatingMul;

use super::*;
use crate::{failure::Exit, lightphe::verdict::Verdict};

/// A file beside the sources; the names say what is wrong with those in folders.
pub(crate) fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/lightphe")
        .join(name)
}

fn key(name: &str) -> KeyFile {
    KeyFile::read(&sample(name)).unwrap_or_else(|failure| panic!("{name}: {}", failure.text))
}

/// The refusal of a file with this text.
fn refusal(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    fs::write(&path, text).expect("a file");
    let failure = KeyFile::read(&path).err().expect("no key");
    assert_eq!(failure.exit, Exit::Usage);
    failure.text
}

#[test]
fn a_key_on_the_right_prime_is_taken_over_as_it_is() {
    let key = key("ffdhe2048.json");
    assert_eq!(key.suite(), Some(SuiteId::Ffdhe2048));
    assert_eq!(key.is_consistent(), Some(true));
    let takeover = key.takeover().expect("it is a key of ffdhe2048");
    assert!(!takeover.was_reduced);
    let x = <Ffdhe2048Sha512 as Ciphersuite>::Group::decode_scalar(&takeover.x).expect("below q");
    let y = <Ffdhe2048Sha512 as Ciphersuite>::Group::mul_base(&x);
    type G = <Ffdhe2048Sha512 as Ciphersuite>::Group;
    assert_eq!(
        G::encode(&y).as_slice(),
        takeover.y,
        "the core has the same public key"
    );

    let verdict = Verdict::of(&key);
    assert!(verdict.p_is_prime && verdict.p_is_safe && verdict.can_be_taken_over);
    let order = verdict.g.expect("its order");
    assert_eq!((order.smooth_part.as_str(), order.rest_bits), ("1", 2047));
}

#[test]
fn an_x_above_the_order_is_the_same_key() {
    let small = key("ffdhe2048.json");
    let mut large = key("ffdhe2048.json");
    let q = large.p.shr(1);
    let x = large.x.take().expect("it is private");
    large.x = Some(Zeroizing::new(x.concatenating_add(&q)));
    let (small, large) = (small.takeover(), large.takeover());
    let (small, large) = (small.expect("a key"), large.expect("a key"));
    assert!(large.was_reduced && *large.x == *small.x && large.y == small.y);
}

#[test]
fn pythons_way_of_writing_it_is_read_too() {
    let (json, python) = (key("random-256.json"), key("random-256.py.txt"));
    assert_eq!(
        (&json.p, &json.g, &json.y),
        (&python.p, &python.g, &python.y)
    );
    assert_eq!(python.is_consistent(), Some(true));
}

#[test]
fn a_key_of_lightphes_own_making_says_what_it_gives_away() {
    let key = key("random-256.json");
    assert_eq!(key.suite(), None);
    let reasons = key.takeover().err().expect("a random prime");
    assert!(
        reasons[0].contains("RFC 7919") && reasons[1].contains("g is not 2"),
        "{reasons:?}"
    );
    let verdict = Verdict::of(&key);
    assert!(verdict.p_is_prime && !verdict.p_is_safe);
    assert_eq!((verdict.p_bits, verdict.y_is_g_to_the_x), (256, Some(true)));
    // p − 1 is 2^2 · 11 times a number of 250 bits; computed with another library.
    let order = verdict.g.as_ref().expect("its order");
    assert_eq!(order.rest_bits, 250);
    let smooth: u32 = order.smooth_part.parse().expect("small");
    assert!(44 % smooth == 0);
    assert!((order.plaintext_bits_known - f64::from(smooth).log2()).abs() < 1e-9);
    let said = verdict.lines().join("\n");
    assert!(
        said.contains(&format!("remainder modulo {smooth}")),
        "{said}"
    );
}

#[test]
fn keys_that_no_token_takes_are_refused_with_the_reason() {
    for (name, reason) in [
        ("x-zero.json", "x is 0"),
        ("x-is-q.json", "x is 0"),
        ("y-is-not-g-to-the-x.json", "y is not g^x"),
        ("p-even.json", "p is even"),
        ("p-other-prime.json", "p is not the prime of ffdhe2048"),
        ("g-is-4.json", "g is not 2"),
        ("g-above-p.json", "g is not 2"),
        ("public-half.json", "no private key"),
    ] {
        let key = key(&format!("refused/{name}"));
        let reasons = key.takeover().err().expect(name).join("; ");
        assert!(reasons.contains(reason), "{name}: {reasons}");
        let verdict = Verdict::of(&key);
        assert!(!verdict.can_be_taken_over, "{name}");
        assert!(verdict.lines().join("\n").contains(reason), "{name}");
    }
}

#[test]
fn files_that_are_no_keys_are_refused_and_never_run() {
    for (name, words) in [
        ("code.txt", "at byte 0: "),
        ("code-as-number.txt", "let alone run"),
        ("nested.json", "`p` is a number"),
        ("missing-y.json", "`y` is missing"),
        ("other-algorithm.json", "another algorithm"),
        ("negative-x.json", "`x` is a number that is not negative"),
        ("twice.json", "`p` is there twice"),
        ("truncated.json", "at byte "),
        ("text-for-number.json", "`p` is a number"),
        ("list.json", "`{`"),
    ] {
        let failure = KeyFile::read(&sample(&format!("bad/{name}")))
            .err()
            .expect(name);
        assert!(failure.text.contains(words), "{name}: {}", failure.text);
        assert!(failure.text.contains(name), "the file is named");
    }
    let failure = KeyFile::read(&sample("missing")).err().expect("no file");
    assert_eq!(failure.exit, Exit::Failed);
}

#[test]
fn a_file_or_a_number_that_is_too_long_is_refused() {
    assert!(refusal(&" ".repeat(1 << 17)).contains("at most 65536 bytes"));
    let number = |digits| {
        format!(
            "{{'public_key': {{'p': {}, 'g': 2, 'y': 4}}}}",
            "9".repeat(digits)
        )
    };
    assert!(refusal(&number(2501)).contains("more than 2500 digits"));
    assert!(refusal(&number(2500)).contains("more than 8192 bits"));
    assert!(refusal(&format!("{}'p'", "{".repeat(5000))).contains("a name in quotation marks"));
}

#[test]
fn a_public_key_is_written_as_lightphe_reads_it() {
    let key = key("ffdhe2048.json");
    let takeover = key.takeover().expect("a key");
    let text = to_lightphe(SuiteId::Ffdhe2048, &takeover.y).expect("a finite field");
    let again = KeyFile::parse(Tokens::new(text.as_bytes())).expect("a key file");
    assert_eq!((again.p, again.g, again.y), (key.p, key.g, key.y));
    assert!(again.x.is_none());
    assert_eq!(to_lightphe(SuiteId::Ristretto255, &[0; 32]), None);
}

#[test]
fn encodings_are_as_long_as_the_suites() {
    let one = fixed_len(&BoxedUint::one(), SuiteId::Ffdhe2048).expect("short");
    assert_eq!((one.len(), one.last()), (256, Some(&1)));
    let p = prime(SuiteId::Ffdhe2048).expect("a prime");
    let long = p.concatenating_mul(BoxedUint::from(256_u32));
    assert_eq!(fixed_len(&long, SuiteId::Ffdhe2048), None);
}
