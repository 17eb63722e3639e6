//! The place of a tensor that belongs to a layer's state, but is not trained.

use super::place::Place;
use crate::{Result, Tensor};

/// A part of a layer's state that no optimizer changes, such as running statistics. It is saved and moved
/// with the parameters.
///
/// Values change in place: `ops::copy_(&buffer.get(), &new)` within `GradMode::new(false)`, or an operation
/// that takes `&mut buffer.get()`. So handles on the buffer see every change.
pub struct Buffer(Place);

impl Buffer {
    /// A buffer that holds this tensor.
    pub fn new(values: Tensor) -> Self {
        Self(Place::new(values))
    }

    /// The tensor.
    pub fn get(&self) -> Tensor {
        self.0.get()
    }

    /// Puts another tensor of the same shape in this place.
    pub fn set(&self, tensor: &Tensor) -> Result<()> {
        self.0.set(tensor, "buffer")
    }
}
