//! Dropout, of elements and of channels.

use super::common::number;
use super::random::{like, require_float};
use super::{add, mul};
use crate::random::or_default;
use crate::shape::Dims;
use crate::{Error, Generator, Result, Tensor, compute, shape};

/// Sets each element to zero with probability `p`, and divides the others by `1 - p`.
///
/// The input itself when not training. Differentiable: the gradient is masked and scaled alike.
///
/// # Defaults
/// p = 0.5, training = True, generator = None
///
/// # Errors
/// `InvalidArgument` when `p` is not within `[0, 1]`, `DType` when the input is not floating.
///
/// # PyTorch
/// `torch.nn.functional.dropout`
///
/// # Examples
/// ```python
/// >>> cf.dropout(cf.tensor([1.0, 2.0]), p=0.5, training=False)
/// tensor([1., 2.])
/// ```
pub fn dropout(input: &Tensor, p: f64, training: bool, generator: Option<&Generator>) -> Result<Tensor> {
    check_probability(p)?;
    if !training || p == 0.0 {
        return Ok(input.clone());
    }
    require_float("dropout", input.dtype())?;
    // The mask carries the scale, which makes it one product forward and one backward.
    let scale = if p == 1.0 { 0.0 } else { 1.0 / (1.0 - p) };
    mul(input, &noise(input, &input.shape(), p, (scale, 0.0), generator)?)
}

/// Sets each channel to zero with probability `p`, and divides the others by `1 - p`.
///
/// Shapes `[batch, channels, length]` or `[channels, length]`. The input itself when not training. Differentiable.
///
/// # Defaults
/// p = 0.5, training = True, generator = None
///
/// # Errors
/// `InvalidArgument` when `p` is not within `[0, 1]`, `Shape` for another number of dimensions, `DType` when the input
/// is not floating.
///
/// # PyTorch
/// `torch.nn.functional.dropout1d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.dropout1d(cf.ones(1, 2, 3), training=False).shape
/// (1, 2, 3)
/// ```
pub fn dropout1d(input: &Tensor, p: f64, training: bool, generator: Option<&Generator>) -> Result<Tensor> {
    check_probability(p)?;
    let dims = input.shape();
    if !matches!(dims.len(), 2 | 3) {
        return Err(Error::shape(
            format!(
                "dropout1d needs the shape [batch, channels, length] or [channels, length], and got {:?}",
                &dims[..]
            ),
            &[&dims],
        ));
    }
    of_channels("dropout1d", input, dims.len() - 1, p, training, generator)
}

/// Sets each channel to zero with probability `p`, and divides the others by `1 - p`.
///
/// Shape `[batch, channels, …]`: the first two dimensions are taken so whatever follows, as in PyTorch. The input
/// itself when not training. Differentiable. Source: Tompson et al., 2015.
///
/// # Defaults
/// p = 0.5, training = True, generator = None
///
/// # Errors
/// `InvalidArgument` when `p` is not within `[0, 1]`, `Shape` for less than two dimensions, `DType` when the input is
/// not floating.
///
/// # PyTorch
/// `torch.nn.functional.dropout2d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.dropout2d(cf.ones(1, 2, 3, 3), training=False).shape
/// (1, 2, 3, 3)
/// ```
pub fn dropout2d(input: &Tensor, p: f64, training: bool, generator: Option<&Generator>) -> Result<Tensor> {
    check_probability(p)?;
    require_channels("dropout2d", &input.shape())?;
    of_channels("dropout2d", input, 2, p, training, generator)
}

/// Sets each channel to zero with probability `p`, and divides the others by `1 - p`.
///
/// Shapes `[batch, channels, depth, height, width]`, or without the batch for any other number of dimensions, as in
/// PyTorch. The input itself when not training. Differentiable.
///
/// # Defaults
/// p = 0.5, training = True, generator = None
///
/// # Errors
/// `InvalidArgument` when `p` is not within `[0, 1]`, `Shape` for a scalar, `DType` when the input is not floating.
///
/// # PyTorch
/// `torch.nn.functional.dropout3d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.dropout3d(cf.ones(1, 2, 3, 3, 3), training=False).shape
/// (1, 2, 3, 3, 3)
/// ```
pub fn dropout3d(input: &Tensor, p: f64, training: bool, generator: Option<&Generator>) -> Result<Tensor> {
    check_probability(p)?;
    let dims = input.shape();
    if dims.is_empty() {
        return Err(Error::shape("dropout3d needs a dimension of channels, and got a scalar", &[&dims]));
    }
    of_channels("dropout3d", input, if dims.len() == 5 { 2 } else { 1 }, p, training, generator)
}

/// Dropout that keeps mean 0 and variance 1, for networks with `selu`.
///
/// Elements are set, with probability `p`, to the limit of `selu` far below zero; the result is scaled and shifted.
/// The input itself when not training. Differentiable. Source: Klambauer et al., 2017.
///
/// # Defaults
/// p = 0.5, training = False, generator = None
///
/// # Errors
/// `InvalidArgument` when `p` is not within `[0, 1]`, `DType` when the input is not floating.
///
/// # PyTorch
/// `torch.nn.functional.alpha_dropout`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.alpha_dropout(cf.tensor([1.0, 2.0]), p=0.5)
/// tensor([1., 2.])
/// ```
pub fn alpha_dropout(input: &Tensor, p: f64, training: bool, generator: Option<&Generator>) -> Result<Tensor> {
    check_probability(p)?;
    alpha("alpha_dropout", input, &input.shape(), p, training, generator)
}

/// The same as `alpha_dropout` for whole channels.
///
/// Shape `[batch, channels, …]`. The input itself when not training. Differentiable.
///
/// # Defaults
/// p = 0.5, training = False, generator = None
///
/// # Errors
/// `InvalidArgument` when `p` is not within `[0, 1]`, `Shape` for less than two dimensions, `DType` when the input is
/// not floating.
///
/// # PyTorch
/// `torch.nn.functional.feature_alpha_dropout`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.feature_alpha_dropout(cf.ones(1, 2, 3), p=0.5).shape
/// (1, 2, 3)
/// ```
pub fn feature_alpha_dropout(input: &Tensor, p: f64, training: bool, generator: Option<&Generator>) -> Result<Tensor> {
    check_probability(p)?;
    let dims = input.shape();
    require_channels("feature_alpha_dropout", &dims)?;
    alpha("feature_alpha_dropout", input, &leading(&dims, 2), p, training, generator)
}

fn check_probability(p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        return Ok(());
    }
    Err(Error::argument(format!("p is a probability and must be within 0 to 1, and is {p}")))
}

fn require_channels(operation: &str, dims: &[usize]) -> Result<()> {
    if dims.len() >= 2 {
        return Ok(());
    }
    Err(Error::shape(format!("{operation} needs the shape [batch, channels, …], and got {dims:?}"), &[dims]))
}

/// The first sizes of a shape, and 1 for the others: one number for each channel.
fn leading(dims: &[usize], count: usize) -> Dims {
    dims.iter().enumerate().map(|(at, &size)| if at < count { size } else { 1 }).collect()
}

/// Dropout with one draw for all of a channel, which has the first `count` dimensions.
fn of_channels(
    operation: &str,
    input: &Tensor,
    count: usize,
    p: f64,
    training: bool,
    generator: Option<&Generator>,
) -> Result<Tensor> {
    if !training || p == 0.0 {
        return Ok(input.clone());
    }
    require_float(operation, input.dtype())?;
    let scale = if p == 1.0 { 0.0 } else { 1.0 / (1.0 - p) };
    mul(input, &noise(input, &leading(&input.shape(), count), p, (scale, 0.0), generator)?)
}

/// Alpha dropout with noise of a shape that broadcasts to the input's.
fn alpha(
    operation: &str,
    input: &Tensor,
    dims: &[usize],
    p: f64,
    training: bool,
    generator: Option<&Generator>,
) -> Result<Tensor> {
    if !training || p == 0.0 {
        return Ok(input.clone());
    }
    require_float(operation, input.dtype())?;
    if p == 1.0 {
        return mul(input, &number(0.0));
    }
    // Minus the limit of SELU far below zero, and the affine map that restores mean and variance.
    let limit = super::activation_smooth::SELU_ALPHA * super::activation_smooth::SELU_SCALE;
    let a = 1.0 / ((limit * limit * p + 1.0) * (1.0 - p)).sqrt();
    let kept = noise(input, dims, p, (1.0, 0.0), generator)?;
    let shift = add(&mul(&kept, &number(limit * a))?, &number(limit * a * (p - 1.0)))?;
    add(&mul(input, &mul(&kept, &number(a))?)?, &shift)
}

/// `kept` with probability `1 - p`, else `dropped`, for each element of a shape.
fn noise(input: &Tensor, dims: &[usize], p: f64, numbers: (f64, f64), generator: Option<&Generator>) -> Result<Tensor> {
    let (_, dtype, device) = like(input);
    let count = shape::check_size(dims, dtype)?;
    let draws = or_default(generator).draw_on(count, device)?;
    Ok(Tensor::from_value(compute::noise(draws, dims, dtype, device, 1.0 - p, numbers)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd;
    use crate::compute::cast;
    use crate::ops::{ones, sum};
    use crate::{DType, Device, ErrorCode};

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        let value = cast(&tensor.value(), DType::Float64).unwrap();
        value.array.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn dropout_scales_what_it_keeps_and_its_gradient_alike() {
        let generator = Generator::new(5);
        let x = ones(&[1000], DType::Float32, Device::CPU).unwrap();
        x.set_requires_grad(true).unwrap();
        let y = dropout(&x, 0.75, true, Some(&generator)).unwrap();
        let values = numbers(&y);
        let kept = values.iter().filter(|value| **value == 4.0).count();
        assert!((150..350).contains(&kept) && values.iter().all(|value| [0.0, 4.0].contains(value)));
        autograd::backward(&sum(&y, None, false, None).unwrap(), None, false, false).unwrap();
        assert_eq!(numbers(&x.grad().unwrap()), values);
        assert!(numbers(&dropout(&x, 1.0, true, None).unwrap()).iter().all(|value| *value == 0.0));
        assert_eq!(numbers(&dropout(&x, 0.5, false, None).unwrap()), numbers(&x));
        for p in [-0.1, 1.1, f64::NAN] {
            assert_eq!(dropout(&x, p, false, None).unwrap_err().code(), ErrorCode::InvalidArgument);
        }
    }
}
