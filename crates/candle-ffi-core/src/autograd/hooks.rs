//! Functions that see a gradient on its way and may replace it.

use crate::{Error, ErrorCode, Result, Tensor};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Called with the whole gradient of a tensor; what it returns takes the gradient's place.
pub type Hook = Box<dyn Fn(&Tensor) -> Result<Option<Tensor>> + Send + Sync>;

type List = Vec<(u64, Arc<Hook>)>;

/// The hooks of one place in the graph, in the order of their registration. Most places have none,
/// and then cost one look.
#[derive(Default)]
pub(super) struct Hooks(OnceLock<Mutex<List>>);

impl Hooks {
    fn list(&self) -> List {
        self.0.get().map(|list| list.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.get().is_none_or(|list| list.lock().unwrap_or_else(PoisonError::into_inner).is_empty())
    }

    fn add(&self, hook: Hook) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let list = self.0.get_or_init(Mutex::default);
        list.lock().unwrap_or_else(PoisonError::into_inner).push((id, Arc::new(hook)));
        id
    }

    fn remove(&self, id: u64) -> bool {
        let Some(list) = self.0.get() else { return false };
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        let found = list.iter().position(|(own, _)| *own == id).map(|at| list.remove(at));
        drop(list);
        // Dropped outside the lock: what a hook owns may lead back here.
        found.is_some()
    }

    /// The gradient after all hooks. They run without a lock: each may add or remove hooks.
    pub(super) fn run(&self, gradient: Tensor) -> Result<Tensor> {
        self.list().into_iter().try_fold(gradient, |gradient, (_, hook)| match hook(&gradient)? {
            None => Ok(gradient),
            Some(replacement) => {
                gradient.check_grad(&replacement)?;
                Ok(replacement)
            }
        })
    }
}

impl Tensor {
    /// Has a function called with the gradient of this tensor in every backward pass that reaches it; it
    /// may return another gradient of the same shape, dtype and device. Gives the number by which
    /// [`Tensor::remove_hook`] knows it. `torch.Tensor.register_hook`.
    pub fn register_hook(&self, hook: Hook) -> Result<u64> {
        if !self.requires_grad() {
            let message = "a hook needs a tensor that requires grad: no gradient comes to this one";
            return Err(Error::new(ErrorCode::Graph, message));
        }
        Ok(match self.history().node() {
            Some(node) => node.hooks().add(hook),
            None => self.history().hooks().add(hook),
        })
    }

    /// Removes a hook, and says whether it was there.
    pub fn remove_hook(&self, id: u64) -> bool {
        self.history().node().is_some_and(|node| node.hooks().remove(id)) || self.history().hooks().remove(id)
    }
}
