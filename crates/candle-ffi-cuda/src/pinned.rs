//! Pinned memory of the host, which a device reads and writes by itself while the host goes on.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{result, sys};
use candle_core::{CudaDevice, Result};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A block of ours.
struct Block {
    bytes: usize,
    /// The device whose context it was made in.
    device: CudaDevice,
}

/// What is pinned for us.
struct Pinned {
    /// By address.
    blocks: BTreeMap<usize, Block>,
    /// Devices that may still read: copies that nobody waited for were started on them.
    readers: Vec<CudaDevice>,
}

static PINNED: Mutex<Pinned> = Mutex::new(Pinned { blocks: BTreeMap::new(), readers: Vec::new() });

fn pinned() -> MutexGuard<'static, Pinned> {
    PINNED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Pinned memory of so many bytes, at least one.
pub fn allocate(device: &CudaDevice, bytes: usize) -> Result<*mut u8> {
    device.cuda_stream().context().bind_to_thread().w()?;
    // SAFETY: a new block; it can be used from every context.
    let block = unsafe { result::malloc_host(bytes.max(1), sys::CU_MEMHOSTALLOC_PORTABLE) }.w()?;
    pinned().blocks.insert(block.addr(), Block { bytes, device: device.clone() });
    Ok(block.cast())
}

/// Gives pinned memory back, when no copy from it is under way any more. Like `free`, this cannot fail.
///
/// # Safety
///
/// `block` is from [`allocate`] and nobody uses it.
pub unsafe fn free(block: *mut u8) {
    let (found, readers) = {
        let mut pinned = pinned();
        (pinned.blocks.remove(&block.addr()), pinned.readers.clone())
    };
    // The readers stay in the list: who frees another block at the same time must wait for them as well.
    for reader in readers {
        let stream = reader.cuda_stream();
        if stream.synchronize().is_err() {
            // The first error may be an old one that was only told now. A device that fails again reads nothing any more.
            let _ = stream.synchronize();
        }
    }
    if let Some(Block { device, .. }) = found {
        // Freeing needs a context, which a thread of a collector does not have.
        let _ = device.cuda_stream().context().bind_to_thread();
    }
    // SAFETY: the caller vouches for the block.
    let _ = unsafe { result::free_host(block.cast()) };
}

/// Whether the host's memory at this address is pinned, by whomever.
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

/// Whether a copy from this address that a device starts now need not be waited for: the memory is ours, and is kept until
/// the device has read it. It is then remembered that the device may read.
pub(crate) fn kept_for(device: &CudaDevice, address: *const u8) -> bool {
    let mut pinned = pinned();
    let before = pinned.blocks.range(..=address.addr()).next_back();
    if !before.is_some_and(|(start, block)| address.addr() - start < block.bytes) {
        return false;
    }
    if pinned.readers.iter().all(|known| known.id() != device.id()) {
        pinned.readers.push(device.clone());
    }
    true
}
