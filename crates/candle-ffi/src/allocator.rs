//! The memory of tensors: the system's allocator, with huge pages for what is large, and with blocks that
//! are kept, see [`crate::kept`].
//!
//! A fresh block of memory costs a page fault for each page that is touched first. With pages of
//! 4 KiB that is more than the work of an elementwise operation on the block; Linux gives pages of
//! 2 MiB to whom asks for them. NumPy asks as well.
//!
//! Blocks that belong to others, see [`crate::adopted`], are given back to them.

use crate::{adopted, kept};
use std::alloc::{GlobalAlloc, Layout};

/// Blocks of at least this many bytes are worth the question.
const LARGE: usize = 4 << 20;

struct HugePages;

#[global_allocator]
static ALLOCATOR: HugePages = HugePages;

// SAFETY: every block is one of `kept`, by the same layout, but for those that were adopted, which go back to
// their owners; advice changes no content.
unsafe impl GlobalAlloc for HugePages {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on from the caller.
        let (block, fresh) = unsafe { kept::alloc(layout) };
        if layout.size() >= LARGE && fresh && !block.is_null() {
            ask_for_huge_pages(block, layout.size());
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on from the caller.
        let block = unsafe { kept::alloc_zeroed(layout) };
        if layout.size() >= LARGE && !block.is_null() {
            ask_for_huge_pages(block, layout.size());
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if adopted::may_hold(block) && adopted::release(block, layout.size()) {
            return;
        }
        // SAFETY: passed on from the caller.
        unsafe { kept::dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if adopted::may_hold(block) && adopted::holds(block, layout.size()) {
            // SAFETY: passed on from the caller.
            return unsafe { self.move_out(block, layout, new_size) };
        }
        // SAFETY: passed on from the caller.
        unsafe { kept::realloc(block, layout, new_size) }
    }
}

impl HugePages {
    /// Moves what an adopted block holds into a block of our own.
    ///
    /// # Safety
    /// As `realloc`.
    #[cold]
    unsafe fn move_out(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for the new size, as for the old layout.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(target_os = "linux")]
#[cold]
fn ask_for_huge_pages(block: *mut u8, size: usize) {
    const PAGE: usize = 4096;
    // The advice is for whole pages; those that the block shares with others are left out.
    let start = block.map_addr(|address| address.next_multiple_of(PAGE));
    let inside = (block.addr() + size).saturating_sub(start.addr()) / PAGE * PAGE;
    // SAFETY: the range lies within the block. Failure (an old kernel) costs nothing but speed.
    unsafe { libc::madvise(start.cast(), inside, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_block: *mut u8, _size: usize) {}
