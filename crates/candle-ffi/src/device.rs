//! Devices.
//!
//! A device is a kind and an index among its kind; `CANDLE_DEVICE_CPU` has the one index 0. Work on a GPU goes on while
//! a call returns; to read a value waits for what it depends on.

use crate::error::{CandleError, CandleStatus, c_string};
use crate::panic::{guard, neutral};
use crate::pointer::{output, output_structure, text};
use candle_ffi_core::{Device, DeviceInfo, DeviceKind, Error, ErrorCode, Result};
use std::ffi::{CString, c_char};
use std::sync::{Mutex, PoisonError};

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
    Device::new(kind, position(kind, index)?)
}

/// A device of the caller's where it is open.
pub(crate) fn opened_at(kind: CandleDeviceKind, index: i32) -> Result<Option<Device>> {
    let kind = DeviceKind::from_code(kind)?;
    Ok(Device::opened_at(kind, position(kind, index)?))
}

fn position(kind: DeviceKind, index: i32) -> Result<usize> {
    usize::try_from(index).map_err(|_| {
        Error::new(
            ErrorCode::Device,
            format!("the device index {index} is negative; indices of {} begin at 0", kind.name()),
        )
    })
}

/// What a device is; `CANDLE_DEVICE_INFO_INIT` makes room for it. What does not apply to it is 0 or "".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleDeviceInfo {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleDeviceInfo)`.
    pub struct_size: usize,
    /// Its name; the text stays for as long as the program runs. Default: `NULL`.
    pub name: *const c_char,
    /// What tells a GPU from all others, as `nvidia-smi -L` prints it; the text stays, too. Default: `NULL`.
    pub uuid: *const c_char,
    /// What a GPU of CUDA can do: 8 for 8.0. Default: `0`.
    pub compute_capability_major: i32,
    /// 0 for 8.0. Default: `0`.
    pub compute_capability_minor: i32,
    /// How many multiprocessors a GPU has; for the CPU, how many threads it runs at once. Default: `0`.
    pub multiprocessor_count: i32,
    /// How many threads of a GPU go in step. Default: `0`.
    pub warp_size: i32,
    /// The newest version of CUDA that the driver knows: 13000 for 13.0. Default: `0`.
    pub driver_version: i32,
    /// The version of CUDA that the library is built with. Default: `0`.
    pub runtime_version: i32,
    /// The bytes of its memory. Default: `0`.
    pub total_memory: u64,
}

/// What is known of the memory of a device; `CANDLE_DEVICE_MEMORY_INIT` makes room for it. For the CPU the bytes that
/// are free and all of them are told, the others are 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleDeviceMemory {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleDeviceMemory)`.
    pub struct_size: usize,
    /// What no program uses. Default: `0`.
    pub free_bytes: u64,
    /// All there is. Default: `0`.
    pub total_bytes: u64,
    /// What tensors of this program hold. Default: `0`.
    pub allocated_bytes: u64,
    /// The most that they held since the start or `candle_device_reset_peak_memory`. Default: `0`.
    pub peak_allocated_bytes: u64,
    /// What this program has taken: what tensors hold, and what is kept for the next ones. Default: `0`.
    pub reserved_bytes: u64,
    /// The most that this was. Default: `0`.
    pub peak_reserved_bytes: u64,
}

/// Texts about devices that were given to C, which has them forever.
static TEXTS: Mutex<Vec<CString>> = Mutex::new(Vec::new());

fn forever(text: &str) -> *const c_char {
    let text = c_string(text);
    let mut known = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.iter().find(|known| **known == text) {
        return found.as_ptr();
    }
    let pointer = text.as_ptr();
    known.push(text);
    pointer
}

impl CandleDeviceInfo {
    fn new(info: &DeviceInfo) -> Self {
        Self {
            struct_size: size_of::<Self>(),
            name: forever(&info.name),
            uuid: forever(&info.uuid),
            compute_capability_major: info.compute_capability.0,
            compute_capability_minor: info.compute_capability.1,
            multiprocessor_count: info.multiprocessors,
            warp_size: info.warp_size,
            driver_version: info.driver_version,
            runtime_version: info.runtime_version,
            total_memory: info.total_memory,
        }
    }
}

/// How many devices of a kind this build can use on this machine; 0 for a number that is no kind.
#[unsafe(no_mangle)]
pub extern "C" fn candle_device_count(kind: CandleDeviceKind) -> usize {
    forward!(candle_device_count(kind));
    neutral(0, || Ok(DeviceKind::from_code(kind)?.count()))
}

/// 1 when there is a device of a kind, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn candle_device_is_available(kind: CandleDeviceKind) -> i32 {
    forward!(candle_device_is_available(kind));
    (candle_device_count(kind) > 0).into()
}

/// The name of a kind, such as "cuda"; "unknown" for a number that is no kind.
#[unsafe(no_mangle)]
pub extern "C" fn candle_device_kind_name(kind: CandleDeviceKind) -> *const c_char {
    forward!(candle_device_kind_name(kind));
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
    forward!(candle_device_from_name(name, kind, index, error));
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
    forward!(candle_device_check(kind, index, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "device_check", || device_of(kind, index).map(|_| ())) }
}

/// Fills `info` with what a device is, without opening it.
///
/// Fails with `CANDLE_ERROR_DEVICE` when it is not there, saying which are or why there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_info(
    kind: CandleDeviceKind,
    index: i32,
    info: *mut CandleDeviceInfo,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_device_info(kind, index, info, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "device_info", || {
            let room = output_structure(info, "info")?;
            let kind = DeviceKind::from_code(kind)?;
            room.set(&CandleDeviceInfo::new(&kind.info(position(kind, index)?)?));
            Ok(())
        })
    }
}

/// Fills `memory` with what is known of the memory of a device.
///
/// Fails with `CANDLE_ERROR_UNSUPPORTED` for a GPU whose memory nobody counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_memory(
    kind: CandleDeviceKind,
    index: i32,
    memory: *mut CandleDeviceMemory,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_device_memory(kind, index, memory, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "device_memory", || {
            let room = output_structure(memory, "memory")?;
            let found = device_of(kind, index)?.memory()?;
            room.set(&CandleDeviceMemory {
                struct_size: size_of::<CandleDeviceMemory>(),
                free_bytes: found.free,
                total_bytes: found.total,
                allocated_bytes: found.allocated,
                peak_allocated_bytes: found.peak_allocated,
                reserved_bytes: found.reserved,
                peak_reserved_bytes: found.peak_reserved,
            });
            Ok(())
        })
    }
}

/// Lets the peaks of `candle_device_memory` begin again at what is in use now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_reset_peak_memory(
    kind: CandleDeviceKind,
    index: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_device_reset_peak_memory(kind, index, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "device_reset_peak_memory", || device_of(kind, index)?.reset_peak_memory()) }
}

/// Gives back to the system what is kept on a device for later tensors, once its work is done, and what is kept of pinned
/// memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_empty_cache(
    kind: CandleDeviceKind,
    index: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_device_empty_cache(kind, index, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "device_empty_cache", || device_of(kind, index)?.empty_cache()) }
}

/// Waits for all that a device has been given to do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_device_synchronize(
    kind: CandleDeviceKind,
    index: i32,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_device_synchronize(kind, index, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guard(error, "device_synchronize", || device_of(kind, index)?.synchronize()) }
}
