//! Batch normalisation layers.
#![expect(clippy::too_many_arguments, reason = "the options of PyTorch's layers")]

use super::channel_norm::{ChannelNorm, Options, expect_rank};
use super::{Buffer, Module, Parameter};
use crate::{DType, Device, Result, Tensor, ops};
use std::borrow::Cow;

fn forward(norm: &ChannelNorm, input: &Tensor, ranks: [usize; 2]) -> Result<Tensor> {
    expect_rank(input, ranks)?;
    let mut state = norm.of_batch()?;
    ops::batch_norm(
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

/// Batch normalisation of vectors and sequences. `torch.nn.BatchNorm1d`.
pub struct BatchNorm1d(ChannelNorm);

impl BatchNorm1d {
    /// Batch normalisation of inputs of shape `[batch, channels]` or `[batch, channels, length]`.
    ///
    /// In training the statistics are the batch's, and running ones follow them; in evaluation the running ones
    /// are used. Without `momentum` these are the mean over all batches. The weight starts as ones and the bias
    /// as zeros; without `affine` there is neither. Without `track_running_stats` the batch's own always serve.
    ///
    /// # Defaults
    /// eps = 1e-5, momentum = 0.1, affine = True, track_running_stats = True, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` or `Shape` for a negative number of features, `DType` for a dtype that is not floating.
    ///
    /// # PyTorch
    /// `torch.nn.BatchNorm1d`
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

impl Module for BatchNorm1d {
    fn name(&self) -> &'static str {
        "BatchNorm1d"
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

/// Batch normalisation of images. `torch.nn.BatchNorm2d`.
pub struct BatchNorm2d(ChannelNorm);

impl BatchNorm2d {
    /// Batch normalisation of inputs of shape `[batch, channels, height, width]`.
    ///
    /// In training the statistics are the batch's, and running ones follow them; in evaluation the running ones
    /// are used. Without `momentum` these are the mean over all batches. The weight starts as ones and the bias
    /// as zeros; without `affine` there is neither. Without `track_running_stats` the batch's own always serve.
    ///
    /// # Defaults
    /// eps = 1e-5, momentum = 0.1, affine = True, track_running_stats = True, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` or `Shape` for a negative number of features, `DType` for a dtype that is not floating.
    ///
    /// # PyTorch
    /// `torch.nn.BatchNorm2d`
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

impl Module for BatchNorm2d {
    fn name(&self) -> &'static str {
        "BatchNorm2d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        forward(&self.0, input, [4, 4])
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

/// Batch normalisation of volumes. `torch.nn.BatchNorm3d`.
pub struct BatchNorm3d(ChannelNorm);

impl BatchNorm3d {
    /// Batch normalisation of inputs of shape `[batch, channels, depth, height, width]`.
    ///
    /// In training the statistics are the batch's, and running ones follow them; in evaluation the running ones
    /// are used. Without `momentum` these are the mean over all batches. The weight starts as ones and the bias
    /// as zeros; without `affine` there is neither. Without `track_running_stats` the batch's own always serve.
    ///
    /// # Defaults
    /// eps = 1e-5, momentum = 0.1, affine = True, track_running_stats = True, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` or `Shape` for a negative number of features, `DType` for a dtype that is not floating.
    ///
    /// # PyTorch
    /// `torch.nn.BatchNorm3d`
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

impl Module for BatchNorm3d {
    fn name(&self) -> &'static str {
        "BatchNorm3d"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        forward(&self.0, input, [5, 5])
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
