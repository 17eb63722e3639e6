//! Reading and adding by `int64` indices, which are checked before anything is written.

use super::copy::{contiguous, contiguous_for_result, from_vec};
use super::dispatch::{self, with_element, with_number};
use super::host;
use super::locked::lock;
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_kernels::index as kernels;
pub(crate) use candle_ffi_kernels::index::Scatter;

/// `out[…, i, …] = x[…, index[…, i, …], …]` along `dim`; the index may be smaller in the other dimensions.
pub(crate) fn gather(x: &Value, dim: usize, index: &Value) -> Result<Value> {
    if !host::on_cpu(&[x, index]) {
        on_cuda!(gather(x, dim, index));
        return host::round_trip_one("gather", [x, index], |[x, index]| gather(&x, dim, &index));
    }
    shape::check_allocation(index.dims(), x.dtype)?;
    let locked = lock([x, index]);
    with_element!(x.dtype, T => {
        Ok(from_vec(kernels::gather(locked.strided::<T>(0)?, dim, locked.strided(1)?)?, index.dims(), x.dtype))
    })
}

/// `out = x` with `out[…, index[…, i, …], …] = src[…, i, …]` along `dim`, or `+=` or another operation.
pub(crate) fn scatter(op: Scatter, x: &Value, dim: usize, index: &Value, src: &Value) -> Result<Value> {
    if !host::on_cpu(&[x, index, src]) {
        on_cuda!(scatter(op, x, dim, index, src));
        return host::round_trip_one("scatter", [x, index, src], |[x, index, src]| scatter(op, &x, dim, &index, &src));
    }
    let x = contiguous_for_result(x)?;
    let locked = lock([&x, index, src]);
    with_number!(x.dtype, T => {
        let mut result = locked.slice::<T>(0)?.to_vec();
        kernels::scatter(op, &mut result, x.dims(), dim, locked.strided(1)?, locked.strided(2)?)?;
        Ok(from_vec(result, x.dims(), x.dtype))
    })
}

/// The entries of `x` along `dim` at the positions of a one-dimensional index.
pub(crate) fn index_select(x: &Value, dim: usize, index: &Value) -> Result<Value> {
    if !host::on_cpu(&[x, index]) {
        on_cuda!(index_select(x, dim, index));
        return host::round_trip_one("index_select", [x, index], |[x, index]| index_select(&x, dim, &index));
    }
    let (x, index) = (contiguous(x)?, contiguous(index)?);
    let (outer, n, inner) = shape::around(x.dims(), dim);
    let mut dims = x.shape();
    dims[dim] = index.num_elements();
    shape::check_allocation(&dims, x.dtype)?;
    let locked = lock([&x, &index]);
    with_element!(x.dtype, T => {
        Ok(from_vec(kernels::index_select(locked.slice::<T>(0)?, outer, n, inner, locked.slice(1)?)?, &dims, x.dtype))
    })
}

/// `out = x` with `out[…, index[i], …] += src[…, i, …]` along `dim`.
pub(crate) fn index_add(x: &Value, dim: usize, index: &Value, src: &Value) -> Result<Value> {
    if !host::on_cpu(&[x, index, src]) {
        on_cuda!(index_add(x, dim, index, src));
        return host::round_trip_one("index_add", [x, index, src], |[x, index, src]| index_add(&x, dim, &index, &src));
    }
    let (x, index, src) = (contiguous_for_result(x)?, contiguous(index)?, contiguous(src)?);
    let (outer, n, inner) = shape::around(x.dims(), dim);
    let locked = lock([&x, &index, &src]);
    with_number!(x.dtype, T => {
        let mut sum = locked.slice::<T>(0)?.to_vec();
        kernels::index_add(&mut sum, outer, n, inner, locked.slice(1)?, locked.slice(2)?)?;
        Ok(from_vec(sum, x.dims(), x.dtype))
    })
}

/// A new last dimension of `classes`, one where the index says and zero elsewhere.
pub(crate) fn one_hot(index: &Value, classes: usize) -> Result<Value> {
    if !index.is_cpu() {
        on_cuda!(one_hot(index, classes));
        return host::round_trip_one("one_hot", [index], |[index]| one_hot(&index, classes));
    }
    let index = contiguous(index)?;
    let mut dims = index.shape();
    dims.push(classes);
    shape::check_allocation(&dims, DType::Int64)?;
    dispatch::with_slice::<i64, _>(&index, |at| Ok(from_vec(kernels::one_hot(at, classes)?, &dims, DType::Int64)))
}

/// The flat `int64` positions of what is true, ascending.
pub(crate) fn positions(mask: &Value) -> Result<Value> {
    if !mask.is_cpu() {
        on_cuda!(positions(mask));
        return host::round_trip_one("nonzero", [mask], |[mask]| positions(&mask));
    }
    let mask = contiguous(mask)?;
    dispatch::with_slice::<u8, _>(&mask, |flags| {
        let found: Vec<i64> = (0i64..).zip(flags).filter(|(_, flag)| **flag != 0).map(|(at, _)| at).collect();
        let count = found.len();
        Ok(from_vec(found, &[count], DType::Int64))
    })
}

/// Matrices, the last two dimensions, with zeros above a diagonal (`lower`) or below it.
pub(crate) fn triangle(x: &Value, diagonal: i64, lower: bool) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(triangle(x, diagonal, lower));
        return host::round_trip_one("triangle", [x], |[x]| triangle(&x, diagonal, lower));
    }
    let x = contiguous_for_result(x)?;
    let &[.., rows, columns] = x.dims() else { return Err(crate::Error::internal("a triangle of no matrix")) };
    with_element!(x.dtype, T => dispatch::with_slice::<T, _>(&x, |data| {
        Ok(from_vec(candle_ffi_kernels::triangle::triangle(data, rows, columns, diagonal, lower), x.dims(), x.dtype))
    }))
}
