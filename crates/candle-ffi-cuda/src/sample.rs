//! Random numbers: those of the host, bit for bit.

use crate::array::empty;
use crate::bits::converted;
use crate::capture;
use crate::launch::Launch;
use crate::{is_float, ptx};
use candle_core::{CudaDevice, DType, Result, Tensor};

/// Draws `offset…` of a seed, as many as there are elements.
#[derive(Clone, Copy)]
pub struct Draws<'a> {
    /// The seed.
    pub seed: u64,
    /// The first draw.
    pub offset: u64,
    /// Where a graph finds the seed, and what is to be added to the offset: of `draw`.
    pub place: Option<&'a Tensor>,
}

impl Draws<'_> {
    /// Adds the three to a launch. In a graph numbers that are known in advance would be the same at each replay.
    fn add_to<'l>(&self, launch: &'l mut Launch) -> Result<&'l mut Launch> {
        launch.value(self.seed).value(self.offset).optional(self.place)
    }

    /// Refuses draws that are fixed, where a graph is captured.
    pub(crate) fn check(&self, device: &CudaDevice) -> Result<()> {
        match self.place {
            Some(_) => Ok(()),
            None => capture::refuse(device, "random numbers that are fixed in advance cannot be drawn"),
        }
    }
}

/// Uniform in `[low, high)`.
pub fn uniform(
    device: &CudaDevice,
    draws: Draws<'_>,
    dims: &[usize],
    dtype: DType,
    low: f64,
    high: f64,
) -> Result<Option<Tensor>> {
    if !is_float(dtype) {
        return Ok(None);
    }
    draws.check(device)?;
    let result = empty(device, dims, dtype)?;
    let mut launch = Launch::of(device, ptx::SAMPLE, "uniform", dtype)?;
    draws.add_to(&mut launch)?.value(low).value(high - low).value(high).tensor(&result)?;
    // SAFETY: as `UNIFORM` of sample.cu is declared.
    unsafe { launch.over_packs(result.elem_count(), 2) }?;
    Ok(Some(result))
}

/// Normal with this mean and deviation.
pub fn normal(
    device: &CudaDevice,
    draws: Draws<'_>,
    dims: &[usize],
    dtype: DType,
    mean: f64,
    std: f64,
) -> Result<Option<Tensor>> {
    if !is_float(dtype) {
        return Ok(None);
    }
    draws.check(device)?;
    let result = empty(device, dims, dtype)?;
    let mut launch = Launch::of(device, ptx::SAMPLE, "normal", dtype)?;
    draws.add_to(&mut launch)?.value(mean).value(std).tensor(&result)?;
    // SAFETY: as `NORMAL` of sample.cu is declared.
    unsafe { launch.over_packs(result.elem_count(), if dtype == DType::F64 { 1 } else { 2 }) }?;
    Ok(Some(result))
}

/// `int64` in `low..high`, which is not empty.
pub fn integers(device: &CudaDevice, draws: Draws<'_>, dims: &[usize], low: i64, high: i64) -> Result<Tensor> {
    draws.check(device)?;
    let result = empty(device, dims, DType::I64)?;
    let mut launch = Launch::plain(device, ptx::SAMPLE, "integers")?;
    draws.add_to(&mut launch)?.value(low).value(high.wrapping_sub(low).cast_unsigned()).tensor(&result)?;
    // SAFETY: as `integers` of sample.cu is declared.
    unsafe { launch.over_packs(result.elem_count(), 2) }?;
    Ok(result)
}

/// Bytes: 1 with this probability, else 0.
pub fn bernoulli(device: &CudaDevice, draws: Draws<'_>, dims: &[usize], probability: f64) -> Result<Tensor> {
    draws.check(device)?;
    let result = empty(device, dims, DType::U8)?;
    let mut launch = Launch::plain(device, ptx::SAMPLE, "bernoulli")?;
    draws.add_to(&mut launch)?.value(threshold(probability)).tensor(&result)?;
    // SAFETY: as `bernoulli` of sample.cu is declared.
    unsafe { launch.over_packs(result.elem_count(), 2) }?;
    Ok(result)
}

/// What as many of 53 random bits are below.
fn threshold(probability: f64) -> u64 {
    (probability.clamp(0.0, 1.0) * 9_007_199_254_740_992.0) as u64
}

/// `kept` with this probability, else `dropped`: where [`bernoulli`] gives 1, and where it gives 0.
pub fn noise(
    device: &CudaDevice,
    draws: Draws<'_>,
    dims: &[usize],
    dtype: DType,
    probability: f64,
    (kept, dropped): (f64, f64),
) -> Result<Option<Tensor>> {
    if !is_float(dtype) {
        return Ok(None);
    }
    draws.check(device)?;
    let result = empty(device, dims, dtype)?;
    let mut launch = Launch::of(device, ptx::SAMPLE, "noise", dtype)?;
    draws.add_to(&mut launch)?.value(threshold(probability));
    launch.value(converted(kept, dtype)?).value(converted(dropped, dtype)?).tensor(&result)?;
    // SAFETY: as `NOISE` of sample.cu is declared.
    unsafe { launch.over_packs(result.elem_count(), 2) }?;
    Ok(Some(result))
}
