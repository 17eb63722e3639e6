//! How much a convolution pads its input.

/// Padding as PyTorch's convolutions take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding<'a> {
    /// As much as makes the output as large as the input; only with a stride of 1.
    Same,
    /// None.
    Valid,
    /// This much on both sides, one size for each spatial dimension or one for all.
    Sizes(&'a [i64]),
}

impl<'a> Padding<'a> {
    /// The only entry of a list of sizes that means [`Padding::Same`] in the ABI.
    pub const SAME: i64 = -1;
    /// The only entry of a list of sizes that means [`Padding::Valid`] in the ABI.
    pub const VALID: i64 = -2;

    /// The padding of a list of sizes of the ABI.
    pub fn from_sizes(sizes: &'a [i64]) -> Self {
        match sizes {
            [Self::SAME] => Self::Same,
            [Self::VALID] => Self::Valid,
            _ => Self::Sizes(sizes),
        }
    }
}
