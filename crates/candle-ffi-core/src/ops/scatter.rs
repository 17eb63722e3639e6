//! Writing by tensors of indices.

use super::common::{in_place, number, same_device, sizes};
use super::index::{check_index_shape, in_dimension, index_add, index_vector, indices, scatter_add, zeros_for};
use super::shape::{expand, narrow, reshape, squeeze, unsqueeze};
use super::{add, gather, ge, logical_and, lt, neg, to_dtype, r#where, zeros};
use crate::autograd::Saved;
use crate::compute::{self, Scatter};
use crate::{Error, Result, Tensor, autocast, shape};

/// Puts elements into a tensor along a dimension, each at an index of its own.
///
/// `out = input` with `out[index[i][j]][j] = src[i][j]` for `dim = 0`. `src` may be a number. The index is of
/// any integer dtype and not larger than `src`, nor than the input in the other dimensions; where an index
/// repeats, the last one counts. Differentiable with respect to `input` and `src`.
///
/// # Errors
/// `Index` for an index that is negative or too large, `Shape` when the shapes do not fit, `DType` for
/// an index that is not of integers and for two dtypes.
///
/// # PyTorch
/// `torch.scatter`
///
/// # Examples
/// ```python
/// >>> cf.scatter(cf.zeros([3]), 0, cf.tensor([2, 0]), cf.tensor([1.0, 2.0]))
/// tensor([2., 0., 1.])
/// ```
pub fn scatter(input: &Tensor, dim: i64, index: &Tensor, src: &Tensor) -> Result<Tensor> {
    let dims = input.shape();
    let (at, index) = (shape::dim(dim, dims.len())?, indices(index)?);
    check_index_shape("input", &dims, at, &index)?;
    let mut src = src.clone();
    if src.rank() == 0 {
        // A number for every index.
        let moved = super::to_device(&to_dtype(&src, input.dtype())?, input.device())?;
        src = expand(&moved, &sizes(&index.shape()))?;
    }
    same_device(&[input, &index, &src])?;
    if src.dtype() != input.dtype() {
        return Err(Error::dtype(
            format!("input is {} and src is {}; they must be of one dtype", input.dtype(), src.dtype()),
            &[input.dtype(), src.dtype()],
        ));
    }
    check_index_shape("src", &src.shape(), usize::MAX, &index)?;
    if index.num_elements() == 0 {
        return Tensor::record("scatter", compute::copy(&input.value())?, [input, &src], || {
            let src = Saved::new(&src);
            move |grad, _| Ok([Some(grad.clone()), Some(zeros_for(grad, &src.shape())?)])
        });
    }
    if dims.is_empty() {
        let result = scatter(&unsqueeze(input, 0)?, 0, &unsqueeze(&index, 0)?, &unsqueeze(&src, 0)?)?;
        return squeeze(&result, None);
    }
    for (dim, &size) in index.shape().iter().enumerate() {
        if size < src.shape()[dim] {
            src = narrow(&src, dim as i64, 0, size as i64)?;
        }
    }
    let value = compute::scatter(Scatter::Assign, &input.value(), at, &index.value(), &src.value());
    Tensor::record("scatter", value.map_err(|error| in_dimension(error, at))?, [input, &src], || {
        let index = Saved::new(&index);
        move |grad, context| {
            let (index, along) = (index.get()?, at as i64);
            let zero = zeros(&[], grad.dtype(), grad.device())?;
            Ok([
                context.wants(0, || scatter(grad, along, index, &zero))?,
                context.wants(1, || gather(grad, along, index))?,
            ])
        }
    })
}

/// Replaces entries of a dimension at the positions of a vector of indices.
///
/// `out = input` with `out[index[i]] = source[i]` for `dim = 0`; where an index repeats, the last one counts.
/// Differentiable with respect to `input` and `source`.
///
/// # Errors
/// `Index` for an index that is negative or too large, `Shape` when the shapes do not fit, `DType` for
/// an index that is not of integers and for two dtypes.
///
/// # PyTorch
/// `torch.index_copy`
///
/// # Examples
/// ```python
/// >>> cf.index_copy(cf.zeros([3]), 0, cf.tensor([2, 0]), cf.tensor([1.0, 2.0]))
/// tensor([2., 0., 1.])
/// ```
pub fn index_copy(input: &Tensor, dim: i64, index: &Tensor, source: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::WIDEST, &[input, source]) {
        return index_copy(&cast.of(input)?, dim, &cast.of(index)?, &cast.of(source)?);
    }
    let dims = input.shape();
    let (at, index) = (shape::dim(dim, dims.len())?, index_vector(index)?);
    if dims.is_empty() && source.rank() == 0 {
        return squeeze(&index_copy(&unsqueeze(input, 0)?, 0, &index, &unsqueeze(source, 0)?)?, None);
    }
    let mut expected = dims.clone();
    if let Some(size) = expected.get_mut(at) {
        *size = index.num_elements();
    }
    if dims.is_empty() || expected != source.shape() {
        return Err(Error::shape(
            format!("source must have shape {:?} for this index, and has {:?}", expected.as_slice(), source.dims()),
            &[&expected, &source.dims()],
        ));
    }
    scatter(input, dim, &spread(&index, at, &expected)?, source)
}

/// Sets entries of a dimension to a number at the positions of a vector of indices.
///
/// `out = input` with `out[index[i]] = value` for `dim = 0`. A negative index counts from the end. Differentiable with
/// respect to `input` and `value`.
///
/// # Errors
/// `Index` for an index that is out of range, `Shape` when the index is not a vector or the value
/// not a number, `DType` when the index is not of integers.
///
/// # PyTorch
/// `torch.index_fill`
///
/// # Examples
/// ```python
/// >>> cf.index_fill(cf.zeros([3]), 0, cf.tensor([2, 0]), 1.0)
/// tensor([1., 0., 1.])
/// ```
pub fn index_fill(input: &Tensor, dim: i64, index: &Tensor, value: &Tensor) -> Result<Tensor> {
    if value.rank() != 0 {
        return Err(Error::shape(
            format!("the value must be a number or a tensor without dimensions, and has shape {:?}", value.dims()),
            &[&value.dims()],
        ));
    }
    let dims = input.shape();
    let (at, index) = (shape::dim(dim, dims.len())?, index_vector(index)?);
    if dims.is_empty() {
        return squeeze(&index_fill(&unsqueeze(input, 0)?, 0, &index, value)?, None);
    }
    let size = number(dims[at] as f64);
    let from_end = logical_and(&lt(&index, &number(0.0))?, &ge(&index, &neg(&size)?)?)?;
    let index = r#where(&from_end, &add(&index, &to_dtype(&size, index.dtype())?)?, &index)?;
    let mut filled = dims;
    filled[at] = index.num_elements();
    scatter(input, dim, &spread(&index, at, &filled)?, value)
}

/// A vector of indices along a dimension, the same for all places in the others.
fn spread(index: &Tensor, dim: usize, dims: &[usize]) -> Result<Tensor> {
    let mut along = vec![1; dims.len()];
    along[dim] = index.num_elements() as i64;
    expand(&reshape(index, &along)?, &sizes(dims))
}

/// Puts elements into a tensor along a dimension in place, each at an index of its own.
///
/// As `scatter`. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, and those of `scatter`.
///
/// # PyTorch
/// `torch.Tensor.scatter_`
pub fn scatter_(input: &Tensor, dim: i64, index: &Tensor, src: &Tensor) -> Result<()> {
    in_place(input, &[src], |before| scatter(before, dim, index, src))
}

/// Adds elements to a tensor along a dimension in place, each at an index of its own.
///
/// As `scatter_add`. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, and those of `scatter_add`.
///
/// # PyTorch
/// `torch.Tensor.scatter_add_`
pub fn scatter_add_(input: &Tensor, dim: i64, index: &Tensor, src: &Tensor) -> Result<()> {
    in_place(input, &[src], |before| scatter_add(before, dim, index, src))
}

/// Adds entries of a dimension in place at the positions of a vector of indices.
///
/// As `index_add`. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, and those of `index_add`.
///
/// # PyTorch
/// `torch.Tensor.index_add_`
pub fn index_add_(input: &Tensor, dim: i64, index: &Tensor, source: &Tensor) -> Result<()> {
    in_place(input, &[source], |before| index_add(before, dim, index, source))
}

/// Replaces entries of a dimension in place at the positions of a vector of indices.
///
/// As `index_copy`. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, and those of `index_copy`.
///
/// # PyTorch
/// `torch.Tensor.index_copy_`
pub fn index_copy_(input: &Tensor, dim: i64, index: &Tensor, source: &Tensor) -> Result<()> {
    in_place(input, &[source], |before| index_copy(before, dim, index, source))
}

/// Sets entries of a dimension to a number in place at the positions of a vector of indices.
///
/// As `index_fill`. Differentiable.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, and those of `index_fill`.
///
/// # PyTorch
/// `torch.Tensor.index_fill_`
pub fn index_fill_(input: &Tensor, dim: i64, index: &Tensor, value: &Tensor) -> Result<()> {
    in_place(input, &[value], |before| index_fill(before, dim, index, value))
}
