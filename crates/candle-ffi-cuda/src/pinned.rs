//! Pinned memory of the host, which a device reads and writes by itself while the host goes on.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{result, sys};
use candle_core::{CudaDevice, Result};
use std::sync::{Mutex, PoisonError};

/// Devices that may still read pinned memory: copies that nobody waited for were started on them.
static READERS: Mutex<Vec<CudaDevice>> = Mutex::new(Vec::new());

/// Pinned memory of so many bytes, at least one.
pub fn allocate(device: &CudaDevice, bytes: usize) -> Result<*mut u8> {
    device.cuda_stream().context().bind_to_thread().w()?;
    // SAFETY: a new block; it can be used from every context.
    let block = unsafe { result::malloc_host(bytes.max(1), sys::CU_MEMHOSTALLOC_PORTABLE) }.w()?;
    Ok(block.cast())
}

/// Gives pinned memory back, when no copy from it is under way any more. Like `free`, this cannot fail.
///
/// # Safety
///
/// `block` is from [`allocate`] and nobody uses it.
pub unsafe fn free(block: *mut u8) {
    let readers = std::mem::take(&mut *READERS.lock().unwrap_or_else(PoisonError::into_inner));
    for device in readers {
        // A device that fails reads nothing any more.
        let _ = device.cuda_stream().synchronize();
    }
    // SAFETY: the caller vouches for the block.
    let _ = unsafe { result::free_host(block.cast()) };
}

/// Whether the host's memory at this address is pinned.
#[must_use]
pub fn is_pinned(address: *const u8) -> bool {
    let mut kind = 0u32;
    // SAFETY: the attribute is a number of 32 bits; an address that the driver does not know is an error of this call only.
    let found = unsafe {
        sys::cuPointerGetAttribute(
            (&raw mut kind).cast(),
            sys::CUpointer_attribute::CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
            address.addr() as u64,
        )
    };
    found == sys::CUresult::CUDA_SUCCESS && kind == sys::CUmemorytype::CU_MEMORYTYPE_HOST as u32
}

/// Remembers that a copy from pinned memory was started on a device without waiting for it.
pub(crate) fn read_by(device: &CudaDevice) {
    let mut readers = READERS.lock().unwrap_or_else(PoisonError::into_inner);
    if readers.iter().all(|known| known.id() != device.id()) {
        readers.push(device.clone());
    }
}
