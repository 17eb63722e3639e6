//! Rearrangement that copies: mirrored, rolled, repeated, and parts of matrices.

use super::common::{in_place, sizes};
use super::shape::{dim_of, expand, narrow, permute, reshape};
use super::{cat, clone, flatten, index_select, to_dtype, zeros};
use crate::autograd::GradMode;
use crate::compute;
use crate::{DType, Error, Result, Tensor, shape};

/// The elements in reverse order along dimensions.
///
/// A copy. Differentiable.
///
/// # Errors
/// `Index` for a dimension out of range, `InvalidArgument` for one that is given twice.
///
/// # PyTorch
/// `torch.flip`
///
/// # Examples
/// ```python
/// >>> cf.flip(cf.tensor([1, 2, 3]), [0])
/// tensor([3, 2, 1])
/// ```
pub fn flip(input: &Tensor, dims: &[i64]) -> Result<Tensor> {
    let shape = input.shape();
    // Unlike in reductions, an empty list means none.
    let chosen = if dims.is_empty() { shape::Dims::new() } else { shape::dims(Some(dims), shape.len())? };
    let mut value = input.value();
    for &dim in &chosen {
        let size = shape[dim];
        let order = compute::from_fn(&[size], DType::Int64, |at| (size - 1 - at) as i64)?.send_to(input.device())?;
        value = compute::index_select(&value, dim, &order)?;
    }
    if chosen.is_empty() {
        return clone(input);
    }
    let chosen = sizes(&chosen);
    Tensor::record("flip", value, [input], || move |grad, _| Ok([Some(flip(grad, &chosen)?)]))
}

/// The elements moved along dimensions; those that leave at the end come in again at the start.
///
/// Each of `shifts` belongs to one of `dims`; without `dims` the elements are seen as one vector. A copy.
/// Differentiable.
///
/// # Defaults
/// dims = None
///
/// # Errors
/// `Index` for a dimension out of range, `InvalidArgument` when there are not as many shifts as dimensions.
///
/// # PyTorch
/// `torch.roll`
///
/// # Examples
/// ```python
/// >>> cf.roll(cf.tensor([1, 2, 3]), 1)
/// tensor([3, 1, 2])
/// ```
pub fn roll(input: &Tensor, shifts: &[i64], dims: Option<&[i64]>) -> Result<Tensor> {
    let shape = input.shape();
    let value = {
        let _mode = GradMode::new(false);
        match dims.filter(|dims| !dims.is_empty()) {
            None => {
                let &[shift] = shifts else {
                    return Err(Error::argument(format!(
                        "one shift is needed without dims, and {shifts:?} were given"
                    )));
                };
                let flat = rolled(&reshape(input, &[-1])?, shift, 0)?;
                reshape(&flat, &sizes(&shape))?
            }
            Some(dims) if dims.len() == shifts.len() => {
                let mut result = input.clone();
                for (&dim, &shift) in dims.iter().zip(shifts) {
                    result = rolled(&result, shift, dim_of(dim, &shape)?)?;
                }
                result
            }
            Some(dims) => {
                return Err(Error::argument(format!("shifts {shifts:?} and dims {dims:?} must be of one length")));
            }
        }
    };
    let value = if value.num_elements() == 0 { clone(&value)?.value() } else { value.value() };
    Tensor::record("roll", value, [input], || {
        let (back, dims) =
            (shifts.iter().map(|shift| shift.wrapping_neg()).collect::<Vec<_>>(), dims.map(<[i64]>::to_vec));
        move |grad, _| Ok([Some(roll(grad, &back, dims.as_deref())?)])
    })
}

fn rolled(input: &Tensor, shift: i64, dim: usize) -> Result<Tensor> {
    let size = input.shape()[dim] as i64;
    if size == 0 {
        return Ok(input.clone());
    }
    let (at, start) = (dim as i64, shift.rem_euclid(size));
    cat(&[&narrow(input, at, size - start, start)?, &narrow(input, at, 0, size - start)?], at)
}

/// Repeats a tensor along its dimensions.
///
/// There is one count per dimension; further counts in front stand for new dimensions. A copy. Differentiable.
///
/// # Errors
/// `Shape` for fewer counts than dimensions and for negative ones.
///
/// # PyTorch
/// `torch.Tensor.repeat`
///
/// # Examples
/// ```python
/// >>> cf.repeat(cf.tensor([1, 2]), [2, 2])
/// tensor([[1, 2, 1, 2],
///         [1, 2, 1, 2]])
/// ```
pub fn repeat(input: &Tensor, repeats: &[i64]) -> Result<Tensor> {
    let dims = input.shape();
    let added = repeats.len().checked_sub(dims.len()).ok_or_else(|| {
        Error::shape(
            format!("repeats {repeats:?} has fewer numbers than the shape {:?} dimensions", dims.as_slice()),
            &[&dims],
        )
    })?;
    let counts = shape::from_sizes(repeats)?;
    let (mut single, mut spread, mut result) = (Vec::new(), Vec::new(), shape::Dims::new());
    for (at, &count) in counts.iter().enumerate() {
        let size = at.checked_sub(added).map_or(1, |own| dims[own]);
        single.extend([1, size as i64]);
        spread.extend([count as i64, size as i64]);
        result.push(count.checked_mul(size).ok_or_else(|| {
            Error::shape(format!("repeating {:?} by {repeats:?} is too large", dims.as_slice()), &[&dims])
        })?);
    }
    shape::check_allocation_on(&result, input.dtype(), input.device())?;
    let repeated = expand(&reshape(input, &single)?, &spread)?;
    // Also where nothing is repeated the result has memory of its own.
    let repeated = if counts.iter().all(|&count| count == 1) { clone(&repeated)? } else { repeated };
    reshape(&repeated, &sizes(&result))
}

/// Repeats a tensor along its dimensions; there may be fewer counts than dimensions.
///
/// Missing counts, in front, are 1. A copy. Differentiable.
///
/// # Errors
/// `Shape` for negative counts.
///
/// # PyTorch
/// `torch.tile`
///
/// # Examples
/// ```python
/// >>> cf.tile(cf.tensor([[1, 2]]), [2])
/// tensor([[1, 2, 1, 2]])
/// ```
pub fn tile(input: &Tensor, dims: &[i64]) -> Result<Tensor> {
    let missing = input.rank().saturating_sub(dims.len());
    repeat(input, &[vec![1; missing], dims.to_vec()].concat())
}

/// Repeats each element of a dimension.
///
/// `repeats` is a number, or a vector with one for each element. Without `dim` the elements are seen as one
/// vector. A copy. Differentiable with respect to `input`.
///
/// # Defaults
/// dim = None
///
/// # Errors
/// `Index` for a dimension out of range, `Shape` when `repeats` does not fit, `InvalidArgument` for a
/// negative one, `DType` when it is not of integers.
///
/// # PyTorch
/// `torch.repeat_interleave`
///
/// # Examples
/// ```python
/// >>> cf.repeat_interleave(cf.tensor([1, 2]), 2)
/// tensor([1, 1, 2, 2])
/// ```
pub fn repeat_interleave(input: &Tensor, repeats: &Tensor, dim: Option<i64>) -> Result<Tensor> {
    let Some(dim) = dim else {
        return repeat_interleave(&flatten(input, 0, -1)?, repeats, Some(0));
    };
    let dims = input.shape();
    let at = dim_of(dim, &dims)?;
    if !repeats.dtype().is_integer() {
        let message = format!("repeats must be of an integer dtype, and is {}", repeats.dtype());
        return Err(Error::dtype(message, &[repeats.dtype()]));
    }
    let size = dims[at];
    let counts = to_dtype(repeats, DType::Int64)?.value().to_device(crate::Device::CPU)?;
    let counts = compute::contiguous(&counts)?.array.flatten_all()?.to_vec1::<i64>()?;
    if repeats.rank() > 1 || counts.len() != size && counts.len() != 1 {
        return Err(Error::shape(
            format!("repeats of shape {:?} does not fit dimension {at} of size {size}", repeats.dims()),
            &[&repeats.dims(), &dims],
        ));
    }
    let count = |i: usize| if counts.len() == 1 { counts[0] } else { counts[i] };
    if let Some(&negative) = counts.iter().find(|count| **count < 0) {
        return Err(Error::argument(format!("repeats must not be negative, and has {negative}")));
    }
    let total = (0..size)
        .try_fold(0i64, |total, i| total.checked_add(count(i)))
        .ok_or_else(|| Error::argument("the sum of repeats is too large"))?;
    let mut result = dims.clone();
    result[at] = total as usize;
    shape::check_allocation_on(&result, input.dtype(), input.device())?;
    shape::check_allocation(&[total as usize], DType::Int64)?;
    let index: Vec<i64> = (0..size).flat_map(|i| std::iter::repeat_n(i as i64, count(i) as usize)).collect();
    let index = compute::from_vec(index, &[total as usize], DType::Int64).send_to(input.device())?;
    index_select(input, at as i64, &Tensor::from_value(index))
}

/// The lower triangle of matrices: zero above a diagonal.
///
/// The matrices are the last two dimensions. Diagonal 0 is the main one, positive ones lie above it. Keeps the
/// shape. Differentiable.
///
/// # Defaults
/// diagonal = 0
///
/// # Errors
/// `Shape` for fewer than two dimensions.
///
/// # PyTorch
/// `torch.tril`
///
/// # Examples
/// ```python
/// >>> cf.tril(cf.tensor([[1, 2], [3, 4]]))
/// tensor([[1, 0],
///         [3, 4]])
/// ```
pub fn tril(input: &Tensor, diagonal: i64) -> Result<Tensor> {
    triangle("tril", input, diagonal, true)
}

/// The upper triangle of matrices: zero below a diagonal.
///
/// The matrices are the last two dimensions. Diagonal 0 is the main one, positive ones lie above it. Keeps the
/// shape. Differentiable.
///
/// # Defaults
/// diagonal = 0
///
/// # Errors
/// `Shape` for fewer than two dimensions.
///
/// # PyTorch
/// `torch.triu`
///
/// # Examples
/// ```python
/// >>> cf.triu(cf.tensor([[1, 2], [3, 4]]))
/// tensor([[1, 2],
///         [0, 4]])
/// ```
pub fn triu(input: &Tensor, diagonal: i64) -> Result<Tensor> {
    triangle("triu", input, diagonal, false)
}

/// Sets the elements above a diagonal to zero, in place.
///
/// As `tril`. Differentiable.
///
/// # Defaults
/// diagonal = 0
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `Shape` for fewer than two dimensions.
///
/// # PyTorch
/// `torch.Tensor.tril_`
pub fn tril_(input: &Tensor, diagonal: i64) -> Result<()> {
    in_place(input, &[], |before| tril(before, diagonal))
}

/// Sets the elements below a diagonal to zero, in place.
///
/// As `triu`. Differentiable.
///
/// # Defaults
/// diagonal = 0
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad, `Shape` for fewer than two dimensions.
///
/// # PyTorch
/// `torch.Tensor.triu_`
pub fn triu_(input: &Tensor, diagonal: i64) -> Result<()> {
    in_place(input, &[], |before| triu(before, diagonal))
}

fn triangle(name: &'static str, input: &Tensor, diagonal: i64, lower: bool) -> Result<Tensor> {
    let dims = input.shape();
    if dims.len() < 2 {
        return Err(Error::shape(
            format!("{name} needs matrices, at least two dimensions, and got shape {:?}", dims.as_slice()),
            &[&dims],
        ));
    }
    let value = compute::triangle(&input.value(), diagonal, lower)?;
    Tensor::record(name, value, [input], || move |grad, _| Ok([Some(triangle(name, grad, diagonal, lower)?)]))
}

/// A diagonal of the matrices of two dimensions, as a new last dimension.
///
/// Offset 0 is the main one, positive ones lie above it. A copy, unlike PyTorch's view. Differentiable.
///
/// # Defaults
/// offset = 0, dim1 = 0, dim2 = 1
///
/// # Errors
/// `Index` for a dimension out of range, `InvalidArgument` for one dimension twice.
///
/// # PyTorch
/// `torch.diagonal`
///
/// # Examples
/// ```python
/// >>> cf.diagonal(cf.tensor([[1, 2], [3, 4]]))
/// tensor([1, 4])
/// ```
pub fn diagonal(input: &Tensor, offset: i64, dim1: i64, dim2: i64) -> Result<Tensor> {
    let dims = input.shape();
    let (first, second) = (dim_of(dim1, &dims)?, dim_of(dim2, &dims)?);
    if first == second {
        return Err(Error::argument(format!("diagonal dimensions must differ, and both are {first}")));
    }
    let mut order: Vec<i64> = (0..dims.len()).filter(|at| *at != first && *at != second).map(|at| at as i64).collect();
    order.extend([first as i64, second as i64]);
    let (rows, columns) = (dims[first] as i64, dims[second] as i64);
    let turned = permute(input, &order)?;
    let mut flat = sizes(&turned.shape()[..dims.len() - 2]);
    flat.push(rows * columns);
    index_select(&reshape(&turned, &flat)?, -1, &on_diagonal(rows, columns, offset, input)?)
}

/// The diagonal of a matrix, or a matrix with a vector on its diagonal and zeros elsewhere.
///
/// Diagonal 0 is the main one, positive ones lie above it. A copy. Differentiable.
///
/// # Defaults
/// diagonal = 0
///
/// # Errors
/// `Shape` unless there are one or two dimensions.
///
/// # PyTorch
/// `torch.diag`
///
/// # Examples
/// ```python
/// >>> cf.diag(cf.tensor([1, 2]))
/// tensor([[1, 0],
///         [0, 2]])
/// ```
pub fn diag(input: &Tensor, diagonal: i64) -> Result<Tensor> {
    match input.shape().as_slice() {
        [_, _] => self::diagonal(input, diagonal, 0, 1),
        &[size] => {
            let wrong = || Error::argument(format!("diagonal {diagonal} is too far from the main one"));
            let side = i64::try_from(diagonal.unsigned_abs())
                .ok()
                .and_then(|away| away.checked_add(size as i64))
                .ok_or_else(wrong)?;
            let whole = side.checked_mul(side).ok_or_else(wrong)?;
            shape::check_allocation_on(&[whole as usize], input.dtype(), input.device())?;
            let index = on_diagonal(side, side, diagonal, input)?;
            let zeros = zeros(&[whole], input.dtype(), input.device())?;
            reshape(&super::index_copy(&zeros, 0, &index, input)?, &[side, side])
        }
        dims => Err(Error::shape(format!("diag needs one or two dimensions, and got shape {dims:?}"), &[dims])),
    }
}

/// The flat positions of a diagonal in a matrix.
fn on_diagonal(rows: i64, columns: i64, offset: i64, like: &Tensor) -> Result<Tensor> {
    let (row, column) = (offset.min(0).unsigned_abs(), offset.max(0) as u64);
    let count = (rows as u64).saturating_sub(row).min((columns as u64).saturating_sub(column)) as usize;
    let first = if count == 0 { 0 } else { row as i64 * columns + column as i64 };
    let index = compute::from_fn(&[count], DType::Int64, |at| first + at as i64 * (columns + 1))?;
    Ok(Tensor::from_value(index.send_to(like.device())?))
}
