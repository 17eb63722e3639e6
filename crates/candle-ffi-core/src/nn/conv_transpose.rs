//! Layers of transposed convolutions.

use super::conv::{Sizes, Weights, per_dim};
use super::{Factory, Module, Parameter};
use crate::{Result, Tensor, ops};
use std::borrow::Cow;

/// Transposed convolution over one dimension. `torch.nn.ConvTranspose1d`.
pub struct ConvTranspose1d {
    weights: Weights,
    padding: Vec<i64>,
    output_padding: Vec<i64>,
}

impl ConvTranspose1d {
    /// A transposed convolution over one dimension, of inputs `[N, in_channels, …]` or `[in_channels, …]`.
    ///
    /// Weights and bias start uniform within `1 / √n`, where `n` is `out_channels / groups` times the size of the
    /// kernel.
    ///
    /// # Defaults
    /// stride = 1, padding = 0, output_padding = 0, groups = 1, bias = True, dilation = 1
    ///
    /// # Errors
    /// `InvalidArgument` for an option out of its range, and for channels that `groups` does not divide.
    ///
    /// # PyTorch
    /// `torch.nn.ConvTranspose1d`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's")]
    pub fn new(
        in_channels: i64,
        out_channels: i64,
        kernel_size: &[i64],
        stride: &[i64],
        padding: &[i64],
        output_padding: &[i64],
        groups: i64,
        bias: bool,
        dilation: &[i64],
        factory: &Factory,
    ) -> Result<Self> {
        let transposed = true;
        let sizes = Sizes::<1> { in_channels, out_channels, kernel_size, stride, dilation, groups, transposed };
        let padding = per_dim::<1>("padding", padding, 0)?.to_vec();
        let output_padding = per_dim::<1>("output_padding", output_padding, 0)?.to_vec();
        Ok(Self { weights: Weights::new(&sizes, bias, factory)?, padding, output_padding })
    }
}

impl Module for ConvTranspose1d {
    fn name(&self) -> &'static str {
        "ConvTranspose1d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let Weights { weight, stride, dilation, groups, .. } = &self.weights;
        let (weight, bias) = (weight.get(), self.weights.bias());
        let (padding, more) = (&self.padding, &self.output_padding);
        ops::conv_transpose1d(input, &weight, bias.as_ref(), stride, padding, more, *groups, dilation)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.weights.parameters()
    }
}

/// Transposed convolution over two dimensions. `torch.nn.ConvTranspose2d`.
pub struct ConvTranspose2d {
    weights: Weights,
    padding: Vec<i64>,
    output_padding: Vec<i64>,
}

impl ConvTranspose2d {
    /// A transposed convolution over two dimensions, of inputs `[N, in_channels, …]` or `[in_channels, …]`.
    ///
    /// Weights and bias start uniform within `1 / √n`, where `n` is `out_channels / groups` times the size of the
    /// kernel.
    ///
    /// # Defaults
    /// stride = 1, padding = 0, output_padding = 0, groups = 1, bias = True, dilation = 1
    ///
    /// # Errors
    /// `InvalidArgument` for an option out of its range, and for channels that `groups` does not divide.
    ///
    /// # PyTorch
    /// `torch.nn.ConvTranspose2d`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's")]
    pub fn new(
        in_channels: i64,
        out_channels: i64,
        kernel_size: &[i64],
        stride: &[i64],
        padding: &[i64],
        output_padding: &[i64],
        groups: i64,
        bias: bool,
        dilation: &[i64],
        factory: &Factory,
    ) -> Result<Self> {
        let transposed = true;
        let sizes = Sizes::<2> { in_channels, out_channels, kernel_size, stride, dilation, groups, transposed };
        let padding = per_dim::<2>("padding", padding, 0)?.to_vec();
        let output_padding = per_dim::<2>("output_padding", output_padding, 0)?.to_vec();
        Ok(Self { weights: Weights::new(&sizes, bias, factory)?, padding, output_padding })
    }
}

impl Module for ConvTranspose2d {
    fn name(&self) -> &'static str {
        "ConvTranspose2d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let Weights { weight, stride, dilation, groups, .. } = &self.weights;
        let (weight, bias) = (weight.get(), self.weights.bias());
        let (padding, more) = (&self.padding, &self.output_padding);
        ops::conv_transpose2d(input, &weight, bias.as_ref(), stride, padding, more, *groups, dilation)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.weights.parameters()
    }
}

/// Transposed convolution over three dimensions. `torch.nn.ConvTranspose3d`.
pub struct ConvTranspose3d {
    weights: Weights,
    padding: Vec<i64>,
    output_padding: Vec<i64>,
}

impl ConvTranspose3d {
    /// A transposed convolution over three dimensions, of inputs `[N, in_channels, …]` or `[in_channels, …]`.
    ///
    /// Weights and bias start uniform within `1 / √n`, where `n` is `out_channels / groups` times the size of the
    /// kernel.
    ///
    /// # Defaults
    /// stride = 1, padding = 0, output_padding = 0, groups = 1, bias = True, dilation = 1
    ///
    /// # Errors
    /// `InvalidArgument` for an option out of its range, and for channels that `groups` does not divide.
    ///
    /// # PyTorch
    /// `torch.nn.ConvTranspose3d`
    #[expect(clippy::too_many_arguments, reason = "PyTorch's")]
    pub fn new(
        in_channels: i64,
        out_channels: i64,
        kernel_size: &[i64],
        stride: &[i64],
        padding: &[i64],
        output_padding: &[i64],
        groups: i64,
        bias: bool,
        dilation: &[i64],
        factory: &Factory,
    ) -> Result<Self> {
        let transposed = true;
        let sizes = Sizes::<3> { in_channels, out_channels, kernel_size, stride, dilation, groups, transposed };
        let padding = per_dim::<3>("padding", padding, 0)?.to_vec();
        let output_padding = per_dim::<3>("output_padding", output_padding, 0)?.to_vec();
        Ok(Self { weights: Weights::new(&sizes, bias, factory)?, padding, output_padding })
    }
}

impl Module for ConvTranspose3d {
    fn name(&self) -> &'static str {
        "ConvTranspose3d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let Weights { weight, stride, dilation, groups, .. } = &self.weights;
        let (weight, bias) = (weight.get(), self.weights.bias());
        let (padding, more) = (&self.padding, &self.output_padding);
        ops::conv_transpose3d(input, &weight, bias.as_ref(), stride, padding, more, *groups, dilation)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.weights.parameters()
    }
}
