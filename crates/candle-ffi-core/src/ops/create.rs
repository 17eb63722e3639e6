//! New tensors: filled, counted, and like another.

use super::common::sizes;
use crate::{DType, Device, Error, Result, Tensor, compute, shape};

/// Zeros.
///
/// Not differentiable.
///
/// # Defaults
/// dtype = float32, device = cpu
///
/// # Errors
/// `Shape` for a negative size, `OutOfMemory` when the memory cannot be had.
///
/// # PyTorch
/// `torch.zeros`
///
/// # Examples
/// ```python
/// >>> cf.zeros([2])
/// tensor([0., 0.])
/// ```
pub fn zeros(shape: &[i64], dtype: DType, device: Device) -> Result<Tensor> {
    full(shape, 0.0, dtype, device)
}

/// Ones.
///
/// Not differentiable.
///
/// # Defaults
/// dtype = float32, device = cpu
///
/// # Errors
/// `Shape` for a negative size, `OutOfMemory` when the memory cannot be had.
///
/// # PyTorch
/// `torch.ones`
///
/// # Examples
/// ```python
/// >>> cf.ones([2])
/// tensor([1., 1.])
/// ```
pub fn ones(shape: &[i64], dtype: DType, device: Device) -> Result<Tensor> {
    full(shape, 1.0, dtype, device)
}

/// A tensor with every element the same number.
///
/// The number is converted to the dtype. Not differentiable.
///
/// # Defaults
/// dtype = float32, device = cpu
///
/// # Errors
/// `Shape` for a negative size, `OutOfMemory` when the memory cannot be had.
///
/// # PyTorch
/// `torch.full`
///
/// # Examples
/// ```python
/// >>> cf.full([2], 3.0)
/// tensor([3., 3.])
/// ```
pub fn full(shape: &[i64], value: f64, dtype: DType, device: Device) -> Result<Tensor> {
    Ok(Tensor::from_value(compute::fill(value, &shape::from_sizes(shape)?, dtype, device)?))
}

/// A tensor whose elements are to be written: what they hold before that is not specified.
///
/// Not differentiable.
///
/// # Defaults
/// dtype = float32, device = cpu
///
/// # Errors
/// `Shape` for a negative size, `OutOfMemory` when the memory cannot be had.
///
/// # PyTorch
/// `torch.empty`
///
/// # Examples
/// ```python
/// >>> cf.empty([2, 3]).shape
/// (2, 3)
/// ```
pub fn empty(shape: &[i64], dtype: DType, device: Device) -> Result<Tensor> {
    zeros(shape, dtype, device)
}

/// The numbers from `start` up to but without `end`, `step` apart.
///
/// There are `ceil((end - start) / step)` of them, each computed as `start + i * step`, so errors do
/// not add up. For an integer dtype the three arguments are truncated first. Not differentiable.
///
/// # Defaults
/// dtype = float32, device = cpu
///
/// # Errors
/// `InvalidArgument` for a step of zero, a step that leads away from `end`, or a bound that is not
/// finite; `DType` for bool.
///
/// # PyTorch
/// `torch.arange`
///
/// # Examples
/// ```python
/// >>> cf.arange(0, 5, 2)
/// tensor([0, 2, 4])
/// ```
pub fn arange(start: f64, end: f64, step: f64, dtype: DType, device: Device) -> Result<Tensor> {
    if dtype == DType::Bool {
        return Err(Error::dtype("arange is not defined for bool", &[dtype]));
    }
    if !(start.is_finite() && end.is_finite() && step.is_finite()) {
        return Err(Error::argument(format!("start {start}, end {end} and step {step} must be finite")));
    }
    let direction = |forward: bool| {
        let name = if forward { "larger" } else { "smaller" };
        Error::argument(format!("end {end} must not be {name} than start {start} for a step of {step}"))
    };
    let zero = || Error::argument(format!("step must not be zero, and is {step}"));
    if dtype.is_integer() {
        let (start, end, step) = (start as i64, end as i64, step as i64);
        let span = i128::from(end) - i128::from(start);
        if step == 0 {
            return Err(zero());
        }
        if span != 0 && (span < 0) != (step < 0) {
            return Err(direction(step < 0));
        }
        let step_size = i128::from(step).abs();
        let count = usize::try_from((span.abs() + step_size - 1) / step_size).unwrap_or(usize::MAX);
        return generate(count, dtype, device, DType::Int64, move |i| {
            start.wrapping_add((i as i64).wrapping_mul(step))
        });
    }
    if step == 0.0 {
        return Err(zero());
    }
    let span = (end - start) / step;
    if span < 0.0 {
        return Err(direction(step < 0.0));
    }
    generate(span.ceil() as usize, dtype, device, DType::Float64, move |i| start + step * i as f64)
}

/// `steps` numbers evenly spaced from `start` to `end`, both included.
///
/// Counted from the nearer end, so that the last one is `end` exactly. Not differentiable.
///
/// # Defaults
/// dtype = float32, device = cpu
///
/// # Errors
/// `InvalidArgument` for a negative number of steps.
///
/// # PyTorch
/// `torch.linspace`
///
/// # Examples
/// ```python
/// >>> cf.linspace(0.0, 1.0, 5)
/// tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
/// ```
pub fn linspace(start: f64, end: f64, steps: i64, dtype: DType, device: Device) -> Result<Tensor> {
    let count = not_negative("steps", steps)?;
    let step = if count > 1 { (end - start) / (count - 1) as f64 } else { 0.0 };
    generate(count, dtype, device, DType::Float64, move |i| {
        let from_end = count - 1 - i;
        if i < count / 2 || count == 1 { start + step * i as f64 } else { end - step * from_end as f64 }
    })
}

/// The identity matrix: ones on the diagonal, zeros elsewhere.
///
/// Shape `[n, m]`; `m` is `n` where it is not given. Not differentiable.
///
/// # Defaults
/// m = None, dtype = float32, device = cpu
///
/// # Errors
/// `InvalidArgument` for a negative size.
///
/// # PyTorch
/// `torch.eye`
///
/// # Examples
/// ```python
/// >>> cf.eye(2)
/// tensor([[1., 0.],
///         [0., 1.]])
/// ```
pub fn eye(n: i64, m: Option<i64>, dtype: DType, device: Device) -> Result<Tensor> {
    let rows = not_negative("n", n)?;
    let columns = not_negative("m", m.unwrap_or(n))?;
    let dims = [rows, columns];
    shape::check_allocation(&dims, dtype)?;
    let value = compute::from_fn(&dims, DType::UInt8, move |i| u8::from(i / columns == i % columns))?;
    Ok(Tensor::from_value(compute::cast(&value, dtype)?.send_to(device)?))
}

/// Zeros with the shape and device of another tensor.
///
/// The dtype is the other's where it is not given. Not differentiable.
///
/// # Defaults
/// dtype = None
///
/// # PyTorch
/// `torch.zeros_like`
///
/// # Examples
/// ```python
/// >>> cf.zeros_like(cf.tensor([1.0, 2.0]))
/// tensor([0., 0.])
/// ```
pub fn zeros_like(input: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    full_like(input, 0.0, dtype)
}

/// Ones with the shape and device of another tensor.
///
/// The dtype is the other's where it is not given. Not differentiable.
///
/// # Defaults
/// dtype = None
///
/// # PyTorch
/// `torch.ones_like`
///
/// # Examples
/// ```python
/// >>> cf.ones_like(cf.tensor([1.0, 2.0]))
/// tensor([1., 1.])
/// ```
pub fn ones_like(input: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    full_like(input, 1.0, dtype)
}

/// A tensor with every element the same number, with the shape and device of another.
///
/// The dtype is the other's where it is not given. Not differentiable.
///
/// # Defaults
/// dtype = None
///
/// # PyTorch
/// `torch.full_like`
///
/// # Examples
/// ```python
/// >>> cf.full_like(cf.tensor([1.0, 2.0]), 7.0)
/// tensor([7., 7.])
/// ```
pub fn full_like(input: &Tensor, value: f64, dtype: Option<DType>) -> Result<Tensor> {
    let (shape, own, device) = input.with_value(|value| (value.shape(), value.dtype, value.device()));
    Ok(Tensor::from_value(compute::fill(value, &shape, dtype.unwrap_or(own), device)?))
}

/// A tensor whose elements are to be written, with the shape and device of another.
///
/// What the elements hold before that is not specified. The dtype is the other's where it is not
/// given. Not differentiable.
///
/// # Defaults
/// dtype = None
///
/// # PyTorch
/// `torch.empty_like`
///
/// # Examples
/// ```python
/// >>> cf.empty_like(cf.tensor([1.0, 2.0])).shape
/// (2,)
/// ```
pub fn empty_like(input: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    empty(&sizes(&input.shape()), dtype.unwrap_or_else(|| input.dtype()), input.device())
}

/// A vector of a function of the position, computed in a wide type and then converted.
fn generate<T: compute::CpuElement>(
    count: usize,
    dtype: DType,
    device: Device,
    wide: DType,
    element: impl Fn(usize) -> T + Sync,
) -> Result<Tensor> {
    shape::check_allocation(&[count], dtype)?;
    let value = compute::from_fn(&[count], wide, element)?;
    Ok(Tensor::from_value(compute::cast(&value, dtype)?.send_to(device)?))
}

pub(super) fn not_negative(name: &str, size: i64) -> Result<usize> {
    usize::try_from(size).map_err(|_| Error::argument(format!("{name} must not be negative, and is {size}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn f32s(tensor: &Tensor) -> Vec<f32> {
        tensor.value().array.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn arange_counts_as_pytorch_does_and_does_not_drift() {
        let range = |start, end, step, dtype| arange(start, end, step, dtype, Device::CPU);
        let tenths = f32s(&range(0.0, 1000.0, 0.1, DType::Float32).unwrap());
        assert_eq!((tenths.len(), tenths[9_999]), (10_000, 999.9));
        assert_eq!(f32s(&range(5.0, 0.0, -2.0, DType::Float32).unwrap()), [5.0, 3.0, 1.0]);
        assert_eq!(range(3.0, 3.0, 1.0, DType::Int32).unwrap().dims(), [0]);
        let large = range(9_007_199_254_740_992.0, 9_007_199_254_740_996.0, 1.0, DType::Int64).unwrap();
        assert_eq!(large.value().array.to_vec1::<i64>().unwrap()[1], 9_007_199_254_740_993);
        for (start, end, step) in [(0.0, 1.0, 0.0), (0.0, 1.0, -1.0), (1.0, 0.0, 1.0), (0.0, f64::NAN, 1.0)] {
            for dtype in [DType::Float64, DType::Int64] {
                assert_eq!(range(start, end, step, dtype).unwrap_err().code(), ErrorCode::InvalidArgument);
            }
        }
        assert!(range(0.0, 1e300, 1e-300, DType::Float32).is_err());
    }

    #[test]
    fn linspace_meets_both_ends() {
        let points = |steps, dtype| linspace(-1.0, 0.1, steps, dtype, Device::CPU);
        let many = f32s(&points(1001, DType::Float32).unwrap());
        assert_eq!((many[0], many[1000]), (-1.0, 0.1));
        assert_eq!(f32s(&points(1, DType::Float32).unwrap()), [-1.0]);
        let odd = linspace(0.0, 1.0, 3, DType::Int64, Device::CPU).unwrap();
        assert_eq!(odd.value().array.to_vec1::<i64>().unwrap(), [0, 0, 1]);
        assert_eq!(points(0, DType::Float32).unwrap().num_elements(), 0);
        assert!(points(-1, DType::Float32).is_err());
    }

    #[test]
    fn filled_tensors_have_the_number_of_their_dtype() {
        let value = full(&[2], 2f64.powi(53) + 2.0, DType::Int64, Device::CPU).unwrap().value();
        assert_eq!(value.array.to_vec1::<i64>().unwrap(), [(1 << 53) + 2; 2]);
        let value = full(&[1], -0.5, DType::Bool, Device::CPU).unwrap().value();
        assert_eq!(value.array.to_vec1::<u8>().unwrap(), [1]);
        assert_eq!(zeros(&[2, -1], DType::Float32, Device::CPU).unwrap_err().code(), ErrorCode::Shape);
        assert_eq!(ones(&[1 << 45], DType::Float32, Device::CPU).unwrap_err().code(), ErrorCode::OutOfMemory);
    }

    #[test]
    fn eye_need_not_be_square() {
        let matrix = eye(2, Some(3), DType::Float32, Device::CPU).unwrap();
        assert_eq!(f32s(&matrix), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(eye(2, Some(0), DType::Int64, Device::CPU).unwrap().dims(), [2, 0]);
    }
}
