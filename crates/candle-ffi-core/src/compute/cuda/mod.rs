//! From values to the kernels of `candle-ffi-cuda`, one file a family. `Ok(None)`: there is none for these dtypes, or the
//! device is not CUDA. The functions of [`crate::compute`] ask them through `on_cuda!`.

mod activation;
mod attention;
mod conv;
mod copy;
mod ctc;
mod elementwise;
mod fused;
mod index;
mod inplace;
mod loss;
mod matmul;
mod norm;
mod optim;
mod recurrent;
mod reduce;
mod sample;
mod scan;
mod spatial;
mod transfer;

pub(super) use activation::{activation, activation_grad, prelu};
pub(super) use attention::{attention, attention_grad};
pub(super) use conv::conv;
pub(super) use copy::{cast, contiguous, copy, fill, one_hot, triangle};
pub(crate) use ctc::CtcForward;
pub(super) use ctc::{ctc, ctc_grad};
pub(super) use elementwise::{binary, clamp, clamp_mask, compare, logical, logical_not, select, unary, unary_grad};
pub(super) use fused::{log_softmax, log_softmax_grad, logsumexp, softmax, softmax_grad};
pub(super) use index::{bag_argmax, gather, index_add, index_select, scatter};
pub(super) use inplace::{binary_into, copy_into};
pub(super) use loss::{cross_entropy, cross_entropy_grad, pair_loss, pair_loss_grad};
pub(super) use matmul::{matmul, matmul_add};
pub(super) use norm::{plane_affine, plane_norm, plane_norm_grad, row_norm, row_norm_grad};
pub(super) use optim::{Step, make, norm_of_all, scale_all, unscale_all};
pub(super) use recurrent::{recurrent, recurrent_grad};
pub(super) use reduce::{argselect, reduce, var};
pub(super) use sample::{bernoulli, integers, noise, normal, uniform};
pub(super) use scan::{argsort, positions, scan};
pub(super) use spatial::{
    avg_pool, avg_pool_grad, fold, max_pool, max_pool_grad, max_unpool, resample, resample_grad, unfold,
};
pub(super) use transfer::{send, to_device};

use crate::value::Value;
use crate::{DType, Error, Result};

/// Whether all values are on one CUDA device.
fn together(values: &[&Value]) -> bool {
    let location = |value: &Value| value.array.device().location();
    values.iter().all(|value| value.array.device().is_cuda() && location(value) == location(values[0]))
}

/// The same where single elements may be on the host, from where they travel with the launch.
fn reachable(values: &[&Value]) -> bool {
    let mut device = None;
    values.iter().all(|value| match value.array.device() {
        candle_core::Device::Cuda(_) => {
            let location = value.array.device().location();
            *device.get_or_insert(location) == location
        }
        candle_core::Device::Cpu => value.num_elements() == 1,
        candle_core::Device::Metal(_) => false,
    }) && device.is_some()
}

/// What a kernel computed, as a value of a dtype.
fn made(array: candle_ffi_cuda::Result<Option<candle_core::Tensor>>, dtype: DType) -> Result<Option<Value>> {
    Ok(array?.map(|array| Value::new(array, dtype)))
}

/// Has the device look for indices outside `0..size`; what it finds is an error of the next operation that waits for it.
fn require_inside(index: &Value, size: usize) -> Result<()> {
    if !candle_ffi_cuda::check_inside(&index.array, size)? {
        return Err(Error::internal("an index is strided in more ways than kernels follow"));
    }
    refuse_outside(index)
}

/// Refuses what a check has found, where every check is waited for.
fn refuse_outside(value: &Value) -> Result<()> {
    refuse(candle_ffi_cuda::outside_at_once(value.array.device().as_cuda_device()?)?)
}

/// Refuses what checks have found on a device that has been waited for.
pub(crate) fn refuse_found(device: &candle_core::CudaDevice) -> Result<()> {
    refuse(candle_ffi_cuda::take_outside(device))
}

fn refuse(found: Option<candle_ffi_cuda::Outside>) -> Result<()> {
    match found {
        Some(candle_ffi_cuda::Outside { index, size }) => {
            Err(candle_ffi_kernels::Error::IndexOutOfRange { index, size }.into())
        }
        None => Ok(()),
    }
}
