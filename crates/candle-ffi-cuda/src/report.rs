//! What kernels have found wrong: indices that are not there.
//!
//! A kernel cannot fail, and to ask it at once is to wait for the device in each step of a training. So it writes what it
//! has found into memory of the host, and whoever waits for the device anyway looks there. Until then the results are of no
//! use, but nothing outside of arrays is read or written. `CUDA_LAUNCH_BLOCKING=1` has every kernel asked at once.

use crate::capture;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{DeviceRepr, result, sys};
use candle_core::{CudaDevice, Result, bail};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// So many checks are under way at most before one is waited for.
const MOST: usize = 4096;
/// In place of a place: the kernel has not come so far.
const PENDING: i64 = i64::MIN;
/// In place of a place: nothing is wrong.
const NOTHING: i64 = -1;

/// Where a kernel writes what it finds (`Report` in `index_check.cuh`).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    at: u64,
    /// Whether it says so where it finds nothing. In a graph it does not: what an earlier replay has found stays.
    always: u64,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Slot {}

/// An index that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The index.
    pub index: i64,
    /// The size of what it is an index of.
    pub size: usize,
}

/// The checks of one device.
struct Reports {
    /// The device's context, by its address.
    context: usize,
    /// `MOST` pairs of a place, negative where there is nothing wrong, and an index; pinned, and kept for good.
    found: *mut [i64; 2],
    /// Pairs that a kernel writes or has written, with the sizes of what the indices are of.
    used: Vec<(usize, usize)>,
    /// Pairs that the kernels of graphs write whenever they find something, with such sizes.
    in_graphs: Vec<(usize, usize)>,
    /// Pairs that no kernel writes.
    free: Vec<usize>,
    /// What was wrong first and has not been told.
    wrong: Option<Outside>,
}

// SAFETY: the memory is written by the host for pairs alone that no kernel writes, and under the lock.
unsafe impl Send for Reports {}

static ALL: Mutex<Vec<Reports>> = Mutex::new(Vec::new());

/// Whether every check is waited for.
static BLOCKING: LazyLock<bool> =
    LazyLock::new(|| std::env::var("CUDA_LAUNCH_BLOCKING").is_ok_and(|value| !matches!(value.as_str(), "" | "0")));

fn all() -> MutexGuard<'static, Vec<Reports>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn context(device: &CudaDevice) -> usize {
    device.cuda_stream().context().cu_ctx().addr()
}

impl Reports {
    fn new(device: &CudaDevice) -> Result<Self> {
        device.cuda_stream().context().bind_to_thread().w()?;
        // SAFETY: new memory, of which nothing is read before it is written.
        let found = unsafe { result::malloc_host(MOST * size_of::<[i64; 2]>(), sys::CU_MEMHOSTALLOC_PORTABLE) }.w()?;
        let (used, free) = (Vec::with_capacity(MOST), (0..MOST).collect());
        Ok(Self { context: context(device), found: found.cast(), used, in_graphs: Vec::new(), free, wrong: None })
    }

    fn pair(&self, at: usize) -> *mut [i64; 2] {
        self.found.wrapping_add(at)
    }

    /// The place and the index that a kernel has written to a pair.
    fn seen(&self, at: usize) -> (i64, i64) {
        // SAFETY: one of the pairs, aligned, which a kernel alone may be writing: the index first (`tell` in
        // index_check.cuh).
        let [place, index] = [0, 1].map(|half| unsafe { AtomicI64::from_ptr(self.pair(at).cast::<i64>().add(half)) });
        (place.load(Ordering::Acquire), index.load(Ordering::Relaxed))
    }

    /// Reads what kernels have written; pairs whose kernels have not come so far stay in use.
    fn read(&mut self) {
        let mut used = std::mem::take(&mut self.used);
        used.retain(|&(at, size)| {
            let (place, index) = self.seen(at);
            if place == PENDING {
                return true;
            }
            if place >= 0 && self.wrong.is_none() {
                self.wrong = Some(Outside { index, size });
            }
            self.free.push(at);
            false
        });
        self.used = used;
        for &(at, size) in &self.in_graphs {
            let (place, index) = self.seen(at);
            if place >= 0 {
                self.wrong.get_or_insert(Outside { index, size });
                // SAFETY: one of the pairs. What a replay finds meanwhile may be lost beside what is told now.
                unsafe { self.pair(at).write_volatile([NOTHING, 0]) };
            }
        }
    }

    /// A pair for a kernel, or for one of a graph; and which it is.
    fn take(&mut self, size: usize, in_graph: bool) -> Option<(Slot, usize)> {
        let at = self.free.pop()?;
        let (to, before) = if in_graph { (&mut self.in_graphs, NOTHING) } else { (&mut self.used, PENDING) };
        to.push((at, size));
        // SAFETY: a pair that no kernel writes yet.
        unsafe { self.pair(at).write_volatile([before, 0]) };
        // Memory of the host has one address everywhere.
        Some((Slot { at: self.pair(at).addr() as u64, always: u64::from(!in_graph) }, at))
    }
}

/// Where a kernel that is started next writes what it has found in indices of something of this size.
///
/// One of a graph that is captured is the graph's, until [`release`].
pub(crate) fn slot(device: &CudaDevice, size: usize) -> Result<Slot> {
    let context = context(device);
    let in_graph = capture::is_captured(device);
    for wait in [false, true] {
        if wait {
            if in_graph {
                break;
            }
            let _pass = capture::enter(device)?;
            device.cuda_stream().synchronize().w()?;
        }
        let mut all = all();
        let at = match all.iter().position(|reports| reports.context == context) {
            Some(at) => at,
            None => {
                all.push(Reports::new(device)?);
                all.len() - 1
            }
        };
        if all[at].free.is_empty() {
            all[at].read();
        }
        if let Some((slot, number)) = all[at].take(size, in_graph) {
            drop(all);
            capture::here(device, |capture| capture.slots.push(number));
            return Ok(slot);
        }
    }
    bail!("{MOST} checks of indices are under way at once, or their kernels have failed")
}

/// Takes back what a graph had, when its kernels are not started any more.
pub(crate) fn release(device: &CudaDevice, slots: &[usize]) {
    if slots.is_empty() {
        return;
    }
    let context = context(device);
    let mut all = all();
    if let Some(reports) = all.iter_mut().find(|reports| reports.context == context) {
        reports.read();
        reports.in_graphs.retain(|(at, _)| !slots.contains(at));
        reports.free.extend(slots);
    }
}

/// The first index that is not there, of all checks that a device has made and nobody was told of.
pub fn take_outside(device: &CudaDevice) -> Option<Outside> {
    let context = context(device);
    let mut all = all();
    let reports = all.iter_mut().find(|reports| reports.context == context)?;
    reports.read();
    reports.wrong.take()
}

/// The same where every check is to be waited for; None elsewhere.
pub fn outside_at_once(device: &CudaDevice) -> Result<Option<Outside>> {
    if !*BLOCKING || capture::is_captured(device) {
        return Ok(None);
    }
    let _pass = capture::enter(device)?;
    device.cuda_stream().synchronize().w()?;
    Ok(take_outside(device))
}

#[cfg(test)]
mod tests {
    const INDEX_CHECK: &str = include_str!(concat!(env!("OUT_DIR"), "/index_check.ptx"));
    const CROSS_ENTROPY: &str = include_str!(concat!(env!("OUT_DIR"), "/cross_entropy.ptx"));
    const CTC: &str = include_str!(concat!(env!("OUT_DIR"), "/ctc.ptx"));

    /// Where the host would otherwise see a position with the index of an earlier check.
    #[test]
    fn the_index_is_there_before_the_position() {
        for (module, kernels) in [(INDEX_CHECK, 1), (CROSS_ENTROPY, 2), (CTC, 1)] {
            let mut found = 0;
            for line in module.split("\n.visible .entry").skip(1) {
                let stores: Vec<_> =
                    line.lines().map(str::trim).filter(|line| line.starts_with("st.volatile")).collect();
                let fence = line.find(".sys;");
                let (Some(first), Some(fence)) = (line.find("st.volatile"), fence) else { continue };
                let last = line.rfind("st.volatile").unwrap_or(first);
                assert!(first < fence && fence < last && stores[0].contains("+8]"), "{stores:?}");
                found += 1;
            }
            assert_eq!(found, kernels);
        }
    }
}
