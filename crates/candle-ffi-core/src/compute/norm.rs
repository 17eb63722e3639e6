//! Normalisation: one or two passes over memory where a composition would be many.

use super::copy::{cast, contiguous, contiguous_for_result, from_vec};
use super::dispatch::{with_float, with_wide};
use super::host;
use super::locked::lock;
use crate::value::Value;
use crate::{Device, Result};
use candle_ffi_kernels::norm as kernels;
pub(crate) use candle_ffi_kernels::norm::Center;
pub(crate) use candle_ffi_kernels::planes::Planes;
use candle_ffi_kernels::planes::{self, Normalized};

fn on_host(value: Option<&Value>) -> Result<Option<Value>> {
    value.map(|value| value.to_device(Device::CPU)).transpose()
}

/// What normalisation of rows gives: the output; and the center and reciprocal deviation of each row in the wide dtype, as
/// halves have too few digits for the one and may be too small for the other.
pub(crate) struct RowNorm {
    pub(crate) output: Value,
    pub(crate) mean: Value,
    pub(crate) rstd: Value,
}

/// Normalises rows of the last `n` elements; `weight` and `bias` have `n` elements and the dtype of `x`.
pub(crate) fn row_norm(
    x: &Value,
    n: usize,
    center: Center,
    weight: Option<&Value>,
    bias: Option<&Value>,
    eps: f64,
) -> Result<RowNorm> {
    if !x.is_cpu() {
        on_cuda!(row_norm(x, n, center, weight, bias, eps));
        let (weight, bias) = (on_host(weight)?, on_host(bias)?);
        let [output, mean, rstd] = host::round_trip("row_norm", [x], |[x]| {
            let RowNorm { output, mean, rstd } = row_norm(&x, n, center, weight.as_ref(), bias.as_ref(), eps)?;
            Ok([output, mean, rstd])
        })?;
        return Ok(RowNorm { output, mean, rstd });
    }
    let x = contiguous_for_result(x)?;
    let (weight, bias) = (weight.map(contiguous).transpose()?, bias.map(contiguous).transpose()?);
    let rows = x.num_elements().checked_div(n).unwrap_or(0);
    // What is absent is not looked at.
    let locked = lock([&x, weight.as_ref().unwrap_or(&x), bias.as_ref().unwrap_or(&x)]);
    with_float!(x.dtype, T => {
        let weight = weight.as_ref().map(|_| locked.slice::<T>(1)).transpose()?;
        let bias = bias.as_ref().map(|_| locked.slice::<T>(2)).transpose()?;
        let (output, mean, rstd) = kernels::layer_norm(locked.slice::<T>(0)?, rows, n, center, weight, bias, eps);
        Ok(RowNorm {
            output: from_vec(output, x.dims(), x.dtype),
            mean: from_vec(mean, &[rows], x.dtype.wide()),
            rstd: from_vec(rstd, &[rows], x.dtype.wide()),
        })
    })
}

/// Gradients of [`row_norm`]: for the input, and flat ones for weight and bias.
pub(crate) fn row_norm_grad(
    grad: &Value,
    x: &Value,
    mean: &Value,
    rstd: &Value,
    n: usize,
    center: Center,
    weight: Option<&Value>,
) -> Result<[Value; 3]> {
    if !grad.is_cpu() {
        on_cuda!(row_norm_grad(grad, x, mean, rstd, n, center, weight));
        let weight = on_host(weight)?;
        return host::round_trip("row_norm_grad", [grad, x, mean, rstd], |[grad, x, mean, rstd]| {
            row_norm_grad(&grad, &x, &mean, &rstd, n, center, weight.as_ref())
        });
    }
    let (grad, x) = (contiguous(grad)?, contiguous_for_result(x)?);
    let weight = weight.map(contiguous).transpose()?;
    let rows = mean.num_elements();
    let locked = lock([&grad, &x, mean, rstd, weight.as_ref().unwrap_or(&x)]);
    with_float!(x.dtype, T => {
        let weight = weight.as_ref().map(|_| locked.slice::<T>(4)).transpose()?;
        let [grad, src] = [locked.slice::<T>(0)?, locked.slice(1)?];
        let (mean, rstd) = (locked.slice(2)?, locked.slice(3)?);
        let (dx, dweight, dbias) = kernels::layer_norm_grad(grad, src, mean, rstd, rows, n, center, weight);
        Ok([from_vec(dx, x.dims(), x.dtype), from_vec(dweight, &[n], x.dtype), from_vec(dbias, &[n], x.dtype)])
    })
}

/// What normalisation of planes gives: the output in the dtype of the input; mean, variance and reciprocal deviation of each
/// group in the wide dtype.
pub(crate) struct PlaneNorm {
    pub(crate) output: Value,
    pub(crate) mean: Value,
    pub(crate) var: Value,
    pub(crate) rstd: Value,
}

/// A contiguous value in its wide dtype, which planes are computed in.
fn wide(value: &Value) -> Result<Value> {
    contiguous(&cast(value, value.dtype.wide())?)
}

/// Weight or bias in the dtype that planes of another value are computed in.
pub(super) fn wide_like(value: Option<&Value>, like: &Value) -> Result<Option<Value>> {
    value.map(|value| contiguous(&cast(value, like.dtype.wide())?)).transpose()
}

/// Normalises groups of planes by their own mean and deviation.
pub(crate) fn plane_norm(
    x: &Value,
    planes: Planes,
    weight: Option<&Value>,
    bias: Option<&Value>,
    eps: f64,
) -> Result<PlaneNorm> {
    if !x.is_cpu() {
        on_cuda!(plane_norm(x, planes, weight, bias, eps));
        let (weight, bias) = (on_host(weight)?, on_host(bias)?);
        let [output, mean, var, rstd] = host::round_trip("plane_norm", [x], |[x]| {
            let PlaneNorm { output, mean, var, rstd } = plane_norm(&x, planes, weight.as_ref(), bias.as_ref(), eps)?;
            Ok([output, mean, var, rstd])
        })?;
        return Ok(PlaneNorm { output, mean, var, rstd });
    }
    let (dtype, dims) = (x.dtype, x.shape());
    let x = wide(&contiguous_for_result(x)?)?;
    let (weight, bias) = (wide_like(weight, &x)?, wide_like(bias, &x)?);
    // What is absent is not looked at.
    let locked = lock([&x, weight.as_ref().unwrap_or(&x), bias.as_ref().unwrap_or(&x)]);
    with_wide!(x.dtype, T => {
        let weight = weight.as_ref().map(|_| locked.slice::<T>(1)).transpose()?;
        let bias = bias.as_ref().map(|_| locked.slice::<T>(2)).transpose()?;
        let Normalized { out, mean, var, rstd } = planes::normalize(locked.slice::<T>(0)?, planes, weight, bias, eps);
        let [mean, var, rstd] = [mean, var, rstd].map(|values| from_vec(values, &[planes.groups()], x.dtype));
        Ok(PlaneNorm { output: cast(&from_vec(out, &dims, x.dtype), dtype)?, mean, var, rstd })
    })
}

/// Normalises groups of planes by a given mean and reciprocal deviation.
pub(crate) fn plane_affine(
    x: &Value,
    planes: Planes,
    mean: &Value,
    rstd: &Value,
    weight: Option<&Value>,
    bias: Option<&Value>,
) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(plane_affine(x, planes, mean, rstd, weight, bias));
        let (weight, bias) = (on_host(weight)?, on_host(bias)?);
        return host::round_trip_one("plane_affine", [x, mean, rstd], |[x, mean, rstd]| {
            plane_affine(&x, planes, &mean, &rstd, weight.as_ref(), bias.as_ref())
        });
    }
    let (dtype, dims) = (x.dtype, x.shape());
    let x = wide(&contiguous_for_result(x)?)?;
    let (weight, bias) = (wide_like(weight, &x)?, wide_like(bias, &x)?);
    let locked = lock([&x, mean, rstd, weight.as_ref().unwrap_or(&x), bias.as_ref().unwrap_or(&x)]);
    with_wide!(x.dtype, T => {
        let weight = weight.as_ref().map(|_| locked.slice::<T>(3)).transpose()?;
        let bias = bias.as_ref().map(|_| locked.slice::<T>(4)).transpose()?;
        let out = planes::affine(locked.slice::<T>(0)?, planes, locked.slice(1)?, locked.slice(2)?, weight, bias);
        cast(&from_vec(out, &dims, x.dtype), dtype)
    })
}

/// Gradients of [`plane_norm`], or of [`plane_affine`] with `fixed` statistics: for the input in its dtype, and wide ones
/// for weight and bias.
pub(crate) fn plane_norm_grad(
    grad: &Value,
    x: &Value,
    planes: Planes,
    [mean, rstd]: [&Value; 2],
    weight: Option<&Value>,
    fixed: bool,
) -> Result<[Value; 3]> {
    if !grad.is_cpu() {
        on_cuda!(plane_norm_grad(grad, x, planes, [mean, rstd], weight, fixed));
        let weight = on_host(weight)?;
        return host::round_trip("plane_norm_grad", [grad, x, mean, rstd], |[grad, x, mean, rstd]| {
            plane_norm_grad(&grad, &x, planes, [&mean, &rstd], weight.as_ref(), fixed)
        });
    }
    let (dtype, dims) = (x.dtype, x.shape());
    let (grad, x) = (wide(grad)?, wide(&contiguous_for_result(x)?)?);
    let weight = wide_like(weight, &x)?;
    let locked = lock([&grad, &x, mean, rstd, weight.as_ref().unwrap_or(&x)]);
    with_wide!(x.dtype, T => {
        let weight = weight.as_ref().map(|_| locked.slice::<T>(4)).transpose()?;
        let [grad, src, mean, rstd] = [locked.slice::<T>(0)?, locked.slice(1)?, locked.slice(2)?, locked.slice(3)?];
        let (dx, dweight, dbias) = planes::normalize_grad(grad, src, planes, mean, rstd, weight, fixed);
        let [dweight, dbias] = [dweight, dbias].map(|values| from_vec(values, &[planes.channels], x.dtype));
        Ok([cast(&from_vec(dx, &dims, x.dtype), dtype)?, dweight, dbias])
    })
}
