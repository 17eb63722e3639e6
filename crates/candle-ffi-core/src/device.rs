//! Devices by kind and index, and what this build has of them.

#[cfg(feature = "cuda")]
mod failure;
pub(crate) mod graph;
mod info;
mod memory;
mod open;

#[cfg(feature = "cuda")]
pub(crate) use failure::failure;
pub use graph::{Graph, refuse_in_graph};
pub use info::DeviceInfo;
pub use memory::DeviceMemory;

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

    /// How many devices of this kind this build can use on this machine. Those of CUDA are counted without opening one.
    pub fn count(self) -> usize {
        open::count(self).unwrap_or(0)
    }

    /// Why there is no device of this kind; None when there is one.
    pub fn why_none(self) -> Option<String> {
        open::count(self).err()
    }
}

impl Device {
    /// The host's processor.
    pub const CPU: Self = Self { kind: DeviceKind::Cpu, index: 0 };

    /// A device of a kind; fails with `Device` when it is not there, saying which are, or how to get one.
    pub fn new(kind: DeviceKind, index: usize) -> Result<Self> {
        let device = Self { kind, index };
        // Opening it is the only proof that it answers.
        open::open(device).map(|_| device)
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

    /// Candle's device of this name, opened where it was not.
    pub fn to_candle(self) -> Result<candle_core::Device> {
        open::open(self)
    }

    /// The first device of a kind that is open; None where none is, which opens none.
    pub fn opened(kind: DeviceKind) -> Option<Self> {
        open::opened(kind)
    }

    /// The device of a kind and an index where it is open; None where it is not, which opens none.
    pub fn opened_at(kind: DeviceKind, index: usize) -> Option<Self> {
        let device = Self { kind, index };
        open::is_open(device).then_some(device)
    }

    /// Waits for all that the device has been given to do; the CPU has done it when a call returns.
    pub fn synchronize(self) -> Result<()> {
        open::synchronize(self)
    }

    pub(crate) fn of(array: &candle_core::Tensor) -> Self {
        match array.device() {
            candle_core::Device::Cpu => Self::CPU,
            other => open::identify(other),
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
