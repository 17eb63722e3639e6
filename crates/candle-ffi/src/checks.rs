//! Checks of handles, a switch at run time.
//!
//! Off, a handle is the address of its memory, and the caller is believed. On, a handle is a number that is looked up
//! before any memory is read: a number is given once, tells the kind it was given for, and is never an address. So a
//! handle that was freed, one of another kind, and a pointer that never was a handle are told apart for certain, however
//! often the memory behind has been used again.

use crate::handle::Kind;
use candle_ffi_core::{Error, ErrorCode};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::Write;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nobody has asked yet.
const UNREAD: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;
/// As `ON`, and each misuse is told on standard error.
const TOLD: u8 = 3;

/// Decided by whoever asks first, and the same from then on: a handle is either an address or a number.
static LEVEL: AtomicU8 = AtomicU8::new(UNREAD);

static MISUSES: AtomicUsize = AtomicUsize::new(0);

/// Whether checks are on; one load and a branch where they are off.
#[inline]
pub(crate) fn are_on() -> bool {
    !are_known_off() && decided() != OFF
}

/// Whether it was decided that checks are off.
#[inline]
pub(crate) fn are_known_off() -> bool {
    LEVEL.load(Ordering::Relaxed) == OFF
}

/// The level as C has it: 0, 1 or 2.
pub(crate) fn level() -> i32 {
    i32::from(decided() - OFF)
}

/// Sets the level unless it is decided already; gives the level that holds.
pub(crate) fn set_level(level: i32) -> i32 {
    i32::from(decide(if level > 1 { TOLD } else { OFF + u8::from(level == 1) }) - OFF)
}

/// How many pointers were no live handles of the kind that they were passed for.
pub(crate) fn misuses() -> usize {
    MISUSES.load(Ordering::Relaxed)
}

#[cold]
fn decided() -> u8 {
    match LEVEL.load(Ordering::Relaxed) {
        UNREAD => decide(wanted(std::env::var_os("CANDLE_FFI_CHECKS").as_deref())),
        level => level,
    }
}

fn wanted(variable: Option<&std::ffi::OsStr>) -> u8 {
    match variable.map(|value| value.as_encoded_bytes()) {
        None | Some(b"" | b"0") => OFF,
        Some(b"2") => TOLD,
        Some(_) => ON,
    }
}

fn decide(level: u8) -> u8 {
    if level != OFF {
        // Before there is a lock that a fork could meet.
        #[cfg(unix)]
        fork::prepare();
    }
    match LEVEL.compare_exchange(UNREAD, level, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => level,
        Err(decided) => decided,
    }
}

/// Where the numbers begin: no system gives addresses here to what is not asked for by address, and what takes
/// pointers for canonical ones takes these.
const FIRST: usize = 1 << if usize::BITS == 64 { 45 } else { 29 };
/// A number is `FIRST`, then a serial number, then four bits of the kind, then four bits of zero: aligned as memory is.
const KIND: u32 = 4;
const SERIAL: u32 = 8;
/// How many serial numbers there are. When all were given they begin again, without those that are alive.
const SERIALS: usize = FIRST >> SERIAL;

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// The memory of the handles that are alive, by their numbers. Nothing of the caller's runs while a shard is locked.
type Shard = HashMap<usize, Memory, BuildHasherDefault<Spread>>;
const SHARDS: usize = 16;
static LIVE: [Mutex<Shard>; SHARDS] =
    [const { Mutex::new(HashMap::with_hasher(BuildHasherDefault::<Spread>::new())) }; SHARDS];

struct Memory(NonNull<()>);

// SAFETY: an address; what is behind it is shared by threads as the handles are.
unsafe impl Send for Memory {}

/// Numbers that differ in their serial number are far apart.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }

    fn write_usize(&mut self, number: usize) {
        self.0 = (self.0 ^ (number >> SERIAL) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}

fn shard_of(number: usize) -> usize {
    (number >> SERIAL) % SHARDS
}

fn lock(shard: usize) -> MutexGuard<'static, Shard> {
    LIVE[shard].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a new handle its number.
pub(crate) fn insert(kind: Kind, memory: NonNull<()>) -> usize {
    loop {
        let serial = NEXT.fetch_add(1, Ordering::Relaxed) % SERIALS;
        let number = FIRST | serial << SERIAL | (kind as usize) << KIND;
        if let Entry::Vacant(place) = lock(shard_of(number)).entry(number) {
            place.insert(Memory(memory));
            return number;
        }
    }
}

/// What a pointer is that is no live handle of the kind it was passed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misuse {
    /// A live handle of another kind.
    Other(Kind),
    /// A handle that was freed.
    Freed(Kind),
    /// No handle.
    Foreign,
}

/// Works on the memory of a live handle, which nobody frees meanwhile.
pub(crate) fn with_live<R>(number: usize, kind: Kind, work: impl FnOnce(NonNull<()>) -> R) -> Result<R, Misuse> {
    let shard = lock(shard_of(number));
    match shard.get(&number) {
        Some(memory) if kind_of(number) == Some(kind) => Ok(work(memory.0)),
        found => Err(misuse(number, found.is_some())),
    }
}

/// Ends the life of a handle: from here on its number is that of one that was freed.
pub(crate) fn remove(number: usize, kind: Kind) -> Result<NonNull<()>, Misuse> {
    let mut shard = lock(shard_of(number));
    if kind_of(number) == Some(kind)
        && let Some(memory) = shard.remove(&number)
    {
        return Ok(memory.0);
    }
    let is_live = shard.contains_key(&number);
    Err(misuse(number, is_live))
}

/// The kind that a number was given for, if it can have been given.
fn kind_of(number: usize) -> Option<Kind> {
    let is_one = number / FIRST == 1 && number.is_multiple_of(1 << KIND);
    if is_one { Kind::from_code(u32::try_from(number >> KIND & 15).ok()?) } else { None }
}

fn misuse(number: usize, is_live: bool) -> Misuse {
    let was_given = number.wrapping_sub(FIRST) >> SERIAL < NEXT.load(Ordering::Relaxed);
    match kind_of(number) {
        Some(kind) if is_live => Misuse::Other(kind),
        Some(kind) if was_given => Misuse::Freed(kind),
        _ => Misuse::Foreign,
    }
}

/// Counts a misuse, tells it where that is wanted, and makes its error.
#[cold]
pub(crate) fn report(what: &str, pointer: usize, kind: Kind, misuse: Misuse) -> Error {
    MISUSES.fetch_add(1, Ordering::Relaxed);
    let expected = kind.name();
    let is = match misuse {
        Misuse::Other(found) => format!("a {}, not a {expected}", found.name()),
        Misuse::Freed(found) if found == kind => format!("a {expected} that was freed"),
        Misuse::Freed(found) => format!("a {} that was freed, not a {expected}", found.name()),
        Misuse::Foreign => format!("not a handle of this library but {pointer:#x}; a {expected} was expected"),
    };
    let message = format!("{what} is {is}");
    if LEVEL.load(Ordering::Relaxed) == TOLD {
        // Without a standard error there is nobody to tell.
        _ = writeln!(std::io::stderr(), "candle_ffi: {message}");
    }
    Error::new(ErrorCode::InvalidHandle, message)
}

/// A child that is forked while another thread holds a lock would wait for that thread, which it does not have: who
/// forks holds all locks, and gives them back in both processes.
#[cfg(unix)]
mod fork {
    use super::{SHARDS, Shard, lock};
    use std::cell::UnsafeCell;
    use std::sync::{MutexGuard, Once};

    struct Held(UnsafeCell<[Option<MutexGuard<'static, Shard>>; SHARDS]>);

    // SAFETY: a place is looked at by who holds the lock of its shard alone.
    unsafe impl Sync for Held {}

    static HELD: Held = Held(UnsafeCell::new([const { None }; SHARDS]));

    pub(super) fn prepare() {
        static PREPARED: Once = Once::new();
        // SAFETY: the handlers neither panic nor use what a child of a fork may not: without a waiter, giving a lock back
        // is a store.
        PREPARED.call_once(|| unsafe {
            libc::pthread_atfork(Some(before), Some(after), Some(after));
        });
    }

    extern "C" fn before() {
        for shard in 0..SHARDS {
            let guard = lock(shard);
            // SAFETY: the lock of the shard is held.
            unsafe { (*HELD.0.get())[shard] = Some(guard) };
        }
    }

    extern "C" fn after() {
        for shard in 0..SHARDS {
            // SAFETY: the lock of the shard is held by this thread, since `before`, until the guard is dropped.
            let guard = unsafe { (*HELD.0.get())[shard].take() };
            drop(guard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn the_variable_is_read_as_it_says() {
        let level = |text: &str| wanted(Some(OsStr::new(text)));
        assert_eq!([wanted(None), level(""), level("0")], [OFF; 3]);
        assert_eq!([level("1"), level("yes"), level("2")], [ON, ON, TOLD]);
    }

    #[test]
    fn numbers_tell_what_they_were() {
        let memory = NonNull::<u64>::dangling().cast();
        let number = insert(Kind::Module, memory);
        assert_eq!(with_live(number, Kind::Module, |found| found == memory), Ok(true));
        assert_eq!(with_live(number, Kind::Tensor, |_| ()), Err(Misuse::Other(Kind::Module)));
        assert_eq!(remove(number, Kind::Tensor), Err(Misuse::Other(Kind::Module)));
        assert_eq!(remove(number, Kind::Module), Ok(memory));
        let again = insert(Kind::Module, memory);
        assert_eq!(remove(number, Kind::Module), Err(Misuse::Freed(Kind::Module)), "the memory is in use again");
        assert_eq!(with_live(number, Kind::Tensor, |_| ()), Err(Misuse::Freed(Kind::Module)));
        assert_eq!(remove(again, Kind::Module), Ok(memory));
    }

    #[test]
    fn other_numbers_are_foreign() {
        let stack = 0u64;
        let far = FIRST | (SERIALS - 1) << SERIAL | (Kind::Tensor as usize) << KIND;
        let no_kind = FIRST | 15 << KIND;
        for number in [1, 8, FIRST - 16, FIRST, far, no_kind, usize::MAX, (&raw const stack).addr()] {
            assert_eq!(with_live(number, Kind::Tensor, |_| ()), Err(Misuse::Foreign), "{number:#x}");
            assert_eq!(remove(number, Kind::Tensor), Err(Misuse::Foreign), "{number:#x}");
        }

        // The serial numbers begin again, without those that are alive.
        let memory = NonNull::<u64>::dangling().cast();
        let first = insert(Kind::Profile, memory);
        let serial = (first - FIRST) >> SERIAL;
        NEXT.store(SERIALS + serial, Ordering::Relaxed);
        let second = insert(Kind::Profile, memory);
        assert_ne!(first, second);
        assert!(remove(first, Kind::Profile).is_ok() && remove(second, Kind::Profile).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_child_forked_among_inserts_can_insert() {
        fork::prepare();
        let memory = Memory(NonNull::<u64>::dangling().cast());
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let number = insert(Kind::Tensor, NonNull::dangling());
                        remove(number, Kind::Tensor).map(drop).unwrap();
                    }
                });
            }
            for _ in 0..50 {
                // SAFETY: the child does nothing but the work that is tested, and ends without unwinding.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    // SAFETY: ends a child that waits for ever.
                    unsafe { libc::alarm(60) };
                    let works = (0..SHARDS).all(|_| {
                        let number = insert(Kind::Tensor, memory.0);
                        remove(number, Kind::Tensor).is_ok()
                    });
                    // SAFETY: ends the child.
                    unsafe { libc::_exit(i32::from(!works)) };
                }
                let mut status = -1;
                // SAFETY: waits for the child that was made above.
                unsafe { libc::waitpid(child, &raw mut status, 0) };
                assert_eq!(status, 0);
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
