//! The tensor: a value, and its place in the graph.

use crate::autograd::History;
use crate::shape::Dims;
use crate::value::Value;
use crate::{DType, Device, Error, ErrorCode, Result};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// An n-dimensional array that can take part in a graph of operations. Clones are the same tensor.
#[derive(Clone)]
pub struct Tensor(Arc<Inner>);

pub(crate) struct Inner {
    value: RwLock<Value>,
    pub(crate) history: History,
    /// A Python or C number: takes part in promotion only by its category.
    wrapped_number: bool,
    /// The storage is memory of others, who see what is written there.
    foreign: bool,
    /// For a view, the tensor whose storage it shares, which is never itself a view; and the state of
    /// that tensor's history when the view was made, unless the view has been detached from it.
    base: Option<(Tensor, Option<u32>)>,
    versions: Versions,
}

/// Counts of changes to a storage, kept by the tensor that is not a view.
#[derive(Default)]
struct Versions {
    /// Every change in place.
    data: AtomicU32,
    /// Those changes that are part of a graph, after which existing views tell an old story.
    history: AtomicU32,
}

impl Tensor {
    pub(crate) fn from_value(value: Value) -> Self {
        Self::build(value, None, false)
    }

    pub(crate) fn from_wrapped_number(value: Value) -> Self {
        Self::build(value, None, true)
    }

    /// A tensor that shares the storage of another.
    pub(crate) fn from_view(value: Value, of: &Self) -> Self {
        let base = of.base().clone();
        let seen = base.0.versions.history.load(Ordering::Acquire);
        Self::build(value, Some((base, Some(seen))), of.0.wrapped_number)
    }

    /// A tensor that shares the storage of another and has no part in its history.
    pub(crate) fn from_detached(value: Value, of: &Self) -> Self {
        Self::build(value, Some((of.base().clone(), None)), of.0.wrapped_number)
    }

    fn build(value: Value, base: Option<(Self, Option<u32>)>, wrapped_number: bool) -> Self {
        Self(Arc::new(Inner {
            value: RwLock::new(value),
            history: History::default(),
            wrapped_number,
            foreign: false,
            base,
            versions: Versions::default(),
        }))
    }

    /// A tensor in memory of others, who see what is written there.
    pub(crate) fn from_foreign(value: Value) -> Self {
        Self(Arc::new(Inner {
            value: RwLock::new(value),
            history: History::default(),
            wrapped_number: false,
            foreign: true,
            base: None,
            versions: Versions::default(),
        }))
    }

    pub(crate) fn value(&self) -> Value {
        self.with_value(Value::clone)
    }

    /// Looks at the value without taking a share of it.
    #[inline]
    pub(crate) fn with_value<R>(&self, look: impl FnOnce(&Value) -> R) -> R {
        look(&self.0.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn downgrade(&self) -> std::sync::Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// Whether this is the only reference, to a storage that nobody else sees.
    pub(crate) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1 && self.0.base.is_none() && !self.0.foreign
    }

    /// The tensor that owns the storage: the base of a view, else this one.
    fn base(&self) -> &Self {
        self.0.base.as_ref().map_or(self, |(base, _)| base)
    }

    pub(crate) fn is_view(&self) -> bool {
        self.0.base.is_some()
    }

    /// Whether this is a view, not detached, of a tensor that was made by a recorded operation.
    pub(crate) fn is_view_of_tracked(&self) -> bool {
        matches!(&self.0.base, Some((base, Some(_))) if base.requires_grad() && !base.is_leaf())
    }

    pub(crate) fn is_wrapped_number(&self) -> bool {
        self.0.wrapped_number
    }

    /// How often the storage has been changed in place.
    pub fn version(&self) -> u32 {
        self.base().0.versions.data.load(Ordering::Acquire)
    }

    pub(crate) fn bump_version(&self) {
        self.base().0.versions.data.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn bump_history_version(&self) {
        self.base().0.versions.history.fetch_add(1, Ordering::AcqRel);
    }

    /// Fails for a view whose base has since become the result of an in-place operation in the graph.
    pub(crate) fn check_view(&self) -> Result<()> {
        match &self.0.base {
            Some((base, Some(seen))) if base.0.versions.history.load(Ordering::Acquire) != *seen => Err(Error::new(
                ErrorCode::ModifiedInPlace,
                "this tensor is a view of one that was changed in place by a differentiable operation after the view was made; \
                 make the view again",
            )),
            _ => Ok(()),
        }
    }

    /// Sizes.
    pub fn dims(&self) -> Vec<usize> {
        self.with_value(|value| value.dims().to_vec())
    }

    pub(crate) fn shape(&self) -> Dims {
        self.with_value(Value::shape)
    }

    /// Distance in elements between neighbours along each dimension.
    pub fn strides(&self) -> Vec<usize> {
        self.with_value(|value| value.array.stride().to_vec())
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.with_value(Value::rank)
    }

    /// The number of elements.
    pub fn num_elements(&self) -> usize {
        self.with_value(Value::num_elements)
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.with_value(|value| value.dtype)
    }

    /// Where the elements are.
    pub fn device(&self) -> Device {
        self.with_value(Value::device)
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.with_value(Value::is_contiguous)
    }

    /// Replaces the value and keeps everything else, as `tensor.data = …` in PyTorch: for moving a
    /// module's parameters to another device or dtype. Not part of any graph.
    pub fn set_data(&self, source: &Self) -> Result<()> {
        if self.history().requires_grad() && !source.dtype().is_float() {
            return Err(Error::dtype("a tensor that requires grad must stay of a floating dtype", &[source.dtype()]));
        }
        let value = source.value();
        let before = std::mem::replace(&mut *self.0.value.write().unwrap_or_else(PoisonError::into_inner), value);
        // Dropped outside the lock: the storage may be memory of others, who are told.
        drop(before);
        self.bump_version();
        Ok(())
    }

    pub(crate) fn history(&self) -> &History {
        &self.0.history
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tensor({:?}, {}, {})", self.dims(), self.dtype(), self.device())
    }
}
