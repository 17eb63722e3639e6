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

/// What attention gives.
#[derive(Clone, Debug)]
pub struct AttentionAndWeights {
    /// The values, weighted.
    pub output: Tensor,
    /// Their weights, where they were asked for.
    pub weights: Tensor,
}

/// The largest elements of windows, and where they stood.
#[derive(Clone, Debug)]
pub struct OutputAndIndices {
    /// The largest elements.
    pub output: Tensor,
    /// Their `int64` positions in the flattened spatial dimensions of the input.
    pub indices: Tensor,
}

/// What an LSTM gives.
#[derive(Clone, Debug)]
pub struct LstmOutput {
    /// The states of the last layer after each step.
    pub output: Tensor,
    /// The last state of each layer and direction.
    pub h_n: Tensor,
    /// The last cell state of each layer and direction.
    pub c_n: Tensor,
}

/// What a recurrent layer with one state gives.
#[derive(Clone, Debug)]
pub struct RnnOutput {
    /// The states of the last layer after each step.
    pub output: Tensor,
    /// The last state of each layer and direction.
    pub h_n: Tensor,
}

/// The states after one step of an LSTM.
#[derive(Clone, Debug)]
pub struct LstmState {
    /// The state.
    pub h: Tensor,
    /// The cell state.
    pub c: Tensor,
}
