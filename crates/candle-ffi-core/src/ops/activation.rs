//! Activation functions of neural networks, element by element.

use super::common::{number, refuse_bool, to_float};
use super::math::{of_input, of_output};
use super::{add, erf, exp, le, mul, square, sub, r#where};
use crate::autograd;
use crate::compute::{self, Unary, UnaryGrad};
use crate::{Approximate, Result, Tensor};

/// The gradient in one pass over memory, or as a composition when it is to be differentiated again.
fn slope(op: UnaryGrad, saved: &Tensor, grad: &Tensor, composed: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
    if autograd::is_enabled() {
        return mul(grad, &composed()?);
    }
    Ok(Tensor::from_value(compute::unary_grad(op, &saved.value(), &grad.value())?))
}

/// Rectified linear unit: `max(x, 0)`.
///
/// Keeps the shape and dtype; NaN stays NaN. Differentiable; the gradient at zero is zero.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.relu`
///
/// # Examples
/// ```python
/// >>> cf.relu(cf.tensor([-1.0, 2.0]))
/// tensor([0., 2.])
/// ```
pub fn relu(input: &Tensor) -> Result<Tensor> {
    refuse_bool(input, "a conversion with to(dtype) first")?;
    of_output("relu", Unary::Relu, input, |grad, out| {
        if autograd::is_enabled() {
            let zero = number(0.0);
            return r#where(&le(out, &zero)?, &zero, grad);
        }
        Ok(Tensor::from_value(compute::unary_grad(UnaryGrad::Relu, &out.value(), &grad.value())?))
    })
}

/// Logistic function: `1 / (1 + exp(-x))`.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.sigmoid`
///
/// # Examples
/// ```python
/// >>> cf.sigmoid(cf.tensor([0.0, 2.0]))
/// tensor([0.5000, 0.8808])
/// ```
pub fn sigmoid(input: &Tensor) -> Result<Tensor> {
    of_output("sigmoid", Unary::Sigmoid, &to_float(input)?, |grad, out| {
        slope(UnaryGrad::Sigmoid, out, grad, || mul(out, &sub(&number(1.0), out)?))
    })
}

/// Hyperbolic tangent.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.tanh`
///
/// # Examples
/// ```python
/// >>> cf.tanh(cf.tensor([0.0, 1.0]))
/// tensor([0.0000, 0.7616])
/// ```
pub fn tanh(input: &Tensor) -> Result<Tensor> {
    of_output("tanh", Unary::Tanh, &to_float(input)?, |grad, out| {
        slope(UnaryGrad::Tanh, out, grad, || sub(&number(1.0), &square(out)?))
    })
}

/// Gaussian error linear unit: `x · Φ(x)`, with Φ the distribution function of the standard normal.
///
/// With `approximate="tanh"`, `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`. Keeps the shape; integers
/// and bools become `float32`. Differentiable. Source: Hendrycks and Gimpel, 2016.
///
/// # Defaults
/// approximate = none
///
/// # PyTorch
/// `torch.nn.functional.gelu`
///
/// # Examples
/// ```python
/// >>> cf.gelu(cf.tensor([-1.0, 1.0]))
/// tensor([-0.1587,  0.8413])
/// ```
pub fn gelu(input: &Tensor, approximate: Approximate) -> Result<Tensor> {
    let input = to_float(input)?;
    match approximate {
        Approximate::None => of_input("gelu", Unary::Gelu, &input, |grad, x| {
            slope(UnaryGrad::Gelu, x, grad, || {
                let below =
                    mul(&add(&erf(&mul(x, &number(std::f64::consts::FRAC_1_SQRT_2))?)?, &number(1.0))?, &number(0.5))?;
                let density = exp(&mul(&square(x)?, &number(-0.5))?)?;
                let density =
                    mul(&density, &number(0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2))?;
                add(&below, &mul(x, &density)?)
            })
        }),
        Approximate::Tanh => of_input("gelu", Unary::GeluTanh, &input, |grad, x| {
            slope(UnaryGrad::GeluTanh, x, grad, || {
                let scale = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
                let cubic = add(&mul(&square(x)?, &number(0.044715))?, &number(1.0))?;
                let tanh = tanh(&mul(&mul(x, &cubic)?, &number(scale))?)?;
                let inner = mul(&add(&mul(&square(x)?, &number(3.0 * 0.044715))?, &number(1.0))?, &number(scale))?;
                let steep = mul(&mul(x, &sub(&number(1.0), &square(&tanh)?)?)?, &inner)?;
                mul(&add(&add(&tanh, &number(1.0))?, &steep)?, &number(0.5))
            })
        }),
    }
}

/// Sigmoid linear unit, also called swish: `x · sigmoid(x)`.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable. Source: Elfwing et al., 2017.
///
/// # PyTorch
/// `torch.nn.functional.silu`
///
/// # Examples
/// ```python
/// >>> cf.silu(cf.tensor([-1.0, 1.0]))
/// tensor([-0.2689,  0.7311])
/// ```
pub fn silu(input: &Tensor) -> Result<Tensor> {
    of_input("silu", Unary::Silu, &to_float(input)?, |grad, x| {
        slope(UnaryGrad::Silu, x, grad, || {
            let gate = sigmoid(x)?;
            let inner = add(&mul(x, &sub(&number(1.0), &gate)?)?, &number(1.0))?;
            mul(&gate, &inner)
        })
    })
}
