//! Layers that change shapes.

use super::Function;
use crate::{Result, ops};

/// Makes one dimension of those from `start_dim` to `end_dim`, both included.
///
/// # Defaults
/// start_dim = 1, end_dim = -1
///
/// # PyTorch
/// `torch.nn.Flatten`
pub fn flatten(start_dim: i64, end_dim: i64) -> Result<Function> {
    Ok(Function::new("Flatten", move |input| ops::flatten(input, start_dim, end_dim)))
}
