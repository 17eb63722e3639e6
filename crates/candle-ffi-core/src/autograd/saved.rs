//! Tensors kept for the backward pass, with the version they had.

use super::node::NodeRef;
use crate::tensor::Inner;
use crate::value::Value;
use crate::{Error, ErrorCode, Result, Tensor};
use std::sync::Weak;

/// An input kept for a gradient rule.
pub(crate) struct Saved {
    tensor: Tensor,
    version: u32,
}

impl Saved {
    pub(crate) fn new(tensor: &Tensor) -> Self {
        Self { tensor: tensor.clone(), version: tensor.version() }
    }

    /// The shape, which no change in place alters.
    pub(crate) fn shape(&self) -> crate::shape::Dims {
        self.tensor.shape()
    }

    /// The tensor as it was; fails when its storage has been changed in place since.
    pub(crate) fn get(&self) -> Result<&Tensor> {
        check(self.version, self.tensor.version())?;
        Ok(&self.tensor)
    }
}

/// An operation's own output, kept by its node. It holds the value and not the tensor: the tensor
/// holds the node, and a cycle would never be freed.
pub(super) struct SavedOutput {
    value: Value,
    version: u32,
    tensor: Weak<Inner>,
}

impl SavedOutput {
    pub(super) fn new(output: &Tensor) -> Self {
        Self { value: output.value(), version: output.version(), tensor: output.downgrade() }
    }

    pub(super) fn unpack(&self, node: NodeRef) -> Result<Tensor> {
        let tensor = match self.tensor.upgrade().map(Tensor::from_inner) {
            Some(output) => {
                check(self.version, output.version())?;
                // Shares the count of changes, for rules that save it in their turn.
                Tensor::from_detached(self.value.clone(), &output)
            }
            None => Tensor::from_value(self.value.clone()),
        };
        tensor.history().set_node(node);
        Ok(tensor)
    }
}

fn check(saved: u32, now: u32) -> Result<()> {
    if saved == now {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::ModifiedInPlace,
        format!(
            "a value needed for the gradient has been changed in place: it is at version {now}, and was saved at version {saved}"
        ),
    ))
}
