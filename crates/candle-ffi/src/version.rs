//! Versions and diagnostics.

use crate::checks;
use crate::error::{CandleError, CandleStatus};
use crate::handle::live_handles;
use crate::panic::{guard, neutral};
use candle_ffi_core::Error;
use std::ffi::{CStr, c_char};

/// What `candle_ffi_live_handles` counts: one of the `CANDLE_HANDLE_*` constants.
pub type CandleHandleKind = i32;

/// Every kind.
pub const CANDLE_HANDLE_ALL: CandleHandleKind = 0;
/// `CandleTensor`.
pub const CANDLE_HANDLE_TENSOR: CandleHandleKind = 1;
/// `CandleGenerator`.
pub const CANDLE_HANDLE_GENERATOR: CandleHandleKind = 2;
/// `CandleError`.
pub const CANDLE_HANDLE_ERROR: CandleHandleKind = 3;
/// `CandleTensorMap`.
pub const CANDLE_HANDLE_TENSOR_MAP: CandleHandleKind = 4;
/// `CandleModule`.
pub const CANDLE_HANDLE_MODULE: CandleHandleKind = 5;
/// `CandleOptimizer`.
pub const CANDLE_HANDLE_OPTIMIZER: CandleHandleKind = 6;
/// `CandleProfile`.
pub const CANDLE_HANDLE_PROFILE: CandleHandleKind = 7;
/// `CandleGraph`.
pub const CANDLE_HANDLE_GRAPH: CandleHandleKind = 8;

/// The version of the ABI. It rises when a function or a constant is added; a program built against a
/// lower number of the same major version works unchanged.
pub const CANDLE_FFI_ABI_VERSION: i32 = 1;

/// The text up to its terminator, checked when the library is compiled.
const fn c_text(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("the text ends with its only NUL"),
    }
}

/// The version of the library, "major.minor.patch".
#[unsafe(no_mangle)]
pub extern "C" fn candle_ffi_version() -> *const c_char {
    forward!(candle_ffi_version());
    const { c_text(concat!(env!("CARGO_PKG_VERSION"), "\0")) }.as_ptr()
}

/// The version of the ABI, to be compared with `CANDLE_FFI_ABI_VERSION` of the header: the library's
/// must not be lower.
#[unsafe(no_mangle)]
pub extern "C" fn candle_ffi_abi_version() -> i32 {
    forward!(candle_ffi_abi_version());
    CANDLE_FFI_ABI_VERSION
}

#[cfg(feature = "cuda")]
const FEATURES: &str = "cuda";
#[cfg(all(feature = "metal", not(feature = "cuda")))]
const FEATURES: &str = "metal";
#[cfg(not(any(feature = "cuda", feature = "metal")))]
const FEATURES: &str = "cpu";

/// What the library is made of: its version, Candle's version, the features, the target.
#[unsafe(no_mangle)]
pub extern "C" fn candle_ffi_build_info() -> *const c_char {
    forward!(candle_ffi_build_info());
    static TEXT: std::sync::LazyLock<std::ffi::CString> = std::sync::LazyLock::new(|| {
        crate::error::c_string(&format!(
            "candle_ffi {} (candle {}, {FEATURES}, {}-{})",
            env!("CARGO_PKG_VERSION"),
            candle_ffi_core::CANDLE_VERSION,
            std::env::consts::ARCH,
            std::env::consts::OS,
        ))
    });
    neutral(c"".as_ptr(), || Ok(TEXT.as_ptr()))
}

/// How many handles of a kind are alive, for leak tests; 0 for a number that is no kind.
#[unsafe(no_mangle)]
pub extern "C" fn candle_ffi_live_handles(kind: CandleHandleKind) -> usize {
    forward!(candle_ffi_live_handles(kind));
    live_handles(kind)
}

/// How thoroughly handles are checked: 0 when they are believed, 1 when a freed handle, one of another type, and what
/// never was a handle are errors wherever they are used, 2 when each of these is told on standard error as well.
///
/// The environment variable `CANDLE_FFI_CHECKS` says so, or `candle_ffi_set_checks`. The first call that makes or uses a
/// handle, or asks here, decides for as long as the program runs.
#[unsafe(no_mangle)]
pub extern "C" fn candle_ffi_checks() -> i32 {
    forward!(candle_ffi_checks());
    checks::level()
}

/// Sets how thoroughly handles are checked, before the first of them is made.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` when it is decided otherwise already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_ffi_set_checks(level: i32, error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_ffi_set_checks(level, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_checks", || {
            if !(0..=2).contains(&level) {
                return Err(Error::argument(format!("`level` is {level}, but must be 0, 1 or 2")));
            }
            let holds = checks::set_level(level);
            if holds != level {
                let message =
                    format!("`level` is {level}, but since the first handle it is {holds}, and cannot change");
                return Err(Error::argument(message));
            }
            Ok(())
        })
    }
}

/// How many pointers were passed that were no live handles of their type, NULL aside; 0 while checks are off.
///
/// With `candle_ffi_live_handles` it makes a test of who frees what: a free of what is freed already has no status
/// to tell by.
#[unsafe(no_mangle)]
pub extern "C" fn candle_ffi_misuses() -> usize {
    forward!(candle_ffi_misuses());
    checks::misuses()
}
