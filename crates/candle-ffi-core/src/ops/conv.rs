//! Convolutions and transposed convolutions of one to three dimensions.
//!
//! Inputs are batches `[N, C, …]` or single `[C, …]`; options take one number for all spatial dimensions or one for each.

use super::convolution::{self, ConvOptions, TransposedOptions};
use crate::{Padding, Result, Tensor, autocast};

/// Convolution over one dimension, such as time.
///
/// Shapes `[N, C, L]`, `[out_channels, C / groups, k]`, `[out_channels]` → `[N, out_channels, …]`, each
/// spatial size becoming `(size + 2 · padding - dilation · (k - 1) - 1) / stride + 1`, rounded down. With
/// `padding = "same"` the sizes stay; an odd number of zeros has the larger half at the end. `"valid"` is no padding.
/// Each of `groups` groups of channels is convolved for itself. Differentiable.
///
/// # Defaults
/// bias = None, stride = 1, padding = 0, dilation = 1, groups = 1
///
/// # Errors
/// `Shape` when the channels, the groups or the bias do not fit, or the kernel covers more than the padded input;
/// `InvalidArgument` for an option out of its range, and `"same"` with a stride; `DType` when the dtypes differ or are
/// not floating.
///
/// # PyTorch
/// `torch.nn.functional.conv1d`
///
/// # Examples
/// ```python
/// >>> cf.conv1d(cf.tensor([[[1.0, 2.0, 4.0]]]), cf.tensor([[[-1.0, 1.0]]]))
/// tensor([[[1., 2.]]])
/// ```
pub fn conv1d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: &[i64],
    padding: Padding<'_>,
    dilation: &[i64],
    groups: i64,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return conv1d(
            &cast.of(input)?,
            &cast.of(weight)?,
            cast.optional(bias)?.as_ref(),
            stride,
            padding,
            dilation,
            groups,
        );
    }
    convolution::conv::<1>(input, weight, bias, &ConvOptions { stride, padding, dilation, groups })
}

/// Convolution over two dimensions, such as an image.
///
/// Shapes `[N, C, H, W]`, `[out_channels, C / groups, kH, kW]`, `[out_channels]` → `[N, out_channels, …]`, each
/// spatial size becoming `(size + 2 · padding - dilation · (k - 1) - 1) / stride + 1`, rounded down. With
/// `padding = "same"` the sizes stay; an odd number of zeros has the larger half at the end. `"valid"` is no padding.
/// Each of `groups` groups of channels is convolved for itself. Differentiable.
///
/// # Defaults
/// bias = None, stride = 1, padding = 0, dilation = 1, groups = 1
///
/// # Errors
/// `Shape` when the channels, the groups or the bias do not fit, or the kernel covers more than the padded input;
/// `InvalidArgument` for an option out of its range, and `"same"` with a stride; `DType` when the dtypes differ or are
/// not floating.
///
/// # PyTorch
/// `torch.nn.functional.conv2d`
///
/// # Examples
/// ```python
/// >>> cf.conv2d(cf.ones(1, 1, 3, 3), cf.ones(1, 1, 3, 3))
/// tensor([[[[9.]]]])
/// ```
pub fn conv2d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: &[i64],
    padding: Padding<'_>,
    dilation: &[i64],
    groups: i64,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return conv2d(
            &cast.of(input)?,
            &cast.of(weight)?,
            cast.optional(bias)?.as_ref(),
            stride,
            padding,
            dilation,
            groups,
        );
    }
    convolution::conv::<2>(input, weight, bias, &ConvOptions { stride, padding, dilation, groups })
}

/// Convolution over three dimensions, such as a volume.
///
/// Shapes `[N, C, D, H, W]`, `[out_channels, C / groups, kD, kH, kW]`, `[out_channels]` → `[N, out_channels, …]`, each
/// spatial size becoming `(size + 2 · padding - dilation · (k - 1) - 1) / stride + 1`, rounded down. With
/// `padding = "same"` the sizes stay; an odd number of zeros has the larger half at the end. `"valid"` is no padding.
/// Each of `groups` groups of channels is convolved for itself. Differentiable.
///
/// # Defaults
/// bias = None, stride = 1, padding = 0, dilation = 1, groups = 1
///
/// # Errors
/// `Shape` when the channels, the groups or the bias do not fit, or the kernel covers more than the padded input;
/// `InvalidArgument` for an option out of its range, and `"same"` with a stride; `DType` when the dtypes differ or are
/// not floating.
///
/// # PyTorch
/// `torch.nn.functional.conv3d`
///
/// # Examples
/// ```python
/// >>> cf.conv3d(cf.ones(1, 2, 3, 3, 3), cf.ones(4, 2, 2, 2, 2)).shape
/// (1, 4, 2, 2, 2)
/// ```
pub fn conv3d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: &[i64],
    padding: Padding<'_>,
    dilation: &[i64],
    groups: i64,
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return conv3d(
            &cast.of(input)?,
            &cast.of(weight)?,
            cast.optional(bias)?.as_ref(),
            stride,
            padding,
            dilation,
            groups,
        );
    }
    convolution::conv::<3>(input, weight, bias, &ConvOptions { stride, padding, dilation, groups })
}

/// Transposed convolution over one dimension, such as time: the way back from `conv1d`'s shapes.
///
/// Shapes `[N, C, L]`, `[C, out_channels / groups, k]`, `[out_channels]` → `[N, out_channels, …]`, each
/// spatial size becoming `(size - 1) · stride - 2 · padding + dilation · (k - 1) + output_padding + 1`.
/// `output_padding` makes the result longer at its end, where a convolution with this stride would drop elements.
/// Differentiable.
///
/// # Defaults
/// bias = None, stride = 1, padding = 0, output_padding = 0, groups = 1, dilation = 1
///
/// # Errors
/// `Shape` when the channels, the groups or the bias do not fit, or the result would be empty; `InvalidArgument` for an
/// option out of its range, and `output_padding` that is not smaller than stride or dilation; `DType` when the dtypes
/// differ or are not floating.
///
/// # PyTorch
/// `torch.nn.functional.conv_transpose1d`
///
/// # Examples
/// ```python
/// >>> cf.conv_transpose1d(cf.tensor([[[1.0, 2.0]]]), cf.tensor([[[1.0, 10.0]]]), stride=2)
/// tensor([[[ 1., 10.,  2., 20.]]])
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn conv_transpose1d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: &[i64],
    padding: &[i64],
    output_padding: &[i64],
    groups: i64,
    dilation: &[i64],
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return conv_transpose1d(
            &cast.of(input)?,
            &cast.of(weight)?,
            cast.optional(bias)?.as_ref(),
            stride,
            padding,
            output_padding,
            groups,
            dilation,
        );
    }
    let options = TransposedOptions { stride, padding, output_padding, groups, dilation };
    convolution::conv_transpose::<1>(input, weight, bias, &options)
}

/// Transposed convolution over two dimensions, such as an image: the way back from `conv2d`'s shapes.
///
/// Shapes `[N, C, H, W]`, `[C, out_channels / groups, kH, kW]`, `[out_channels]` → `[N, out_channels, …]`, each
/// spatial size becoming `(size - 1) · stride - 2 · padding + dilation · (k - 1) + output_padding + 1`.
/// `output_padding` makes the result longer at its end, where a convolution with this stride would drop elements.
/// Differentiable.
///
/// # Defaults
/// bias = None, stride = 1, padding = 0, output_padding = 0, groups = 1, dilation = 1
///
/// # Errors
/// `Shape` when the channels, the groups or the bias do not fit, or the result would be empty; `InvalidArgument` for an
/// option out of its range, and `output_padding` that is not smaller than stride or dilation; `DType` when the dtypes
/// differ or are not floating.
///
/// # PyTorch
/// `torch.nn.functional.conv_transpose2d`
///
/// # Examples
/// ```python
/// >>> cf.conv_transpose2d(cf.ones(1, 2, 3, 3), cf.ones(2, 4, 2, 2), stride=2).shape
/// (1, 4, 6, 6)
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn conv_transpose2d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: &[i64],
    padding: &[i64],
    output_padding: &[i64],
    groups: i64,
    dilation: &[i64],
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return conv_transpose2d(
            &cast.of(input)?,
            &cast.of(weight)?,
            cast.optional(bias)?.as_ref(),
            stride,
            padding,
            output_padding,
            groups,
            dilation,
        );
    }
    let options = TransposedOptions { stride, padding, output_padding, groups, dilation };
    convolution::conv_transpose::<2>(input, weight, bias, &options)
}

/// Transposed convolution over three dimensions, such as a volume: the way back from `conv3d`'s shapes.
///
/// Shapes `[N, C, D, H, W]`, `[C, out_channels / groups, kD, kH, kW]`, `[out_channels]` → `[N, out_channels, …]`, each
/// spatial size becoming `(size - 1) · stride - 2 · padding + dilation · (k - 1) + output_padding + 1`.
/// `output_padding` makes the result longer at its end, where a convolution with this stride would drop elements.
/// Differentiable.
///
/// # Defaults
/// bias = None, stride = 1, padding = 0, output_padding = 0, groups = 1, dilation = 1
///
/// # Errors
/// `Shape` when the channels, the groups or the bias do not fit, or the result would be empty; `InvalidArgument` for an
/// option out of its range, and `output_padding` that is not smaller than stride or dilation; `DType` when the dtypes
/// differ or are not floating.
///
/// # PyTorch
/// `torch.nn.functional.conv_transpose3d`
///
/// # Examples
/// ```python
/// >>> cf.conv_transpose3d(cf.ones(1, 2, 3, 3, 3), cf.ones(2, 4, 2, 2, 2), stride=2).shape
/// (1, 4, 6, 6, 6)
/// ```
#[expect(clippy::too_many_arguments, reason = "PyTorch's")]
pub fn conv_transpose3d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: &[i64],
    padding: &[i64],
    output_padding: &[i64],
    groups: i64,
    dilation: &[i64],
) -> Result<Tensor> {
    if let Some(cast) = autocast::enter(autocast::LOWER, &[input]) {
        return conv_transpose3d(
            &cast.of(input)?,
            &cast.of(weight)?,
            cast.optional(bias)?.as_ref(),
            stride,
            padding,
            output_padding,
            groups,
            dilation,
        );
    }
    let options = TransposedOptions { stride, padding, output_padding, groups, dilation };
    convolution::conv_transpose::<3>(input, weight, bias, &options)
}
