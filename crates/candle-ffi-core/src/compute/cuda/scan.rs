//! Running sums and products, order along a dimension, positions.

use super::together;
use crate::compute::{Part, Scan, cast};
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_cuda as kernels;

pub(in crate::compute) fn scan(x: &Value, dim: usize, op: Scan) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    if x.dtype == DType::Bool {
        // Sums of bools do not wrap as those of bytes do.
        let wide = scan(&cast(x, DType::Int64)?, dim, op)?;
        return wide.map(|wide| cast(&wide, DType::Bool)).transpose();
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    Ok(kernels::scan(&x.array, dim, op)?.map(|array| Value::new(array, x.dtype)))
}

pub(in crate::compute) fn argsort(x: &Value, dim: usize, descending: bool, part: Part) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    let mut dims = x.shape();
    let n = dims.get(dim).copied().unwrap_or(1);
    if let Some(size) = dims.get_mut(dim) {
        *size = part.len(n);
    }
    shape::check_on_device(&dims, DType::Int64)?;
    // Keys and positions of all lines, twice.
    shape::check_on_device(&[x.num_elements(), 4], DType::Int64)?;
    Ok(kernels::argsort(&x.array, dim, descending, part)?.map(|array| Value::new(array, DType::Int64)))
}

pub(in crate::compute) fn positions(mask: &Value) -> Result<Option<Value>> {
    if !together(&[mask]) {
        return Ok(None);
    }
    Ok(kernels::positions(&mask.array)?.map(|array| Value::new(array, DType::Int64)))
}
