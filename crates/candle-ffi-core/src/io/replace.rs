//! Replacing a file as a whole: it is either the old one or the complete new one.

use crate::Result;
use std::fs::{File, Permissions};
use std::path::{Path, PathBuf};

/// Has `write` fill a temporary file in the same folder, and moves it to `path` when that succeeded
/// and the content is on the disk.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    // A link stays, and what it points to is replaced.
    let path: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".candle_ffi-").suffix(".tmp");
    let ordinary = ordinary_permissions();
    if let Some(permissions) = &ordinary {
        builder.permissions(permissions.clone());
    }
    let temporary = builder.tempfile_in(folder)?;
    write(temporary.as_file())?;
    if let Ok(before) = path.metadata() {
        // Best effort, as for any program that edits a file of another owner.
        let _ = temporary.as_file().set_permissions(before.permissions());
    }
    temporary.as_file().sync_all()?;
    temporary.persist(&path).map_err(|error| error.error)?;
    // The content is safe by now; that its name is as well is more than some file systems offer.
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// What a new file gets, before the process's mask; temporary files are private otherwise.
fn ordinary_permissions() -> Option<Permissions> {
    #[cfg(unix)]
    return Some(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    #[cfg(not(unix))]
    None
}
