//! How far an import has come, so that one that was stopped goes on where it was and posts no row
//! twice.
//!
//! Before a batch is signed, its size and the position it will have are written down and synced.
//! After a stop the token's own position tells whether the batch was signed: the chain either
//! stands where the batch begins or where it ends. That is looked up before anything else is posted
//! ([`settle_all`]), so it is never in doubt.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use core_nostd::ids::{BookId, WriterId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    durable,
    failure::{Failure, Result},
    spool::Spool,
};

/// Value of [`State::format`].
const FORMAT: &str = "tallystick-import-v1";
/// What the name of a journal ends with.
const EXTENSION: &str = "import";

/// An import on its way.
pub struct Journal {
    path: PathBuf,
    state: State,
}

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: String,
    book: String,
    writer: String,
    file: PathBuf,
    sha256: String,
    /// How many rows, from the first, are posted for certain.
    rows_done: u64,
    /// Position of the first entry of this import.
    first_seq: Option<u64>,
    /// A batch that may have been signed or not.
    pending: Option<Batch>,
    /// The chain went on before that was settled.
    lost_track: bool,
    /// Every row is posted.
    finished: bool,
}

/// Rows that are signed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    first_seq: u64,
    rows: u64,
}

impl Journal {
    /// The journal of importing this file into this chain: the one that was begun, or a new one.
    /// A finished one is kept, so that the same file is posted once however often it is imported,
    /// unless `again` is set.
    ///
    /// A file that has changed since its import was begun is refused, as it can't be told which of
    /// its rows are posted.
    pub fn begin(
        spool: &Spool,
        book: &BookId,
        writer: &WriterId,
        file: &Path,
        sha256: &str,
        again: bool,
    ) -> Result<Self> {
        let file = file
            .canonicalize()
            .map_err(|error| Failure::file(file, error))?;
        let key = Sha256::new()
            .chain_update(book.0)
            .chain_update(writer.0)
            .chain_update(file.as_os_str().as_encoded_bytes())
            .finalize();
        let path = spool
            .folder()
            .join(format!("{}.{EXTENSION}", hex::encode(&key[..16])));
        let fresh = State {
            format: FORMAT.to_owned(),
            book: book.to_string(),
            writer: writer.to_string(),
            file,
            sha256: sha256.to_owned(),
            rows_done: 0,
            first_seq: None,
            pending: None,
            lost_track: false,
            finished: false,
        };
        let over = |state: &State| state.finished && (again || state.sha256 != sha256);
        let state = read(&path)?.filter(|state| !over(state)).unwrap_or(fresh);
        let journal = Self { path, state };
        journal.check(sha256)?;
        Ok(journal)
    }

    fn check(&self, sha256: &str) -> Result<()> {
        let State {
            file, rows_done, ..
        } = &self.state;
        let (file, journal) = (file.display(), self.path.display());
        let trouble = if self.state.sha256 != sha256 {
            format!(
                "{file} has changed since its import was begun; {rows_done} rows of it are posted"
            )
        } else if self.state.lost_track || self.state.pending.is_some() {
            format!(
                "the import of {file} was stopped after row {rows_done}, and before it went on \
                 others posted to the chain from another host; whether the next rows were posted \
                 can't be told from here"
            )
        } else {
            return Ok(());
        };
        Err(Failure::failed(format!(
            "{trouble}. Put the rows that are still to be posted into a file of another name and \
             import that; then delete {journal}"
        )))
    }

    /// How many rows, from the first, are posted.
    pub fn rows_done(&self) -> u64 {
        self.state.rows_done
    }

    /// Position of the first entry of this import.
    pub fn first_seq(&self) -> Option<u64> {
        self.state.first_seq
    }

    /// Writes down, durably, that the next `rows` rows are about to be signed at `first_seq`.
    pub fn begin_batch(&mut self, first_seq: u64, rows: u64) -> Result<()> {
        self.state.pending = Some(Batch { first_seq, rows });
        write(&self.path, &self.state)
    }

    /// The batch was signed (and is in the spool, or further).
    pub fn end_batch(&mut self) {
        self.state.settle_pending(true);
    }

    /// The batch was not signed.
    pub fn drop_batch(&mut self) {
        self.state.settle_pending(false);
    }

    /// The whole file is posted.
    pub fn finish(mut self) -> Result<()> {
        self.state.finished = true;
        write(&self.path, &self.state)
    }
}

impl State {
    fn settle_pending(&mut self, was_signed: bool) {
        if let Some(Batch { first_seq, rows }) = self.pending.take()
            && was_signed
        {
            self.rows_done += rows;
            self.first_seq.get_or_insert(first_seq);
        }
    }

    /// Settles the pending batch by the token's next position.
    fn settle(&mut self, next_seq: u64) {
        let Some(Batch { first_seq, rows }) = self.pending else {
            return;
        };
        if next_seq == first_seq {
            self.settle_pending(false);
        } else if next_seq == first_seq + rows {
            self.settle_pending(true);
        } else {
            self.lost_track = true;
        }
    }
}

/// Settles the pending batch of every import into a chain whose next position is `next_seq`. To be
/// done before anything is posted to it.
pub fn settle_all(spool: &Spool, book: &BookId, writer: &WriterId, next_seq: u64) -> Result<()> {
    let failed = |error| Failure::file(spool.folder(), error);
    let (book, writer) = (book.to_string(), writer.to_string());
    for item in fs::read_dir(spool.folder()).map_err(failed)? {
        let path = item.map_err(failed)?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != EXTENSION)
        {
            continue;
        }
        let Some(mut state) = read(&path)? else {
            continue;
        };
        if state.book == book && state.writer == writer && state.pending.is_some() {
            state.settle(next_seq);
            write(&path, &state)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<State>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|error| Failure::file(path, error))?,
    };
    serde_json::from_slice(&bytes)
        .ok()
        .filter(|state: &State| state.format == FORMAT)
        .map(Some)
        .ok_or_else(|| Failure::failed(format!("{} is no journal of an import", path.display())))
}

fn write(path: &Path, state: &State) -> Result<()> {
    let bytes = serde_json::to_vec(state).map_err(Failure::failed)?;
    durable::write(path, &bytes).map_err(|error| Failure::file(path, error))
}

#[cfg(test)]
mod tests;
