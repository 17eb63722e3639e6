//! From values to kernels: dispatch on device and dtype. Nothing here knows of gradients.
//!
//! On the CPU the kernels of `candle-ffi-kernels` do the work on Candle's storage, on CUDA those of `candle-ffi-cuda`
//! ([`cuda`]). Where a device has no kernel, Candle's own operation does it if its meaning is the same, else the host
//! does, through [`host::round_trip`].

/// Asks a function of [`cuda`], where the library is built with CUDA: what it computes is returned from the function around;
/// where it has no kernel, what follows goes on.
macro_rules! on_cuda {
    ($function:ident($($argument:expr),* $(,)?)) => {
        #[cfg(feature = "cuda")]
        if let Some(computed) = $crate::compute::cuda::$function($($argument),*)? {
            return Ok(computed);
        }
    };
}

mod activation;
mod attention;
mod bytes;
mod conv;
mod copy;
mod ctc;
#[cfg(feature = "cuda")]
mod cuda;
mod dispatch;
mod elementwise;
mod embedding;
mod fused;
mod host;
mod index;
mod inplace;
mod join;
mod locked;
mod loss;
mod matmul;
mod norm;
mod optim;
mod recurrent;
mod reduce;
mod region;
mod sample;
mod scan;
mod spatial;
mod transfer;

pub(crate) use activation::{Activation, HARDSIGMOID_SLOPE, activation, activation_grad, prelu};
pub(crate) use attention::{AttentionOptions, additive_mask, attention, attention_grad};
pub(crate) use bytes::{read_bytes, write_bytes};
pub(crate) use conv::{ConvResult, conv};
pub(crate) use copy::{cast, contiguous, copy, fill, from_fn, from_vec};
pub(crate) use ctc::{Alignment, Target, ctc, ctc_grad};
#[cfg(feature = "cuda")]
pub(crate) use cuda::refuse_found;
pub(crate) use dispatch::CpuElement;
pub(crate) use elementwise::{
    Binary, Compare, Logical, Unary, UnaryGrad, binary, clamp, clamp_mask, compare, logical, logical_not, select,
    unary, unary_grad,
};
pub(crate) use embedding::bag_argmax;
pub(crate) use fused::{log_softmax, log_softmax_grad, logsumexp, softmax, softmax_grad};
pub(crate) use index::{Scatter, gather, index_add, index_select, one_hot, positions, scatter, triangle};
pub(crate) use inplace::{binary_into, copy_into};
pub(crate) use join::join;
pub(crate) use loss::{
    Classes, LEAST_VARIANCE, PairLoss, Side, cross_entropy, cross_entropy_grad, pair_loss, pair_loss_grad,
};
pub(crate) use matmul::{matmul, matmul_add};
pub(crate) use norm::{
    Center, PlaneNorm, Planes, RowNorm, plane_affine, plane_norm, plane_norm_grad, row_norm, row_norm_grad,
};
pub(crate) use optim::{Batch, norm_of_all, scale_all, step_into, sum_of_squares, unscale_all};
pub(crate) use recurrent::{
    Cell, Gradients, Inputs, Kept, Plan, Wanted, Weights, has_recurrent, recurrent, recurrent_grad,
};
pub(crate) use reduce::{Reduce, Select, argselect, reduce, var};
pub(crate) use region::{Range, Region};
pub(crate) use sample::{Draws, bernoulli, integers, noise, normal, permutation, uniform};
pub(crate) use scan::{Part, Scan, argsort, scan};
pub(crate) use spatial::{
    OnPlanes, avg_pool, avg_pool_grad, fold, max_pool, max_pool_grad, max_unpool, resample, resample_grad, unfold,
};
pub(crate) use transfer::{send, to_device};
