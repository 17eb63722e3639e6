//! The memory of a device.

use super::{Device, DeviceKind};
use crate::{Error, ErrorCode, Result};

/// What is known of the memory of a device, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceMemory {
    /// What can still be had.
    pub free: u64,
    /// All there is.
    pub total: u64,
    /// What tensors of this process hold.
    pub allocated: u64,
    /// The most that they held since the start or [`Device::reset_peak_memory`].
    pub peak_allocated: u64,
    /// What this process has taken for tensors: what they hold, and what is kept for the next ones.
    pub reserved: u64,
    /// The most that this was.
    pub peak_reserved: u64,
}

impl Device {
    /// What is known of the memory. On the CPU nobody counts what tensors hold: there it is only what is free, and all.
    pub fn memory(self) -> Result<DeviceMemory> {
        match self.kind {
            DeviceKind::Cpu => Ok(DeviceMemory {
                free: crate::memory::available().unwrap_or(0) as u64,
                total: crate::memory::total().unwrap_or(0) as u64,
                ..DeviceMemory::default()
            }),
            _ => of(self),
        }
    }

    /// Lets the peaks begin again at what is in use now; nothing to do on the CPU.
    pub fn reset_peak_memory(self) -> Result<()> {
        if self.is_cpu() { Ok(()) } else { reset_peak(self) }
    }

    /// Gives back to the system what is kept for later tensors; nothing to do on the CPU.
    pub fn empty_cache(self) -> Result<()> {
        if self.is_cpu() { Ok(()) } else { empty_cache(self) }
    }
}

#[cfg(feature = "cuda")]
fn of(device: Device) -> Result<DeviceMemory> {
    let found = candle_ffi_cuda::memory::statistics(&cuda(device)?)?;
    Ok(DeviceMemory {
        free: found.free,
        total: found.total,
        allocated: found.allocated,
        peak_allocated: found.peak_allocated,
        reserved: found.reserved,
        peak_reserved: found.peak_reserved,
    })
}

#[cfg(feature = "cuda")]
fn reset_peak(device: Device) -> Result<()> {
    Ok(candle_ffi_cuda::memory::reset_peak(&cuda(device)?)?)
}

#[cfg(feature = "cuda")]
fn empty_cache(device: Device) -> Result<()> {
    Ok(candle_ffi_cuda::memory::empty_cache(&cuda(device)?)?)
}

#[cfg(feature = "cuda")]
fn cuda(device: Device) -> Result<candle_core::Device> {
    if device.kind == DeviceKind::Cuda { device.to_candle() } else { unknown(device) }
}

#[cfg(not(feature = "cuda"))]
use unknown as of;
#[cfg(not(feature = "cuda"))]
use unknown as reset_peak;
#[cfg(not(feature = "cuda"))]
use unknown as empty_cache;

/// Metal keeps no books that could be read here.
fn unknown<T>(device: Device) -> Result<T> {
    Err(Error::new(ErrorCode::Unsupported, format!("nothing is known of the memory of {device}")))
}
