//! The kernels of CUDA compared with those of the CPU, in shapes that take each of their ways. A machine without a driver
//! skips this and says why.
#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

mod broadcast;
mod common;
mod ctc;
mod index;
mod lines;
mod loss;
mod norm;
mod order;
mod reduce;
