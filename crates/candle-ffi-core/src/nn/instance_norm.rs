//! Instance normalisation layers.
#![expect(clippy::too_many_arguments, reason = "the options of PyTorch's layers")]

use super::channel_norm::{ChannelNorm, Options, expect_rank};
use super::{Buffer, Module, Parameter};
use crate::{DType, Device, Error, Result, Tensor, ops};
use std::borrow::Cow;

/// Ranks are those of an input without and with a batch.
fn forward(norm: &ChannelNorm, input: &Tensor, ranks: [usize; 2]) -> Result<Tensor> {
    expect_rank(input, ranks)?;
    if input.rank() == ranks[0] {
        return ops::squeeze(&forward(norm, &ops::unsqueeze(input, 0)?, ranks)?, Some(&[0]));
    }
    let (dims, features) = (input.dims(), norm.options.num_features);
    if norm.options.affine && dims[1] as i64 != features {
        return Err(Error::shape(
            format!(
                "expected input's size at dim=1 to match num_features ({features}), but got {} in {dims:?}",
                dims[1]
            ),
            &[&dims],
        ));
    }
    let mut state = norm.of_instances();
    ops::instance_norm(
        input,
        state.mean.as_mut(),
        state.var.as_mut(),
        state.weight.as_ref(),
        state.bias.as_ref(),
        state.of_input,
        state.momentum,
        norm.options.eps,
    )
}

/// Instance normalisation of sequences. `torch.nn.InstanceNorm1d`.
pub struct InstanceNorm1d(ChannelNorm);

impl InstanceNorm1d {
    /// Instance normalisation of inputs of shape `[batch, channels, length]`, or without the batch.
    ///
    /// The statistics are those of each sample. With `affine` there are a weight, which starts as ones, and a bias,
    /// which starts as zeros. With `track_running_stats` running ones follow them in training, and are used in
    /// evaluation.
    ///
    /// # Defaults
    /// eps = 1e-5, momentum = 0.1, affine = False, track_running_stats = False, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` or `Shape` for a negative number of features, `DType` for a dtype that is not floating.
    ///
    /// # PyTorch
    /// `torch.nn.InstanceNorm1d`
    pub fn new(
        num_features: i64,
        eps: f64,
        momentum: Option<f64>,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: Option<DType>,
        device: Device,
    ) -> Result<Self> {
        let options = Options { num_features, eps, momentum, affine, track_running_stats, bias };
        Ok(Self(ChannelNorm::new(options, dtype, device)?))
    }
}

impl Module for InstanceNorm1d {
    fn name(&self) -> &'static str {
        "InstanceNorm1d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        forward(&self.0, input, [2, 3])
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.0.parameters()
    }

    fn buffers(&self) -> Vec<(Cow<'static, str>, &Buffer)> {
        self.0.buffers()
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}

/// Instance normalisation of images. `torch.nn.InstanceNorm2d`.
pub struct InstanceNorm2d(ChannelNorm);

impl InstanceNorm2d {
    /// Instance normalisation of inputs of shape `[batch, channels, height, width]`, or without the batch.
    ///
    /// The statistics are those of each sample. With `affine` there are a weight, which starts as ones, and a bias,
    /// which starts as zeros. With `track_running_stats` running ones follow them in training, and are used in
    /// evaluation.
    ///
    /// # Defaults
    /// eps = 1e-5, momentum = 0.1, affine = False, track_running_stats = False, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` or `Shape` for a negative number of features, `DType` for a dtype that is not floating.
    ///
    /// # PyTorch
    /// `torch.nn.InstanceNorm2d`
    pub fn new(
        num_features: i64,
        eps: f64,
        momentum: Option<f64>,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: Option<DType>,
        device: Device,
    ) -> Result<Self> {
        let options = Options { num_features, eps, momentum, affine, track_running_stats, bias };
        Ok(Self(ChannelNorm::new(options, dtype, device)?))
    }
}

impl Module for InstanceNorm2d {
    fn name(&self) -> &'static str {
        "InstanceNorm2d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        forward(&self.0, input, [3, 4])
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.0.parameters()
    }

    fn buffers(&self) -> Vec<(Cow<'static, str>, &Buffer)> {
        self.0.buffers()
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}

/// Instance normalisation of volumes. `torch.nn.InstanceNorm3d`.
pub struct InstanceNorm3d(ChannelNorm);

impl InstanceNorm3d {
    /// Instance normalisation of inputs of shape `[batch, channels, depth, height, width]`, or without the batch.
    ///
    /// The statistics are those of each sample. With `affine` there are a weight, which starts as ones, and a bias,
    /// which starts as zeros. With `track_running_stats` running ones follow them in training, and are used in
    /// evaluation.
    ///
    /// # Defaults
    /// eps = 1e-5, momentum = 0.1, affine = False, track_running_stats = False, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` or `Shape` for a negative number of features, `DType` for a dtype that is not floating.
    ///
    /// # PyTorch
    /// `torch.nn.InstanceNorm3d`
    pub fn new(
        num_features: i64,
        eps: f64,
        momentum: Option<f64>,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: Option<DType>,
        device: Device,
    ) -> Result<Self> {
        let options = Options { num_features, eps, momentum, affine, track_running_stats, bias };
        Ok(Self(ChannelNorm::new(options, dtype, device)?))
    }
}

impl Module for InstanceNorm3d {
    fn name(&self) -> &'static str {
        "InstanceNorm3d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        forward(&self.0, input, [4, 5])
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.0.parameters()
    }

    fn buffers(&self) -> Vec<(Cow<'static, str>, &Buffer)> {
        self.0.buffers()
    }

    fn set_training(&self, training: bool) {
        self.0.set_training(training);
    }
}
