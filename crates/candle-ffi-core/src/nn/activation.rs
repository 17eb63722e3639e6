//! Activations as layers.

use super::Module;
use crate::{Approximate, Result, Tensor, ops};

/// Which activation a layer applies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActivationKind {
    /// `torch.nn.ReLU`.
    ReLU,
    /// `torch.nn.GELU`.
    GELU(Approximate),
    /// `torch.nn.SiLU`.
    SiLU,
    /// `torch.nn.Tanh`.
    Tanh,
    /// `torch.nn.Sigmoid`.
    Sigmoid,
    /// `torch.nn.Softmax` along a dimension.
    Softmax(i64),
}

/// An activation as a layer without weights.
pub struct Activation(ActivationKind);

impl Activation {
    /// A layer that applies this activation.
    pub fn new(kind: ActivationKind) -> Self {
        Self(kind)
    }
}

impl Module for Activation {
    fn name(&self) -> &'static str {
        match self.0 {
            ActivationKind::ReLU => "ReLU",
            ActivationKind::GELU(_) => "GELU",
            ActivationKind::SiLU => "SiLU",
            ActivationKind::Tanh => "Tanh",
            ActivationKind::Sigmoid => "Sigmoid",
            ActivationKind::Softmax(_) => "Softmax",
        }
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        match self.0 {
            ActivationKind::ReLU => ops::relu(input),
            ActivationKind::GELU(approximate) => ops::gelu(input, approximate),
            ActivationKind::SiLU => ops::silu(input),
            ActivationKind::Tanh => ops::tanh(input),
            ActivationKind::Sigmoid => ops::sigmoid(input),
            ActivationKind::Softmax(dim) => ops::softmax(input, dim, None),
        }
    }
}
