//! Tables on disk: written whole or not at all, refused unless every byte is as written.
//!
//! All integers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `TALLYDLT` |
//! | 4 | format version, 2 |
//! | 1 | suite |
//! | 1 | `bits`: the table has `N = 2^bits` entries, the window `|b| < N` that one look-up covers |
//! | 4 a bucket and 4 more | where each bucket starts, then `N` |
//! | 2·N | fingerprints |
//! | 32 | SHA-256 of everything above |
//!
//! A file is tied to no wider window than that: any is searched with any table, in more or fewer
//! look-ups.
//!
//! A file is written under another name, synced and renamed, so a reader never sees half of one
//! and two writers at once leave one whole file. A crash in between leaves a `.tmp` file, which
//! anybody may delete.

use std::{
    fs::{self, File},
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, BufReader, BufWriter, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use core_nostd::ciphersuite::{Ciphersuite, SuiteId};
use sha2::{Digest, Sha256};

use super::{
    DiscreteLogTable, TableBits,
    filter::{KeyFilter, bucket_bits},
};

/// Why a table could not be read or written. Nothing but a whole, undamaged table is ever used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableFileError {
    /// The file or its folder cannot be read or written; permissions or a full disk, usually.
    #[error("cannot read or write the discrete-logarithm table {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error(
        "{} is not a discrete-logarithm table: move it away, then build the table again",
        path.display()
    )]
    NotATable {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version of this software.
    #[error(
        "{} has table format {found}, this program reads {VERSION}: build the table again",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u32,
    },
    /// The file is a table of another suite or size; it was renamed or copied, probably.
    #[error(
        "{} is a table of {}, 2^{found_bits} entries, and not the one its name promises: \
         move it away, or build the table again",
        path.display(),
        SuiteId::from_u8(*found_suite).map_or("an unknown suite", SuiteId::name)
    )]
    OtherTable {
        /// The file.
        path: PathBuf,
        /// The number of its suite.
        found_suite: u8,
        /// The exponent of its size.
        found_bits: u8,
    },
    /// The file is cut short, too long, or its checksum is wrong: a failing disk or a broken copy.
    #[error("the discrete-logarithm table {} is damaged: build it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl<S: Ciphersuite> DiscreteLogTable<S> {
    /// Loads the table of this size from `dir`; if there is none, builds it and saves it there.
    ///
    /// # Errors
    /// A file that is there but cannot be used is an error, which names it. [`Self::rebuild`]
    /// replaces it.
    pub fn load_or_build(
        dir: &Path,
        bits: TableBits,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self, TableFileError> {
        let path = Self::path_in(dir, bits);
        match Self::load(&path) {
            Ok(table) if table.bits == bits => Ok(table),
            Ok(table) => Err(TableFileError::OtherTable {
                path,
                found_suite: S::ID as u8,
                found_bits: table.bits.get(),
            }),
            Err(TableFileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Self::rebuild(dir, bits, progress)
            }
            Err(error) => Err(error),
        }
    }

    /// Builds the table and saves it in `dir`, in place of what may be there.
    ///
    /// # Errors
    /// [`TableFileError::Io`].
    pub fn rebuild(
        dir: &Path,
        bits: TableBits,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self, TableFileError> {
        let path = Self::path_in(dir, bits);
        // Before the long work, because it can fail.
        fs::create_dir_all(dir).map_err(|source| io_error(&path, source))?;
        let table = Self::build(bits, progress);
        table.save(&path)?;
        Ok(table)
    }

    /// The file in `dir` that holds the table of this suite and size.
    #[must_use]
    pub fn path_in(dir: &Path, bits: TableBits) -> PathBuf {
        dir.join(format!("discrete-log-{}-{}.table", S::ID, bits.get()))
    }

    /// Writes the table to `path`, replacing what is there at once or not at all.
    ///
    /// # Errors
    /// [`TableFileError::Io`]; the file at `path` is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), TableFileError> {
        let temporary = temporary_beside(path);
        self.write(&temporary)
            .and_then(|()| fs::rename(&temporary, path))
            .and_then(|()| sync_parent(path))
            .map_err(|source| {
                // It may not be there, and the first error is the one to report.
                let _ = fs::remove_file(&temporary);
                io_error(path, source)
            })
    }

    /// Reads the table at `path`, of whatever size.
    ///
    /// # Errors
    /// Each variant of [`TableFileError`]; a table is whole or not there.
    pub fn load(path: &Path) -> Result<Self, TableFileError> {
        let damaged = || TableFileError::Damaged {
            path: path.to_owned(),
        };
        let file = File::open(path).map_err(|source| io_error(path, source))?;
        let file_len = file
            .metadata()
            .map_err(|source| io_error(path, source))?
            .len();
        let mut reader = Hashing::new(BufReader::new(file));
        let bits = read_header::<S>(&mut reader, path)?;
        let bits = TableBits::new(bits).ok_or_else(damaged)?;
        let bucket_count = 1 << bucket_bits(bits.len());
        if file_len != (HEADER_LEN + 4 * (bucket_count + 1) + 2 * bits.len() + SUM_LEN) as u64 {
            return Err(damaged());
        }
        let body = || -> io::Result<Option<KeyFilter>> {
            let starts = read_integers(&mut reader, bucket_count + 1, u32::from_le_bytes)?;
            let fingerprints = read_integers(&mut reader, bits.len(), u16::from_le_bytes)?;
            let computed = reader.sum();
            let mut stored = [0; SUM_LEN];
            reader.inner.read_exact(&mut stored)?;
            let intact = computed == stored;
            Ok(intact
                .then(|| KeyFilter::from_parts(starts, fingerprints))
                .flatten())
        }();
        let filter = body
            .map_err(|source| io_error(path, source))?
            .ok_or_else(damaged)?;
        Ok(Self::with_filter(bits, filter))
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let file = File::create_new(path)?;
        let mut writer = Hashing::new(BufWriter::new(file));
        writer.write_all(&MAGIC)?;
        writer.write_all(&VERSION.to_le_bytes())?;
        writer.write_all(&[S::ID as u8, self.bits.get()])?;
        write_integers(&mut writer, &self.filter.starts, |n| n.to_le_bytes())?;
        write_integers(&mut writer, self.filter.fingerprints(), |n| n.to_le_bytes())?;
        let sum = writer.sum();
        writer.inner.write_all(&sum)?;
        writer.inner.into_inner()?.sync_all()
    }
}

const MAGIC: [u8; 8] = *b"TALLYDLT";
const VERSION: u32 = 2;
const HEADER_LEN: usize = 14;
const SUM_LEN: usize = 32;

/// The exponent of the table's size, after everything before it has been checked.
fn read_header<S: Ciphersuite>(reader: &mut impl Read, path: &Path) -> Result<u8, TableFileError> {
    let path = path.to_owned();
    let mut header = [0; HEADER_LEN];
    if let Err(source) = reader.read_exact(&mut header) {
        return Err(match source.kind() {
            ErrorKind::UnexpectedEof => TableFileError::NotATable { path },
            _ => TableFileError::Io { path, source },
        });
    }
    let [magic @ .., v0, v1, v2, v3, found_suite, found_bits] = header;
    let found = u32::from_le_bytes([v0, v1, v2, v3]);
    if magic != MAGIC {
        Err(TableFileError::NotATable { path })
    } else if found != VERSION {
        Err(TableFileError::Version { path, found })
    } else if found_suite != S::ID as u8 {
        Err(TableFileError::OtherTable {
            path,
            found_suite,
            found_bits,
        })
    } else {
        Ok(found_bits)
    }
}

fn read_integers<T, const N: usize>(
    reader: &mut impl Read,
    count: usize,
    from_bytes: impl Fn([u8; N]) -> T,
) -> io::Result<Vec<T>> {
    let mut integers = Vec::with_capacity(count);
    let mut buffer = [[0; N]; INTEGERS_AT_ONCE];
    while integers.len() < count {
        let part = &mut buffer[..INTEGERS_AT_ONCE.min(count - integers.len())];
        reader.read_exact(part.as_flattened_mut())?;
        integers.extend(part.iter().map(|bytes| from_bytes(*bytes)));
    }
    Ok(integers)
}

fn write_integers<T: Copy, const N: usize>(
    writer: &mut impl Write,
    integers: &[T],
    to_bytes: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    let mut buffer = [[0; N]; INTEGERS_AT_ONCE];
    for part in integers.chunks(INTEGERS_AT_ONCE) {
        for (bytes, integer) in buffer.iter_mut().zip(part) {
            *bytes = to_bytes(*integer);
        }
        writer.write_all(buffer[..part.len()].as_flattened())?;
    }
    Ok(())
}

const INTEGERS_AT_ONCE: usize = 4096;

/// Hashes what passes through.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
        }
    }

    fn sum(&self) -> [u8; SUM_LEN] {
        self.hash.clone().finalize().into()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.hash.update(&buffer[..len]);
        Ok(len)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let len = self.inner.write(buffer)?;
        self.hash.update(&buffer[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A name in the same folder with 64 random bits, so that it is nobody else's.
fn temporary_beside(path: &Path) -> PathBuf {
    let number = RandomState::new().build_hasher().finish();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number:016x}.tmp"));
    path.with_file_name(name)
}

/// Makes the renaming of a file in this folder survive a power cut, where folders can be synced.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) => {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            File::open(parent)?.sync_all()
        }
        _ => Ok(()),
    }
}

fn io_error(path: &Path, source: io::Error) -> TableFileError {
    TableFileError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
