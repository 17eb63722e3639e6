//! Normalisation layers.

use super::init::constant;
use super::{Factory, Module, Parameter};
use crate::{Error, Result, Tensor, ops};

/// Layer normalisation over the last dimensions. `torch.nn.LayerNorm`.
pub struct LayerNorm {
    normalized_shape: Vec<i64>,
    eps: f64,
    weight: Option<Parameter>,
    bias: Option<Parameter>,
}

impl LayerNorm {
    /// The weight starts as ones and the bias as zeros; without `elementwise_affine` there is neither.
    pub fn new(
        normalized_shape: &[i64],
        eps: f64,
        elementwise_affine: bool,
        bias: bool,
        factory: &Factory,
    ) -> Result<Self> {
        if normalized_shape.is_empty() {
            return Err(Error::argument("normalized_shape must name at least one dimension"));
        }
        let parameter = |value: f64| Parameter::new(constant(normalized_shape, value, factory)?);
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

    fn parameters(&self) -> Vec<(&'static str, &Parameter)> {
        let weight = self.weight.iter().map(|weight| ("weight", weight));
        weight.chain(self.bias.iter().map(|bias| ("bias", bias))).collect()
    }
}
