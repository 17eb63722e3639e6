//! Handles: numbers that look like pointers, so that one that is no longer valid is found out instead of followed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::status::Status;

/// A `CUcontext`, `CUstream`, `CUevent`, ….
pub type Handle = u64;

/// The objects of one kind that are alive.
pub(crate) struct Handles<T> {
    objects: OnceLock<RwLock<HashMap<Handle, Arc<T>>>>,
}

/// Never used twice, whatever the kind, so that a handle of the wrong kind is an invalid one.
static NEXT: AtomicU64 = AtomicU64::new(0x00CD_0000_0000_1000);

impl<T> Handles<T> {
    pub(crate) const fn new() -> Self {
        Self { objects: OnceLock::new() }
    }

    fn objects(&self) -> &RwLock<HashMap<Handle, Arc<T>>> {
        self.objects.get_or_init(RwLock::default)
    }

    /// Keeps an object and names it.
    pub(crate) fn add(&self, object: T) -> Handle {
        self.add_with(|_| object)
    }

    /// Keeps an object that knows its own name.
    pub(crate) fn add_with(&self, make: impl FnOnce(Handle) -> T) -> Handle {
        let handle = NEXT.fetch_add(16, Ordering::Relaxed);
        let object = Arc::new(make(handle));
        self.objects().write().unwrap_or_else(PoisonError::into_inner).insert(handle, object);
        handle
    }

    pub(crate) fn get(&self, handle: Handle) -> Result<Arc<T>, Status> {
        let objects = self.objects().read().unwrap_or_else(PoisonError::into_inner);
        objects.get(&handle).cloned().ok_or(Status::INVALID_HANDLE)
    }

    pub(crate) fn remove(&self, handle: Handle) -> Result<Arc<T>, Status> {
        let mut objects = self.objects().write().unwrap_or_else(PoisonError::into_inner);
        objects.remove(&handle).ok_or(Status::INVALID_HANDLE)
    }
}
