//! Losses that are one pass over memory where a composition would be many. Half precision is computed in
//! `float32` and rounded once.

use super::activation::is_half;
use super::copy::{cast, contiguous, contiguous_for_result, fill, from_vec};
use super::dispatch::with_wide;
use super::host;
use super::locked::lock;
use crate::value::Value;
use crate::{DType, Device, Error, Result};
use candle_ffi_kernels::Element;
use candle_ffi_kernels::cross_entropy::{self as cross, Targets};
use candle_ffi_kernels::pair_loss as pair;
pub(crate) use candle_ffi_kernels::pair_loss::{LEAST_VARIANCE, PairLoss, Side};

/// The loss of each pair of elements; both have one shape.
pub(crate) fn pair_loss(loss: PairLoss, input: &Value, target: &Value) -> Result<Value> {
    if !host::on_cpu(&[input, target]) {
        on_cuda!(pair_loss(loss, input, target));
        return host::round_trip_one("pair_loss", [input, target], |[input, target]| pair_loss(loss, &input, &target));
    }
    if is_half(input.dtype) {
        let wide = pair_loss(loss, &cast(input, DType::Float32)?, &cast(target, DType::Float32)?)?;
        return cast(&wide, input.dtype);
    }
    let (input, target) = (contiguous_for_result(input)?, contiguous(target)?);
    let locked = lock([&input, &target]);
    with_wide!(input.dtype, T => {
        Ok(from_vec(pair::pair_loss::<T>(loss, locked.slice(0)?, locked.slice(1)?), input.dims(), input.dtype))
    })
}

/// Its gradient for one operand. `grad` is the gradient of the losses, or a scalar that is the same for all;
/// `scale` is a factor of it.
pub(crate) fn pair_loss_grad(
    loss: PairLoss,
    side: Side,
    input: &Value,
    target: &Value,
    grad: &Value,
    scale: f64,
) -> Result<Value> {
    if !host::on_cpu(&[input, target, grad]) {
        on_cuda!(pair_loss_grad(loss, side, input, target, grad, scale));
        return host::round_trip_one("pair_loss_grad", [input, target, grad], |[input, target, grad]| {
            pair_loss_grad(loss, side, &input, &target, &grad, scale)
        });
    }
    if is_half(input.dtype) {
        let [wide_input, wide_target, wide_grad] = [input, target, grad].map(|value| cast(value, DType::Float32));
        let wide = pair_loss_grad(loss, side, &wide_input?, &wide_target?, &wide_grad?, scale)?;
        return cast(&wide, input.dtype);
    }
    let (input, target, grad) = (contiguous_for_result(input)?, contiguous(target)?, contiguous(grad)?);
    let locked = lock([&input, &target, &grad]);
    with_wide!(input.dtype, T => {
        let upstream = upstream::<T>(locked.slice(2)?, input.num_elements(), scale);
        let result = pair::pair_loss_grad::<T>(loss, side, locked.slice(0)?, locked.slice(1)?, upstream);
        Ok(from_vec(result, input.dims(), input.dtype))
    })
}

/// A scaled gradient is that of a mean or a sum: one number.
fn upstream<T: Element + std::ops::Mul<Output = T>>(grad: &[T], count: usize, scale: f64) -> pair::Upstream<'_, T> {
    match grad {
        [one] if count != 1 || scale != 1.0 => pair::Upstream::Same(*one * T::from_f64(scale)),
        each => pair::Upstream::Each(each),
    }
}

/// What cross entropy gives: the loss of each row, what its gradient needs, and the sum of the weights.
pub(crate) struct CrossEntropy {
    pub(crate) losses: Value,
    pub(crate) statistics: Value,
    pub(crate) total: Total,
}

/// The sum of the weights of the rows that count, which a mean is divided by. A device's is not waited for.
#[derive(Clone)]
pub(crate) enum Total {
    Known(f64),
    /// One `float64`.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the host's is known at once"))]
    OnDevice(Value),
}

impl Total {
    /// As a scalar like the losses.
    pub(crate) fn like(&self, losses: &Value) -> Result<Value> {
        match self {
            Self::Known(total) => fill(*total, &[], losses.dtype, losses.device()),
            Self::OnDevice(total) => cast(total, losses.dtype),
        }
    }

    fn to_host(&self) -> Result<f64> {
        match self {
            Self::Known(total) => Ok(*total),
            Self::OnDevice(total) => Ok(total.to_device(Device::CPU)?.array.to_scalar()?),
        }
    }
}

/// The options of cross entropy against `int64` classes.
#[derive(Clone)]
pub(crate) struct Classes {
    pub(crate) classes: Value,
    pub(crate) weight: Option<Value>,
    pub(crate) ignored: i64,
    pub(crate) smoothing: f64,
}

impl Classes {
    fn to_device(&self, device: Device) -> Result<Self> {
        let weight = self.weight.as_ref().map(|weight| weight.to_device(device)).transpose()?;
        Ok(Self { classes: self.classes.to_device(device)?, weight, ..self.clone() })
    }

    /// The weight as floating contiguous elements of `dtype`, else something that is not looked at.
    fn weight_or(&self, other: &Value, dtype: DType) -> Result<Value> {
        self.weight.as_ref().map_or_else(|| Ok(other.clone()), |weight| contiguous(&cast(weight, dtype)?))
    }
}

/// Cross entropy of logits `[rows, n]`.
pub(crate) fn cross_entropy(x: &Value, targets: &Classes) -> Result<CrossEntropy> {
    if !x.is_cpu() {
        on_cuda!(cross_entropy(x, targets));
        let (device, targets) = (x.device(), targets.to_device(Device::CPU)?);
        let CrossEntropy { losses, statistics, total } = cross_entropy(&x.to_device(Device::CPU)?, &targets)?;
        return Ok(CrossEntropy {
            losses: losses.to_device(device)?,
            statistics: statistics.to_device(device)?,
            total,
        });
    }
    if is_half(x.dtype) {
        let found = cross_entropy(&cast(x, DType::Float32)?, targets)?;
        return Ok(CrossEntropy { losses: cast(&found.losses, x.dtype)?, ..found });
    }
    let (x, classes) = (contiguous(x)?, contiguous(&targets.classes)?);
    let weight = targets.weight_or(&x, x.dtype)?;
    let (rows, n) = (x.dims()[0], x.dims()[1]);
    let locked = lock([&x, &classes, &weight]);
    with_wide!(x.dtype, T => {
        let given = Targets::<T> {
            classes: locked.slice(1)?,
            weight: targets.weight.as_ref().map(|_| locked.slice(2)).transpose()?,
            ignored: targets.ignored,
            smoothing: targets.smoothing,
        };
        let found = cross::cross_entropy(locked.slice(0)?, n, given)?;
        Ok(CrossEntropy {
            losses: from_vec(found.losses, &[rows], x.dtype),
            statistics: from_vec(found.statistics, &[rows, 2], x.dtype),
            total: Total::Known(found.total),
        })
    })
}

/// Its gradient; `grad` is that of the losses, or a scalar that is the same for all, and is divided by `total`.
pub(crate) fn cross_entropy_grad(
    x: &Value,
    statistics: &Value,
    targets: &Classes,
    grad: &Value,
    total: Option<&Total>,
) -> Result<Value> {
    if !x.is_cpu() {
        on_cuda!(cross_entropy_grad(x, statistics, targets, grad, total));
        let targets = targets.to_device(Device::CPU)?;
        return host::round_trip_one("cross_entropy_grad", [x, statistics, grad], |[x, statistics, grad]| {
            cross_entropy_grad(&x, &statistics, &targets, &grad, total)
        });
    }
    if is_half(x.dtype) {
        let (wide, grad) = (cast(x, DType::Float32)?, cast(grad, DType::Float32)?);
        return cast(&cross_entropy_grad(&wide, statistics, targets, &grad, total)?, x.dtype);
    }
    let (x, classes, grad) = (contiguous_for_result(x)?, contiguous(&targets.classes)?, contiguous(grad)?);
    let weight = targets.weight_or(&x, x.dtype)?;
    let scale = total.map_or(Ok(1.0), |total| Ok::<_, Error>(1.0 / total.to_host()?))?;
    let (rows, n) = (x.dims()[0], x.dims()[1]);
    let locked = lock([&x, &classes, &weight, statistics, &grad]);
    with_wide!(x.dtype, T => {
        let given = Targets::<T> {
            classes: locked.slice(1)?,
            weight: targets.weight.as_ref().map(|_| locked.slice(2)).transpose()?,
            ignored: targets.ignored,
            smoothing: targets.smoothing,
        };
        let upstream = upstream::<T>(locked.slice(4)?, rows, scale);
        let result = cross::cross_entropy_grad(locked.slice(0)?, n, locked.slice(3)?, given, upstream);
        Ok(from_vec(result, x.dims(), x.dtype))
    })
}
