//! How many threads an operation may use.

use crate::{Error, Result};
use candle_ffi_kernels::parallel::MAX_THREADS;

/// The number of threads that operations use at most.
pub fn get_num_threads() -> usize {
    candle_ffi_kernels::parallel::num_threads()
}

/// Sets the number of threads that operations use at most: from 1 to 256.
pub fn set_num_threads(count: usize) -> Result<()> {
    if !(1..=MAX_THREADS).contains(&count) {
        return Err(Error::argument(format!("the number of threads must be from 1 to {MAX_THREADS}, and is {count}")));
    }
    candle_ffi_kernels::parallel::set_num_threads(count);
    Ok(())
}
