//! Memory that a thread uses again and again: large temporaries cost page faults when they are made anew.

use std::cell::RefCell;

/// A cache line; any bytes are a value.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// The largest memory that a thread keeps; more goes back to the system.
const KEPT: usize = 16 << 20;
/// How many it keeps: a use may lie inside another.
const DEPTH: usize = 4;

thread_local! {
    static KEEP: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// An element type of which any bytes are a value.
pub(crate) trait Plain: Copy {}
impl Plain for f32 {}
impl Plain for f64 {}

/// Calls `f` with `len` elements of any values, aligned to a cache line.
pub(crate) fn with_scratch<T: Plain, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
    let lines = len.saturating_mul(size_of::<T>()).div_ceil(size_of::<Line>());
    let mut memory = KEEP.with_borrow_mut(Vec::pop).unwrap_or_default();
    if memory.len() < lines {
        drop(memory);
        memory = vec![Line([0; 64]); lines];
    }
    // SAFETY: the lines are initialised, aligned for `T`, at least `len` elements, and borrowed exclusively here.
    let result = f(unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), len) });
    if memory.len() * size_of::<Line>() <= KEPT {
        KEEP.with_borrow_mut(|kept| {
            if kept.len() < DEPTH {
                kept.push(memory);
            }
        });
    }
    result
}
