//! Arithmetic on two tensors, or a tensor and a number. Shapes broadcast and dtypes promote.

use super::common::{float_dtype, number, operands_of, promoted_operands, refuse_bool, result_dtype, sum_to};
use super::{eq, ge, log, logical_and, logical_not, logical_or, reciprocal, sqrt, square, r#where, zeros_like};
use crate::autograd::{self, Saved};
use crate::compute::{self, Binary};
use crate::{DType, Error, Result, Tensor, autocast, shape};

/// Sum of two tensors, element by element.
///
/// Shapes broadcast and dtypes promote; the sum of bools is their logical or. Differentiable.
///
/// # PyTorch
/// `torch.add`
///
/// # Examples
/// ```python
/// >>> cf.add(cf.tensor([1.0, 2.0]), cf.tensor([10.0, 20.0]))
/// tensor([11., 22.])
/// ```
pub fn add(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let (lhs, rhs) = promoted_operands(input, other)?;
    if lhs.dtype() == DType::Bool {
        return logical_or(&lhs, &rhs);
    }
    let value = compute::binary(Binary::Add, &lhs.value(), &rhs.value())?;
    Tensor::record("add", value, [&lhs, &rhs], || {
        let (left, right) = (lhs.shape(), rhs.shape());
        move |grad, context| Ok([context.wants(0, || sum_to(grad, &left))?, context.wants(1, || sum_to(grad, &right))?])
    })
}

/// Difference of two tensors, element by element.
///
/// Shapes broadcast and dtypes promote. Differentiable.
///
/// # Errors
/// `DType` for bools, whose difference is `logical_xor`.
///
/// # PyTorch
/// `torch.sub`
///
/// # Examples
/// ```python
/// >>> cf.sub(cf.tensor([3.0, 2.0]), 1.0)
/// tensor([2., 1.])
/// ```
pub fn sub(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let (lhs, rhs) = promoted_operands(input, other)?;
    refuse_bool(&lhs, "logical_xor")?;
    let value = compute::binary(Binary::Sub, &lhs.value(), &rhs.value())?;
    Tensor::record("sub", value, [&lhs, &rhs], || {
        let (left, right) = (lhs.shape(), rhs.shape());
        move |grad, context| {
            Ok([context.wants(0, || sum_to(grad, &left))?, context.wants(1, || neg(&sum_to(grad, &right)?))?])
        }
    })
}

/// Product of two tensors, element by element.
///
/// Shapes broadcast and dtypes promote; the product of bools is their logical and. Differentiable.
///
/// # PyTorch
/// `torch.mul`
///
/// # Examples
/// ```python
/// >>> cf.mul(cf.tensor([1.0, 2.0]), cf.tensor([[3.0], [4.0]]))
/// tensor([[3., 6.],
///         [4., 8.]])
/// ```
pub fn mul(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let (lhs, rhs) = promoted_operands(input, other)?;
    if lhs.dtype() == DType::Bool {
        return logical_and(&lhs, &rhs);
    }
    let value = compute::binary(Binary::Mul, &lhs.value(), &rhs.value())?;
    Tensor::record("mul", value, [&lhs, &rhs], || {
        let (left, right) = (Saved::new(&lhs), Saved::new(&rhs));
        move |grad, context| {
            Ok([
                context.wants(0, || sum_to(&mul(grad, right.get()?)?, &left.shape()))?,
                context.wants(1, || sum_to(&mul(grad, left.get()?)?, &right.shape()))?,
            ])
        }
    })
}

/// True quotient of two tensors, element by element.
///
/// Shapes broadcast and dtypes promote; integers and bools become the default dtype first. Division by zero
/// gives infinity or NaN. Differentiable.
///
/// # PyTorch
/// `torch.div`
///
/// # Examples
/// ```python
/// >>> cf.div(cf.tensor([1, 2]), cf.tensor([2, 4]))
/// tensor([0.5000, 0.5000])
/// ```
pub fn div(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    // A number over a tensor, which PyTorch makes of the reciprocal.
    if input.is_wrapped_number()
        && let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[other])
    {
        return div(input, &cast.of(other)?);
    }
    let dtype = float_dtype(result_dtype(&[input, other]));
    let (lhs, rhs) = operands_of(input, other, dtype)?;
    let value = compute::binary(Binary::Div, &lhs.value(), &rhs.value())?;
    Tensor::record("div", value, [&lhs, &rhs], || {
        let (left, right) = (Saved::new(&lhs), Saved::new(&rhs));
        move |grad, context| {
            let over = div(grad, right.get()?)?;
            Ok([
                context.wants(0, || sum_to(&over, &left.shape()))?,
                context.wants(1, || {
                    let quotient = div(left.get()?, right.get()?)?;
                    sum_to(&neg(&mul(&over, &quotient)?)?, &right.shape())
                })?,
            ])
        }
    })
}

/// Quotient rounded down to an integer, element by element.
///
/// Shapes broadcast and dtypes promote; the result keeps the promoted dtype. Not differentiable.
///
/// # Errors
/// `InvalidArgument` when an integer is divided by zero, `DType` for bools.
///
/// # PyTorch
/// `torch.floor_divide`
///
/// # Examples
/// ```python
/// >>> cf.floor_divide(cf.tensor([7, -7]), 2)
/// tensor([ 3, -4])
/// ```
pub fn floor_divide(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let (lhs, rhs) = promoted_operands(input, other)?;
    refuse_bool(&lhs, "logical_and")?;
    Ok(Tensor::from_value(compute::binary(Binary::FloorDivide, &lhs.value(), &rhs.value())?))
}

/// Remainder of a division, with the sign of the divisor, element by element.
///
/// Shapes broadcast and dtypes promote. Differentiable.
///
/// # Errors
/// `InvalidArgument` when an integer is divided by zero, `DType` for bools.
///
/// # PyTorch
/// `torch.remainder`
///
/// # Examples
/// ```python
/// >>> cf.remainder(cf.tensor([7, -7]), 3)
/// tensor([1, 2])
/// ```
pub fn remainder(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let (lhs, rhs) = promoted_operands(input, other)?;
    refuse_bool(&lhs, "logical_xor")?;
    let value = compute::binary(Binary::Remainder, &lhs.value(), &rhs.value())?;
    Tensor::record("remainder", value, [&lhs, &rhs], || {
        let (left, right) = (Saved::new(&lhs), Saved::new(&rhs));
        move |grad, context| {
            Ok([
                context.wants(0, || sum_to(grad, &left.shape()))?,
                context.wants(1, || {
                    let times = floor_divide(left.get()?, right.get()?)?;
                    sum_to(&neg(&mul(grad, &times)?)?, &right.shape())
                })?,
            ])
        }
    })
}

/// Power of two tensors, element by element.
///
/// Shapes broadcast and dtypes promote. Powers of integers are integers: negative ones are truncated.
/// Differentiable, also with respect to the exponent.
///
/// # Errors
/// `InvalidArgument` when integers are raised to a negative number.
///
/// # PyTorch
/// `torch.pow`
///
/// # Examples
/// ```python
/// >>> cf.pow(cf.tensor([1.0, 2.0, 3.0]), 2)
/// tensor([1., 4., 9.])
/// ```
pub fn pow(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_GPU, &[input, other]) {
        return pow(&cast.of(input)?, &cast.of(other)?);
    }
    if let Some(result) = power_of_a_number(input, other)? {
        return Ok(result);
    }
    let (lhs, rhs) = promoted_operands(input, other)?;
    if lhs.dtype() == DType::Bool {
        return logical_or(&lhs, &logical_not(&rhs)?);
    }
    if lhs.dtype().is_integer() && other.is_wrapped_number() && other.to_number()? < 0.0 {
        let message = "an integer cannot be raised to a negative power; convert to a floating dtype first";
        return Err(Error::argument(message));
    }
    // A number that stays as it is would count as the default dtype in the rule.
    let rhs = if rhs.is_wrapped_number() { Tensor::from_value(rhs.value()) } else { rhs };
    let value = compute::binary(Binary::Pow, &lhs.value(), &rhs.value())?;
    Tensor::record_with_output("pow", value, [&lhs, &rhs], || {
        let (base, exponent) = (Saved::new(&lhs), Saved::new(&rhs));
        move |grad, context| {
            let (base, exponent) = (base.get()?, exponent.get()?);
            let zero = number(0.0);
            Ok([
                context.wants(0, || {
                    let slope = mul(exponent, &pow(base, &sub(exponent, &number(1.0))?)?)?;
                    // At exponent 0 the power is constant, also where 0^-1 is infinite.
                    let slope = r#where(&eq(exponent, &zero)?, &zero, &slope)?;
                    sum_to(&mul(grad, &slope)?, &base.shape())
                })?,
                context.wants(1, || {
                    let slope = mul(&context.output()?, &log(base)?)?;
                    // 0 to any positive power is 0, whose logarithm must not matter.
                    let flat = logical_and(&eq(base, &zero)?, &ge(exponent, &zero)?)?;
                    sum_to(&mul(grad, &r#where(&flat, &zero, &slope)?)?, &exponent.shape())
                })?,
            ])
        }
    })
}

/// Powers of a floating tensor to a common number have kernels of their own.
fn power_of_a_number(input: &Tensor, other: &Tensor) -> Result<Option<Tensor>> {
    if !other.is_wrapped_number() || !input.dtype().is_float() || input.is_wrapped_number() {
        return Ok(None);
    }
    Ok(match other.to_number()? {
        0.5 => Some(sqrt(input)?),
        1.0 => Some(mul(input, &number(1.0))?),
        2.0 => Some(square(input)?),
        -1.0 => Some(reciprocal(input)?),
        _ => None,
    })
}

/// Negative of each element.
///
/// Keeps the shape and dtype. Differentiable.
///
/// # Errors
/// `DType` for bools; use `logical_not`.
///
/// # PyTorch
/// `torch.neg`
///
/// # Examples
/// ```python
/// >>> cf.neg(cf.tensor([1.0, -2.0]))
/// tensor([-1.,  2.])
/// ```
pub fn neg(input: &Tensor) -> Result<Tensor> {
    refuse_bool(input, "logical_not")?;
    let value = compute::unary(compute::Unary::Neg, &input.value())?;
    Tensor::record("neg", value, [input], || move |grad, _| Ok([Some(neg(grad)?)]))
}

/// Adds to a tensor in place.
///
/// `other` broadcasts to the tensor's shape; the result must fit its dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `Shape` when the result would be larger.
///
/// # PyTorch
/// `torch.Tensor.add_`
pub fn add_(input: &Tensor, other: &Tensor) -> Result<()> {
    directly(Binary::Add, input, other, add)
}

/// Subtracts from a tensor in place.
///
/// `other` broadcasts to the tensor's shape; the result must fit its dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `Shape` when the result would be larger.
///
/// # PyTorch
/// `torch.Tensor.sub_`
pub fn sub_(input: &Tensor, other: &Tensor) -> Result<()> {
    directly(Binary::Sub, input, other, sub)
}

/// Multiplies a tensor in place.
///
/// `other` broadcasts to the tensor's shape; the result must fit its dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `Shape` when the result would be larger.
///
/// # PyTorch
/// `torch.Tensor.mul_`
pub fn mul_(input: &Tensor, other: &Tensor) -> Result<()> {
    directly(Binary::Mul, input, other, mul)
}

/// Divides a tensor in place.
///
/// `other` broadcasts to the tensor's shape. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `Shape` when the result would be larger, `DType`
/// for a tensor of integers, which cannot hold a quotient.
///
/// # PyTorch
/// `torch.Tensor.div_`
pub fn div_(input: &Tensor, other: &Tensor) -> Result<()> {
    if !input.dtype().is_float() {
        return input.assign(&div(input, other)?);
    }
    directly(Binary::Div, input, other, div)
}

/// Raises a tensor to a power in place.
///
/// `other` broadcasts to the tensor's shape; the result must fit its dtype. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `Shape` when the result would be larger.
///
/// # PyTorch
/// `torch.Tensor.pow_`
pub fn pow_(input: &Tensor, other: &Tensor) -> Result<()> {
    super::common::in_place(input, &[other], |before| pow(before, other))
}

/// Changes the storage directly where nothing is recorded and dtypes agree; else computes and assigns.
fn directly(
    op: Binary,
    input: &Tensor,
    other: &Tensor,
    ordinary: fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<()> {
    input.check_unseen_change()?;
    let recorded = autograd::is_enabled() && (input.requires_grad() || other.requires_grad());
    let dtype = input.dtype();
    if recorded || dtype == DType::Bool || result_dtype(&[input, other]) != dtype {
        // Sums keep no values for their gradients.
        let keeps_values = recorded && !matches!(op, Binary::Add | Binary::Sub);
        let before = if keeps_values { input.with_own_memory()? } else { input.clone() };
        return input.assign(&ordinary(&before, other)?);
    }
    let (_, rhs) = operands_of(input, other, dtype)?;
    let dims = shape::broadcast(&input.shape(), &rhs.shape())?;
    input.check_assignable(dtype, &dims)?;
    compute::binary_into(op, &input.value(), &rhs.value())?;
    input.bump_version();
    Ok(())
}

/// Zeros like a gradient, for operations that are constant almost everywhere.
pub(super) fn no_slope(grad: &Tensor) -> Result<Tensor> {
    zeros_like(grad, None)
}
