//! Normalisation.

use super::together;
use crate::compute::copy::{cast, contiguous};
use crate::compute::norm::wide_like;
use crate::compute::{Center, PlaneNorm, Planes, RowNorm};
use crate::value::Value;
use crate::{Result, shape};
use candle_core::Tensor;
use candle_ffi_cuda as kernels;

fn array(value: Option<&Value>) -> Option<&Tensor> {
    value.map(|value| &value.array)
}

pub(in crate::compute) fn row_norm(
    x: &Value,
    n: usize,
    center: Center,
    weight: Option<&Value>,
    bias: Option<&Value>,
    eps: f64,
) -> Result<Option<RowNorm>> {
    if !together(&[x, weight.unwrap_or(x), bias.unwrap_or(x)]) {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    let found = kernels::row_norm(&x.array, n, center, array(weight), array(bias), eps)?;
    Ok(found.map(|(output, mean, rstd)| RowNorm {
        output: Value::new(output, x.dtype),
        mean: Value::new(mean, x.dtype.wide()),
        rstd: Value::new(rstd, x.dtype.wide()),
    }))
}

pub(in crate::compute) fn row_norm_grad(
    grad: &Value,
    x: &Value,
    mean: &Value,
    rstd: &Value,
    n: usize,
    center: Center,
    weight: Option<&Value>,
) -> Result<Option<[Value; 3]>> {
    if !together(&[grad, x, mean, rstd, weight.unwrap_or(x)]) {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    let statistics = [&mean.array, &rstd.array];
    let found = kernels::row_norm_grad(&grad.array, &x.array, statistics, n, center, array(weight))?;
    Ok(found.map(|gradients| gradients.map(|array| Value::new(array, x.dtype))))
}

pub(in crate::compute) fn plane_norm(
    x: &Value,
    planes: Planes,
    weight: Option<&Value>,
    bias: Option<&Value>,
    eps: f64,
) -> Result<Option<PlaneNorm>> {
    if !together(&[x, weight.unwrap_or(x), bias.unwrap_or(x)]) || !x.dtype.is_float() {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    let (weight, bias, wide) = (wide_like(weight, x)?, wide_like(bias, x)?, x.dtype.wide());
    let found = kernels::plane_norm(&x.array, planes, array(weight.as_ref()), array(bias.as_ref()), eps)?;
    Ok(found.map(|found| PlaneNorm {
        output: Value::new(found.output, x.dtype),
        mean: Value::new(found.mean, wide),
        var: Value::new(found.var, wide),
        rstd: Value::new(found.rstd, wide),
    }))
}

pub(in crate::compute) fn plane_affine(
    x: &Value,
    planes: Planes,
    mean: &Value,
    rstd: &Value,
    weight: Option<&Value>,
    bias: Option<&Value>,
) -> Result<Option<Value>> {
    if !together(&[x, mean, rstd, weight.unwrap_or(x), bias.unwrap_or(x)]) || !x.dtype.is_float() {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    let (weight, bias) = (wide_like(weight, x)?, wide_like(bias, x)?);
    let (mean, rstd) = (contiguous(mean)?, contiguous(rstd)?);
    let statistics = [&mean.array, &rstd.array];
    let found = kernels::plane_affine(&x.array, planes, statistics, array(weight.as_ref()), array(bias.as_ref()))?;
    Ok(found.map(|array| Value::new(array, x.dtype)))
}

pub(in crate::compute) fn plane_norm_grad(
    grad: &Value,
    x: &Value,
    planes: Planes,
    [mean, rstd]: [&Value; 2],
    weight: Option<&Value>,
    fixed: bool,
) -> Result<Option<[Value; 3]>> {
    if !together(&[grad, x, mean, rstd, weight.unwrap_or(x)]) || !x.dtype.is_float() {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    let (grad, weight, wide) = (cast(grad, x.dtype)?, wide_like(weight, x)?, x.dtype.wide());
    let (mean, rstd) = (contiguous(mean)?, contiguous(rstd)?);
    let statistics = [&mean.array, &rstd.array];
    let weight = array(weight.as_ref());
    let found = kernels::plane_norm_grad(&grad.array, &x.array, planes, statistics, weight, fixed)?;
    Ok(found.map(|[dx, dweight, dbias]| [Value::new(dx, x.dtype), Value::new(dweight, wide), Value::new(dbias, wide)]))
}
