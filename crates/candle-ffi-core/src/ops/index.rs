//! Reading and writing by tensors of indices and by masks.

use super::common::{on_one_device, same_device, sizes};
use super::shape::{expand, narrow, reshape, squeeze, unsqueeze};
use super::{to_dtype, r#where};
use crate::autograd::Saved;
use crate::compute::{self, Reduce, Scatter};
use crate::{DType, Error, ErrorCode, Result, Tensor, autocast, shape};

/// Picks elements along a dimension, each by an index of its own.
///
/// `out[i][j] = input[index[i][j]][j]` for `dim = 0`. The index is of any integer dtype, has as many
/// dimensions as the input, and is not larger in the other ones; the result has its shape.
/// Differentiable with respect to `input`.
///
/// # Errors
/// `Index` for an index that is negative or too large, `Shape` when the shapes do not fit, `DType` for
/// an index that is not of integers.
///
/// # PyTorch
/// `torch.gather`
///
/// # Examples
/// ```python
/// >>> cf.gather(cf.tensor([[1, 2], [3, 4]]), 1, cf.tensor([[0], [1]]))
/// tensor([[1],
///         [4]])
/// ```
pub fn gather(input: &Tensor, dim: i64, index: &Tensor) -> Result<Tensor> {
    same_device(&[input, index])?;
    let dims = input.shape();
    let (at, index) = (shape::dim(dim, dims.len())?, indices(index)?);
    check_index_shape("input", &dims, at, &index)?;
    if dims.is_empty() {
        return squeeze(&gather(&unsqueeze(input, 0)?, 0, &unsqueeze(&index, 0)?)?, None);
    }
    let value = compute::gather(&input.value(), at, &index.value()).map_err(|error| in_dimension(error, at))?;
    Tensor::record("gather", value, [input], || {
        let index = Saved::new(&index);
        move |grad, _| Ok([Some(scatter_add(&zeros_for(grad, &dims)?, at as i64, index.get()?, grad)?)])
    })
}

/// Adds elements along a dimension, each at an index of its own.
///
/// `out = input` with `out[index[i][j]][j] += src[i][j]` for `dim = 0`. The index is of any integer
/// dtype and not larger than `src`, nor than the input in the other dimensions. Differentiable with
/// respect to `input` and `src`.
///
/// # Errors
/// `Index` for an index that is negative or too large, `Shape` when the shapes do not fit, `DType` for
/// an index that is not of integers and for two dtypes.
///
/// # PyTorch
/// `torch.scatter_add`
///
/// # Examples
/// ```python
/// >>> cf.scatter_add(cf.zeros([3]), 0, cf.tensor([0, 0, 2]), cf.tensor([1.0, 2.0, 3.0]))
/// tensor([3., 0., 3.])
/// ```
pub fn scatter_add(input: &Tensor, dim: i64, index: &Tensor, src: &Tensor) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::WIDEST, &[input, src]) {
        return scatter_add(&cast.of(input)?, dim, &cast.of(index)?, &cast.of(src)?);
    }
    same_device(&[input, index, src])?;
    same_number_dtype(input, "src", src)?;
    let dims = input.shape();
    let (at, index) = (shape::dim(dim, dims.len())?, indices(index)?);
    check_index_shape("input", &dims, at, &index)?;
    check_index_shape("src", &src.shape(), usize::MAX, &index)?;
    if dims.is_empty() {
        let sum = scatter_add(&unsqueeze(input, 0)?, 0, &unsqueeze(&index, 0)?, &unsqueeze(src, 0)?)?;
        return squeeze(&sum, None);
    }
    let mut src = src.clone();
    for (dim, &size) in index.shape().iter().enumerate().filter(|_| index.num_elements() > 0) {
        if size < src.shape()[dim] {
            src = narrow(&src, dim as i64, 0, size as i64)?;
        }
    }
    if index.num_elements() == 0 {
        return super::clone(input);
    }
    let value = compute::scatter(Scatter::Add, &input.value(), at, &index.value(), &src.value());
    Tensor::record("scatter_add", value.map_err(|error| in_dimension(error, at))?, [input, &src], || {
        let index = Saved::new(&index);
        move |grad, context| Ok([Some(grad.clone()), context.wants(1, || gather(grad, at as i64, index.get()?))?])
    })
}

/// Picks entries of a dimension by a vector of indices.
///
/// The result has as many entries there as the index. Differentiable with respect to `input`.
///
/// # Errors
/// `Index` for an index that is negative or too large, `Shape` when the index is not a vector, `DType`
/// when it is not of integers.
///
/// # PyTorch
/// `torch.index_select`
///
/// # Examples
/// ```python
/// >>> cf.index_select(cf.tensor([[1, 2], [3, 4]]), 0, cf.tensor([1, 1]))
/// tensor([[3, 4],
///         [3, 4]])
/// ```
pub fn index_select(input: &Tensor, dim: i64, index: &Tensor) -> Result<Tensor> {
    same_device(&[input, index])?;
    let dims = input.shape();
    let (at, index) = (shape::dim(dim, dims.len())?, index_vector(index)?);
    if dims.is_empty() {
        if index.num_elements() != 1 {
            return Err(Error::shape("a tensor without dimensions is indexed by one index only", &[&index.shape()]));
        }
        return squeeze(&index_select(&unsqueeze(input, 0)?, 0, &index)?, None);
    }
    let value = compute::index_select(&input.value(), at, &index.value()).map_err(|error| in_dimension(error, at))?;
    Tensor::record("index_select", value, [input], || {
        let index = Saved::new(&index);
        move |grad, _| Ok([Some(index_add(&zeros_for(grad, &dims)?, at as i64, index.get()?, grad)?)])
    })
}

/// Adds entries of a dimension at the positions of a vector of indices.
///
/// `out = input` with `out[index[i]] += source[i]` for `dim = 0`. Differentiable with respect to
/// `input` and `source`.
///
/// # Errors
/// `Index` for an index that is negative or too large, `Shape` when the shapes do not fit, `DType` for
/// an index that is not of integers and for two dtypes.
///
/// # PyTorch
/// `torch.index_add`
///
/// # Examples
/// ```python
/// >>> cf.index_add(cf.zeros([3]), 0, cf.tensor([2, 2]), cf.tensor([1.0, 2.0]))
/// tensor([0., 0., 3.])
/// ```
pub fn index_add(input: &Tensor, dim: i64, index: &Tensor, source: &Tensor) -> Result<Tensor> {
    same_device(&[input, index, source])?;
    same_number_dtype(input, "source", source)?;
    let dims = input.shape();
    let (at, index) = (shape::dim(dim, dims.len())?, index_vector(index)?);
    if dims.is_empty() && source.rank() == 0 && index.num_elements() == 1 {
        return squeeze(&index_add(&unsqueeze(input, 0)?, 0, &index, &unsqueeze(source, 0)?)?, None);
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
    let value = compute::index_add(&input.value(), at, &index.value(), &source.value());
    Tensor::record("index_add", value.map_err(|error| in_dimension(error, at))?, [input, source], || {
        let index = Saved::new(&index);
        move |grad, context| Ok([Some(grad.clone()), context.wants(1, || index_select(grad, at as i64, index.get()?))?])
    })
}

/// Vectors that are one at an index and zero elsewhere.
///
/// A new last dimension of `num_classes`, or of the largest index plus one where that is -1; `int64`.
/// Not differentiable.
///
/// # Defaults
/// num_classes = -1
///
/// # Errors
/// `Index` for an index that is negative or not less than `num_classes`, `InvalidArgument` when there
/// is no index to find the number of classes from.
///
/// # PyTorch
/// `torch.nn.functional.one_hot`
///
/// # Examples
/// ```python
/// >>> cf.one_hot(cf.tensor([0, 2]))
/// tensor([[1, 0, 0],
///         [0, 0, 1]])
/// ```
pub fn one_hot(input: &Tensor, num_classes: i64) -> Result<Tensor> {
    let index = indices(input)?.value();
    let classes = match num_classes {
        -1 if index.num_elements() == 0 => {
            return Err(Error::argument("num_classes must be given for a tensor without elements"));
        }
        -1 => {
            let dims: Vec<usize> = (0..index.rank()).collect();
            let largest = compute::reduce(Reduce::Max, &index, &dims, false)?.array.to_scalar::<i64>()?;
            // A negative index is refused below.
            largest.max(0) as usize + 1
        }
        0 if index.num_elements() > 0 => {
            return Err(Error::argument("num_classes must be positive for a tensor with elements, and is 0"));
        }
        given => super::create::not_negative("num_classes", given)?,
    };
    let value = compute::one_hot(&index, classes).map_err(|error| {
        if error.code() == ErrorCode::Index {
            Error::index(format!("{}, the number of classes", error.message()))
        } else {
            error
        }
    })?;
    Ok(Tensor::from_value(value))
}

/// The elements of a tensor, with a number where a mask is true.
///
/// The shapes broadcast; the result has the dtype of the input. Differentiable: the gradient goes to
/// `value` where the mask is true, and to `input` elsewhere.
///
/// # Errors
/// `DType` for a mask that is not bool, `Shape` when the shapes do not broadcast.
///
/// # PyTorch
/// `torch.masked_fill`
///
/// # Examples
/// ```python
/// >>> cf.masked_fill(cf.tensor([1.0, 2.0]), cf.tensor([True, False]), 0.0)
/// tensor([0., 2.])
/// ```
pub fn masked_fill(input: &Tensor, mask: &Tensor, value: &Tensor) -> Result<Tensor> {
    require_mask(mask)?;
    if value.rank() != 0 {
        return Err(Error::shape(
            format!("the value must be a number or a tensor without dimensions, and has shape {:?}", value.dims()),
            &[&value.dims()],
        ));
    }
    r#where(mask, &to_dtype(value, input.dtype())?, input)
}

/// The elements where a mask is true, as a vector in row-major order.
///
/// The shapes broadcast. Differentiable with respect to `input`.
///
/// # Errors
/// `DType` for a mask that is not bool, `Shape` when the shapes do not broadcast.
///
/// # PyTorch
/// `torch.masked_select`
///
/// # Examples
/// ```python
/// >>> cf.masked_select(cf.tensor([1, 2, 3]), cf.tensor([True, False, True]))
/// tensor([1, 3])
/// ```
pub fn masked_select(input: &Tensor, mask: &Tensor) -> Result<Tensor> {
    require_mask(mask)?;
    let (input, mask) = on_one_device(input, mask)?;
    let dims = shape::broadcast(&input.shape(), &mask.shape())?;
    shape::check_allocation_on(&dims, input.dtype(), input.device())?;
    let positions = compute::positions(&mask.value().broadcast_to(&dims)?)?;
    let flat = reshape(&expand(&input, &sizes(&dims))?, &[shape::num_elements(&dims)? as i64])?;
    index_select(&flat, 0, &Tensor::from_value(positions))
}

/// The positions of the elements that are not zero.
///
/// Shape `[count, rank]`, `int64`, in row-major order. Not differentiable.
///
/// # PyTorch
/// `torch.nonzero`
///
/// # Examples
/// ```python
/// >>> cf.nonzero(cf.tensor([[0, 1], [2, 0]]))
/// tensor([[0, 1],
///         [1, 0]])
/// ```
pub fn nonzero(input: &Tensor) -> Result<Tensor> {
    let (dims, device) = (input.shape(), input.device());
    let truth = compute::cast(&input.value(), DType::Bool)?;
    let flat = compute::positions(&truth)?.to_device(crate::Device::CPU)?.array.to_vec1::<i64>()?;
    let strides = shape::contiguous_strides(&dims);
    let mut positions = Vec::with_capacity(flat.len() * dims.len());
    for at in &flat {
        positions.extend(dims.iter().zip(&strides).map(|(&size, &stride)| *at / stride as i64 % size as i64));
    }
    let value = compute::from_vec(positions, &[flat.len(), dims.len()], DType::Int64);
    Ok(Tensor::from_value(value.send_to(device)?))
}

/// An index as `int64`.
pub(super) fn indices(index: &Tensor) -> Result<Tensor> {
    if !index.dtype().is_integer() {
        let message = format!("an index must be of an integer dtype, and is {}", index.dtype());
        return Err(Error::dtype(message, &[index.dtype()]));
    }
    to_dtype(index, DType::Int64)
}

pub(super) fn index_vector(index: &Tensor) -> Result<Tensor> {
    match index.rank() {
        0 => indices(&unsqueeze(index, 0)?),
        1 => indices(index),
        _ => {
            let message = format!("the index must be a vector, and has shape {:?}", index.dims());
            Err(Error::shape(message, &[&index.dims()]))
        }
    }
}

/// Whether an index has as many dimensions and fits into all but `along`.
pub(super) fn check_index_shape(name: &str, dims: &[usize], along: usize, index: &Tensor) -> Result<()> {
    let own = index.shape();
    let fits = |(at, (own, size)): (usize, (&usize, &usize))| at == along || own <= size;
    let empty = index.num_elements() == 0;
    if own.len() == dims.len() && (empty || own.iter().zip(dims).enumerate().all(fits)) {
        return Ok(());
    }
    let but = if along < dims.len() { format!(" (but for dimension {along})") } else { String::new() };
    let message = format!("an index of shape {:?} does not fit into {name} of shape {dims:?}{but}", own.as_slice());
    Err(Error::shape(message, &[&own, dims]))
}

pub(super) fn same_number_dtype(input: &Tensor, name: &str, other: &Tensor) -> Result<()> {
    let (own, dtype) = (input.dtype(), other.dtype());
    if own != dtype {
        return Err(Error::dtype(
            format!("input is {own} and {name} is {dtype}; they must be of one dtype"),
            &[own, dtype],
        ));
    }
    super::common::refuse_bool(input, "an integer dtype")
}

fn require_mask(mask: &Tensor) -> Result<()> {
    if mask.dtype() == DType::Bool {
        return Ok(());
    }
    Err(Error::dtype(format!("a mask must be bool, and is {}; compare, or convert it", mask.dtype()), &[mask.dtype()]))
}

/// Names the dimension of an index that is out of range.
pub(super) fn in_dimension(error: Error, dim: usize) -> Error {
    if error.code() == ErrorCode::Index {
        Error::index(format!("{} (dimension {dim})", error.message()))
    } else {
        error
    }
}

/// Zeros to collect a gradient in.
pub(super) fn zeros_for(grad: &Tensor, dims: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_value(compute::fill(0.0, dims, grad.dtype(), grad.device())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::common::number;
    use crate::ops::{embedding, mul, sum};
    use crate::{Device, autograd};

    fn floats(data: &[f32], dims: &[usize]) -> Tensor {
        Tensor::from_value(compute::from_vec(data.to_vec(), dims, DType::Float32))
    }

    fn integers(data: &[i32], dims: &[usize]) -> Tensor {
        Tensor::from_value(compute::from_vec(data.to_vec(), dims, DType::Int32))
    }

    fn mask(data: &[u8], dims: &[usize]) -> Tensor {
        Tensor::from_value(compute::from_vec(data.to_vec(), dims, DType::Bool))
    }

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        let value = compute::cast(&tensor.value(), DType::Float64).unwrap();
        value.array.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// The gradient of `sum(y * y)`.
    fn gradient_of_squares(x: &Tensor, y: impl Fn(&Tensor) -> Result<Tensor>) -> Vec<f64> {
        x.set_requires_grad(true).unwrap();
        x.set_grad(None).unwrap();
        let y = y(x).unwrap();
        autograd::backward(&sum(&mul(&y, &y).unwrap(), None, false, None).unwrap(), None, false, false).unwrap();
        numbers(&x.grad().unwrap())
    }

    #[test]
    fn gradients_add_up_where_an_index_repeats() {
        let x = floats(&[1.0, 2.0, 3.0, 4.0], &[2, 2]);
        let index = integers(&[1, 1, 0, 1], &[2, 2]);
        assert_eq!(numbers(&gather(&x, 1, &index).unwrap()), [2.0, 2.0, 3.0, 4.0]);
        assert_eq!(gradient_of_squares(&x, |x| gather(x, -1, &index)), [0.0, 8.0, 6.0, 8.0]);
        let rows = integers(&[1, 1], &[2]);
        assert_eq!(gradient_of_squares(&x, |x| index_select(x, 0, &rows)), [0.0, 0.0, 12.0, 16.0]);
        assert_eq!(gradient_of_squares(&x, |x| embedding(&rows, x, None, false)), [0.0, 0.0, 12.0, 16.0]);
        assert_eq!(
            gradient_of_squares(&x, |x| embedding(&integers(&[0, 1], &[2, 1]), x, Some(-1), false)),
            [2.0, 4.0, 0.0, 0.0]
        );
    }

    #[test]
    fn sources_larger_than_the_index_get_zero_gradient_beyond_it() {
        let base = floats(&[0.0; 3], &[3]);
        let src = floats(&[1.0, 2.0, 3.0], &[3]);
        let index = integers(&[2, 2], &[2]);
        assert_eq!(numbers(&scatter_add(&base, 0, &index, &src).unwrap()), [0.0, 0.0, 3.0]);
        assert_eq!(gradient_of_squares(&src, |src| scatter_add(&base, 0, &index, src)), [6.0, 6.0, 0.0]);
        let row = floats(&[1.0, 2.0], &[2]);
        assert_eq!(gradient_of_squares(&row, |row| index_add(&base, 0, &index, row)), [6.0, 6.0]);
    }

    #[test]
    fn wrong_indices_are_errors_that_say_where() {
        let x = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
        for wrong in [-1, 3] {
            let errors = [
                gather(&x, 1, &integers(&[wrong, 0], &[2, 1])).unwrap_err(),
                index_select(&x, 1, &integers(&[0, wrong], &[2])).unwrap_err(),
            ];
            for error in errors {
                let text = error.message();
                assert_eq!(error.code(), ErrorCode::Index);
                assert!(
                    text.contains(&wrong.to_string()) && text.contains("size 3") && text.contains("dimension 1"),
                    "{text}"
                );
            }
        }
        assert_eq!(gather(&x, 0, &integers(&[0], &[1])).unwrap_err().code(), ErrorCode::Shape);
        assert_eq!(gather(&x, 0, &x).unwrap_err().code(), ErrorCode::DType);
        assert_eq!(
            index_add(&x, 0, &integers(&[0], &[1]), &floats(&[1.0], &[1])).unwrap_err().code(),
            ErrorCode::Shape
        );
        assert!(embedding(&integers(&[0], &[1]), &x, Some(2), false).is_err());
    }

    #[test]
    fn classes_are_counted_or_given() {
        let index = integers(&[0, 2], &[2]);
        assert_eq!(numbers(&one_hot(&index, -1).unwrap()), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(one_hot(&index, 2).unwrap_err().code(), ErrorCode::Index);
        assert_eq!(one_hot(&integers(&[-1], &[1]), -1).unwrap_err().code(), ErrorCode::Index);
        assert!(one_hot(&integers(&[], &[0]), -1).is_err());
        assert_eq!(one_hot(&integers(&[], &[0]), 4).unwrap().dims(), [0, 4]);
    }

    #[test]
    fn masks_broadcast() {
        let x = floats(&[1.0, 2.0], &[2]);
        let grid = mask(&[1, 0, 0, 0], &[2, 2]);
        assert_eq!(numbers(&masked_fill(&x, &grid, &number(9.0)).unwrap()), [9.0, 2.0, 1.0, 2.0]);
        assert_eq!(gradient_of_squares(&x, |x| masked_fill(x, &grid, &number(9.0))), [2.0, 8.0]);
        assert_eq!(gradient_of_squares(&x, |x| masked_select(x, &mask(&[1, 0, 1, 1], &[2, 2]))), [4.0, 4.0]);
        assert_eq!(masked_fill(&x, &x, &number(0.0)).unwrap_err().code(), ErrorCode::DType);
        let positions = nonzero(&floats(&[0.0, f32::NAN, 0.0, -1.0], &[2, 2])).unwrap();
        assert_eq!((positions.dims(), numbers(&positions)), (vec![2, 2], vec![0.0, 1.0, 1.0, 1.0]));
        let scalar = crate::ops::ones(&[], DType::Float32, Device::CPU).unwrap();
        assert_eq!(nonzero(&scalar).unwrap().dims(), [1, 0]);
    }
}
