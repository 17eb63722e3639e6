//! Pooling, resampling, patches.

use super::together;
use crate::compute::OnPlanes;
use crate::value::Value;
use crate::{DType, Result};
use candle_core::Tensor;
use candle_ffi_cuda::Unpooled;
use candle_ffi_kernels::fold::Patches;
use candle_ffi_kernels::pool::Windows;
use candle_ffi_kernels::resample::Taps;

type Pool = OnPlanes<[Windows; 3]>;

/// What a kernel makes of one floating value that has something in it.
fn of_float(
    x: &Value,
    kernel: impl FnOnce(&Tensor) -> candle_ffi_cuda::Result<Option<Tensor>>,
) -> Result<Option<Value>> {
    if !together(&[x]) || !x.dtype.is_float() || x.num_elements() == 0 {
        return Ok(None);
    }
    Ok(kernel(&x.array)?.map(|array| Value::new(array, x.dtype)))
}

pub(in crate::compute) fn avg_pool(x: &Value, pool: &Pool) -> Result<Option<Value>> {
    of_float(x, |x| candle_ffi_cuda::avg_pool(x, &pool.geometry, &pool.output))
}

pub(in crate::compute) fn avg_pool_grad(grad: &Value, pool: &Pool) -> Result<Option<Value>> {
    of_float(grad, |grad| candle_ffi_cuda::avg_pool_grad(grad, &pool.geometry, &pool.input))
}

pub(in crate::compute) fn max_pool(x: &Value, pool: &Pool, places: bool) -> Result<Option<(Value, Option<Value>)>> {
    if !together(&[x]) || x.dtype == DType::Bool {
        return Ok(None);
    }
    let found = candle_ffi_cuda::max_pool(&x.array, &pool.geometry, &pool.output, places)?;
    Ok(found.map(|(values, at)| (Value::new(values, x.dtype), at.map(|at| Value::new(at, DType::UInt32)))))
}

pub(in crate::compute) fn max_pool_grad(grad: &Value, places: &Value, pool: &Pool) -> Result<Option<Value>> {
    if !together(&[grad, places]) {
        return Ok(None);
    }
    of_float(grad, |grad| candle_ffi_cuda::max_pool_grad(grad, &places.array, &pool.geometry, &pool.input))
}

pub(in crate::compute) fn max_unpool(
    x: &Value,
    places: &Value,
    planes: usize,
    inside: usize,
    dims: &[usize],
) -> Result<Option<Value>> {
    if !together(&[x, places]) {
        return Ok(None);
    }
    match candle_ffi_cuda::max_unpool(&x.array, &places.array, planes, inside, dims)? {
        Some(Unpooled::Values(values)) => Ok(Some(Value::new(values, x.dtype))),
        Some(Unpooled::Outside(index)) => {
            Err(candle_ffi_kernels::Error::IndexOutOfRange { index, size: inside }.into())
        }
        None => Ok(None),
    }
}

pub(in crate::compute) fn resample(x: &Value, plan: &OnPlanes<[Taps; 3]>) -> Result<Option<Value>> {
    of_float(x, |x| candle_ffi_cuda::resample(x, &plan.geometry, false, &plan.output))
}

pub(in crate::compute) fn resample_grad(grad: &Value, plan: &OnPlanes<[Taps; 3]>) -> Result<Option<Value>> {
    of_float(grad, |grad| candle_ffi_cuda::resample(grad, &plan.geometry, true, &plan.input))
}

pub(in crate::compute) fn unfold(x: &Value, plan: &OnPlanes<Patches>) -> Result<Option<Value>> {
    of_float(x, |x| candle_ffi_cuda::unfold(x, plan.count, &plan.geometry, &plan.output))
}

pub(in crate::compute) fn fold(columns: &Value, plan: &OnPlanes<Patches>) -> Result<Option<Value>> {
    of_float(columns, |columns| candle_ffi_cuda::fold(columns, plan.count, &plan.geometry, &plan.input))
}
