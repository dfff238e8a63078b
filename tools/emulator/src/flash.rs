//! The flash of an emulated token: a NOR model whose every change is in a file before it counts.
//!
//! The file holds the bytes of the flash and nothing else. **It is as good as the device**: it has
//! the device secret in it, so whoever copies it has a token whose PIN can be guessed without a
//! limit. It is readable by its owner only, and locked while an emulator uses it.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use firmware_token::nor::{
    NorError,
    power::{Failing, Tear},
};
use zeroize::Zeroizing;

use crate::Error;

/// The erase page that holds the format marker and the device secret.
pub(crate) const DEVICE_PAGE: u32 = 0;

/// Where the token's store lies; the same as on the boards.
pub(crate) const STORE: Range<u32> = 4096..1028 * 1024;

/// Size of the flash and of its file, in bytes.
pub const CAPACITY: usize = 1028 * 1024;

/// Wiped when it is dropped, because the device secret is in it.
type Model = Failing<Zeroizing<Vec<u8>>>;

/// A NOR flash in memory, and in a file if it is to last.
pub struct FileFlash {
    model: Model,
    /// Holds the lock as long as it is open.
    file: Option<File>,
}

impl FileFlash {
    /// Opens the state file at `path`, or makes a new, blank one.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the file can't be opened, [`Error::StateInUse`] if another emulator has
    /// it open, [`Error::NotState`] if it is not of the size of a state file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let state_error = |source| Error::State {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(state_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(Error::StateInUse {
                    path: path.to_owned(),
                });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(state_error(source)),
        }
        let metadata = file.metadata().map_err(state_error)?;
        if metadata.len() == 0 && metadata.is_file() {
            create(path, &file).map_err(state_error)?;
        } else if metadata.len() != CAPACITY as u64 {
            return Err(Error::NotState {
                path: path.to_owned(),
            });
        }
        let mut bytes = Zeroizing::new(vec![0; CAPACITY]);
        file.read_exact_at(&mut bytes, 0).map_err(state_error)?;
        Ok(Self {
            model: Failing::new(bytes),
            file: Some(file),
        })
    }

    /// A blank flash that is gone when it is dropped, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            model: Failing::new(Zeroizing::new(vec![0; CAPACITY])),
            file: None,
        }
    }

    /// Lets the power fail in the write or erase that follows the next `operations` of them; see
    /// [`Failing::cut_power_after`]. What the cut leaves is in the file.
    pub fn cut_power_after(&mut self, operations: u32, tear: Tear) {
        self.model.cut_power_after(operations, tear);
    }

    /// Brings `len` bytes from `offset` on into the file, whatever became of the operation.
    ///
    /// If the file fails, nobody knows what it holds: the flash is off from then on, and
    /// the token stops answering rather than promise what may be lost.
    fn persist(
        &mut self,
        offset: u32,
        len: usize,
        outcome: Result<(), NorError>,
    ) -> Result<(), NorError> {
        let Some(file) = &self.file else {
            return outcome;
        };
        let offset = offset as usize;
        let Some(bytes) = self.model.bytes().get(offset..offset + len) else {
            return outcome;
        };
        let written = file
            .write_all_at(bytes, offset as u64)
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            eprintln!("tally emulator: the state file failed, the token stops: {error}");
            self.model.cut_power();
            return Err(NorError::PowerCut);
        }
        outcome
    }
}

/// Gives a new file its size and makes sure that its name survives a power cut.
fn create(path: &Path, file: &File) -> io::Result<()> {
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.set_len(CAPACITY as u64)?;
    file.sync_all()?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

impl ErrorType for FileFlash {
    type Error = NorError;
}

impl ReadNorFlash for FileFlash {
    const READ_SIZE: usize = Model::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        self.model.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.model.capacity()
    }
}

impl NorFlash for FileFlash {
    const WRITE_SIZE: usize = Model::WRITE_SIZE;
    const ERASE_SIZE: usize = Model::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        let outcome = self.model.erase(from, to);
        self.persist(from, to.saturating_sub(from) as usize, outcome)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        let outcome = self.model.write(offset, bytes);
        self.persist(offset, bytes.len(), outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(flash: &mut FileFlash, offset: u32) -> [u8; 4] {
        let mut word = [0; 4];
        flash.read(offset, &mut word).unwrap();
        word
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_was_written_is_in_the_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut flash = FileFlash::open(&path).unwrap();
        flash.erase(0, 8192).unwrap();
        flash.write(4096, b"kept").unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), CAPACITY);
        assert_eq!(bytes[4096..4100], *b"kept");
        assert!(bytes[..4096].iter().all(|byte| *byte == 0xff));
        assert_eq!(mode(&path), 0o600);
        drop(flash);

        let mut flash = FileFlash::open(&path).unwrap();
        assert_eq!(word(&mut flash, 4096), *b"kept");
        assert_eq!(flash.write(4096, &[0xff; 4]), Err(NorError::NotErased));
    }

    #[test]
    fn a_power_cut_leaves_its_torn_write_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut flash = FileFlash::open(&path).unwrap();
        flash.erase(0, 4096).unwrap();
        flash.cut_power_after(0, Tear::Half);
        assert_eq!(flash.write(0, &[1, 2, 3, 4]), Err(NorError::PowerCut));
        drop(flash);
        let mut flash = FileFlash::open(&path).unwrap();
        assert_eq!(word(&mut flash, 0), [1, 2, 0xff, 0xff]);
    }

    #[test]
    fn two_emulators_cannot_share_a_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let first = FileFlash::open(&path).unwrap();
        assert!(matches!(
            FileFlash::open(&path),
            Err(Error::StateInUse { .. })
        ));
        drop(first);
        FileFlash::open(&path).unwrap();
    }

    #[test]
    fn a_file_of_another_kind_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter.txt");
        std::fs::write(&path, "Dear Sir").unwrap();
        assert!(matches!(
            FileFlash::open(&path),
            Err(Error::NotState { .. })
        ));
        assert_eq!(std::fs::read(&path).unwrap(), b"Dear Sir");
        assert!(matches!(
            FileFlash::open(folder.path()),
            Err(Error::State { .. })
        ));
    }

    #[test]
    fn misuse_changes_neither_memory_nor_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut flash = FileFlash::open(&path).unwrap();
        assert_eq!(
            flash.write(u32::MAX - 3, &[0; 4]),
            Err(NorError::OutOfBounds)
        );
        assert_eq!(flash.erase(8192, 4096), Err(NorError::OutOfBounds));
        assert_eq!(flash.erase(0, 100), Err(NorError::NotAligned));
        assert!(std::fs::read(&path).unwrap().iter().all(|byte| *byte == 0));
    }
}
