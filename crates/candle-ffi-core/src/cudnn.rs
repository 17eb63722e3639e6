//! cuDNN, which computes convolutions on CUDA where it is installed: whether it is, and what may be switched.
//!
//! The switches are those of the process; without CUDA they are kept and change nothing.

use crate::{Error, ErrorCode, Result};
use std::sync::atomic::{AtomicU8, Ordering};

/// A switch, by its number in the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Whether cuDNN computes convolutions where it can.
    Enabled = 0,
    /// Whether its algorithms are measured for sizes that are new.
    Benchmark = 1,
    /// Whether only algorithms are taken that always give the same bits.
    Deterministic = 2,
    /// Whether convolutions of `float32` may be of TF32.
    AllowTf32 = 3,
}

impl Switch {
    const ALL: [Self; 4] = [Self::Enabled, Self::Benchmark, Self::Deterministic, Self::AllowTf32];

    /// The switch of a number.
    pub fn from_code(code: i32) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|switch| *switch as i32 == code);
        found.ok_or_else(|| {
            Error::argument(format!(
                "{code} is no switch of cuDNN: 0 is enabled, 1 benchmark, 2 deterministic, 3 allow_tf32"
            ))
        })
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What is on at first is what PyTorch has on.
static ON: AtomicU8 = AtomicU8::new(Switch::Enabled.bit() | Switch::AllowTf32.bit());

/// Whether a switch is on.
#[must_use]
pub fn is_on(switch: Switch) -> bool {
    ON.load(Ordering::Relaxed) & switch.bit() != 0
}

/// Turns a switch on or off for the whole process.
pub fn turn(switch: Switch, on: bool) {
    if on {
        ON.fetch_or(switch.bit(), Ordering::Relaxed);
    } else {
        ON.fetch_and(!switch.bit(), Ordering::Relaxed);
    }
    #[cfg(feature = "cuda")]
    {
        use candle_ffi_cuda::cudnn::Switch as Of;
        let of = match switch {
            Switch::Enabled => Of::Enabled,
            Switch::Benchmark => Of::Benchmark,
            Switch::Deterministic => Of::Deterministic,
            Switch::AllowTf32 => Of::AllowTf32,
        };
        candle_ffi_cuda::cudnn::turn(of, on);
    }
}

/// The version of cuDNN as it counts, 92801 for 9.28.1. Fails where there is none that can be used, and says why.
pub fn version() -> Result<i32> {
    #[cfg(feature = "cuda")]
    let found = candle_ffi_cuda::cudnn::version();
    #[cfg(not(feature = "cuda"))]
    let found: std::result::Result<usize, String> = Err("this library is built without CUDA".to_owned());
    let version = found.map_err(|why| Error::new(ErrorCode::Unsupported, why))?;
    Ok(i32::try_from(version).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_turned_one_by_one() {
        assert!(is_on(Switch::Enabled) && is_on(Switch::AllowTf32));
        turn(Switch::Benchmark, true);
        assert!(is_on(Switch::Benchmark) && !is_on(Switch::Deterministic));
        turn(Switch::Benchmark, false);
        assert!(!is_on(Switch::Benchmark));
        assert_eq!(Switch::from_code(2).unwrap(), Switch::Deterministic);
        assert!(Switch::from_code(4).is_err() && Switch::from_code(-1).is_err());
    }
}
