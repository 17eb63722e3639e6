//! Upsampling.
//!
//! Layers that resample spatial dimensions to another size.

use super::Function;
use crate::{InterpolateMode, Result, ops};

/// Resamples to a size, or by a factor.
///
/// # Defaults
/// size = None, scale_factor = None, mode = nearest, align_corners = None, recompute_scale_factor = None
///
/// # PyTorch
/// `torch.nn.Upsample`
pub fn upsample(
    size: Option<&[i64]>,
    scale_factor: Option<&[f64]>,
    mode: InterpolateMode,
    align_corners: Option<bool>,
    recompute_scale_factor: Option<bool>,
) -> Result<Function> {
    resampler("Upsample", size, scale_factor, mode, align_corners, recompute_scale_factor)
}

/// Resamples two dimensions to a size, or by a factor, by the nearest element.
///
/// # Defaults
/// size = None, scale_factor = None
///
/// # PyTorch
/// `torch.nn.UpsamplingNearest2d`
pub fn upsampling_nearest2d(size: Option<&[i64]>, scale_factor: Option<&[f64]>) -> Result<Function> {
    resampler("UpsamplingNearest2d", size, scale_factor, InterpolateMode::Nearest, None, None)
}

/// Resamples two dimensions linearly to a size, or by a factor; the corners stay where they are.
///
/// # Defaults
/// size = None, scale_factor = None
///
/// # PyTorch
/// `torch.nn.UpsamplingBilinear2d`
pub fn upsampling_bilinear2d(size: Option<&[i64]>, scale_factor: Option<&[f64]>) -> Result<Function> {
    resampler("UpsamplingBilinear2d", size, scale_factor, InterpolateMode::Bilinear, Some(true), None)
}

fn resampler(
    name: &'static str,
    size: Option<&[i64]>,
    scale_factor: Option<&[f64]>,
    mode: InterpolateMode,
    align_corners: Option<bool>,
    recompute: Option<bool>,
) -> Result<Function> {
    let (size, factors) = (size.map(<[i64]>::to_vec), scale_factor.map(<[f64]>::to_vec));
    Ok(Function::new(name, move |input| {
        ops::interpolate(input, size.as_deref(), factors.as_deref(), mode, align_corners, recompute, false)
    }))
}
