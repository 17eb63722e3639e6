//! Normalisation of groups of channels and of neighbouring channels.

use super::init::constant;
use super::{Factory, Function, Module, Parameter};
use crate::{DType, Device, Error, Result, Tensor, ops};
use std::borrow::Cow;

/// Group normalisation. `torch.nn.GroupNorm`.
pub struct GroupNorm {
    num_groups: i64,
    num_channels: i64,
    eps: f64,
    weight: Option<Parameter>,
    bias: Option<Parameter>,
}

impl GroupNorm {
    /// Normalisation of the channels of a sample in groups, for inputs of shape `[batch, channels, …]`.
    ///
    /// The weight starts as ones and the bias as zeros; without `affine` there is neither, without `bias` no bias.
    ///
    /// # Defaults
    /// eps = 1e-5, affine = True, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` when the channels cannot be divided into so many groups, `DType` for a dtype that is not
    /// floating.
    ///
    /// # PyTorch
    /// `torch.nn.GroupNorm`
    pub fn new(
        num_groups: i64,
        num_channels: i64,
        eps: f64,
        affine: bool,
        bias: bool,
        dtype: Option<DType>,
        device: Device,
    ) -> Result<Self> {
        if num_groups < 1 || num_channels % num_groups != 0 {
            return Err(Error::argument(format!(
                "num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )));
        }
        let factory = Factory::new(dtype, device, None);
        let parameter = |wanted: bool, value: f64| -> Result<Option<Parameter>> {
            if affine && wanted {
                Ok(Some(Parameter::new(constant(&[num_channels], value, &factory)?)?))
            } else {
                Ok(None)
            }
        };
        Ok(Self { num_groups, num_channels, eps, weight: parameter(true, 1.0)?, bias: parameter(bias, 0.0)? })
    }
}

impl Module for GroupNorm {
    fn name(&self) -> &'static str {
        "GroupNorm"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let dims = input.dims();
        if dims.get(1).is_some_and(|&size| size as i64 != self.num_channels) {
            return Err(Error::shape(
                format!("expected an input of {} channels, and got shape {dims:?}", self.num_channels),
                &[&dims],
            ));
        }
        let (weight, bias) = (self.weight.as_ref().map(Parameter::get), self.bias.as_ref().map(Parameter::get));
        ops::group_norm(input, self.num_groups, weight.as_ref(), bias.as_ref(), self.eps)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        let weight = self.weight.iter().map(|weight| ("weight".into(), weight));
        weight.chain(self.bias.iter().map(|bias| ("bias".into(), bias))).collect()
    }
}

/// Each element divided by a power of the mean square of its neighbours in `size` channels.
///
/// # Defaults
/// alpha = 1e-4, beta = 0.75, k = 1.0
///
/// # PyTorch
/// `torch.nn.LocalResponseNorm`
pub fn local_response_norm(size: i64, alpha: f64, beta: f64, k: f64) -> Result<Function> {
    Ok(Function::new("LocalResponseNorm", move |input| ops::local_response_norm(input, size, alpha, beta, k)))
}
