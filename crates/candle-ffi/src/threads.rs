//! Threads of the CPU kernels.

use crate::error::{CandleError, CandleStatus};
use crate::panic::{guard, neutral};
use candle_ffi_core::threads;

/// How many threads an operation may use.
#[unsafe(no_mangle)]
pub extern "C" fn candle_get_num_threads() -> usize {
    forward!(candle_get_num_threads());
    neutral(1, || Ok(threads::get_num_threads()))
}

/// Sets how many threads an operation may use, for the whole process; at least 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_set_num_threads(num_threads: usize, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_set_num_threads(num_threads, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "set_num_threads", || threads::set_num_threads(num_threads)) }
}
