//! Kernels that work on lines of an array: along one dimension of a contiguous `[outer, n, inner]`.

use crate::launch::Launch;
use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;

/// `Lines` in `lines.cuh`, and how many threads work on a line.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    lines: i64,
    n: i64,
    inner: i64,
    rows: u32,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Lines {}

/// Threads of a block; of a long row alone twice as many (`LINE_THREADS` in `lines.cuh`).
const THREADS: usize = 256;
/// Elements that a thread keeps in registers (`HELD` in `lines.cuh`).
const HELD: usize = 8;

impl Lines {
    pub(crate) fn of(outer: usize, n: usize, inner: usize) -> Self {
        Self { lines: (outer * inner) as i64, n: n as i64, inner: inner as i64, rows: u32::from(inner == 1) }
    }

    /// Adds the lines to a kernel's arguments, and starts it.
    ///
    /// # Safety
    ///
    /// As for [`Launch::run`]; the kernel is one of `lines.cuh`.
    pub(crate) unsafe fn run(self, launch: &mut Launch) -> Result<()> {
        let (lines, n) = (self.lines as usize, self.n as usize);
        let power = |wanted: usize, most: usize| wanted.next_power_of_two().clamp(1, most);
        let (x, y) = if self.rows == 1 {
            let x = power(n.div_ceil(HELD), 2 * THREADS);
            (x, (THREADS / x).max(1))
        } else {
            // Neighbouring columns, of one plane or the next.
            let x = power(lines, 32);
            (x, power(n.div_ceil(HELD), THREADS / x))
        };
        let each = if self.rows == 1 { y } else { x };
        let blocks = lines.div_ceil(each).min(1 << 16) as u32;
        // SAFETY: the caller's word.
        unsafe { launch.value(self).run([blocks, 1, 1], [x as u32, y as u32, 1], 0) }
    }
}
