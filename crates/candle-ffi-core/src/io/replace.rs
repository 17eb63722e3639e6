//! Replacing a file as a whole: it is either the old one or the complete new one.
//!
//! The new one is written into a [`Room`] beside the old one and moved from there. The Python package does the same in
//! `serialization/replace.py`, with the same names, so that the two take turns and clean up after each other.

use super::room::Room;
use crate::Result;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How many links a path may lead through; as in Linux.
const MOST_LINKS: usize = 40;

/// Has `write` fill a file beside `path`, and moves it there when that succeeded and the content is on the disk.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    // Before links are followed: those of `/dev/fd` lead to what has no path, as a pipe.
    let before = path.metadata().ok();
    if before.as_ref().is_some_and(|before| !before.is_file() && !before.is_dir()) {
        return write(&File::create(path)?);
    }
    let path = without_links(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if Room::is_at(folder) {
        // In a room, the one who has made it will do what follows here.
        return write(&File::create(&path)?);
    }
    let room = Room::enter(folder, path.file_name().unwrap_or_default())?;
    write(&room.file)?;
    if let Some(before) = before {
        // Best effort, as for any program that edits a file of another owner.
        let _ = room.file.set_permissions(before.permissions());
    }
    room.file.sync_all()?;
    room.leave(&path)?;
    // The content is safe by now; that its name is as well is more than some file systems offer.
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The file that a path leads to, which need not be there: a link stays, and what it points to is replaced.
fn without_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match path.read_link() {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path.canonicalize().unwrap_or(path)),
        }
    }
    // A circle, which the system has an error for.
    path.canonicalize()
}
