//! Random tensors. The same generator state gives the same numbers on every device and thread count.

use super::convert::overwrite;
use super::create::not_negative;
use crate::random::or_default;
use crate::shape::Dims;
use crate::{DType, Device, DeviceKind, Error, Generator, Result, Tensor, compute, refuse_in_graph, shape};

/// Random numbers, uniform in `[0, 1)`.
///
/// Not differentiable.
///
/// # Defaults
/// dtype = float32, device = cpu, generator = None
///
/// # Errors
/// `DType` when the dtype is not floating.
///
/// # PyTorch
/// `torch.rand`
///
/// # Examples
/// ```python
/// >>> cf.rand([2, 3]).shape
/// (2, 3)
/// ```
pub fn rand(shape: &[i64], dtype: DType, device: Device, generator: Option<&Generator>) -> Result<Tensor> {
    uniform(&shape::from_sizes(shape)?, dtype, device, 0.0, 1.0, generator)
}

/// Random numbers from the normal distribution of mean 0 and deviation 1.
///
/// Not differentiable.
///
/// # Defaults
/// dtype = float32, device = cpu, generator = None
///
/// # Errors
/// `DType` when the dtype is not floating.
///
/// # PyTorch
/// `torch.randn`
///
/// # Examples
/// ```python
/// >>> cf.randn([2, 3]).shape
/// (2, 3)
/// ```
pub fn randn(shape: &[i64], dtype: DType, device: Device, generator: Option<&Generator>) -> Result<Tensor> {
    normal(&shape::from_sizes(shape)?, dtype, device, 0.0, 1.0, generator)
}

/// Random integers, uniform in `[low, high)`.
///
/// Not differentiable.
///
/// # Defaults
/// dtype = int64, device = cpu, generator = None
///
/// # Errors
/// `InvalidArgument` when there is no integer in the range, or the dtype cannot hold one of them.
///
/// # PyTorch
/// `torch.randint`
///
/// # Examples
/// ```python
/// >>> bool((cf.randint(0, 10, [100]) < 10).all())
/// True
/// ```
pub fn randint(
    low: i64,
    high: i64,
    shape: &[i64],
    dtype: DType,
    device: Device,
    generator: Option<&Generator>,
) -> Result<Tensor> {
    let dims = shape::from_sizes(shape)?;
    if low >= high {
        return Err(Error::argument(format!("low {low} must be less than high {high}")));
    }
    let (least, most) = integer_range(dtype);
    if low < least || high - 1 > most {
        let message =
            format!("integers from {low} to {} do not all fit into {dtype}, which holds {least} to {most}", high - 1);
        return Err(Error::argument(message));
    }
    let drawn_on = if device.kind() == DeviceKind::Cuda { device } else { Device::CPU };
    let count = shape::check_allocation_on(&dims, DType::Int64, drawn_on)?;
    let value = compute::integers(or_default(generator).draw_on(count, drawn_on)?, &dims, drawn_on, low, high)?;
    Ok(Tensor::from_value(compute::cast(&value, dtype)?.send_to(device)?))
}

/// The numbers from 0 to `n - 1` in random order.
///
/// Not differentiable.
///
/// # Defaults
/// dtype = int64, device = cpu, generator = None
///
/// # Errors
/// `InvalidArgument` when `n` is negative, or the dtype cannot hold `n - 1`.
///
/// # PyTorch
/// `torch.randperm`
///
/// # Examples
/// ```python
/// >>> int(cf.randperm(4).sum())
/// 6
/// ```
pub fn randperm(n: i64, dtype: DType, device: Device, generator: Option<&Generator>) -> Result<Tensor> {
    let count = not_negative("n", n)?;
    if n - 1 > integer_range(dtype).1 {
        return Err(Error::argument(format!("the numbers below {n} do not all fit into {dtype}")));
    }
    shape::check_allocation(&[count], DType::Int64)?;
    if device.is_capturing() {
        // A graph would have the same numbers in each replay.
        refuse_in_graph("the host cannot shuffle")?;
    }
    let value = compute::permutation(or_default(generator).draw(count), count, Device::CPU)?;
    Ok(Tensor::from_value(compute::cast(&value, dtype)?.send_to(device)?))
}

/// Random numbers, uniform in `[0, 1)`, with the shape and device of another tensor.
///
/// The dtype is the other's where it is not given. Not differentiable.
///
/// # Defaults
/// dtype = None, generator = None
///
/// # Errors
/// `DType` when the dtype is not floating.
///
/// # PyTorch
/// `torch.rand_like`
///
/// # Examples
/// ```python
/// >>> cf.rand_like(cf.zeros([2, 3])).shape
/// (2, 3)
/// ```
pub fn rand_like(input: &Tensor, dtype: Option<DType>, generator: Option<&Generator>) -> Result<Tensor> {
    let (dims, own, device) = like(input);
    uniform(&dims, dtype.unwrap_or(own), device, 0.0, 1.0, generator)
}

/// Random numbers from the normal distribution of mean 0 and deviation 1, with the shape and device of
/// another tensor.
///
/// The dtype is the other's where it is not given. Not differentiable.
///
/// # Defaults
/// dtype = None, generator = None
///
/// # Errors
/// `DType` when the dtype is not floating.
///
/// # PyTorch
/// `torch.randn_like`
///
/// # Examples
/// ```python
/// >>> cf.randn_like(cf.zeros([2, 3])).shape
/// (2, 3)
/// ```
pub fn randn_like(input: &Tensor, dtype: Option<DType>, generator: Option<&Generator>) -> Result<Tensor> {
    let (dims, own, device) = like(input);
    normal(&dims, dtype.unwrap_or(own), device, 0.0, 1.0, generator)
}

/// Fills a tensor with random numbers, uniform in `[low, high)`.
///
/// What the tensor held before gets a zero gradient.
///
/// # Defaults
/// low = 0.0, high = 1.0, generator = None
///
/// # Errors
/// `InvalidArgument` when `low` is larger than `high`, or a bound or their distance beyond the dtype, `DType` when the
/// tensor is not floating, `ModifiedInPlace` for a leaf that requires grad outside of `no_grad`.
///
/// # PyTorch
/// `torch.Tensor.uniform_`
///
/// # Examples
/// ```python
/// >>> bool((cf.zeros(100).uniform_(-1.0, 1.0) >= -1.0).all())
/// True
/// ```
pub fn uniform_(input: &Tensor, low: f64, high: f64, generator: Option<&Generator>) -> Result<()> {
    let (dims, dtype, device) = like(input);
    require_float(UNIFORM, dtype)?;
    let largest = largest(dtype);
    if !(low <= high && [low, high, high - low].iter().all(|value| value.abs() <= largest)) {
        return Err(Error::argument(format!(
            "low {low:e} must not be larger than high {high:e}, and both and their distance must be within {dtype}, \
             up to {largest:e}"
        )));
    }
    refuse_leaf(input)?;
    overwrite("uniform_", input, &uniform(&dims, dtype, device, low, high, generator)?)
}

/// Fills a tensor with random numbers from the normal distribution.
///
/// What the tensor held before gets a zero gradient.
///
/// # Defaults
/// mean = 0.0, std = 1.0, generator = None
///
/// # Errors
/// `InvalidArgument` when `std` is negative, `DType` when the tensor is not floating,
/// `ModifiedInPlace` for a leaf that requires grad outside of `no_grad`.
///
/// # PyTorch
/// `torch.Tensor.normal_`
///
/// # Examples
/// ```python
/// >>> cf.zeros(2, 3).normal_(mean=1.0, std=0.1).shape
/// (2, 3)
/// ```
pub fn normal_(input: &Tensor, mean: f64, std: f64, generator: Option<&Generator>) -> Result<()> {
    if std.is_nan() || std < 0.0 {
        return Err(Error::argument(format!("std must not be negative, and is {std}")));
    }
    refuse_leaf(input)?;
    let (dims, dtype, device) = like(input);
    overwrite("normal_", input, &normal(&dims, dtype, device, mean, std, generator)?)
}

pub(super) fn like(input: &Tensor) -> (Dims, DType, Device) {
    input.with_value(|value| (value.shape(), value.dtype, value.device()))
}

/// A refused call must not take numbers from the generator.
fn refuse_leaf(input: &Tensor) -> Result<()> {
    if crate::autograd::is_enabled() && input.requires_grad() { input.check_in_place() } else { Ok(()) }
}

pub(super) fn require_float(operation: &str, dtype: DType) -> Result<()> {
    if dtype.is_float() && dtype != DType::Float8E4M3 {
        return Ok(());
    }
    Err(Error::dtype(format!("{operation} needs float16, bfloat16, float32 or float64, and got {dtype}"), &[dtype]))
}

/// What errors call it.
const UNIFORM: &str = "a uniform random tensor";

/// The largest number of a floating dtype.
fn largest(dtype: DType) -> f64 {
    match dtype {
        DType::Float16 => half::f16::MAX.to_f64(),
        DType::BFloat16 => half::bf16::MAX.to_f64(),
        DType::Float32 => f64::from(f32::MAX),
        _ => f64::MAX,
    }
}

fn uniform(
    dims: &[usize],
    dtype: DType,
    device: Device,
    low: f64,
    high: f64,
    generator: Option<&Generator>,
) -> Result<Tensor> {
    require_float(UNIFORM, dtype)?;
    let count = shape::check_allocation_on(dims, dtype, device)?;
    Ok(Tensor::from_value(compute::uniform(
        or_default(generator).draw_on(count, device)?,
        dims,
        dtype,
        device,
        low,
        high,
    )?))
}

fn normal(
    dims: &[usize],
    dtype: DType,
    device: Device,
    mean: f64,
    std: f64,
    generator: Option<&Generator>,
) -> Result<Tensor> {
    require_float("a normal random tensor", dtype)?;
    let count = shape::check_allocation_on(dims, dtype, device)?;
    Ok(Tensor::from_value(compute::normal(
        or_default(generator).draw_on(count, device)?,
        dims,
        dtype,
        device,
        mean,
        std,
    )?))
}

/// The least and the largest integer that a dtype holds, and every one between; floats as PyTorch
/// takes them, up to where neighbours are more than one apart.
fn integer_range(dtype: DType) -> (i64, i64) {
    let float = |digits: u32| (-(1 << digits), 1 << digits);
    match dtype {
        DType::Bool => (0, 1),
        DType::UInt8 => (0, u8::MAX.into()),
        DType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DType::UInt32 => (0, u32::MAX.into()),
        DType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DType::Int64 => (i64::MIN, i64::MAX),
        DType::Float8E4M3 => float(4),
        DType::Float16 => float(11),
        DType::BFloat16 => float(8),
        DType::Float32 => float(24),
        DType::Float64 => float(53),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::GradMode;
    use crate::ops::zeros;
    use crate::{ErrorCode, compute::cast};

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        let value = cast(&tensor.value(), DType::Float64).unwrap();
        value.array.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_draws_move_on() {
        let generator = Generator::new(3);
        let draw = || numbers(&rand(&[4], DType::Float32, Device::CPU, Some(&generator)).unwrap());
        let (first, second) = (draw(), draw());
        assert_ne!(first, second);
        generator.manual_seed(3);
        assert_eq!(draw(), first);
        assert!(rand(&[4], DType::Int64, Device::CPU, Some(&generator)).is_err());
        assert_eq!(generator.get_state().1, 4);
    }

    #[test]
    fn integers_stay_in_their_range() {
        let generator = Generator::new(1);
        let draw = |low, high, dtype| randint(low, high, &[500], dtype, Device::CPU, Some(&generator));
        let mut seen = numbers(&draw(-2, 3, DType::Int16).unwrap());
        seen.sort_by(f64::total_cmp);
        seen.dedup();
        assert_eq!(seen, [-2.0, -1.0, 0.0, 1.0, 2.0]);
        assert_eq!(draw(0, 257, DType::UInt8).unwrap_err().code(), ErrorCode::InvalidArgument);
        assert_eq!(draw(5, 5, DType::Int64).unwrap_err().code(), ErrorCode::InvalidArgument);
        let widest = randint(i64::MIN, i64::MAX, &[8], DType::Int64, Device::CPU, Some(&generator)).unwrap();
        assert!(numbers(&widest).iter().any(|value| value.abs() > 1e17));
        let mut order = numbers(&randperm(100, DType::Int32, Device::CPU, Some(&generator)).unwrap());
        order.sort_by(f64::total_cmp);
        assert_eq!(order, (0..100).map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn filling_in_place_needs_no_grad_for_a_parameter() {
        let x = zeros(&[2000], DType::Float32, Device::CPU).unwrap();
        x.set_requires_grad(true).unwrap();
        let generator = Generator::new(0);
        assert_eq!(normal_(&x, 0.0, 1.0, Some(&generator)).unwrap_err().code(), ErrorCode::ModifiedInPlace);
        assert_eq!(generator.get_state().1, 0);
        let _no_grad = GradMode::new(false);
        normal_(&x, 3.0, 0.5, Some(&generator)).unwrap();
        let mean = numbers(&x).iter().sum::<f64>() / 2000.0;
        assert!((mean - 3.0).abs() < 0.1, "{mean}");
        uniform_(&x, 2.0, 2.5, Some(&generator)).unwrap();
        assert!(numbers(&x).iter().all(|value| (2.0..2.5).contains(value)));
        assert!(x.version() == 2 && uniform_(&x, 1.0, 0.0, None).is_err());
    }
}
