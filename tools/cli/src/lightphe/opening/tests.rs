//! Ciphertexts that LightPHE made, opened: its own numbers, and what it makes of negative ones.

use std::sync::LazyLock;

use super::*;
use crate::lightphe::{ciphertexts::Rows, key::tests::sample};

fn opener(bits: u8) -> Opener {
    let key = KeyFile::read(&sample("random-256.json")).expect("a key");
    Opener::new(&key, Window::new(bits).expect("a window")).expect("a sound key")
}

/// Its table is made once.
static WIDE: LazyLock<Opener> = LazyLock::new(|| opener(32));

fn rows(name: &str) -> Vec<Row> {
    let rows = Rows::open(&sample(name)).expect("a file");
    rows.map(|row| row.expect("a row").1).collect()
}

/// Encryptions of 5, 0, 1999, −1 and −7, of 100 plus one of −5, one of 7 times −3, of 12.0 and
/// 2^32 − 1, and the third made new.
const HOLDS: [i64; 10] = [5, 0, 1999, 0, -6, 96, -21, 12, 4_294_967_295, 1999];

fn settled(numbers: &[i64], negatives: Option<Negatives>) -> Result<Vec<i64>> {
    WIDE.settle(numbers.iter().copied().map(Some).collect(), negatives)
}

#[test]
fn what_lightphe_encrypted_is_found_with_its_negative_numbers_one_too_large() {
    let opener = &*WIDE;
    let rows = rows("random-256-ciphertexts.json");
    assert!(
        rows.iter()
            .all(|row| opener.is_residue(&row.c1) && opener.is_residue(&row.c2))
    );
    assert_eq!(opener.open(&rows), HOLDS.map(Some));
}

#[test]
fn fractions_and_numbers_beyond_the_window_are_refused_by_row() {
    let opener = &*WIDE;
    for name in ["random-256-fraction.json", "random-256-large.json"] {
        let numbers = opener.open(&rows(name));
        assert_eq!(numbers, [None], "{name}");
        let failure = opener.settle(numbers, None).expect_err("nothing there");
        assert!(
            failure
                .text
                .contains("row 0: it holds nothing between -2^32 and 2^32")
        );
    }
    assert_eq!(
        self::opener(33).open(&rows("random-256-large.json")),
        [Some(1 << 32)]
    );
}

/// Encryptions of 0.5 and 12.5. The inverse of 2 modulo p is (p + 1)/2, and g is a square.
#[test]
fn halves_may_come_out_as_the_next_whole_number() {
    let numbers = WIDE.open(&rows("random-256-halves.json"));
    assert_eq!(numbers, [Some(1), Some(13)], "as the documentation says");
}

#[test]
fn numbers_below_zero_are_refused_until_it_is_said_what_they_are() {
    let failure = settled(&HOLDS, None).expect_err("two are negative");
    for words in [
        "row 4: it decrypts to -6",
        "row 6: it decrypts to -21",
        "--negatives minus-one",
    ] {
        assert!(failure.text.contains(words), "{}", failure.text);
    }
    assert!(failure.text.starts_with("2 rows"));
    let as_decrypted = settled(&HOLDS, Some(Negatives::AsDecrypted)).expect("settled");
    assert_eq!(as_decrypted, HOLDS);
    let minus_one = settled(&HOLDS, Some(Negatives::MinusOne)).expect("settled");
    assert_eq!(
        minus_one,
        [5, 0, 1999, 0, -7, 96, -22, 12, 4_294_967_295, 1999]
    );
    assert_eq!(settled(&[0, 3], None).expect("none is negative"), [0, 3]);
}

#[test]
fn keys_that_decrypt_nothing_for_certain_are_refused() {
    for (name, words) in [
        ("refused/public-half.json", "private half"),
        ("refused/p-even.json", "no odd prime"),
        ("refused/y-is-not-g-to-the-x.json", "y is not g^x"),
    ] {
        let key = KeyFile::read(&sample(name)).expect(name);
        let window = Window::new(8).expect("a window");
        let failure = Opener::new(&key, window).err().expect(name);
        assert!(failure.text.contains(words), "{name}: {}", failure.text);
    }
    // Modulo 1009 there are not enough exponents for a wide window.
    let small = KeyFile {
        p: BoxedUint::from(1009_u32),
        g: BoxedUint::from(11_u32),
        y: BoxedUint::from(121_u32),
        x: Some(Zeroizing::new(BoxedUint::from(2_u32))),
    };
    let open = |bits| Opener::new(&small, Window::new(bits).expect("a window"));
    assert!(open(8).is_ok());
    let failure = open(32).err().expect("too wide");
    assert!(failure.text.contains("order 1008") && failure.text.contains("--window"));
}

#[test]
fn parts_of_a_ciphertext_lie_between_0_and_p() {
    let opener = opener(8);
    let p = KeyFile::read(&sample("random-256.json")).expect("a key").p;
    assert!(opener.is_residue(&BoxedUint::one()));
    assert!(opener.is_residue(&p.wrapping_sub(BoxedUint::one())));
    assert!(!opener.is_residue(&BoxedUint::zero()) && !opener.is_residue(&p));
}
