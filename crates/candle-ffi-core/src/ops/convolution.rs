//! What convolutions share: their checks, and their three products with the gradients of each.
//!
//! A convolution, a transposed convolution and the gradient of the weight are the products of two of large side,
//! small side and weight. The gradients of each are the other two, so every order of gradient is made of the three.

use super::common::same_device;
use super::spatial::{batched, per_dim, positive_per_dim, unbatched};
use super::{sum, to_dtype};
use crate::autograd::Saved;
use crate::compute::{self, ConvResult};
use crate::{DType, Error, Padding, Result, Tensor};
use candle_ffi_kernels::conv::Geometry;
use smallvec::smallvec;

/// The names of the operations on `N` dimensions.
const CONV: [&str; 3] = ["conv1d", "conv2d", "conv3d"];
const CONV_TRANSPOSE: [&str; 3] = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"];

/// A convolution of `spatial` dimensions.
#[derive(Clone, Copy)]
struct Convolution {
    geometry: Geometry,
    spatial: usize,
}

/// What `conv1d`, `conv2d` and `conv3d` are given besides tensors.
pub(super) struct ConvOptions<'a> {
    pub(super) stride: &'a [i64],
    pub(super) padding: Padding<'a>,
    pub(super) dilation: &'a [i64],
    pub(super) groups: i64,
}

/// A convolution of `N` dimensions.
pub(super) fn conv<const N: usize>(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<'_>,
) -> Result<Tensor> {
    let (stride, dilation) =
        (positive_per_dim::<N>("stride", options.stride)?, positive_per_dim::<N>("dilation", options.dilation)?);
    let groups = check_groups(options.groups)?;
    let kernel = check_weight::<N>(weight)?;
    let (input, added) = batched(input, N)?;
    check_kinds(&input, weight, bias)?;
    let (dims, weight_dims) = (input.shape(), weight.shape());
    if weight_dims[0] % groups != 0 || Some(dims[1]) != weight_dims[1].checked_mul(groups) {
        return Err(Error::shape(
            format!(
                "an input of {} channels and a weight of shape {:?} do not fit for groups = {groups}: the weight must be \
                 [out_channels, in_channels / groups, …] with out_channels divisible by groups",
                dims[1],
                &weight_dims[..]
            ),
            &[&dims, &weight_dims],
        ));
    }
    check_bias(bias, weight_dims[0])?;
    let large: [usize; N] = std::array::from_fn(|d| dims[2 + d]);
    // From the first to the last element that a kernel covers, without the first.
    let reach: [usize; N] = std::array::from_fn(|d| (kernel[d] - 1).saturating_mul(dilation[d]));
    let (padding, room) = match options.padding {
        Padding::Same => {
            if stride != [1; N] {
                return Err(Error::argument(format!("padding \"same\" needs a stride of 1, and stride is {stride:?}")));
            }
            (reach.map(|reach| reach / 2), reach)
        }
        Padding::Valid => ([0; N], [0; N]),
        Padding::Sizes(given) => {
            let padding = per_dim::<N>("padding", given)?;
            (padding, padding.map(|padding| 2 * padding))
        }
    };
    let padded: [usize; N] = std::array::from_fn(|d| large[d].saturating_add(room[d]));
    if (0..N).any(|d| large[d] == 0 || padded[d] <= reach[d]) {
        return Err(Error::shape(
            format!(
                "the kernel of sizes {kernel:?} with dilation {dilation:?} covers more than the padded input of sizes {padded:?}, or \
                 the input is empty"
            ),
            &[&dims, &weight_dims],
        ));
    }
    let small: [usize; N] = std::array::from_fn(|d| (padded[d] - 1 - reach[d]) / stride[d] + 1);
    let geometry = Geometry {
        batch: dims[0],
        groups,
        large_channels: dims[1],
        small_channels: weight_dims[0],
        large: three(large, 1),
        small: three(small, 1),
        kernel: three(kernel, 1),
        stride: three(stride, 1),
        padding: three(padding, 0),
        dilation: three(dilation, 1),
    };
    unbatched(Convolution { geometry, spatial: N }.down(&input, weight, bias)?, added)
}

/// What the transposed convolutions are given besides tensors.
pub(super) struct TransposedOptions<'a> {
    pub(super) stride: &'a [i64],
    pub(super) padding: &'a [i64],
    pub(super) output_padding: &'a [i64],
    pub(super) groups: i64,
    pub(super) dilation: &'a [i64],
}

/// A transposed convolution of `N` dimensions.
pub(super) fn conv_transpose<const N: usize>(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &TransposedOptions<'_>,
) -> Result<Tensor> {
    let (stride, dilation) =
        (positive_per_dim::<N>("stride", options.stride)?, positive_per_dim::<N>("dilation", options.dilation)?);
    let (padding, more) =
        (per_dim::<N>("padding", options.padding)?, per_dim::<N>("output_padding", options.output_padding)?);
    if (0..N).any(|d| more[d] >= stride[d].max(dilation[d])) {
        return Err(Error::argument(format!(
            "output_padding must be smaller than stride or dilation, and is {more:?} for stride {stride:?} and dilation \
             {dilation:?}"
        )));
    }
    let groups = check_groups(options.groups)?;
    let kernel = check_weight::<N>(weight)?;
    let (input, added) = batched(input, N)?;
    check_kinds(&input, weight, bias)?;
    let (dims, weight_dims) = (input.shape(), weight.shape());
    if dims[1] != weight_dims[0] || dims[1] % groups != 0 {
        return Err(Error::shape(
            format!(
                "an input of {} channels and a weight of shape {:?} do not fit for groups = {groups}: the weight must be \
                 [in_channels, out_channels / groups, …] with in_channels divisible by groups",
                dims[1],
                &weight_dims[..]
            ),
            &[&dims, &weight_dims],
        ));
    }
    let wrong = || {
        Error::shape(
            format!(
                "an input of shape {:?} gives no output with kernel sizes {kernel:?}, stride {stride:?}, padding {padding:?}, \
                 output_padding {more:?} and dilation {dilation:?}",
                &dims[..]
            ),
            &[&dims, &weight_dims],
        )
    };
    let large_channels = weight_dims[1].checked_mul(groups).ok_or_else(wrong)?;
    check_bias(bias, large_channels)?;
    let (mut small, mut large) = ([0; N], [0; N]);
    for d in 0..N {
        small[d] = dims[2 + d];
        let reach = (kernel[d] - 1).checked_mul(dilation[d]);
        let full = small[d].checked_sub(1).and_then(|steps| steps.checked_mul(stride[d])?.checked_add(reach?));
        let full = full.and_then(|full| full.checked_add(more[d] + 1)).filter(|&full| isize::try_from(full).is_ok());
        large[d] = full.and_then(|full| full.checked_sub(2 * padding[d])).filter(|&size| size > 0).ok_or_else(wrong)?;
    }
    let geometry = Geometry {
        batch: dims[0],
        groups,
        large_channels,
        small_channels: dims[1],
        large: three(large, 1),
        small: three(small, 1),
        kernel: three(kernel, 1),
        stride: three(stride, 1),
        padding: three(padding, 0),
        dilation: three(dilation, 1),
    };
    unbatched(Convolution { geometry, spatial: N }.up(&input, weight, bias)?, added)
}

/// The sum of each channel. First within the images, whose elements follow each other; half precision is rounded once.
fn channel_sums(grad: &Tensor) -> Result<Tensor> {
    let within: Vec<i64> = (2..grad.rank() as i64).collect();
    let dtype = grad.dtype();
    to_dtype(&sum(&sum(grad, Some(&within), false, Some(dtype.wide()))?, Some(&[0]), false, None)?, dtype)
}

/// Sizes of `N` dimensions as those of three.
fn three<const N: usize>(sizes: [usize; N], leading: usize) -> [usize; 3] {
    std::array::from_fn(|d| if d + N < 3 { leading } else { sizes[d + N - 3] })
}

fn check_groups(groups: i64) -> Result<usize> {
    usize::try_from(groups)
        .ok()
        .filter(|&groups| groups > 0)
        .ok_or_else(|| Error::argument(format!("groups must be 1 or more, and is {groups}")))
}

/// The sizes of the kernel.
fn check_weight<const N: usize>(weight: &Tensor) -> Result<[usize; N]> {
    let dims = weight.shape();
    let kernel: Option<[usize; N]> = dims.get(2..).and_then(|sizes| sizes.try_into().ok());
    kernel.filter(|kernel| dims[0] > 0 && !kernel.contains(&0)).ok_or_else(|| {
        Error::shape(
            format!(
                "the weight must have two dimensions of channels and {N} of a kernel that is not empty, and its shape is {:?}",
                &dims[..]
            ),
            &[&dims],
        )
    })
}

fn check_bias(bias: Option<&Tensor>, channels: usize) -> Result<()> {
    match bias {
        Some(bias) if bias.shape().as_slice() != [channels] => Err(Error::shape(
            format!(
                "the bias must have shape [{channels}], one for each channel of the result, and has {:?}",
                bias.dims()
            ),
            &[&bias.dims()],
        )),
        _ => Ok(()),
    }
}

/// One floating dtype on one device.
fn check_kinds(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<()> {
    let dtype = input.dtype();
    if !dtype.is_float() || dtype == DType::Float8E4M3 {
        return Err(Error::dtype(
            format!("the input must be float16, bfloat16, float32 or float64, and is {dtype}; convert with to(dtype)"),
            &[dtype],
        ));
    }
    for (name, tensor) in [("weight", Some(weight)), ("bias", bias)] {
        let Some(tensor) = tensor else { continue };
        if tensor.dtype() != dtype {
            return Err(Error::dtype(
                format!("the {name} of {} must have the dtype of the input, {dtype}", tensor.dtype()),
                &[tensor.dtype(), dtype],
            ));
        }
        same_device(&[input, tensor])?;
    }
    Ok(())
}

impl Convolution {
    /// A shape of two leading sizes and spatial ones.
    fn dims(&self, leading: [usize; 2], spatial: [usize; 3]) -> Vec<usize> {
        leading.into_iter().chain(spatial.into_iter().skip(3 - self.spatial)).collect()
    }

    /// The small side from the large one.
    fn down(self, large: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let Geometry { batch, small_channels, small, .. } = self.geometry;
        let dims = self.dims([batch, small_channels], small);
        self.with_bias(ConvResult::Small, CONV[self.spatial - 1], large, weight, bias, &dims)
    }

    /// The large side from the small one.
    fn up(self, small: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let Geometry { batch, large_channels, large, .. } = self.geometry;
        let dims = self.dims([batch, large_channels], large);
        self.with_bias(ConvResult::Large, CONV_TRANSPOSE[self.spatial - 1], small, weight, bias, &dims)
    }

    /// A side from the other one.
    fn with_bias(
        self,
        result: ConvResult,
        name: &'static str,
        side: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        dims: &[usize],
    ) -> Result<Tensor> {
        let values = (side.value(), weight.value(), bias.map(Tensor::value));
        let value = compute::conv(result, &values.0, &values.1, values.2.as_ref(), &self.geometry, dims)?;
        let inputs = [Some(side), Some(weight), bias];
        let inputs: smallvec::SmallVec<[&Tensor; 3]> = inputs.into_iter().flatten().collect();
        Tensor::record_many(name, value, &inputs, || {
            let (side, weight, has_bias) = (Saved::new(side), Saved::new(weight), bias.is_some());
            move |grad, context| {
                let of_side = context.wants(0, || match result {
                    ConvResult::Large => self.down(grad, weight.get()?, None),
                    _ => self.up(grad, weight.get()?, None),
                })?;
                let of_weight = context.wants(1, || match result {
                    ConvResult::Large => self.across(grad, side.get()?),
                    _ => self.across(side.get()?, grad),
                })?;
                let mut gradients = smallvec![of_side, of_weight];
                if has_bias {
                    gradients.push(context.wants(2, || channel_sums(grad))?);
                }
                Ok(gradients)
            }
        })
    }

    /// What is a weight's gradient, from both sides.
    fn across(self, large: &Tensor, small: &Tensor) -> Result<Tensor> {
        let Geometry { groups, large_channels, small_channels, kernel, .. } = self.geometry;
        let dims = self.dims([small_channels, large_channels / groups], kernel);
        let value = compute::conv(ConvResult::Weight, &large.value(), &small.value(), None, &self.geometry, &dims)?;
        Tensor::record("convolution_weight", value, [large, small], || {
            let (large, small) = (Saved::new(large), Saved::new(small));
            move |grad, context| {
                Ok([
                    context.wants(0, || self.up(small.get()?, grad, None))?,
                    context.wants(1, || self.down(large.get()?, grad, None))?,
                ])
            }
        })
    }
}
