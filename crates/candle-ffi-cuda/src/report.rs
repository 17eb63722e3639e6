//! What kernels have found wrong: indices that are not there.
//!
//! A kernel cannot fail, and to ask it at once is to wait for the device in each step of a training. So it writes what it
//! has found into memory of the host, and whoever waits for the device anyway looks there. Until then the results are of no
//! use, but nothing outside of arrays is read or written. `CUDA_LAUNCH_BLOCKING=1` has every kernel asked at once.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{result, sys};
use candle_core::{CudaDevice, Result};
use std::sync::{LazyLock, Mutex, PoisonError};

/// So many checks are under way at most before one is waited for.
const MOST: usize = 4096;

/// An index that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The index.
    pub index: i64,
    /// The size of what it is an index of.
    pub size: usize,
}

/// The checks of one device that nobody has looked at.
struct Reports {
    /// The device's context, by its address.
    context: usize,
    /// `MOST` pairs of a place, negative where there is nothing wrong, and an index; pinned, and kept for good.
    found: *mut [i64; 2],
    /// The sizes of what the indices are of.
    sizes: Vec<usize>,
}

// SAFETY: the memory is read under the lock alone, after the device has written it.
unsafe impl Send for Reports {}

static ALL: Mutex<Vec<Reports>> = Mutex::new(Vec::new());

/// Whether every check is waited for.
static BLOCKING: LazyLock<bool> =
    LazyLock::new(|| std::env::var("CUDA_LAUNCH_BLOCKING").is_ok_and(|value| !matches!(value.as_str(), "" | "0")));

fn context(device: &CudaDevice) -> usize {
    device.cuda_stream().context().cu_ctx().addr()
}

/// Where a kernel that is started next writes what it has found in indices of something of this size.
pub(crate) fn slot(device: &CudaDevice, size: usize) -> Result<u64> {
    if is_full(device) {
        // What is found then is told by whoever looks next.
        device.cuda_stream().synchronize().w()?;
    }
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let context = context(device);
    let at = match all.iter().position(|reports| reports.context == context) {
        Some(at) => at,
        None => {
            device.cuda_stream().context().bind_to_thread().w()?;
            // SAFETY: new memory, zero for as long as nothing is known of it.
            let found =
                unsafe { result::malloc_host(MOST * size_of::<[i64; 2]>(), sys::CU_MEMHOSTALLOC_PORTABLE) }.w()?;
            all.push(Reports { context, found: found.cast(), sizes: Vec::with_capacity(MOST) });
            all.len() - 1
        }
    };
    let reports = &mut all[at];
    if reports.sizes.len() == MOST {
        reports.keep_what_is_wrong();
    }
    let slot = reports.found.wrapping_add(reports.sizes.len());
    // SAFETY: one of the pairs; the device writes it later. Until then it says that nothing is wrong.
    unsafe { slot.write([-1, 0]) };
    reports.sizes.push(size);
    // Memory of the host has one address everywhere.
    Ok(slot.addr() as u64)
}

fn is_full(device: &CudaDevice) -> bool {
    let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let context = context(device);
    all.iter().any(|reports| reports.context == context && reports.sizes.len() == MOST)
}

impl Reports {
    /// The first index that is not there, of checks that have been made.
    fn first(&self) -> Option<(usize, Outside)> {
        self.sizes.iter().enumerate().find_map(|(at, &size)| {
            // SAFETY: one of the pairs, which the device has written.
            let [place, index] = unsafe { self.found.add(at).read_volatile() };
            (place >= 0).then_some((at, Outside { index, size }))
        })
    }

    /// Makes room, but for one check that has found something.
    fn keep_what_is_wrong(&mut self) {
        let wrong = self.first();
        self.sizes.clear();
        if let Some((_, outside)) = wrong {
            // SAFETY: the first pair.
            unsafe { self.found.write([0, outside.index]) };
            self.sizes.push(outside.size);
        }
    }
}

/// The first index that is not there, of all checks of a device that has been waited for. They are forgotten.
pub fn take_outside(device: &CudaDevice) -> Option<Outside> {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let context = context(device);
    let reports = all.iter_mut().find(|reports| reports.context == context && !reports.sizes.is_empty())?;
    let found = reports.first().map(|(_, outside)| outside);
    reports.sizes.clear();
    found
}

/// The same where every check is to be waited for; None elsewhere.
pub fn outside_at_once(device: &CudaDevice) -> Result<Option<Outside>> {
    if !*BLOCKING {
        return Ok(None);
    }
    device.cuda_stream().synchronize().w()?;
    Ok(take_outside(device))
}
