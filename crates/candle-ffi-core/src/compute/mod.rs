//! From values to kernels: dispatch on device and dtype. Nothing here knows of gradients.
//!
//! On the CPU the kernels of `candle-ffi-kernels` do the work on Candle's storage. On other devices
//! Candle's own operation does it where its meaning is the same, else the host does, through
//! [`host::round_trip`].

mod bytes;
mod copy;
mod dispatch;
mod elementwise;
mod fused;
mod host;
mod index;
mod inplace;
mod locked;
mod matmul;
mod reduce;
mod region;
mod sample;

pub(crate) use bytes::{read_bytes, write_bytes};
pub(crate) use copy::{cast, contiguous, copy, fill, from_fn, from_vec};
pub(crate) use dispatch::CpuElement;
pub(crate) use elementwise::{
    Binary, Compare, Logical, Unary, UnaryGrad, binary, clamp, clamp_mask, compare, logical, logical_not, select,
    unary, unary_grad,
};
pub(crate) use fused::{
    LayerNorm, layer_norm, layer_norm_grad, log_softmax, log_softmax_grad, logsumexp, softmax, softmax_grad,
};
pub(crate) use index::{gather, index_add, index_select, one_hot, positions, scatter_add};
pub(crate) use inplace::{binary_into, copy_into, sgd_into};
pub(crate) use matmul::{matmul, matmul_add};
pub(crate) use reduce::{Reduce, Select, argselect, reduce, var};
pub(crate) use region::{Range, Region};
pub(crate) use sample::{Draws, bernoulli, integers, normal, permutation, uniform};
