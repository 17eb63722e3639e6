//! The profiler.
//!
//! Between `candle_profiler_start` and `candle_profiler_stop` every call is recorded, on all threads, with its gradients
//! and kernels; there is one recording at a time. While none is under way the profiler costs a branch per call.

use crate::error::{CandleError, CandleStatus};
use crate::panic::{guard_unrecorded, neutral};
use crate::pointer::{options, output, text};
use crate::profile::{CandleProfile, Recorded};
use candle_ffi_core::profile;
use std::ffi::c_char;

/// Options of `candle_profiler_start`; begin with `CANDLE_PROFILER_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleProfilerOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleProfilerOptions)`.
    pub struct_size: usize,
    /// The most events that are kept, of about 150 bytes each; sums go on beyond it. Default: `1048576`.
    pub max_events: u64,
    /// 1 to keep the shapes and dtypes of the tensors that each call is given, of the first 32. Default: `0`.
    pub record_shapes: i32,
    /// Not used. Default: `0`.
    pub reserved: i32,
}

impl Default for CandleProfilerOptions {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>(), max_events: 1 << 20, record_shapes: 0, reserved: 0 }
    }
}

/// Starts recording.
///
/// `options` may be NULL. Fails with `CANDLE_ERROR_BUSY` while a recording is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profiler_start(
    options: *const CandleProfilerOptions,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_profiler_start(options, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard_unrecorded(error, "profiler_start", || {
            let options = self::options(options, "options")?;
            profile::start(profile::Options { max_events: options.max_events, shapes: options.record_shapes != 0 })
        })
    }
}

/// Stops recording and gives what was recorded; calls and ranges that are under way end with it.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` when no recording is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profiler_stop(
    out: *mut *mut CandleProfile,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_profiler_stop(out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard_unrecorded(error, "profiler_stop", || {
            let out = output(out, "out")?;
            out.put(Recorded::new(profile::stop()?));
            Ok(())
        })
    }
}

/// The number of the recording that is under way, counted from 1 by this process; 0 when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn candle_profiler_session() -> u64 {
    forward!(candle_profiler_session());
    profile::number()
}

/// Begins a range of this thread, which the profile will show under its name around the calls inside.
///
/// Ranges nest. Nothing happens while no recording is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_profiler_push_range(name: *const c_char, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_profiler_push_range(name, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard_unrecorded(error, "profiler_push_range", || {
            profile::push_range(text(name, "name")?);
            Ok(())
        })
    }
}

/// Ends the last range that this thread has begun; nothing happens when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn candle_profiler_pop_range() {
    forward!(candle_profiler_pop_range());
    neutral((), || {
        profile::pop_range();
        Ok(())
    });
}
