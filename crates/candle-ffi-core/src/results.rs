//! Results of operations that give more than one tensor.

use crate::Tensor;

/// The values that an operation chose along a dimension, and where they stood.
#[derive(Clone, Debug)]
pub struct ValuesAndIndices {
    /// The chosen values.
    pub values: Tensor,
    /// Their `int64` positions along the dimension.
    pub indices: Tensor,
}
