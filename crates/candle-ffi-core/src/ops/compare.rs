//! Comparisons, logic, and choosing between elements.

use super::common::{number, operands_of, promoted_operands, reachable, result_dtype, sum_to};
use super::{mul, to_dtype};
use crate::autograd::Saved;
use crate::compute::{self, Binary, Compare, Logical};
use crate::{DType, Error, Result, Tensor};

fn compared(op: Compare, input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let (lhs, rhs) = promoted_operands(input, other)?;
    Ok(Tensor::from_value(compute::compare(op, &lhs.value(), &rhs.value())?))
}

fn combined(op: Logical, input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let (lhs, rhs) = operands_of(input, other, DType::Bool)?;
    Ok(Tensor::from_value(compute::logical(op, &lhs.value(), &rhs.value())?))
}

/// Whether each element equals the other: `input == other`.
///
/// Shapes broadcast and dtypes promote; the result is `bool`. A comparison with NaN is false. Not differentiable.
///
/// # PyTorch
/// `torch.eq`
///
/// # Examples
/// ```python
/// >>> cf.eq(cf.tensor([1, 2, 3]), 2)
/// tensor([False,  True, False])
/// ```
pub fn eq(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    compared(Compare::Eq, input, other)
}

/// Whether each element differs from the other: `input != other`.
///
/// Shapes broadcast and dtypes promote; the result is `bool`. A comparison with NaN is true. Not differentiable.
///
/// # PyTorch
/// `torch.ne`
///
/// # Examples
/// ```python
/// >>> cf.ne(cf.tensor([1, 2, 3]), 2)
/// tensor([ True, False,  True])
/// ```
pub fn ne(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    compared(Compare::Ne, input, other)
}

/// Whether each element is less than the other: `input < other`.
///
/// Shapes broadcast and dtypes promote; the result is `bool`. A comparison with NaN is false. Not differentiable.
///
/// # PyTorch
/// `torch.lt`
///
/// # Examples
/// ```python
/// >>> cf.lt(cf.tensor([1, 2, 3]), 2)
/// tensor([ True, False, False])
/// ```
pub fn lt(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    compared(Compare::Lt, input, other)
}

/// Whether each element is at most the other: `input <= other`.
///
/// Shapes broadcast and dtypes promote; the result is `bool`. A comparison with NaN is false. Not differentiable.
///
/// # PyTorch
/// `torch.le`
///
/// # Examples
/// ```python
/// >>> cf.le(cf.tensor([1, 2, 3]), 2)
/// tensor([ True,  True, False])
/// ```
pub fn le(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    compared(Compare::Le, input, other)
}

/// Whether each element is greater than the other: `input > other`.
///
/// Shapes broadcast and dtypes promote; the result is `bool`. A comparison with NaN is false. Not differentiable.
///
/// # PyTorch
/// `torch.gt`
///
/// # Examples
/// ```python
/// >>> cf.gt(cf.tensor([1, 2, 3]), 2)
/// tensor([False, False,  True])
/// ```
pub fn gt(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    compared(Compare::Gt, input, other)
}

/// Whether each element is at least the other: `input >= other`.
///
/// Shapes broadcast and dtypes promote; the result is `bool`. A comparison with NaN is false. Not differentiable.
///
/// # PyTorch
/// `torch.ge`
///
/// # Examples
/// ```python
/// >>> cf.ge(cf.tensor([1, 2, 3]), 2)
/// tensor([False,  True,  True])
/// ```
pub fn ge(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    compared(Compare::Ge, input, other)
}

/// Whether both elements are different from zero.
///
/// Shapes broadcast; any dtype is taken as bool and the result is `bool`. Not differentiable.
///
/// # PyTorch
/// `torch.logical_and`
///
/// # Examples
/// ```python
/// >>> cf.logical_and(cf.tensor([True, True, False]), cf.tensor([True, False, False]))
/// tensor([ True, False, False])
/// ```
pub fn logical_and(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    combined(Logical::And, input, other)
}

/// Whether one or both elements are different from zero.
///
/// Shapes broadcast; any dtype is taken as bool and the result is `bool`. Not differentiable.
///
/// # PyTorch
/// `torch.logical_or`
///
/// # Examples
/// ```python
/// >>> cf.logical_or(cf.tensor([True, True, False]), cf.tensor([True, False, False]))
/// tensor([ True,  True, False])
/// ```
pub fn logical_or(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    combined(Logical::Or, input, other)
}

/// Whether exactly one of the elements is different from zero.
///
/// Shapes broadcast; any dtype is taken as bool and the result is `bool`. Not differentiable.
///
/// # PyTorch
/// `torch.logical_xor`
///
/// # Examples
/// ```python
/// >>> cf.logical_xor(cf.tensor([True, True, False]), cf.tensor([True, False, False]))
/// tensor([False,  True, False])
/// ```
pub fn logical_xor(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    combined(Logical::Xor, input, other)
}

/// Whether each element is zero.
///
/// Keeps the shape; any dtype is taken as bool and the result is `bool`. Not differentiable.
///
/// # PyTorch
/// `torch.logical_not`
///
/// # Examples
/// ```python
/// >>> cf.logical_not(cf.tensor([True, False]))
/// tensor([False,  True])
/// ```
pub fn logical_not(input: &Tensor) -> Result<Tensor> {
    let value = compute::cast(&input.value(), DType::Bool)?;
    Ok(Tensor::from_value(compute::logical_not(&value)?))
}

/// Whether each element is not a number.
///
/// Keeps the shape; the result is `bool`. Not differentiable.
///
/// # PyTorch
/// `torch.isnan`
///
/// # Examples
/// ```python
/// >>> cf.isnan(cf.tensor([1.0, float("nan")]))
/// tensor([False,  True])
/// ```
pub fn isnan(input: &Tensor) -> Result<Tensor> {
    compared(Compare::Ne, input, input)
}

/// Greater of two tensors, element by element.
///
/// Shapes broadcast and dtypes promote; NaN wins. Differentiable; equal elements share the gradient.
///
/// # PyTorch
/// `torch.maximum`
///
/// # Examples
/// ```python
/// >>> cf.maximum(cf.tensor([1.0, 5.0]), cf.tensor([3.0, 2.0]))
/// tensor([3., 5.])
/// ```
pub fn maximum(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    extreme("maximum", Binary::Maximum, lt, input, other)
}

/// Lesser of two tensors, element by element.
///
/// Shapes broadcast and dtypes promote; NaN wins. Differentiable; equal elements share the gradient.
///
/// # PyTorch
/// `torch.minimum`
///
/// # Examples
/// ```python
/// >>> cf.minimum(cf.tensor([1.0, 5.0]), cf.tensor([3.0, 2.0]))
/// tensor([1., 2.])
/// ```
pub fn minimum(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    extreme("minimum", Binary::Minimum, gt, input, other)
}

fn extreme(
    name: &'static str,
    op: Binary,
    loses: fn(&Tensor, &Tensor) -> Result<Tensor>,
    input: &Tensor,
    other: &Tensor,
) -> Result<Tensor> {
    let (lhs, rhs) = promoted_operands(input, other)?;
    if lhs.dtype() == DType::Bool {
        return if op == Binary::Maximum { logical_or(&lhs, &rhs) } else { logical_and(&lhs, &rhs) };
    }
    let value = compute::binary(op, &lhs.value(), &rhs.value())?;
    Tensor::record(name, value, [&lhs, &rhs], || {
        let (left, right) = (Saved::new(&lhs), Saved::new(&rhs));
        move |grad, context| {
            let (left, right) = (left.get()?, right.get()?);
            let half = mul(grad, &number(0.5))?;
            let share = |mine: &Tensor, theirs: &Tensor| -> Result<Tensor> {
                // Beside NaN nobody loses: both get the gradient, as in PyTorch.
                let alone = r#where(&loses(mine, theirs)?, &number(0.0), grad)?;
                sum_to(&r#where(&eq(left, right)?, &half, &alone)?, &mine.shape())
            };
            Ok([context.wants(0, || share(left, right))?, context.wants(1, || share(right, left))?])
        }
    })
}

/// Elements limited to a range.
///
/// Keeps the shape; an element below `min` becomes `min`, one above `max` becomes `max`, NaN stays NaN.
/// A bound that is not whole makes integers the default dtype. Differentiable; the gradient passes where the
/// element lies within the range and not on a bound.
///
/// # Defaults
/// min = None, max = None
///
/// # Errors
/// `InvalidArgument` when neither bound is given, `DType` for bools.
///
/// # PyTorch
/// `torch.clamp`
///
/// # Examples
/// ```python
/// >>> cf.clamp(cf.tensor([-1.0, 0.5, 2.0]), min=0.0, max=1.0)
/// tensor([0.0000, 0.5000, 1.0000])
/// ```
pub fn clamp(input: &Tensor, min: Option<f64>, max: Option<f64>) -> Result<Tensor> {
    if min.is_none() && max.is_none() {
        return Err(Error::argument("at least one of min and max must be given"));
    }
    super::common::refuse_bool(input, "a conversion with to(dtype) first")?;
    let whole = |bound: Option<f64>| bound.is_none_or(|bound| bound.fract() == 0.0);
    let input = if input.dtype().is_integer() && !(whole(min) && whole(max)) {
        to_dtype(input, crate::dtype::default_dtype())?
    } else {
        input.clone()
    };
    let value = compute::clamp(&input.value(), min, max)?;
    Tensor::record("clamp", value, [&input], || {
        let saved = Saved::new(&input);
        move |grad, _| {
            let mask = Tensor::from_value(compute::clamp_mask(&saved.get()?.value(), min, max)?);
            Ok([Some(r#where(&mask, grad, &number(0.0))?)])
        }
    })
}

/// Elements of `input` where the condition holds, else of `other`.
///
/// All three shapes broadcast and the dtypes of `input` and `other` promote; the condition is `bool`.
/// Differentiable with respect to `input` and `other`.
///
/// # Errors
/// `DType` when the condition is not `bool`.
///
/// # PyTorch
/// `torch.where`
///
/// # Examples
/// ```python
/// >>> cf.where(cf.tensor([True, False]), cf.tensor([1.0, 2.0]), 0.0)
/// tensor([1., 0.])
/// ```
pub fn r#where(condition: &Tensor, input: &Tensor, other: &Tensor) -> Result<Tensor> {
    let dtype = result_dtype(&[input, other]);
    let (lhs, rhs) = operands_of(input, other, dtype)?;
    let (lhs, condition) = reachable(&lhs, condition)?;
    let (rhs, condition) = reachable(&rhs, &condition)?;
    let value = compute::select(&condition.value(), &lhs.value(), &rhs.value())?;
    Tensor::record("where", value, [&lhs, &rhs], || {
        let (condition, left, right) = (Saved::new(&condition), lhs.shape(), rhs.shape());
        move |grad, context| {
            let (condition, zero) = (condition.get()?, number(0.0));
            Ok([
                context.wants(0, || sum_to(&r#where(condition, grad, &zero)?, &left))?,
                context.wants(1, || sum_to(&r#where(condition, &zero, grad)?, &right))?,
            ])
        }
    })
}
