//! Pinned memory of the host, which a device reads and writes by itself while the host goes on.
//!
//! To take it from the driver and to give it back is slow, and giving it back waits for the device. So blocks are kept, by
//! their sizes, and used again, each when the copies from it are done.

use crate::passed::{Passed, Relaxed, Stream};
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{result, sys};
use candle_core::{CudaDevice, Result};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The bytes that are kept at most while nobody uses them.
const MOST: usize = 4 << 30;
/// The least block.
const LEAST: usize = 4096;

/// A block that somebody uses.
struct Block {
    /// The bytes that were asked for.
    bytes: usize,
    /// Streams on which copies from it were started that nobody waited for.
    readers: SmallVec<[Stream; 1]>,
}

/// A block that nobody uses, but perhaps a device.
struct Given {
    address: usize,
    size: usize,
    read: Passed,
}

/// What is pinned for us. Addresses are numbers: nothing is read or written through them here.
struct Pinned {
    /// By address.
    used: BTreeMap<usize, Block>,
    given: Vec<Given>,
    /// Addresses of blocks that nobody reads, by size.
    free: BTreeMap<usize, Vec<usize>>,
    /// The bytes of what is given back and of what is free.
    idle: usize,
}

static PINNED: Mutex<Pinned> =
    Mutex::new(Pinned { used: BTreeMap::new(), given: Vec::new(), free: BTreeMap::new(), idle: 0 });

fn pinned() -> MutexGuard<'static, Pinned> {
    PINNED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The size of the block for so many bytes: eight sizes from one power of two to the next, so that batches of nearly one size
/// use each other's blocks and an eighth is wasted at most.
fn size_of_block(bytes: usize) -> usize {
    let bytes = bytes.max(1);
    let step = (bytes.checked_next_power_of_two().unwrap_or(bytes) / 16).max(LEAST);
    bytes.checked_next_multiple_of(step).unwrap_or(bytes)
}

impl Pinned {
    /// Frees what devices have read.
    fn settle(&mut self) {
        let free = &mut self.free;
        self.given.retain_mut(|block| {
            let done = block.read.is_done();
            if done {
                free.entry(block.size).or_default().push(block.address);
            }
            !done
        });
    }

    fn take(&mut self, bytes: usize) -> Option<usize> {
        let size = size_of_block(bytes);
        let address = self.free.get_mut(&size)?.pop()?;
        self.idle -= size;
        self.used.insert(address, Block { bytes, readers: SmallVec::new() });
        Some(address)
    }

    fn put(&mut self, address: usize) {
        let Some(Block { bytes, readers }) = self.used.remove(&address) else { return };
        let size = size_of_block(bytes);
        self.idle += size;
        if readers.is_empty() {
            self.free.entry(size).or_default().push(address);
        } else {
            self.given.push(Given { address, size, read: Passed::all_of(&readers) });
        }
    }

    /// Takes blocks that nobody reads out, the largest first, until no more than so many bytes are idle.
    fn beyond(&mut self, most: usize) -> Vec<usize> {
        let mut found = Vec::new();
        while self.idle > most
            && let Some(mut largest) = self.free.last_entry()
        {
            match largest.get_mut().pop() {
                Some(address) => {
                    self.idle -= *largest.key();
                    found.push(address);
                }
                None => drop(largest.remove()),
            }
        }
        found
    }
}

/// Pinned memory of so many bytes, at least one, which every device reaches; made with the context of this one.
pub fn allocate(device: &CudaDevice, bytes: usize) -> Result<*mut u8> {
    {
        let mut pinned = pinned();
        pinned.settle();
        if let Some(address) = pinned.take(bytes) {
            return Ok(std::ptr::with_exposed_provenance_mut(address));
        }
    }
    device.cuda_stream().context().bind_to_thread().w()?;
    let _relaxed = Relaxed::new();
    // SAFETY: a new block; it can be used from every context.
    let new = || unsafe { result::malloc_host(size_of_block(bytes), sys::CU_MEMHOSTALLOC_PORTABLE) };
    let block = match new() {
        Err(error) if error.0 == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            empty_cache();
            new()
        }
        made => made,
    };
    let block: *mut u8 = block.w()?.cast();
    pinned().used.insert(block.expose_provenance(), Block { bytes, readers: SmallVec::new() });
    Ok(block)
}

/// Takes pinned memory back. It is used again when no copy from it is under way any more; nothing waits here, but where more
/// is kept than is good. Like `free`, this cannot fail.
///
/// # Safety
///
/// `block` is from [`allocate`] and nobody uses it.
pub unsafe fn free(block: *mut u8) {
    let surplus = {
        let mut pinned = pinned();
        pinned.put(block.addr());
        if pinned.idle > MOST {
            pinned.settle();
        }
        pinned.beyond(MOST)
    };
    give_back(surplus);
}

/// Gives back to the system what nobody uses.
pub fn empty_cache() {
    let unused = {
        let mut pinned = pinned();
        pinned.settle();
        pinned.beyond(0)
    };
    give_back(unused);
}

fn give_back(blocks: Vec<usize>) {
    let _relaxed = Relaxed::new();
    for address in blocks {
        // SAFETY: a block of the driver's, which is in no list any more. That this waits for devices is what keeping is for.
        let _ = unsafe { result::free_host(std::ptr::with_exposed_provenance_mut(address)) };
    }
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
    kept_for_stream(Stream(device.cuda_stream().cu_stream()), address)
}

/// The same for a copy on a stream.
pub(crate) fn kept_for_stream(stream: Stream, address: *const u8) -> bool {
    let mut pinned = pinned();
    match pinned.used.range_mut(..=address.addr()).next_back() {
        Some((start, block)) if address.addr() - start < block.bytes => {
            if !block.readers.contains(&stream) {
                block.readers.push(stream);
            }
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_of_a_block_is_wasted_at_most() {
        assert_eq!([0, 1, 4096, 4097, 8192].map(size_of_block), [4096, 4096, 4096, 8192, 8192]);
        for bytes in (100_000..10_000_000).step_by(7919) {
            let size = size_of_block(bytes);
            assert!(size >= bytes && size - bytes <= bytes / 8, "{bytes} {size}");
        }
        assert_eq!(size_of_block(usize::MAX), usize::MAX);
    }

    #[test]
    fn what_is_beyond_the_limit_goes_the_largest_first() {
        let free = BTreeMap::from([(4096, vec![1, 2]), (8192, vec![3])]);
        let mut pinned = Pinned { used: BTreeMap::new(), given: Vec::new(), free, idle: 16384 };
        assert!(pinned.beyond(16384).is_empty());
        assert_eq!(pinned.beyond(9000), [3]);
        assert_eq!(pinned.take(100), Some(2));
        assert_eq!((pinned.idle, pinned.take(5000)), (4096, None));
        assert_eq!(pinned.beyond(0), [1]);
        pinned.put(2);
        assert_eq!((pinned.idle, pinned.take(4096), pinned.idle), (4096, Some(2), 0));
    }
}
