//! `tally token backup`: the keys of a token as words on paper.

use std::{
    fmt::Write as _,
    fs::{DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use core_nostd::backup::Quorum;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, Result},
    out::{Format, hint},
    release::announce,
    settings::Settings,
    terminal::Terminal,
    words,
};

/// Columns of words on a screen.
const COLUMNS: usize = 3;

/// Options of `tally token backup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many shares bring the keys back, of how many that are made
    #[arg(long, value_name = "MofN", value_parser = quorum)]
    shares: Quorum,
    /// Write each share to a file of its own in this folder, instead of showing it
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// What is said of a backup. The words are in it only if they go nowhere else.
#[derive(Serialize)]
struct Made<'a> {
    threshold: u8,
    shares: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<PathBuf>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<&'a str>>,
}

/// Text with words in it.
type Words = Zeroizing<String>;

/// Where the words go.
enum Place {
    Folder(PathBuf),
    Screen(Terminal),
    Document,
}

/// Runs it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    // Before anybody is asked for anything: there is a place for the words.
    let place = Place::find(settings.format, args)?;
    hint(
        "warning: whoever has enough of these words has every key of the token, and they pass \
         through this host. Use one that is not on a network, best of all one that never was",
    );
    let (threshold, shares) = (args.shares.threshold(), args.shares.shares());
    let mut token = settings.unlocked_token()?;
    announce(
        &mut token,
        &format!("show this host {shares} SHARES OF ITS SEED"),
    );
    let made = token.backup(args.shares)?;
    let texts: Vec<_> = made.iter().map(words::text).collect::<Result<_>>()?;
    let mut done = Made {
        threshold,
        shares,
        files: None,
        words: None,
    };
    match place {
        Place::Folder(folder) => done.files = Some(write(&folder, &texts)?),
        Place::Screen(terminal) => show(terminal, &texts, threshold)?,
        Place::Document => done.words = Some(texts.iter().map(|text| text.as_str()).collect()),
    }
    settings.format.print(&done.text(), &done)
}

impl Place {
    fn find(format: Format, args: &Args) -> Result<Self> {
        match (&args.out, format) {
            (Some(folder), _) => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
                made.map_err(|error| Failure::file(folder, error))?;
                // Two backups in one folder would be mixed up one day.
                for number in 1..=args.shares.shares() {
                    let path = file(folder, number, args.shares.shares());
                    if path.exists() {
                        return Err(Failure::file(&path, io::ErrorKind::AlreadyExists.into()));
                    }
                }
                Ok(Self::Folder(folder.clone()))
            }
            (None, Format::Json) => Ok(Self::Document),
            (None, Format::Human) => Terminal::open().map(Self::Screen).ok_or_else(|| {
                Failure::usage("there is no terminal to show the words on: give --out FOLDER")
            }),
        }
    }
}

impl Made<'_> {
    fn text(&self) -> String {
        let Self {
            threshold, shares, ..
        } = self;
        let where_ = match &self.files {
            Some(files) => {
                let names: Vec<_> = files
                    .iter()
                    .map(|file| file.display().to_string())
                    .collect();
                format!(": {}", names.join(", "))
            }
            None => String::new(),
        };
        format!(
            "{shares} shares were made{where_}\nany {threshold} of them bring the keys back \
             (`tally token restore`); the token keeps none, and another backup makes others"
        )
    }
}

/// The name of a share's file.
fn file(folder: &Path, number: u8, shares: u8) -> PathBuf {
    folder.join(format!("share-{number}-of-{shares}.txt"))
}

/// Writes each share to a new file that is its owner's alone.
fn write(folder: &Path, shares: &[Words]) -> Result<Vec<PathBuf>> {
    let count = u8::try_from(shares.len()).unwrap_or(u8::MAX);
    let mut files = Vec::new();
    for (words, number) in shares.iter().zip(1..) {
        let path = file(folder, number, count);
        let mut create = File::options();
        let made = create.write(true).create_new(true).mode(0o600).open(&path);
        made.and_then(|mut file| {
            file.write_all(words.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
        .map_err(|error| Failure::file(&path, error))?;
        files.push(path);
    }
    Ok(files)
}

/// Shows one share after the other, each alone.
fn show(mut terminal: Terminal, shares: &[Words], threshold: u8) -> Result<()> {
    for (words, number) in shares.iter().zip(1..) {
        terminal.clear()?;
        let count = shares.len();
        terminal.say(&format!(
            "Share {number} of {count}; any {threshold} bring the keys back\n\n"
        ))?;
        terminal.say(&page(words))?;
        terminal.ask("\nWrite them down, then press Enter: ")?;
    }
    terminal.clear()
}

/// A share as it is read: numbered, downwards, in columns.
fn page(words: &str) -> Words {
    let words: Vec<&str> = words.split(' ').collect();
    let rows = words.len().div_ceil(COLUMNS);
    // As long as it gets, so that no copy is left behind when it grows.
    let mut page = Zeroizing::new(String::with_capacity(words.len() * 20));
    for row in 0..rows {
        for (place, word) in words.iter().enumerate().skip(row).step_by(rows) {
            let number = place + 1;
            let _ = write!(page, "{number:>5} {word:<12}");
        }
        page.push('\n');
    }
    page
}

/// A quorum as people write it.
fn quorum(text: &str) -> std::result::Result<Quorum, String> {
    let numbers = text.split_once("of");
    let numbers = numbers.and_then(|(m, n)| Some((m.parse().ok()?, n.parse().ok()?)));
    let (threshold, shares) = numbers.ok_or("write it as 2of3")?;
    Quorum::new(threshold, shares).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    const WORDS: &str = "burning walnut academic acid answer enemy already have numerous guest \
        alcohol relate single friar airport permit overall ancient estimate kind invasion pencil \
        omit peaceful patrol evil silent antenna lawsuit fortune username nylon theory";

    #[test]
    fn a_quorum_is_written_as_m_of_n() {
        assert_eq!(quorum("2of3"), Ok(Quorum::new(2, 3).expect("a quorum")));
        assert_eq!(quorum("1of1"), Ok(Quorum::new(1, 1).expect("a quorum")));
        for text in [
            "", "2", "2/3", "of", "2of", "-2of3", "2of300", "3of2", "1of2", "2of17",
        ] {
            assert!(quorum(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_has_every_word_with_its_number() {
        let page = page(WORDS);
        let mut found: Vec<(usize, &str)> = Vec::new();
        let mut parts = page.lines().flat_map(str::split_whitespace);
        while let Some((number, word)) = parts.next().zip(parts.next()) {
            found.push((number.parse().expect("a number"), word));
        }
        found.sort_unstable();
        let expected: Vec<_> = (1..).zip(WORDS.split(' ')).collect();
        assert_eq!(found, expected);
        assert!(page.lines().all(|line| line.len() < 60));
    }

    #[test]
    fn files_are_their_owners_alone_and_never_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let shares = [Zeroizing::new(WORDS.to_owned())];
        let files = write(folder.path(), &shares).expect("files");
        assert_eq!(files, [folder.path().join("share-1-of-1.txt")]);
        let mode = fs::metadata(&files[0])
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::read_to_string(&files[0]).expect("a file").trim_end(),
            WORDS
        );
        assert!(write(folder.path(), &shares).is_err());
    }
}
