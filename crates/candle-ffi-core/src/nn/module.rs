//! What every layer can do.

use super::{Buffer, Parameter};
use crate::{Error, Result, Tensor};
use std::borrow::Cow;
use std::sync::Arc;

/// A layer that several owners share: containers, handles, threads.
pub type SharedModule = Arc<dyn Module>;

/// A layer. What changes over its life (weights, statistics, mode) changes behind `&self`, so that layers
/// are shared.
pub trait Module: Send + Sync {
    /// PyTorch's class name, such as `"Linear"`.
    fn name(&self) -> &'static str;

    /// The layer's function of one input; of several results, the first.
    fn forward(&self, input: &Tensor) -> Result<Tensor>;

    /// The layer's function of all its inputs, in the order of PyTorch's `forward`; `None` is an input that
    /// is not given, and those at the end may be left out. Most layers have one input and one result.
    fn forward_many(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        match inputs {
            [Some(input)] => Ok(vec![self.forward(input)?]),
            _ => Err(Error::argument(format!(
                "{} takes one input, and not {} with {} of them given",
                self.name(),
                inputs.len(),
                inputs.iter().flatten().count()
            ))),
        }
    }

    /// The layer's own parameters by name, in PyTorch's order.
    fn parameters(&self) -> Vec<(Cow<'static, str>, &Parameter)> {
        Vec::new()
    }

    /// The layer's own buffers that are saved, by name, in PyTorch's order.
    fn buffers(&self) -> Vec<(Cow<'static, str>, &Buffer)> {
        Vec::new()
    }

    /// The layers inside, by name.
    fn children(&self) -> Vec<(String, SharedModule)> {
        Vec::new()
    }

    /// Switches this layer alone between training and evaluation; most layers know no difference.
    fn set_training(&self, _training: bool) {}
}
