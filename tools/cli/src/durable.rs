//! Files that are there whole or not at all, whatever crashes.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// What the name of a file ends with that is still being written.
pub const UNFINISHED: &str = "tmp";

/// Writes a file under another name, syncs it and renames it; when this returns, file and name
/// survive a power cut.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.{UNFINISHED}", std::process::id()));
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_folder(path)
}

/// Removes a file. One that is gone already was removed by somebody else, which is as good.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => sync_folder(path),
    }
}

fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
