//! Running sums and products, and order along a dimension.

use super::copy::{cast, contiguous, contiguous_for_result, from_vec};
use super::dispatch::{self, not_for};
use super::host;
use crate::value::Value;
use crate::{DType, Result, shape};
pub(crate) use candle_ffi_kernels::scan::Scan;
use candle_ffi_kernels::scan::scan as run;
use candle_ffi_kernels::sort;
pub(crate) use candle_ffi_kernels::sort::Part;

/// A running sum or product along a dimension, of the same dtype.
pub(crate) fn scan(x: &Value, dim: usize, op: Scan) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(scan(x, dim, op));
        return host::round_trip_one(format_args!("{op:?}"), [x], |[x]| scan(&x, dim, op));
    }
    let dtype = x.dtype;
    // Half precision runs in float32 and integers in int64, which their results are of as well.
    let wide = match dtype {
        DType::Float32 | DType::Float64 | DType::Int64 => dtype,
        DType::Float16 | DType::BFloat16 => DType::Float32,
        DType::Float8E4M3 => return Err(not_for(dtype, "8-bit floats are for storage; convert with to(dtype) first")),
        _ => DType::Int64,
    };
    let x = contiguous_for_result(&cast(x, wide)?)?;
    let (outer, n, inner) = shape::around(x.dims(), dim);
    let (dims, op) = (x.shape(), op);
    let value = match wide {
        DType::Float32 => {
            dispatch::with_slice(&x, |data: &[f32]| Ok(from_vec(run(data, outer, n, inner, op), &dims, wide)))
        }
        DType::Float64 => {
            dispatch::with_slice(&x, |data: &[f64]| Ok(from_vec(run(data, outer, n, inner, op), &dims, wide)))
        }
        _ => dispatch::with_slice(&x, |data: &[i64]| Ok(from_vec(run(data, outer, n, inner, op), &dims, wide))),
    }?;
    cast(&value, dtype)
}

/// The positions along a dimension of its elements in order, or of a part of them.
pub(crate) fn argsort(x: &Value, dim: usize, descending: bool, part: Part) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(argsort(x, dim, descending, part));
        return host::round_trip_one("argsort", [x], |[x]| argsort(&x, dim, descending, part));
    }
    let x = contiguous(x)?;
    let (outer, n, inner) = shape::around(x.dims(), dim);
    let mut dims = x.shape();
    if let Some(size) = dims.get_mut(dim) {
        *size = part.len(n);
    }
    shape::check_allocation(&dims, DType::Int64)?;
    // Keys and positions of a line, and the same again for the threads.
    shape::check_allocation(&[n, 2], DType::Int64)?;
    macro_rules! sorted {
        ($T:ty) => {
            dispatch::with_slice(&x, |data: &[$T]| {
                Ok(from_vec(sort::argsort(data, outer, n, inner, descending, part), &dims, DType::Int64))
            })
        };
    }
    match x.dtype {
        DType::Bool | DType::UInt8 => sorted!(u8),
        DType::Int16 => sorted!(i16),
        DType::UInt32 => sorted!(u32),
        DType::Int32 => sorted!(i32),
        DType::Int64 => sorted!(i64),
        DType::Float16 => sorted!(half::f16),
        DType::BFloat16 => sorted!(half::bf16),
        DType::Float32 => sorted!(f32),
        DType::Float64 => sorted!(f64),
        dtype @ DType::Float8E4M3 => Err(not_for(dtype, "8-bit floats are for storage; convert with to(dtype) first")),
    }
}
