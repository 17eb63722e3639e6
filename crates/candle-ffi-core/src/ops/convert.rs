//! Conversions and copies, and the operations that replace a tensor's content.

use super::common::{number, sum_to};
use super::zeros_like;
use crate::{DType, Device, Error, Result, Tensor, autograd, compute, shape};

/// The elements in another dtype.
///
/// Keeps the shape; the same dtype gives the same tensor. Floats become integers by truncation,
/// anything becomes bool by being different from zero. Differentiable between floating dtypes: the
/// gradient is cast back; a result of integers or bools is not tracked.
///
/// # PyTorch
/// `torch.Tensor.to`
///
/// # Examples
/// ```python
/// >>> cf.to_dtype(cf.tensor([1.5, -2.7]), cf.int64)
/// tensor([ 1, -2])
/// ```
pub fn to_dtype(input: &Tensor, dtype: DType) -> Result<Tensor> {
    let from = input.dtype();
    if from == dtype {
        return Ok(input.clone());
    }
    let value = compute::cast(&input.value(), dtype)?;
    Tensor::record_lasting("to_dtype", value, [input], || move |grad, _| Ok([Some(to_dtype(grad, from)?)]))
}

/// The elements on another device.
///
/// Keeps the shape and dtype; the same device gives the same tensor. Differentiable: the gradient is
/// moved back.
///
/// # Errors
/// `Device` when the device is not there.
///
/// # PyTorch
/// `torch.Tensor.to`
///
/// # Examples
/// ```python
/// >>> cf.tensor([1.0]).to("cpu")
/// tensor([1.])
/// ```
pub fn to_device(input: &Tensor, device: Device) -> Result<Tensor> {
    let from = input.device();
    if from == device {
        return Ok(input.clone());
    }
    let value = input.value().to_device(device)?;
    Tensor::record("to_device", value, [input], || move |grad, _| Ok([Some(to_device(grad, from)?)]))
}

/// The elements on another device, without waiting for the copy where that can be done.
///
/// Only a copy from pinned memory of the host to a CUDA device is not waited for: the memory must then not be
/// changed until the device has been synchronized. Everything else is as for `to_device`. Differentiable.
///
/// # Errors
/// `Device` when the device is not there.
///
/// # PyTorch
/// `torch.Tensor.to` with `non_blocking=True`
///
/// # Examples
/// ```python
/// >>> cf.tensor([1.0]).to("cpu", non_blocking=True)
/// tensor([1.])
/// ```
pub fn to_device_non_blocking(input: &Tensor, device: Device) -> Result<Tensor> {
    let from = input.device();
    if from == device {
        return Ok(input.clone());
    }
    let value = compute::to_device(&input.value(), device, true)?;
    Tensor::record("to_device_non_blocking", value, [input], || move |grad, _| Ok([Some(to_device(grad, from)?)]))
}

/// The elements in row-major order without gaps.
///
/// A contiguous tensor is returned as it is, any other is copied. Differentiable.
///
/// # PyTorch
/// `torch.Tensor.contiguous`
///
/// # Examples
/// ```python
/// >>> cf.contiguous(cf.tensor([[1.0, 2.0], [3.0, 4.0]]).T).is_contiguous()
/// True
/// ```
pub fn contiguous(input: &Tensor) -> Result<Tensor> {
    if input.is_contiguous() {
        return Ok(input.clone());
    }
    let value = compute::contiguous(&input.value())?;
    Tensor::record("contiguous", value, [input], || move |grad, _| Ok([Some(grad.clone())]))
}

/// A copy with memory of its own.
///
/// The copy is contiguous. Differentiable: the gradient of the copy is that of the original.
///
/// # PyTorch
/// `torch.clone`
///
/// # Examples
/// ```python
/// >>> x = cf.tensor([1.0, 2.0])
/// >>> y = cf.clone(x)
/// >>> y[0] = 9.0
/// >>> x
/// tensor([1., 2.])
/// ```
pub fn clone(input: &Tensor) -> Result<Tensor> {
    let value = compute::copy(&input.value())?;
    Tensor::record("clone", value, [input], || move |grad, _| Ok([Some(grad.clone())]))
}

/// The same elements without their history.
///
/// The result shares the memory of the input and never requires grad. Not differentiable: no gradient
/// passes.
///
/// # PyTorch
/// `torch.Tensor.detach`
///
/// # Examples
/// ```python
/// >>> cf.detach(cf.tensor([1.0], requires_grad=True)).requires_grad
/// False
/// ```
pub fn detach(input: &Tensor) -> Result<Tensor> {
    Ok(Tensor::from_detached(input.value(), input))
}

/// Copies the elements of another tensor into this one.
///
/// The source broadcasts to the shape of the input and is cast to its dtype. Differentiable with
/// respect to the source.
///
/// # Errors
/// `Shape` when the source does not broadcast to the input, `ModifiedInPlace` for a leaf that requires
/// grad outside of `no_grad`.
///
/// # PyTorch
/// `torch.Tensor.copy_`
///
/// # Examples
/// ```python
/// >>> x = cf.zeros([2, 2])
/// >>> x.copy_(cf.tensor([1.0, 2.0]))
/// tensor([[1., 2.],
///         [1., 2.]])
/// ```
pub fn copy_(input: &Tensor, source: &Tensor) -> Result<()> {
    overwrite("copy_", input, source)
}

/// Sets every element to a number.
///
/// The number is converted to the dtype of the input. What the tensor held before gets a zero gradient.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad outside of `no_grad`.
///
/// # PyTorch
/// `torch.Tensor.fill_`
///
/// # Examples
/// ```python
/// >>> cf.zeros(2).fill_(3.0)
/// tensor([3., 3.])
/// ```
pub fn fill_(input: &Tensor, value: f64) -> Result<()> {
    overwrite("fill_", input, &number(value))
}

/// Sets every element to zero.
///
/// What the tensor held before gets a zero gradient.
///
/// # Errors
/// `ModifiedInPlace` for a leaf that requires grad outside of `no_grad`.
///
/// # PyTorch
/// `torch.Tensor.zero_`
///
/// # Examples
/// ```python
/// >>> cf.ones(2).zero_()
/// tensor([0., 0.])
/// ```
pub fn zero_(input: &Tensor) -> Result<()> {
    overwrite("zero_", input, &number(0.0))
}

/// Replaces the whole content of `input`: directly where nothing is tracked, else as an operation.
pub(super) fn overwrite(operation: &'static str, input: &Tensor, source: &Tensor) -> Result<()> {
    let (dims, from) = (input.shape(), source.shape());
    if shape::broadcast(&from, &dims).map_or(true, |common| common != dims) {
        return Err(Error::shape(
            format!("a source of shape {:?} does not broadcast to {:?}", from.as_slice(), dims.as_slice()),
            &[&from, &dims],
        ));
    }
    input.check_unseen_change()?;
    let tracked = input.requires_grad() || source.requires_grad();
    let recorded = autograd::is_enabled() && input.dtype().is_float() && tracked;
    if recorded {
        input.check_in_place()?;
    }
    let value = source.value();
    if !recorded {
        // What is one number is converted where it is.
        let value = if value.num_elements() == 1 { value } else { value.to_device(input.device())? };
        compute::copy_into(&input.value(), &compute::cast(&value, input.dtype())?)?;
        input.bump_version();
        return Ok(());
    }
    let value = compute::cast(&value.to_device(input.device())?, input.dtype())?;
    let result = Tensor::record(operation, value.broadcast_to(&dims)?, [input, source], || {
        let (dtype, device) = (source.dtype(), source.device());
        move |grad, context| {
            Ok([
                context.wants(0, || zeros_like(grad, None))?,
                context.wants(1, || to_device(&to_dtype(&sum_to(grad, &from)?, dtype)?, device))?,
            ])
        }
    })?;
    input.assign(&result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::autograd::GradMode;
    use crate::ops::{mul, ones, sum};

    fn vector(data: &[f32]) -> Tensor {
        Tensor::from_value(compute::from_vec(data.to_vec(), &[data.len()], DType::Float32))
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.value().array.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_gradient_is_cast_back() {
        let x = vector(&[1.0, 2.0]);
        x.set_requires_grad(true).unwrap();
        let y = to_dtype(&x, DType::Float64).unwrap();
        autograd::backward(&sum(&mul(&y, &y).unwrap(), None, false, None).unwrap(), None, false, false).unwrap();
        let grad = x.grad().unwrap();
        assert_eq!((grad.dtype(), numbers(&grad)), (DType::Float32, vec![2.0, 4.0]));
        assert!(!to_dtype(&x, DType::Int64).unwrap().requires_grad());
        assert!(to_dtype(&x, DType::Float32).unwrap().requires_grad());
    }

    #[test]
    fn detach_shares_memory_and_clone_does_not() {
        let x = vector(&[1.0]);
        x.set_requires_grad(true).unwrap();
        let (view, copy) = (detach(&x).unwrap(), clone(&x).unwrap());
        assert!(!view.requires_grad() && copy.requires_grad());
        fill_(&view, 5.0).unwrap();
        assert_eq!((numbers(&x), numbers(&copy)), (vec![5.0], vec![1.0]));
        assert_eq!(x.version(), 1);
    }

    #[test]
    fn copying_broadcasts_casts_and_carries_the_gradient_of_the_source() {
        let x = ones(&[2, 2], DType::Float32, Device::CPU).unwrap();
        let source = to_dtype(&vector(&[1.0, 2.0]), DType::Float64).unwrap();
        source.set_requires_grad(true).unwrap();
        copy_(&x, &source).unwrap();
        assert_eq!(numbers(&x), [1.0, 2.0, 1.0, 2.0]);
        autograd::backward(&sum(&x, None, false, None).unwrap(), None, false, false).unwrap();
        let grad = source.grad().unwrap();
        assert_eq!(grad.dtype(), DType::Float64);
        assert_eq!(grad.value().array.to_vec1::<f64>().unwrap(), [2.0, 2.0]);
        assert_eq!(copy_(&x, &vector(&[1.0; 3])).unwrap_err().code(), ErrorCode::Shape);
    }

    #[test]
    fn what_is_overwritten_gets_no_gradient() {
        let x = vector(&[3.0]);
        x.set_requires_grad(true).unwrap();
        let y = mul(&x, &x).unwrap();
        zero_(&y).unwrap();
        autograd::backward(&y, None, false, false).unwrap();
        assert_eq!(numbers(&x.grad().unwrap()), [0.0]);
        assert_eq!(zero_(&x).unwrap_err().code(), ErrorCode::ModifiedInPlace);
        let _no_grad = GradMode::new(false);
        zero_(&x).unwrap();
        assert_eq!(numbers(&x), [0.0]);
    }
}
