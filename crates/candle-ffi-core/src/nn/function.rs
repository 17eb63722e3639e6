//! Layers without state.

use super::Module;
use crate::{Result, Tensor};

type Forward = dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync;

/// An operation as a layer without weights and modes; its options are in the closure.
pub struct Function {
    name: &'static str,
    forward: Box<Forward>,
}

impl Function {
    /// A layer of PyTorch's class name that applies a function.
    pub fn new(name: &'static str, forward: impl Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static) -> Self {
        Self { name, forward: Box::new(forward) }
    }
}

impl Module for Function {
    fn name(&self) -> &'static str {
        self.name
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        (self.forward)(input)
    }
}
