//! CUDA kernels of our own, for what Candle has no kernel for or a slow one.
//!
//! They work on Candle's storage: a function takes tensors of one device and gives fresh ones, on the stream of that
//! device, without waiting for it. It knows nothing of gradients and nothing of bool (which Candle stores as `u8`).
//! `Ok(None)` means that there is no kernel for these dtypes; the caller has another way.
//!
//! `src/kernels/*.cu` hold the kernels; `build.rs` compiles them. [`launch`] starts one, [`array`] says where tensors lie;
//! [`device`] and [`memory`] are what can be asked of a device.
#![cfg(feature = "cuda")]

mod activation;
#[cfg(target_os = "linux")]
mod adopted;
mod array;
mod attention;
mod binary;
mod bits;
mod capture;
mod clip;
mod compare;
mod conv;
mod copy;
mod copying;
mod cross_entropy;
mod ctc;
pub mod cudnn;
pub mod device;
mod divisor;
#[cfg(target_os = "linux")]
mod driver;
mod elementwise;
mod gemm;
mod graph;
mod graph_pool;
mod index;
mod launch;
mod lines;
mod matmul;
pub mod memory;
mod norm;
mod operand;
mod optim;
mod pair_loss;
mod passed;
pub mod pinned;
mod planes;
mod pool;
mod recurrent;
mod reduce;
mod report;
mod resample;
mod sample;
mod scaler;
mod scan;
mod scatter;
mod softmax;
mod sort;
mod stream;
mod tables;
mod transfer;

pub use activation::{activation, activation_grad};
#[cfg(target_os = "linux")]
pub use adopted::{adopt, is_of_cuda};
pub use array::address;
pub use attention::{
    AttentionDropout, AttentionOptions, AttentionWay, attention, attention_by, attention_grad, attention_grad_by,
};
pub use binary::{binary, binary_into, prelu};
pub use candle_core::Result;
pub use capture::{Source, draw, is_captured, refuse, refuse_everywhere};
pub use clip::{norm_of_all, scale_all};
pub use compare::{compare, logical, select};
pub use conv::{conv, conv_transpose, conv_weight_grad};
pub use copy::{cast, cast_to_bool, contiguous, copied, copy_into, fill, one_hot, triangle};
pub use cross_entropy::{CrossEntropy, Targets, cross_entropy, cross_entropy_grad};
pub use ctc::{Ctc, Labels, Sequences, ctc, ctc_grad};
pub use elementwise::{clamp, clamp_mask, logical_not, unary, unary_grad};
pub use gemm::allow_reduced_parts;
pub use graph::{Graph, GraphCapture};
pub use index::{bag_argmax, check_inside, gather, index_select};
pub use matmul::matmul;
pub use norm::{row_norm, row_norm_grad};
pub use optim::{Target, can_step, step};
pub use pair_loss::{pair_loss, pair_loss_grad};
pub use planes::{PlaneNorm, plane_affine, plane_norm, plane_norm_grad};
pub use pool::{Unpooled, avg_pool, avg_pool_grad, max_pool, max_pool_grad, max_unpool};
pub use recurrent::{Recurrent, RecurrentCell, RecurrentFound, RecurrentGrad, RecurrentLast};
pub use reduce::{Reduce, argselect, reduce, var};
pub use report::{Outside, outside_at_once, take_outside};
pub use resample::{fold, resample, unfold};
pub use sample::{Draws, bernoulli, integers, noise, normal, uniform};
pub use scaler::unscale_all;
pub use scan::{positions, scan};
pub use scatter::{index_add, scatter};
pub use softmax::{Softmax, softmax, softmax_grad};
pub use sort::argsort;
pub use stream::{let_wait, stream_handle, wait_for};
pub use transfer::{between, from_host, from_host_staged, to_host};

use candle_core::DType;

/// Whether kernels compute in this floating dtype (8-bit floats are for storage alone).
pub(crate) fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
}

/// The dtype that kernels compute a floating one in.
pub(crate) fn wide(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// The fat binary of each file of `src/kernels`: machine code and PTX.
mod ptx {
    #![allow(missing_docs, dead_code, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/kernels.rs"));
}
