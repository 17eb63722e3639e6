//! What handles there are, and how many of each are alive.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The kinds of handles; the numbers are the ABI's and the low byte of a handle's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A tensor.
    Tensor = 1,
    /// A random number generator.
    Generator = 2,
    /// The details of a failed call.
    Error = 3,
    /// Named tensors, as in a safetensors file.
    TensorMap = 4,
    /// A layer or a model made of layers.
    Module = 5,
    /// An optimizer.
    Optimizer = 6,
    /// What the profiler has recorded.
    Profile = 7,
    /// A CUDA graph.
    Graph = 8,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Tensor,
        Self::Generator,
        Self::Error,
        Self::TensorMap,
        Self::Module,
        Self::Optimizer,
        Self::Profile,
        Self::Graph,
    ];

    /// The kind of a number, if it is one.
    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == code)
    }

    /// The C type, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tensor => "CandleTensor",
            Self::Generator => "CandleGenerator",
            Self::Error => "CandleError",
            Self::TensorMap => "CandleTensorMap",
            Self::Module => "CandleModule",
            Self::Optimizer => "CandleOptimizer",
            Self::Profile => "CandleProfile",
            Self::Graph => "CandleGraph",
        }
    }
}

/// One more than the highest kind.
const KINDS: usize = 9;

/// Handles that are alive, by kind.
pub(super) static LIVE: [AtomicUsize; KINDS] = [const { AtomicUsize::new(0) }; KINDS];

/// How many handles of a kind are alive; kind 0 means all of them.
pub(crate) fn live_handles(kind: i32) -> usize {
    match usize::try_from(kind) {
        Ok(0) => LIVE.iter().map(|count| count.load(Ordering::Relaxed)).sum(),
        Ok(kind) => LIVE.get(kind).map_or(0, |count| count.load(Ordering::Relaxed)),
        Err(_) => 0,
    }
}
