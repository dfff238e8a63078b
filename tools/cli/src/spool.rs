//! Signed entries on their way to the server.
//!
//! A token never signs a position twice, so a signed entry that is lost leaves a hole that nobody
//! can fill. Each answer of a token is therefore written to a file, synced, before it is sent, and
//! the file is removed when the server has said that everything in it is durable. Sending a file
//! twice does no harm.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use host_api::{Cut, Entry, EntryOutcome, OpenEntry, Outcome};
use serde::{Deserialize, Serialize};

use crate::{
    durable,
    failure::{Failure, Result},
    out::hint,
    server::{Answer, Server, ServerError},
};

/// Value of [`Record::format`].
const FORMAT: &str = "tallystick-spool-v1";
/// What the name of a record ends with.
const EXTENSION: &str = "json";
/// What the name of one ends with that was put aside.
const ABANDONED: &str = "abandoned";

/// What one answer of a token, or one posting to an open book, brings to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`FORMAT`].
    format: String,
    /// The book, 64 hex digits.
    pub book: String,
    /// The entries.
    pub entries: Entries,
    /// A cut that came with them.
    pub cut: Option<Cut>,
}

/// Entries of one kind of book; at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Entries {
    /// Consecutive entries of one chain of an authenticated book.
    Signed(Vec<Entry>),
    /// Entries of an open book.
    Open(Vec<OpenEntry>),
}

/// The folder of records.
pub struct Spool {
    folder: PathBuf,
}

/// What became of the spool.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Records that the server has now.
    pub sent: usize,
    /// Records of books that this server does not have.
    pub foreign: usize,
}

impl Record {
    /// A record of these entries.
    pub fn new(book: String, entries: Entries, cut: Option<Cut>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            book,
            entries,
            cut,
        }
    }

    /// A name that is the same for the same entries, and in which chains sort by position.
    fn name(&self) -> String {
        let place = match &self.entries {
            Entries::Signed(entries) => entries
                .first()
                .map(|entry| format!("{}-{:020}", entry.writer, entry.seq)),
            Entries::Open(entries) => entries.first().map(|entry| format!("open-{}", entry.entry)),
        };
        format!("{}-{}.{EXTENSION}", self.book, place.unwrap_or_default())
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Signed(entries) => entries.len(),
            Entries::Open(entries) => entries.len(),
        }
    }
}

impl Spool {
    /// The spool in this folder, which is made if it is not there.
    pub fn open(folder: PathBuf) -> Result<Self> {
        // Who posts to which account, and when, is nobody else's business.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Failure::file(&folder, error))?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a record durable and returns its file.
    pub fn put(&self, record: &Record) -> Result<PathBuf> {
        let path = self.folder.join(record.name());
        let bytes = serde_json::to_vec(record).map_err(Failure::failed)?;
        durable::write(&path, &bytes).map_err(|error| Failure::file(&path, error))?;
        Ok(path)
    }

    /// The records that wait, those of a chain by position.
    pub fn records(&self) -> Result<Vec<(PathBuf, Record)>> {
        let failed = |error| Failure::file(&self.folder, error);
        let mut paths = Vec::new();
        for item in fs::read_dir(&self.folder).map_err(failed)? {
            let path = item.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
            {
                paths.push(path);
            }
        }
        paths.sort();
        paths
            .into_iter()
            .filter_map(|path| match read(&path) {
                Ok(record) => Some(Ok((path, record?))),
                Err(failure) => Some(Err(failure)),
            })
            .collect()
    }

    /// Sends everything that waits, and removes what the server has. Records of books that it does
    /// not have stay, for another server.
    pub fn deliver(&self, server: &Server) -> Result<Delivered> {
        self.deliver_with(|record| send(server, record).map(|_| ()))
    }

    /// Sends one record that is in the file at `path`, and returns what became of its entries.
    pub fn deliver_one(
        &self,
        server: &Server,
        path: &Path,
        record: &Record,
    ) -> Result<Vec<EntryOutcome>> {
        let outcomes = send(server, record)?;
        durable::remove(path).map_err(|error| Failure::file(path, error))?;
        Ok(outcomes)
    }

    /// Puts aside what the server refuses, and returns the files, which nothing sends again.
    pub fn abandon(&self, server: &Server) -> Result<Vec<PathBuf>> {
        let mut abandoned = Vec::new();
        for (path, record) in self.records()? {
            match send(server, &record) {
                Ok(_) => durable::remove(&path).map_err(|error| Failure::file(&path, error))?,
                Err(error) if error.is_problem("unknown-book") => {}
                Err(ServerError::Problem(_)) => {
                    let aside = path.with_extension(ABANDONED);
                    fs::rename(&path, &aside).map_err(|error| Failure::file(&path, error))?;
                    abandoned.push(aside);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(abandoned)
    }

    fn deliver_with(&self, mut send: impl FnMut(&Record) -> Answer<()>) -> Result<Delivered> {
        let mut delivered = Delivered::default();
        for (path, record) in self.records()? {
            match send(&record) {
                Ok(()) => {
                    durable::remove(&path).map_err(|error| Failure::file(&path, error))?;
                    delivered.sent += 1;
                }
                Err(error) if error.is_problem("unknown-book") => delivered.foreign += 1,
                Err(error) => {
                    let waits = format!("The entries wait in {}", path.display());
                    return Err(Failure::from(error).and(&waits));
                }
            }
        }
        Ok(delivered)
    }
}

/// Reads a record; `None` if another process has just delivered it.
fn read(path: &Path) -> Result<Option<Record>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|error| Failure::file(path, error))?,
    };
    let damaged = |reason: String| {
        Failure::failed(format!(
            "{} is no record of signed entries ({reason}). If it was damaged, the token still has \
             its last answer: move the file away and try again",
            path.display()
        ))
    };
    let record: Record =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if record.format != FORMAT || record.len() == 0 {
        return Err(damaged(format!("its format is not {FORMAT}")));
    }
    Ok(Some(record))
}

/// Brings a record to the server: entries first, then the cut behind them.
fn send(server: &Server, record: &Record) -> Answer<Vec<EntryOutcome>> {
    let appended = match &record.entries {
        Entries::Signed(entries) => server.append(&record.book, entries)?,
        Entries::Open(entries) => server.append(&record.book, entries)?,
    };
    let is_durable = |outcome| matches!(outcome, Outcome::Stored | Outcome::Already);
    let all = appended.entries.len() == record.len()
        && appended
            .entries
            .iter()
            .all(|entry| is_durable(entry.outcome));
    if !all {
        return Err(ServerError::Garbled {
            url: server.url().to_owned(),
            reason: "it does not say of every entry that it is stored".to_owned(),
        });
    }
    if let Some(cut) = &record.cut
        && let Err(error) = server.post_cut(&record.book, cut)
    {
        // The entries are safe, and the token gives out another cut when it is asked for one.
        match error {
            ServerError::Problem(_) => {
                hint(&format!("warning: a cut was not taken: {error}"));
            }
            error => return Err(error),
        }
    }
    Ok(appended.entries)
}

#[cfg(test)]
mod tests;
