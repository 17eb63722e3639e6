//! Tiny products: `gemm`'s preparations would cost more than the product.

use std::mem::MaybeUninit;

use super::{Gemm, Matrix, Sizes};
use crate::math::Compute;
use crate::simd::vectorize;

/// Multiply-adds below which a product is tiny.
const TINY: usize = 16 * 1024;
/// Elements of the right matrix that fit the buffer of a tiny product.
const TINY_RHS: usize = 2048;
/// Columns of a tiny product that are computed together.
const COLUMNS: usize = 16;

/// Whether [`tiny`] takes products of these sizes.
pub(super) fn is_tiny(Sizes { m, k, n }: Sizes) -> bool {
    (m * n).saturating_mul(k) <= TINY && k * n.next_multiple_of(COLUMNS) <= TINY_RHS
}

/// The right matrix is copied to rows of whole vectors, after which each result is a few registers.
pub(super) fn tiny<T: Gemm>(
    lhs: Matrix<'_, T>,
    rhs: Matrix<'_, T>,
    bias: Option<&[T]>,
    Sizes { m, k, n }: Sizes,
    out: &mut [MaybeUninit<T>],
) {
    // Only the first cells are used; the rest is never touched.
    let mut packed = [MaybeUninit::<T::Compute>::uninit(); TINY_RHS];
    let strips = n.div_ceil(COLUMNS);
    vectorize(
        #[inline(always)]
        || {
            for strip in 0..strips {
                let first = strip * COLUMNS;
                let width = COLUMNS.min(n - first);
                for p in 0..k {
                    let line = &mut packed[(strip * k + p) * COLUMNS..][..COLUMNS];
                    let at = p * rhs.row + first * rhs.column;
                    if rhs.column == 1 && width == COLUMNS {
                        for (cell, x) in line.iter_mut().zip(&rhs.data[at..at + COLUMNS]) {
                            cell.write(x.to_compute());
                        }
                    } else {
                        for (j, cell) in line.iter_mut().enumerate() {
                            let inside = j < width;
                            cell.write(if inside {
                                rhs.data[at + j * rhs.column].to_compute()
                            } else {
                                T::Compute::ZERO
                            });
                        }
                    }
                }
            }
            // SAFETY: the loop above has written these cells.
            let packed: &[T::Compute] =
                unsafe { std::slice::from_raw_parts(packed.as_ptr().cast(), strips * k * COLUMNS) };
            for strip in 0..strips {
                let first = strip * COLUMNS;
                let width = COLUMNS.min(n - first);
                let packed = &packed[strip * k * COLUMNS..][..k * COLUMNS];
                let mut initial = [T::Compute::ZERO; COLUMNS];
                if let Some(bias) = bias {
                    for (cell, x) in initial.iter_mut().zip(&bias[first..first + width]) {
                        *cell = x.to_compute();
                    }
                }
                for i in 0..m {
                    let mut sums = initial;
                    let line = &lhs.data[i * lhs.row..];
                    for (p, packed) in packed.chunks_exact(COLUMNS).enumerate() {
                        let factor = line[p * lhs.column].to_compute();
                        for j in 0..COLUMNS {
                            sums[j] += factor * packed[j];
                        }
                    }
                    let out = &mut out[i * n + first..][..width];
                    if width == COLUMNS {
                        for j in 0..COLUMNS {
                            out[j].write(T::from_compute(sums[j]));
                        }
                    } else {
                        for (cell, sum) in out.iter_mut().zip(sums) {
                            cell.write(T::from_compute(sum));
                        }
                    }
                }
            }
        },
    );
}
