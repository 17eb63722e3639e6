//! Functions of the driver that are ours within this library: those by which Candle takes and frees the memory of tensors.
//!
//! Candle has one way to each, and knows nothing of memory of others ([`crate::adopted`]) and of graphs
//! ([`crate::graph_pool`]). What is neither is handed on to the driver. The names are hidden: nobody else in the process
//! gets these.

use crate::{adopted, capture, graph_pool, passed};
use candle_core::cuda_backend::cudarc::driver::sys::{CUdeviceptr, CUresult, CUstream};
use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

unsafe extern "C" fn alloc_async(out: *mut CUdeviceptr, bytes: usize, stream: CUstream) -> CUresult {
    type Allocate = unsafe extern "C" fn(*mut CUdeviceptr, usize, CUstream) -> CUresult;
    static DRIVER: OnceLock<Option<Allocate>> = OnceLock::new();
    let Ok(_pass) = capture::enter_stream(stream) else {
        return CUresult::CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    };
    if let Some(pool) = capture::pool_of(stream) {
        return match pool.take(bytes) {
            Ok(found) => {
                // SAFETY: the caller has room for an address.
                unsafe { out.write(found) };
                CUresult::CUDA_SUCCESS
            }
            Err(error) => error,
        };
    }
    // SAFETY: the driver's function of this name has this type.
    let allocate = DRIVER.get_or_init(|| driver(c"cuMemAllocAsync").map(|found| unsafe { std::mem::transmute(found) }));
    match allocate {
        // SAFETY: the caller's arguments, handed on.
        Some(allocate) => unsafe { allocate(out, bytes, stream) },
        None => CUresult::CUDA_ERROR_NOT_INITIALIZED,
    }
}

/// Frees what belongs to no driver; false for all else.
fn released(address: CUdeviceptr, stream: Option<CUstream>) -> bool {
    // Of a block in a pool another library may have had a view, which came back as a tensor: that goes first.
    if adopted::release(address, stream) {
        return true;
    }
    let Some(pool) = graph_pool::of(address) else { return false };
    pool.give(address);
    true
}

unsafe extern "C" fn free_async(address: CUdeviceptr, stream: CUstream) -> CUresult {
    if released(address, Some(stream)) {
        return CUresult::CUDA_SUCCESS;
    }
    match capture::try_enter(stream) {
        // SAFETY: the caller's arguments.
        Some(_pass) => unsafe { given_back(address, stream) },
        None => {
            // In a capture the driver frees only what the graph has allocated.
            let stream = stream.expose_provenance();
            capture::after(move || {
                let stream = std::ptr::with_exposed_provenance_mut(stream);
                passed::make_current(stream);
                // SAFETY: the arguments of the call that was put off; nobody knows the memory any more. Another capture may
                // have begun.
                let _ = unsafe { free_async(address, stream) };
            });
            CUresult::CUDA_SUCCESS
        }
    }
}

/// # Safety
///
/// As for `cuMemFreeAsync`.
unsafe fn given_back(address: CUdeviceptr, stream: CUstream) -> CUresult {
    type Free = unsafe extern "C" fn(CUdeviceptr, CUstream) -> CUresult;
    static DRIVER: OnceLock<Option<Free>> = OnceLock::new();
    // SAFETY: the driver's function of this name has this type.
    let free = DRIVER.get_or_init(|| driver(c"cuMemFreeAsync").map(|found| unsafe { std::mem::transmute(found) }));
    match free {
        // SAFETY: the caller's arguments, handed on.
        Some(free) => unsafe { free(address, stream) },
        None => CUresult::CUDA_ERROR_NOT_INITIALIZED,
    }
}

unsafe extern "C" fn free_sync(address: CUdeviceptr) -> CUresult {
    // Whoever calls this for a tensor has waited for the stream.
    if released(address, None) {
        return CUresult::CUDA_SUCCESS;
    }
    given_back_at_once(address)
}

/// Frees memory of `cuMemAlloc`, as the driver does it.
pub(crate) fn given_back_at_once(address: CUdeviceptr) -> CUresult {
    type Free = unsafe extern "C" fn(CUdeviceptr) -> CUresult;
    static DRIVER: OnceLock<Option<Free>> = OnceLock::new();
    // SAFETY: the driver's function of this name has this type.
    let free = DRIVER.get_or_init(|| driver(c"cuMemFree_v2").map(|found| unsafe { std::mem::transmute(found) }));
    match free {
        // SAFETY: the driver refuses what is no address of its own.
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
    ".globl cuMemAllocAsync",
    ".hidden cuMemAllocAsync",
    ".type cuMemAllocAsync, @function",
    "cuMemAllocAsync: jmp {alloc_async}",
    ".globl cuMemFreeAsync",
    ".hidden cuMemFreeAsync",
    ".type cuMemFreeAsync, @function",
    "cuMemFreeAsync: jmp {free_async}",
    ".globl cuMemFree_v2",
    ".hidden cuMemFree_v2",
    ".type cuMemFree_v2, @function",
    "cuMemFree_v2: jmp {free_sync}",
    alloc_async = sym alloc_async,
    free_async = sym free_async,
    free_sync = sym free_sync,
);

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".globl cuMemAllocAsync",
    ".hidden cuMemAllocAsync",
    ".type cuMemAllocAsync, %function",
    "cuMemAllocAsync: b {alloc_async}",
    ".globl cuMemFreeAsync",
    ".hidden cuMemFreeAsync",
    ".type cuMemFreeAsync, %function",
    "cuMemFreeAsync: b {free_async}",
    ".globl cuMemFree_v2",
    ".hidden cuMemFree_v2",
    ".type cuMemFree_v2, %function",
    "cuMemFree_v2: b {free_sync}",
    alloc_async = sym alloc_async,
    free_async = sym free_async,
    free_sync = sym free_sync,
);
