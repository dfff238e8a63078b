//! A disk for tests: it runs full, and it loses power at a chosen write together with any part of
//! what was not synced.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use redb::StorageBackend;

/// Which of the changes since the last sync survive a power cut, by their number.
pub const SURVIVORS: [fn(usize) -> bool; 4] = [
    |_| true,
    |_| false,
    |number| number % 2 == 0,
    |number| number % 2 == 1,
];

/// The disk.
#[derive(Debug)]
pub struct Disk(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    synced: Vec<u8>,
    /// What reads see: `synced` with all of `changes`.
    written: Vec<u8>,
    changes: Vec<Change>,
    writes: usize,
    syncs: usize,
    writes_max: Option<usize>,
    full: bool,
}

#[derive(Debug)]
enum Change {
    Len(usize),
    Bytes(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Len(len) => image.resize(*len, 0),
            Self::Bytes(offset, bytes) => {
                let end = offset + bytes.len();
                // A write beyond a lost change of length makes the file longer by itself.
                image.resize(image.len().max(end), 0);
                image[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    /// The disk as it is found after the power came back.
    pub fn after_power_cut(&self, survives: fn(usize) -> bool) -> Arc<Self> {
        let state = self.state();
        let mut image = state.synced.clone();
        for (number, change) in state.changes.iter().enumerate() {
            if survives(number) {
                change.apply(&mut image);
            }
        }
        let (synced, written) = (image.clone(), image);
        Arc::new(Self(Mutex::new(State {
            synced,
            written,
            ..State::default()
        })))
    }

    /// Lets the power fail after so many writes.
    pub fn cut_power_after(&self, writes_max: usize) {
        self.state().writes_max = Some(writes_max);
    }

    /// Whether writes find no room.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Lets everything wait that uses the disk, until the guard is dropped.
    pub fn hold(&self) -> impl Sized + '_ {
        self.state()
    }

    /// How many writes there were.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// How many syncs there were.
    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .expect("no test panics while it holds the disk")
    }
}

impl State {
    fn check_power(&self) -> io::Result<()> {
        match self.writes_max {
            Some(writes_max) if self.writes >= writes_max => {
                Err(io::Error::other("the power has failed"))
            }
            _ => Ok(()),
        }
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.check_power()?;
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        change.apply(&mut self.written);
        self.changes.push(change);
        self.writes += 1;
        Ok(())
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a small disk")
}

/// What redb gets of a disk, each time it opens it.
#[derive(Debug)]
pub struct Handle(pub Arc<Disk>);

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.state().written.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.state();
        let found = state.written.get(index(offset)..index(offset) + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.state().change(Change::Len(index(len)))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.state();
        state.check_power()?;
        state.synced = state.written.clone();
        state.changes.clear();
        state.syncs += 1;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0
            .state()
            .change(Change::Bytes(index(offset), data.to_vec()))
    }
}
