//! Runs kernels: a warp's 32 lanes step by step together, a block's warps in turn, blocks on several host threads.

mod access;
mod assertion;
mod atomics;
mod barrier;
mod bits;
mod block;
mod convert;
mod copies;
mod execute;
mod fault;
mod file;
mod float;
mod globals;
mod integer;
mod launch;
mod matrix;
mod meeting;
mod memory;
pub(crate) mod noise;
mod order;
mod rounding;
mod shadow;
mod warp;
mod word;

pub use fault::Fault;
pub use launch::launch;
pub use memory::{Memory, Region};
