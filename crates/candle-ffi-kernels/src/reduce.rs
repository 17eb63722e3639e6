//! Reductions along one dimension of a contiguous array seen as `[outer, n, inner]`; results are `[outer, inner]`.
//!
//! Sums add blocks of bounded length in the computing type and the blocks in f64, with borders that depend on the
//! shape alone: the same result for any number of threads, and a smaller error than PyTorch's.

use crate::profile;
use std::mem::MaybeUninit;

use crate::copy::{cast, map};
use crate::element::{Element, Float, Integer, Number};
use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, GRAIN_MEMORY, build, for_each_chunk};
use crate::simd::{inlined, lanes, vectorize};

/// Independent accumulators of a sum over a row: four AVX-512 registers of f32.
const LANES: usize = 64;
/// The same for other reductions, whose loops are longer: more would not stay in registers.
const FEW_LANES: usize = 32;
/// Elements that are added in the computing type before their sum goes to f64.
const BLOCK: usize = 4096;
/// Columns that are reduced together when the reduced dimension is not the last.
const COLUMNS: usize = 512;
/// Rows of such columns that are added in the computing type before their sum goes to f64.
const ROWS: usize = 64;
/// Elements of a part of a long reduction, which may be a task of its own.
const PART: usize = 128 * 1024;

fn check_len(len: usize, outer: usize, n: usize, inner: usize) {
    assert_eq!(len, outer * n * inner, "the length disagrees with the shape");
}

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

/// Reduces with an associative operation: `f` accumulates an element, `join` two accumulators.
#[inline(always)]
fn fold<T: Copy + Sync, A: Copy + Send + Sync>(
    x: &[T],
    shape: (usize, usize, usize),
    initial: impl Fn(T) -> A + Copy + Sync,
    empty: A,
    f: impl Fn(A, T) -> A + Copy + Sync,
    join: impl Fn(A, A) -> A + Copy + Sync,
) -> Vec<A> {
    let fold_row = inlined(
        #[inline(always)]
        |row: &[T]| lanes::<FEW_LANES, _, _>(row, initial(row[0]), f, join),
    );
    fold_with(x, shape, initial, empty, f, join, fold_row)
}

/// The same with a function of its own for a row.
#[inline(always)]
fn fold_with<T: Copy + Sync, A: Copy + Send + Sync>(
    x: &[T],
    (outer, n, inner): (usize, usize, usize),
    initial: impl Fn(T) -> A + Copy + Sync,
    empty: A,
    f: impl Fn(A, T) -> A + Copy + Sync,
    join: impl Fn(A, A) -> A + Copy + Sync,
    fold_row: impl Fn(&[T]) -> A + Copy + Sync,
) -> Vec<A> {
    check_len(x.len(), outer, n, inner);
    if n == 0 {
        return vec![empty; outer * inner];
    }
    if inner == 1 && outer < 8 && n > PART {
        // A few long rows: in parts, whose results are reduced again.
        let parts = n.div_ceil(PART);
        let mut result = Vec::with_capacity(outer);
        for row in x.chunks(n) {
            let mut partial = vec![empty; parts];
            for_each_chunk(&mut partial, 1, |part, cell| {
                let row = &row[part * PART..((part + 1) * PART).min(n)];
                cell[0] = vectorize(
                    #[inline(always)]
                    || fold_row(row),
                );
            });
            result.push(partial[1..].iter().fold(partial[0], |a, b| join(a, *b)));
        }
        return result;
    }
    // SAFETY: the loops write every element.
    unsafe {
        build(outer * inner, GRAIN_MATH.div_ceil(n), |start, out| {
            vectorize(
                #[inline(always)]
                || {
                    if inner == 1 {
                        for (i, cell) in out.iter_mut().enumerate() {
                            let row = &x[(start + i) * n..][..n];
                            cell.write(fold_row(row));
                        }
                    } else {
                        for_each_strip(start, out, inner, |plane, first, cells| {
                            let x = &x[plane * n * inner..][..n * inner];
                            fold_columns(x, first, inner, initial, f, cells);
                        });
                    }
                },
            );
        })
    }
}

/// Calls `f(plane, first column, cells)` for the pieces of at most [`COLUMNS`] cells that lie in one plane.
#[inline(always)]
fn for_each_strip<A>(
    start: usize,
    out: &mut [MaybeUninit<A>],
    inner: usize,
    mut f: impl FnMut(usize, usize, &mut [MaybeUninit<A>]),
) {
    let mut done = 0;
    while done < out.len() {
        let (plane, first) = ((start + done) / inner, (start + done) % inner);
        let width = (inner - first).min(out.len() - done).min(COLUMNS);
        f(plane, first, &mut out[done..done + width]);
        done += width;
    }
}

#[inline(always)]
fn fold_columns<T: Copy, A: Copy>(
    x: &[T],
    first: usize,
    inner: usize,
    initial: impl Fn(T) -> A,
    f: impl Fn(A, T) -> A,
    cells: &mut [MaybeUninit<A>],
) {
    let width = cells.len();
    let line = &x[first..][..width];
    let mut totals = [initial(line[0]); COLUMNS];
    let totals = &mut totals[..width];
    for j in 0..width {
        totals[j] = initial(line[j]);
    }
    for row in x.chunks_exact(inner) {
        let line = &row[first..][..width];
        for j in 0..width {
            totals[j] = f(totals[j], line[j]);
        }
    }
    for j in 0..width {
        cells[j].write(totals[j]);
    }
}

/// The sum of integers as `i64`, wrapping.
pub fn sum_integer<T: Integer>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<i64> {
    let _span = profile::kernel("sum_integer");
    fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| 0,
        0,
        #[inline(always)]
        |total: i64, x: T| total.wrapping_add(x.to_i64()),
        i64::wrapping_add,
    )
}

/// The product of integers as `i64`, wrapping.
pub fn prod_integer<T: Integer>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<i64> {
    let _span = profile::kernel("prod_integer");
    fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| 1,
        1,
        #[inline(always)]
        |total: i64, x: T| total.wrapping_mul(x.to_i64()),
        i64::wrapping_mul,
    )
}

/// The product.
pub fn prod<T: Float>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("prod");
    let result = fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| T::Compute::ONE,
        T::Compute::ONE,
        #[inline(always)]
        |total: T::Compute, x: T| total * x.to_compute(),
        #[inline(always)]
        |a: T::Compute, b: T::Compute| a * b,
    );
    map(&result, GRAIN_MEMORY, T::from_compute)
}

/// Whether any bool is set; of none, 0.
pub fn any(x: &[u8], outer: usize, n: usize, inner: usize) -> Vec<u8> {
    let _span = profile::kernel("any");
    fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| 0,
        0,
        #[inline(always)]
        |total: u8, x: u8| total | u8::from(x != 0),
        #[inline(always)]
        |a, b| a | b,
    )
}

/// Whether all bools are set; of none, 1.
pub fn all(x: &[u8], outer: usize, n: usize, inner: usize) -> Vec<u8> {
    let _span = profile::kernel("all");
    fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| 1,
        1,
        #[inline(always)]
        |total: u8, x: u8| total & u8::from(x != 0),
        #[inline(always)]
        |a, b| a & b,
    )
}

/// The extreme of a row by a choice that does not care for NaN, which is looked for on its own: two short loops are
/// faster than one with both tests.
#[inline(always)]
fn extreme<T: Number>(row: &[T], choose: impl Fn(T, T) -> T + Copy) -> T {
    let mut result = row[0];
    for block in row.chunks(BLOCK) {
        let mut nan = false;
        if !T::INTEGER {
            for x in block {
                nan |= x.is_nan();
            }
        }
        if nan {
            return block.iter().copied().find(|x| x.is_nan()).unwrap_or(result);
        }
        result = lanes::<LANES, _, _>(block, result, choose, choose);
    }
    result
}

/// The largest element; NaN where there is one. Of none, 0: the caller refuses it.
pub fn max<T: Number>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("max");
    let keep = inlined(
        #[inline(always)]
        |x: T| x,
    );
    let fold_row = inlined(
        #[inline(always)]
        |row: &[T]| extreme(row, T::larger),
    );
    fold_with(x, (outer, n, inner), keep, T::default(), T::maximum, T::maximum, fold_row)
}

/// The smallest element; NaN where there is one. Of none, 0: the caller refuses it.
pub fn min<T: Number>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("min");
    let keep = inlined(
        #[inline(always)]
        |x: T| x,
    );
    let fold_row = inlined(
        #[inline(always)]
        |row: &[T]| extreme(row, T::smaller),
    );
    fold_with(x, (outer, n, inner), keep, T::default(), T::minimum, T::minimum, fold_row)
}

/// The index of the first element equal to an extreme value, along each row or column.
fn first_index<T: Number>(x: &[T], values: &[T], n: usize, inner: usize) -> Vec<i64> {
    // SAFETY: the loops write every element.
    unsafe {
        build(values.len(), GRAIN_MATH.div_ceil(n.max(1)), |start, out| {
            if inner == 1 {
                for (i, cell) in out.iter_mut().enumerate() {
                    let value = values[start + i];
                    let row = &x[(start + i) * n..][..n];
                    cell.write(position(row, value) as i64);
                }
                return;
            }
            vectorize(
                #[inline(always)]
                || {
                    for_each_strip(start, out, inner, |plane, first, cells| {
                        let values = &values[plane * inner + first..][..cells.len()];
                        let mut found = [-1i64; COLUMNS];
                        let found = &mut found[..cells.len()];
                        // From the last row up, so that the first match is what remains.
                        for row in (0..n).rev() {
                            let line = &x[(plane * n + row) * inner + first..][..values.len()];
                            for j in 0..values.len() {
                                let equal = line[j].widen() == values[j].widen() || line[j].is_nan();
                                found[j] = if equal { row as i64 } else { found[j] };
                            }
                        }
                        for (cell, found) in cells.iter_mut().zip(found) {
                            cell.write(*found);
                        }
                    });
                },
            );
        })
    }
}

/// Where `value` stands first; where the first NaN is, if `value` is NaN.
fn position<T: Number>(row: &[T], value: T) -> usize {
    const STEP: usize = 256;
    let (nan, value) = (value.is_nan(), value.widen());
    for (i, part) in row.chunks(STEP).enumerate() {
        let any = vectorize(
            #[inline(always)]
            || {
                let mut any = false;
                for x in part {
                    any |= if nan { x.is_nan() } else { x.widen() == value };
                }
                any
            },
        );
        if any && let Some(j) = part.iter().position(|x| if nan { x.is_nan() } else { x.widen() == value }) {
            return i * STEP + j;
        }
    }
    0
}

/// The largest element and its first index; NaN wins. Of none, 0: the caller refuses it.
pub fn argmax<T: Number>(x: &[T], outer: usize, n: usize, inner: usize) -> (Vec<T>, Vec<i64>) {
    let _span = profile::kernel("argmax");
    let values = max(x, outer, n, inner);
    let indices = if n == 0 { vec![0; values.len()] } else { first_index(x, &values, n, inner) };
    (values, indices)
}

/// The smallest element and its first index; NaN wins. Of none, 0: the caller refuses it.
pub fn argmin<T: Number>(x: &[T], outer: usize, n: usize, inner: usize) -> (Vec<T>, Vec<i64>) {
    let _span = profile::kernel("argmin");
    let values = min(x, outer, n, inner);
    let indices = if n == 0 { vec![0; values.len()] } else { first_index(x, &values, n, inner) };
    (values, indices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::set_num_threads;
    use half::{bf16, f16};

    fn data(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.3).collect()
    }

    fn naive<A>(x: &[f32], shape: (usize, usize, usize), f: impl Fn(&[f64]) -> A) -> Vec<A> {
        let (outer, n, inner) = shape;
        let column = |o, j| (0..n).map(|i| f64::from(x[(o * n + i) * inner + j])).collect::<Vec<_>>();
        (0..outer * inner).map(|k| f(&column(k / inner, k % inner))).collect()
    }

    const SHAPES: [(usize, usize, usize); 9] = [
        (1, 300_000, 1),
        (3, 1000, 1),
        (700, 10, 1),
        (1, 1000, 700),
        (4, 33, 1100),
        (5, 2, 3),
        (1, 70_000, 3),
        (0, 5, 2),
        (2, 1, 4),
    ];

    fn close(a: &[f32], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (f64::from(*a) - b).abs() <= 1e-6 * (1.0 + b.abs()))
    }

    #[test]
    fn sums_means_and_variances() {
        for shape in SHAPES {
            let (outer, n, inner) = shape;
            let x = data(outer * n * inner);
            let mean_of = |c: &[f64]| c.iter().sum::<f64>() / n as f64;
            let total = sum(&x, outer, n, inner);
            assert!(close(&total, &naive(&x, shape, |c| c.iter().sum::<f64>())), "{shape:?}");
            assert!(close(&mean(&x, outer, n, inner), &naive(&x, shape, mean_of)), "{shape:?}");
            let expected = naive(&x, shape, |c| {
                let mean = mean_of(c);
                c.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64
            });
            assert!(close(&var(&x, outer, n, inner, 0.0).0, &expected), "{shape:?}");
            set_num_threads(1);
            let alone = sum(&x, outer, n, inner);
            set_num_threads(0);
            assert_eq!(alone, total);
        }
        assert!(var(&[1.0f32], 1, 1, 1, 1.0).0[0].is_nan());
        assert!(mean::<f32>(&[], 1, 0, 1)[0].is_nan());
        assert_eq!(sum::<f32>(&[], 1, 0, 2), [0.0, 0.0]);
    }

    #[test]
    fn many_ones_are_counted_right() {
        let n = 17_000_001;
        assert_eq!(sum(&vec![1.0f32; n], 1, n, 1), [n as f32]);
        assert_eq!(sum(&vec![1.0f32; n * 2], 1, n, 2), [n as f32; 2]);
        assert_eq!(sum(&vec![bf16::ONE; 4096], 1, 4096, 1), [bf16::from_f32(4096.0)]);
        assert_eq!(sum(&vec![f16::ONE; 60000], 1, 60000, 1), [f16::from_f32(60000.0)]);
    }

    #[test]
    fn extremes_and_their_places() {
        for shape in SHAPES {
            let (outer, n, inner) = shape;
            let x = data(outer * n * inner);
            let best = |c: &[f64]| c.iter().copied().fold(f64::MIN, f64::max);
            let (values, indices) = argmax(&x, outer, n, inner);
            assert!(close(&values, &naive(&x, shape, best)), "{shape:?}");
            let expected = naive(&x, shape, |c| c.iter().position(|x| *x == best(c)).map_or(0, |i| i as i64));
            assert_eq!(indices, expected, "{shape:?}");
            let least = |c: &[f64]| c.iter().copied().fold(f64::MAX, f64::min);
            assert!(close(&argmin(&x, outer, n, inner).0, &naive(&x, shape, least)), "{shape:?}");
        }
        let x = [1.0f32, f32::NAN, 9.0, f32::NAN];
        let (value, index) = argmax(&x, 1, 4, 1);
        assert!(value[0].is_nan());
        assert_eq!(index, [1]);
        let (value, index) = argmin(&x, 1, 2, 2);
        assert!(value[0] == 1.0 && value[1].is_nan());
        assert_eq!(index, [0, 0]);
        let mut long = vec![f16::ZERO; 100];
        long[70] = f16::NAN;
        assert_eq!(argmin(&long, 1, 100, 1).1, [70]);
    }

    #[test]
    fn integers_and_bools() {
        let x: Vec<u8> = (0..100_000).map(|i| (i % 256) as u8).collect();
        let expected: i64 = x.iter().map(|x| i64::from(*x)).sum();
        assert_eq!(sum_integer(&x, 1, x.len(), 1), [expected]);
        assert_eq!(sum_integer(&x, 1, x.len() / 2, 2).iter().sum::<i64>(), expected);
        assert_eq!(prod_integer(&[2i32, 3, 7], 1, 3, 1), [42]);
        assert_eq!(prod(&[2.0f32, 3.0, 7.0, 1.0], 2, 2, 1), [6.0, 7.0]);
        assert_eq!(any(&[0, 0, 0, 1], 2, 2, 1), [0, 1]);
        assert_eq!(all(&[1, 1, 0, 1], 1, 2, 2), [0, 1]);
        assert_eq!((any(&[], 1, 0, 1), all(&[], 1, 0, 1)), (vec![0], vec![1]));
    }
}
