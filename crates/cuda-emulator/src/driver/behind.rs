//! A device that is behind the host, for tests of what a program does with events that are not reached yet. The work is done
//! at once all the same.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often devices have fallen behind.
static TIMES: AtomicU64 = AtomicU64::new(0);
/// Which of these times it is; 0: they keep up.
static BEHIND: AtomicU64 = AtomicU64::new(0);

/// When something is recorded: 0 where it is reached at once.
pub(crate) fn now() -> u64 {
    BEHIND.load(Ordering::SeqCst)
}

/// Whether what was recorded then has been reached.
pub(crate) fn reached(then: u64) -> bool {
    then == 0 || BEHIND.load(Ordering::SeqCst) != then
}

/// The host has waited.
pub(crate) fn waited() {
    BEHIND.store(0, Ordering::SeqCst);
}

/// Lets all devices fall behind: events that are recorded from now on are not reached (`CUDA_ERROR_NOT_READY`) until the host
/// waits for a device, or [`cuda_emulator_catch_up`].
#[unsafe(no_mangle)]
pub extern "C" fn cuda_emulator_fall_behind() {
    BEHIND.store(TIMES.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
}

/// Lets all devices catch up with the host.
#[unsafe(no_mangle)]
pub extern "C" fn cuda_emulator_catch_up() {
    waited();
}
