//! Activation functions made of exponentials, and the gated linear unit.

use super::activation_linear::activated;
use super::common::{number, to_float};
use super::random::require_float;
use super::{abs, add, cat, clamp, exp, gt, mul, narrow, neg, reciprocal, sigmoid, square, sub, tanh, r#where};
use crate::autograd::Saved;
use crate::compute::Activation;
use crate::{Error, Result, Tensor, autocast, shape};

/// Exponential linear unit: `x` where positive, else `alpha · (exp(x) - 1)`.
///
/// Keeps the shape and dtype. Differentiable. Source: Clevert, Unterthiner and Hochreiter, 2015.
///
/// # Defaults
/// alpha = 1.0
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.elu`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.elu(cf.tensor([-1.0, 2.0]))
/// tensor([-0.6321,  2.0000])
/// ```
pub fn elu(input: &Tensor, alpha: f64) -> Result<Tensor> {
    exponential("elu", input, alpha, 1.0, 1.0)
}

/// Scaled exponential linear unit: `scale · (x where positive, else alpha · (exp(x) - 1))`.
///
/// The two constants keep mean 0 and variance 1 through many layers. Keeps the shape and dtype. Differentiable.
/// Source: Klambauer et al., 2017.
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.selu`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.selu(cf.tensor([-1.0, 2.0]))
/// tensor([-1.1113,  2.1014])
/// ```
pub fn selu(input: &Tensor) -> Result<Tensor> {
    exponential("selu", input, SELU_ALPHA, SELU_SCALE, 1.0)
}

/// The limit of SELU, without its scale, far below zero.
pub(super) const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
/// The slope of SELU above zero.
pub(super) const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// Continuously differentiable exponential linear unit: `x` where positive, else `alpha · (exp(x / alpha) - 1)`.
///
/// Keeps the shape and dtype. Differentiable. Source: Barron, 2017.
///
/// # Defaults
/// alpha = 1.0
///
/// # Errors
/// `InvalidArgument` when `alpha` is zero, `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.celu`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.celu(cf.tensor([-1.0, 2.0]), 2.0)
/// tensor([-0.7869,  2.0000])
/// ```
pub fn celu(input: &Tensor, alpha: f64) -> Result<Tensor> {
    if alpha == 0.0 {
        return Err(Error::argument("alpha must not be zero"));
    }
    exponential("celu", input, alpha, 1.0, 1.0 / alpha)
}

fn exponential(name: &'static str, input: &Tensor, alpha: f64, scale: f64, steepness: f64) -> Result<Tensor> {
    activated(name, Activation::Elu { alpha, scale, steepness }, input, move |x| {
        // Limited, as an infinite slope that is not chosen would give NaN all the same.
        let below = exp(&mul(&clamp(x, None, Some(0.0))?, &number(steepness))?)?;
        let below = mul(&below, &number(alpha * scale * steepness))?;
        r#where(&gt(x, &number(0.0))?, &number(scale), &below)
    })
}

/// Smooth rectified linear unit: `log(1 + exp(beta · x)) / beta`.
///
/// Where `beta · x` is above `threshold`, `x` itself. Keeps the shape and dtype. Differentiable.
///
/// # Defaults
/// beta = 1.0, threshold = 20.0
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.softplus`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.softplus(cf.tensor([-1.0, 0.0, 30.0]))
/// tensor([ 0.3133,  0.6931, 30.0000])
/// ```
pub fn softplus(input: &Tensor, beta: f64, threshold: f64) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return softplus(&cast.of(input)?, beta, threshold);
    }
    activated("softplus", Activation::Softplus { beta, threshold }, input, move |x| {
        let scaled = mul(x, &number(beta))?;
        r#where(&gt(&scaled, &number(threshold))?, &number(1.0), &sigmoid(&scaled)?)
    })
}

/// Logarithm of the logistic function: `log(1 / (1 + exp(-x)))`, without overflow.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.logsigmoid`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.logsigmoid(cf.tensor([-100.0, 0.0]))
/// tensor([-100.0000,   -0.6931])
/// ```
pub fn logsigmoid(input: &Tensor) -> Result<Tensor> {
    activated("logsigmoid", Activation::LogSigmoid, input, |x| sigmoid(&neg(x)?))
}

/// Self-regularised activation: `x · tanh(softplus(x))`.
///
/// Keeps the shape and dtype. Differentiable. Source: Misra, 2019.
///
/// # Errors
/// `DType` for a dtype that is not floating.
///
/// # PyTorch
/// `torch.nn.functional.mish`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.mish(cf.tensor([-1.0, 2.0]))
/// tensor([-0.3034,  1.9440])
/// ```
pub fn mish(input: &Tensor) -> Result<Tensor> {
    activated("mish", Activation::Mish, input, |x| {
        let gate = tanh(&softplus(x, 1.0, f64::INFINITY)?)?;
        let inner = mul(&mul(x, &sigmoid(x)?)?, &sub(&number(1.0), &square(&gate)?)?)?;
        add(&gate, &inner)
    })
}

/// Soft sign: `x / (1 + |x|)`.
///
/// Keeps the shape; integers become the default dtype. Differentiable.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.nn.functional.softsign`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.softsign(cf.tensor([-1.0, 3.0]))
/// tensor([-0.5000,  0.7500])
/// ```
pub fn softsign(input: &Tensor) -> Result<Tensor> {
    super::common::refuse_bool(input, "a conversion with to(dtype) first")?;
    activated("softsign", Activation::Softsign, &to_float(input)?, |x| {
        square(&reciprocal(&add(&abs(x)?, &number(1.0))?)?)
    })
}

/// What the hyperbolic tangent takes away: `x - tanh(x)`.
///
/// Keeps the shape; integers become the default dtype. Differentiable.
///
/// # Errors
/// `DType` for bools.
///
/// # PyTorch
/// `torch.nn.functional.tanhshrink`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.tanhshrink(cf.tensor([-1.0, 2.0]))
/// tensor([-0.2384,  1.0360])
/// ```
pub fn tanhshrink(input: &Tensor) -> Result<Tensor> {
    super::common::refuse_bool(input, "a conversion with to(dtype) first")?;
    activated("tanhshrink", Activation::Tanhshrink, &to_float(input)?, |x| square(&tanh(x)?))
}

/// Gated linear unit: the first half of a dimension times the logistic function of the second half.
///
/// The result has half the size along `dim`. Differentiable. Source: Dauphin et al., 2016.
///
/// # Defaults
/// dim = -1
///
/// # Errors
/// `Shape` when the size along `dim` is odd, `Index` for a dimension out of range, `DType` for a dtype that is not
/// floating.
///
/// # PyTorch
/// `torch.nn.functional.glu`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.glu(cf.tensor([1.0, 2.0, 0.0, 100.0]))
/// tensor([0.5000, 2.0000])
/// ```
pub fn glu(input: &Tensor, dim: i64) -> Result<Tensor> {
    require_float("glu", input.dtype())?;
    let dims = input.shape();
    let at = shape::dim(dim, dims.len())?;
    let size = dims.get(at).copied().unwrap_or(1);
    if size % 2 != 0 {
        return Err(Error::shape(
            format!("glu halves dimension {at}, whose size {size} in the shape {:?} is odd", &dims[..]),
            &[&dims],
        ));
    }
    let (dim, half) = (at as i64, (size / 2) as i64);
    let value = {
        let _mode = crate::autograd::GradMode::new(false);
        mul(&narrow(input, dim, 0, half)?, &sigmoid(&narrow(input, dim, half, half)?)?)?.value()
    };
    Tensor::record("glu", value, [input], || {
        let saved = Saved::new(input);
        move |grad, _| {
            let x = saved.get()?;
            let gate = sigmoid(&narrow(x, dim, half, half)?)?;
            let first = mul(grad, &gate)?;
            let slope = mul(&narrow(x, dim, 0, half)?, &sub(&number(1.0), &gate)?)?;
            Ok([Some(cat(&[&first, &mul(&first, &slope)?], dim)?)])
        }
    })
}
