//! Patches of images as columns, and channels rearranged with space.

use super::spatial::{batched, per_dim, positive_per_dim, unbatched};
use super::{permute, reshape};
use crate::compute::{self, OnPlanes};
use crate::shape::Dims;
use crate::{Error, Result, Tensor};
use candle_ffi_kernels::fold::Patches;
use std::sync::Arc;

/// Patches of images as columns, as a convolution sees them.
///
/// `[N, C, H, W]` becomes `[N, C · kernel height · kernel width, patches]`; without the batch too. Patches of `kernel_size`
/// elements, `dilation` apart, are `stride` apart, with `padding` zeros around the image. Options are one number, or one for
/// height and one for width. Differentiable.
///
/// # Defaults
/// dilation = 1, padding = 0, stride = 1
///
/// # Errors
/// `Shape` for an input of another rank or smaller than the kernel, `InvalidArgument` for an option that is no size, `DType`
/// for integers and bools.
///
/// # PyTorch
/// `torch.nn.functional.unfold`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.unfold(cf.arange(6.0).reshape(1, 2, 3), 2)
/// tensor([[0., 1.],
///         [1., 2.],
///         [3., 4.],
///         [4., 5.]])
/// ```
pub fn unfold(
    input: &Tensor,
    kernel_size: &[i64],
    dilation: &[i64],
    padding: &[i64],
    stride: &[i64],
) -> Result<Tensor> {
    let (images, added) = batched(input, 2)?;
    let dims = images.shape();
    if dims[1..].contains(&0) {
        return Err(Error::shape(
            format!("only the batch may be empty, and the shape is {:?}", input.dims()),
            &[&dims],
        ));
    }
    let patches = patches([dims[2], dims[3]], kernel_size, dilation, padding, stride)?;
    let rows = dims[1].checked_mul(patches.kernel[0] * patches.kernel[1]).ok_or_else(|| too_large(&dims))?;
    let output = Dims::from_slice(&[dims[0], rows, patches.output[0] * patches.output[1]]);
    let plan = Arc::new(OnPlanes { count: dims[0] * dims[1], input: dims, output, geometry: patches });
    unbatched(columns(&images, &plan)?, added)
}

/// Images of the sums of overlapping patches: the transpose of `unfold`.
///
/// `[N, C · kernel height · kernel width, patches]` becomes `[N, C, height, width]` with `output_size` as height and width;
/// without the batch too. The options are those of `unfold`. Differentiable.
///
/// # Defaults
/// dilation = 1, padding = 0, stride = 1
///
/// # Errors
/// `Shape` for columns that such an image does not have, `InvalidArgument` for an option that is no size, `DType` for integers
/// and bools.
///
/// # PyTorch
/// `torch.nn.functional.fold`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.fold(cf.ones(4, 2), (2, 3), 2)
/// tensor([[[1., 2., 1.],
///          [1., 2., 1.]]])
/// ```
pub fn fold(
    input: &Tensor,
    output_size: &[i64],
    kernel_size: &[i64],
    dilation: &[i64],
    padding: &[i64],
    stride: &[i64],
) -> Result<Tensor> {
    let (lists, added) = batched(input, 1)?;
    let dims = lists.shape();
    let size: [usize; 2] = positive_per_dim("output_size", output_size)?;
    let patches = patches(size, kernel_size, dilation, padding, stride)?;
    let each = patches.kernel[0] * patches.kernel[1];
    let count = patches.output[0] * patches.output[1];
    if dims[1] == 0 || !dims[1].is_multiple_of(each) || dims[2] != count {
        return Err(Error::shape(
            format!(
                "columns of shape {:?} are not those of images of {size:?}: there must be {count} of a multiple of {each} elements",
                input.dims()
            ),
            &[&input.dims()],
        ));
    }
    let channels = dims[1] / each;
    let images = Dims::from_slice(&[dims[0], channels, size[0], size[1]]);
    let plan = Arc::new(OnPlanes { count: dims[0] * channels, input: images, output: dims, geometry: patches });
    unbatched(sums(&lists, &plan)?, added)
}

fn too_large(dims: &[usize]) -> Error {
    Error::shape(format!("the number of patches of shape {dims:?} overflows"), &[dims])
}

fn patches(
    input: [usize; 2],
    kernel_size: &[i64],
    dilation: &[i64],
    padding: &[i64],
    stride: &[i64],
) -> Result<Patches> {
    let kernel: [usize; 2] = positive_per_dim("kernel_size", kernel_size)?;
    let (dilation, padding) = (positive_per_dim("dilation", dilation)?, per_dim("padding", padding)?);
    let stride: [usize; 2] = positive_per_dim("stride", stride)?;
    let mut output = [0; 2];
    for d in 0..2 {
        let reach = (kernel[d] - 1) * dilation[d] + 1;
        let Some(room) = (input[d] + 2 * padding[d]).checked_sub(reach) else {
            return Err(Error::shape(
                format!(
                    "an image of {input:?} is smaller than kernel_size {kernel:?} with dilation {dilation:?} and padding {padding:?}"
                ),
                &[&input],
            ));
        };
        output[d] = room / stride[d] + 1;
    }
    output[0].checked_mul(output[1]).ok_or_else(|| too_large(&input))?;
    Ok(Patches { input, output, kernel, dilation, padding, stride })
}

/// Patches as columns; this and [`sums`] are each other's gradients.
fn columns(images: &Tensor, plan: &Arc<OnPlanes<Patches>>) -> Result<Tensor> {
    let value = compute::unfold(&images.value(), plan)?;
    Tensor::record("unfold", value, [images], || {
        let plan = plan.clone();
        move |grad, _| Ok([Some(sums(grad, &plan)?)])
    })
}

fn sums(columns_of: &Tensor, plan: &Arc<OnPlanes<Patches>>) -> Result<Tensor> {
    let value = compute::fold(&columns_of.value(), plan)?;
    Tensor::record("fold", value, [columns_of], || {
        let plan = plan.clone();
        move |grad, _| Ok([Some(columns(grad, &plan)?)])
    })
}

/// Channels made space: `[…, C · r², H, W]` becomes `[…, C, H · r, W · r]` for `r = upscale_factor`.
///
/// Differentiable. Source: Shi et al., 2016.
///
/// # Errors
/// `Shape` for less than three dimensions and for channels that `r²` does not divide, `InvalidArgument` for a factor that is not
/// positive.
///
/// # PyTorch
/// `torch.nn.functional.pixel_shuffle`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.pixel_shuffle(cf.arange(4.0).reshape(4, 1, 1), 2)
/// tensor([[[0., 1.],
///          [2., 3.]]])
/// ```
pub fn pixel_shuffle(input: &Tensor, upscale_factor: i64) -> Result<Tensor> {
    let (leading, [channels, height, width], r) = image(input, "upscale_factor", upscale_factor)?;
    let square = r
        .checked_mul(r)
        .filter(|square| channels % square == 0)
        .ok_or_else(|| indivisible(input, &format!("{channels} channels are no multiple of the square of {r}")))?;
    let split = [&leading[..], &[channels / square, r, r, height, width]].concat();
    let (Some(tall), Some(wide)) = (height.checked_mul(r), width.checked_mul(r)) else {
        return Err(indivisible(input, &format!("{r} times height or width is too large")));
    };
    let joined = [&leading[..], &[channels / square, tall, wide]].concat();
    let n = leading.len() as i64;
    rearranged(input, &split, &[n, n + 3, n + 1, n + 4, n + 2], &joined)
}

/// Space made channels: `[…, C, H · r, W · r]` becomes `[…, C · r², H, W]` for `r = downscale_factor`.
///
/// Differentiable. Source: Shi et al., 2016.
///
/// # Errors
/// `Shape` for less than three dimensions and for a height or width that `r` does not divide, `InvalidArgument` for a factor
/// that is not positive.
///
/// # PyTorch
/// `torch.nn.functional.pixel_unshuffle`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.pixel_unshuffle(cf.arange(4.0).reshape(1, 2, 2), 2).shape
/// (4, 1, 1)
/// ```
pub fn pixel_unshuffle(input: &Tensor, downscale_factor: i64) -> Result<Tensor> {
    let (leading, [channels, height, width], r) = image(input, "downscale_factor", downscale_factor)?;
    if height % r != 0 || width % r != 0 {
        return Err(indivisible(input, &format!("height and width are no multiples of {r}")));
    }
    let channels_after = r
        .checked_mul(r)
        .and_then(|square| square.checked_mul(channels))
        .ok_or_else(|| indivisible(input, &format!("the square of {r} is too large")))?;
    let split = [&leading[..], &[channels, height / r, r, width / r, r]].concat();
    let joined = [&leading[..], &[channels_after, height / r, width / r]].concat();
    let n = leading.len() as i64;
    rearranged(input, &split, &[n, n + 2, n + 4, n + 1, n + 3], &joined)
}

/// Channels dealt out to `groups`: `[N, g · C, …]` is seen as `[N, g, C, …]`, and becomes `[N, C · g, …]`.
///
/// Differentiable. Source: Zhang et al., "ShuffleNet", 2017.
///
/// # Errors
/// `Shape` for less than three dimensions and for channels that `groups` does not divide, `InvalidArgument` for groups that are
/// not positive.
///
/// # PyTorch
/// `torch.nn.functional.channel_shuffle`
///
/// # Examples
/// ```python
/// >>> cf.nn.functional.channel_shuffle(cf.arange(4.0).reshape(1, 4, 1), 2).flatten()
/// tensor([0., 2., 1., 3.])
/// ```
pub fn channel_shuffle(input: &Tensor, groups: i64) -> Result<Tensor> {
    let dims = super::common::sizes(&input.shape());
    if dims.len() < 3 {
        return Err(indivisible(input, "there must be at least three dimensions"));
    }
    if groups < 1 {
        return Err(Error::argument(format!("groups must be positive, and is {groups}")));
    }
    if dims[1] % groups != 0 {
        return Err(indivisible(input, &format!("{} channels are no multiple of {groups} groups", dims[1])));
    }
    let split = [&[dims[0], groups, dims[1] / groups], &dims[2..]].concat();
    let order: Vec<i64> = [0, 2, 1].into_iter().chain(3..split.len() as i64).collect();
    reshape(&permute(&reshape(input, &split)?, &order)?, &dims)
}

/// The sizes before the last three dimensions, those, and a factor that is positive.
fn image(input: &Tensor, name: &str, factor: i64) -> Result<(Vec<i64>, [i64; 3], i64)> {
    let dims = super::common::sizes(&input.shape());
    let Some((leading, &image)) = dims.split_last_chunk::<3>() else {
        return Err(indivisible(input, "there must be at least three dimensions"));
    };
    if factor < 1 {
        return Err(Error::argument(format!("{name} must be positive, and is {factor}")));
    }
    Ok((leading.to_vec(), image, factor))
}

fn indivisible(input: &Tensor, what: &str) -> Error {
    Error::shape(format!("{what}, and the shape is {:?}", input.dims()), &[&input.dims()])
}

/// The input split, its last five dimensions in another order, and joined.
fn rearranged(input: &Tensor, split: &[i64], order: &[i64; 5], joined: &[i64]) -> Result<Tensor> {
    let order: Vec<i64> = (0..order[0]).chain(order.iter().copied()).collect();
    reshape(&permute(&reshape(input, split)?, &order)?, joined)
}
