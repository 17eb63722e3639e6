//! What users switch, for the whole process.

use std::sync::atomic::{AtomicU8, Ordering};

/// A switch. The numbers are those of `CANDLE_CUDNN_*` in the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Whether cuDNN is used at all; it is at first.
    Enabled = 0,
    /// Whether algorithms are measured, each time that sizes are new.
    Benchmark = 1,
    /// Whether only algorithms are taken that always give the same bits.
    Deterministic = 2,
    /// Whether `float32` may be rounded to TF32; it may at first, as in PyTorch.
    AllowTf32 = 3,
}

impl Switch {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

static ON: AtomicU8 = AtomicU8::new(Switch::Enabled.bit() | Switch::AllowTf32.bit());

/// Whether a switch is on.
#[must_use]
pub fn is_on(switch: Switch) -> bool {
    ON.load(Ordering::Relaxed) & switch.bit() != 0
}

/// Turns a switch on or off.
pub fn turn(switch: Switch, on: bool) {
    if on {
        ON.fetch_or(switch.bit(), Ordering::Relaxed);
    } else {
        ON.fetch_and(!switch.bit(), Ordering::Relaxed);
    }
}
