//! Softmax and its relatives.

use super::together;
use crate::value::Value;
use crate::{Result, shape};
use candle_ffi_cuda::{self as kernels, Softmax};

fn forward(op: Softmax, x: &Value, dim: usize) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    Ok(kernels::softmax(op, &x.array, dim)?.map(|array| Value::new(array, x.dtype)))
}

fn backward(log: bool, output: &Value, grad: &Value, dim: usize) -> Result<Option<Value>> {
    if !together(&[output, grad]) {
        return Ok(None);
    }
    shape::check_on_device(output.dims(), output.dtype)?;
    Ok(kernels::softmax_grad(log, &output.array, &grad.array, dim)?.map(|array| Value::new(array, grad.dtype)))
}

pub(in crate::compute) fn softmax(x: &Value, dim: usize) -> Result<Option<Value>> {
    forward(Softmax::Plain, x, dim)
}

pub(in crate::compute) fn log_softmax(x: &Value, dim: usize) -> Result<Option<Value>> {
    forward(Softmax::Log, x, dim)
}

pub(in crate::compute) fn logsumexp(x: &Value, dim: usize) -> Result<Option<Value>> {
    forward(Softmax::LogSum, x, dim)
}

pub(in crate::compute) fn softmax_grad(output: &Value, grad: &Value, dim: usize) -> Result<Option<Value>> {
    backward(false, output, grad, dim)
}

pub(in crate::compute) fn log_softmax_grad(output: &Value, grad: &Value, dim: usize) -> Result<Option<Value>> {
    backward(true, output, grad, dim)
}
