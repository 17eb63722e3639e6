//! The place of a weight in a layer, and how new weights are made.

use super::place::Place;
use crate::{DType, Device, Generator, Result, Tensor, default_dtype};

/// A weight of a layer. The tensor in it can be replaced, which is how weights are tied.
pub struct Parameter(Place);

impl Parameter {
    /// A leaf that requires grad, from freshly made values.
    pub fn new(values: Tensor) -> Result<Self> {
        values.set_requires_grad(true)?;
        Ok(Self(Place::new(values)))
    }

    /// The weight.
    pub fn get(&self) -> Tensor {
        self.0.get()
    }

    /// Puts another tensor of the same shape in this place.
    pub fn set(&self, tensor: &Tensor) -> Result<()> {
        self.0.set(tensor, "parameter")
    }
}

/// Where and of what dtype new weights are made, and from which random numbers.
#[derive(Clone)]
pub struct Factory {
    /// The dtype of the weights; floating.
    pub dtype: DType,
    /// Their device.
    pub device: Device,
    /// The source of initial values; `None` is the default generator.
    pub generator: Option<Generator>,
}

impl Factory {
    /// One that makes weights of this dtype, or of the default one.
    pub fn new(dtype: Option<DType>, device: Device, generator: Option<&Generator>) -> Self {
        Self { dtype: dtype.unwrap_or_else(default_dtype), device, generator: generator.cloned() }
    }
}

impl Default for Factory {
    fn default() -> Self {
        Self { dtype: default_dtype(), device: Device::CPU, generator: None }
    }
}
