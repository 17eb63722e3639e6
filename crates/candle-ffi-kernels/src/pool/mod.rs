//! Pooling: the largest element or the average of each window.
//!
//! Arrays are contiguous `[planes, depth, height, width]`; a pooling of fewer dimensions has sizes and windows of 1 along
//! the first ones.

mod average;
mod maximum;
mod windows;

pub use average::{average, average_grad};
pub use maximum::{Ordered, maximum, place, spread};
pub use windows::Windows;

use crate::parallel::GRAIN_MEMORY;
use std::mem::MaybeUninit;

/// The spatial sizes of inputs and of outputs.
fn sizes(axes: &[Windows; 3]) -> ([usize; 3], [usize; 3]) {
    (axes.each_ref().map(Windows::input), axes.each_ref().map(Windows::output))
}

/// The least number of rows of outputs for which a second thread pays.
fn row_grain(axes: &[Windows; 3]) -> usize {
    let work: usize = axes.iter().map(Windows::widest).product::<usize>().saturating_mul(axes[2].output());
    GRAIN_MEMORY.div_ceil(work.max(1))
}

/// Writes zeros, and gives the memory as what it then holds.
fn zeroed<T: crate::math::Compute>(cells: &mut [MaybeUninit<T>]) -> &mut [T] {
    cells.fill(MaybeUninit::new(T::ZERO));
    // SAFETY: every cell has just been written.
    unsafe { &mut *(std::ptr::from_mut(cells) as *mut [T]) }
}

/// Calls `$body` with the constant `$S` equal to a stride of 1 to 3, and 0 for any other.
macro_rules! with_stride {
    ($stride:expr, $S:ident => $body:expr) => {
        match $stride {
            1 => {
                const $S: usize = 1;
                $body
            }
            2 => {
                const $S: usize = 2;
                $body
            }
            3 => {
                const $S: usize = 3;
                $body
            }
            _ => {
                const $S: usize = 0;
                $body
            }
        }
    };
}
use with_stride;

/// Covers a range by blocks of 16, 8 or 4, of which the last may overlap the one before, and what is too short for these
/// by blocks of 1. `block` is called with the size as a constant.
macro_rules! in_blocks {
    ($range:expr, |$start:ident, $L:ident| $body:expr) => {
        let range: std::ops::Range<usize> = $range;
        macro_rules! cover {
            ($size:expr) => {{
                const $L: usize = $size;
                let mut next = range.start;
                while next < range.end {
                    let $start = next.min(range.end - $L);
                    $body;
                    next = $start + $L;
                }
            }};
        }
        match range.len() {
            0..4 => cover!(1),
            4..8 => cover!(4),
            8..16 => cover!(8),
            _ => cover!(16),
        }
    };
}
use in_blocks;
