//! Losses of numbers against numbers.

use super::common::{number, promoted, to_float};
use super::loss_common::{
    paired, pairwise, raised_to, reduced, reduced_value, refuse_integers, require_shape_of_input, weighted_by_sum,
};
use super::{add, any, div, exp, le, log, lt, mul, neg, square, sub, unsqueeze, r#where};
use crate::autograd::{self, Saved};
use crate::compute::{self, Binary, PairLoss, Unary};
use crate::{Error, Reduction, Result, Tensor, autocast};

/// With weights, PyTorch's loss on the CPU is made of operations that are not cast.
fn weighted(class: autocast::Class, weight: Option<&Tensor>) -> autocast::Class {
    if weight.is_some() { autocast::FLOAT32_ON_GPU } else { class }
}

/// Squared error: `(input - target)²`.
///
/// Shapes broadcast and dtypes promote; integers become the default dtype. `weight` has the input's shape, and the
/// mean is then over its sum. Differentiable.
///
/// # Defaults
/// reduction = mean, weight = None
///
/// # Errors
/// `Shape` when the shapes do not broadcast, or the weight has another one than the input.
///
/// # PyTorch
/// `torch.nn.functional.mse_loss`
///
/// # C
/// `mse_loss_weighted`; `mse_loss` without `weight`
///
/// # Examples
/// ```python
/// >>> cf.mse_loss(cf.tensor([1.0, 2.0]), cf.tensor([0.0, 4.0]))
/// tensor(2.5000)
/// ```
pub fn mse_loss(input: &Tensor, target: &Tensor, reduction: Reduction, weight: Option<&Tensor>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(weighted(autocast::FLOAT32, weight), &[input]) {
        return mse_loss(&cast.of(input)?, &cast.of(target)?, reduction, cast.optional(weight)?.as_ref());
    }
    let _as_it_is = weight.map(|_| autocast::suspend());
    if let Some(weight) = weight {
        require_shape_of_input(input, "weight", weight)?;
        return weighted_by_sum(&mse_loss(input, target, Reduction::None, None)?, weight, reduction);
    }
    let (input, target) = promoted(input, target)?;
    let (input, target) = (to_float(&input)?, to_float(&target)?);
    // One node and not three: the difference serves the value and the gradient.
    let difference = compute::binary(Binary::Sub, &input.value(), &target.value())?;
    let value = reduced_value(compute::unary(Unary::Square, &difference)?, reduction)?;
    Tensor::record("mse_loss", value, [&input, &target], || {
        let scale = if reduction == Reduction::Mean { 2.0 / difference.num_elements() as f64 } else { 2.0 };
        let (saved_input, saved_target) = (Saved::new(&input), Saved::new(&target));
        move |grad, context| {
            let difference = if autograd::is_enabled() {
                sub(saved_input.get()?, saved_target.get()?)?
            } else {
                Tensor::from_value(difference.clone())
            };
            let slope = mul(&difference, &mul(grad, &number(scale))?)?;
            Ok([
                context.wants(0, || super::common::sum_to(&slope, &saved_input.shape()))?,
                context.wants(1, || super::common::sum_to(&neg(&slope)?, &saved_target.shape()))?,
            ])
        }
    })
}

/// Absolute error: `|input - target|`.
///
/// Shapes broadcast and dtypes promote. `weight` has the input's shape, and the mean is then over its sum.
/// Differentiable; the gradient at zero is zero.
///
/// # Defaults
/// reduction = mean, weight = None
///
/// # Errors
/// `Shape` when the shapes do not broadcast, or the weight has another one than the input.
///
/// # PyTorch
/// `torch.nn.functional.l1_loss`
///
/// # C
/// `l1_loss_weighted`; `l1_loss` without `weight`
///
/// # Examples
/// ```python
/// >>> cf.l1_loss(cf.tensor([1.0, 2.0]), cf.tensor([0.0, 4.0]))
/// tensor(1.5000)
/// ```
pub fn l1_loss(input: &Tensor, target: &Tensor, reduction: Reduction, weight: Option<&Tensor>) -> Result<Tensor> {
    // Weighted differences stay as they are where nothing is summed.
    let summed = weight.is_none() || reduction != Reduction::None;
    if summed && let Some(cast) = autocast::enter(weighted(autocast::FLOAT32, weight), &[input]) {
        return l1_loss(&cast.of(input)?, &cast.of(target)?, reduction, cast.optional(weight)?.as_ref());
    }
    let _as_it_is = weight.map(|_| autocast::suspend());
    if let Some(weight) = weight {
        require_shape_of_input(input, "weight", weight)?;
        return weighted_by_sum(&l1_loss(input, target, Reduction::None, None)?, weight, reduction);
    }
    pairwise("l1_loss", PairLoss::Absolute, input, target, reduction)
}

/// Absolute error that is squared near zero: `(input - target)² / (2 beta)` within `beta`, else
/// `|input - target| - beta / 2`.
///
/// Shapes broadcast and dtypes promote. Differentiable. Source: Girshick, 2015.
///
/// # Defaults
/// reduction = mean, beta = 1.0
///
/// # Errors
/// `Shape` when the shapes do not broadcast, `InvalidArgument` for a negative `beta`.
///
/// # PyTorch
/// `torch.nn.functional.smooth_l1_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.smooth_l1_loss(cf.tensor([1.0, 2.0]), cf.tensor([0.5, 4.0]))
/// tensor(0.8125)
/// ```
pub fn smooth_l1_loss(input: &Tensor, target: &Tensor, reduction: Reduction, beta: f64) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return smooth_l1_loss(&cast.of(input)?, &cast.of(target)?, reduction, beta);
    }
    if beta.is_nan() || beta < 0.0 {
        return Err(Error::argument(format!("beta must not be negative, and is {beta}")));
    }
    let loss = if beta == 0.0 { PairLoss::Absolute } else { PairLoss::SmoothL1 { beta } };
    pairwise("smooth_l1_loss", loss, input, target, reduction)
}

/// Squared error that is absolute far from zero: `(input - target)² / 2` within `delta`, else
/// `delta · (|input - target| - delta / 2)`.
///
/// Shapes broadcast and dtypes promote. `weight` has the input's shape. Differentiable. Source: Huber, 1964.
///
/// # Defaults
/// reduction = mean, delta = 1.0, weight = None
///
/// # Errors
/// `Shape` when the shapes do not broadcast, or the weight has another one than the input, `InvalidArgument`
/// unless `delta` is positive.
///
/// # PyTorch
/// `torch.nn.functional.huber_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.huber_loss(cf.tensor([1.0, 2.0]), cf.tensor([0.5, 4.0]))
/// tensor(0.8125)
/// ```
pub fn huber_loss(
    input: &Tensor,
    target: &Tensor,
    reduction: Reduction,
    delta: f64,
    weight: Option<&Tensor>,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return huber_loss(&cast.of(input)?, &cast.of(target)?, reduction, delta, cast.optional(weight)?.as_ref());
    }
    if delta.is_nan() || delta <= 0.0 {
        return Err(Error::argument(format!("delta must be positive, and is {delta}")));
    }
    let loss = PairLoss::Huber { delta };
    if let Some(weight) = weight {
        require_shape_of_input(input, "weight", weight)?;
        return reduced(&mul(&pairwise("huber_loss", loss, input, target, Reduction::None)?, weight)?, reduction);
    }
    pairwise("huber_loss", loss, input, target, reduction)
}

/// Negative log likelihood of counts under the Poisson distribution.
///
/// `exp(input) - target · input`; without `log_input`, `input - target · log(input + eps)`. With `full`, plus
/// Stirling's approximation of `log(target!)` where the target is above 1. Shapes broadcast. Differentiable.
///
/// # Defaults
/// log_input = True, full = False, eps = 1e-8, reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not broadcast, `DType` for an input that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.poisson_nll_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.poisson_nll_loss(cf.tensor([0.0, 1.0]), cf.tensor([1.0, 2.0]))
/// tensor(0.8591)
/// ```
pub fn poisson_nll_loss(
    input: &Tensor,
    target: &Tensor,
    log_input: bool,
    full: bool,
    eps: f64,
    reduction: Reduction,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32, &[input]) {
        return poisson_nll_loss(&cast.of(input)?, &cast.of(target)?, log_input, full, eps, reduction);
    }
    refuse_integers(input, "the input")?;
    let mut losses = if log_input {
        sub(&exp(input)?, &mul(target, input)?)?
    } else {
        sub(input, &mul(target, &log(&add(input, &number(eps))?)?)?)?
    };
    if full {
        let few = le(target, &number(1.0))?;
        // Limited, as the gradient of what is not chosen must not be NaN.
        let many = r#where(&few, &number(2.0), &to_float(target)?)?;
        let root = mul(&log(&mul(&many, &number(std::f64::consts::TAU))?)?, &number(0.5))?;
        let stirling = add(&sub(&mul(&many, &log(&many)?)?, &many)?, &root)?;
        losses = add(&losses, &r#where(&few, &number(0.0), &stirling)?)?;
    }
    reduced(&losses, reduction)
}

/// Negative log likelihood under normal distributions of mean `input` and variance `var`.
///
/// `(log(max(var, eps)) + (input - target)² / max(var, eps)) / 2`; with `full`, plus `log(2π) / 2`. `var` has the
/// input's shape, that shape without its last dimension or with one dimension of size 1, or is a number.
/// Differentiable, also with respect to `var`.
///
/// # Defaults
/// full = False, eps = 1e-6, reduction = mean
///
/// # Errors
/// `Shape` when the shapes do not fit, `InvalidArgument` for a negative variance.
///
/// # PyTorch
/// `torch.nn.functional.gaussian_nll_loss`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.gaussian_nll_loss(cf.tensor([0.0, 1.0]), cf.tensor([1.0, 2.0]), cf.tensor([1.0, 1.0]))
/// tensor(0.5000)
/// ```
pub fn gaussian_nll_loss(
    input: &Tensor,
    target: &Tensor,
    var: &Tensor,
    full: bool,
    eps: f64,
    reduction: Reduction,
) -> Result<Tensor> {
    refuse_integers(input, "the input")?;
    let negative = any(&lt(var, &number(0.0))?, None, false)?.value().to_device(crate::Device::CPU)?;
    if negative.array.to_scalar::<u8>()? != 0 {
        return Err(Error::argument("a variance must not be negative, and var has a negative element"));
    }
    let var = variances(input, &to_float(var)?)?;
    let var = raised_to(&var, eps)?;
    let losses = mul(&add(&log(&var)?, &div(&square(&sub(input, target)?)?, &var)?)?, &number(0.5))?;
    let constant = if full { 0.5 * std::f64::consts::TAU.ln() } else { 0.0 };
    let losses = if full { add(&losses, &number(constant))? } else { losses };
    reduced(&losses, reduction)
}

/// The variances in a shape that broadcasts to the input's.
fn variances(input: &Tensor, var: &Tensor) -> Result<Tensor> {
    let (dims, own) = (input.shape(), var.shape());
    if var.is_wrapped_number() || own == dims {
        return Ok(paired(var, input)?.0);
    }
    if dims.split_last().is_some_and(|(_, rest)| rest == own.as_slice()) {
        return unsqueeze(var, -1);
    }
    let differing: usize = dims.iter().zip(&own).filter(|(size, own)| size != own).map(|(_, own)| *own).sum();
    if dims.len() == own.len() && differing == 1 {
        return Ok(var.clone());
    }
    Err(Error::shape(
        format!(
            "var of shape {:?} must have the shape {:?} of the input, or that without its last dimension or with one \
             dimension of size 1",
            &own[..],
            &dims[..]
        ),
        &[&own, &dims],
    ))
}
