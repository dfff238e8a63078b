//! Shares of a seed as people have them: words on a sheet, or in a file.
//!
//! An error names the place of a word and never the word. Only the person who has typed it sees
//! what is near it.

use std::{fs, path::Path};

use core_nostd::{
    backup::{Share, ShareError, WORD_LIST},
    keys::RootSeed,
    wire::ITERATION_EXPONENT_MAX,
};
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, Result},
    terminal::Terminal,
};

/// Letters that tell a word from all others.
const LETTERS: usize = 4;
/// Most differences of a word that is offered instead of an unknown one.
const SLIPS_MAX: usize = 2;

/// The words of a share, with a space between them.
pub fn text(share: &Share) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(Share::TEXT_MAX));
    share.write_words(&mut *text).map_err(Failure::failed)?;
    Ok(text)
}

/// The share in a file: words with any white space between them.
pub fn read_file(path: &Path) -> Result<Share> {
    let bytes = fs::read(path).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| Failure::file(path, error))?;
    let fault = |why: String| Failure::usage(format_args!("{}: {why}", path.display()));
    let text = std::str::from_utf8(&bytes).map_err(|_| fault("this is no text".to_owned()))?;
    Share::from_words(text).map_err(|error| fault(error.to_string()))
}

/// Asks for as many shares as the first one says are needed.
pub fn ask(terminal: &mut Terminal) -> Result<Vec<Share>> {
    let mut shares: Vec<Share> = Vec::new();
    let mut needed = 1;
    while shares.len() < needed {
        terminal.clear()?;
        let number = shares.len() + 1;
        let of = match number {
            1 => String::new(),
            _ => format!(" of {needed}"),
        };
        let share = ask_one(terminal, &format!("The words of share {number}{of}"))?;
        needed = usize::from(share.member_threshold());
        let is_another = |known: &Share| {
            known.identifier() == share.identifier() && known.member_index() != share.member_index()
        };
        if shares.iter().all(is_another) {
            shares.push(share);
        } else {
            terminal.ask("This share is of another backup, or was given already. Press Enter: ")?;
        }
    }
    terminal.clear()?;
    Ok(shares)
}

/// Asks for a share until it is one. The first four letters of each word are enough.
fn ask_one(terminal: &mut Terminal, what: &str) -> Result<Share> {
    loop {
        let typed = terminal.ask(&format!("{what}, in one line:\n"))?;
        let full: Vec<&str> = typed.split_whitespace().map(complete).collect();
        let full = Zeroizing::new(full.join(" "));
        match Share::from_words(&full) {
            Ok(share) => return Ok(share),
            Err(error) => terminal.say(&format!("\n{}\n\n", *explain(error, &full)))?,
        }
    }
}

/// The error, and what may have been meant.
fn explain(error: ShareError, text: &str) -> Zeroizing<String> {
    let mut explained = Zeroizing::new(error.to_string());
    if let ShareError::UnknownWord(place) = error {
        let word = text.split(' ').nth(usize::from(place) - 1);
        let near = near(word.unwrap_or_default());
        if !near.is_empty() {
            *explained += &format!(". Near it are: {}", near.join(", "));
        }
    }
    explained
}

/// The only word of the list that begins like this, if four letters or more are given.
fn complete(word: &str) -> &str {
    let begins = |known: &&str| {
        let start = known.as_bytes().get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    match word.len() {
        LETTERS.. => WORD_LIST.lines().find(begins).unwrap_or(word),
        _ => word,
    }
}

/// Words of the list that differ least from this one.
fn near(word: &str) -> Vec<&'static str> {
    let word = word.to_ascii_lowercase();
    let slips = |known: &str| distance(word.as_bytes(), known.as_bytes());
    let fewest = WORD_LIST.lines().map(slips).min().unwrap_or(usize::MAX);
    let nearest = WORD_LIST.lines().filter(|known| slips(known) == fewest);
    nearest.filter(|_| fewest <= SLIPS_MAX).collect()
}

/// How many letters must be put in, left out or changed (Levenshtein's distance).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The seed of these shares, if a token restores it.
///
/// The host that has the shares has the seed: finding out here what is wrong with them tells nobody
/// anything, and the token need not be asked in vain.
pub fn combine(shares: &[Share]) -> Result<RootSeed> {
    let exponent = shares.iter().map(Share::iteration_exponent).max();
    if exponent.is_some_and(|exponent| exponent > ITERATION_EXPONENT_MAX) {
        return Err(Failure::usage(format!(
            "these shares have iteration exponent {}, which would take a token minutes: it takes \
             {ITERATION_EXPONENT_MAX} at most. The program that made them can make others of the \
             same secret, with a smaller one",
            exponent.unwrap_or_default()
        )));
    }
    RootSeed::from_shares(shares).map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    /// Shares of 32 bytes that another program made, any two enough; the last needs minutes.
    const ONE: &str = "burning walnut academic acid answer enemy already have numerous guest \
        alcohol relate single friar airport permit overall ancient estimate kind invasion pencil \
        omit peaceful patrol evil silent antenna lawsuit fortune username nylon theory";
    const TWO: &str = "burning walnut academic agency armed hybrid prize threaten fumes satisfy \
        mouse preach should writing fatal memory suitable flavor plan divorce unkind width \
        merchant welfare webcam curly improve umbrella zero welcome freshman single minister";
    const SLOW: &str = "punish finance academic acid adequate greatest document game language \
        should platform railroad enjoy install crunch talent ladybug hospital swing kidney acne \
        slush ending estimate blind trash idea geology survive finger thank marathon total";

    fn share(words: &str) -> Share {
        Share::from_words(words).expect("a share")
    }

    #[test]
    fn shares_are_read_from_files_however_the_words_are_set() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("share");
        for text in [
            ONE.to_owned(),
            ONE.replace(' ', "\r\n"),
            format!(" {ONE}\n\n"),
        ] {
            fs::write(&path, text).expect("a file");
            let share = read_file(&path).expect("a share");
            assert_eq!(text_of(&share), ONE);
        }
        for (text, fault) in [
            (
                ONE.replace("guest", "gest"),
                "word 10 is not in the word list",
            ),
            (
                ONE.replace("guest", "prize"),
                "the words do not belong together",
            ),
            (ONE.replace(" theory", ""), "another number of words"),
        ] {
            fs::write(&path, text).expect("a file");
            let failure = read_file(&path).err().expect("no share");
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.text.contains(fault), "{}", failure.text);
            assert!(!failure.text.contains("gest") && !failure.text.contains("prize"));
        }
    }

    fn text_of(share: &Share) -> String {
        text(share).expect("a string").to_string()
    }

    #[test]
    fn four_letters_are_enough_and_what_is_near_is_offered() {
        assert_eq!(complete("acad"), "academic");
        assert_eq!(complete("ACADEMI"), "academic");
        for word in ["acid", "aca", "xyzw", "academics"] {
            assert_eq!(complete(word), word);
        }
        assert!(near("gest").contains(&"guest"));
        assert!(near("theery").contains(&"theory"));
        assert!(near("xxxxxxxx").is_empty());
        let explained = explain(ShareError::UnknownWord(2), "burning wallnut");
        assert!(explained.ends_with("Near it are: walnut"), "{}", *explained);
    }

    #[test]
    fn what_does_not_combine_is_wrong_use_that_says_why() {
        let fault = |shares: &[Share]| combine(shares).err().map(|failure| failure.text);
        assert_eq!(fault(&[share(TWO), share(ONE)]), None);
        let alone = fault(&[share(ONE)]).expect("one of two");
        assert_eq!(alone, "1 shares were given, exactly 2 are needed");
        let mixed = fault(&[share(ONE), share(SLOW)]).expect("of two backups");
        assert!(mixed.contains("iteration exponent 5"), "{mixed}");
    }

    #[test]
    fn distances_count_slips() {
        for (a, b, slips) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "axc", 1),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), slips, "{a} {b}");
        }
    }
}
