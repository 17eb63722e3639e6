//! From values to the kernels of `candle-ffi-cuda`, one file a family. `Ok(None)`: there is none for these dtypes, or the
//! device is not CUDA. The functions of [`crate::compute`] ask them through `on_cuda!`.

mod conv;
mod elementwise;
mod fused;
mod matmul;
mod reduce;
mod spatial;
mod transfer;

pub(super) use conv::conv;
pub(super) use elementwise::unary;
pub(super) use fused::{log_softmax, log_softmax_grad, logsumexp, softmax, softmax_grad};
pub(super) use matmul::{matmul, matmul_add};
pub(super) use reduce::{argselect, reduce, var};
pub(super) use spatial::{
    avg_pool, avg_pool_grad, fold, max_pool, max_pool_grad, max_unpool, resample, resample_grad, unfold,
};
pub(super) use transfer::to_device;

use crate::value::Value;

/// Whether all values are on one CUDA device.
fn together(values: &[&Value]) -> bool {
    let location = |value: &Value| value.array.device().location();
    values.iter().all(|value| value.array.device().is_cuda() && location(value) == location(values[0]))
}
