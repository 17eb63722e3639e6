//! Operations without a kernel.
//!
//! Where a device has no kernel for an operation and a dtype, the host computes it: right, but slow, since the elements
//! travel both ways. The environment variable `CANDLE_FFI_DEVICE_FALLBACK`, or `candle_set_fallback_policy`, says what
//! else happens.

use crate::callback::{CandleFreeCallback, UserData, returned};
use crate::device::CandleDeviceKind;
use crate::dtype::CandleDType;
use crate::error::{CandleError, CandleStatus};
use crate::panic::{guard, neutral};
use candle_ffi_core::fallback::{self, Fallback, Policy};
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

/// What is done about an operation without a kernel: one of the `CANDLE_FALLBACK_*` constants.
pub type CandleFallbackPolicy = i32;

/// The host computes it.
pub const CANDLE_FALLBACK_SILENT: CandleFallbackPolicy = 0;
/// The host computes it, and the callback is told once for each operation, dtype and device. The default.
pub const CANDLE_FALLBACK_WARN: CandleFallbackPolicy = 1;
/// It fails with `CANDLE_ERROR_UNSUPPORTED`.
pub const CANDLE_FALLBACK_ERROR: CandleFallbackPolicy = 2;

/// Called with an operation that the host computes for a device; `operation` is valid during the call. Another result
/// than `CANDLE_OK` makes the operation fail.
pub type CandleFallbackCallback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        operation: *const c_char,
        dtype: CandleDType,
        kind: CandleDeviceKind,
        index: i32,
    ) -> CandleStatus,
>;

/// What is done about an operation without a kernel.
#[unsafe(no_mangle)]
pub extern "C" fn candle_fallback_policy() -> CandleFallbackPolicy {
    forward!(candle_fallback_policy());
    neutral(CANDLE_FALLBACK_WARN, || Ok(fallback::policy() as CandleFallbackPolicy))
}

/// Sets it for the whole process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_set_fallback_policy(
    policy: CandleFallbackPolicy,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_set_fallback_policy(policy, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_fallback_policy", || {
            fallback::set_policy(Policy::from_code(policy)?);
            Ok(())
        })
    }
}

/// How many operations the host has computed for a device in this process.
#[unsafe(no_mangle)]
pub extern "C" fn candle_fallback_count() -> u64 {
    forward!(candle_fallback_count());
    neutral(0, || Ok(fallback::count()))
}

/// Sets who is told of operations without a kernel. What was told before is told anew.
///
/// `callback` may be NULL: then nobody is told. `user_data` may be NULL. `free_user_data` is called with `user_data` once the callback is replaced, and also when this function fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_set_fallback_callback(
    callback: CandleFallbackCallback,
    user_data: *mut c_void,
    free_user_data: CandleFreeCallback,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_set_fallback_callback(callback, user_data, free_user_data, error));
    let user_data = UserData::new(user_data, free_user_data);
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_fallback_callback", || {
            fallback::set_listener(callback.map(|callback| {
                let tell = move |fallback: &Fallback| {
                    let Fallback { operation, dtype, device } = fallback;
                    let name = CString::new(operation.as_str()).unwrap_or_default();
                    let index = i32::try_from(device.index()).unwrap_or(i32::MAX);
                    let kind = device.kind() as CandleDeviceKind;
                    // The caller has given both for each other.
                    let status = callback(user_data.get(), name.as_ptr(), dtype.code(), kind, index);
                    returned(status, "fallback callback")
                };
                Arc::new(tell) as fallback::Listener
            }));
            Ok(())
        })
    }
}
