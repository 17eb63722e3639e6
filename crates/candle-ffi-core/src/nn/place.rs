//! A tensor that can be replaced while others use it.

use crate::{Error, Result, Tensor};
use std::sync::{PoisonError, RwLock};

/// Where a layer keeps a tensor of its own.
pub(super) struct Place(RwLock<Tensor>);

impl Place {
    pub(super) fn new(tensor: Tensor) -> Self {
        Self(RwLock::new(tensor))
    }

    /// What stands here.
    pub(super) fn get(&self) -> Tensor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another tensor of the same shape here; `kind` is what a message calls the place.
    pub(super) fn set(&self, tensor: &Tensor, kind: &str) -> Result<()> {
        let (before, after) = (self.get().dims(), tensor.dims());
        if before != after {
            return Err(Error::shape(
                format!("a {kind} of shape {before:?} cannot be replaced by a tensor of shape {after:?}"),
                &[&before, &after],
            ));
        }
        let before = std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), tensor.clone());
        // Dropped outside the lock: the storage may be memory of others, who are told.
        drop(before);
        Ok(())
    }
}
