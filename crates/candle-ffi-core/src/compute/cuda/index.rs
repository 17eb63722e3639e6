//! Reading and writing through indices.

use super::{require_inside, together};
use crate::compute::Scatter;
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_cuda as kernels;

/// The size of a dimension; a number has one of size 1.
fn size_of(x: &Value, dim: usize) -> usize {
    x.dims().get(dim).copied().unwrap_or(1)
}

pub(in crate::compute) fn gather(x: &Value, dim: usize, index: &Value) -> Result<Option<Value>> {
    if !together(&[x, index]) {
        return Ok(None);
    }
    shape::check_on_device(index.dims(), x.dtype)?;
    let Some(array) = kernels::gather(&x.array, dim, &index.array)? else { return Ok(None) };
    require_inside(index, size_of(x, dim))?;
    Ok(Some(Value::new(array, x.dtype)))
}

pub(in crate::compute) fn scatter(
    op: Scatter,
    x: &Value,
    dim: usize,
    index: &Value,
    src: &Value,
) -> Result<Option<Value>> {
    if !together(&[x, index, src]) {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    let Some(array) = kernels::scatter(op, &x.array, dim, &index.array, &src.array)? else { return Ok(None) };
    require_inside(index, size_of(x, dim))?;
    Ok(Some(Value::new(array, x.dtype)))
}

pub(in crate::compute) fn index_select(x: &Value, dim: usize, index: &Value) -> Result<Option<Value>> {
    if !together(&[x, index]) {
        return Ok(None);
    }
    let mut dims = x.shape();
    dims[dim] = index.num_elements();
    shape::check_on_device(&dims, x.dtype)?;
    let Some(array) = kernels::index_select(&x.array, dim, &index.array)? else { return Ok(None) };
    require_inside(index, size_of(x, dim))?;
    Ok(Some(Value::new(array, x.dtype)))
}

pub(in crate::compute) fn index_add(x: &Value, dim: usize, index: &Value, src: &Value) -> Result<Option<Value>> {
    if !together(&[x, index, src]) {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    let Some(array) = kernels::index_add(&x.array, dim, &index.array, &src.array)? else { return Ok(None) };
    require_inside(index, size_of(x, dim))?;
    Ok(Some(Value::new(array, x.dtype)))
}

pub(in crate::compute) fn bag_argmax(rows: &Value, ends: &[usize]) -> Result<Option<Value>> {
    if !together(&[rows]) {
        return Ok(None);
    }
    shape::check_on_device(&[ends.len(), size_of(rows, 1)], DType::Int64)?;
    Ok(kernels::bag_argmax(&rows.array, ends)?.map(|array| Value::new(array, DType::Int64)))
}
