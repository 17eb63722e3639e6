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
//! | [`reduce`], [`scan`], [`sort`], [`softmax`], [`norm`] | along one dimension |
//! | [`planes`] | batch and group normalisation |
//! | [`activation`], [`pair_loss`], [`cross_entropy`], [`ctc`] | activation functions with parameters; losses |
//! | [`matmul`], [`matmul_integer`] | matrix products |
//! | [`conv`] | convolutions |
//! | [`attention`] | attention, in blocks |
//! | [`pool`], [`resample`], [`fold`] | windows, interpolation and patches of spatial dimensions |
//! | [`index`], [`embedding`] | gather, scatter and their relatives; bags of rows |
//! | [`recurrent`] | LSTM, GRU and the plain recurrent layer |
//! | [`random`], [`optim`], [`clip`] | random numbers; optimizer steps, the norm of gradients |
//! | [`profile`] | the recorder of the profiler; each kernel begins with its span |
//!
//! Lengths and shapes are checked by the caller; a disagreement here is a bug and panics. What depends on the
//! data (an index, an integer divisor) is an [`Error`].

pub mod activation;
pub mod attention;
pub mod binary;
pub mod clip;
mod columns;
pub mod compare;
pub mod conv;
pub mod copy;
pub mod cross_entropy;
pub mod ctc;
pub mod element;
pub mod embedding;
pub mod error;
pub mod fold;
pub mod index;
mod math;
pub mod matmul;
pub mod matmul_integer;
pub mod norm;
pub mod optim;
pub mod pair_loss;
pub mod parallel;
pub mod planes;
pub mod pool;
pub mod profile;
pub mod random;
pub mod recurrent;
pub mod reduce;
mod registers;
pub mod resample;
pub mod scan;
mod scratch;
mod simd;
pub mod softmax;
pub mod sort;
pub mod strided;
pub mod triangle;
pub mod unary;
pub mod unary_grad;

pub use element::{Element, Float, Integer, Number};
pub use error::{Error, Result};
pub use strided::{Strided, StridedMut};
