//! Memory of others that tensors use in place: who must be told when the last tensor is gone.
//!
//! Candle keeps the elements of the CPU in a `Vec`, and a `Vec` gives its memory back to the global
//! allocator. That is ours, so it can tell such blocks from its own, see [`crate::allocator`]. Nothing
//! here uses the global allocator, which asks here about each block that is freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whom to tell that a block is not used any more.
#[derive(Clone, Copy)]
pub(crate) struct Deleter {
    pub(crate) call: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(crate) argument: *mut c_void,
}

impl Deleter {
    /// Tells.
    ///
    /// # Safety
    /// The function may be called with its argument, once, on any thread.
    pub(crate) unsafe fn run(self) {
        if let Some(call) = self.call {
            // SAFETY: the caller vouches for it.
            unsafe { call(self.argument) };
        }
    }
}

/// An adopted block. The same block may be there several times, each time with a deleter of its own. The one that
/// came last goes first: where a tensor was exported and taken in again, the deleter of the second block keeps the
/// first one's vector alive, and with it the memory.
struct Block {
    address: usize,
    size: usize,
    deleter: Deleter,
    next: *mut Block,
}

struct List(*mut Block);

// SAFETY: the blocks are reached under the lock of their list alone; deleters may be called on any thread.
unsafe impl Send for List {}

const LISTS: usize = 1024;
static BLOCKS: [Mutex<List>; LISTS] = [const { Mutex::new(List(ptr::null_mut())) }; LISTS];
/// The lengths of the lists, so that ordinary blocks are told from adopted ones without a lock. Whoever
/// frees a block has got it from the thread that adopted it, and so sees its count.
static LENGTHS: [AtomicU32; LISTS] = [const { AtomicU32::new(0) }; LISTS];
static ALL: AtomicUsize = AtomicUsize::new(0);

#[inline]
fn list_of(address: usize) -> usize {
    // Blocks of a page or more differ in high bits only; a product mixes them into the top ones.
    ((address as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize % LISTS
}

fn lock(list: usize) -> MutexGuard<'static, List> {
    BLOCKS[list].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a block may have been adopted; most that have not are told at once.
#[inline]
pub(crate) fn may_hold(block: *const u8) -> bool {
    ALL.load(Ordering::Relaxed) != 0 && LENGTHS[list_of(block.addr())].load(Ordering::Relaxed) != 0
}

/// Remembers a block and its deleter; false when there is no memory to remember it in.
pub(crate) fn adopt(block: *const u8, size: usize, deleter: Deleter) -> bool {
    // SAFETY: the layout has a size.
    let new = unsafe { System.alloc(Layout::new::<Block>()) }.cast::<Block>();
    if new.is_null() {
        return false;
    }
    let at = list_of(block.addr());
    let mut list = lock(at);
    // SAFETY: fresh memory of this layout.
    unsafe { new.write(Block { address: block.addr(), size, deleter, next: list.0 }) };
    list.0 = new;
    LENGTHS[at].fetch_add(1, Ordering::Relaxed);
    ALL.fetch_add(1, Ordering::Relaxed);
    true
}

/// Whether a block of this size has been adopted.
pub(crate) fn holds(block: *const u8, size: usize) -> bool {
    let list = lock(list_of(block.addr()));
    let mut at = list.0;
    // SAFETY: blocks of a list live while they are in it, and the lock is held.
    while let Some(found) = unsafe { at.as_ref() } {
        if found.address == block.addr() && found.size == size {
            return true;
        }
        at = found.next;
    }
    false
}

/// Gives an adopted block back: calls its deleter, without a lock. False when it was never adopted.
pub(crate) fn release(block: *const u8, size: usize) -> bool {
    let Some(deleter) = take(block, size) else { return false };
    // SAFETY: who gave the deleter allowed this, and it was taken out for this one call.
    unsafe { deleter.run() };
    true
}

fn take(block: *const u8, size: usize) -> Option<Deleter> {
    let at = list_of(block.addr());
    let mut list = lock(at);
    let mut link: *mut *mut Block = &raw mut list.0;
    loop {
        // SAFETY: `link` is the head or the `next` of a block in the list, and the lock is held.
        let found = unsafe { *link };
        // SAFETY: a block of the list lives, or NULL ends it.
        let entry = unsafe { found.as_ref() }?;
        if entry.address == block.addr() && entry.size == size {
            let (deleter, next) = (entry.deleter, entry.next);
            // SAFETY: unlinked first, then freed as it was made.
            unsafe {
                *link = next;
                System.dealloc(found.cast(), Layout::new::<Block>());
            }
            LENGTHS[at].fetch_sub(1, Ordering::Relaxed);
            ALL.fetch_sub(1, Ordering::Relaxed);
            return Some(deleter);
        }
        // SAFETY: as above.
        link = unsafe { &raw mut (*found).next };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn count(argument: *mut c_void) {
        // SAFETY: the tests pass a counter.
        unsafe { &*argument.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
    }

    fn deleter(counter: &AtomicUsize) -> Deleter {
        Deleter { call: Some(count), argument: ptr::from_ref(counter).cast_mut().cast() }
    }

    /// A vector on memory of others.
    fn adopted(memory: &mut [f32], counter: &AtomicUsize) -> Vec<f32> {
        assert!(adopt(memory.as_ptr().cast(), size_of_val(memory), deleter(counter)));
        // SAFETY: the allocator knows the block as adopted, and the memory outlives the test.
        unsafe { Vec::from_raw_parts(memory.as_mut_ptr(), memory.len(), memory.len()) }
    }

    #[test]
    fn a_vector_that_is_dropped_calls_the_deleter_once() {
        let (counter, mut memory) = (AtomicUsize::new(0), [1.0f32, 2.0, 3.0]);
        let vector = adopted(&mut memory, &counter);
        assert!(may_hold(vector.as_ptr().cast()) && holds(vector.as_ptr().cast(), 12));
        assert!(!holds(vector.as_ptr().cast(), 8));
        drop(vector.clone());
        assert_eq!((counter.load(Ordering::Relaxed), vector[2]), (0, 3.0));
        drop(vector);
        assert_eq!(counter.load(Ordering::Relaxed), 1);
        assert!(!holds(memory.as_ptr().cast(), 12) && !release(memory.as_ptr().cast(), 12));
    }

    #[test]
    fn a_block_that_is_adopted_twice_is_released_twice() {
        let (counter, mut memory) = (AtomicUsize::new(0), [0f32; 8]);
        let first = adopted(&mut memory, &counter);
        let second = adopted(&mut memory, &counter);
        let start = adopted(&mut memory[..2], &counter);
        drop(second);
        assert_eq!(counter.load(Ordering::Relaxed), 1);
        assert!(holds(first.as_ptr().cast(), 32) && holds(first.as_ptr().cast(), 8));
        drop(start);
        assert!(holds(first.as_ptr().cast(), 32) && !holds(first.as_ptr().cast(), 8));
        drop(first);
        assert_eq!(counter.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn a_vector_that_grows_moves_into_memory_of_its_own() {
        let (counter, mut memory) = (AtomicUsize::new(0), [1.0f32, 2.0]);
        let mut vector = adopted(&mut memory, &counter);
        vector.push(3.0);
        assert_eq!((counter.load(Ordering::Relaxed), &vector[..]), (1, &[1.0, 2.0, 3.0][..]));
        assert_ne!(vector.as_ptr(), memory.as_ptr());
        vector[0] = 9.0;
        assert_eq!(memory, [1.0, 2.0]);
    }

    #[test]
    fn threads_adopt_and_release_while_others_free_their_own() {
        let counter = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut memory = vec![0f32; 4096];
                    for round in 0..2000 {
                        let len = 1 + round % 4000;
                        let vector = adopted(&mut memory[..len], &counter);
                        drop(vec![0u8; 1 + round]);
                        drop(vector);
                    }
                });
            }
        });
        assert_eq!(counter.load(Ordering::Relaxed), 8000);
    }
}
