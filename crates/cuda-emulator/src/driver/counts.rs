//! What the devices were asked to do, for tests that say how much of it a piece of work may take.

use std::ffi::c_char;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::behind;
use super::border::{Out, Text};

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Kernels started, those of cuBLAS and cuRAND not among them.
    Launch,
    /// Products of cuBLAS.
    Gemm,
    /// Times that the host waited for a device.
    Synchronize,
    HostToDevice,
    DeviceToHost,
    DeviceToDevice,
    /// Memory set to one value.
    Memset,
    Allocate,
    Free,
    ModuleLoad,
    /// Page-locked memory taken.
    HostAllocate,
    /// Graphs started.
    GraphLaunch,
    /// Copies to a device from memory that is not page-locked, for which the real driver may wait.
    PageableUpload,
    /// Convolutions of cuDNN, the runs that measure algorithms among them.
    Convolution,
}

const NAMES: [&str; 14] = [
    "launch",
    "gemm",
    "synchronize",
    "host_to_device",
    "device_to_host",
    "device_to_device",
    "memset",
    "allocate",
    "free",
    "module_load",
    "host_allocate",
    "graph_launch",
    "pageable_upload",
    "convolution",
];

/// Names of kernels that are kept, so that a long program does not fill the memory with them.
const KERNELS: usize = 1 << 16;

static COUNTS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];
static LAUNCHED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// One more.
pub(crate) fn count(what: Count) {
    COUNTS[what as usize].fetch_add(1, Ordering::Relaxed);
    if what == Count::Synchronize {
        behind::waited();
    }
}

/// One more kernel.
pub(crate) fn count_launch(name: &str) {
    count(Count::Launch);
    let mut launched = LAUNCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if launched.len() < KERNELS {
        launched.push(name.to_owned());
    }
}

/// How often something was done since the last reset; `u64::MAX` when there is no such thing.
///
/// `what` is `launch`, `gemm`, `synchronize`, `host_to_device`, `device_to_host`, `device_to_device`, `memset`, `allocate`,
/// `free`, `module_load`, `host_allocate`, `graph_launch`, `pageable_upload` or `convolution`.
///
/// # Safety
///
/// `what` is null or a string of C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuda_emulator_count(what: Text) -> u64 {
    let name = what.read().unwrap_or_default();
    NAMES.iter().position(|known| *known == name).map_or(u64::MAX, |index| COUNTS[index].load(Ordering::Relaxed))
}

/// All counts are 0 and no kernel is remembered.
#[unsafe(no_mangle)]
pub extern "C" fn cuda_emulator_reset_counts() {
    for count in &COUNTS {
        count.store(0, Ordering::Relaxed);
    }
    LAUNCHED.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The names of the kernels started since the last reset, one a line; returns the bytes that all of them need, with the
/// zero byte at the end, and writes those that there is room for.
///
/// # Safety
///
/// `buffer` is null or has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuda_emulator_last_kernels(buffer: Out<c_char>, size: usize) -> usize {
    let names = LAUNCHED.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
    write_text(buffer, size, &names)
}

/// Writes what fits of a text and a zero byte; returns the bytes that the whole needs.
pub(crate) fn write_text(buffer: Out<c_char>, size: usize, text: &str) -> usize {
    let fitting = text.len().min(size.saturating_sub(1));
    if size > 0 && !buffer.is_null() {
        for (index, byte) in text.as_bytes()[..fitting].iter().chain(&[0]).enumerate() {
            _ = buffer.set_at(index, *byte as c_char);
        }
    }
    text.len() + 1
}
