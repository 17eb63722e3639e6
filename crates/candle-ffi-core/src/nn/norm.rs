//! Normalisation layers.

use super::init::constant;
use super::{Factory, Module, Parameter};
use crate::{DType, Device, Error, Result, Tensor, ops};
use std::borrow::Cow;

/// Layer normalisation over the last dimensions. `torch.nn.LayerNorm`.
pub struct LayerNorm {
    normalized_shape: Vec<i64>,
    eps: f64,
    weight: Option<Parameter>,
    bias: Option<Parameter>,
}

impl LayerNorm {
    /// Normalization over the last dimensions.
    ///
    /// The weight starts as ones and the bias as zeros; without `elementwise_affine` there is neither.
    ///
    /// # Defaults
    /// eps = 1e-5, elementwise_affine = True, bias = True
    ///
    /// # Errors
    /// `InvalidArgument` when `normalized_shape` is empty or has a negative size.
    ///
    /// # PyTorch
    /// `torch.nn.LayerNorm`
    pub fn new(
        normalized_shape: &[i64],
        eps: f64,
        elementwise_affine: bool,
        bias: bool,
        dtype: Option<DType>,
        device: Device,
    ) -> Result<Self> {
        let factory = Factory::new(dtype, device, None);
        if normalized_shape.is_empty() {
            return Err(Error::argument("normalized_shape must name at least one dimension"));
        }
        let parameter = |value: f64| Parameter::new(constant(normalized_shape, value, &factory)?);
        Ok(Self {
            normalized_shape: normalized_shape.to_vec(),
            eps,
            weight: elementwise_affine.then(|| parameter(1.0)).transpose()?,
            bias: (elementwise_affine && bias).then(|| parameter(0.0)).transpose()?,
        })
    }
}

impl Module for LayerNorm {
    fn name(&self) -> &'static str {
        "LayerNorm"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (self.weight.as_ref().map(Parameter::get), self.bias.as_ref().map(Parameter::get));
        ops::layer_norm(input, &self.normalized_shape, weight.as_ref(), bias.as_ref(), self.eps)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        let weight = self.weight.iter().map(|weight| ("weight".into(), weight));
        weight.chain(self.bias.iter().map(|bias| ("bias".into(), bias))).collect()
    }
}

/// Root mean square normalisation over the last dimensions. `torch.nn.RMSNorm`.
pub struct RmsNorm {
    normalized_shape: Vec<i64>,
    eps: Option<f64>,
    weight: Option<Parameter>,
}

impl RmsNorm {
    /// Normalisation over the last dimensions by the root of their mean square.
    ///
    /// The weight starts as ones; without `elementwise_affine` there is none. Without `eps` it is the distance
    /// from 1 to the next number of the dtype.
    ///
    /// # Defaults
    /// eps = None, elementwise_affine = True
    ///
    /// # Errors
    /// `InvalidArgument` when `normalized_shape` is empty or has a negative size.
    ///
    /// # PyTorch
    /// `torch.nn.RMSNorm`
    pub fn new(
        normalized_shape: &[i64],
        eps: Option<f64>,
        elementwise_affine: bool,
        dtype: Option<DType>,
        device: Device,
    ) -> Result<Self> {
        let factory = Factory::new(dtype, device, None);
        if normalized_shape.is_empty() {
            return Err(Error::argument("normalized_shape must name at least one dimension"));
        }
        let weight =
            elementwise_affine.then(|| Parameter::new(constant(normalized_shape, 1.0, &factory)?)).transpose()?;
        Ok(Self { normalized_shape: normalized_shape.to_vec(), eps, weight })
    }
}

impl Module for RmsNorm {
    fn name(&self) -> &'static str {
        "RMSNorm"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let weight = self.weight.as_ref().map(Parameter::get);
        ops::rms_norm(input, &self.normalized_shape, weight.as_ref(), self.eps)
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        self.weight.iter().map(|weight| ("weight".into(), weight)).collect()
    }
}
