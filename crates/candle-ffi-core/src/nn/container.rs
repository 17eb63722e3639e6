//! Layers made of layers.

use super::{Module, SharedModule};
use crate::{Result, Tensor};
use std::sync::{PoisonError, RwLock};

/// Layers applied one after the other. `torch.nn.Sequential`.
#[derive(Default)]
pub struct Sequential(RwLock<Vec<SharedModule>>);

impl Sequential {
    /// An empty one is the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end; its name is its position.
    pub fn push(&self, module: SharedModule) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(module);
    }

    fn layers(&self) -> Vec<SharedModule> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Module for Sequential {
    fn name(&self) -> &'static str {
        "Sequential"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.layers().iter().try_fold(input.clone(), |input, layer| layer.forward(&input))
    }

    fn children(&self) -> Vec<(String, SharedModule)> {
        self.layers().into_iter().enumerate().map(|(at, layer)| (at.to_string(), layer)).collect()
    }
}
