//! Other shapes for the same elements. Most results are views that share the memory of their input.

use super::common::{sizes, sum_to};
use super::create::not_negative;
use crate::shape::Dims;
use crate::value::Value;
use crate::{Error, Result, Tensor, compute, shape};

/// The same elements in another shape, in row-major order.
///
/// One size may be -1 and is computed. A view where the input is contiguous, or only dimensions of
/// size 1 come and go; else a copy. Differentiable.
///
/// # Errors
/// `Shape` when the numbers of elements differ.
///
/// # PyTorch
/// `torch.reshape`
///
/// # Examples
/// ```python
/// >>> cf.reshape(cf.tensor([1, 2, 3, 4]), [2, -1])
/// tensor([[1, 2],
///         [3, 4]])
/// ```
pub fn reshape(input: &Tensor, shape: &[i64]) -> Result<Tensor> {
    let dims = shape::infer(shape, &input.shape())?;
    with_dims("reshape", input, &dims)
}

/// The same elements and memory in another shape.
///
/// One size may be -1 and is computed. Always a view. Differentiable.
///
/// # Errors
/// `Shape` when the numbers of elements differ, or when the elements would have to be copied: then use
/// `reshape`.
///
/// # PyTorch
/// `torch.Tensor.view`
///
/// # Examples
/// ```python
/// >>> cf.view(cf.tensor([1, 2, 3, 4]), [2, 2])
/// tensor([[1, 2],
///         [3, 4]])
/// ```
pub fn view(input: &Tensor, shape: &[i64]) -> Result<Tensor> {
    let from = input.shape();
    let dims = shape::infer(shape, &from)?;
    match view_with_dims(&input.value(), &dims)? {
        Some(value) => Tensor::record_view("view", value, input, || move |grad: &Tensor| reshape(grad, &sizes(&from))),
        None => Err(Error::shape(
            format!(
                "shape {:?} with strides {:?} cannot be seen as {:?} without a copy; use reshape, or contiguous() first",
                from.as_slice(),
                input.strides(),
                dims.as_slice()
            ),
            &[&from, &dims],
        )),
    }
}

/// Joins neighbouring dimensions into one.
///
/// A scalar becomes a vector of one element. A view where the input is contiguous. Differentiable.
///
/// # Defaults
/// start_dim = 0, end_dim = -1
///
/// # Errors
/// `InvalidArgument` when `start_dim` comes after `end_dim`.
///
/// # PyTorch
/// `torch.flatten`
///
/// # Examples
/// ```python
/// >>> cf.flatten(cf.zeros([2, 3, 4]), 1).shape
/// (2, 12)
/// ```
pub fn flatten(input: &Tensor, start_dim: i64, end_dim: i64) -> Result<Tensor> {
    let mut dims = input.shape();
    let (start, end) = (shape::dim(start_dim, dims.len())?, shape::dim(end_dim, dims.len())?);
    if start > end {
        return Err(Error::argument(format!("start_dim {start_dim} comes after end_dim {end_dim}")));
    }
    if dims.is_empty() {
        dims.push(1);
    }
    let joined = shape::num_elements(&dims[start..=end])?;
    dims.drain(start..end);
    dims[start] = joined;
    with_dims("flatten", input, &dims)
}

/// A dimension split into several.
///
/// The product of `sizes` is the size of dimension `dim`; one of them may be -1, which is computed. Differentiable.
///
/// # Errors
/// `Shape` when the sizes do not multiply up, `Index` for a dimension out of range, `InvalidArgument` for no sizes.
///
/// # PyTorch
/// `torch.unflatten`
///
/// # Examples
/// ```python
/// >>> cf.unflatten(cf.arange(4), 0, (2, -1))
/// tensor([[0, 1],
///         [2, 3]])
/// ```
pub fn unflatten(input: &Tensor, dim: i64, sizes: &[i64]) -> Result<Tensor> {
    let dims = input.shape();
    let at = shape::dim(dim, dims.len())?;
    if sizes.is_empty() {
        return Err(Error::argument("sizes must not be empty"));
    }
    let own = dims.get(at).copied().unwrap_or(1);
    let parts = shape::infer(sizes, &[own])?;
    let parts: Vec<i64> = parts.iter().map(|&size| size as i64).collect();
    let before: Vec<i64> = dims.iter().take(at).map(|&size| size as i64).collect();
    let after: Vec<i64> = dims.iter().skip(at + 1).map(|&size| size as i64).collect();
    reshape(input, &[before, parts, after].concat())
}

/// Two dimensions swapped.
///
/// A view. Differentiable.
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.transpose`
///
/// # Examples
/// ```python
/// >>> cf.transpose(cf.tensor([[1, 2], [3, 4]]), 0, 1)
/// tensor([[1, 3],
///         [2, 4]])
/// ```
pub fn transpose(input: &Tensor, dim0: i64, dim1: i64) -> Result<Tensor> {
    let rank = input.rank();
    let (first, second) = (shape::dim(dim0, rank)?, shape::dim(dim1, rank)?);
    let mut order: Dims = (0..rank).collect();
    if rank > 0 {
        order.swap(first, second);
    }
    let value = input.value().permute(&order)?;
    Tensor::record_view("transpose", value, input, || move |grad: &Tensor| transpose(grad, dim0, dim1))
}

/// All dimensions in another order.
///
/// Dimension `i` of the result is dimension `dims[i]` of the input. A view. Differentiable.
///
/// # Errors
/// `Shape` when `dims` has another length than the shape, `InvalidArgument` when it names a dimension twice.
///
/// # PyTorch
/// `torch.permute`
///
/// # Examples
/// ```python
/// >>> cf.permute(cf.zeros([2, 3, 4]), [2, 0, 1]).shape
/// (4, 2, 3)
/// ```
pub fn permute(input: &Tensor, dims: &[i64]) -> Result<Tensor> {
    let rank = input.rank();
    let order = dims.iter().map(|&dim| shape::dim(dim, rank)).collect::<Result<Dims>>()?;
    let mut inverse = vec![-1; rank];
    for (at, &dim) in order.iter().enumerate() {
        if let Some(from) = inverse.get_mut(dim) {
            *from = at as i64;
        }
    }
    if order.len() != rank {
        let of = input.dims();
        return Err(Error::shape(format!("dims {dims:?} must name each of the {rank} dimensions of {of:?}"), &[&of]));
    }
    if inverse.contains(&-1) {
        return Err(Error::argument(format!("dims {dims:?} name a dimension twice")));
    }
    let value = input.value().permute(&order)?;
    Tensor::record_view("permute", value, input, || move |grad: &Tensor| permute(grad, &inverse))
}

/// Removes dimensions of size 1.
///
/// All of them, or those of `dims` that are of size 1. A view. Differentiable.
///
/// # Defaults
/// dims = None
///
/// # Errors
/// `Index` for a dimension out of range.
///
/// # PyTorch
/// `torch.squeeze`
///
/// # Examples
/// ```python
/// >>> cf.squeeze(cf.zeros([1, 3, 1])).shape
/// (3,)
/// ```
pub fn squeeze(input: &Tensor, dims: Option<&[i64]>) -> Result<Tensor> {
    let from = input.shape();
    // Unlike in reductions, an empty list means none.
    let chosen = if dims.is_some_and(<[i64]>::is_empty) { Dims::new() } else { shape::dims(dims, from.len())? };
    let mut array = input.value();
    for &dim in chosen.iter().rev().filter(|&&dim| from[dim] == 1) {
        array = Value::new(array.array.squeeze(dim)?, array.dtype);
    }
    Tensor::record_view("squeeze", array, input, || move |grad: &Tensor| reshape(grad, &sizes(&from)))
}

/// Inserts a dimension of size 1 at a position of the result.
///
/// A view. Differentiable.
///
/// # Errors
/// `Index` for a position out of range.
///
/// # PyTorch
/// `torch.unsqueeze`
///
/// # Examples
/// ```python
/// >>> cf.unsqueeze(cf.tensor([1, 2]), -1).shape
/// (2, 1)
/// ```
pub fn unsqueeze(input: &Tensor, dim: i64) -> Result<Tensor> {
    let from = input.shape();
    let at = shape::dim(dim, from.len() + 1)?;
    let value = input.value();
    let value = Value::new(value.array.unsqueeze(at)?, value.dtype);
    Tensor::record_view("unsqueeze", value, input, || move |grad: &Tensor| reshape(grad, &sizes(&from)))
}

/// Repeats dimensions of size 1, without a copy.
///
/// New dimensions may stand in front; -1 keeps a size. The result is a view in which repeated elements
/// share their memory, and cannot be changed in place. Differentiable.
///
/// # Errors
/// `Shape` when a dimension of another size than 1 would have to change.
///
/// # PyTorch
/// `torch.Tensor.expand`
///
/// # Examples
/// ```python
/// >>> cf.expand(cf.tensor([[1], [2]]), [-1, 3])
/// tensor([[1, 1, 1],
///         [2, 2, 2]])
/// ```
pub fn expand(input: &Tensor, shape: &[i64]) -> Result<Tensor> {
    let from = input.shape();
    let wrong = || Error::shape(format!("shape {:?} cannot be expanded to {shape:?}", from.as_slice()), &[&from]);
    let added = shape.len().checked_sub(from.len()).ok_or_else(wrong)?;
    let mut dims = Dims::new();
    for (at, &size) in shape.iter().enumerate() {
        let own = at.checked_sub(added).map(|at| from[at]);
        let size = match own {
            Some(own) if size == -1 => own,
            _ => usize::try_from(size).map_err(|_| wrong())?,
        };
        if own.is_some_and(|own| own != size && own != 1) {
            return Err(wrong());
        }
        dims.push(size);
    }
    shape::num_elements(&dims)?;
    let value = input.value().broadcast_to(&dims)?;
    Tensor::record_view("expand", value, input, || move |grad: &Tensor| sum_to(grad, &from))
}

/// Part of a tensor along one dimension: `length` entries from `start` on.
///
/// A negative `start` counts from the end. A view. Differentiable.
///
/// # Errors
/// `Index` when the part reaches out of the dimension.
///
/// # PyTorch
/// `torch.narrow`
///
/// # Examples
/// ```python
/// >>> cf.narrow(cf.tensor([1, 2, 3, 4]), 0, 1, 2)
/// tensor([2, 3])
/// ```
pub fn narrow(input: &Tensor, dim: i64, start: i64, length: i64) -> Result<Tensor> {
    let dims = input.shape();
    let at = dim_of(dim, &dims)?;
    let size = dims[at] as i64;
    if start < -size || start > size {
        return Err(Error::index(format!("start {start} is out of range for dimension {at} of size {size}")));
    }
    let start = if start < 0 { start + size } else { start };
    let count = not_negative("length", length)?;
    if length > size - start {
        return Err(Error::index(format!(
            "{length} entries from {start} on reach out of dimension {at} of size {size}"
        )));
    }
    let mut region = compute::Region::of_whole(&dims);
    region.ranges[at] = compute::Range { start: start as usize, count, step: 1 };
    crate::indexing::part("narrow", input, region)
}

/// One entry of a dimension, which the result does not have.
///
/// A negative index counts from the end. A view. Differentiable.
///
/// # Errors
/// `Index` when the index is out of range.
///
/// # PyTorch
/// `torch.select`
///
/// # Examples
/// ```python
/// >>> cf.select(cf.tensor([[1, 2], [3, 4]]), 1, 0)
/// tensor([1, 3])
/// ```
pub fn select(input: &Tensor, dim: i64, index: i64) -> Result<Tensor> {
    let dims = input.shape();
    let at = dim_of(dim, &dims)?;
    let start = crate::indexing::position(index, at, dims[at])?;
    let mut region = compute::Region::of_whole(&dims);
    region.ranges[at] = compute::Range { start, count: 1, step: 1 };
    region.removed.push(at);
    crate::indexing::part("select", input, region)
}

/// A dimension of a tensor that must have one.
pub(super) fn dim_of(dim: i64, dims: &[usize]) -> Result<usize> {
    let at = shape::dim(dim, dims.len())?;
    if dims.is_empty() {
        return Err(Error::shape(
            "a tensor without dimensions has no parts along a dimension; use unsqueeze or reshape first",
            &[dims],
        ));
    }
    Ok(at)
}

/// A view where that is possible, else a copy.
fn with_dims(operation: &'static str, input: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let from = input.shape();
    let value = input.value();
    if let Some(view) = view_with_dims(&value, dims)? {
        return Tensor::record_view(operation, view, input, || move |grad: &Tensor| reshape(grad, &sizes(&from)));
    }
    let copy = compute::copy(&value)?.with_dims(dims)?;
    Tensor::record(operation, copy, [input], || move |grad, _| Ok([Some(reshape(grad, &sizes(&from))?)]))
}

/// The same memory in another shape of as many elements, where this can be had.
fn view_with_dims(value: &Value, dims: &[usize]) -> Result<Option<Value>> {
    if value.is_contiguous() {
        return Ok(Some(value.with_dims(dims)?));
    }
    let longer = |dims: &[usize]| dims.iter().copied().filter(|&size| size != 1).collect::<Dims>();
    if longer(value.dims()) != longer(dims) {
        return Ok(None);
    }
    let mut array = value.array.clone();
    for dim in (0..value.rank()).rev().filter(|&dim| value.dims()[dim] == 1) {
        array = array.squeeze(dim)?;
    }
    for at in (0..dims.len()).filter(|&at| dims[at] == 1) {
        array = array.unsqueeze(at)?;
    }
    Ok(Some(Value::new(array, value.dtype)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{add_, arange, clone, contiguous, mul, sum};
    use crate::{DType, Device, ErrorCode, autograd};

    fn counted(shape: &[i64]) -> Tensor {
        let count: i64 = shape.iter().product();
        let flat = arange(0.0, count as f64, 1.0, DType::Float32, Device::CPU).unwrap();
        clone(&reshape(&flat, shape).unwrap()).unwrap()
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        contiguous(tensor).unwrap().value().array.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// The gradient of `sum(y * y)`, which is `2 y` at the place each element came from.
    fn gradient_of_squares(x: &Tensor, rearrange: impl Fn(&Tensor) -> Tensor) -> Vec<f32> {
        x.set_requires_grad(true).unwrap();
        x.set_grad(None).unwrap();
        let y = rearrange(x);
        autograd::backward(&sum(&mul(&y, &y).unwrap(), None, false, None).unwrap(), None, false, false).unwrap();
        numbers(&x.grad().unwrap())
    }

    #[test]
    fn views_share_memory_and_copies_do_not() {
        let x = counted(&[2, 3]);
        let turned = transpose(&x, 0, 1).unwrap();
        let flat = reshape(&turned, &[-1]).unwrap();
        assert_eq!(numbers(&flat), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let seen = view(&turned, &[1, 3, 1, 2]).unwrap();
        assert_eq!(view(&turned, &[6]).unwrap_err().code(), ErrorCode::Shape);
        let rows = [view(&x, &[6]).unwrap(), squeeze(&unsqueeze(&x, -1).unwrap(), None).unwrap()];
        add_(&x, &counted(&[1, 1])).unwrap();
        add_(&x, &crate::ops::full(&[], 10.0, DType::Float32, Device::CPU).unwrap()).unwrap();
        assert_eq!(numbers(&flat)[1], 3.0);
        assert_eq!(numbers(&seen)[1], 13.0);
        assert!(rows.iter().all(|row| numbers(row)[3] == 13.0));
    }

    #[test]
    fn shapes_follow_pytorch_at_the_edges() {
        let scalar = counted(&[]);
        assert_eq!(flatten(&scalar, 0, -1).unwrap().dims(), [1]);
        assert_eq!(transpose(&scalar, 0, -1).unwrap().rank(), 0);
        assert_eq!(unsqueeze(&scalar, -1).unwrap().dims(), [1]);
        assert_eq!(expand(&scalar, &[2, 0]).unwrap().dims(), [2, 0]);
        let x = counted(&[1, 3, 1]);
        assert_eq!(squeeze(&x, Some(&[0, 1])).unwrap().dims(), [3, 1]);
        assert_eq!(squeeze(&x, Some(&[])).unwrap().dims(), [1, 3, 1]);
        assert_eq!(flatten(&counted(&[2, 3, 2]), -2, -1).unwrap().dims(), [2, 6]);
        assert!(flatten(&x, 2, 0).is_err() && permute(&x, &[0, 1, 1]).is_err() && permute(&x, &[0, 1]).is_err());
        assert!(expand(&x, &[-1, 1, 3, 1]).is_err() && expand(&x, &[1, 4, 1]).is_err());
        assert_eq!(narrow(&x, 1, -1, 2).unwrap_err().code(), ErrorCode::Index);
        assert_eq!(numbers(&narrow(&x, 1, -2, 2).unwrap()), [1.0, 2.0]);
        assert_eq!(select(&x, 1, 3).unwrap_err().code(), ErrorCode::Index);
        assert_eq!(numbers(&select(&x, 1, -1).unwrap()), [2.0]);
    }

    #[test]
    fn gradients_return_to_where_the_elements_came_from() {
        let x = counted(&[2, 3]);
        let twice: Vec<f32> = (0..6u8).map(|i| f32::from(i) * 2.0).collect();
        assert_eq!(gradient_of_squares(&x, |x| permute(x, &[-1, 0]).unwrap()), twice);
        assert_eq!(gradient_of_squares(&x, |x| reshape(&transpose(x, 0, 1).unwrap(), &[3, 2, 1]).unwrap()), twice);
        assert_eq!(gradient_of_squares(&x, |x| unsqueeze(x, 1).unwrap()), twice);
        let x = counted(&[2, 1]);
        assert_eq!(gradient_of_squares(&x, |x| expand(x, &[3, -1, 2]).unwrap()), [0.0, 12.0]);
        let x = counted(&[2, 3]);
        assert_eq!(gradient_of_squares(&x, |x| narrow(x, 1, 1, 2).unwrap()), [0.0, 2.0, 4.0, 0.0, 8.0, 10.0]);
        assert_eq!(gradient_of_squares(&x, |x| select(x, 0, 1).unwrap()), [0.0, 0.0, 0.0, 6.0, 8.0, 10.0]);
    }
}
