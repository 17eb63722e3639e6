//! Reductions.

use super::together;
use crate::compute::reduce::reduced_dims;
use crate::compute::{Reduce, Select};
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_core::Tensor;
use candle_ffi_cuda as kernels;

/// A result of the kept dimensions alone, in the shape that was asked for.
fn shaped(array: &Tensor, dims: &[usize], dtype: DType) -> Result<Value> {
    Ok(Value::new(array.reshape(dims)?, dtype))
}

pub(in crate::compute) fn reduce(op: Reduce, x: &Value, dims: &[usize], keepdim: bool) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    let result_dims = reduced_dims(x.dims(), dims, keepdim);
    shape::check_on_device(&result_dims, DType::Int64)?;
    let kernel = match op {
        Reduce::Sum => kernels::Reduce::Sum,
        Reduce::Mean => kernels::Reduce::Mean,
        Reduce::Prod => kernels::Reduce::Prod,
        Reduce::Max => kernels::Reduce::Max,
        Reduce::Min => kernels::Reduce::Min,
        Reduce::Any => kernels::Reduce::Any,
        Reduce::All => kernels::Reduce::All,
    };
    let Some(array) = kernels::reduce(kernel, &x.array, dims)? else { return Ok(None) };
    let dtype = match op {
        Reduce::Any | Reduce::All => DType::Bool,
        Reduce::Sum | Reduce::Prod if !x.dtype.is_float() => DType::Int64,
        _ => x.dtype,
    };
    Ok(Some(shaped(&array, &result_dims, dtype)?))
}

pub(in crate::compute) fn argselect(
    op: Select,
    x: &Value,
    dims: &[usize],
    keepdim: bool,
) -> Result<Option<(Value, Value)>> {
    if !together(&[x]) {
        return Ok(None);
    }
    let result_dims = reduced_dims(x.dims(), dims, keepdim);
    shape::check_on_device(&result_dims, DType::Int64)?;
    let Some((values, positions)) = kernels::argselect(op == Select::ArgMax, &x.array, dims)? else {
        return Ok(None);
    };
    Ok(Some((shaped(&values, &result_dims, x.dtype)?, shaped(&positions, &result_dims, DType::Int64)?)))
}

pub(in crate::compute) fn var(x: &Value, dims: &[usize], correction: f64, keepdim: bool) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    let result_dims = reduced_dims(x.dims(), dims, keepdim);
    shape::check_on_device(&result_dims, DType::Int64)?;
    let Some(array) = kernels::var(&x.array, dims, correction)? else { return Ok(None) };
    Ok(Some(shaped(&array, &result_dims, x.dtype)?))
}
