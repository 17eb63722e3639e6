//! Blocks of memory that are kept for the next tensor of their size.
//!
//! A step of a training asks for the sizes that the step before has freed. What goes back to the system comes again as
//! fresh pages, and the fault of each costs more than the work of an elementwise operation on it: blocks that are kept
//! come with their pages.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::{Mutex, TryLockError};

/// Blocks of these sizes are kept when they are freed: smaller ones the system's allocator keeps itself, in larger ones the
/// work outweighs the faults.
const KEPT: std::ops::RangeInclusive<usize> = 64 << 10..=32 << 20;
/// The most bytes that are kept, and the most blocks.
const MOST_BYTES: usize = 128 << 20;
const MOST_BLOCKS: usize = 64;

static KEEP: Mutex<Keep> = Mutex::new(Keep { blocks: [(0, 0); MOST_BLOCKS], len: 0, bytes: 0 });

/// Blocks that are free, with their sizes, the oldest first.
struct Keep {
    blocks: [(usize, usize); MOST_BLOCKS],
    len: usize,
    bytes: usize,
}

impl Keep {
    /// Takes out the block of a size that was freed last.
    fn take(&mut self, size: usize) -> Option<usize> {
        let at = self.blocks[..self.len].iter().rposition(|(_, kept)| *kept == size)?;
        Some(self.remove(at))
    }

    fn remove(&mut self, at: usize) -> usize {
        let (block, size) = self.blocks[at];
        self.blocks.copy_within(at + 1..self.len, at);
        self.len -= 1;
        self.bytes -= size;
        block
    }

    /// Keeps a block, in place of the oldest ones where there is no more room.
    fn put(&mut self, block: *mut u8, layout: Layout) {
        while self.is_full(layout.size()) {
            let size = self.blocks[0].1;
            let oldest = ptr::with_exposed_provenance_mut(self.remove(0));
            // SAFETY: the block is the system's by a layout of this size; those of alignments up to that of `u128` are the
            // same to it.
            unsafe { System.dealloc(oldest, Layout::from_size_align_unchecked(size, layout.align())) };
        }
        self.blocks[self.len] = (block.expose_provenance(), layout.size());
        self.len += 1;
        self.bytes += layout.size();
    }

    /// Whether a block of this size has no room.
    fn is_full(&self, size: usize) -> bool {
        self.len == MOST_BLOCKS || self.bytes + size > MOST_BYTES
    }
}

/// Works on what is kept, unless another thread does: nobody waits, so that a child forked meanwhile does not either.
fn with_keep<R>(work: impl FnOnce(&mut Keep) -> R) -> Option<R> {
    match KEEP.try_lock() {
        Ok(mut keep) => Some(work(&mut keep)),
        // No panic can leave it half changed.
        Err(TryLockError::Poisoned(keep)) => Some(work(&mut keep.into_inner())),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// What is asked of the system for a block: sizes that are kept are rounded up by an eighth at most, so that they meet.
fn rounded(layout: Layout) -> Layout {
    let size = layout.size();
    if !is_kept(layout) {
        return layout;
    }
    let step = (1usize << size.ilog2()) / 8;
    // A size in the range has room for this, and the alignment is the same.
    Layout::from_size_align(size.next_multiple_of(step), layout.align()).unwrap_or(layout)
}

fn is_kept(layout: Layout) -> bool {
    KEPT.contains(&layout.size()) && layout.align() <= align_of::<u128>()
}

/// Memory for a block, kept or fresh; says whether it is fresh.
///
/// # Safety
/// As `GlobalAlloc::alloc`.
#[inline]
pub(crate) unsafe fn alloc(layout: Layout) -> (*mut u8, bool) {
    if is_kept(layout)
        && let Some(block) = take(rounded(layout).size())
    {
        return (block, false);
    }
    // SAFETY: passed on from the caller; rounding keeps a size from being zero.
    (unsafe { System.alloc(rounded(layout)) }, true)
}

/// The same, filled with zeros by the system.
///
/// # Safety
/// As `GlobalAlloc::alloc_zeroed`.
#[inline]
pub(crate) unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: passed on from the caller.
    unsafe { System.alloc_zeroed(rounded(layout)) }
}

/// Frees a block, or keeps it.
///
/// # Safety
/// As `GlobalAlloc::dealloc`, for a block of this file.
#[inline]
pub(crate) unsafe fn dealloc(block: *mut u8, layout: Layout) {
    if is_kept(layout) && with_keep(|keep| keep.put(block, rounded(layout))).is_some() {
        return;
    }
    // SAFETY: passed on from the caller; the block is the system's by the rounded layout.
    unsafe { System.dealloc(block, rounded(layout)) }
}

/// Gives a block another size.
///
/// # Safety
/// As `GlobalAlloc::realloc`, for a block of this file.
#[inline]
pub(crate) unsafe fn realloc(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    // SAFETY: the caller promises that the new size fits the alignment, and the block is the system's by the rounded
    // layout.
    unsafe {
        let new = Layout::from_size_align_unchecked(new_size, layout.align());
        System.realloc(block, rounded(layout), rounded(new).size())
    }
}

#[cold]
fn take(size: usize) -> Option<*mut u8> {
    with_keep(|keep| keep.take(size)).flatten().map(ptr::with_exposed_provenance_mut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_by_an_eighth_at_most_and_meet() {
        for size in [1, 65_535, 65_536, 65_537, 1_204_224, 33_554_432, 33_554_433, 1 << 40] {
            let layout = Layout::from_size_align(size, 4).unwrap();
            let asked = rounded(layout).size();
            assert!(asked >= size && asked - size <= size / 8, "{size} becomes {asked}");
            assert_eq!(rounded(rounded(layout)).size(), asked, "a rounded size stays");
        }
    }

    #[test]
    fn blocks_come_back_and_have_a_limit() {
        let mut keep = Keep { blocks: [(0, 0); MOST_BLOCKS], len: 0, bytes: 0 };
        let layout = Layout::from_size_align(16 << 20, 16).unwrap();
        let give = |keep: &mut Keep| {
            // SAFETY: the size is not zero; the block goes to `keep`.
            let block = unsafe { System.alloc(layout) };
            keep.put(block, layout);
            block.addr()
        };
        let blocks: Vec<usize> = (0..20).map(|_| give(&mut keep)).collect();
        assert_eq!((keep.len, keep.bytes), (8, MOST_BYTES));
        assert_eq!(keep.take(layout.size()), Some(blocks[19]), "the last is the warmest");
        assert_eq!(keep.take(1 << 20), None);
        for block in blocks[12..20].iter().rev() {
            if *block != blocks[19] {
                assert_eq!(keep.take(layout.size()), Some(*block));
            }
            // SAFETY: it was taken out and is used by nobody.
            unsafe { System.dealloc(ptr::with_exposed_provenance_mut(*block), layout) };
        }
        assert_eq!((keep.len, keep.bytes), (0, 0));
    }

    #[test]
    fn large_vectors_are_what_was_written() {
        for round in 0..50usize {
            let len = 20_000 + round * 997;
            let mut grown = vec![round; len];
            grown.resize(len * 3, 7);
            let zeros = vec![0u64; len];
            assert!(grown[..len].iter().all(|x| *x == round) && grown[len..].iter().all(|x| *x == 7));
            assert!(zeros.iter().all(|x| *x == 0));
        }
    }
}
