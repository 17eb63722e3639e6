//! What operations share: promotion, devices, and the way of a gradient back through broadcasting.

use super::{to_device, to_dtype};
use crate::device::DeviceKind;
use crate::dtype::{self, Category};
use crate::{DType, Error, Result, Tensor, autograd};

/// The dtype of a result, as PyTorch: tensors with dimensions decide; scalars and numbers only raise
/// the category.
pub(super) fn result_dtype(inputs: &[&Tensor]) -> DType {
    // Tensors with dimensions, tensors without, numbers.
    let mut levels: [Option<DType>; 3] = [None; 3];
    for input in inputs {
        let dtype = input.dtype();
        let (level, dtype) = match (input.is_wrapped_number(), input.rank()) {
            // A number is held as float64 and counts as the default dtype.
            (true, _) if dtype.is_float() => (2, dtype::default_dtype()),
            (true, _) => (2, dtype),
            (false, 0) => (1, dtype),
            (false, _) => (0, dtype),
        };
        levels[level] = Some(levels[level].map_or(dtype, |before| before.promote(dtype)));
    }
    let raised = levels
        .into_iter()
        .flatten()
        .reduce(|stronger, weaker| if weaker.category() > stronger.category() { weaker } else { stronger });
    raised.unwrap_or_else(dtype::default_dtype)
}

/// The dtype of a result that is always floating.
pub(super) fn float_dtype(dtype: DType) -> DType {
    if dtype.is_float() { dtype } else { dtype::default_dtype() }
}

/// The input itself, or as the default float when it is of integers or bools.
#[inline]
pub(super) fn to_float(input: &Tensor) -> Result<Tensor> {
    to_dtype(input, float_dtype(input.dtype()))
}

/// Both inputs on one device and of the dtype of their result.
#[inline]
pub(super) fn promoted(lhs: &Tensor, rhs: &Tensor) -> Result<(Tensor, Tensor)> {
    let kind = |tensor: &Tensor| tensor.with_value(|value| (value.dtype, value.is_cpu()));
    let (left, right) = (kind(lhs), kind(rhs));
    if left == right && left.1 && !lhs.is_wrapped_number() && !rhs.is_wrapped_number() {
        return Ok((lhs.clone(), rhs.clone()));
    }
    promoted_to(lhs, rhs, result_dtype(&[lhs, rhs]))
}

/// Both inputs on one device and of a dtype.
#[inline]
pub(super) fn promoted_to(lhs: &Tensor, rhs: &Tensor, dtype: DType) -> Result<(Tensor, Tensor)> {
    let (lhs, rhs) = on_one_device(lhs, rhs)?;
    Ok((to_dtype(&lhs, dtype)?, to_dtype(&rhs, dtype)?))
}

/// As [`promoted`], for operations whose kernels take a number from the host: see [`reachable`].
#[inline]
pub(super) fn promoted_operands(lhs: &Tensor, rhs: &Tensor) -> Result<(Tensor, Tensor)> {
    let kind = |tensor: &Tensor| tensor.with_value(|value| (value.dtype, value.device()));
    if kind(lhs) == kind(rhs) && !lhs.is_wrapped_number() && !rhs.is_wrapped_number() {
        return Ok((lhs.clone(), rhs.clone()));
    }
    operands_of(lhs, rhs, result_dtype(&[lhs, rhs]))
}

/// As [`promoted_to`], for the same operations.
#[inline]
pub(super) fn operands_of(lhs: &Tensor, rhs: &Tensor, dtype: DType) -> Result<(Tensor, Tensor)> {
    let (lhs, rhs) = reachable(lhs, rhs)?;
    Ok((to_dtype(&lhs, dtype)?, to_dtype(&rhs, dtype)?))
}

/// Both inputs where the kernels reach them: on one device, but that a number stays on the host, from where it travels
/// with the launch of a CUDA kernel, unless its gradient is wanted.
#[inline]
pub(super) fn reachable(lhs: &Tensor, rhs: &Tensor) -> Result<(Tensor, Tensor)> {
    let on_cuda = |tensor: &Tensor| tensor.device().kind() == DeviceKind::Cuda;
    let is_number = |tensor: &Tensor| tensor.rank() == 0 && tensor.device().is_cpu() && !tensor.requires_grad();
    if is_number(rhs) && on_cuda(lhs) || is_number(lhs) && on_cuda(rhs) {
        return Ok((lhs.clone(), rhs.clone()));
    }
    on_one_device(lhs, rhs)
}

/// Both inputs on one device: scalars follow the other operand, anything else must agree.
#[inline]
pub(super) fn on_one_device(lhs: &Tensor, rhs: &Tensor) -> Result<(Tensor, Tensor)> {
    let (left, right) = (lhs.device(), rhs.device());
    if left == right {
        return Ok((lhs.clone(), rhs.clone()));
    }
    if right.is_cpu() && rhs.rank() == 0 {
        return Ok((lhs.clone(), to_device(rhs, left)?));
    }
    if left.is_cpu() && lhs.rank() == 0 {
        return Ok((to_device(lhs, right)?, rhs.clone()));
    }
    Err(Error::device(
        format!("tensors are on two devices, {left} and {right}; move one with to(device)"),
        &[left, right],
    ))
}

/// Fails unless all tensors are on the first one's device.
pub(super) fn same_device(tensors: &[&Tensor]) -> Result<()> {
    let Some((first, rest)) = tensors.split_first() else { return Ok(()) };
    match rest.iter().find(|tensor| tensor.device() != first.device()) {
        None => Ok(()),
        Some(other) => Err(Error::device(
            format!("tensors are on two devices, {} and {}; move one with to(device)", first.device(), other.device()),
            &[first.device(), other.device()],
        )),
    }
}

/// The gradient of an input that was broadcast: summed over the dimensions that it was repeated along.
pub(crate) fn sum_to(grad: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let shape = grad.shape();
    if shape.as_slice() == dims {
        return Ok(grad.clone());
    }
    let added = shape.len() - dims.len();
    let repeated: Vec<i64> = (0..shape.len())
        .filter(|&at| at < added || dims[at - added] == 1 && shape[at] != 1)
        .map(|at| at as i64)
        .collect();
    let sum = if repeated.is_empty() { grad.clone() } else { super::sum(grad, Some(&repeated), true, None)? };
    super::reshape(&sum, &sizes(dims))
}

/// Writes the result of an ordinary operation into its input and makes it part of the input's graph.
pub(super) fn in_place(
    input: &Tensor,
    others: &[&Tensor],
    operation: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<()> {
    let recorded =
        autograd::is_enabled() && (input.requires_grad() || others.iter().any(|other| other.requires_grad()));
    if recorded && input.requires_grad() && input.is_leaf() {
        // Also where the operation itself has no gradient.
        input.check_in_place()?;
    }
    let before = if recorded { input.with_own_memory()? } else { input.clone() };
    input.assign(&operation(&before)?)
}

/// Sizes as the signed numbers that public functions take.
pub(crate) fn sizes(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|&size| size as i64).collect()
}

/// A number that takes the dtype of what it meets.
pub(crate) fn number(value: f64) -> Tensor {
    Tensor::from_number(value)
}

/// Fails for a dtype without arithmetic, in words of the operation's user.
pub(super) fn refuse_bool(input: &Tensor, instead: &str) -> Result<()> {
    if input.dtype().category() == Category::Bool {
        return Err(Error::dtype(format!("not defined for bool; use {instead}"), &[DType::Bool]));
    }
    Ok(())
}
