//! Operations that are one pass over memory where a composition would be many: softmax and layer norm.

use super::copy::{contiguous, contiguous_for_result, from_vec};
use super::dispatch::{self, with_float};
use super::host;
use super::locked::lock;
use crate::shape::Dims;
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_kernels::{norm, softmax as kernels};

pub(crate) fn softmax(x: &Value, dim: usize) -> Result<Value> {
    if !x.is_cpu() {
        if dim + 1 == x.rank() && x.num_elements() > 0 && x.dtype != DType::Float64 {
            return Ok(Value::new(candle_nn::ops::softmax_last_dim(&x.array.contiguous()?)?, x.dtype));
        }
        return host::round_trip_one([x], |[x]| softmax(&x, dim));
    }
    let x = contiguous_for_result(x)?;
    let (outer, n, inner) = shape::around(x.dims(), dim);
    with_float!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        Ok(from_vec(kernels::softmax(src, outer, n, inner), x.dims(), x.dtype))
    }))
}

pub(crate) fn log_softmax(x: &Value, dim: usize) -> Result<Value> {
    if !x.is_cpu() {
        return host::round_trip_one([x], |[x]| log_softmax(&x, dim));
    }
    let x = contiguous_for_result(x)?;
    let (outer, n, inner) = shape::around(x.dims(), dim);
    with_float!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        Ok(from_vec(kernels::log_softmax(src, outer, n, inner), x.dims(), x.dtype))
    }))
}

pub(crate) fn softmax_grad(output: &Value, grad: &Value, dim: usize) -> Result<Value> {
    if !host::on_cpu(&[output, grad]) {
        return host::round_trip_one([output, grad], |[output, grad]| softmax_grad(&output, &grad, dim));
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
        return host::round_trip_one([output, grad], |[output, grad]| log_softmax_grad(&output, &grad, dim));
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
        return host::round_trip_one([x], |[x]| logsumexp(&x, dim));
    }
    let x = contiguous_for_result(x)?;
    let (outer, n, inner) = shape::around(x.dims(), dim);
    let dims: Dims = x.dims().iter().enumerate().filter(|(at, _)| *at != dim).map(|(_, &size)| size).collect();
    shape::check_allocation(&dims, x.dtype)?;
    with_float!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |src| {
        Ok(from_vec(kernels::logsumexp(src, outer, n, inner), &dims, x.dtype))
    }))
}

/// What layer normalisation gives: the output, and the mean and reciprocal deviation of each row.
pub(crate) struct LayerNorm {
    pub(crate) output: Value,
    pub(crate) mean: Value,
    pub(crate) rstd: Value,
}

/// Normalises rows of the last `n` elements; `weight` and `bias` have `n` elements and the dtype of `x`.
pub(crate) fn layer_norm(
    x: &Value,
    n: usize,
    weight: Option<&Value>,
    bias: Option<&Value>,
    eps: f64,
) -> Result<LayerNorm> {
    if !x.is_cpu() {
        let on_host = |value: Option<&Value>| value.map(|value| value.to_device(crate::Device::CPU)).transpose();
        let (weight, bias) = (on_host(weight)?, on_host(bias)?);
        let [output, mean, rstd] = host::round_trip([x], |[x]| {
            let LayerNorm { output, mean, rstd } = layer_norm(&x, n, weight.as_ref(), bias.as_ref(), eps)?;
            Ok([output, mean, rstd])
        })?;
        return Ok(LayerNorm { output, mean, rstd });
    }
    let x = contiguous_for_result(x)?;
    let (weight, bias) = (weight.map(contiguous).transpose()?, bias.map(contiguous).transpose()?);
    let rows = x.num_elements().checked_div(n).unwrap_or(0);
    // What is absent is not looked at.
    let locked = lock([&x, weight.as_ref().unwrap_or(&x), bias.as_ref().unwrap_or(&x)]);
    with_float!(x.dtype, T => {
        let weight = weight.as_ref().map(|_| locked.slice::<T>(1)).transpose()?;
        let bias = bias.as_ref().map(|_| locked.slice::<T>(2)).transpose()?;
        let (output, mean, rstd) = norm::layer_norm(locked.slice::<T>(0)?, rows, n, weight, bias, eps);
        Ok(LayerNorm {
            output: from_vec(output, x.dims(), x.dtype),
            mean: from_vec(mean, &[rows], x.dtype),
            rstd: from_vec(rstd, &[rows], x.dtype),
        })
    })
}

/// Gradients of layer normalisation: for the input, and flat ones for weight and bias.
pub(crate) fn layer_norm_grad(
    grad: &Value,
    x: &Value,
    mean: &Value,
    rstd: &Value,
    n: usize,
    weight: Option<&Value>,
) -> Result<[Value; 3]> {
    if !grad.is_cpu() {
        let weight = weight.map(|value| value.to_device(crate::Device::CPU)).transpose()?;
        return host::round_trip([grad, x, mean, rstd], |[grad, x, mean, rstd]| {
            layer_norm_grad(&grad, &x, &mean, &rstd, n, weight.as_ref())
        });
    }
    let (grad, x) = (contiguous(grad)?, contiguous_for_result(x)?);
    let weight = weight.map(contiguous).transpose()?;
    let rows = mean.num_elements();
    let locked = lock([&grad, &x, mean, rstd, weight.as_ref().unwrap_or(&x)]);
    with_float!(x.dtype, T => {
        let weight = weight.as_ref().map(|_| locked.slice::<T>(4)).transpose()?;
        let [grad, src, mean, rstd] = [locked.slice::<T>(0)?, locked.slice(1)?, locked.slice(2)?, locked.slice(3)?];
        let (dx, dweight, dbias) = norm::layer_norm_grad(grad, src, mean, rstd, rows, n, weight);
        Ok([from_vec(dx, x.dims(), x.dtype), from_vec(dweight, &[n], x.dtype), from_vec(dbias, &[n], x.dtype)])
    })
}
