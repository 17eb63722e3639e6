//! Sums, and what is made of them.

use super::{BLOCK, COLUMNS, LANES, PART, check_len};
use crate::copy::cast;
use crate::element::{Element, Float};
use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, build, for_each_chunk};
use crate::profile;
use crate::simd::{inlined, lanes, vectorize};

/// Rows of such columns that are added in the computing type before their sum goes to f64.
const ROWS: usize = 64;

/// The sum of `f` of each element, in f64 above the level of blocks.
#[inline(always)]
pub(crate) fn sum_row<T: Float>(row: &[T], f: impl Fn(T::Compute) -> T::Compute + Copy) -> f64 {
    let mut total = 0.0;
    for block in row.chunks(BLOCK) {
        let add = inlined(
            #[inline(always)]
            |sum: T::Compute, x: T| sum + f(x.to_compute()),
        );
        let join = inlined(
            #[inline(always)]
            |a: T::Compute, b: T::Compute| a + b,
        );
        total += lanes::<LANES, _, _>(block, T::Compute::ZERO, add, join).to_f64();
    }
    total
}

/// The sum of `f(element, column)` down up to [`COLUMNS`] columns of `rows` rows, into `total`.
#[inline(always)]
pub(crate) fn sum_columns<T: Float>(
    x: &[T],
    first: usize,
    rows: usize,
    inner: usize,
    total: &mut [f64],
    f: impl Fn(T::Compute, usize) -> T::Compute + Copy,
) {
    let width = total.len();
    let mut sums = [T::Compute::ZERO; COLUMNS];
    let sums = &mut sums[..width];
    let mut row = 0;
    while row < rows {
        let block = ROWS.min(rows - row);
        sums.fill(T::Compute::ZERO);
        let mut i = 0;
        while i + 4 <= block {
            let line = |k: usize| &x[(row + i + k) * inner + first..][..width];
            let (a, b, c, d) = (line(0), line(1), line(2), line(3));
            for j in 0..width {
                let low = f(a[j].to_compute(), j) + f(b[j].to_compute(), j);
                let high = f(c[j].to_compute(), j) + f(d[j].to_compute(), j);
                sums[j] += low + high;
            }
            i += 4;
        }
        while i < block {
            let line = &x[(row + i) * inner + first..][..width];
            for j in 0..width {
                sums[j] += f(line[j].to_compute(), j);
            }
            i += 1;
        }
        for j in 0..width {
            total[j] += sums[j].to_f64();
        }
        row += block;
    }
}

/// Sums of `f(element, index of the result)` in f64.
#[inline(always)]
fn sums<T: Float>(
    x: &[T],
    outer: usize,
    n: usize,
    inner: usize,
    f: impl Fn(T::Compute, usize) -> T::Compute + Copy + Sync,
) -> Vec<f64> {
    check_len(x.len(), outer, n, inner);
    let len = outer * inner;
    if x.is_empty() {
        return vec![0.0; len];
    }
    // Long reductions are cut into parts, by the shape alone, so that a few long ones also keep all threads busy.
    let part_rows = (PART / inner).max(ROWS).next_multiple_of(if inner == 1 { BLOCK } else { ROWS });
    let parts = n.div_ceil(part_rows);
    if inner == 1 && parts == 1 {
        // SAFETY: the loop writes every element.
        return unsafe {
            build(len, GRAIN_MEMORY.div_ceil(n), |start, out| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (i, cell) in out.iter_mut().enumerate() {
                            let row = start + i;
                            let value = sum_row(
                                &x[row * n..][..n],
                                #[inline(always)]
                                |x| f(x, row),
                            );
                            cell.write(value);
                        }
                    },
                );
            })
        };
    }
    let width = inner.min(COLUMNS);
    let strips = inner.div_ceil(width);
    let mut partial = vec![0.0f64; outer * parts * strips * width];
    let tasks_per_chunk = GRAIN_MEMORY.div_ceil(n.min(part_rows) * width);
    for_each_chunk(&mut partial, width * tasks_per_chunk, |start, totals| {
        vectorize(
            #[inline(always)]
            || {
                for (i, total) in totals.chunks_mut(width).enumerate() {
                    let task = start / width + i;
                    let (strip, rest) = (task % strips, task / strips);
                    let (part, plane) = (rest % parts, rest / parts);
                    let first_row = part * part_rows;
                    let rows = part_rows.min(n - first_row);
                    let x = &x[(plane * n + first_row) * inner..][..rows * inner];
                    if inner == 1 {
                        total[0] = sum_row(
                            x,
                            #[inline(always)]
                            |x| f(x, plane),
                        );
                    } else {
                        let first = strip * width;
                        let columns = width.min(inner - first);
                        let base = plane * inner + first;
                        sum_columns(
                            x,
                            first,
                            rows,
                            inner,
                            &mut total[..columns],
                            #[inline(always)]
                            |x, j| f(x, base + j),
                        );
                    }
                }
            },
        );
    });
    let mut result = vec![0.0; len];
    for (plane, result) in result.chunks_mut(inner).enumerate() {
        for part in 0..parts {
            let partial = &partial[(plane * parts + part) * strips * width..][..inner];
            for (total, x) in result.iter_mut().zip(partial) {
                *total += x;
            }
        }
    }
    result
}

/// The sum.
pub fn sum<T: Float>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("sum");
    cast(&sums(
        x,
        outer,
        n,
        inner,
        #[inline(always)]
        |x, _| x,
    ))
}

/// The mean; of nothing, NaN.
pub fn mean<T: Float>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("mean");
    let total = sums(
        x,
        outer,
        n,
        inner,
        #[inline(always)]
        |x, _| x,
    );
    total.iter().map(|total| T::from_f64(total / n as f64)).collect()
}

/// The variance with divisor `n - correction` (NaN where that is not positive and the sum is 0), and the mean.
pub fn var<T: Float>(x: &[T], outer: usize, n: usize, inner: usize, correction: f64) -> (Vec<T>, Vec<T>) {
    let _span = profile::kernel("var");
    let means = sums(
        x,
        outer,
        n,
        inner,
        #[inline(always)]
        |x, _| x,
    );
    let means: Vec<T::Compute> = means.iter().map(|total| T::Compute::of(total / n as f64)).collect();
    let squares = sums(
        x,
        outer,
        n,
        inner,
        #[inline(always)]
        |x, i| {
            let distance = x - means[i];
            distance * distance
        },
    );
    let divisor = (n as f64 - correction).max(0.0);
    let variance = squares.iter().map(|total| T::from_f64(total / divisor)).collect();
    (variance, means.iter().map(|mean| T::from_compute(*mean)).collect())
}
