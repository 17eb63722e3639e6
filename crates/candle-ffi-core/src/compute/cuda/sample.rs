//! Random values: those of the host, bit for bit.

use super::made;
use crate::compute::Draws;
use crate::device::DeviceKind;
use crate::value::Value;
use crate::{DType, Device, Result, shape};
use candle_ffi_cuda as kernels;

/// The device, as Candle knows it, if it is one of CUDA.
fn opened(device: Device) -> Result<Option<candle_core::Device>> {
    if device.kind() == DeviceKind::Cuda { device.to_candle().map(Some) } else { Ok(None) }
}

/// The draws, as kernels take them.
fn of(draws: &Draws) -> kernels::Draws<'_> {
    let place = draws.place.as_ref().map(|place| &place.array);
    kernels::Draws { seed: draws.seed, offset: draws.offset, place }
}

pub(in crate::compute) fn uniform(
    draws: &Draws,
    dims: &[usize],
    dtype: DType,
    device: Device,
    low: f64,
    high: f64,
) -> Result<Option<Value>> {
    let Some(device) = opened(device)? else { return Ok(None) };
    shape::check_size(dims, dtype)?;
    let draws = of(draws);
    made(kernels::uniform(device.as_cuda_device()?, draws, dims, dtype.storage(), low, high), dtype)
}

pub(in crate::compute) fn normal(
    draws: &Draws,
    dims: &[usize],
    dtype: DType,
    device: Device,
    mean: f64,
    std: f64,
) -> Result<Option<Value>> {
    let Some(device) = opened(device)? else { return Ok(None) };
    shape::check_size(dims, dtype)?;
    let draws = of(draws);
    made(kernels::normal(device.as_cuda_device()?, draws, dims, dtype.storage(), mean, std), dtype)
}

pub(in crate::compute) fn integers(
    draws: &Draws,
    dims: &[usize],
    device: Device,
    low: i64,
    high: i64,
) -> Result<Option<Value>> {
    let Some(device) = opened(device)? else { return Ok(None) };
    shape::check_size(dims, DType::Int64)?;
    let draws = of(draws);
    made(kernels::integers(device.as_cuda_device()?, draws, dims, low, high).map(Some), DType::Int64)
}

pub(in crate::compute) fn bernoulli(
    draws: &Draws,
    dims: &[usize],
    device: Device,
    probability: f64,
) -> Result<Option<Value>> {
    let Some(device) = opened(device)? else { return Ok(None) };
    shape::check_size(dims, DType::Bool)?;
    let draws = of(draws);
    made(kernels::bernoulli(device.as_cuda_device()?, draws, dims, probability).map(Some), DType::Bool)
}

pub(in crate::compute) fn noise(
    draws: &Draws,
    dims: &[usize],
    dtype: DType,
    device: Device,
    probability: f64,
    numbers: (f64, f64),
) -> Result<Option<Value>> {
    let Some(device) = opened(device)? else { return Ok(None) };
    shape::check_size(dims, dtype)?;
    let draws = of(draws);
    made(kernels::noise(device.as_cuda_device()?, draws, dims, dtype.storage(), probability, numbers), dtype)
}
