//! Device memory of others that tensors use in place: who must be told when the last tensor is gone.
//!
//! Candle keeps the elements of a device in a `CudaSlice`, which gives its memory back to the driver when it is dropped,
//! and has no other way. So the two functions of the driver that free memory are ours within this library: they know
//! adopted blocks, and hand all others on to the driver. The names are hidden: nobody else in the process gets these.

use crate::array::wrap;
use crate::passed::{Passed, Stream};
use candle_core::cuda_backend::cudarc::driver::sys::{CUdeviceptr, CUresult, CUstream};
use candle_core::{CudaDevice, DType, Result, Tensor};
use std::collections::HashMap;
use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

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
fn release(address: CUdeviceptr, stream: Option<CUstream>) -> bool {
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

unsafe extern "C" fn free_async(address: CUdeviceptr, stream: CUstream) -> CUresult {
    type Free = unsafe extern "C" fn(CUdeviceptr, CUstream) -> CUresult;
    static DRIVER: OnceLock<Option<Free>> = OnceLock::new();
    if release(address, Some(stream)) {
        return CUresult::CUDA_SUCCESS;
    }
    // SAFETY: the driver's function of this name has this type.
    let free = DRIVER.get_or_init(|| driver(c"cuMemFreeAsync").map(|found| unsafe { std::mem::transmute(found) }));
    match free {
        // SAFETY: the caller's arguments, handed on.
        Some(free) => unsafe { free(address, stream) },
        None => CUresult::CUDA_ERROR_NOT_INITIALIZED,
    }
}

unsafe extern "C" fn free_sync(address: CUdeviceptr) -> CUresult {
    type Free = unsafe extern "C" fn(CUdeviceptr) -> CUresult;
    static DRIVER: OnceLock<Option<Free>> = OnceLock::new();
    // Whoever calls this has waited for the stream.
    if release(address, None) {
        return CUresult::CUDA_SUCCESS;
    }
    // SAFETY: the driver's function of this name has this type.
    let free = DRIVER.get_or_init(|| driver(c"cuMemFree_v2").map(|found| unsafe { std::mem::transmute(found) }));
    match free {
        // SAFETY: the caller's argument, handed on.
        Some(free) => unsafe { free(address) },
        None => CUresult::CUDA_ERROR_NOT_INITIALIZED,
    }
}

/// A function of the driver, which is loaded: this library links to it.
fn driver(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: names with their ends; the library is only looked up, and stays.
    let found = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if library.is_null() { library } else { libc::dlsym(library, name.as_ptr()) }
    };
    (!found.is_null()).then_some(found)
}

#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".globl cuMemFreeAsync",
    ".hidden cuMemFreeAsync",
    ".type cuMemFreeAsync, @function",
    "cuMemFreeAsync: jmp {free_async}",
    ".globl cuMemFree_v2",
    ".hidden cuMemFree_v2",
    ".type cuMemFree_v2, @function",
    "cuMemFree_v2: jmp {free_sync}",
    free_async = sym free_async,
    free_sync = sym free_sync,
);

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".globl cuMemFreeAsync",
    ".hidden cuMemFreeAsync",
    ".type cuMemFreeAsync, %function",
    "cuMemFreeAsync: b {free_async}",
    ".globl cuMemFree_v2",
    ".hidden cuMemFree_v2",
    ".type cuMemFree_v2, %function",
    "cuMemFree_v2: b {free_sync}",
    free_async = sym free_async,
    free_sync = sym free_sync,
);
