//! Elementwise functions of one tensor. Integers and bools become `float32` where the result is not an integer.

use super::arithmetic::no_slope;
use super::common::{number, refuse_bool, to_float};
use super::{add, div, mul, neg, to_dtype};
use crate::autograd::Saved;
use crate::compute::{self, Unary};
use crate::{DType, Result, Tensor, autocast};

/// A function whose gradient is written in terms of its input.
pub(super) fn of_input<R>(name: &'static str, op: Unary, input: &Tensor, rule: R) -> Result<Tensor>
where
    R: Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
{
    let value = compute::unary(op, &input.value())?;
    Tensor::record(name, value, [input], || {
        let saved = Saved::new(input);
        move |grad, _| Ok([Some(rule(grad, saved.get()?)?)])
    })
}

/// A function whose gradient is written in terms of its output.
pub(super) fn of_output<R>(name: &'static str, op: Unary, input: &Tensor, rule: R) -> Result<Tensor>
where
    R: Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
{
    let value = compute::unary(op, &input.value())?;
    Tensor::record_with_output(name, value, [input], || {
        move |grad, context| Ok([Some(rule(grad, &context.output()?)?)])
    })
}

/// A function that is constant between its steps.
fn stepwise(name: &'static str, op: Unary, input: &Tensor) -> Result<Tensor> {
    let value = compute::unary(op, &input.value())?;
    Tensor::record(name, value, [input], || move |grad, _| Ok([Some(no_slope(grad)?)]))
}

/// Square root of each element.
///
/// Keeps the shape; integers and bools become the default dtype. NaN for negative elements. Differentiable.
///
/// # PyTorch
/// `torch.sqrt`
///
/// # Examples
/// ```python
/// >>> cf.sqrt(cf.tensor([4.0, 9.0]))
/// tensor([2., 3.])
/// ```
pub fn sqrt(input: &Tensor) -> Result<Tensor> {
    of_output("sqrt", Unary::Sqrt, &to_float(input)?, |grad, out| div(grad, &mul(out, &number(2.0))?))
}

/// Reciprocal of the square root of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.rsqrt`
///
/// # Examples
/// ```python
/// >>> cf.rsqrt(cf.tensor([4.0, 16.0]))
/// tensor([0.5000, 0.2500])
/// ```
pub fn rsqrt(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return rsqrt(&cast.of(input)?);
    }
    of_output("rsqrt", Unary::Rsqrt, &to_float(input)?, |grad, out| {
        mul(&mul(grad, &number(-0.5))?, &mul(out, &square(out)?)?)
    })
}

/// Square of each element.
///
/// Keeps the shape and dtype; bools become `int64`. Differentiable.
///
/// # PyTorch
/// `torch.square`
///
/// # Examples
/// ```python
/// >>> cf.square(cf.tensor([2.0, -3.0]))
/// tensor([4., 9.])
/// ```
pub fn square(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return square(&cast.of(input)?);
    }
    if input.dtype() == DType::Bool {
        return square(&to_dtype(input, DType::Int64)?);
    }
    of_input("square", Unary::Square, input, |grad, x| mul(grad, &mul(x, &number(2.0))?))
}

/// Reciprocal of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.reciprocal`
///
/// # Examples
/// ```python
/// >>> cf.reciprocal(cf.tensor([2.0, 4.0]))
/// tensor([0.5000, 0.2500])
/// ```
pub fn reciprocal(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return reciprocal(&cast.of(input)?);
    }
    of_output("reciprocal", Unary::Reciprocal, &to_float(input)?, |grad, out| neg(&mul(grad, &square(out)?)?))
}

/// Exponential of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.exp`
///
/// # Examples
/// ```python
/// >>> cf.exp(cf.tensor([0.0, 1.0]))
/// tensor([1.0000, 2.7183])
/// ```
pub fn exp(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return exp(&cast.of(input)?);
    }
    of_output("exp", Unary::Exp, &to_float(input)?, mul)
}

/// Exponential of each element minus one, exact near zero.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.expm1`
///
/// # Examples
/// ```python
/// >>> cf.expm1(cf.tensor([0.0, 1.0]))
/// tensor([0.0000, 1.7183])
/// ```
pub fn expm1(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return expm1(&cast.of(input)?);
    }
    of_output("expm1", Unary::Expm1, &to_float(input)?, |grad, out| mul(grad, &add(out, &number(1.0))?))
}

/// Natural logarithm of each element.
///
/// Keeps the shape; integers and bools become the default dtype. NaN for negative elements, minus infinity for zero. Differentiable.
///
/// # PyTorch
/// `torch.log`
///
/// # Examples
/// ```python
/// >>> cf.log(cf.tensor([1.0, 10.0]))
/// tensor([0.0000, 2.3026])
/// ```
pub fn log(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return log(&cast.of(input)?);
    }
    of_input("log", Unary::Log, &to_float(input)?, div)
}

/// Natural logarithm of one plus each element, exact near zero.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.log1p`
///
/// # Examples
/// ```python
/// >>> cf.log1p(cf.tensor([0.0, 1.0]))
/// tensor([0.0000, 0.6931])
/// ```
pub fn log1p(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return log1p(&cast.of(input)?);
    }
    of_input("log1p", Unary::Log1p, &to_float(input)?, |grad, x| div(grad, &add(x, &number(1.0))?))
}

/// Absolute value of each element.
///
/// Keeps the shape and dtype. The gradient at zero is zero. Differentiable.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.abs`
///
/// # Examples
/// ```python
/// >>> cf.abs(cf.tensor([-1.0, 2.0]))
/// tensor([1., 2.])
/// ```
pub fn abs(input: &Tensor) -> Result<Tensor> {
    refuse_bool(input, "a conversion with to(dtype) first")?;
    of_input("abs", Unary::Abs, input, |grad, x| mul(grad, &sign(x)?))
}

/// Sign of each element: -1, 0 or 1.
///
/// Keeps the shape and dtype; the sign of NaN is 0. The gradient is zero. Differentiable.
///
/// # PyTorch
/// `torch.sign`
///
/// # Examples
/// ```python
/// >>> cf.sign(cf.tensor([-2.0, 0.0, 3.0]))
/// tensor([-1.,  0.,  1.])
/// ```
pub fn sign(input: &Tensor) -> Result<Tensor> {
    if input.dtype() == DType::Bool {
        return Ok(input.clone());
    }
    stepwise("sign", Unary::Sign, input)
}

/// Sine of each element, in radians.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.sin`
///
/// # Examples
/// ```python
/// >>> cf.sin(cf.tensor([0.0, 1.0]))
/// tensor([0.0000, 0.8415])
/// ```
pub fn sin(input: &Tensor) -> Result<Tensor> {
    of_input("sin", Unary::Sin, &to_float(input)?, |grad, x| mul(grad, &cos(x)?))
}

/// Cosine of each element, in radians.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.cos`
///
/// # Examples
/// ```python
/// >>> cf.cos(cf.tensor([0.0, 1.0]))
/// tensor([1.0000, 0.5403])
/// ```
pub fn cos(input: &Tensor) -> Result<Tensor> {
    of_input("cos", Unary::Cos, &to_float(input)?, |grad, x| neg(&mul(grad, &sin(x)?)?))
}

/// Error function of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.erf`
///
/// # Examples
/// ```python
/// >>> cf.erf(cf.tensor([0.0, 1.0]))
/// tensor([0.0000, 0.8427])
/// ```
pub fn erf(input: &Tensor) -> Result<Tensor> {
    of_input("erf", Unary::Erf, &to_float(input)?, |grad, x| {
        let slope = mul(&exp(&neg(&square(x)?)?)?, &number(std::f64::consts::FRAC_2_SQRT_PI))?;
        mul(grad, &slope)
    })
}

/// Each element rounded down.
///
/// Keeps the shape and dtype. The gradient is zero. Differentiable.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.floor`
///
/// # Examples
/// ```python
/// >>> cf.floor(cf.tensor([1.5, -1.5]))
/// tensor([ 1., -2.])
/// ```
pub fn floor(input: &Tensor) -> Result<Tensor> {
    refuse_bool(input, "a conversion with to(dtype) first")?;
    stepwise("floor", Unary::Floor, input)
}

/// Each element rounded up.
///
/// Keeps the shape and dtype. The gradient is zero. Differentiable.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.ceil`
///
/// # Examples
/// ```python
/// >>> cf.ceil(cf.tensor([1.5, -1.5]))
/// tensor([ 2., -1.])
/// ```
pub fn ceil(input: &Tensor) -> Result<Tensor> {
    refuse_bool(input, "a conversion with to(dtype) first")?;
    stepwise("ceil", Unary::Ceil, input)
}

/// Each element rounded to the nearest integer, halves to the even one.
///
/// Keeps the shape and dtype. The gradient is zero. Differentiable.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.round`
///
/// # Examples
/// ```python
/// >>> cf.round(cf.tensor([0.5, 1.5, 2.6]))
/// tensor([0., 2., 3.])
/// ```
pub fn round(input: &Tensor) -> Result<Tensor> {
    refuse_bool(input, "a conversion with to(dtype) first")?;
    stepwise("round", Unary::Round, input)
}

/// Each element rounded toward zero.
///
/// Keeps the shape and dtype. The gradient is zero. Differentiable.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.trunc`
///
/// # Examples
/// ```python
/// >>> cf.trunc(cf.tensor([1.5, -1.5]))
/// tensor([ 1., -1.])
/// ```
pub fn trunc(input: &Tensor) -> Result<Tensor> {
    refuse_bool(input, "a conversion with to(dtype) first")?;
    stepwise("trunc", Unary::Trunc, input)
}
