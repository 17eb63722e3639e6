//! Random values. A seed gives the same numbers on every device: they are drawn on the host, or by kernels that compute
//! them in the same way, bit for bit.

use super::copy::{fill, from_vec};
use super::dispatch::with_float;
use super::elementwise::select;
use crate::value::Value;
use crate::{DType, Device, Error, ErrorCode, Result, shape};
use candle_ffi_kernels::random as kernels;

/// Where in its sequence a generator stands: each element takes one draw.
#[derive(Clone)]
pub(crate) struct Draws {
    pub(crate) seed: u64,
    pub(crate) offset: u64,
    /// Where kernels of a graph find the seed and what is to be added to the offset, which are others at each replay.
    pub(crate) place: Option<Value>,
}

impl Draws {
    /// Seed and offset, for the host. It cannot know those of a graph.
    fn on_host(&self) -> Result<(u64, u64)> {
        match self.place {
            None => Ok((self.seed, self.offset)),
            Some(_) => Err(Error::new(ErrorCode::Unsupported, "a graph has no kernel for these random numbers")),
        }
    }
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
    let (seed, offset) = draws.on_host()?;
    let count = shape::check_allocation(dims, dtype)?;
    with_float!(dtype, T => Ok(from_vec(kernels::uniform::<T>(seed, offset, count, low, high), dims, dtype)))?
        .to_device(device)
}

/// Normal with this mean and deviation.
pub(crate) fn normal(draws: Draws, dims: &[usize], dtype: DType, device: Device, mean: f64, std: f64) -> Result<Value> {
    on_cuda!(normal(&draws, dims, dtype, device, mean, std));
    let (seed, offset) = draws.on_host()?;
    let count = shape::check_allocation(dims, dtype)?;
    with_float!(dtype, T => Ok(from_vec(kernels::normal::<T>(seed, offset, count, mean, std), dims, dtype)))?
        .to_device(device)
}

/// `int64` in `[low, high)`.
pub(crate) fn integers(draws: Draws, dims: &[usize], device: Device, low: i64, high: i64) -> Result<Value> {
    on_cuda!(integers(&draws, dims, device, low, high));
    let (seed, offset) = draws.on_host()?;
    let count = shape::check_allocation(dims, DType::Int64)?;
    from_vec(kernels::integers(seed, offset, count, low, high), dims, DType::Int64).to_device(device)
}

/// The numbers below `n` in random order, `int64`.
pub(crate) fn permutation(draws: Draws, n: usize, device: Device) -> Result<Value> {
    let (seed, offset) = draws.on_host()?;
    shape::check_allocation(&[n], DType::Int64)?;
    from_vec(kernels::permutation(seed, offset, n), &[n], DType::Int64).to_device(device)
}

/// True with this probability.
pub(crate) fn bernoulli(draws: Draws, dims: &[usize], device: Device, probability: f64) -> Result<Value> {
    on_cuda!(bernoulli(&draws, dims, device, probability));
    let (seed, offset) = draws.on_host()?;
    let count = shape::check_allocation(dims, DType::Bool)?;
    from_vec(kernels::bernoulli_mask(seed, offset, count, probability), dims, DType::Bool).to_device(device)
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
