//! The place of a weight in a layer, and how new weights are made.

use crate::{DType, Device, Error, Generator, Result, Tensor, default_dtype};
use std::sync::{PoisonError, RwLock};

/// A weight of a layer. The tensor in it can be replaced, which is how weights are tied.
pub struct Parameter(RwLock<Tensor>);

impl Parameter {
    /// A leaf that requires grad, from freshly made values.
    pub fn new(values: Tensor) -> Result<Self> {
        values.set_requires_grad(true)?;
        Ok(Self(RwLock::new(values)))
    }

    /// The weight.
    pub fn get(&self) -> Tensor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another tensor of the same shape in this place.
    pub fn set(&self, tensor: &Tensor) -> Result<()> {
        let (before, after) = (self.get().dims(), tensor.dims());
        if before != after {
            return Err(Error::shape(
                format!("a parameter of shape {before:?} cannot be replaced by a tensor of shape {after:?}"),
                &[&before, &after],
            ));
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tensor.clone();
        Ok(())
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

impl Default for Factory {
    fn default() -> Self {
        Self { dtype: default_dtype(), device: Device::CPU, generator: None }
    }
}
