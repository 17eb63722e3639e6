//! Kernels over spatial dimensions: pooling, resampling, patches. They are made for `float32` and `float64`; half
//! precision goes through `float32`.

use super::copy::{cast, contiguous, fill, from_vec};
use super::dispatch::{not_for, with_slice, with_wide};
use super::host;
use super::locked::lock;
use crate::shape::{self, Dims};
use crate::value::Value;
use crate::{DType, Device, Result};
use candle_ffi_kernels::fold::{self, Patches};
use candle_ffi_kernels::pool::{self, Windows};
use candle_ffi_kernels::resample::{self, Taps};

/// What is done to each plane of an array, and the shapes before and after.
#[derive(Clone, Debug)]
pub(crate) struct OnPlanes<G> {
    /// The number of planes.
    pub(crate) count: usize,
    /// The shape of the array.
    pub(crate) input: Dims,
    /// The shape of the result.
    pub(crate) output: Dims,
    /// What is done.
    pub(crate) geometry: G,
}

impl<G> OnPlanes<G> {
    /// The number of elements of a plane of the array.
    pub(crate) fn inside(&self) -> usize {
        self.input.iter().product::<usize>().checked_div(self.count).unwrap_or(0)
    }
}

/// [`on_floats`] with one expression for both types.
macro_rules! floats {
    ($name:expr, $x:expr, $dims:expr, |$src:ident| $kernel:expr) => {
        on_floats($name, $x, $dims, |$src: &[f32]| Ok($kernel), |$src: &[f64]| Ok($kernel))
    };
}

/// The average of each window.
pub(crate) fn avg_pool(x: &Value, pool: &OnPlanes<[Windows; 3]>) -> Result<Value> {
    on_cuda!(avg_pool(x, pool));
    floats!("avg_pool", x, &pool.output, |src| pool::average(src, pool.count, &pool.geometry))
}

/// The gradient of [`avg_pool`].
pub(crate) fn avg_pool_grad(grad: &Value, pool: &OnPlanes<[Windows; 3]>) -> Result<Value> {
    on_cuda!(avg_pool_grad(grad, pool));
    floats!("avg_pool_grad", grad, &pool.input, |src| pool::average_grad(src, pool.count, &pool.geometry))
}

/// The largest element of each window; with `places` also its `uint32` position in its plane.
pub(crate) fn max_pool(x: &Value, pool: &OnPlanes<[Windows; 3]>, places: bool) -> Result<(Value, Option<Value>)> {
    if !x.is_cpu() {
        on_cuda!(max_pool(x, pool, places));
        if !places {
            return Ok((host::round_trip_one("max_pool", [x], |[x]| Ok(max_pool(&x, pool, false)?.0))?, None));
        }
        let [values, at] = host::round_trip("max_pool", [x], |[x]| {
            let (values, at) = max_pool(&x, pool, true)?;
            Ok([values, at.ok_or_else(|| crate::Error::internal("positions are missing"))?])
        })?;
        return Ok((values, Some(at)));
    }
    let dims = &pool.output;
    shape::check_allocation(dims, DType::Float64)?;
    if dims.contains(&0) {
        let empty = |dtype: DType| fill(0.0, dims, dtype, Device::CPU);
        return Ok((empty(x.dtype)?, if places { Some(empty(DType::UInt32)?) } else { None }));
    }
    let made = |at: Vec<u32>| places.then(|| from_vec(at, dims, DType::UInt32));
    macro_rules! with {
        ($dtype:expr, $T:ty) => {{
            let converted = contiguous(&cast(x, $dtype)?)?;
            let (values, at) =
                with_slice::<$T, _>(&converted, |src| Ok(pool::maximum(src, pool.count, &pool.geometry, places)))?;
            Ok((cast(&from_vec(values, dims, $dtype), x.dtype)?, made(at)))
        }};
    }
    match x.dtype {
        DType::Float16 | DType::BFloat16 | DType::Float32 => with!(DType::Float32, f32),
        DType::Float64 => with!(DType::Float64, f64),
        DType::Bool | DType::Float8E4M3 => Err(not_for(x.dtype, "needs a number dtype of at least 16 bits, or uint8")),
        _ => with!(DType::Int64, i64),
    }
}

/// The gradient of [`max_pool`]: zeros, with each gradient added where its value came from.
pub(crate) fn max_pool_grad(grad: &Value, places: &Value, pool: &OnPlanes<[Windows; 3]>) -> Result<Value> {
    if !host::on_cpu(&[grad, places]) {
        on_cuda!(max_pool_grad(grad, places, pool));
        return host::round_trip_one("max_pool_grad", [grad, places], |[grad, places]| {
            max_pool_grad(&grad, &places, pool)
        });
    }
    // The positions are nobody else's, so that they can be read while the gradient is locked.
    floats!("max_pool_grad", grad, &pool.input, |src| {
        with_slice(places, |at: &[u32]| Ok(pool::spread(src, at, pool.count, pool.inside())))?
    })
}

/// Zeros, with each value of `x` at its `int64` position in its plane of `inside` elements.
pub(crate) fn max_unpool(x: &Value, places: &Value, planes: usize, inside: usize, dims: &[usize]) -> Result<Value> {
    if !host::on_cpu(&[x, places]) {
        on_cuda!(max_unpool(x, places, planes, inside, dims));
        return host::round_trip_one("max_unpool", [x, places], |[x, places]| {
            max_unpool(&x, &places, planes, inside, dims)
        });
    }
    if !x.dtype.is_float() || x.dtype == DType::Float8E4M3 {
        return Err(not_for(x.dtype, "needs float16, bfloat16, float32 or float64"));
    }
    shape::check_allocation(dims, DType::Float64)?;
    let (wide, places) = (contiguous(&cast(x, x.dtype.wide())?)?, contiguous(places)?);
    let locked = lock([&wide, &places]);
    let result = with_wide!(wide.dtype, T => {
        Ok(from_vec(pool::place::<T>(locked.slice(0)?, locked.slice(1)?, planes, inside)?, dims, wide.dtype))
    })?;
    cast(&result, x.dtype)
}

/// Weighted sums of a few elements along each of up to three dimensions.
pub(crate) fn resample(x: &Value, plan: &OnPlanes<[Taps; 3]>) -> Result<Value> {
    on_cuda!(resample(x, plan));
    floats!("resample", x, &plan.output, |src| resample::resample(src, plan.count, &plan.geometry))
}

/// The gradient of [`resample`].
pub(crate) fn resample_grad(grad: &Value, plan: &OnPlanes<[Taps; 3]>) -> Result<Value> {
    on_cuda!(resample_grad(grad, plan));
    floats!("resample_grad", grad, &plan.input, |src| resample::resample_grad(src, plan.count, &plan.geometry))
}

/// Patches as columns.
pub(crate) fn unfold(x: &Value, plan: &OnPlanes<Patches>) -> Result<Value> {
    on_cuda!(unfold(x, plan));
    floats!("unfold", x, &plan.output, |src| fold::unfold(src, plan.count, &plan.geometry))
}

/// The gradient of [`unfold`]: columns added up.
pub(crate) fn fold(columns: &Value, plan: &OnPlanes<Patches>) -> Result<Value> {
    on_cuda!(fold(columns, plan));
    floats!("fold", columns, &plan.input, |src| fold::fold(src, plan.count, &plan.geometry))
}

/// A result of these sizes by a kernel of either type; zeros where there is nothing to compute with.
fn on_floats(
    name: &str,
    x: &Value,
    dims: &[usize],
    single: impl FnOnce(&[f32]) -> Result<Vec<f32>>,
    double: impl FnOnce(&[f64]) -> Result<Vec<f64>>,
) -> Result<Value> {
    if !x.is_cpu() {
        return host::round_trip_one(name, [x], |[x]| on_floats(name, &x, dims, single, double));
    }
    let half = matches!(x.dtype, DType::Float16 | DType::BFloat16);
    if !half && !matches!(x.dtype, DType::Float32 | DType::Float64) {
        return Err(not_for(x.dtype, "needs float16, bfloat16, float32 or float64"));
    }
    if x.num_elements() == 0 || dims.contains(&0) {
        return fill(0.0, dims, x.dtype, Device::CPU);
    }
    let dtype = if half { DType::Float32 } else { x.dtype };
    shape::check_allocation(dims, dtype)?;
    let wide = contiguous(&cast(x, dtype)?)?;
    let locked = lock([&wide]);
    let result = match dtype {
        DType::Float64 => from_vec(double(locked.slice(0)?)?, dims, dtype),
        _ => from_vec(single(locked.slice(0)?)?, dims, dtype),
    };
    cast(&result, x.dtype)
}
