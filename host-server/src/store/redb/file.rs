//! The database file: opening it, opening it again after an I/O error, and what its errors mean.

use std::{
    fmt, fs,
    io::{self, Read},
    path::Path,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use redb::{Database, DatabaseError, Durability, StorageError, WriteTransaction};

use crate::store::{Result, SCHEMA, StoreError};

/// What some work on the database gives.
pub type Outcome<T> = std::result::Result<T, Fault>;

type Opener = dyn Fn() -> std::result::Result<Database, DatabaseError> + Send + Sync;

/// The file. After an I/O error redb does no more work until it is opened afresh; so it is closed
/// then, and whoever comes next opens it, which leaves the last commit and nothing else.
pub struct File {
    name: String,
    open: Box<Opener>,
    database: RwLock<Option<Database>>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({:?})", self.name)
    }
}

/// Why some work on the database failed.
#[derive(Debug)]
pub enum Fault {
    /// redb says so.
    Redb(Box<redb::Error>),
    /// We say so.
    Store(StoreError),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Redb(Box::new(error.into()))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A transaction that is on the disk when its commit returns. In two phases: entries come from
/// strangers, and redb's checksum is not made to withstand chosen data. Not with quick repair: on a
/// file of 1 GB it makes commits ten times slower, to save a second when opening after a crash.
pub fn begin_write(database: &Database) -> Outcome<WriteTransaction> {
    let mut txn = database.begin_write()?;
    txn.set_durability(Durability::Immediate)?;
    txn.set_two_phase_commit(true);
    Ok(txn)
}

/// Empties a file that was being created when its process was killed. redb writes its first bytes
/// last; as long as they are zero, nothing was ever stored in it, and redb itself refuses it.
pub fn discard_unfinished(path: &Path) -> std::result::Result<(), StorageError> {
    // If it can't be opened or is in use, whoever opens it next says so.
    let Ok(mut file) = fs::File::options().read(true).write(true).open(path) else {
        return Ok(());
    };
    if file.try_lock().is_err() || file.metadata()?.len() > UNFINISHED_LEN_MAX {
        return Ok(());
    }
    let mut start = [0xff; MAGIC_LEN];
    if file.read_exact(&mut start).is_ok() && start == [0; MAGIC_LEN] {
        file.set_len(0)?;
    }
    Ok(())
}

/// How many bytes say that a file is redb's.
const MAGIC_LEN: usize = 9;
/// A file that is being created is shorter; one that is longer is something else.
const UNFINISHED_LEN_MAX: u64 = 1 << 23;

impl File {
    /// A file that `open` opens, at its first use.
    pub fn new(
        name: String,
        open: impl Fn() -> std::result::Result<Database, DatabaseError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            open: Box::new(open),
            database: RwLock::default(),
        }
    }

    /// Does some work on the open database.
    pub fn with<T>(&self, work: impl FnOnce(&Database) -> Outcome<T>) -> Result<T> {
        let outcome = loop {
            if let Some(database) = &*self.read() {
                break work(database);
            }
            let mut closed = self
                .database
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if closed.is_none() {
                *closed = Some((self.open)().map_err(|error| self.explain_open(error))?);
            }
        };
        outcome.map_err(|fault| match fault {
            Fault::Store(error) => error,
            Fault::Redb(error) => {
                *self
                    .database
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = None;
                self.explain(&error)
            }
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Database>> {
        // A panic in some work leaves the database as it was.
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn explain(&self, error: &redb::Error) -> StoreError {
        let text = format!("{}: {error}", self.name);
        match error {
            redb::Error::Io(error) if is_full(error.kind()) => StoreError::Full(text),
            redb::Error::Corrupted(_) => StoreError::Damaged(text),
            _ => StoreError::Unavailable(text),
        }
    }

    fn explain_open(&self, error: DatabaseError) -> StoreError {
        let name = &self.name;
        match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::Unavailable(format!(
                "{name} is in use by another process, which locks it: if that is a server, let it \
                 do the work (API keys: `tally key …`), or stop it first"
            )),
            DatabaseError::UpgradeRequired(version) => StoreError::Schema {
                found: format!("redb {version}"),
                expected: SCHEMA,
            },
            DatabaseError::Storage(StorageError::Io(error))
                if error.kind() == io::ErrorKind::InvalidData =>
            {
                StoreError::Damaged(format!("{name} is not a ledger file: {error}"))
            }
            error => self.explain(&error.into()),
        }
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(kind, StorageFull | QuotaExceeded | FileTooLarge)
}
