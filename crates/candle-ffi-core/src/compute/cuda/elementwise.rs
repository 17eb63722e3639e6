//! Elementwise operations. A single element on the host travels with the launch.

use super::{made, reachable, together};
use crate::compute::{Binary, Compare, Logical, Unary, UnaryGrad};
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_cuda as kernels;
use shape::Dims;

/// The shape that two values have together; none where the kernels cannot reach both.
#[inline]
fn common(lhs: &Value, rhs: &Value, result: DType) -> Result<Option<Dims>> {
    if !reachable(&[lhs, rhs]) {
        return Ok(None);
    }
    let dims = if lhs.dims() == rhs.dims() { lhs.shape() } else { shape::broadcast(lhs.dims(), rhs.dims())? };
    shape::check_size(&dims, result)?;
    Ok(Some(dims))
}

pub(in crate::compute) fn unary(op: Unary, x: &Value) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    made(kernels::unary(op, &x.array), x.dtype)
}

pub(in crate::compute) fn unary_grad(op: UnaryGrad, saved: &Value, grad: &Value) -> Result<Option<Value>> {
    if !together(&[saved, grad]) {
        return Ok(None);
    }
    made(kernels::unary_grad(op, &saved.array, &grad.array), grad.dtype)
}

pub(in crate::compute) fn binary(op: Binary, lhs: &Value, rhs: &Value) -> Result<Option<Value>> {
    let Some(dims) = common(lhs, rhs, lhs.dtype)? else { return Ok(None) };
    made(kernels::binary(op, &lhs.array, &rhs.array, &dims), lhs.dtype)
}

pub(in crate::compute) fn compare(op: Compare, lhs: &Value, rhs: &Value) -> Result<Option<Value>> {
    let Some(dims) = common(lhs, rhs, DType::Bool)? else { return Ok(None) };
    made(kernels::compare(op, &lhs.array, &rhs.array, &dims), DType::Bool)
}

pub(in crate::compute) fn logical(op: Logical, lhs: &Value, rhs: &Value) -> Result<Option<Value>> {
    let Some(dims) = common(lhs, rhs, DType::Bool)? else { return Ok(None) };
    made(kernels::logical(op, &lhs.array, &rhs.array, &dims), DType::Bool)
}

pub(in crate::compute) fn logical_not(x: &Value) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    made(kernels::logical_not(&x.array), DType::Bool)
}

pub(in crate::compute) fn select(condition: &Value, on_true: &Value, on_false: &Value) -> Result<Option<Value>> {
    if !reachable(&[condition, on_true, on_false]) {
        return Ok(None);
    }
    let dims = shape::broadcast(&shape::broadcast(condition.dims(), on_true.dims())?, on_false.dims())?;
    shape::check_size(&dims, on_true.dtype)?;
    made(kernels::select(&condition.array, &on_true.array, &on_false.array, &dims), on_true.dtype)
}

pub(in crate::compute) fn clamp(x: &Value, min: Option<f64>, max: Option<f64>) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    made(kernels::clamp(&x.array, min, max), x.dtype)
}

pub(in crate::compute) fn clamp_mask(x: &Value, min: Option<f64>, max: Option<f64>) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    made(kernels::clamp_mask(&x.array, min, max), DType::Bool)
}
