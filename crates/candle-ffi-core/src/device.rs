//! Devices by kind and index, and what this build has of them.

use crate::{Error, Result};
use std::fmt;

/// What kind of processor a device is; the numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum DeviceKind {
    /// The host's processor.
    Cpu = 1,
    /// An NVIDIA GPU.
    Cuda = 2,
    /// An Apple GPU.
    Metal = 3,
}

/// A device: a kind and an index among its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    kind: DeviceKind,
    index: usize,
}

impl DeviceKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Cuda, Self::Metal];

    /// The kind of a number of the ABI.
    pub fn from_code(code: i32) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i32 == code).ok_or_else(|| {
            Error::device(format!("there is no device kind {code}; kinds are 1 (cpu), 2 (cuda) and 3 (metal)"), &[])
        })
    }

    /// PyTorch's name of the kind (`mps` is called `metal` here, as in Candle).
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        }
    }

    /// How many devices of this kind this build can use on this machine.
    pub fn count(self) -> usize {
        match self {
            Self::Cpu => 1,
            Self::Cuda => backend::cuda_count(),
            Self::Metal => backend::metal_count(),
        }
    }
}

impl Device {
    /// The host's processor.
    pub const CPU: Self = Self { kind: DeviceKind::Cpu, index: 0 };

    /// A device of a kind; fails with `Device` when it is not there, saying how to get one.
    pub fn new(kind: DeviceKind, index: usize) -> Result<Self> {
        let device = Self { kind, index };
        match kind {
            DeviceKind::Cpu if index != 0 => {
                Err(Error::device(format!("there is no device cpu:{index}; the only one is cpu"), &[]))
            }
            DeviceKind::Cuda if !cfg!(feature = "cuda") => Err(Error::device(
                "this build of candle_ffi has no CUDA, so the device cuda is not there; \
                 build it with the cargo feature `cuda` (CANDLE_FFI_FEATURES=cuda pip install .), or use device=\"cpu\"",
                &[device],
            )),
            DeviceKind::Metal if !cfg!(feature = "metal") => Err(Error::device(
                "this build of candle_ffi has no Metal, so the device metal is not there; \
                 build it with the cargo feature `metal` on macOS, or use device=\"cpu\"",
                &[device],
            )),
            DeviceKind::Cpu => Ok(device),
            _ => {
                // Opening it is the only proof that a driver answers.
                backend::open(device)?;
                Ok(device)
            }
        }
    }

    /// A device by PyTorch's spelling: `"cpu"`, `"cuda"`, `"cuda:1"`, `"metal"`.
    pub fn from_name(name: &str) -> Result<Self> {
        let (kind_name, index) = match name.split_once(':') {
            Some((kind, index)) => (kind, index.parse::<usize>().ok()),
            None => (name, Some(0)),
        };
        let kind = DeviceKind::ALL.into_iter().find(|kind| kind.name() == kind_name);
        match (kind, index) {
            (Some(kind), Some(index)) => Self::new(kind, index),
            _ => Err(Error::device(
                format!("unknown device {name:?}; devices are \"cpu\", \"cuda\", \"cuda:<index>\" and \"metal\""),
                &[],
            )),
        }
    }

    /// The kind.
    pub fn kind(self) -> DeviceKind {
        self.kind
    }

    /// The index among devices of the same kind.
    pub fn index(self) -> usize {
        self.index
    }

    /// Whether this is the host's processor.
    pub fn is_cpu(self) -> bool {
        self.kind == DeviceKind::Cpu
    }

    pub(crate) fn to_candle(self) -> Result<candle_core::Device> {
        if self.is_cpu() { Ok(candle_core::Device::Cpu) } else { backend::open(self) }
    }

    pub(crate) fn of(array: &candle_core::Tensor) -> Self {
        match array.device() {
            candle_core::Device::Cpu => Self::CPU,
            other => backend::identify(other),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DeviceKind::Cpu => formatter.write_str("cpu"),
            kind => write!(formatter, "{}:{}", kind.name(), self.index),
        }
    }
}

/// Devices beyond the CPU. Candle makes a new context for each `Device::new_cuda`, and tensors of two
/// contexts do not mix, so each device is opened once.
mod backend {
    use super::{Device, DeviceKind};
    use crate::{Error, Result};
    use std::sync::Mutex;

    static OPEN: Mutex<Vec<(Device, candle_core::Device)>> = Mutex::new(Vec::new());

    pub(super) fn cuda_count() -> usize {
        count(DeviceKind::Cuda, cfg!(feature = "cuda"))
    }

    pub(super) fn metal_count() -> usize {
        count(DeviceKind::Metal, cfg!(feature = "metal"))
    }

    fn count(kind: DeviceKind, built: bool) -> usize {
        if !built {
            return 0;
        }
        (0..).take_while(|&index| open(Device { kind, index }).is_ok()).count()
    }

    pub(super) fn open(device: Device) -> Result<candle_core::Device> {
        let mut devices = OPEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, opened)) = devices.iter().find(|(known, _)| *known == device) {
            return Ok(opened.clone());
        }
        let opened = match device.kind {
            DeviceKind::Cpu => candle_core::Device::Cpu,
            DeviceKind::Cuda => {
                candle_core::Device::new_cuda(device.index).map_err(|error| unavailable(device, &error))?
            }
            DeviceKind::Metal => {
                candle_core::Device::new_metal(device.index).map_err(|error| unavailable(device, &error))?
            }
        };
        devices.push((device, opened.clone()));
        Ok(opened)
    }

    pub(super) fn identify(opened: &candle_core::Device) -> Device {
        let (kind, index) = match opened.location() {
            candle_core::DeviceLocation::Cpu => (DeviceKind::Cpu, 0),
            candle_core::DeviceLocation::Cuda { gpu_id } => (DeviceKind::Cuda, gpu_id),
            candle_core::DeviceLocation::Metal { gpu_id } => (DeviceKind::Metal, gpu_id),
        };
        Device { kind, index }
    }

    fn unavailable(device: Device, error: &candle_core::Error) -> Error {
        Error::device(format!("the device {device} cannot be opened: {error}"), &[device])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn names_are_parsed_and_unknown_ones_list_those_that_exist() {
        assert_eq!(Device::from_name("cpu").map(|device| device.to_string()).ok(), Some("cpu".into()));
        for name in ["tpu", "cuda:x", "", "cpu:1"] {
            let error = Device::from_name(name).expect_err(name);
            assert_eq!(error.code(), ErrorCode::Device);
            assert!(error.message().contains("cpu"), "{error}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_cpu_build_says_how_to_get_cuda() {
        let error = Device::from_name("cuda:1").expect_err("no CUDA here");
        assert!(error.message().contains("CUDA") && error.message().contains("feature"), "{error}");
    }
}
