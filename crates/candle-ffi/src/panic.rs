//! No panic crosses the border: the guard around the body of every export.

use crate::error::{CandleError, CandleStatus, report};
use candle_ffi_core::{Error, ErrorCode, Result, profile};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

/// Runs the body of an export and turns its failure into a code and, where asked for, the details. The profiler sees
/// it as a call.
///
/// # Safety
/// `error` is NULL or may be written.
#[inline]
pub(crate) unsafe fn guard(
    error: *mut *mut CandleError,
    operation: &'static str,
    body: impl FnOnce() -> Result<()>,
) -> CandleStatus {
    let _span = profile::call(operation);
    // SAFETY: passed on from the caller.
    unsafe { guard_unrecorded(error, operation, body) }
}

/// The same for the exports that steer the profiler, which does not see them.
///
/// # Safety
/// As [`guard`].
#[inline]
pub(crate) unsafe fn guard_unrecorded(
    error: *mut *mut CandleError,
    operation: &'static str,
    body: impl FnOnce() -> Result<()>,
) -> CandleStatus {
    match run(body) {
        Ok(()) => crate::error::CANDLE_OK,
        // SAFETY: passed on from the caller.
        Err(failure) => unsafe { report(error, failure.in_operation(operation)) },
    }
}

/// Runs the body of an export that cannot report: a failure gives the neutral value.
#[inline]
pub(crate) fn neutral<T>(value: T, body: impl FnOnce() -> Result<T>) -> T {
    run(body).unwrap_or(value)
}

#[inline]
fn run<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    install_hook();
    let depth = Guarded::enter();
    // Values that a panic leaves half changed stay memory-safe: they are reached through `&` and
    // locks only, so asserting unwind safety hides nothing.
    let result = catch_unwind(AssertUnwindSafe(body));
    drop(depth);
    result.unwrap_or_else(|payload| Err(from_panic(payload)))
}

thread_local! {
    /// How many guards this thread is inside of: callbacks may call back into the library.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

struct Guarded;

impl Guarded {
    #[inline]
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Guarded {
    #[inline]
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Puts [`silencing`] before the panic hook, once.
#[inline]
fn install_hook() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| std::panic::set_hook(silencing(std::panic::take_hook())));
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// A hook that is silent for panics that a guard will catch: the library never prints. Other panics of
/// a Rust program go to the hook that was there before.
fn silencing(previous: Hook) -> Hook {
    Box::new(move |info| {
        // A panic on a worker of the thread pool is passed on to the guarded thread that waits for it.
        let caught = DEPTH.try_with(Cell::get).unwrap_or(0) > 0 || rayon::current_thread_index().is_some();
        if !caught {
            previous(info);
        }
    })
}

#[cold]
fn from_panic(payload: Box<dyn Any + Send>) -> Error {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    Error::new(ErrorCode::Panic, format!("a panic was caught, which is a bug in the library: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{CANDLE_ERROR_PANIC, candle_error_free, candle_error_message};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_panic_becomes_an_error_in_silence_and_others_are_still_told() {
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        install_hook();
        std::panic::set_hook(silencing(Box::new(move |_| _ = count.fetch_add(1, Ordering::Relaxed))));

        let mut error = std::ptr::null_mut();
        // SAFETY: the pointer is to a variable.
        let status = unsafe { guard(&raw mut error, "test", || panic!("number {}", 7)) };
        assert_eq!(status, CANDLE_ERROR_PANIC);
        // SAFETY: the guard has made the error.
        let message = unsafe { std::ffi::CStr::from_ptr(candle_error_message(error)) };
        assert!(message.to_string_lossy().contains("number 7"), "{message:?}");
        // SAFETY: the error is not used any more.
        unsafe { candle_error_free(error) };

        let on_a_worker = || -> Result<()> {
            rayon::scope(|scope| scope.spawn(|_| panic!("on a worker")));
            Ok(())
        };
        // SAFETY: NULL is allowed.
        let status = unsafe { guard(std::ptr::null_mut(), "test", on_a_worker) };
        assert_eq!(status, CANDLE_ERROR_PANIC);
        assert_eq!(neutral(5, || panic!("neutral")), 5);
        assert_eq!(told.load(Ordering::Relaxed), 0);

        assert!(catch_unwind(|| panic!("not ours")).is_err());
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
