//! Softmax and its logarithm along a dimension.

use super::common::number;
use super::random::{like, require_float};
use super::{add, arange, argmax, clamp, detach, eq, exp, log, log1p, mul, neg, reshape, sub, sum, to_dtype};
use crate::autograd;
use crate::random::or_default;
use crate::{DType, Generator, Result, Tensor, autocast, compute, shape};

/// Softmax: `exp(x) / sum(exp(x))` along a dimension, without overflow.
///
/// Keeps the shape. `dtype` is what the elements are converted to first. Differentiable.
///
/// # Defaults
/// dtype = None
///
/// # Errors
/// `DType` for integers and bools without a `dtype`, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.softmax`
///
/// # Examples
/// ```python
/// >>> cf.softmax(cf.tensor([1.0, 2.0]), dim=0)
/// tensor([0.2689, 0.7311])
/// ```
pub fn softmax(input: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return softmax(&cast.of(input)?, dim, dtype);
    }
    let input = to_dtype(input, dtype.unwrap_or(input.dtype()))?;
    let along = shape::dim(dim, input.rank())?;
    let value = compute::softmax(&input.value(), along)?;
    Tensor::record_with_output("softmax", value, [&input], || {
        move |grad, context| {
            let out = context.output()?;
            if !autograd::is_enabled() {
                return Ok([Some(Tensor::from_value(compute::softmax_grad(&out.value(), &grad.value(), along)?))]);
            }
            let weighted = mul(grad, &out)?;
            let total = sum_along(&weighted, along)?;
            Ok([Some(sub(&weighted, &mul(&out, &total)?)?)])
        }
    })
}

/// Logarithm of softmax: `x - log(sum(exp(x)))` along a dimension, without overflow.
///
/// Keeps the shape. `dtype` is what the elements are converted to first. Differentiable.
///
/// # Defaults
/// dtype = None
///
/// # Errors
/// `DType` for integers and bools without a `dtype`, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.log_softmax`
///
/// # Examples
/// ```python
/// >>> cf.log_softmax(cf.tensor([1.0, 2.0]), dim=0)
/// tensor([-1.3133, -0.3133])
/// ```
pub fn log_softmax(input: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input]) {
        return log_softmax(&cast.of(input)?, dim, dtype);
    }
    let input = to_dtype(input, dtype.unwrap_or(input.dtype()))?;
    let along = shape::dim(dim, input.rank())?;
    let value = compute::log_softmax(&input.value(), along)?;
    Tensor::record_with_output("log_softmax", value, [&input], || {
        move |grad, context| {
            let out = context.output()?;
            if !autograd::is_enabled() {
                return Ok([Some(Tensor::from_value(compute::log_softmax_grad(&out.value(), &grad.value(), along)?))]);
            }
            let total = sum_along(grad, along)?;
            Ok([Some(sub(grad, &mul(&exp(&out)?, &total)?)?)])
        }
    })
}

/// Softmax of the negative: `exp(-x) / sum(exp(-x))` along a dimension.
///
/// Keeps the shape. `dtype` is what the elements are converted to first. Differentiable.
///
/// # Defaults
/// dtype = None
///
/// # Errors
/// `DType` for integers and bools without a `dtype`, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.nn.functional.softmin`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.softmin(cf.tensor([1.0, 2.0]), dim=0)
/// tensor([0.7311, 0.2689])
/// ```
pub fn softmin(input: &Tensor, dim: i64, dtype: Option<DType>) -> Result<Tensor> {
    softmax(&neg(input)?, dim, dtype)
}

/// A sample from the Gumbel-softmax distribution: softmax of `(logits + noise) / tau` along a dimension.
///
/// With `hard` the result is one-hot, with the gradient of the soft sample. Keeps the shape and dtype.
/// Differentiable. Source: Jang, Gu and Poole, 2016; Maddison, Mnih and Teh, 2016.
///
/// # Defaults
/// tau = 1.0, hard = False, dim = -1, generator = None
///
/// # Errors
/// `DType` for logits that are not floating, `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.nn.functional.gumbel_softmax`
///
/// # Examples
/// ```python
/// >>> float(cf.nn.functional.gumbel_softmax(cf.zeros(3), hard=True).sum())
/// 1.0
/// ```
pub fn gumbel_softmax(
    logits: &Tensor,
    tau: f64,
    hard: bool,
    dim: i64,
    generator: Option<&Generator>,
) -> Result<Tensor> {
    let (dims, dtype, device) = like(logits);
    require_float("gumbel_softmax", dtype)?;
    let along = shape::dim(dim, dims.len())?;
    let count = shape::check_allocation_on(&dims, dtype, device)?;
    let wide = dtype.wide();
    let soft = {
        let uniform = compute::uniform(or_default(generator).draw_on(count, device)?, &dims, wide, device, 0.0, 1.0)?;
        let exponential = neg(&log1p(&neg(&Tensor::from_value(uniform))?)?)?;
        // The smallest that is not zero is 2^-24: zero stands for what lies below it.
        let noise = neg(&log(&clamp(&exponential, Some(f64::from(f32::EPSILON) / 4.0), None)?)?)?;
        let scaled = mul(&add(logits, &to_dtype(&noise, dtype)?)?, &number(1.0 / tau))?;
        softmax(&scaled, along as i64, None)?
    };
    if !hard {
        return Ok(soft);
    }
    let chosen = argmax(&soft, Some(along as i64), true)?;
    let classes = dims.get(along).map_or(1, |&size| size as i64);
    let mut places = vec![1; dims.len()];
    if let Some(place) = places.get_mut(along) {
        *place = classes;
    }
    let positions = reshape(&arange(0.0, classes as f64, 1.0, DType::Int64, device)?, &places)?;
    let one_hot = to_dtype(&eq(&chosen, &positions)?, dtype)?;
    // The value of the one and the gradient of the other.
    add(&sub(&one_hot, &detach(&soft)?)?, &soft)
}

/// The sum along a dimension, which stays with size 1. A scalar is its own sum.
fn sum_along(x: &Tensor, dim: usize) -> Result<Tensor> {
    if x.rank() == 0 { Ok(x.clone()) } else { sum(x, Some(&[dim as i64]), true, None) }
}
