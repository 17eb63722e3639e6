//! Order along a dimension. NaN is the largest; equal elements stay in their order.

use super::{gather, reshape, squeeze};
use crate::compute::{self, Part};
use crate::results::ValuesAndIndices;
use crate::{Error, Result, Tensor, shape};

/// Elements along a dimension in ascending or descending order, and where they stood.
///
/// NaN is the largest; equal elements keep their order whether or not `stable` is asked for. The values are
/// differentiable; the indices are `int64`.
///
/// # Defaults
/// dim = -1, descending = False, stable = False
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.sort`
///
/// # Examples
/// ```python
/// >>> cf.sort(cf.tensor([3.0, 1.0, 2.0])).values
/// tensor([1., 2., 3.])
/// ```
pub fn sort(input: &Tensor, dim: i64, descending: bool, stable: bool) -> Result<ValuesAndIndices> {
    let indices = argsort(input, dim, descending, stable)?;
    Ok(ValuesAndIndices { values: gather(input, dim, &indices)?, indices })
}

/// Positions along a dimension of its elements in ascending or descending order.
///
/// NaN is the largest; equal elements keep their order whether or not `stable` is asked for. Keeps the shape;
/// `int64`. Not differentiable.
///
/// # Defaults
/// dim = -1, descending = False, stable = False
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.argsort`
///
/// # Examples
/// ```python
/// >>> cf.argsort(cf.tensor([3.0, 1.0, 2.0]))
/// tensor([1, 2, 0])
/// ```
pub fn argsort(input: &Tensor, dim: i64, descending: bool, stable: bool) -> Result<Tensor> {
    // The order of equal elements costs nothing here.
    let _ = stable;
    positions(input, dim, descending, Part::All)
}

/// The `k` largest or smallest elements along a dimension, and where they stood.
///
/// NaN is the largest. They come in order, whether or not `sorted` is asked for, with the first of equal
/// elements first. The values are differentiable; the indices are `int64`.
///
/// # Defaults
/// dim = -1, largest = True, sorted = True
///
/// # Errors
/// `Index` for a dimension out of range, `InvalidArgument` when there are not `k` elements.
///
/// # PyTorch
/// `torch.topk`
///
/// # Examples
/// ```python
/// >>> cf.topk(cf.tensor([1.0, 4.0, 2.0]), 2).values
/// tensor([4., 2.])
/// ```
pub fn topk(input: &Tensor, k: i64, dim: i64, largest: bool, sorted: bool) -> Result<ValuesAndIndices> {
    // Order costs little for the few that are chosen.
    let _ = sorted;
    let n = length(input, dim)?;
    let count = usize::try_from(k).ok().filter(|&k| k <= n).ok_or_else(|| {
        Error::argument(format!("topk: selected index k = {k} is out of range for a dimension of size {n}"))
    })?;
    // A scalar has one element, and stays a scalar.
    let part = if input.rank() == 0 { Part::All } else { Part::First(count) };
    let indices = positions(input, dim, largest, part)?;
    Ok(ValuesAndIndices { values: gather(input, dim, &indices)?, indices })
}

/// The `k`-th smallest element along a dimension, counted from 1, and where it stood.
///
/// NaN is the largest, and of equal elements the first comes first. The values are differentiable; the
/// indices are `int64`.
///
/// # Defaults
/// dim = -1, keepdim = False
///
/// # Errors
/// `Index` for a dimension out of range, `InvalidArgument` when there is no `k`-th element.
///
/// # PyTorch
/// `torch.kthvalue`
///
/// # Examples
/// ```python
/// >>> cf.kthvalue(cf.tensor([3.0, 1.0, 2.0]), 2).values
/// tensor(2.)
/// ```
pub fn kthvalue(input: &Tensor, k: i64, dim: i64, keepdim: bool) -> Result<ValuesAndIndices> {
    let n = length(input, dim)?;
    let place = usize::try_from(k).ok().filter(|&k| k > 0 && k <= n).ok_or_else(|| {
        Error::argument(format!("kthvalue: selected number k = {k} is out of range for a dimension of size {n}"))
    })?;
    one_of(input, dim, keepdim, positions(input, dim, false, Part::Nth(place - 1))?)
}

/// The median of all elements; of an even number, the lower of the two in the middle.
///
/// NaN where there is one. Differentiable; the chosen element gets the whole gradient.
///
/// # Errors
/// `Shape` for a tensor without elements of an integer dtype.
///
/// # PyTorch
/// `torch.median` with one argument
///
/// # Examples
/// ```python
/// >>> cf.median(cf.tensor([3.0, 1.0, 2.0]))
/// tensor(2.)
/// ```
pub fn median(input: &Tensor) -> Result<Tensor> {
    if input.num_elements() == 0 && input.dtype().is_float() {
        return super::full(&[], f64::NAN, input.dtype(), input.device());
    }
    Ok(median_dim(&reshape(input, &[-1])?, 0, false)?.values)
}

/// The medians along a dimension, and where they stood; of an even number, the lower of the two in the middle.
///
/// NaN where there is one. The values are differentiable; the indices are `int64`.
///
/// # Defaults
/// dim = -1, keepdim = False
///
/// # Errors
/// `Index` for a dimension out of range, `Shape` when there is nothing to choose from.
///
/// # PyTorch
/// `torch.median` with a dimension
///
/// # Examples
/// ```python
/// >>> cf.median_dim(cf.tensor([[3.0, 1.0, 2.0]]), 1).values
/// tensor([2.])
/// ```
pub fn median_dim(input: &Tensor, dim: i64, keepdim: bool) -> Result<ValuesAndIndices> {
    let n = length(input, dim)?;
    if n == 0 {
        return Err(Error::shape(
            format!(
                "the median of no elements is not defined; the shape is {:?} and the dimension {dim}",
                input.dims()
            ),
            &[&input.dims()],
        ));
    }
    let mut indices = positions(input, dim, false, Part::Nth((n - 1) / 2))?;
    if input.dtype().is_float() {
        // The largest is NaN where there is one, and the first of the NaNs is where they begin.
        let first = positions(input, dim, true, Part::First(1))?;
        let largest = super::isnan(&gather(&super::detach(input)?, dim, &first)?)?;
        indices = super::r#where(&largest, &first, &indices)?;
    }
    one_of(input, dim, keepdim, indices)
}

/// The number of elements along a dimension.
fn length(input: &Tensor, dim: i64) -> Result<usize> {
    let at = shape::dim(dim, input.rank())?;
    Ok(input.shape().get(at).copied().unwrap_or(1))
}

fn positions(input: &Tensor, dim: i64, descending: bool, part: Part) -> Result<Tensor> {
    let at = shape::dim(dim, input.rank())?;
    Ok(Tensor::from_value(compute::argsort(&input.value(), at, descending, part)?))
}

/// One element of each line, with or without its dimension.
fn one_of(input: &Tensor, dim: i64, keepdim: bool, indices: Tensor) -> Result<ValuesAndIndices> {
    let values = gather(input, dim, &indices)?;
    if keepdim || input.rank() == 0 {
        return Ok(ValuesAndIndices { values, indices });
    }
    Ok(ValuesAndIndices { values: squeeze(&values, Some(&[dim]))?, indices: squeeze(&indices, Some(&[dim]))? })
}
