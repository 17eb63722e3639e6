//! The bilinear map.

use super::init::{fan_in_bound, uniform};
use super::{Factory, Module, Parameter};
use crate::{Error, Result, Tensor, ops};
use std::borrow::Cow;

/// `x₁ᵀ W x₂ + b` on the last dimensions. `torch.nn.Bilinear`.
pub struct Bilinear {
    /// `[out_features, in1_features, in2_features]`.
    weight: Parameter,
    /// `[out_features]`.
    bias: Option<Parameter>,
}

impl Bilinear {
    /// A bilinear map `x₁ᵀ W x₂ + b` of the last dimensions of two inputs.
    ///
    /// Weights and bias start uniform within `1 / √in1_features`.
    ///
    /// # Defaults
    /// bias = True
    ///
    /// # Errors
    /// `InvalidArgument` unless `in1_features` is positive, `Shape` for a negative size.
    ///
    /// # PyTorch
    /// `torch.nn.Bilinear`
    pub fn new(in1_features: i64, in2_features: i64, out_features: i64, bias: bool, factory: &Factory) -> Result<Self> {
        if in1_features <= 0 {
            return Err(Error::argument(format!("in1_features must be positive, and is {in1_features}")));
        }
        let bound = fan_in_bound(in1_features);
        let weight = Parameter::new(uniform(&[out_features, in1_features, in2_features], bound, factory)?)?;
        let bias = bias.then(|| Parameter::new(uniform(&[out_features], bound, factory)?)).transpose()?;
        Ok(Self { weight, bias })
    }
}

impl Module for Bilinear {
    fn name(&self) -> &'static str {
        "Bilinear"
    }

    fn forward(&self, _: &Tensor) -> Result<Tensor> {
        Err(Error::argument("Bilinear takes two inputs"))
    }

    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let &[Some(input1), Some(input2)] = inputs else {
            return Err(Error::argument("Bilinear takes two inputs"));
        };
        let bias = self.bias.as_ref().map(Parameter::get);
        Ok(vec![ops::bilinear(input1, input2, &self.weight.get(), bias.as_ref())?])
    }

    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        let bias = self.bias.iter().map(|bias| ("bias".into(), bias));
        std::iter::once(("weight".into(), &self.weight)).chain(bias).collect()
    }
}
