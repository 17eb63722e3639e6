//! Average pooling.
//!
//! Layers that average the elements of each window, or take the root of the sum of their powers.

use super::Function;
use crate::{Result, ops};

/// The average of each window of 1 dimension.
///
/// # Defaults
/// stride = None, padding = 0, ceil_mode = False, count_include_pad = True
///
/// # PyTorch
/// `torch.nn.AvgPool1d`
pub fn avg_pool1d(
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    ceil_mode: bool,
    count_include_pad: bool,
) -> Result<Function> {
    let (kernel, stride, padding) = (kernel_size.to_vec(), stride.map(<[i64]>::to_vec), padding.to_vec());
    Ok(Function::new("AvgPool1d", move |input| {
        ops::avg_pool1d(input, &kernel, stride.as_deref(), &padding, ceil_mode, count_include_pad)
    }))
}

/// The average of each window of 2 dimensions.
///
/// # Defaults
/// stride = None, padding = 0, ceil_mode = False, count_include_pad = True, divisor_override = None
///
/// # PyTorch
/// `torch.nn.AvgPool2d`
pub fn avg_pool2d(
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Option<i64>,
) -> Result<Function> {
    let (kernel, stride, padding) = (kernel_size.to_vec(), stride.map(<[i64]>::to_vec), padding.to_vec());
    Ok(Function::new("AvgPool2d", move |input| {
        ops::avg_pool2d(input, &kernel, stride.as_deref(), &padding, ceil_mode, count_include_pad, divisor_override)
    }))
}

/// The average of each window of 3 dimensions.
///
/// # Defaults
/// stride = None, padding = 0, ceil_mode = False, count_include_pad = True, divisor_override = None
///
/// # PyTorch
/// `torch.nn.AvgPool3d`
pub fn avg_pool3d(
    kernel_size: &[i64],
    stride: Option<&[i64]>,
    padding: &[i64],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Option<i64>,
) -> Result<Function> {
    let (kernel, stride, padding) = (kernel_size.to_vec(), stride.map(<[i64]>::to_vec), padding.to_vec());
    Ok(Function::new("AvgPool3d", move |input| {
        ops::avg_pool3d(input, &kernel, stride.as_deref(), &padding, ceil_mode, count_include_pad, divisor_override)
    }))
}

/// The averages of windows that share 1 dimension evenly.
///
/// # PyTorch
/// `torch.nn.AdaptiveAvgPool1d`
pub fn adaptive_avg_pool1d(output_size: &[i64]) -> Result<Function> {
    let size = output_size.to_vec();
    Ok(Function::new("AdaptiveAvgPool1d", move |input| ops::adaptive_avg_pool1d(input, &size)))
}

/// The averages of windows that share 2 dimensions evenly.
///
/// # PyTorch
/// `torch.nn.AdaptiveAvgPool2d`
pub fn adaptive_avg_pool2d(output_size: &[i64]) -> Result<Function> {
    let size = output_size.to_vec();
    Ok(Function::new("AdaptiveAvgPool2d", move |input| ops::adaptive_avg_pool2d(input, &size)))
}

/// The averages of windows that share 3 dimensions evenly.
///
/// # PyTorch
/// `torch.nn.AdaptiveAvgPool3d`
pub fn adaptive_avg_pool3d(output_size: &[i64]) -> Result<Function> {
    let size = output_size.to_vec();
    Ok(Function::new("AdaptiveAvgPool3d", move |input| ops::adaptive_avg_pool3d(input, &size)))
}

/// The root of the sum of powers of each window of 1 dimension.
///
/// # Defaults
/// stride = None, ceil_mode = False
///
/// # PyTorch
/// `torch.nn.LPPool1d`
pub fn lp_pool1d(norm_type: f64, kernel_size: &[i64], stride: Option<&[i64]>, ceil_mode: bool) -> Result<Function> {
    let (kernel, stride) = (kernel_size.to_vec(), stride.map(<[i64]>::to_vec));
    Ok(Function::new("LPPool1d", move |input| ops::lp_pool1d(input, norm_type, &kernel, stride.as_deref(), ceil_mode)))
}

/// The root of the sum of powers of each window of 2 dimensions.
///
/// # Defaults
/// stride = None, ceil_mode = False
///
/// # PyTorch
/// `torch.nn.LPPool2d`
pub fn lp_pool2d(norm_type: f64, kernel_size: &[i64], stride: Option<&[i64]>, ceil_mode: bool) -> Result<Function> {
    let (kernel, stride) = (kernel_size.to_vec(), stride.map(<[i64]>::to_vec));
    Ok(Function::new("LPPool2d", move |input| ops::lp_pool2d(input, norm_type, &kernel, stride.as_deref(), ceil_mode)))
}

/// The root of the sum of powers of each window of 3 dimensions.
///
/// # Defaults
/// stride = None, ceil_mode = False
///
/// # PyTorch
/// `torch.nn.LPPool3d`
pub fn lp_pool3d(norm_type: f64, kernel_size: &[i64], stride: Option<&[i64]>, ceil_mode: bool) -> Result<Function> {
    let (kernel, stride) = (kernel_size.to_vec(), stride.map(<[i64]>::to_vec));
    Ok(Function::new("LPPool3d", move |input| ops::lp_pool3d(input, norm_type, &kernel, stride.as_deref(), ceil_mode)))
}
