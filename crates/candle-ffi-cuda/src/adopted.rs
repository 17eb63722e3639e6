//! Device memory of others that tensors use in place: who must be told when the last tensor is gone.
//!
//! Candle keeps the elements of a device in a `CudaSlice`, which gives its memory back to the driver when it is dropped,
//! and has no other way. So [`crate::driver`] asks here first.

use crate::array::wrap;
use crate::passed::{Passed, Stream};
use candle_core::cuda_backend::cudarc::driver::sys::{self, CUdeviceptr, CUstream};
use candle_core::{CudaDevice, DType, Result, Tensor};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

type Release = Box<dyn FnOnce() + Send>;

/// Adopted blocks by address. Of several at one address the last goes first: where a tensor was exported and taken in
/// again, releasing the second block lets go of the first.
static BLOCKS: LazyLock<Mutex<HashMap<CUdeviceptr, Vec<Release>>>> = LazyLock::new(Mutex::default);
/// How many there are, so that ordinary memory is freed without a lock. Whoever frees a block has got it from the thread
/// that adopted it, and so sees that it counts.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Blocks that no tensor uses any more, but perhaps the device.
static GIVEN: Mutex<Vec<(Passed, Release)>> = Mutex::new(Vec::new());

/// A tensor of `count` elements of another library's memory. `release` is called when the last tensor that uses it is
/// gone and the device has done with it: when that is found out, which is by the next block that is adopted or released, or
/// when the host waits for a device.
///
/// # Safety
///
/// So many aligned elements of the dtype are at the address, on this device, until `release` is called.
pub unsafe fn adopt(
    device: &CudaDevice,
    address: u64,
    count: usize,
    dtype: DType,
    release: impl FnOnce() + Send + 'static,
) -> Result<Tensor> {
    finish();
    // SAFETY: the caller vouches for the memory, and freeing it will come here.
    let tensor = unsafe { wrap(device, address, count, dtype) }?;
    BLOCKS.lock().unwrap_or_else(PoisonError::into_inner).entry(address).or_default().push(Box::new(release));
    COUNT.fetch_add(1, Ordering::Relaxed);
    Ok(tensor)
}

/// Whether an address is in memory that CUDA knows: of a device, or shared with one.
#[must_use]
pub fn is_of_cuda(address: u64) -> bool {
    let mut ordinal = -1i32;
    // SAFETY: the attribute is a number of 32 bits. An address that is nothing's is an error, and is not read.
    let known = unsafe {
        sys::cuPointerGetAttribute(
            (&raw mut ordinal).cast(),
            sys::CUpointer_attribute::CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
            address,
        )
    };
    known == sys::CUresult::CUDA_SUCCESS && ordinal >= 0
}

fn take(address: CUdeviceptr) -> Option<Release> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let mut blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    let found = blocks.get_mut(&address)?;
    let release = found.pop();
    if found.is_empty() {
        blocks.remove(&address);
    }
    COUNT.fetch_sub(1, Ordering::Relaxed);
    release
}

/// Lets go of an adopted block, when the work that may use it is done. Nobody waits for it.
pub(crate) fn release(address: CUdeviceptr, stream: Option<CUstream>) -> bool {
    let Some(release) = take(address) else { return false };
    match stream {
        Some(stream) => {
            let given = (Passed::all_of(&[Stream(stream)]), release);
            GIVEN.lock().unwrap_or_else(PoisonError::into_inner).push(given);
        }
        None => call(release),
    }
    finish();
    true
}

/// Lets go of the blocks that devices have done with. What their owners do then may come back here.
pub(crate) fn finish() {
    let done: Vec<_> = {
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        given.extract_if(.., |(passed, _)| passed.is_done()).collect()
    };
    for (_, release) in done {
        call(release);
    }
}

/// Nothing may unwind into the driver's callers; a panic in what others gave ends with the block.
fn call(release: Release) {
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(release)));
}
