//! Patches, and channels rearranged with space.
//!
//! Layers without weights that only rearrange elements, or add up those of overlapping patches.

use super::Function;
use crate::{Result, ops};

/// Patches of images as columns.
///
/// # Defaults
/// dilation = 1, padding = 0, stride = 1
///
/// # PyTorch
/// `torch.nn.Unfold`
pub fn unfold(kernel_size: &[i64], dilation: &[i64], padding: &[i64], stride: &[i64]) -> Result<Function> {
    let [kernel, dilation, padding, stride] = [kernel_size, dilation, padding, stride].map(<[i64]>::to_vec);
    Ok(Function::new("Unfold", move |input| ops::unfold(input, &kernel, &dilation, &padding, &stride)))
}

/// Images of the sums of overlapping patches.
///
/// # Defaults
/// dilation = 1, padding = 0, stride = 1
///
/// # PyTorch
/// `torch.nn.Fold`
pub fn fold(
    output_size: &[i64],
    kernel_size: &[i64],
    dilation: &[i64],
    padding: &[i64],
    stride: &[i64],
) -> Result<Function> {
    let [size, kernel, dilation, padding, stride] =
        [output_size, kernel_size, dilation, padding, stride].map(<[i64]>::to_vec);
    Ok(Function::new("Fold", move |input| ops::fold(input, &size, &kernel, &dilation, &padding, &stride)))
}

/// Channels made space.
///
/// # PyTorch
/// `torch.nn.PixelShuffle`
pub fn pixel_shuffle(upscale_factor: i64) -> Result<Function> {
    Ok(Function::new("PixelShuffle", move |input| ops::pixel_shuffle(input, upscale_factor)))
}

/// Space made channels.
///
/// # PyTorch
/// `torch.nn.PixelUnshuffle`
pub fn pixel_unshuffle(downscale_factor: i64) -> Result<Function> {
    Ok(Function::new("PixelUnshuffle", move |input| ops::pixel_unshuffle(input, downscale_factor)))
}

/// Channels dealt out to groups.
///
/// # PyTorch
/// `torch.nn.ChannelShuffle`
pub fn channel_shuffle(groups: i64) -> Result<Function> {
    Ok(Function::new("ChannelShuffle", move |input| ops::channel_shuffle(input, groups)))
}

/// A dimension split into several.
///
/// # PyTorch
/// `torch.nn.Unflatten`
pub fn unflatten(dim: i64, unflattened_size: &[i64]) -> Result<Function> {
    let sizes = unflattened_size.to_vec();
    Ok(Function::new("Unflatten", move |input| ops::unflatten(input, dim, &sizes)))
}
