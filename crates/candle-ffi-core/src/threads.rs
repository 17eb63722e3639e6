//! How many threads an operation may use.

use crate::{Error, Result};

/// The number of threads that operations use at most.
pub fn get_num_threads() -> usize {
    candle_ffi_kernels::parallel::num_threads()
}

/// Sets the number of threads that operations use at most; at least 1.
pub fn set_num_threads(count: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::argument("the number of threads must be at least 1"));
    }
    candle_ffi_kernels::parallel::set_num_threads(count);
    Ok(())
}
