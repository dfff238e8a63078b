//! The 1024 words of SLIP-39 (section "Wordlist"): sorted, of 4 to 8 letters, told apart by the
//! first four. A word stands for the ten bits of its place in the list.
//!
//! A share is secret, so both directions look at the whole list, whichever word it is.

use core::fmt;

use subtle::{ConditionallySelectable, ConstantTimeEq};

/// How many words there are: `2^10`.
pub(super) const COUNT: usize = 1024;

/// The words, one a line, as published with SLIP-39 (`slip-0039/wordlist.txt`).
pub const WORD_LIST: &str = include_str!("words.txt");

/// Every word as the big-endian number of its letters, zeros after them: 8 KiB, and sorted as the
/// words are.
static WORDS: [u64; COUNT] = parse(WORD_LIST.as_bytes());

/// The place of a word in the list, in either case; none if it is not there.
pub(super) fn index(word: &str) -> Option<u16> {
    // Letters only, lest the zeros after a word pass for a part of it.
    if word.len() > 8 || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let mut letters = [0; 8];
    for (to, from) in letters.iter_mut().zip(word.bytes()) {
        *to = from.to_ascii_lowercase();
    }
    let word = u64::from_be_bytes(letters);
    let mut found = u16::MAX;
    for (place, known) in (0..).zip(&WORDS) {
        found.conditional_assign(&place, known.ct_eq(&word));
    }
    (found != u16::MAX).then_some(found)
}

/// Writes the word at a place of the list; nothing for a place beyond it.
pub(super) fn write(index: u16, out: &mut impl fmt::Write) -> fmt::Result {
    let mut word = 0;
    for (place, known) in (0_u16..).zip(&WORDS) {
        word.conditional_assign(known, place.ct_eq(&index));
    }
    let letters = word.to_be_bytes();
    let mut letters = letters.iter().filter(|letter| **letter != 0);
    letters.try_for_each(|letter| out.write_char(char::from(*letter)))
}

/// Runs in the compiler only, which would report a file of another shape.
const fn parse(text: &[u8]) -> [u64; COUNT] {
    let mut words = [0; COUNT];
    let (mut at, mut word) = (0, 0);
    while word < COUNT {
        let mut shift = 64;
        while text[at] != b'\n' {
            shift -= 8;
            words[word] |= (text[at] as u64) << shift;
            at += 1;
        }
        at += 1;
        word += 1;
    }
    assert!(at == text.len(), "there are more words than places");
    words
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, string::String, vec::Vec};

    use sha2::{Digest, Sha256};

    use super::*;

    fn word_at(index: u16) -> String {
        let mut word = String::new();
        write(index, &mut word).expect("a string takes everything");
        word
    }

    #[test]
    fn the_list_is_the_published_one() {
        let published = "bcc4555340332d169718aed8bf31dd9d5248cb7da6e5d355140ef4f1e601eec3";
        assert_eq!(hex::encode(Sha256::digest(WORD_LIST)), published);
    }

    #[test]
    fn words_are_sorted_short_and_told_apart_by_four_letters() {
        let words: Vec<_> = WORD_LIST.lines().collect();
        assert_eq!(words.len(), COUNT);
        assert!(words.is_sorted());
        for word in &words {
            assert!((4..=8).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
        }
        let prefixes: BTreeSet<_> = words.iter().map(|word| &word[..4]).collect();
        assert_eq!(prefixes.len(), COUNT);
    }

    #[test]
    fn every_word_has_its_place_in_either_case() {
        for (place, word) in (0..).zip(WORD_LIST.lines()) {
            assert_eq!(index(word), Some(place));
            assert_eq!(index(&word.to_uppercase()), Some(place));
            assert_eq!(word_at(place), word);
        }
        assert_eq!(word_at(1024), "");
    }

    #[test]
    fn nothing_else_is_a_word() {
        for text in [
            "",
            "acad",
            "academi",
            "academics",
            "academic\0",
            "acid\0\0\0\0",
            "zzzz",
            "ácid",
            "acid1",
            "-acid",
            "academicacademic",
        ] {
            assert_eq!(index(text), None, "{text:?}");
        }
    }
}
