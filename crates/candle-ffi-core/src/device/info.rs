//! What a device is.

use super::{Device, DeviceKind};
use crate::{Error, ErrorCode, Result};

/// What a device is; what does not apply is 0 or empty.
#[derive(Clone, Debug, Default)]
pub struct DeviceInfo {
    /// Its name, such as "NVIDIA A100-SXM4-80GB".
    pub name: String,
    /// What tells it from all others, as `nvidia-smi -L` prints it.
    pub uuid: String,
    /// What a GPU of CUDA can do: 8 and 0 for 8.0.
    pub compute_capability: (i32, i32),
    /// How many multiprocessors a GPU has; for the CPU, how many threads it runs at once.
    pub multiprocessors: i32,
    /// How many threads of a GPU go in step.
    pub warp_size: i32,
    /// The newest version of CUDA that the driver knows: 13000 for 13.0.
    pub driver_version: i32,
    /// The version of CUDA that this library is built with.
    pub runtime_version: i32,
    /// The bytes of its memory; 0 where the system does not tell.
    pub total_memory: u64,
}

impl DeviceKind {
    /// What a device of this kind is. One of CUDA is not opened for this, only looked at.
    pub fn info(self, index: usize) -> Result<DeviceInfo> {
        let device = Device { kind: self, index };
        super::open::check(device)?;
        match self {
            Self::Cpu => Ok(host()),
            #[cfg(feature = "cuda")]
            Self::Cuda => cuda(index),
            _ => Err(Error::new(ErrorCode::Unsupported, format!("nothing is known of {device} but that it is there"))),
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<DeviceInfo> {
    let found = candle_ffi_cuda::device::properties(index)?;
    Ok(DeviceInfo {
        name: found.name,
        uuid: found.uuid,
        compute_capability: found.compute_capability,
        multiprocessors: found.multiprocessors,
        warp_size: found.warp_size,
        driver_version: found.driver_version,
        runtime_version: candle_ffi_cuda::device::CUDA_VERSION,
        total_memory: found.total_memory,
    })
}

fn host() -> DeviceInfo {
    let threads = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    DeviceInfo {
        name: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        multiprocessors: i32::try_from(threads).unwrap_or(i32::MAX),
        total_memory: crate::memory::total().map_or(0, |bytes| bytes as u64),
        ..DeviceInfo::default()
    }
}

/// The name of the processor, where the system tells.
fn processor() -> Option<String> {
    if let Ok(name) = std::env::var("PROCESSOR_IDENTIFIER") {
        return Some(name);
    }
    let report = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = report.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
