//! A hidden folder beside a file, in which its successor is written.
//!
//! Its name follows from that of the file, and a lock in it says that somebody is there: writers of one file take turns,
//! and what a killed one has left is removed by the next, or by one that writes another file in the same folder.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PREFIX: &str = ".candle_ffi-";
const SUFFIX: &str = ".tmp";
const LOCK: &str = "lock";
/// How many rooms a file may have: another one is taken where a user has left what this one may not remove.
const MOST_ROOMS: u64 = 8;
/// How long the room of another file is let alone. Not all locks reach all machines that share a folder.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// Tells the files of this process from each other.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The room, for as long as this lives; then it is removed, with all that is in it.
pub(super) struct Room {
    path: PathBuf,
    content: PathBuf,
    /// The new file; its name is one of its own, so that nobody else's is ever moved.
    pub(super) file: File,
    /// None where the file system has no locks.
    lock: Option<File>,
}

impl Room {
    /// Waits for the room of the file `name` in `folder`, and removes what killed writers have left in the folder.
    pub(super) fn enter(folder: &Path, name: &OsStr) -> io::Result<Self> {
        let hash = hash(name.as_encoded_bytes());
        let mut number = 0;
        loop {
            let path = folder.join(format!("{PREFIX}{:016x}{SUFFIX}", hash.wrapping_add(number)));
            number += 1;
            match Self::enter_at(&path) {
                Err(_) if number < MOST_ROOMS => {}
                entered => {
                    remove_idle(folder, &path);
                    return entered;
                }
            }
        }
    }

    fn enter_at(path: &Path) -> io::Result<Self> {
        let own = NUMBER.fetch_add(1, Ordering::Relaxed);
        let content = path.join(format!("content-{}-{own}", std::process::id()));
        loop {
            let is_made = match make(path) {
                Ok(()) => true,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
                Err(error) => return Err(error),
            };
            // Wherever nothing is found here, the one who was there has just removed it.
            let lock = match found(open_lock(path)) {
                Ok(Some(lock)) => lock,
                Ok(None) => continue,
                Err(error) => {
                    if is_made {
                        let _ = fs::remove_dir(path);
                    }
                    return Err(error);
                }
            };
            let lock = match lock.lock() {
                Ok(()) if is_still(&lock, path) => Some(lock),
                Err(error) if error.kind() != ErrorKind::Interrupted => None,
                _ => {
                    let _ = lock.unlock();
                    continue;
                }
            };
            empty(path, lock.is_none());
            // A new one: what somebody has put there may be a link.
            match found(File::create_new(&content)) {
                Ok(Some(file)) => return Ok(Self { path: path.to_owned(), content, file, lock }),
                Ok(None) => {}
                Err(error) => {
                    if let Some(lock) = lock {
                        remove(path);
                        let _ = lock.unlock();
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Moves the new file to its place.
    pub(super) fn leave(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.content, target)
    }

    /// Whether somebody is writing in this folder.
    pub(super) fn is_at(folder: &Path) -> bool {
        is_called_so(folder) && folder.join(LOCK).exists()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.content);
        remove(&self.path);
        // To close it is not enough: a child that was forked meanwhile has it open, too.
        if let Some(lock) = &self.lock {
            let _ = lock.unlock();
        }
    }
}

/// None in place of the error that there is no such thing.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Makes the folder. What others may not read of the old file they may not read here either.
fn make(room: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(room)
}

fn open_lock(room: &Path) -> io::Result<File> {
    // A link would lead to files that are none of ours.
    let found = room.symlink_metadata()?;
    if !found.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    #[cfg(unix)]
    if is_of_another(room, &found) {
        return Err(ErrorKind::PermissionDenied.into());
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options.open(room.join(LOCK))
}

/// Whether another user has made a room where all may, as in `/tmp`: who owns it can hold its lock, and exchange what is
/// in it.
#[cfg(unix)]
fn is_of_another(room: &Path, found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let folder = room.parent().unwrap_or(Path::new("."));
    let is_open = folder.metadata().map_or(true, |folder| folder.mode() & 0o022 != 0);
    is_open && found.uid() != rustix::process::geteuid().as_raw()
}

/// Whether the lock is that of the room: who had it before has removed both, and then it is none any more.
fn is_still(lock: &File, room: &Path) -> bool {
    let (Ok(held), Ok(there)) = (lock.metadata(), room.join(LOCK).symlink_metadata()) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (held.dev(), held.ino()) == (there.dev(), there.ino())
    }
    #[cfg(not(unix))]
    {
        held.is_file() && there.is_file()
    }
}

/// Removes what is in a room but for the lock; with `careful` only what nobody has written to for long.
fn empty(room: &Path, careful: bool) {
    for entry in fs::read_dir(room).into_iter().flatten().flatten() {
        if entry.file_name() != LOCK && (!careful || is_idle(&entry.path())) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes a room that is empty but for the lock.
fn remove(room: &Path) {
    let others = fs::read_dir(room).into_iter().flatten().flatten().any(|entry| entry.file_name() != LOCK);
    if !others {
        let _ = fs::remove_file(room.join(LOCK));
        let _ = fs::remove_dir(room);
    }
}

/// Removes the rooms of other files in a folder in which nobody is, and nobody has been for long.
fn remove_idle(folder: &Path, own: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let room = entry.path();
        let idle = is_called_so(&room)
            && room != own
            && is_idle(&room)
            && fs::read_dir(&room)
                .is_ok_and(|mut inside| inside.all(|entry| entry.is_ok_and(|it| is_idle(&it.path()))));
        if idle
            && let Ok(lock) = open_lock(&room)
            && lock.try_lock().is_ok()
            && is_still(&lock, &room)
        {
            empty(&room, true);
            remove(&room);
            let _ = lock.unlock();
        }
    }
}

fn is_called_so(folder: &Path) -> bool {
    let name = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

fn is_idle(path: &Path) -> bool {
    let modified = path.symlink_metadata().and_then(|found| found.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > IDLE))
}

/// FNV-1a: short, and the same wherever it is written down.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    /// What a killed writer leaves: a room with a lock that nobody holds, and half a file.
    fn left_behind(folder: &Path, name: &str, age: Duration) -> PathBuf {
        let room = Room::enter(folder, OsStr::new(name)).unwrap();
        let path = room.path.clone();
        drop(room);
        fs::create_dir(&path).unwrap();
        for name in [LOCK, "content-1-0"] {
            fs::write(path.join(name), b"half").unwrap();
        }
        for path in [path.join(LOCK), path.join("content-1-0"), path.clone()] {
            File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
        }
        path
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn the_next_writer_of_a_file_removes_what_a_killed_one_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let left = left_behind(folder.path(), "x", Duration::ZERO);
        let room = Room::enter(folder.path(), OsStr::new("x")).unwrap();
        assert_eq!(room.path, left);
        assert_eq!(count(&room.path), 2, "the lock and the new file");
        room.leave(&folder.path().join("x")).unwrap();
        assert_eq!(count(folder.path()), 1);
    }

    #[test]
    fn rooms_of_other_files_are_removed_when_nobody_is_there_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let long = IDLE + Duration::from_secs(9);
        let fresh = left_behind(folder.path(), "fresh", Duration::ZERO);
        let old = left_behind(folder.path(), "old", long);
        let held = left_behind(folder.path(), "held", long);
        let holder = open_lock(&held).unwrap();
        holder.lock().unwrap();
        drop(Room::enter(folder.path(), OsStr::new("x")).unwrap());
        assert!(fresh.exists() && held.exists() && !old.exists());
        drop(holder);
        drop(Room::enter(folder.path(), OsStr::new("x")).unwrap());
        assert!(fresh.exists() && !held.exists());
    }

    #[test]
    fn what_cannot_be_a_room_is_let_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = |number: u64| folder.path().join(format!("{PREFIX}{:016x}{SUFFIX}", hash(b"x") + number));
        fs::write(place(0), b"a file").unwrap();
        let mut others = 1;
        #[cfg(unix)]
        {
            let other = folder.path().join("other");
            fs::create_dir(&other).unwrap();
            fs::write(other.join("kept"), b"").unwrap();
            std::os::unix::fs::symlink(&other, place(1)).unwrap();
            others += 1;
        }
        let room = Room::enter(folder.path(), OsStr::new("x")).unwrap();
        assert_eq!(room.path, place(others));
        drop(room);
        assert!(!place(others).exists() && place(0).is_file());
        #[cfg(unix)]
        assert!(place(1).is_symlink() && folder.path().join("other/kept").exists());
        assert_eq!(Room::enter(&place(0), OsStr::new("x")).err().unwrap().kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn writers_of_one_file_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let inside = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let room = Room::enter(folder.path(), OsStr::new("x")).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        room.leave(&folder.path().join("x")).unwrap();
                    }
                });
            }
        });
        assert_eq!(count(folder.path()), 1);
    }

    #[test]
    fn names_follow_from_the_file_as_in_python() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
