//! A ledger in a file: a first line, then frames, each a length (u32, big-endian), 8 bytes of a
//! SHA-256 and so many bytes of postcard; the last one holds the counts and the hash of all.
//!
//! A file that is being written is called `FILE.partial`. Whoever goes on with one compares what it
//! holds with what should be there, and writes from the first difference on: that may be the point
//! where it ends, or where the ledger has grown meanwhile.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, ErrorKind, Read as _, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    Batch, Fingerprint, Result, Sink, Summary, TransferError,
    frame::{self, Frame, Read},
};
use crate::maintenance::progress::Progress;

/// The first line.
const MAGIC: &[u8] = b"tallystick-ledger-v1\n";
/// Longer frames are not written: 1000 entries of the largest suite are 3 MB.
const FRAME_LEN_MAX: u32 = 1 << 28;
/// How much of each frame's hash is kept.
const CHECK_LEN: usize = 8;

/// A file that is being written.
pub struct FileSink {
    path: PathBuf,
    partial: PathBuf,
    /// What an earlier run left behind, as long as it agrees.
    old: Option<BufReader<File>>,
    new: BufWriter<File>,
    len: u64,
    kept: u64,
}

impl FileSink {
    /// Begins a file, or goes on with what an earlier run left behind.
    ///
    /// # Errors
    /// [`TransferError::File`] if there is a file of that name, or it can't be written.
    pub fn begin(path: &Path) -> Result<Self> {
        if path.exists() {
            let text = format!("{} is there already; name another file", path.display());
            return Err(TransferError::File(text));
        }
        let mut partial = path.to_owned().into_os_string();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let open = || -> io::Result<(File, File)> {
            let mut options = File::options();
            let new = options.read(true).write(true).create(true).truncate(false);
            let new = private(new).open(&partial)?;
            // Two exports into one file would write over each other.
            new.try_lock()?;
            Ok((new, File::open(&partial)?))
        };
        let (new, old) = open().map_err(|error| failed(&partial, &error))?;
        let mut sink = Self {
            path: path.to_owned(),
            partial,
            old: Some(BufReader::new(old)),
            new: BufWriter::new(new),
            len: 0,
            kept: 0,
        };
        sink.write(MAGIC)?;
        Ok(sink)
    }

    /// How many bytes an earlier run had written.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Ends the file, makes it durable and gives it its name.
    ///
    /// # Errors
    /// [`TransferError::File`].
    pub fn finish(mut self, summary: &Summary) -> Result<()> {
        self.write_frame(&Frame::End(*summary))?;
        let mut finish = || -> io::Result<()> {
            self.new.flush()?;
            self.new.get_ref().set_len(self.len)?;
            self.new.get_ref().sync_all()?;
            fs::rename(&self.partial, &self.path)?;
            let folder = self.path.parent().filter(|path| *path != Path::new(""));
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        finish().map_err(|error| failed(&self.path, &error))
    }

    fn write_frame(&mut self, frame: &Frame) -> Result<()> {
        let bytes = frame::to_bytes(frame);
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if len > FRAME_LEN_MAX {
            let text = format!("{} bytes do not fit into a frame", bytes.len());
            return Err(TransferError::File(text));
        }
        let check = check(&bytes);
        self.write(&[&len.to_be_bytes()[..], &check, &bytes].concat())
    }

    /// Writes bytes unless they are there.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(old) = &mut self.old {
            let mut there = vec![0; bytes.len()];
            if old.read_exact(&mut there).is_ok() && there == bytes {
                self.len += bytes.len() as u64;
                self.kept = self.len;
                return Ok(());
            }
            self.old = None;
            let start = SeekFrom::Start(self.len);
            let cut = self.new.get_ref().set_len(self.len);
            cut.and_then(|()| self.new.seek(start))
                .map_err(|error| failed(&self.partial, &error))?;
        }
        self.len += bytes.len() as u64;
        self.new
            .write_all(bytes)
            .map_err(|error| failed(&self.partial, &error))
    }
}

impl Sink for FileSink {
    async fn put(&mut self, batch: &Batch) -> Result<()> {
        self.write_frame(&Frame::from(batch))
    }
}

/// Gives everything in a file to a sink.
///
/// # Errors
/// [`TransferError::File`] if the file is not whole, and what the sink says.
pub async fn read_file(path: &Path, sink: &mut impl Sink, progress: &Progress) -> Result<Summary> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    let mut input = BufReader::new(file);
    let mut magic = [0; MAGIC.len()];
    if input.read_exact(&mut magic).is_err() || magic != MAGIC {
        let text = format!("{} is no ledger that was exported", path.display());
        return Err(TransferError::File(text));
    }
    let mut print = Fingerprint::default();
    loop {
        let damaged = |what: &str| {
            let counts = "what was read before that is whole";
            TransferError::File(format!("{} {what}; {counts}", path.display()))
        };
        let frame = next_frame(&mut input)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => damaged("ends too early"),
                _ => failed(path, &error),
            })?
            .ok_or_else(|| damaged("holds bytes that nobody wrote there"))?;
        match frame
            .read()
            .ok_or_else(|| damaged("holds a record that was changed"))?
        {
            Read::Batch(batch) => {
                print.add(&batch);
                sink.put(&batch).await?;
                if let Batch::Entries(entries) = &batch {
                    progress.add(entries.len() as u64);
                }
            }
            Read::End(said) => {
                let found = print.summary();
                if found != said {
                    let text = format!("{}: it says {said}, it has {found}", path.display());
                    return Err(TransferError::Differs(text));
                }
                return Ok(found);
            }
        }
    }
}

/// The next frame; `None` if it was changed.
fn next_frame(input: &mut impl io::Read) -> io::Result<Option<Frame>> {
    let (mut len, mut said) = ([0; 4], [0; CHECK_LEN]);
    input.read_exact(&mut len)?;
    input.read_exact(&mut said)?;
    let len = u32::from_be_bytes(len);
    if len > FRAME_LEN_MAX {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    input.take(u64::from(len)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != u64::from(len) {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if check(&bytes) != said {
        return Ok(None);
    }
    Ok(postcard::from_bytes(&bytes).ok())
}

fn check(bytes: &[u8]) -> [u8; CHECK_LEN] {
    let mut check = [0; CHECK_LEN];
    check.copy_from_slice(&Sha256::digest(bytes)[..CHECK_LEN]);
    check
}

/// Who posts to which account, and when, is nobody else's business.
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

fn failed(path: &Path, error: &io::Error) -> TransferError {
    TransferError::File(format!("{}: {error}", path.display()))
}
