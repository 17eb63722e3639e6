//! Large products: the crate `gemm`, in bands of the result.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::{ONE_THREAD, Sizes};
use crate::math::Compute;
use crate::parallel::{Shared, num_threads, run_tasks};

/// A pointer that threads may read behind.
#[derive(Clone, Copy)]
struct Source<F>(*const F);
// SAFETY: only read, from a shared borrow.
unsafe impl<F: Sync> Send for Source<F> {}
// SAFETY: as above.
unsafe impl<F: Sync> Sync for Source<F> {}

impl<F> Source<F> {
    fn at(&self, offset: usize) -> *const F {
        self.0.wrapping_add(offset)
    }
}

/// Calls `gemm` for whole bands of the result, one per thread: each prepares its own copies, and none waits.
pub(super) fn in_bands<F: Compute>(
    (lhs, lhs_row, lhs_column): (*const F, usize, usize),
    (rhs, rhs_row, rhs_column): (*const F, usize, usize),
    bias: Option<&[F]>,
    Sizes { m, k, n }: Sizes,
    out: &mut [MaybeUninit<F>],
    threads: bool,
) {
    if let Some(bias) = bias {
        for row in out.chunks_mut(n) {
            crate::strided::copy_to_uninit(bias, row);
        }
    }
    let (lhs, rhs, out) = (Source(lhs), Source(rhs), Shared::new(out));
    let band = |rows: Range<usize>, columns: Range<usize>| {
        // SAFETY: the views were checked, bands are disjoint, and gemm reads the result only when it holds the bias.
        unsafe {
            ::gemm::gemm::<F>(
                rows.len(),
                columns.len(),
                k,
                out.pointer().add(rows.start * n + columns.start).cast::<F>(),
                1,
                n as isize,
                bias.is_some(),
                lhs.at(rows.start * lhs_row),
                lhs_column as isize,
                lhs_row as isize,
                rhs.at(columns.start * rhs_column),
                rhs_column as isize,
                rhs_row as isize,
                if bias.is_some() { F::ONE } else { F::ZERO },
                F::ONE,
                false,
                false,
                false,
                ::gemm::Parallelism::None,
            );
        }
    };
    let work = m.saturating_mul(n).saturating_mul(k);
    let bands = if threads { num_threads().min(work / ONE_THREAD).max(1) } else { 1 };
    if bands == 1 {
        return band(0..m, 0..n);
    }
    // Each band prepares its own copy of the operand that it shares with the others: the smaller one, but a transposed
    // left one costs more. Bands of equal size matter more than borders at the kernels' tiles of 48.
    let by_rows = if lhs_row < lhs_column { m >= n / 3 } else { m > n };
    let size = if by_rows { m } else { n };
    let step = size.div_ceil(bands).next_multiple_of(16).min(size);
    run_tasks(size.div_ceil(step), &|task| {
        let range = task * step..((task + 1) * step).min(size);
        if by_rows { band(range, 0..n) } else { band(0..m, range) }
    });
}

/// A matrix behind a pointer: where it starts, and its two strides.
#[derive(Clone, Copy)]
pub(crate) struct Panel<F> {
    pub(crate) start: *const F,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// `out = factor · lhs × rhs`, or added to what `out` holds, in this thread. The rows of `out` are `out_row` apart.
///
/// # Safety
/// The panels can be read and `out` can be written in all places that the sizes and strides lead to; what is added to
/// has been written; and no other thread touches these elements of `out` meanwhile.
pub(crate) unsafe fn in_this_thread<F: Compute>(
    out: *mut F,
    out_row: usize,
    add: bool,
    factor: F,
    lhs: Panel<F>,
    rhs: Panel<F>,
    Sizes { m, k, n }: Sizes,
) {
    // SAFETY: promised by the caller; the result is read only when it is added to.
    unsafe {
        ::gemm::gemm::<F>(
            m,
            n,
            k,
            out,
            1,
            out_row as isize,
            add,
            lhs.start,
            lhs.column as isize,
            lhs.row as isize,
            rhs.start,
            rhs.column as isize,
            rhs.row as isize,
            if add { F::ONE } else { F::ZERO },
            factor,
            false,
            false,
            false,
            ::gemm::Parallelism::None,
        );
    }
}
