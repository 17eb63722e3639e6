//! Adaptive pooling: windows that share a dimension evenly, for an output of a given size.

use super::max_pool::both;
use super::pool::{adaptive, average, maximum};
use crate::{OutputAndIndices, Result, Tensor, autocast};

/// The averages of `output_size` windows that share the dimension evenly.
///
/// The input is `[N, C, L]` or `[C, L]`; output `i` of `o` averages the elements from `⌊i · size / o⌋` to `⌈(i + 1) · size / o⌉`.
/// `output_size` is one number. Differentiable.
///
/// # Errors
/// `Shape` for an input of another rank or with an empty spatial dimension, `InvalidArgument` for a negative size, `DType` for
/// integers and bools.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_avg_pool1d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.adaptive_avg_pool1d(cf.arange(4.0).reshape(1, 4), 2)
/// tensor([[0.5000, 2.5000]])
/// ```
pub fn adaptive_avg_pool1d(input: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    average("adaptive_avg_pool1d", input, &adaptive::<1>(input, output_size)?)
}

/// The averages of `output_size` windows that share 2 dimensions evenly.
///
/// The input is `[N, C, H, W]` or `[C, H, W]`; output `i` of `o` averages the elements from `⌊i · size / o⌋` to `⌈(i + 1) · size / o⌉`.
/// `output_size` is one number, or one for height and one for width. Differentiable.
///
/// # Errors
/// `Shape` for an input of another rank or with an empty spatial dimension, `InvalidArgument` for a negative size, `DType` for
/// integers and bools.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_avg_pool2d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.adaptive_avg_pool2d(cf.arange(16.0).reshape(1, 4, 4), 1)
/// tensor([[[7.5000]]])
/// ```
pub fn adaptive_avg_pool2d(input: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    average("adaptive_avg_pool2d", input, &adaptive::<2>(input, output_size)?)
}

/// The averages of `output_size` windows that share 3 dimensions evenly.
///
/// The input is `[N, C, D, H, W]` or `[C, D, H, W]`; output `i` of `o` averages the elements from `⌊i · size / o⌋` to `⌈(i + 1) · size / o⌉`.
/// `output_size` is one number, or one for each of depth, height and width. Differentiable.
///
/// # Errors
/// `Shape` for an input of another rank or with an empty spatial dimension, `InvalidArgument` for a negative size, `DType` for
/// integers and bools.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_avg_pool3d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.adaptive_avg_pool3d(cf.arange(8.0).reshape(1, 2, 2, 2), 1)
/// tensor([[[[3.5000]]]])
/// ```
pub fn adaptive_avg_pool3d(input: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return adaptive_avg_pool3d(&cast.of(input)?, output_size);
    }
    average("adaptive_avg_pool3d", input, &adaptive::<3>(input, output_size)?)
}

/// The largest elements of `output_size` windows that share the dimension evenly.
///
/// The input is `[N, C, L]` or `[C, L]`; the windows are those of `adaptive_avg_pool1d`. NaN is larger than any number.
/// `output_size` is one number. Differentiable: the gradient goes to the first of equal elements.
///
/// # Errors
/// `Shape` for an input of another rank or with an empty spatial dimension, `InvalidArgument` for a negative size, `DType` for
/// bools.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_max_pool1d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.adaptive_max_pool1d(cf.arange(4.0).reshape(1, 4), 2)
/// tensor([[1., 3.]])
/// ```
pub fn adaptive_max_pool1d(input: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    Ok(maximum("adaptive_max_pool1d", input, &adaptive::<1>(input, output_size)?, false)?.0)
}

/// The largest elements of windows that share the dimension evenly, and where they stand.
///
/// As `adaptive_max_pool1d`; the indices are `int64` positions in the flattened spatial dimension of the input.
/// The output is differentiable.
///
/// # Errors
/// As `adaptive_max_pool1d`.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_max_pool1d(return_indices=True)`
///
/// # Examples
/// ```python
/// >>> x = cf.arange(4.0).reshape(1, 4)
/// >>> cf.nn.functional.adaptive_max_pool1d_with_indices(x, 2).indices
/// tensor([[1, 3]])
/// ```
pub fn adaptive_max_pool1d_with_indices(input: &Tensor, output_size: &[i64]) -> Result<OutputAndIndices> {
    both(maximum("adaptive_max_pool1d", input, &adaptive::<1>(input, output_size)?, true)?)
}

/// The largest elements of `output_size` windows that share 2 dimensions evenly.
///
/// The input is `[N, C, H, W]` or `[C, H, W]`; the windows are those of `adaptive_avg_pool2d`. NaN is larger than any number.
/// `output_size` is one number, or one for height and one for width. Differentiable: the gradient goes to the first of equal elements.
///
/// # Errors
/// `Shape` for an input of another rank or with an empty spatial dimension, `InvalidArgument` for a negative size, `DType` for
/// bools.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_max_pool2d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.adaptive_max_pool2d(cf.arange(16.0).reshape(1, 4, 4), 1)
/// tensor([[[15.]]])
/// ```
pub fn adaptive_max_pool2d(input: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    Ok(maximum("adaptive_max_pool2d", input, &adaptive::<2>(input, output_size)?, false)?.0)
}

/// The largest elements of windows that share 2 dimensions evenly, and where they stand.
///
/// As `adaptive_max_pool2d`; the indices are `int64` positions in the flattened spatial dimensions of the input.
/// The output is differentiable.
///
/// # Errors
/// As `adaptive_max_pool2d`.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_max_pool2d(return_indices=True)`
///
/// # Examples
/// ```python
/// >>> x = cf.arange(16.0).reshape(1, 4, 4)
/// >>> cf.nn.functional.adaptive_max_pool2d_with_indices(x, 1).indices
/// tensor([[[15]]])
/// ```
pub fn adaptive_max_pool2d_with_indices(input: &Tensor, output_size: &[i64]) -> Result<OutputAndIndices> {
    both(maximum("adaptive_max_pool2d", input, &adaptive::<2>(input, output_size)?, true)?)
}

/// The largest elements of `output_size` windows that share 3 dimensions evenly.
///
/// The input is `[N, C, D, H, W]` or `[C, D, H, W]`; the windows are those of `adaptive_avg_pool3d`. NaN is larger than any number.
/// `output_size` is one number, or one for each of depth, height and width. Differentiable: the gradient goes to the first of equal elements.
///
/// # Errors
/// `Shape` for an input of another rank or with an empty spatial dimension, `InvalidArgument` for a negative size, `DType` for
/// bools.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_max_pool3d`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.adaptive_max_pool3d(cf.arange(8.0).reshape(1, 2, 2, 2), 1)
/// tensor([[[[7.]]]])
/// ```
pub fn adaptive_max_pool3d(input: &Tensor, output_size: &[i64]) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return adaptive_max_pool3d(&cast.of(input)?, output_size);
    }
    Ok(maximum("adaptive_max_pool3d", input, &adaptive::<3>(input, output_size)?, false)?.0)
}

/// The largest elements of windows that share 3 dimensions evenly, and where they stand.
///
/// As `adaptive_max_pool3d`; the indices are `int64` positions in the flattened spatial dimensions of the input.
/// The output is differentiable.
///
/// # Errors
/// As `adaptive_max_pool3d`.
///
/// # PyTorch
/// `torch.nn.functional.adaptive_max_pool3d(return_indices=True)`
///
/// # Examples
/// ```python
/// >>> x = cf.arange(8.0).reshape(1, 2, 2, 2)
/// >>> cf.nn.functional.adaptive_max_pool3d_with_indices(x, 1).indices
/// tensor([[[[7]]]])
/// ```
pub fn adaptive_max_pool3d_with_indices(input: &Tensor, output_size: &[i64]) -> Result<OutputAndIndices> {
    if let Some(cast) = autocast::enter(autocast::FLOAT32_ON_CPU, &[input]) {
        return adaptive_max_pool3d_with_indices(&cast.of(input)?, output_size);
    }
    both(maximum("adaptive_max_pool3d", input, &adaptive::<3>(input, output_size)?, true)?)
}
