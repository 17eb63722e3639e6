//! A tensor's place in the graph: a leaf that wants a gradient, or the result of a node.

use super::hooks::Hooks;
use super::node::{Edge, NodeRef};
use crate::{Error, ErrorCode, Result, Tensor};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct History {
    /// Mirrors `requires_grad` of the state, so that untracked tensors cost no lock.
    tracked: AtomicBool,
    state: Mutex<State>,
    /// Held by a thread that adds to the gradient.
    accumulating: Mutex<()>,
    /// Those of a leaf; a result has its in its node.
    hooks: Hooks,
}

#[derive(Default)]
struct State {
    node: Option<NodeRef>,
    grad: Option<Tensor>,
}

impl History {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn accumulating(&self) -> MutexGuard<'_, ()> {
        self.accumulating.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// Whether gradients flow to or through this tensor.
    #[inline]
    pub(crate) fn requires_grad(&self) -> bool {
        self.tracked.load(Ordering::Acquire)
    }

    pub(crate) fn node(&self) -> Option<NodeRef> {
        if self.requires_grad() { self.state().node.clone() } else { None }
    }

    pub(crate) fn set_node(&self, node: NodeRef) {
        let before = self.state().node.replace(node);
        // Dropped outside the lock: what a node has saved may be memory of others, who are told.
        drop(before);
        self.tracked.store(true, Ordering::Release);
    }
}

impl Tensor {
    /// Whether gradients flow to or through this tensor.
    #[inline]
    pub fn requires_grad(&self) -> bool {
        self.history().requires_grad()
    }

    /// Whether this tensor was made by a user and not by a recorded operation.
    pub fn is_leaf(&self) -> bool {
        self.history().node().is_none()
    }

    /// The name of the operation that made this tensor, where it was recorded.
    pub fn grad_fn_name(&self) -> Option<&'static str> {
        self.history().node().map(|node| node.operation())
    }

    /// Asks for a gradient of this leaf, or no longer.
    pub fn set_requires_grad(&self, requires_grad: bool) -> Result<()> {
        if requires_grad && !self.dtype().is_float() {
            return Err(Error::dtype(
                format!("only floating-point tensors can require gradients, and this is {}", self.dtype()),
                &[self.dtype()],
            ));
        }
        if !requires_grad && !self.is_leaf() {
            return Err(Error::new(
                ErrorCode::Graph,
                "requires_grad of a tensor that is not a leaf cannot be changed; use detach()",
            ));
        }
        self.history().tracked.store(requires_grad, Ordering::Release);
        Ok(())
    }

    /// The gradient accumulated so far.
    pub fn grad(&self) -> Option<Self> {
        self.history().state().grad.clone()
    }

    /// Replaces or clears the gradient; its shape, dtype and device must be the tensor's.
    pub fn set_grad(&self, grad: Option<&Self>) -> Result<()> {
        if let Some(grad) = grad {
            self.check_grad(grad)?;
        }
        let before = std::mem::replace(&mut self.history().state().grad, grad.cloned());
        // Dropped outside the lock: it may hold a graph that ends in this very tensor.
        drop(before);
        Ok(())
    }

    /// Fails unless a tensor can be the gradient of this one.
    pub(crate) fn check_grad(&self, grad: &Self) -> Result<()> {
        if grad.dims() != self.dims() {
            return Err(Error::shape(
                format!("a gradient of shape {:?} does not belong to a tensor of shape {:?}", grad.dims(), self.dims()),
                &[&grad.dims(), &self.dims()],
            ));
        }
        if grad.dtype() != self.dtype() {
            return Err(Error::dtype(
                format!("a gradient of {} does not belong to a tensor of {}", grad.dtype(), self.dtype()),
                &[grad.dtype(), self.dtype()],
            ));
        }
        if grad.device() != self.device() {
            return Err(Error::device(
                format!("a gradient on {} does not belong to a tensor on {}", grad.device(), self.device()),
                &[grad.device(), self.device()],
            ));
        }
        Ok(())
    }

    pub(super) fn edge(&self) -> Edge {
        if !self.requires_grad() {
            return Edge::None;
        }
        match self.history().node() {
            Some(node) => Edge::Node(node),
            None => Edge::Leaf(self.clone()),
        }
    }
}
