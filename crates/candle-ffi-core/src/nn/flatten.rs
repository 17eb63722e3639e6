//! Flattening of dimensions.

use super::Module;
use crate::{Result, Tensor, ops};

/// Makes one dimension of several. `torch.nn.Flatten`.
pub struct Flatten {
    start_dim: i64,
    end_dim: i64,
}

impl Flatten {
    /// Flattens from `start_dim` to `end_dim`, both included.
    pub fn new(start_dim: i64, end_dim: i64) -> Self {
        Self { start_dim, end_dim }
    }
}

impl Module for Flatten {
    fn name(&self) -> &'static str {
        "Flatten"
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        ops::flatten(input, self.start_dim, self.end_dim)
    }
}
