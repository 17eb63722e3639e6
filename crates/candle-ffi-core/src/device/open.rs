//! Devices that are in use. Candle makes a new one at each asking, and tensors of two do not mix, so each is opened once,
//! and stays open.

use super::{Device, DeviceKind};
use crate::{Error, Result};
use std::sync::{Mutex, OnceLock, PoisonError};

/// More than a machine has of one kind.
const MOST: usize = 64;

type Slots = [OnceLock<candle_core::Device>; MOST];

static CUDA: Slots = [const { OnceLock::new() }; MOST];
static METAL: Slots = [const { OnceLock::new() }; MOST];

/// How many devices of a kind there are, or why there is none.
pub(super) fn count(kind: DeviceKind) -> Result<usize, String> {
    match kind {
        DeviceKind::Cpu => Ok(1),
        DeviceKind::Cuda => cuda_count(),
        DeviceKind::Metal => metal_count(),
    }
}

/// What is open of a kind, by index; None for the CPU, which is always.
fn slots(kind: DeviceKind) -> Option<&'static [OnceLock<candle_core::Device>; MOST]> {
    match kind {
        DeviceKind::Cpu => None,
        DeviceKind::Cuda => Some(&CUDA),
        DeviceKind::Metal => Some(&METAL),
    }
}

/// Whether a device is open; the CPU always is.
pub(super) fn is_open(device: Device) -> bool {
    match slots(device.kind) {
        Some(slots) => slots.get(device.index).is_some_and(|slot| slot.get().is_some()),
        None => device == Device::CPU,
    }
}

/// The device as Candle knows it, opened where it was not.
pub(super) fn open(device: Device) -> Result<candle_core::Device> {
    let Some(slots) = slots(device.kind) else { return check(device).map(|()| candle_core::Device::Cpu) };
    match slots.get(device.index).and_then(OnceLock::get) {
        Some(opened) => Ok(opened.clone()),
        None => first(device, slots),
    }
}

/// The first device of a kind that is open.
pub(super) fn opened(kind: DeviceKind) -> Option<Device> {
    let Some(slots) = slots(kind) else { return Some(Device::CPU) };
    let index = slots.iter().position(|slot| slot.get().is_some())?;
    Some(Device { kind, index })
}

/// Fails unless there is such a device.
pub(super) fn check(device: Device) -> Result<()> {
    let there = count(device.kind).is_ok_and(|count| device.index < count.min(MOST));
    if there { Ok(()) } else { Err(missing(device)) }
}

#[cold]
fn first(device: Device, slots: &Slots) -> Result<candle_core::Device> {
    static OPENING: Mutex<()> = Mutex::new(());
    check(device)?;
    let slot = &slots[device.index];
    let _alone = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(opened) = slot.get() {
        return Ok(opened.clone());
    }
    let opened = new(device).map_err(|error| cannot_open(device, error))?;
    Ok(slot.get_or_init(|| opened).clone())
}

#[cfg(feature = "cuda")]
fn new(device: Device) -> candle_core::Result<candle_core::Device> {
    match device.kind {
        DeviceKind::Cuda => candle_ffi_cuda::device::open(device.index),
        _ => candle_core::Device::new_metal(device.index),
    }
}

#[cfg(not(feature = "cuda"))]
fn new(device: Device) -> candle_core::Result<candle_core::Device> {
    candle_core::Device::new_metal(device.index)
}

#[cfg(feature = "cuda")]
fn cuda_count() -> Result<usize, String> {
    candle_ffi_cuda::device::count()
}

#[cfg(not(feature = "cuda"))]
fn cuda_count() -> Result<usize, String> {
    Err("this build of candle_ffi has no CUDA; build it with the cargo feature `cuda` \
         (make cuda, or CANDLE_FFI_CUDA=1 pip install '.[cuda]')"
        .to_owned())
}

#[cfg(feature = "metal")]
fn metal_count() -> Result<usize, String> {
    // Nothing tells their number, so they are opened one after the other.
    let opens = |index: &usize| match METAL[*index].get() {
        Some(_) => true,
        None => candle_core::Device::new_metal(*index).is_ok_and(|opened| {
            METAL[*index].get_or_init(|| opened);
            true
        }),
    };
    match (0..MOST).take_while(opens).count() {
        0 => Err("Metal finds no GPU".to_owned()),
        count => Ok(count),
    }
}

#[cfg(not(feature = "metal"))]
fn metal_count() -> Result<usize, String> {
    Err("this build of candle_ffi has no Metal; build it with the cargo feature `metal` on macOS".to_owned())
}

/// A device that is not there, and those that are.
#[cold]
fn missing(device: Device) -> Error {
    let kind = device.kind.name();
    let message = match count(device.kind) {
        Err(reason) => format!("there is no device {kind}: {reason}; or use device=\"cpu\""),
        // Its name is written without the index, which is what is wrong with it.
        Ok(1) if device.kind == DeviceKind::Cpu => {
            format!("there is no device {kind}:{}; the only one is cpu", device.index)
        }
        Ok(1) => format!("there is no device {device}; the only one of its kind is {kind}:0"),
        Ok(count) => format!("there is no device {device}; there are {count}, {kind}:0 to {kind}:{}", count - 1),
    };
    Error::device(message, &[device])
}

#[cold]
fn cannot_open(device: Device, error: candle_core::Error) -> Error {
    let error = Error::from(error);
    match error.code() {
        crate::ErrorCode::OutOfMemory => error,
        _ => Error::device(format!("the device {device} cannot be opened: {}", error.message()), &[device]),
    }
}

/// Waits for all that a device has been given to do.
pub(super) fn synchronize(device: Device) -> Result<()> {
    match open(device)? {
        candle_core::Device::Cpu => Ok(()),
        #[cfg(feature = "cuda")]
        ref opened @ candle_core::Device::Cuda(ref device) => {
            candle_ffi_cuda::device::synchronize(opened)?;
            crate::compute::refuse_found(device)
        }
        opened => Ok(opened.synchronize()?),
    }
}

pub(super) fn identify(opened: &candle_core::Device) -> Device {
    let (kind, index) = match opened.location() {
        candle_core::DeviceLocation::Cpu => (DeviceKind::Cpu, 0),
        candle_core::DeviceLocation::Cuda { gpu_id } => (DeviceKind::Cuda, gpu_id),
        candle_core::DeviceLocation::Metal { gpu_id } => (DeviceKind::Metal, gpu_id),
    };
    Device { kind, index }
}
