//! Pooling: the largest element or the average of each window.
//!
//! Arrays are contiguous `[planes, depth, height, width]`; a pooling of fewer dimensions has sizes and windows of 1 along
//! the first ones.

mod average;
mod maximum;
mod vectors;
mod windows;

pub use average::{average, average_grad};
pub use maximum::{Ordered, maximum, place, spread};
pub use windows::{Rule, Windows};

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
