//! Tensors, autograd, layers, losses and optimizers on Hugging Face Candle, with PyTorch's meaning.
//!
//! Candle gives storage, devices, dtypes and matrix products; this crate gives what a user means on
//! top of them: operations with their gradients, broadcasting, promotion, indexing, random numbers.
//! Tensors handed to Candle never track gradients: the tape in [`autograd`] does.
#![deny(unsafe_code)]

pub mod autocast;
pub mod autograd;
mod compute;
pub mod cudnn;
pub mod data;
mod device;
mod dtype;
mod error;
pub mod fallback;
pub mod indexing;
pub mod io;
mod memory;
pub mod nn;
pub mod ops;
pub mod optim;
mod options;
mod padding;
pub mod precision;
pub mod profile;
pub mod random;
mod results;
mod shape;
mod tensor;
pub mod threads;
mod value;

pub use device::{Device, DeviceInfo, DeviceKind, DeviceMemory, Graph, refuse_in_graph};
pub use dtype::{DType, default_dtype, set_default_dtype};
pub use error::{Error, ErrorCode, Result};
pub use options::{
    Approximate, BagMode, InterpolateMode, KlDivReduction, PadMode, PaddingMode, Reduction, RnnNonlinearity,
    TransformerActivation,
};
pub use padding::Padding;
pub use random::Generator;
pub use results::{AttentionAndWeights, LstmOutput, LstmState, OutputAndIndices, RnnOutput, ValuesAndIndices};
pub use tensor::Tensor;

/// The release of Candle whose meaning this crate is tested against.
pub const CANDLE_VERSION: &str = "0.11.1";
