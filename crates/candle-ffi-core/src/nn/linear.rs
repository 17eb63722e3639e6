//! The affine map.

use super::init::{fan_in_bound, uniform};
use super::{Factory, Module, Parameter};
use crate::{Result, Tensor, ops};
use std::borrow::Cow;

/// `x Wᵀ + b` on the last dimension. `torch.nn.Linear`.
pub struct Linear {
    /// `[out_features, in_features]`.
    weight: Parameter,
    /// `[out_features]`.
    bias: Option<Parameter>,
}

impl Linear {
    /// An affine map `x Wᵀ + b` of the last dimension.
    ///
    /// Weights and bias start uniform within `1 / √in_features`.
    ///
    /// # Defaults
    /// bias = True
    ///
    /// # Errors
    /// `InvalidArgument` for a negative size.
    ///
    /// # PyTorch
    /// `torch.nn.Linear`
    pub fn new(in_features: i64, out_features: i64, bias: bool, factory: &Factory) -> Result<Self> {
        let bound = fan_in_bound(in_features);
        let weight = Parameter::new(uniform(&[out_features, in_features], bound, factory)?)?;
        let bias = bias.then(|| Parameter::new(uniform(&[out_features], bound, factory)?)).transpose()?;
        Ok(Self { weight, bias })
    }
}

impl Module for Linear {
    fn name(&self) -> &'static str {
        "Linear"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        ops::linear(input, &self.weight.get(), self.bias.as_ref().map(Parameter::get).as_ref())
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        let bias = self.bias.iter().map(|bias| ("bias".into(), bias));
        std::iter::once(("weight".into(), &self.weight)).chain(bias).collect()
    }
}
