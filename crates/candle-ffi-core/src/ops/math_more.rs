//! Elementwise functions made of others: logarithms and exponentials of other bases, sums of products, tests of
//! numbers.

use super::common::{number, promoted, to_float};
use super::{
    abs, add, cos, div, eq, exp, expm1, full_like, gt, isnan, log, log1p, logical_not, lt, maximum, mul, neg, sin,
    sqrt, square, sub, to_dtype, r#where,
};
use crate::{DType, Error, Result, Tensor, autocast};

/// Logarithm to the base 2 of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.log2`
///
/// # Examples
/// ```python
/// >>> cf.log2(cf.tensor([1.0, 8.0]))
/// tensor([0., 3.])
/// ```
pub fn log2(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return log2(&cast.of(input)?);
    }
    mul(&log(input)?, &number(std::f64::consts::LOG2_E))
}

/// Logarithm to the base 10 of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.log10`
///
/// # Examples
/// ```python
/// >>> cf.log10(cf.tensor([1.0, 50.0]))
/// tensor([0.0000, 1.6990])
/// ```
pub fn log10(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return log10(&cast.of(input)?);
    }
    mul(&log(input)?, &number(std::f64::consts::LOG10_E))
}

/// 2 to the power of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.exp2`
///
/// # Examples
/// ```python
/// >>> cf.exp2(cf.tensor([0.0, 0.5]))
/// tensor([1.0000, 1.4142])
/// ```
pub fn exp2(input: &Tensor) -> Result<Tensor> {
    let _as_it_is = autocast::suspend();
    exp(&mul(&to_float(input)?, &number(std::f64::consts::LN_2))?)
}

/// Tangent of each element, in radians.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.tan`
///
/// # Examples
/// ```python
/// >>> cf.tan(cf.tensor([0.0, 1.0]))
/// tensor([0.0000, 1.5574])
/// ```
pub fn tan(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return tan(&cast.of(input)?);
    }
    div(&sin(input)?, &cos(input)?)
}

/// Hyperbolic sine of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.sinh`
///
/// # Examples
/// ```python
/// >>> cf.sinh(cf.tensor([0.0, 1.0]))
/// tensor([0.0000, 1.1752])
/// ```
pub fn sinh(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return sinh(&cast.of(input)?);
    }
    // (eˣ - e⁻ˣ) / 2 without the cancellation near zero: with h = e^(x/2) - 1 it is h (h + 2) / 2, and its
    // negative mirrored; the product is halved between its factors, so that it overflows where the result does.
    let x = to_float(input)?;
    let half_power = |x: &Tensor| -> Result<Tensor> {
        let h = expm1(&mul(x, &number(0.5))?)?;
        mul(&mul(&h, &number(0.5))?, &add(&h, &number(2.0))?)
    };
    sub(&half_power(&x)?, &half_power(&neg(&x)?)?)
}

/// Hyperbolic cosine of each element.
///
/// Keeps the shape; integers and bools become the default dtype. Differentiable.
///
/// # PyTorch
/// `torch.cosh`
///
/// # Examples
/// ```python
/// >>> cf.cosh(cf.tensor([0.0, 1.0]))
/// tensor([1.0000, 1.5431])
/// ```
pub fn cosh(input: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return cosh(&cast.of(input)?);
    }
    // (eˣ + e⁻ˣ) / 2, halved between the factors of each power, so that it overflows where the result does.
    let half_power = |x: &Tensor| -> Result<Tensor> {
        let root = exp(&mul(x, &number(0.5))?)?;
        mul(&mul(&root, &number(0.5))?, &root)
    };
    let x = to_float(input)?;
    add(&half_power(&x)?, &half_power(&neg(&x)?)?)
}

/// Whether each element is infinite.
///
/// Keeps the shape; the result is `bool`. Not differentiable.
///
/// # PyTorch
/// `torch.isinf`
///
/// # Examples
/// ```python
/// >>> cf.isinf(cf.tensor([1.0, -float("inf"), float("nan")]))
/// tensor([False,  True, False])
/// ```
pub fn isinf(input: &Tensor) -> Result<Tensor> {
    // 8-bit floats have no infinity.
    if !input.dtype().is_float() || input.dtype() == DType::Float8E4M3 {
        return full_like(input, 0.0, Some(DType::Bool));
    }
    eq(&abs(input)?, &number(f64::INFINITY))
}

/// Whether each element is a finite number.
///
/// Keeps the shape; the result is `bool`. Not differentiable.
///
/// # PyTorch
/// `torch.isfinite`
///
/// # Examples
/// ```python
/// >>> cf.isfinite(cf.tensor([1.0, -float("inf"), float("nan")]))
/// tensor([ True, False, False])
/// ```
pub fn isfinite(input: &Tensor) -> Result<Tensor> {
    if !input.dtype().is_float() {
        return full_like(input, 1.0, Some(DType::Bool));
    }
    if input.dtype() == DType::Float8E4M3 {
        return logical_not(&isnan(input)?);
    }
    lt(&abs(input)?, &number(f64::INFINITY))
}

/// Elements with numbers in the place of NaN and infinities.
///
/// NaN becomes `nan`; infinities become `posinf` and `neginf`, by default the largest and least finite numbers of the
/// dtype. Keeps the shape and dtype. Differentiable.
///
/// # Defaults
/// nan = 0.0, posinf = None, neginf = None
///
/// # PyTorch
/// `torch.nan_to_num`
///
/// # Examples
/// ```python
/// >>> cf.nan_to_num(cf.tensor([1.0, float("nan"), float("inf")]), posinf=9.0)
/// tensor([1., 0., 9.])
/// ```
pub fn nan_to_num(input: &Tensor, nan: f64, posinf: Option<f64>, neginf: Option<f64>) -> Result<Tensor> {
    let most = match input.dtype() {
        DType::Float16 => f64::from(half::f16::MAX),
        DType::BFloat16 => f64::from(half::bf16::MAX),
        DType::Float32 => f64::from(f32::MAX),
        DType::Float64 => f64::MAX,
        _ => return Ok(input.clone()),
    };
    let known = r#where(&isnan(input)?, &number(nan), input)?;
    let above = eq(&known, &number(f64::INFINITY))?;
    let limited = r#where(&above, &number(posinf.unwrap_or(most)), &known)?;
    let below = eq(&known, &number(f64::NEG_INFINITY))?;
    r#where(&below, &number(neginf.unwrap_or(-most)), &limited)
}

/// Step function: 0 for negative elements, 1 for positive ones, `values` for zero.
///
/// Shapes broadcast. Not differentiable.
///
/// # Errors
/// `DType` when the dtypes differ.
///
/// # PyTorch
/// `torch.heaviside`
///
/// # Examples
/// ```python
/// >>> cf.heaviside(cf.tensor([-1.0, 0.0, 2.0]), cf.tensor([0.5]))
/// tensor([0.0000, 0.5000, 1.0000])
/// ```
pub fn heaviside(input: &Tensor, values: &Tensor) -> Result<Tensor> {
    if input.dtype() != values.dtype() {
        return Err(Error::dtype(
            format!("heaviside needs tensors of one dtype, and got {} and {}", input.dtype(), values.dtype()),
            &[input.dtype(), values.dtype()],
        ));
    }
    let step = to_dtype(&gt(input, &number(0.0))?, input.dtype())?;
    // NaN is not positive: 0, as in PyTorch.
    r#where(&eq(input, &number(0.0))?, &super::detach(values)?, &step)
}

/// Interpolation between two tensors: `input + weight · (end - input)`.
///
/// Shapes broadcast. Differentiable.
///
/// # PyTorch
/// `torch.lerp`
///
/// # Examples
/// ```python
/// >>> cf.lerp(cf.tensor([1.0, 2.0]), cf.tensor([3.0, 6.0]), 0.5)
/// tensor([2., 4.])
/// ```
pub fn lerp(input: &Tensor, end: &Tensor, weight: &Tensor) -> Result<Tensor> {
    add(input, &mul(weight, &sub(end, input)?)?)
}

/// A tensor plus a product: `input + value · tensor1 · tensor2`.
///
/// Shapes broadcast and dtypes promote. Differentiable.
///
/// # Defaults
/// value = 1.0
///
/// # PyTorch
/// `torch.addcmul`
///
/// # Examples
/// ```python
/// >>> cf.addcmul(cf.ones(2), cf.tensor([1.0, 2.0]), cf.tensor([3.0, 4.0]), value=0.5)
/// tensor([2.5000, 5.0000])
/// ```
pub fn addcmul(input: &Tensor, tensor1: &Tensor, tensor2: &Tensor, value: f64) -> Result<Tensor> {
    let product = mul(tensor1, tensor2)?;
    add(input, &if value == 1.0 { product } else { mul(&product, &number(value))? })
}

/// A tensor plus a quotient: `input + value · tensor1 / tensor2`.
///
/// Shapes broadcast and dtypes promote. Differentiable.
///
/// # Defaults
/// value = 1.0
///
/// # PyTorch
/// `torch.addcdiv`
///
/// # Examples
/// ```python
/// >>> cf.addcdiv(cf.ones(2), cf.tensor([1.0, 2.0]), cf.tensor([2.0, 4.0]), value=2.0)
/// tensor([2., 2.])
/// ```
pub fn addcdiv(input: &Tensor, tensor1: &Tensor, tensor2: &Tensor, value: f64) -> Result<Tensor> {
    let quotient = div(tensor1, tensor2)?;
    add(input, &if value == 1.0 { quotient } else { mul(&quotient, &number(value))? })
}

/// Logarithm of the sum of exponentials of two tensors: `log(exp(input) + exp(other))`, without overflow.
///
/// Shapes broadcast and dtypes promote. Differentiable.
///
/// # PyTorch
/// `torch.logaddexp`
///
/// # Examples
/// ```python
/// >>> cf.logaddexp(cf.tensor([100.0, 0.0]), cf.tensor([100.0, -200.0]))
/// tensor([100.6931,   0.0000])
/// ```
pub fn logaddexp(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let _as_it_is = autocast::suspend();
    let (a, b) = promoted(&to_float(input)?, &to_float(other)?)?;
    let most = maximum(&a, &b)?;
    // Infinities have no difference.
    let infinite = isinf(&most)?;
    let distance = abs(&sub(&a, &b)?)?;
    let more = log1p(&exp(&neg(&r#where(&infinite, &number(0.0), &distance)?)?)?)?;
    r#where(&infinite, &most, &add(&most, &more)?)
}

/// Length of the hypotenuse: `sqrt(input² + other²)`, without overflow.
///
/// Shapes broadcast and dtypes promote. Differentiable.
///
/// # PyTorch
/// `torch.hypot`
///
/// # Examples
/// ```python
/// >>> cf.hypot(cf.tensor([3.0, 6.0]), cf.tensor([4.0, 8.0]))
/// tensor([ 5., 10.])
/// ```
pub fn hypot(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let _as_it_is = autocast::suspend();
    let (a, b) = promoted(&to_float(input)?, &to_float(other)?)?;
    let most = super::detach(&maximum(&abs(&a)?, &abs(&b)?)?)?;
    // Zero and infinity are no scales.
    let scale = super::logical_and(&gt(&most, &number(0.0))?, &isfinite(&most)?)?;
    let scale = r#where(&scale, &most, &number(1.0))?;
    let root = sqrt(&add(&square(&div(&a, &scale)?)?, &square(&div(&b, &scale)?)?)?)?;
    mul(&root, &scale)
}
