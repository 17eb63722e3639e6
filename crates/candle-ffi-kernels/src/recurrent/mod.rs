//! Recurrent layers: LSTM, GRU and the plain one, in one direction, forward and backward through time.
//!
//! What does not depend on the state is left to the caller, who does it for all steps in one product: the map of the
//! inputs, and the gradients of the weights. Sequences never meet, so each thread takes some of them through all steps,
//! and no step waits for another thread.
//!
//! The rows of all steps lie one after the other, the first step's first. A step may have fewer rows than the one
//! before: sequences are sorted by falling length, and the short ones have ended.

mod block;
mod gru;
mod lstm;
mod packed;
mod plain;
mod steps;

pub use block::Incoming;
pub use gru::{Gru, GruGrad, GruInput, gru, gru_grad};
pub use lstm::{Lstm, LstmGrad, LstmInput, LstmKept, lstm, lstm_grad};
pub use plain::{Nonlinearity, Plain, PlainGrad, PlainInput, plain, plain_grad};
pub use steps::{Columns, ColumnsMut, Steps};

use crate::matmul::Gemm;
use crate::simd::Lanes;

/// The types that recurrent layers compute in.
pub trait Real: Lanes + Gemm<Factor = Self> {}

impl Real for f32 {}
impl Real for f64 {}

#[cfg(test)]
mod tests;
