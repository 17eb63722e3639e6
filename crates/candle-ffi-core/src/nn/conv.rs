//! Convolutional layers.

use super::init::{fan_in_bound, uniform};
use super::{Factory, Module, Parameter};
use crate::{Error, PadMode, Padding, PaddingMode, Result, Tensor, ops};
use std::borrow::Cow;

/// What all of them have: weights, and the options of their operation.
pub(super) struct Weights {
    /// `[out_channels, in_channels / groups, …]`, or `[in_channels, out_channels / groups, …]` of a transposed one.
    pub(super) weight: Parameter,
    /// `[out_channels]`.
    bias: Option<Parameter>,
    pub(super) stride: Vec<i64>,
    pub(super) dilation: Vec<i64>,
    pub(super) groups: i64,
}

/// The sizes of a layer.
pub(super) struct Sizes<'a, const N: usize> {
    pub(super) in_channels: i64,
    pub(super) out_channels: i64,
    pub(super) kernel_size: &'a [i64],
    pub(super) stride: &'a [i64],
    pub(super) dilation: &'a [i64],
    pub(super) groups: i64,
    pub(super) transposed: bool,
}

impl Weights {
    pub(super) fn new<const N: usize>(sizes: &Sizes<'_, N>, bias: bool, factory: &Factory) -> Result<Self> {
        let &Sizes { in_channels, out_channels, kernel_size, stride, dilation, groups, transposed } = sizes;
        if groups < 1 {
            return Err(Error::argument(format!("groups must be 1 or more, and is {groups}")));
        }
        for (name, channels) in [("in_channels", in_channels), ("out_channels", out_channels)] {
            if channels < 0 || channels % groups != 0 {
                return Err(Error::argument(format!("{name} ({channels}) must be divisible by groups ({groups})")));
            }
        }
        let kernel: [i64; N] = per_dim("kernel_size", kernel_size, 1)?;
        let (outer, inner) = if transposed { (in_channels, out_channels) } else { (out_channels, in_channels) };
        let mut shape = vec![outer, inner / groups];
        shape.extend(kernel);
        let fan_in = shape[1..].iter().try_fold(1i64, |product, &size| product.checked_mul(size));
        let bound = fan_in_bound(fan_in.unwrap_or(i64::MAX));
        let weight = Parameter::new(uniform(&shape, bound, factory)?)?;
        let bias = bias.then(|| Parameter::new(uniform(&[out_channels], bound, factory)?)).transpose()?;
        let stride = per_dim::<N>("stride", stride, 1)?.to_vec();
        Ok(Self { weight, bias, stride, dilation: per_dim::<N>("dilation", dilation, 1)?.to_vec(), groups })
    }

    pub(super) fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        let bias = self.bias.iter().map(|bias| ("bias".into(), bias));
        std::iter::once(("weight".into(), &self.weight)).chain(bias).collect()
    }

    pub(super) fn bias(&self) -> Option<Tensor> {
        self.bias.as_ref().map(Parameter::get)
    }
}

/// An option for each dimension; one number is for all.
pub(super) fn per_dim<const N: usize>(name: &str, given: &[i64], least: i64) -> Result<[i64; N]> {
    let full: Option<[i64; N]> = if let [one] = given { Some([*one; N]) } else { given.try_into().ok() };
    full.filter(|full| full.iter().all(|&size| size >= least)).ok_or_else(|| {
        Error::argument(format!("{name} must be one number or {N}, each {least} or more, and is {given:?}"))
    })
}

/// How a layer pads: by the operation itself, or before it.
struct Padded {
    /// As the ABI writes it.
    own: Vec<i64>,
    before: Option<(Vec<i64>, PadMode)>,
}

impl Padded {
    fn new<const N: usize>(sizes: &Sizes<'_, N>, padding: Padding<'_>, mode: PaddingMode) -> Result<Self> {
        let dilation: [i64; N] = per_dim("dilation", sizes.dilation, 1)?;
        let kernel: [i64; N] = per_dim("kernel_size", sizes.kernel_size, 1)?;
        if padding == Padding::Same && per_dim::<N>("stride", sizes.stride, 1)? != [1; N] {
            return Err(Error::argument("padding \"same\" needs a stride of 1"));
        }
        let mode = match mode {
            PaddingMode::Zeros => {
                let own = match padding {
                    Padding::Same => vec![Padding::SAME],
                    Padding::Valid => vec![Padding::VALID],
                    Padding::Sizes(given) => per_dim::<N>("padding", given, 0)?.to_vec(),
                };
                return Ok(Self { own, before: None });
            }
            PaddingMode::Reflect => PadMode::Reflect,
            PaddingMode::Replicate => PadMode::Replicate,
            PaddingMode::Circular => PadMode::Circular,
        };
        let ends: [(i64, i64); N] = match padding {
            Padding::Valid => [(0, 0); N],
            Padding::Same => std::array::from_fn(|d| {
                let total = dilation[d].saturating_mul(kernel[d] - 1);
                (total / 2, total - total / 2)
            }),
            Padding::Sizes(given) => per_dim::<N>("padding", given, 0)?.map(|size| (size, size)),
        };
        let before = ends.into_iter().rev().flat_map(|(before, after)| [before, after]).collect();
        Ok(Self { own: vec![Padding::VALID], before: Some((before, mode)) })
    }

    /// The input with what is padded before the operation.
    fn apply(&self, input: &Tensor) -> Result<Tensor> {
        match &self.before {
            None => Ok(input.clone()),
            Some((sizes, mode)) => ops::pad(input, sizes, *mode, None),
        }
    }
}

/// Convolution over one dimension. `torch.nn.Conv1d`.
pub struct Conv1d {
    weights: Weights,
    padded: Padded,
}

impl Conv1d {
    /// A convolution over one dimension, of inputs `[N, in_channels, …]` or `[in_channels, …]`.
    ///
    /// Weights and bias start uniform within `1 / √n` for `n` inputs of an output. `padding_mode` says what stands
    /// in the padding.
    ///
    /// # Defaults
    /// stride = 1, padding = 0, dilation = 1, groups = 1, bias = True, padding_mode = zeros
    ///
    /// # Errors
    /// `InvalidArgument` for an option out of its range, for channels that `groups` does not divide and for the padding
    /// `same` with a stride.
    ///
    /// # PyTorch
    /// `torch.nn.Conv1d`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's")]
    pub fn new(
        in_channels: i64,
        out_channels: i64,
        kernel_size: &[i64],
        stride: &[i64],
        padding: Padding<'_>,
        dilation: &[i64],
        groups: i64,
        bias: bool,
        padding_mode: PaddingMode,
        factory: &Factory,
    ) -> Result<Self> {
        let transposed = false;
        let sizes = Sizes::<1> { in_channels, out_channels, kernel_size, stride, dilation, groups, transposed };
        let padded = Padded::new(&sizes, padding, padding_mode)?;
        Ok(Self { weights: Weights::new(&sizes, bias, factory)?, padded })
    }
}

impl Module for Conv1d {
    fn name(&self) -> &'static str {
        "Conv1d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let Weights { weight, stride, dilation, groups, .. } = &self.weights;
        let padding = Padding::from_sizes(&self.padded.own);
        let (input, bias) = (self.padded.apply(input)?, self.weights.bias());
        ops::conv1d(&input, &weight.get(), bias.as_ref(), stride, padding, dilation, *groups)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.weights.parameters()
    }
}

/// Convolution over two dimensions. `torch.nn.Conv2d`.
pub struct Conv2d {
    weights: Weights,
    padded: Padded,
}

impl Conv2d {
    /// A convolution over two dimensions, of inputs `[N, in_channels, …]` or `[in_channels, …]`.
    ///
    /// Weights and bias start uniform within `1 / √n` for `n` inputs of an output. `padding_mode` says what stands
    /// in the padding.
    ///
    /// # Defaults
    /// stride = 1, padding = 0, dilation = 1, groups = 1, bias = True, padding_mode = zeros
    ///
    /// # Errors
    /// `InvalidArgument` for an option out of its range, for channels that `groups` does not divide and for the padding
    /// `same` with a stride.
    ///
    /// # PyTorch
    /// `torch.nn.Conv2d`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's")]
    pub fn new(
        in_channels: i64,
        out_channels: i64,
        kernel_size: &[i64],
        stride: &[i64],
        padding: Padding<'_>,
        dilation: &[i64],
        groups: i64,
        bias: bool,
        padding_mode: PaddingMode,
        factory: &Factory,
    ) -> Result<Self> {
        let transposed = false;
        let sizes = Sizes::<2> { in_channels, out_channels, kernel_size, stride, dilation, groups, transposed };
        let padded = Padded::new(&sizes, padding, padding_mode)?;
        Ok(Self { weights: Weights::new(&sizes, bias, factory)?, padded })
    }
}

impl Module for Conv2d {
    fn name(&self) -> &'static str {
        "Conv2d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let Weights { weight, stride, dilation, groups, .. } = &self.weights;
        let padding = Padding::from_sizes(&self.padded.own);
        let (input, bias) = (self.padded.apply(input)?, self.weights.bias());
        ops::conv2d(&input, &weight.get(), bias.as_ref(), stride, padding, dilation, *groups)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.weights.parameters()
    }
}

/// Convolution over three dimensions. `torch.nn.Conv3d`.
pub struct Conv3d {
    weights: Weights,
    padded: Padded,
}

impl Conv3d {
    /// A convolution over three dimensions, of inputs `[N, in_channels, …]` or `[in_channels, …]`.
    ///
    /// Weights and bias start uniform within `1 / √n` for `n` inputs of an output. `padding_mode` says what stands
    /// in the padding.
    ///
    /// # Defaults
    /// stride = 1, padding = 0, dilation = 1, groups = 1, bias = True, padding_mode = zeros
    ///
    /// # Errors
    /// `InvalidArgument` for an option out of its range, for channels that `groups` does not divide and for the padding
    /// `same` with a stride.
    ///
    /// # PyTorch
    /// `torch.nn.Conv3d`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's")]
    pub fn new(
        in_channels: i64,
        out_channels: i64,
        kernel_size: &[i64],
        stride: &[i64],
        padding: Padding<'_>,
        dilation: &[i64],
        groups: i64,
        bias: bool,
        padding_mode: PaddingMode,
        factory: &Factory,
    ) -> Result<Self> {
        let transposed = false;
        let sizes = Sizes::<3> { in_channels, out_channels, kernel_size, stride, dilation, groups, transposed };
        let padded = Padded::new(&sizes, padding, padding_mode)?;
        Ok(Self { weights: Weights::new(&sizes, bias, factory)?, padded })
    }
}

impl Module for Conv3d {
    fn name(&self) -> &'static str {
        "Conv3d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let Weights { weight, stride, dilation, groups, .. } = &self.weights;
        let padding = Padding::from_sizes(&self.padded.own);
        let (input, bias) = (self.padded.apply(input)?, self.weights.bias());
        ops::conv3d(&input, &weight.get(), bias.as_ref(), stride, padding, dilation, *groups)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.weights.parameters()
    }
}
