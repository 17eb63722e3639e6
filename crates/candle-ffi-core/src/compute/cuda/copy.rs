//! Filling, copying, converting.

use super::{made, together};
use crate::device::DeviceKind;
use crate::value::Value;
use crate::{DType, Device, Result, shape};
use candle_ffi_cuda as kernels;

pub(in crate::compute) fn fill(number: f64, dims: &[usize], dtype: DType, device: Device) -> Result<Option<Value>> {
    if device.kind() != DeviceKind::Cuda {
        return Ok(None);
    }
    shape::check_size(dims, dtype)?;
    let device = device.to_candle()?;
    made(kernels::fill(device.as_cuda_device()?, number, dims, dtype.storage()).map(Some), dtype)
}

pub(in crate::compute) fn contiguous(x: &Value) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    made(kernels::contiguous(&x.array).map(Some), x.dtype)
}

pub(in crate::compute) fn copy(x: &Value) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    shape::check_size(x.dims(), x.dtype)?;
    made(kernels::copied(&x.array).map(Some), x.dtype)
}

pub(in crate::compute) fn cast(x: &Value, dtype: DType) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    if dtype == DType::Bool {
        return made(kernels::cast_to_bool(&x.array).map(Some), dtype);
    }
    made(kernels::cast(&x.array, dtype.storage()), dtype)
}

pub(in crate::compute) fn triangle(x: &Value, diagonal: i64, lower: bool) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    made(kernels::triangle(&x.array, diagonal, lower), x.dtype)
}

pub(in crate::compute) fn one_hot(index: &Value, classes: usize) -> Result<Option<Value>> {
    if !together(&[index]) {
        return Ok(None);
    }
    let mut dims = index.shape();
    dims.push(classes);
    shape::check_size(&dims, DType::Int64)?;
    made(kernels::one_hot(&index.array, classes), DType::Int64)
}
