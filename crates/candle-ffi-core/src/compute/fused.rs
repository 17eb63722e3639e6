//! Softmax and its relatives: one pass over memory where a composition would be many.

use super::copy::{contiguous, contiguous_for_result, from_vec};
use super::dispatch::{self, with_float};
use super::host;
use super::locked::lock;
use crate::shape::Dims;
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_kernels::softmax as kernels;

pub(crate) fn softmax(x: &Value, dim: usize) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(softmax(x, dim));
        if dim + 1 == x.rank() && x.num_elements() > 0 && x.dtype != DType::Float64 {
            return Ok(Value::new(candle_nn::ops::softmax_last_dim(&x.array.contiguous()?)?, x.dtype));
        }
        return host::round_trip_one("softmax", [x], |[x]| softmax(&x, dim));
    }
    let x = contiguous_for_result(x)?;
    let (outer, n, inner) = shape::around(x.dims(), dim);
    with_float!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        Ok(from_vec(kernels::softmax(src, outer, n, inner), x.dims(), x.dtype))
    }))
}

pub(crate) fn log_softmax(x: &Value, dim: usize) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(log_softmax(x, dim));
        return host::round_trip_one("log_softmax", [x], |[x]| log_softmax(&x, dim));
    }
    let x = contiguous_for_result(x)?;
    let (outer, n, inner) = shape::around(x.dims(), dim);
    with_float!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        Ok(from_vec(kernels::log_softmax(src, outer, n, inner), x.dims(), x.dtype))
    }))
}

pub(crate) fn softmax_grad(output: &Value, grad: &Value, dim: usize) -> Result<Value> {
    if !host::on_cpu(&[output, grad]) {
        on_cuda!(softmax_grad(output, grad, dim));
        return host::round_trip_one("softmax_grad", [output, grad], |[output, grad]| {
            softmax_grad(&output, &grad, dim)
        });
    }
    let (output, grad) = (contiguous_for_result(output)?, contiguous(grad)?);
    let (outer, n, inner) = shape::around(output.dims(), dim);
    let locked = lock([&output, &grad]);
    with_float!(output.dtype, T => {
        let result = kernels::softmax_grad::<T>(locked.slice(0)?, locked.slice(1)?, outer, n, inner);
        Ok(from_vec(result, grad.dims(), grad.dtype))
    })
}

pub(crate) fn log_softmax_grad(output: &Value, grad: &Value, dim: usize) -> Result<Value> {
    if !host::on_cpu(&[output, grad]) {
        on_cuda!(log_softmax_grad(output, grad, dim));
        return host::round_trip_one("log_softmax_grad", [output, grad], |[output, grad]| {
            log_softmax_grad(&output, &grad, dim)
        });
    }
    let (output, grad) = (contiguous_for_result(output)?, contiguous(grad)?);
    let (outer, n, inner) = shape::around(output.dims(), dim);
    let locked = lock([&output, &grad]);
    with_float!(output.dtype, T => {
        let result = kernels::log_softmax_grad::<T>(locked.slice(0)?, locked.slice(1)?, outer, n, inner);
        Ok(from_vec(result, grad.dims(), grad.dtype))
    })
}

/// `log(sum(exp(x)))` along one dimension, which is dropped.
pub(crate) fn logsumexp(x: &Value, dim: usize) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(logsumexp(x, dim));
        return host::round_trip_one("logsumexp", [x], |[x]| logsumexp(&x, dim));
    }
    let x = contiguous_for_result(x)?;
    let (outer, n, inner) = shape::around(x.dims(), dim);
    let dims: Dims = x.dims().iter().enumerate().filter(|(at, _)| *at != dim).map(|(_, &size)| size).collect();
    shape::check_allocation(&dims, x.dtype)?;
    with_float!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        Ok(from_vec(kernels::logsumexp(src, outer, n, inner), &dims, x.dtype))
    }))
}
