//! Softmax and its logarithm along a dimension.

use super::{exp, mul, sub, sum, to_dtype};
use crate::autograd;
use crate::{DType, Result, Tensor, compute, shape};

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

/// The sum along a dimension, which stays with size 1. A scalar is its own sum.
fn sum_along(x: &Tensor, dim: usize) -> Result<Tensor> {
    if x.rank() == 0 { Ok(x.clone()) } else { sum(x, Some(&[dim as i64]), true, None) }
}
