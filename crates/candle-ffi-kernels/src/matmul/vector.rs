//! Products of a matrix and a vector.

use std::mem::MaybeUninit;

use super::{Gemm, Matrix};
use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, Shared, for_each_range};
use crate::simd::vectorize;

/// Rows of a matrix times a vector. `bias` comes with its stride: 0 for one bias for all rows.
pub(super) fn matrix_vector<T: Gemm>(
    matrix: Matrix<'_, T>,
    vector: &[T::Compute],
    rows: usize,
    bias: Option<(&[T], usize)>,
    out: &mut [MaybeUninit<T>],
    threads: bool,
) {
    const LANES: usize = 64;
    const TILE: usize = 256;
    let k = vector.len();
    let shared = Shared::new(out);
    let grain = if threads { GRAIN_MEMORY.div_ceil(k).next_multiple_of(TILE.min(rows)) } else { rows };
    for_each_range(rows, grain, |range| {
        // SAFETY: ranges of different tasks are disjoint.
        let out = unsafe { shared.slice(range.clone()) };
        let bias = |row: usize| bias.map_or(T::Compute::ZERO, |(bias, stride)| bias[row * stride].to_compute());
        vectorize(
            #[inline(always)]
            || {
                if matrix.column == 1 {
                    for (row, cell) in range.clone().zip(out) {
                        let line = &matrix.data[row * matrix.row..][..k];
                        let mut sums = [T::Compute::ZERO; LANES];
                        let ((chunks, rest), (factors, last)) =
                            (line.as_chunks::<LANES>(), vector.as_chunks::<LANES>());
                        for (chunk, factors) in chunks.iter().zip(factors) {
                            for i in 0..LANES {
                                sums[i] += chunk[i].to_compute() * factors[i];
                            }
                        }
                        for ((sum, x), y) in sums.iter_mut().zip(rest).zip(last) {
                            *sum += x.to_compute() * *y;
                        }
                        let mut half = LANES / 2;
                        while half > 0 {
                            for i in 0..half {
                                sums[i] += sums[i + half];
                            }
                            half /= 2;
                        }
                        cell.write(T::from_compute(sums[0] + bias(row)));
                    }
                    return;
                }
                for (tile, out) in out.chunks_mut(TILE).enumerate() {
                    let first = range.start + tile * TILE;
                    let mut sums = [T::Compute::ZERO; TILE];
                    let sums = &mut sums[..out.len()];
                    let width = sums.len();
                    let line = |p: usize| &matrix.data[p * matrix.column + first..][..width];
                    let (quads, last) = vector.as_chunks::<4>();
                    for (p, factors) in quads.iter().enumerate() {
                        let (a, b, c, d) = (line(4 * p), line(4 * p + 1), line(4 * p + 2), line(4 * p + 3));
                        for i in 0..width {
                            let low = factors[0] * a[i].to_compute() + factors[1] * b[i].to_compute();
                            let high = factors[2] * c[i].to_compute() + factors[3] * d[i].to_compute();
                            sums[i] += low + high;
                        }
                    }
                    for (p, factor) in last.iter().enumerate() {
                        for (sum, x) in sums.iter_mut().zip(line(4 * quads.len() + p)) {
                            *sum += *factor * x.to_compute();
                        }
                    }
                    for (i, (cell, sum)) in out.iter_mut().zip(sums).enumerate() {
                        cell.write(T::from_compute(*sum + bias(first + i)));
                    }
                }
            },
        );
    });
}
