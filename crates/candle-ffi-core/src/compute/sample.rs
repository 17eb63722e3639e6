//! Random values. A seed gives the same numbers on every device: they are drawn on the host, or by kernels that compute
//! them in the same way, bit for bit.

use super::copy::{fill, from_vec};
use super::dispatch::with_float;
use super::elementwise::select;
use crate::value::Value;
use crate::{DType, Device, Result, shape};
use candle_ffi_kernels::random as kernels;

/// Where in its sequence a generator stands: each element takes one draw.
#[derive(Clone)]
pub(crate) struct Draws {
    pub(crate) seed: u64,
    pub(crate) offset: u64,
    /// Where kernels of a graph find the seed and what is to be added to the offset, which are others at each replay. The
    /// host cannot know them: there they are refused, since their results cannot come into a graph.
    pub(crate) place: Option<Value>,
}

/// Uniform in `[low, high)`.
pub(crate) fn uniform(
    draws: Draws,
    dims: &[usize],
    dtype: DType,
    device: Device,
    low: f64,
    high: f64,
) -> Result<Value> {
    on_cuda!(uniform(&draws, dims, dtype, device, low, high));
    let count = shape::check_allocation(dims, dtype)?;
    with_float!(dtype, T => Ok(from_vec(kernels::uniform::<T>(draws.seed, draws.offset, count, low, high), dims, dtype)))?
        .to_device(device)
}

/// Normal with this mean and deviation.
pub(crate) fn normal(draws: Draws, dims: &[usize], dtype: DType, device: Device, mean: f64, std: f64) -> Result<Value> {
    on_cuda!(normal(&draws, dims, dtype, device, mean, std));
    let count = shape::check_allocation(dims, dtype)?;
    with_float!(dtype, T => Ok(from_vec(kernels::normal::<T>(draws.seed, draws.offset, count, mean, std), dims, dtype)))?
        .to_device(device)
}

/// `int64` in `[low, high)`.
pub(crate) fn integers(draws: Draws, dims: &[usize], device: Device, low: i64, high: i64) -> Result<Value> {
    on_cuda!(integers(&draws, dims, device, low, high));
    let count = shape::check_allocation(dims, DType::Int64)?;
    from_vec(kernels::integers(draws.seed, draws.offset, count, low, high), dims, DType::Int64).to_device(device)
}

/// The numbers below `n` in random order, `int64`.
pub(crate) fn permutation(draws: Draws, n: usize, device: Device) -> Result<Value> {
    shape::check_allocation(&[n], DType::Int64)?;
    from_vec(kernels::permutation(draws.seed, draws.offset, n), &[n], DType::Int64).to_device(device)
}

/// True with this probability.
pub(crate) fn bernoulli(draws: Draws, dims: &[usize], device: Device, probability: f64) -> Result<Value> {
    on_cuda!(bernoulli(&draws, dims, device, probability));
    let count = shape::check_allocation(dims, DType::Bool)?;
    from_vec(kernels::bernoulli_mask(draws.seed, draws.offset, count, probability), dims, DType::Bool).to_device(device)
}

/// `kept` with this probability, else `dropped`: where [`bernoulli`] is true, and where it is not.
pub(crate) fn noise(
    draws: Draws,
    dims: &[usize],
    dtype: DType,
    device: Device,
    probability: f64,
    (kept, dropped): (f64, f64),
) -> Result<Value> {
    on_cuda!(noise(&draws, dims, dtype, device, probability, (kept, dropped)));
    let scalar = |number: f64| fill(number, &[], dtype, device);
    select(&bernoulli(draws, dims, device, probability)?, &scalar(kept)?, &scalar(dropped)?)
}
