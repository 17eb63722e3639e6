//! An array without history: what operations compute on.

use crate::shape::Dims;
use crate::{DType, Device, Result};

/// A Candle tensor that tracks nothing, with the dtype that a user sees (Candle has no bool).
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) array: candle_core::Tensor,
    pub(crate) dtype: DType,
}

impl Value {
    pub(crate) fn new(array: candle_core::Tensor, dtype: DType) -> Self {
        debug_assert_eq!(array.dtype(), dtype.storage());
        Self { array, dtype }
    }

    pub(crate) fn dims(&self) -> &[usize] {
        self.array.dims()
    }

    pub(crate) fn rank(&self) -> usize {
        self.array.rank()
    }

    pub(crate) fn num_elements(&self) -> usize {
        self.array.elem_count()
    }

    pub(crate) fn device(&self) -> Device {
        Device::of(&self.array)
    }

    pub(crate) fn is_cpu(&self) -> bool {
        matches!(self.array.device(), candle_core::Device::Cpu)
    }

    pub(crate) fn is_contiguous(&self) -> bool {
        self.array.is_contiguous()
    }

    /// The same elements seen in a larger shape; no copy.
    pub(crate) fn broadcast_to(&self, dims: &[usize]) -> Result<Self> {
        if self.dims() == dims {
            return Ok(self.clone());
        }
        Ok(Self::new(self.array.broadcast_as(dims)?, self.dtype))
    }

    /// The same contiguous elements in another shape; no copy.
    pub(crate) fn with_dims(&self, dims: &[usize]) -> Result<Self> {
        Ok(Self::new(self.array.reshape(dims)?, self.dtype))
    }

    pub(crate) fn permute(&self, order: &[usize]) -> Result<Self> {
        Ok(Self::new(self.array.permute(order)?, self.dtype))
    }

    pub(crate) fn to_device(&self, device: Device) -> Result<Self> {
        crate::compute::to_device(self, device, false)
    }

    /// What the host has made for a device, there: nobody waits for the device.
    pub(crate) fn send_to(&self, device: Device) -> Result<Self> {
        crate::compute::send(self, device)
    }

    /// Whether a change of one in place would be seen in the other.
    pub(crate) fn shares_storage_with(&self, other: &Self) -> bool {
        self.storage_address() == other.storage_address()
    }

    /// Where the storage is: the same for all that share it.
    #[inline]
    pub(crate) fn storage_address(&self) -> usize {
        std::ptr::from_ref(&*self.array.storage_and_layout().0).addr()
    }

    /// Sizes as an owned list, for results that outlive the borrow.
    pub(crate) fn shape(&self) -> Dims {
        Dims::from_slice(self.dims())
    }
}
