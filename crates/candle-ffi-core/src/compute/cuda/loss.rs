//! Losses.

use super::{refuse_outside, together};
use crate::compute::copy::{cast, contiguous};
use crate::compute::loss::{CrossEntropy, Total};
use crate::compute::{Classes, PairLoss, Side};
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_cuda as kernels;

pub(in crate::compute) fn pair_loss(loss: PairLoss, input: &Value, target: &Value) -> Result<Option<Value>> {
    if !together(&[input, target]) {
        return Ok(None);
    }
    shape::check_on_device(input.dims(), input.dtype)?;
    Ok(kernels::pair_loss(loss, &input.array, &target.array)?.map(|array| Value::new(array, input.dtype)))
}

pub(in crate::compute) fn pair_loss_grad(
    loss: PairLoss,
    side: Side,
    input: &Value,
    target: &Value,
    grad: &Value,
    scale: f64,
) -> Result<Option<Value>> {
    if !together(&[input, target, grad]) {
        return Ok(None);
    }
    shape::check_on_device(input.dims(), input.dtype)?;
    let found = kernels::pair_loss_grad(loss, side, &input.array, &target.array, &grad.array, scale)?;
    Ok(found.map(|array| Value::new(array, input.dtype)))
}

/// Classes and weights as the kernels read them.
fn prepared(x: &Value, targets: &Classes) -> Result<Classes> {
    let weight = targets.weight.as_ref().map(|weight| contiguous(&cast(weight, x.dtype.wide())?)).transpose()?;
    Ok(Classes { classes: contiguous(&targets.classes)?, weight, ..targets.clone() })
}

fn given(targets: &Classes) -> kernels::Targets<'_> {
    kernels::Targets {
        classes: &targets.classes.array,
        weight: targets.weight.as_ref().map(|weight| &weight.array),
        ignored: targets.ignored,
        smoothing: targets.smoothing,
    }
}

pub(in crate::compute) fn cross_entropy(x: &Value, targets: &Classes) -> Result<Option<CrossEntropy>> {
    let together = together(&[x, &targets.classes, targets.weight.as_ref().unwrap_or(x)]);
    if !together || !x.dtype.is_float() {
        return Ok(None);
    }
    let targets = prepared(x, targets)?;
    let Some(found) = kernels::cross_entropy(&x.array, given(&targets))? else { return Ok(None) };
    refuse_outside(x)?;
    Ok(Some(CrossEntropy {
        losses: Value::new(found.losses, x.dtype),
        statistics: Value::new(found.statistics, x.dtype.wide()),
        total: Total::OnDevice(Value::new(found.total, DType::Float64)),
    }))
}

pub(in crate::compute) fn cross_entropy_grad(
    x: &Value,
    statistics: &Value,
    targets: &Classes,
    grad: &Value,
    total: Option<&Total>,
) -> Result<Option<Value>> {
    let total = match total {
        Some(Total::Known(_)) => return Ok(None),
        Some(Total::OnDevice(total)) => Some(total),
        None => None,
    };
    let weight = targets.weight.as_ref().unwrap_or(x);
    if !together(&[x, statistics, &targets.classes, weight, grad, total.unwrap_or(x)]) {
        return Ok(None);
    }
    shape::check_on_device(x.dims(), x.dtype)?;
    let targets = prepared(x, targets)?;
    let total = total.map(|total| &total.array);
    let found = kernels::cross_entropy_grad(&x.array, &statistics.array, given(&targets), &grad.array, total)?;
    Ok(found.map(|array| Value::new(array, x.dtype)))
}
