//! What losses share: their reductions, their checks, and losses of pairs of elements in one pass.

use super::common::{number, promoted, sizes, to_float};
use super::{add, clamp, div, exp, expand, log, mean, mul, neg, sigmoid, sign, sub, sum};
use crate::autograd::{self, Saved};
use crate::compute::{self, PairLoss, Reduce, Side};
use crate::value::Value;
use crate::{Error, Reduction, Result, Tensor, shape};

/// The losses, their mean or their sum.
pub(super) fn reduced(losses: &Tensor, reduction: Reduction) -> Result<Tensor> {
    match reduction {
        Reduction::None => Ok(losses.clone()),
        Reduction::Mean => mean(losses, None, false, None),
        Reduction::Sum => sum(losses, None, false, None),
    }
}

/// The same of values without history.
pub(super) fn reduced_value(losses: Value, reduction: Reduction) -> Result<Value> {
    let dims: shape::Dims = (0..losses.rank()).collect();
    match reduction {
        Reduction::None => Ok(losses),
        Reduction::Mean => compute::reduce(Reduce::Mean, &losses, &dims, false),
        Reduction::Sum => compute::reduce(Reduce::Sum, &losses, &dims, false),
    }
}

/// Losses times their weights; their mean is over the sum of the weights.
pub(super) fn weighted_by_sum(losses: &Tensor, weight: &Tensor, reduction: Reduction) -> Result<Tensor> {
    let losses = mul(losses, weight)?;
    match reduction {
        Reduction::Mean => div(&sum(&losses, None, false, None)?, &sum(weight, None, false, None)?),
        _ => reduced(&losses, reduction),
    }
}

pub(super) fn refuse_integers(input: &Tensor, what: &str) -> Result<()> {
    if input.dtype().is_float() {
        return Ok(());
    }
    Err(Error::dtype(format!("{what} must be of a floating dtype, not {}", input.dtype()), &[input.dtype()]))
}

/// Class indices are integers.
pub(super) fn require_integers(target: &Tensor) -> Result<()> {
    if target.dtype().is_integer() {
        return Ok(());
    }
    Err(Error::dtype(
        format!("class indices must be of an integer dtype, and are {}", target.dtype()),
        &[target.dtype()],
    ))
}

/// Fails unless the second tensor has the shape of the input.
pub(super) fn require_shape_of_input(input: &Tensor, name: &str, other: &Tensor) -> Result<()> {
    if other.shape() == input.shape() {
        return Ok(());
    }
    Err(Error::shape(
        format!("the {name} of shape {:?} must have the input's shape {:?}", other.dims(), input.dims()),
        &[&other.dims(), &input.dims()],
    ))
}

/// Fails unless a weight has one element for each class.
pub(super) fn require_class_weight(weight: Option<&Tensor>, classes: usize) -> Result<()> {
    match weight {
        Some(weight) if weight.shape().as_slice() != [classes] => Err(Error::shape(
            format!("the weight must have shape [{classes}], one factor per class, and has {:?}", weight.dims()),
            &[&weight.dims(), &[classes]],
        )),
        _ => Ok(()),
    }
}

/// Both tensors in one floating dtype and in the shape that they broadcast to.
pub(super) fn paired(input: &Tensor, target: &Tensor) -> Result<(Tensor, Tensor)> {
    let (input, target) = promoted(input, target)?;
    let (input, target) = (to_float(&input)?, to_float(&target)?);
    let dims = shape::broadcast(&input.shape(), &target.shape())?;
    let spread = |tensor: Tensor| {
        if tensor.shape() == dims { Ok(tensor) } else { expand(&tensor, &sizes(&dims)) }
    };
    Ok((spread(input)?, spread(target)?))
}

/// A loss of pairs of elements in one pass over memory, and each gradient in another.
pub(super) fn pairwise(
    name: &'static str,
    loss: PairLoss,
    input: &Tensor,
    target: &Tensor,
    reduction: Reduction,
) -> Result<Tensor> {
    let (input, target) = paired(input, target)?;
    let value = reduced_value(compute::pair_loss(loss, &input.value(), &target.value())?, reduction)?;
    Tensor::record(name, value, [&input, &target], || {
        let (input, target) = (Saved::new(&input), Saved::new(&target));
        move |grad, context| {
            let (input, target) = (input.get()?, target.get()?);
            let count = shape::num_elements(&input.shape())?;
            let scale = if reduction == Reduction::Mean { 1.0 / count as f64 } else { 1.0 };
            let slope = |side| {
                if autograd::is_enabled() {
                    return mul(&mul(grad, &number(scale))?, &composed_slope(loss, side, input, target)?);
                }
                let [input, target, grad] = [input, target, grad].map(Tensor::value);
                Ok(Tensor::from_value(compute::pair_loss_grad(loss, side, &input, &target, &grad, scale)?))
            };
            Ok([context.wants(0, || slope(Side::Input))?, context.wants(1, || slope(Side::Target))?])
        }
    })
}

/// The slope of a loss made of operations, for a gradient that is to be differentiated again.
fn composed_slope(loss: PairLoss, side: Side, x: &Tensor, t: &Tensor) -> Result<Tensor> {
    let one = number(1.0);
    let difference = || if side == Side::Input { sub(x, t) } else { sub(t, x) };
    let within = |bound: f64| clamp(&difference()?, Some(-bound), Some(bound));
    match (loss, side) {
        (PairLoss::Absolute, _) => sign(&difference()?),
        (PairLoss::SmoothL1 { beta }, _) => mul(&within(beta)?, &number(1.0 / beta)),
        (PairLoss::Huber { delta }, _) => within(delta),
        (PairLoss::BinaryCrossEntropy, Side::Input) => {
            let below = clamp(&mul(&sub(&one, x)?, x)?, Some(f64::from(compute::LEAST_VARIANCE)), None)?;
            div(&sub(x, t)?, &below)
        }
        (PairLoss::BinaryCrossEntropy, Side::Target) => sub(&log(&sub(&one, x)?)?, &log(x)?),
        (PairLoss::BinaryCrossEntropyWithLogits, Side::Input) => sub(&sigmoid(x)?, t),
        (PairLoss::BinaryCrossEntropyWithLogits, Side::Target) => neg(x),
        (PairLoss::SoftMargin, _) => {
            let other = if side == Side::Input { t } else { x };
            neg(&mul(other, &sigmoid(&neg(&mul(t, x)?)?)?)?)
        }
        (PairLoss::KlDivergence, Side::Input) => neg(t),
        (PairLoss::KlDivergence, Side::Target) => sub(&add(&log(t)?, &one)?, x),
        (PairLoss::KlDivergenceOfLogs, Side::Input) => neg(&exp(t)?),
        (PairLoss::KlDivergenceOfLogs, Side::Target) => mul(&exp(t)?, &add(&sub(t, x)?, &one)?),
    }
}

/// Elements of at least `min`; the gradient passes everywhere, as of a value that was limited under `no_grad`.
pub(super) fn raised_to(x: &Tensor, min: f64) -> Result<Tensor> {
    Tensor::record("clamp", compute::clamp(&x.value(), Some(min), None)?, [x], || {
        move |grad, _| Ok([Some(grad.clone())])
    })
}

/// `max(x, 0)` with the gradient of `clamp`.
pub(super) fn not_below_zero(x: &Tensor) -> Result<Tensor> {
    clamp(x, Some(0.0), None)
}

/// A total divided by a number of elements; NaN for none.
pub(super) fn over_count(total: &Tensor, count: usize) -> Result<Tensor> {
    div(total, &number(count as f64))
}
