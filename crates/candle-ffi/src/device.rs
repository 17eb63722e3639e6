//! Devices.
//!
//! A device is a kind and an index among its kind; `CANDLE_DEVICE_CPU` has the one index 0.

use crate::error::{CandleError, CandleStatus};
use crate::panic::{guard, neutral};
use crate::pointer::{output, text};
use candle_ffi_core::{Device, DeviceKind, Error, ErrorCode, Result};
use std::ffi::c_char;

/// What kind of processor a device is: one of the `CANDLE_DEVICE_*` constants.
pub type CandleDeviceKind = i32;

/// The host's processor.
pub const CANDLE_DEVICE_CPU: CandleDeviceKind = 1;
/// An NVIDIA GPU.
pub const CANDLE_DEVICE_CUDA: CandleDeviceKind = 2;
/// An Apple GPU.
pub const CANDLE_DEVICE_METAL: CandleDeviceKind = 3;

/// The device of a kind and an index.
pub(crate) fn device_of(kind: CandleDeviceKind, index: i32) -> Result<Device> {
    let kind = DeviceKind::from_code(kind)?;
    let position = usize::try_from(index).map_err(|_| {
        Error::new(
            ErrorCode::Device,
            format!("the device index {index} is negative; indices of {} begin at 0", kind.name()),
        )
    })?;
    Device::new(kind, position)
}

/// How many devices of a kind this build can use on this machine; 0 for a number that is no kind.
#[unsafe(no_mangle)]
pub extern "C" fn candle_device_count(kind: CandleDeviceKind) -> usize {
    neutral(0, || Ok(DeviceKind::from_code(kind)?.count()))
}

/// 1 when there is a device of a kind, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn candle_device_is_available(kind: CandleDeviceKind) -> i32 {
    (candle_device_count(kind) > 0).into()
}

/// The name of a kind, such as "cuda"; "unknown" for a number that is no kind.
#[unsafe(no_mangle)]
pub extern "C" fn candle_device_kind_name(kind: CandleDeviceKind) -> *const c_char {
    match kind {
        CANDLE_DEVICE_CPU => c"cpu",
        CANDLE_DEVICE_CUDA => c"cuda",
        CANDLE_DEVICE_METAL => c"metal",
        _ => c"unknown",
    }
    .as_ptr()
}

/// The device of a name: "cpu", "cuda", "cuda:1", "metal".
///
/// Fails with `CANDLE_ERROR_DEVICE` when there is none, saying which there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_from_name(
    name: *const c_char,
    kind: *mut CandleDeviceKind,
    index: *mut i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "device", || {
            let kind = output(kind, "kind")?;
            let index = output(index, "index")?;
            let device = Device::from_name(text(name, "name")?)?;
            kind.set(device.kind() as CandleDeviceKind);
            index.set(i32::try_from(device.index()).unwrap_or(i32::MAX));
            Ok(())
        })
    }
}

/// Checks that a device can be used; fails with `CANDLE_ERROR_DEVICE` and the reason when not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_check(
    kind: CandleDeviceKind,
    index: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "device_check", || device_of(kind, index).map(|_| ())) }
}
