//! CPU kernels on slices, forward and backward: vectorised, threaded, and with PyTorch's meaning.
//!
//! The crate knows neither Candle's tensors nor the graph of gradients. An input is a slice, contiguous or [`Strided`];
//! a result is a fresh `Vec`, but for the few functions that are said to write in place.
//!
//! | module | what |
//! |---|---|
//! | [`element`] | the element types and what can be done with one element |
//! | [`strided`], [`copy`] | views; contiguous copies, casts, fills |
//! | [`parallel`] | the thread policy of the whole library |
//! | [`unary`], [`unary_grad`], [`binary`], [`compare`] | elementwise operations |
//! | [`reduce`], [`softmax`], [`norm`] | along one dimension |
//! | [`matmul`], [`matmul_integer`] | matrix products |
//! | [`index`] | gather, scatter and their relatives |
//! | [`random`], [`optim`] | random numbers; optimizer steps |
//!
//! Lengths and shapes are checked by the caller; a disagreement here is a bug and panics. What depends on the
//! data (an index, an integer divisor) is an [`Error`].

pub mod binary;
pub mod compare;
pub mod copy;
pub mod element;
pub mod error;
pub mod index;
mod math;
pub mod matmul;
pub mod matmul_integer;
pub mod norm;
pub mod optim;
pub mod parallel;
pub mod random;
pub mod reduce;
mod simd;
pub mod softmax;
pub mod strided;
pub mod unary;
pub mod unary_grad;

pub use element::{Element, Float, Integer, Number};
pub use error::{Error, Result};
pub use strided::{Strided, StridedMut};
