//! Several tensors made one, and one made several.

use super::common::{result_dtype, same_device};
use super::create::not_negative;
use super::shape::{dim_of, narrow, reshape, unsqueeze};
use super::to_dtype;
use crate::value::Value;
use crate::{Error, Result, Tensor, compute, shape};

/// Joins tensors along a dimension that they have.
///
/// All other sizes agree; dtypes promote. As in PyTorch a vector without elements is left out whatever
/// the others' rank. Differentiable.
///
/// # Defaults
/// dim = 0
///
/// # Errors
/// `InvalidArgument` without tensors, `Shape` when sizes disagree, `Device` for tensors on two devices.
///
/// # PyTorch
/// `torch.cat`
///
/// # Examples
/// ```python
/// >>> cf.cat([cf.tensor([1, 2]), cf.tensor([3])])
/// tensor([1, 2, 3])
/// ```
pub fn cat(tensors: &[&Tensor], dim: i64) -> Result<Tensor> {
    if tensors.is_empty() {
        return Err(Error::argument("cat needs at least one tensor"));
    }
    same_device(tensors)?;
    if let Some(at) = tensors.iter().position(|tensor| tensor.rank() == 0) {
        return Err(Error::shape(format!("tensor {at} has no dimensions and cannot be joined; use stack"), &[]));
    }
    let dtype = result_dtype(tensors);
    let inputs = tensors.iter().map(|tensor| to_dtype(tensor, dtype)).collect::<Result<Vec<_>>>()?;
    let is_left_out = |tensor: &Tensor| tensor.shape().as_slice() == [0];
    let parts: Vec<&Tensor> = inputs.iter().filter(|tensor| !is_left_out(tensor)).collect();
    let Some(model) = parts.first().map(|part| part.shape()) else {
        shape::dim(dim, 1)?;
        return super::clone(&inputs[0]);
    };
    let at = shape::dim(dim, model.len())?;
    let mut dims = model.clone();
    dims[at] = 0;
    for part in &parts {
        let own = part.shape();
        let fits = own.len() == model.len() && (0..own.len()).all(|other| other == at || own[other] == model[other]);
        if !fits {
            let message = format!(
                "shapes {:?} and {:?} cannot be joined along dimension {at}: all other sizes must agree",
                model.as_slice(),
                own.as_slice()
            );
            return Err(Error::shape(message, &[&model, &own]));
        }
        dims[at] += own[at];
    }
    let values: Vec<Value> = parts.iter().map(|part| part.value()).collect();
    let all: Vec<&Tensor> = inputs.iter().collect();
    Tensor::record_many("cat", compute::join(&values, at, &dims)?, &all, || {
        let length = |tensor: &Tensor| (!is_left_out(tensor)).then(|| tensor.shape()[at] as i64);
        let lengths: Vec<Option<i64>> = inputs.iter().map(length).collect();
        move |grad, context| {
            let mut start = 0;
            let gradients = lengths.iter().enumerate().map(|(input, length)| {
                let Some(length) = *length else {
                    return context.wants(input, || narrow(&reshape(grad, &[-1])?, 0, 0, 0));
                };
                start += length;
                context.wants(input, || narrow(grad, at as i64, start - length, length))
            });
            gradients.collect()
        }
    })
}

/// Joins tensors of one shape along a new dimension.
///
/// Dtypes promote. Differentiable.
///
/// # Defaults
/// dim = 0
///
/// # Errors
/// `InvalidArgument` without tensors, `Shape` when shapes differ, `Device` for tensors on two devices.
///
/// # PyTorch
/// `torch.stack`
///
/// # Examples
/// ```python
/// >>> cf.stack([cf.tensor([1, 2]), cf.tensor([3, 4])])
/// tensor([[1, 2],
///         [3, 4]])
/// ```
pub fn stack(tensors: &[&Tensor], dim: i64) -> Result<Tensor> {
    let Some(first) = tensors.first() else {
        return Err(Error::argument("stack needs at least one tensor"));
    };
    let model = first.shape();
    if let Some(other) = tensors.iter().find(|tensor| tensor.shape() != model) {
        let message = format!("shapes {:?} and {:?} differ and cannot be stacked", model.as_slice(), other.dims());
        return Err(Error::shape(message, &[&model, &other.dims()]));
    }
    let at = shape::dim(dim, model.len() + 1)? as i64;
    let parts = tensors.iter().map(|tensor| unsqueeze(tensor, at)).collect::<Result<Vec<_>>>()?;
    cat(&parts.iter().collect::<Vec<_>>(), at)
}

/// Parts of a size along a dimension; the last one may be smaller.
///
/// Views. Differentiable.
///
/// # Defaults
/// dim = 0
///
/// # Errors
/// `InvalidArgument` for a size that is not positive.
///
/// # PyTorch
/// `torch.split`
///
/// # Examples
/// ```python
/// >>> [part.shape for part in cf.split(cf.zeros([5]), 2)]
/// [(2,), (2,), (1,)]
/// ```
pub fn split(input: &Tensor, split_size: i64, dim: i64) -> Result<Vec<Tensor>> {
    let dims = input.shape();
    let at = dim_of(dim, &dims)?;
    let (size, part) = (dims[at], not_negative("split_size", split_size)?);
    if size == 0 {
        return Ok(vec![narrow(input, at as i64, 0, 0)?]);
    }
    if part == 0 {
        return Err(Error::argument(format!("split_size must be positive for a dimension of size {size}, and is 0")));
    }
    check_count(size.div_ceil(part))?;
    (0..size).step_by(part).map(|start| narrow(input, at as i64, start as i64, part.min(size - start) as i64)).collect()
}

/// Parts of given sizes along a dimension.
///
/// Views. Differentiable.
///
/// # Defaults
/// dim = 0
///
/// # Errors
/// `InvalidArgument` for a negative size, `Shape` unless the sizes add up to that of the dimension.
///
/// # PyTorch
/// `torch.split`
///
/// # Examples
/// ```python
/// >>> [part.shape for part in cf.split(cf.zeros(5), [1, 4])]
/// [(1,), (4,)]
/// ```
pub fn split_with_sizes(input: &Tensor, sizes: &[i64], dim: i64) -> Result<Vec<Tensor>> {
    let dims = input.shape();
    let at = dim_of(dim, &dims)?;
    let mut total = 0usize;
    for &size in sizes {
        total = total.saturating_add(not_negative("a size", size)?);
    }
    if total != dims[at] {
        return Err(Error::shape(
            format!("sizes {sizes:?} do not add up to size {} of dimension {at}", dims[at]),
            &[&dims],
        ));
    }
    let mut start = 0;
    let part = |&size: &i64| {
        start += size;
        narrow(input, at as i64, start - size, size)
    };
    sizes.iter().map(part).collect()
}

/// At most `chunks` parts of one size along a dimension; the last one may be smaller.
///
/// Views. Differentiable.
///
/// # Defaults
/// dim = 0
///
/// # Errors
/// `InvalidArgument` when `chunks` is not positive.
///
/// # PyTorch
/// `torch.chunk`
///
/// # Examples
/// ```python
/// >>> [part.shape for part in cf.chunk(cf.zeros([5]), 3)]
/// [(2,), (2,), (1,)]
/// ```
pub fn chunk(input: &Tensor, chunks: i64, dim: i64) -> Result<Vec<Tensor>> {
    if chunks <= 0 {
        return Err(Error::argument(format!("chunks must be positive, and is {chunks}")));
    }
    let dims = input.shape();
    let at = dim_of(dim, &dims)?;
    if dims[at] == 0 {
        // PyTorch gives as many empty parts as were asked for.
        check_count(chunks as usize)?;
        return (0..chunks).map(|_| narrow(input, at as i64, 0, 0)).collect();
    }
    split(input, dims[at].div_ceil(chunks as usize) as i64, at as i64)
}

/// Parts are tensors: a number of them that no program means must not take all memory.
fn check_count(parts: usize) -> Result<()> {
    const MOST: usize = 1 << 20;
    if parts <= MOST {
        Ok(())
    } else {
        Err(Error::argument(format!("{parts} parts were asked for, and {MOST} are the most")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{arange, mul, reshape, sum, zeros};
    use crate::{DType, Device, ErrorCode, autograd};

    fn counted(shape: &[i64]) -> Tensor {
        let count: i64 = shape.iter().product();
        reshape(&arange(0.0, count as f64, 1.0, DType::Float32, Device::CPU).unwrap(), shape).unwrap()
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        compute::contiguous(&tensor.value()).unwrap().array.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn joining_promotes_and_leaves_out_vectors_of_nothing() {
        let integers = zeros(&[2, 1], DType::Int32, Device::CPU).unwrap();
        let nothing = zeros(&[0], DType::Float32, Device::CPU).unwrap();
        let joined = cat(&[&nothing, &counted(&[2, 2]), &integers], -1).unwrap();
        assert_eq!((joined.dims(), numbers(&joined)), (vec![2, 3], vec![0.0, 1.0, 0.0, 2.0, 3.0, 0.0]));
        assert_eq!(cat(&[&nothing, &nothing], 0).unwrap().dims(), [0]);
        let error = cat(&[&counted(&[2, 2]), &counted(&[1, 3])], 0).unwrap_err();
        assert_eq!((error.code(), error.shapes().len()), (ErrorCode::Shape, 2));
        assert!(cat(&[], 0).is_err() && cat(&[&counted(&[])], 0).is_err());
        let one = counted(&[2]);
        crate::ops::zero_(&cat(&[&one], 0).unwrap()).unwrap();
        assert_eq!(numbers(&one), [0.0, 1.0]);
    }

    #[test]
    fn stacking_makes_a_dimension() {
        let stacked = stack(&[&counted(&[2]), &counted(&[2])], -1).unwrap();
        assert_eq!((stacked.dims(), numbers(&stacked)), (vec![2, 2], vec![0.0, 0.0, 1.0, 1.0]));
        assert_eq!(stack(&[&counted(&[]), &counted(&[])], 0).unwrap().dims(), [2]);
        assert_eq!(stack(&[&counted(&[2]), &counted(&[1])], 0).unwrap_err().code(), ErrorCode::Shape);
    }

    #[test]
    fn parts_have_pytorchs_sizes() {
        let lengths = |parts: Vec<Tensor>| parts.iter().map(|part| part.dims()[0]).collect::<Vec<_>>();
        assert_eq!(lengths(split(&counted(&[5, 2]), 2, 0).unwrap()), [2, 2, 1]);
        assert_eq!(lengths(split(&counted(&[0, 2]), 2, 0).unwrap()), [0]);
        assert_eq!(lengths(chunk(&counted(&[5]), 4, 0).unwrap()), [2, 2, 1]);
        assert_eq!(lengths(chunk(&counted(&[0]), 3, 0).unwrap()), [0, 0, 0]);
        assert_eq!(lengths(split_with_sizes(&counted(&[5]), &[1, 0, 4], 0).unwrap()), [1, 0, 4]);
        assert_eq!(split_with_sizes(&counted(&[5]), &[1, 3], 0).unwrap_err().code(), ErrorCode::Shape);
        assert!(split(&counted(&[5]), 0, 0).is_err() && chunk(&counted(&[5]), 0, 0).is_err());
    }

    #[test]
    fn the_gradient_of_a_join_is_split() {
        let (a, b) = (counted(&[2, 1]), counted(&[2, 2]));
        a.set_requires_grad(true).unwrap();
        b.set_requires_grad(true).unwrap();
        let joined = cat(&[&a, &b, &a], 1).unwrap();
        let weights = counted(&[2, 4]);
        autograd::backward(&sum(&mul(&joined, &weights).unwrap(), None, false, None).unwrap(), None, false, false)
            .unwrap();
        assert_eq!(numbers(&a.grad().unwrap()), [3.0, 11.0]);
        assert_eq!(numbers(&b.grad().unwrap()), [1.0, 2.0, 5.0, 6.0]);
    }
}
