//! Callbacks.
//!
//! A function of the caller is called on the thread whose call reaches it, and may call the library. It
//! returns `CANDLE_OK`; any other number ends that call with `CANDLE_ERROR_CALLBACK`. `user_data` is
//! passed on as it was given.

use crate::error::{CANDLE_OK, CandleStatus};
use candle_ffi_core::{Error, ErrorCode, Result};
use std::ffi::c_void;

/// Told once, when the library will not use `user_data` any more; may be NULL where nothing is to be freed.
pub type CandleFreeCallback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// What a caller wants to find again in its callback; freed with the last user.
pub(crate) struct UserData {
    data: *mut c_void,
    free: CandleFreeCallback,
}

// SAFETY: the library only passes the pointer on; the contract asks of callbacks that they may be called
// on any thread.
unsafe impl Send for UserData {}
// SAFETY: the same.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(data: *mut c_void, free: CandleFreeCallback) -> Self {
        Self { data, free }
    }

    pub(crate) fn get(&self) -> *mut c_void {
        self.data
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the caller has given the function for this very pointer, and it is called once.
            unsafe { free(self.data) };
        }
    }
}

/// What a callback has returned, as a result.
pub(crate) fn returned(status: CandleStatus, callback: &str) -> Result<()> {
    if status == CANDLE_OK {
        return Ok(());
    }
    Err(Error::new(ErrorCode::Callback, format!("the {callback} of the caller failed with status {status}")))
}
