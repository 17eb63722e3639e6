//! Activation functions with parameters.

use super::{made, together};
use crate::Result;
use crate::compute::Activation;
use crate::value::Value;
use candle_ffi_cuda as kernels;

pub(in crate::compute) fn activation(op: Activation, x: &Value) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    made(kernels::activation(op, &x.array), x.dtype)
}

pub(in crate::compute) fn activation_grad(op: Activation, x: &Value, grad: &Value) -> Result<Option<Value>> {
    if !together(&[x, grad]) {
        return Ok(None);
    }
    made(kernels::activation_grad(op, &x.array, &grad.array), x.dtype)
}

pub(in crate::compute) fn prelu(x: &Value, weight: &Value) -> Result<Option<Value>> {
    if !together(&[x, weight]) {
        return Ok(None);
    }
    made(kernels::prelu(&x.array, &weight.array), x.dtype)
}
