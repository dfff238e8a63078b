//! SLIP-39: the official vectors, and sets of shares made with the reference implementation where
//! the official ones have none: other lengths, long passphrases, 16 of 16, 16 groups.

use core_nostd::backup::{CombineError, Share, ShareError, combine};

use super::vectors::Case;

#[test]
fn shares_give_the_secrets_of_the_official_vectors() {
    check_cases("tests", 15, 30);
}

#[test]
fn shares_give_the_secrets_that_the_reference_implementation_shared() {
    check_cases("more", 13, 5);
}

fn check_cases(list: &str, valid: usize, invalid: usize) {
    let cases = Case::file("slip39.json").cases(list);
    assert_eq!(cases.iter().filter(|case| case.is_valid()).count(), valid);
    assert_eq!(
        cases.iter().filter(|case| !case.is_valid()).count(),
        invalid
    );
    for case in cases {
        let name = format!("{} ({})", case.name(), case.text("comment"));
        let (mut texts, passphrase) = (case.texts("mnemonics"), case.text("passphrase"));
        let recovered = recover(&texts, passphrase);
        if !case.is_valid() {
            assert_eq!(recovered, Err(case.text("fault")), "{name}");
            continue;
        }
        assert_eq!(recovered, Ok(case.bytes("secret")), "{name}");
        texts.iter().for_each(|text| check_text(text));

        texts.reverse();
        assert_eq!(recover(&texts, passphrase), recovered, "{name}, reversed");
        let other = recover(&texts, "another passphrase").expect("there is no check");
        assert_ne!(other, case.bytes("secret"), "{name}");
        texts.pop();
        let fault = recover(&texts, passphrase).expect_err("one share less");
        assert!(
            ["too few shares", "too few groups", "no shares"].contains(&fault),
            "{name}"
        );
    }
}

/// A share is written as it was read, within the stated bounds.
fn check_text(text: &str) {
    let share = Share::from_words(text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    let mut written = String::new();
    share
        .write_words(&mut written)
        .expect("a string takes everything");
    assert_eq!(written, text);
    assert!(text.len() <= Share::TEXT_MAX && text.split(' ').count() <= Share::WORDS_MAX);
}

/// The secret, or the fault in the words of the file.
fn recover(texts: &[&str], passphrase: &str) -> Result<Vec<u8>, &'static str> {
    let shares = texts.iter().map(|text| Share::from_words(text));
    let shares: Vec<Share> = shares.collect::<Result<_, _>>().map_err(share_fault)?;
    let secret = combine(&shares, passphrase).map_err(combine_fault)?;
    Ok(secret.expose_bytes().to_vec())
}

fn share_fault(error: ShareError) -> &'static str {
    match error {
        ShareError::Length => "length",
        ShareError::Checksum => "checksum",
        ShareError::Padding => "padding",
        ShareError::GroupThreshold => "more groups needed than there are",
        other => panic!("no vector has the fault {other:?}"),
    }
}

fn combine_fault(error: CombineError) -> &'static str {
    match error {
        CombineError::NoShares => "no shares",
        CombineError::Identifier => "different identifiers",
        CombineError::IterationExponent => "different iteration exponents",
        CombineError::Extendable => "different extendable flags",
        CombineError::GroupThreshold => "different group thresholds",
        CombineError::GroupCount => "different group counts",
        CombineError::MemberThreshold => "different member thresholds",
        CombineError::Length => "different lengths",
        CombineError::DuplicateMember => "duplicate member",
        CombineError::GroupsGiven { needed, given } if given < needed => "too few groups",
        CombineError::GroupsGiven { .. } => "too many groups",
        CombineError::SharesGiven { needed, given } if given < needed => "too few shares",
        CombineError::SharesGiven { .. } => "too many shares",
        CombineError::Digest => "digest",
        other => panic!("no vector has the fault {other:?}"),
    }
}
