//! The identity.

use super::Function;
use crate::Result;

/// Gives its input: a place where no layer is needed.
///
/// # PyTorch
/// `torch.nn.Identity`
pub fn identity() -> Result<Function> {
    Ok(Function::new("Identity", |input| Ok(input.clone())))
}
