//! Making values: from host data, filled, cast, contiguous.

use super::dispatch::{self, CpuElement, with_element};
use super::host;
use crate::value::Value;
use crate::{DType, Device, Result, shape};
use candle_core::Storage;
use candle_core::op::BackpropOp;
use candle_ffi_kernels::{copy as kernels, profile};

/// A CPU value of these elements; their number is the shape's.
#[inline]
pub(crate) fn from_vec<T: CpuElement>(data: Vec<T>, dims: &[usize], dtype: DType) -> Value {
    profile::made(size_of_val(data.as_slice()));
    let storage = Storage::Cpu(T::into_storage(data));
    Value::new(candle_core::Tensor::from_storage(storage, dims, BackpropOp::none(), false), dtype)
}

/// A value with every element the same; `number` is converted as PyTorch converts a number.
pub(crate) fn fill(number: f64, dims: &[usize], dtype: DType, device: Device) -> Result<Value> {
    let number = if dtype == DType::Bool { f64::from(number != 0.0) } else { number };
    on_cuda!(fill(number, dims, dtype, device));
    let count = shape::check_allocation(dims, dtype)?;
    let value = with_element!(dtype, T => Ok(from_vec(kernels::fill(<T as candle_ffi_kernels::Element>::from_f64(number), count), dims, dtype)))?;
    value.to_device(device)
}

/// A CPU value of a function of the position in row-major order.
pub(crate) fn from_fn<T: CpuElement>(
    dims: &[usize],
    dtype: DType,
    element: impl Fn(usize) -> T + Sync,
) -> Result<Value> {
    let count = shape::check_allocation(dims, dtype)?;
    Ok(from_vec(kernels::from_fn(count, element), dims, dtype))
}

/// The same elements in row-major order without gaps; no copy where they are so already.
#[inline]
pub(crate) fn contiguous(value: &Value) -> Result<Value> {
    if value.is_contiguous() {
        return Ok(value.clone());
    }
    if !value.is_cpu() {
        on_cuda!(contiguous(value));
        return Ok(Value::new(value.array.contiguous()?, value.dtype));
    }
    copy(value)
}

/// The same for an operation whose result is as large as its input: makes sure that it can be had.
#[inline]
pub(super) fn contiguous_for_result(value: &Value) -> Result<Value> {
    shape::check_allocation(value.dims(), value.dtype)?;
    contiguous(value)
}

/// A copy in row-major order.
pub(crate) fn copy(value: &Value) -> Result<Value> {
    if !value.is_cpu() {
        on_cuda!(copy(value));
        return Ok(Value::new(value.array.copy()?.contiguous()?, value.dtype));
    }
    shape::check_allocation(value.dims(), value.dtype)?;
    with_element!(value.dtype, T => dispatch::with_strided::<T, _>(value, |src| {
        Ok(from_vec(kernels::contiguous(src), value.dims(), value.dtype))
    }))
}

/// The elements in another dtype, converted as PyTorch does; no copy where it is the same.
pub(crate) fn cast(value: &Value, dtype: DType) -> Result<Value> {
    if value.dtype == dtype {
        return Ok(value.clone());
    }
    if !value.is_cpu() {
        on_cuda!(cast(value, dtype));
        // Candle saturates where PyTorch wraps, and knows no bool: only floats mean the same.
        let plain = |dtype: DType| matches!(dtype, DType::Float16 | DType::BFloat16 | DType::Float32 | DType::Float64);
        if plain(value.dtype) && plain(dtype) {
            return Ok(Value::new(value.array.to_dtype(dtype.storage())?, dtype));
        }
        return host::round_trip_one(format_args!("cast_to_{dtype}"), [value], |[value]| cast(&value, dtype));
    }
    // An expanded number stays one number.
    let value = contiguous(value)?;
    shape::check_allocation(value.dims(), dtype)?;
    with_element!(value.dtype, S => dispatch::with_slice::<S, _>(&value, |src| {
        if dtype == DType::Bool {
            return Ok(from_vec(kernels::cast_to_bool(src), value.dims(), dtype));
        }
        with_element!(dtype, D => Ok(from_vec(kernels::cast::<S, D>(src), value.dims(), dtype)))
    }))
}
