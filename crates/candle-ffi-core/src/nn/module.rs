//! What every layer can do.

use super::Parameter;
use crate::{Result, Tensor};
use std::sync::Arc;

/// A layer that several owners share: containers, handles, threads.
pub type SharedModule = Arc<dyn Module>;

/// A layer. What changes over its life (weights, mode) changes behind `&self`, so that layers are shared.
pub trait Module: Send + Sync {
    /// PyTorch's class name, such as `"Linear"`.
    fn name(&self) -> &'static str;

    /// The layer's function.
    fn forward(&self, input: &Tensor) -> Result<Tensor>;

    /// The layer's own parameters by name, in PyTorch's order.
    fn parameters(&self) -> Vec<(&'static str, &Parameter)> {
        Vec::new()
    }

    /// The layers inside, by name.
    fn children(&self) -> Vec<(String, SharedModule)> {
        Vec::new()
    }

    /// Switches this layer alone between training and evaluation; most layers know no difference.
    fn set_training(&self, _training: bool) {}
}
