//! Activation functions made of straight lines.

use super::common::{number, refuse_bool, sizes, sum_to};
use super::random::{like, require_float};
use super::{clamp, ge, gt, le, logical_and, logical_or, lt, mul, reshape, to_dtype, r#where};
use crate::autograd::{self, Saved};
use crate::compute::{self, Activation};
use crate::random::or_default;
use crate::{DType, Error, Generator, Result, Tensor, autocast, shape};

/// An activation in one pass, forward and backward; `composed` is its slope made of operations, for a gradient
/// that is to be differentiated again.
pub(super) fn activated<R>(name: &'static str, op: Activation, input: &Tensor, composed: R) -> Result<Tensor>
where
    R: Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static,
{
    require_float(name, input.dtype())?;
    let value = compute::activation(op, &input.value())?;
    Tensor::record(name, value, [input], || {
        let saved = Saved::new(input);
        move |grad, _| {
            let x = saved.get()?;
            if autograd::is_enabled() {
                return Ok([Some(mul(grad, &composed(x)?)?)]);
            }
            Ok([Some(Tensor::from_value(compute::activation_grad(op, &x.value(), &grad.value())?))])
        }
    })
}

/// One number where the condition holds, else another, in a dtype.
fn either(condition: &Tensor, yes: f64, no: f64, dtype: DType) -> Result<Tensor> {
    to_dtype(&r#where(condition, &number(yes), &number(no))?, dtype)
}

/// Rectified linear unit with a slope below zero: `x` where positive, else `negative_slope · x`.
///
/// Keeps the shape and dtype. Differentiable; the gradient at zero is the slope below. Source: Maas, Hannun and
/// Ng, 2013.
///
/// # Defaults
/// negative_slope = 0.01
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.leaky_relu`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.leaky_relu(cf.tensor([-1.0, 2.0]), 0.1)
/// tensor([-0.1000,  2.0000])
/// ```
pub fn leaky_relu(input: &Tensor, negative_slope: f64) -> Result<Tensor> {
    activated("leaky_relu", Activation::LeakyRelu { slope: negative_slope }, input, move |x| {
        either(&gt(x, &number(0.0))?, 1.0, negative_slope, x.dtype())
    })
}

/// Elements limited to a range: `min(max(x, min_val), max_val)`.
///
/// Keeps the shape and dtype; NaN stays NaN. Differentiable; the gradient at a bound is zero.
///
/// # Defaults
/// min_val = -1.0, max_val = 1.0
///
/// # Errors
/// `InvalidArgument` when `min_val` is larger than `max_val`, `DType` for bools.
///
/// # PyTorch
/// `torch.nn.functional.hardtanh`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.hardtanh(cf.tensor([-2.0, 0.5, 2.0]))
/// tensor([-1.0000,  0.5000,  1.0000])
/// ```
pub fn hardtanh(input: &Tensor, min_val: f64, max_val: f64) -> Result<Tensor> {
    limited("hardtanh", input, min_val, max_val)
}

/// Rectified linear unit that ends at 6: `min(max(x, 0), 6)`.
///
/// Keeps the shape and dtype; NaN stays NaN. Differentiable; the gradient at 0 and 6 is zero.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.nn.functional.relu6`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.relu6(cf.tensor([-1.0, 2.0, 7.0]))
/// tensor([0., 2., 6.])
/// ```
pub fn relu6(input: &Tensor) -> Result<Tensor> {
    limited("relu6", input, 0.0, 6.0)
}

fn limited(name: &'static str, input: &Tensor, min: f64, max: f64) -> Result<Tensor> {
    refuse_bool(input, "a conversion with to(dtype) first")?;
    if min.is_nan() || max.is_nan() || min > max {
        return Err(Error::argument(format!("min_val {min} must not be larger than max_val {max}")));
    }
    if !input.dtype().is_float() {
        return clamp(input, Some(min.trunc()), Some(max.trunc()));
    }
    activated(name, Activation::Hardtanh { min, max }, input, move |x| {
        let outside = logical_or(&le(x, &number(min))?, &ge(x, &number(max))?)?;
        either(&outside, 0.0, 1.0, x.dtype())
    })
}

/// Elements above a threshold, and a value in the place of the others.
///
/// Keeps the shape and dtype; NaN stays NaN. Differentiable.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.nn.functional.threshold`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.threshold(cf.tensor([0.5, 2.0]), 1.0, 20.0)
/// tensor([20.,  2.])
/// ```
pub fn threshold(input: &Tensor, threshold: f64, value: f64) -> Result<Tensor> {
    refuse_bool(input, "a conversion with to(dtype) first")?;
    if !input.dtype().is_float() {
        let below = le(input, &to_dtype(&number(threshold.trunc()), input.dtype())?)?;
        return r#where(&below, &to_dtype(&number(value.trunc()), input.dtype())?, input);
    }
    activated("threshold", Activation::Threshold { threshold, value }, input, move |x| {
        either(&le(x, &number(threshold))?, 0.0, 1.0, x.dtype())
    })
}

/// The straight line nearest to `x · sigmoid(x)`: `x · min(max(x + 3, 0), 6) / 6`.
///
/// Keeps the shape and dtype. Differentiable. Source: Howard et al., 2019.
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.hardswish`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.hardswish(cf.tensor([-4.0, 0.0, 3.0]))
/// tensor([-0.,  0.,  3.])
/// ```
pub fn hardswish(input: &Tensor) -> Result<Tensor> {
    activated("hardswish", Activation::Hardswish, input, |x| {
        let between = super::add(&mul(x, &number(1.0 / 3.0))?, &number(0.5))?;
        let above = r#where(&lt(x, &number(3.0))?, &between, &number(1.0))?;
        r#where(&le(x, &number(-3.0))?, &number(0.0), &above)
    })
}

/// The straight line nearest to the logistic function: `min(max(x + 3, 0), 6) / 6`.
///
/// Keeps the shape and dtype. Differentiable; the gradient at -3 and 3 is zero.
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.hardsigmoid`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.hardsigmoid(cf.tensor([-4.0, 0.0, 3.0]))
/// tensor([0.0000, 0.5000, 1.0000])
/// ```
pub fn hardsigmoid(input: &Tensor) -> Result<Tensor> {
    activated("hardsigmoid", Activation::Hardsigmoid, input, |x| {
        let inside = logical_and(&gt(x, &number(-3.0))?, &lt(x, &number(3.0))?)?;
        either(&inside, compute::HARDSIGMOID_SLOPE, 0.0, x.dtype())
    })
}

/// Elements farther from zero than `lambd`, and zero in the place of the others.
///
/// Keeps the shape and dtype; NaN stays NaN. Differentiable.
///
/// # Defaults
/// lambd = 0.5
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.hardshrink`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.hardshrink(cf.tensor([-1.0, 0.3, 2.0]))
/// tensor([-1.,  0.,  2.])
/// ```
pub fn hardshrink(input: &Tensor, lambd: f64) -> Result<Tensor> {
    activated("hardshrink", Activation::Hardshrink { lambda: lambd }, input, move |x| outside(x, lambd))
}

/// Elements moved toward zero by `lambd`, those nearer than that to zero.
///
/// Keeps the shape and dtype; NaN stays NaN. Differentiable.
///
/// # Defaults
/// lambd = 0.5
///
/// # Errors
/// `InvalidArgument` when `lambd` is negative, `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.softshrink`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.softshrink(cf.tensor([-1.0, 0.3, 2.0]))
/// tensor([-0.5000,  0.0000,  1.5000])
/// ```
pub fn softshrink(input: &Tensor, lambd: f64) -> Result<Tensor> {
    if lambd.is_nan() || lambd < 0.0 {
        return Err(Error::argument(format!("lambd must not be negative, and is {lambd}")));
    }
    activated("softshrink", Activation::Softshrink { lambda: lambd }, input, move |x| outside(x, lambd))
}

/// 1 where an element is farther from zero than a border, else 0.
fn outside(x: &Tensor, border: f64) -> Result<Tensor> {
    let inside = logical_and(&ge(x, &number(-border))?, &le(x, &number(border))?)?;
    either(&inside, 0.0, 1.0, x.dtype())
}

/// Rectified linear unit with a slope below zero that is learnt: `x` where positive, else `weight · x`.
///
/// `weight` has one element, or one for each channel, the second dimension of `input`. Keeps the shape.
/// Differentiable, also with respect to the weight; the gradient at zero is the slope below. Source: He et al., 2015.
///
/// # Errors
/// `Shape` when the number of weights is neither 1 nor that of channels, `DType` when the dtypes differ or are not
/// floating.
///
/// # PyTorch
/// `torch.nn.functional.prelu`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.prelu(cf.tensor([[-1.0, -1.0]]), cf.tensor([0.1, 0.2]))
/// tensor([[-0.1000, -0.2000]])
/// ```
pub fn prelu(input: &Tensor, weight: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return prelu(&cast.of(input)?, &cast.of(weight)?);
    }
    require_float("prelu", input.dtype())?;
    if weight.dtype() != input.dtype() {
        return Err(Error::dtype(
            format!("the weight of {} must have the dtype of the input, {}", weight.dtype(), input.dtype()),
            &[weight.dtype(), input.dtype()],
        ));
    }
    super::common::same_device(&[input, weight])?;
    let (dims, own) = (input.shape(), weight.shape());
    let count = shape::num_elements(&own)?;
    let channels = dims.get(1).copied().unwrap_or(1);
    if own.len() > 1 || count != 1 && count != channels {
        return Err(Error::shape(
            format!(
                "the weight must have shape [1] or one element for each of the {channels} channels of the input of \
                 shape {:?}, and has {:?}",
                &dims[..],
                &own[..]
            ),
            &[&dims, &own],
        ));
    }
    let mut spread: shape::Dims = shape::Dims::from_elem(1, dims.len());
    if let Some(channels) = spread.get_mut(1) {
        *channels = count;
    }
    let weight = reshape(weight, &sizes(&spread))?;
    let value = compute::prelu(&input.value(), &weight.value())?;
    Tensor::record("prelu", value, [input, &weight], || {
        let (saved, weight) = (Saved::new(input), Saved::new(&weight));
        move |grad, context| {
            let x = saved.get()?;
            Ok([
                context.wants(0, || {
                    let weighted = mul(grad, weight.get()?)?;
                    r#where(&gt(x, &number(0.0))?, grad, &weighted)
                })?,
                context.wants(1, || sum_to(&mul(grad, &clamp(x, None, Some(0.0))?)?, &weight.shape()))?,
            ])
        }
    })
}

/// Rectified linear unit with a random slope below zero: `x` where positive, else `a · x`.
///
/// In training `a` is drawn for each element, uniform between `lower` and `upper`; else it is their mean. Keeps the
/// shape and dtype. Differentiable. Source: Xu et al., 2015.
///
/// # Defaults
/// lower = 0.125, upper = 0.3333333333333333, training = False, generator = None
///
/// # Errors
/// `InvalidArgument` when `lower` is larger than `upper`, `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.rrelu`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.rrelu(cf.tensor([-1.0, 2.0]), 0.1, 0.3)
/// tensor([-0.2000,  2.0000])
/// ```
pub fn rrelu(input: &Tensor, lower: f64, upper: f64, training: bool, generator: Option<&Generator>) -> Result<Tensor> {
    if !(lower <= upper && (upper - lower).is_finite()) {
        return Err(Error::argument(format!(
            "lower {lower} must not be larger than upper {upper}, and both must be finite"
        )));
    }
    if !training {
        return leaky_relu(input, (lower + upper) / 2.0);
    }
    let (dims, dtype, device) = like(input);
    require_float("rrelu", dtype)?;
    let count = shape::check_allocation_on(&dims, dtype, device)?;
    let slopes = compute::uniform(or_default(generator).draw_on(count, device)?, &dims, dtype, device, lower, upper)?;
    let below = compute::compare(compute::Compare::Le, &input.value(), &compute::fill(0.0, &[], dtype, device)?)?;
    let factors = compute::select(&below, &slopes, &compute::fill(1.0, &[], dtype, device)?)?;
    mul(input, &Tensor::from_value(factors))
}
