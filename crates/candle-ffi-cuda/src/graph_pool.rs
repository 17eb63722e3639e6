//! The memory of graphs: blocks that stay where they are for as long as a graph may be replayed.
//!
//! What is allocated while a graph is captured comes from the graph's pool, and not from the driver, whose own nodes for
//! memory allow less: nothing that was there before may be freed, and what outlives the capture forbids a second launch.
//! A block that is freed while the capture goes on is used again in it; one that is freed later is not, since a replay
//! writes it again. The pool goes when no graph uses it and the last tensor in it is gone.

use crate::capture;
use candle_core::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::sys::{self, CUdeviceptr, CUresult};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Blocks begin at multiples of this, as those of the driver do at least.
const ALIGNMENT: usize = 512;
/// What is asked of the driver at a time: small blocks share a small piece, larger ones a large piece.
const SMALL: usize = 1 << 20;
const SMALL_SEGMENT: usize = 2 << 20;
const LARGE: usize = 10 << 20;
const LARGE_SEGMENT: usize = 20 << 20;

/// A run of bytes in a segment.
#[derive(Clone, Copy)]
struct Span {
    bytes: usize,
    used: bool,
    /// Whether a segment begins here, so that it is not one with what lies before it.
    first: bool,
}

/// Which parts of some segments are in use.
#[derive(Default)]
struct Blocks {
    spans: BTreeMap<u64, Span>,
    /// Size and start of the spans that are not in use.
    free: BTreeSet<(usize, u64)>,
}

impl Blocks {
    /// Adds a segment, which nobody uses yet.
    fn grow(&mut self, start: u64, bytes: usize) {
        self.spans.insert(start, Span { bytes, used: false, first: true });
        self.free.insert((bytes, start));
    }

    /// The smallest run that is large enough, of the first of these; what is not needed of it stays free.
    fn take(&mut self, bytes: usize) -> Option<u64> {
        let &(found, start) = self.free.range((bytes, 0)..).next()?;
        self.free.remove(&(found, start));
        let span = self.spans.get_mut(&start)?;
        (span.bytes, span.used) = (bytes, true);
        if found > bytes {
            let rest = start + bytes as u64;
            self.spans.insert(rest, Span { bytes: found - bytes, used: false, first: false });
            self.free.insert((found - bytes, rest));
        }
        Some(start)
    }

    /// Gives a run back, which becomes one with its neighbours; the bytes that it had, None where none is in use there.
    fn give(&mut self, start: u64) -> Option<usize> {
        let mut span = self.spans.get(&start).copied().filter(|span| span.used)?;
        let (given, mut start) = (span.bytes, start);
        span.used = false;
        let free = |span: &Span| !span.used;
        let after = start + span.bytes as u64;
        if let Some(next) = self.spans.get(&after).copied().filter(|next| free(next) && !next.first) {
            self.spans.remove(&after);
            self.free.remove(&(next.bytes, after));
            span.bytes += next.bytes;
        }
        let before = self.spans.range(..start).next_back().map(|(&at, &before)| (at, before));
        if let Some((at, before)) = before.filter(|(_, before)| free(before) && !span.first) {
            self.spans.remove(&start);
            self.free.remove(&(before.bytes, at));
            span = Span { bytes: before.bytes + span.bytes, ..before };
            start = at;
        }
        self.spans.insert(start, span);
        self.free.insert((span.bytes, start));
        Some(given)
    }
}

/// The memory of a graph, or of several that are not replayed at the same time.
pub(crate) struct Pool {
    device: CudaDevice,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    blocks: Blocks,
    segments: Vec<(u64, usize)>,
    /// How many blocks are in use, and their bytes.
    used: usize,
    used_bytes: usize,
    /// How many graphs, and captures, have this pool.
    graphs: usize,
}

/// Where the segments of all pools begin and end, and whose they are.
static SEGMENTS: Mutex<BTreeMap<u64, (u64, Arc<Pool>)>> = Mutex::new(BTreeMap::new());
/// How many there are, so that where there are no graphs no lock is taken. Whoever frees a block has got it from the
/// thread that took it, and so sees that its segment counts.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn segments() -> MutexGuard<'static, BTreeMap<u64, (u64, Arc<Pool>)>> {
    SEGMENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pool that an address belongs to.
pub(crate) fn of(address: CUdeviceptr) -> Option<Arc<Pool>> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let segments = segments();
    let (_, (end, pool)) = segments.range(..=address).next_back()?;
    (address < *end).then(|| pool.clone())
}

/// What the pools of a device hold: the bytes in use, and all.
pub(crate) fn held(device: &CudaDevice) -> (u64, u64) {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return (0, 0);
    }
    let mut pools: Vec<Arc<Pool>> = Vec::new();
    for (_, pool) in segments().values() {
        if pool.device.id() == device.id() && !pools.iter().any(|known| Arc::ptr_eq(known, pool)) {
            pools.push(pool.clone());
        }
    }
    pools.iter().fold((0, 0), |(used, all), pool| {
        let inner = pool.inner();
        let reserved: usize = inner.segments.iter().map(|(_, bytes)| bytes).sum();
        (used + inner.used_bytes as u64, all + reserved as u64)
    })
}

impl Pool {
    pub(crate) fn new(device: &CudaDevice) -> Arc<Self> {
        Arc::new(Self { device: device.clone(), inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_on(&self, device: &CudaDevice) -> bool {
        self.device.id() == device.id()
    }

    /// A block of so many bytes. The context of the device is current.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Result<CUdeviceptr, CUresult> {
        let bytes = bytes.max(1).checked_next_multiple_of(ALIGNMENT).ok_or(CUresult::CUDA_ERROR_OUT_OF_MEMORY)?;
        let mut inner = self.inner();
        let found = match inner.blocks.take(bytes) {
            Some(found) => found,
            None => {
                let segment = segment_for(bytes);
                let mut start = 0;
                // SAFETY: it is written before the call returns. A capture of ours allows it: its mode is the relaxed one.
                unsafe { sys::cuMemAlloc_v2(&raw mut start, segment) }.result().map_err(|error| error.0)?;
                inner.segments.push((start, segment));
                inner.blocks.grow(start, segment);
                segments().insert(start, (start + segment as u64, self.clone()));
                COUNT.fetch_add(1, Ordering::Relaxed);
                inner.blocks.take(bytes).ok_or(CUresult::CUDA_ERROR_UNKNOWN)?
            }
        };
        inner.used += 1;
        inner.used_bytes += bytes;
        Ok(found)
    }

    /// Gives a block back.
    pub(crate) fn give(self: &Arc<Self>, address: CUdeviceptr) {
        let mut inner = self.inner();
        if let Some(bytes) = inner.blocks.give(address) {
            inner.used -= 1;
            inner.used_bytes -= bytes;
        }
        self.end(inner);
    }

    /// One more graph uses the pool.
    pub(crate) fn enter(&self) {
        self.inner().graphs += 1;
    }

    /// A graph uses the pool no longer.
    pub(crate) fn leave(self: &Arc<Self>) {
        let mut inner = self.inner();
        inner.graphs -= 1;
        self.end(inner);
    }

    /// Gives everything back to the driver when nobody uses it any more.
    fn end(&self, mut inner: MutexGuard<'_, Inner>) {
        if inner.graphs > 0 || inner.used > 0 || inner.segments.is_empty() {
            return;
        }
        let found = std::mem::take(&mut inner.segments);
        inner.blocks = Blocks::default();
        drop(inner);
        for (start, _) in &found {
            // The pool itself lives on in the caller.
            let _ = segments().remove(start);
            COUNT.fetch_sub(1, Ordering::Relaxed);
        }
        let context = self.device.cuda_stream().context().clone();
        capture::after(move || {
            let _ = context.bind_to_thread();
            for (start, _) in found {
                // SAFETY: nobody knows the segment any more; the driver waits for the work that may still use it.
                let _ = unsafe { sys::cuMemFree_v2(start) };
            }
        });
    }
}

/// How much to ask the driver for where a block of so many bytes is needed.
fn segment_for(bytes: usize) -> usize {
    match bytes {
        _ if bytes <= SMALL => SMALL_SEGMENT,
        _ if bytes <= LARGE => LARGE_SEGMENT,
        _ => bytes.next_multiple_of(SMALL_SEGMENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_used_again_and_becomes_one() {
        let mut blocks = Blocks::default();
        blocks.grow(4096, 4096);
        let [first, second, third] = [1024, 512, 2560].map(|bytes| blocks.take(bytes).unwrap());
        assert_eq!([first, second, third], [4096, 5120, 5632]);
        assert_eq!(blocks.take(512), None);
        assert_eq!(blocks.give(second), Some(512));
        assert_eq!(blocks.give(second), None, "it is free already");
        assert_eq!(blocks.take(512), Some(second));
        for block in [first, third, second] {
            assert!(blocks.give(block).is_some());
        }
        assert_eq!(blocks.spans.len(), 1);
        assert_eq!(blocks.take(4096), Some(4096));
    }

    #[test]
    fn the_smallest_that_is_large_enough_is_taken() {
        let mut blocks = Blocks::default();
        blocks.grow(1 << 20, 8192);
        blocks.grow(1 << 30, 1024);
        assert_eq!(blocks.take(1024), Some(1 << 30));
        assert_eq!(blocks.take(1024), Some(1 << 20));
    }

    #[test]
    fn segments_that_are_neighbours_stay_two() {
        let mut blocks = Blocks::default();
        blocks.grow(8192, 4096);
        blocks.grow(4096, 4096);
        let [first, second] = [4096, 4096].map(|bytes| blocks.take(bytes).unwrap());
        assert!(blocks.give(first).is_some() && blocks.give(second).is_some());
        assert_eq!((blocks.spans.len(), blocks.take(8192)), (2, None));
    }

    #[test]
    fn pieces_have_few_sizes() {
        assert_eq!(segment_for(512), SMALL_SEGMENT);
        assert_eq!(segment_for(SMALL + 512), LARGE_SEGMENT);
        assert_eq!(segment_for(LARGE + 512), 12 << 20);
    }
}
