//! Automatic mixed precision.
//!
//! Between `candle_autocast_push` and `candle_autocast_pop`, on that thread, matrix products and convolutions compute in
//! half precision, and losses, norms, exponentials and sums in `float32`; the lists are PyTorch's. Gradients have the
//! dtypes of what they are the gradients of.

use crate::device::CandleDeviceKind;
use crate::dtype::{CANDLE_DTYPE_NONE, CandleDType, dtype_optional};
use crate::error::{CandleError, CandleStatus};
use crate::panic::{guard, neutral};
use candle_ffi_core::autocast::{self, Mode};
use candle_ffi_core::{DeviceKind, Error};
use std::cell::RefCell;

thread_local! {
    /// What held before each push of this thread.
    static MODES: RefCell<Vec<Mode>> = const { RefCell::new(Vec::new()) };
}

/// Casts on this thread, for tensors on devices of a kind, until the matching `candle_autocast_pop`. Scopes nest.
///
/// `dtype` is the lower one, `CANDLE_DTYPE_FLOAT16` or `CANDLE_DTYPE_BFLOAT16`; `CANDLE_DTYPE_NONE` switches off.
/// PyTorch: `torch.autocast`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_autocast_push(
    kind: CandleDeviceKind,
    dtype: CandleDType,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_autocast_push(kind, dtype, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "autocast", || {
            let dtype = dtype_optional(dtype, "dtype")?;
            let mode = autocast::mode().with(DeviceKind::from_code(kind)?, dtype)?;
            MODES.with_borrow_mut(|modes| modes.push(autocast::set_mode(mode)));
            Ok(())
        })
    }
}

/// Restores what held on this thread before the last push. With the first push the casts end that were kept.
///
/// Fails with `CANDLE_ERROR_INVALID_ARGUMENT` when there is no push left to undo.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_autocast_pop(error: *mut *mut CandleError) -> CandleStatus {
    forward!(candle_autocast_pop(error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "autocast", || {
            let before = MODES
                .with_borrow_mut(Vec::pop)
                .ok_or_else(|| Error::argument("there is no candle_autocast_push on this thread to undo"))?;
            autocast::set_mode(before);
            if MODES.with_borrow(Vec::is_empty) {
                autocast::clear_cache();
            }
            Ok(())
        })
    }
}

/// The lower dtype on this thread for a kind of device; `CANDLE_DTYPE_NONE` where nothing is cast.
#[unsafe(no_mangle)]
pub extern "C" fn candle_autocast_dtype(kind: CandleDeviceKind) -> CandleDType {
    forward!(candle_autocast_dtype(kind));
    neutral(CANDLE_DTYPE_NONE, || {
        let lower = autocast::mode().lower(DeviceKind::from_code(kind)?);
        Ok(lower.map_or(CANDLE_DTYPE_NONE, |dtype| dtype.code()))
    })
}

/// Whether casts of weights are kept on this thread: 1 (as at first) or 0; another number leaves it as it is. Returns what held.
///
/// Within a scope a leaf of `float32` that requires a gradient is cast to the lower dtype once, and not for each use of it. 0
/// drops what has been kept. PyTorch: `torch.set_autocast_cache_enabled`, `torch.clear_autocast_cache`
#[unsafe(no_mangle)]
pub extern "C" fn candle_autocast_cache(enabled: i32) -> i32 {
    forward!(candle_autocast_cache(enabled));
    neutral(0, || {
        if enabled == 0 {
            autocast::clear_cache();
        }
        Ok(match enabled {
            0 | 1 => autocast::set_cache_enabled(enabled == 1),
            _ => autocast::is_cache_enabled(),
        }
        .into())
    })
}
