//! Matrix products: `gemm` for the large ones, loops of our own for tiny ones and for vectors.
//!
//! f16 and bf16 are multiplied as f32 and rounded once.

use std::mem::MaybeUninit;
use std::ops::Range;

use half::{bf16, f16};

use crate::Float;
use crate::copy::{contiguous, map};
use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, Shared, for_each_range, num_threads, run_tasks};
use crate::simd::{inlined, vectorize};
use crate::strided::{Strided, Walk, count};

/// A type with a matrix product.
pub trait Gemm: Float<Compute = Self::Factor> {
    /// The type that is multiplied and added in.
    type Factor: Compute;
}

impl Gemm for f32 {
    type Factor = f32;
}
impl Gemm for f64 {
    type Factor = f64;
}
impl Gemm for f16 {
    type Factor = f32;
}
impl Gemm for bf16 {
    type Factor = f32;
}

/// Multiply-adds below which a product stays in one thread.
const ONE_THREAD: usize = 64 * 64 * 64;
/// Multiply-adds below which a product is done without `gemm`, whose preparations would cost more.
const TINY: usize = 16 * 1024;
/// Elements of the right matrix that fit the buffer of a tiny product.
const TINY_RHS: usize = 2048;
/// Columns of a tiny product that are computed together.
const COLUMNS: usize = 16;
/// Elements of a copy in a wider type, where that is not less than a strip of the matrix.
const WIDENED: usize = 4 << 20;
/// The longest vector that is copied to be multiplied by a matrix.
const VECTOR: usize = 64 << 20;

/// `[…, m, k] × […, k, n] → […, m, n]` with equal leading dimensions (stride 0 where broadcast) and any strides.
pub fn matmul<T: Gemm>(lhs: Strided<'_, T>, rhs: Strided<'_, T>) -> Vec<T> {
    product(lhs, rhs, None)
}

/// [`matmul`] plus a bias of `n` elements on each row.
pub fn matmul_add<T: Gemm>(lhs: Strided<'_, T>, rhs: Strided<'_, T>, bias: &[T]) -> Vec<T> {
    product(lhs, rhs, Some(bias))
}

/// One matrix: where it starts, and its two strides.
#[derive(Clone, Copy)]
struct Matrix<'a, T> {
    data: &'a [T],
    row: usize,
    column: usize,
}

/// The sizes of one product.
#[derive(Clone, Copy)]
struct Sizes {
    m: usize,
    k: usize,
    n: usize,
}

fn product<T: Gemm>(lhs: Strided<'_, T>, rhs: Strided<'_, T>, bias: Option<&[T]>) -> Vec<T> {
    let rank = lhs.shape.len();
    assert!(rank >= 2 && rhs.shape.len() == rank, "a matrix product of ranks {rank} and {}", rhs.shape.len());
    let (batch, [m, k]) = (&lhs.shape[..rank - 2], [lhs.shape[rank - 2], lhs.shape[rank - 1]]);
    let n = rhs.shape[rank - 1];
    assert_eq!(batch, &rhs.shape[..rank - 2], "leading dimensions differ");
    assert_eq!(k, rhs.shape[rank - 2], "inner dimensions differ");
    assert!(bias.is_none_or(|bias| bias.len() == n), "the bias has another length than a row");
    lhs.checked_len();
    rhs.checked_len();
    let products = count(batch);
    let len = count(&[products, m, n]);
    if len == 0 {
        return Vec::new();
    }
    if k == 0 {
        let row: Vec<T> = bias.map_or_else(|| vec![T::default(); n], <[T]>::to_vec);
        return row.iter().copied().cycle().take(len).collect();
    }
    let sizes = Sizes { m, k, n };
    let strides = |view: Strided<'_, T>| (view.strides[rank - 2], view.strides[rank - 1]);
    let (lhs_strides, rhs_strides) = (strides(lhs), strides(rhs));
    let left = |at: usize| Matrix { data: &lhs.data[at..], row: lhs_strides.0, column: lhs_strides.1 };
    let right = |at: usize| Matrix { data: &rhs.data[at..], row: rhs_strides.0, column: rhs_strides.1 };
    let mut result = Vec::with_capacity(len);
    let out = &mut result.spare_capacity_mut()[..len];
    if products == 1 {
        one(left(lhs.offset), right(rhs.offset), bias, sizes, out, true);
    } else if let Some(folded) = fold_batch(lhs, rhs, products, sizes) {
        one(left(lhs.offset), right(rhs.offset), bias, folded, out, true);
    } else {
        let walk = Walk::new(batch, [lhs.offset, rhs.offset], [&lhs.strides[..rank - 2], &rhs.strides[..rank - 2]]);
        let [left_step, right_step] = walk.dims()[0].1;
        let work = (m * n).saturating_mul(k);
        // Few large products share their threads one after the other; many are spread over the threads.
        let spread = products >= num_threads() || work <= ONE_THREAD;
        let shared = Shared::new(out);
        for_each_range(products, if spread { (ONE_THREAD / work).max(1) } else { products }, |range| {
            walk.runs(range.start, range.end, |position, run, [left_at, right_at]| {
                for i in 0..run {
                    let at = (position + i) * m * n;
                    // SAFETY: products of the batch have disjoint results.
                    let out = unsafe { shared.slice(at..at + m * n) };
                    one(left(left_at + i * left_step), right(right_at + i * right_step), bias, sizes, out, !spread);
                }
            });
        });
    }
    // SAFETY: each product has written its m × n elements.
    unsafe { result.set_len(len) };
    result
}

/// With a common right matrix, and left ones that follow each other, the batch is one taller product.
fn fold_batch<T>(lhs: Strided<'_, T>, rhs: Strided<'_, T>, count: usize, sizes: Sizes) -> Option<Sizes> {
    let batch = lhs.shape.len() - 2;
    let common = rhs.strides[..batch].iter().zip(rhs.shape).all(|(stride, size)| *stride == 0 || *size == 1);
    let mut expected = lhs.strides[batch] * sizes.m;
    let mut follows = true;
    for d in (0..batch).rev() {
        if lhs.shape[d] != 1 {
            follows &= lhs.strides[d] == expected;
            expected *= lhs.shape[d];
        }
    }
    (common && follows && sizes.m > 1).then_some(Sizes { m: sizes.m * count, ..sizes })
}

fn one<T: Gemm>(
    lhs: Matrix<'_, T>,
    rhs: Matrix<'_, T>,
    bias: Option<&[T]>,
    sizes: Sizes,
    out: &mut [MaybeUninit<T>],
    threads: bool,
) {
    let Sizes { m, k, n } = sizes;
    if n == 1 && k <= VECTOR && (lhs.column == 1 || lhs.row == 1) {
        let vector: Vec<T::Compute> = (0..k).map(|p| rhs.data[p * rhs.row].to_compute()).collect();
        return matrix_vector(lhs, &vector, m, bias.map(|bias| (bias, 0)), out, threads);
    }
    if m == 1 && k <= VECTOR && (rhs.column == 1 || rhs.row == 1) {
        let vector: Vec<T::Compute> = (0..k).map(|p| lhs.data[p * lhs.column].to_compute()).collect();
        let transposed = Matrix { data: rhs.data, row: rhs.column, column: rhs.row };
        return matrix_vector(transposed, &vector, n, bias.map(|bias| (bias, 1)), out, threads);
    }
    if (m * n).saturating_mul(k) <= TINY && k * n.next_multiple_of(COLUMNS) <= TINY_RHS {
        return tiny(lhs, rhs, bias, sizes, out);
    }
    large(lhs, rhs, bias, sizes, out, threads);
}

/// The right matrix is copied to rows of whole vectors, after which each result is a few registers.
fn tiny<T: Gemm>(
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

/// Rows of a matrix times a vector. `bias` comes with its stride: 0 for one bias for all rows.
fn matrix_vector<T: Gemm>(
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

/// A part of a matrix in the type that is multiplied, contiguous but for a dimension of equal elements, which has one
/// element and stride 0. The elements come with the strides.
fn widened<T: Gemm>(
    matrix: Matrix<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> (Vec<T::Factor>, usize, usize) {
    let once = |stride: usize, len: usize| if stride == 0 { 1 } else { len };
    let (height, width) = (once(matrix.row, rows.len()), once(matrix.column, columns.len()));
    let (shape, strides) = ([height, width], [matrix.row, matrix.column]);
    let offset = rows.start * matrix.row + columns.start * matrix.column;
    let view = Strided::new(matrix.data, offset, &shape, &strides);
    let widen = inlined(
        #[inline(always)]
        |x: T| x.to_compute(),
    );
    let elements = match view.as_contiguous() {
        Some(data) => map(data, GRAIN_MEMORY, widen),
        None => map(&contiguous(view), GRAIN_MEMORY, widen),
    };
    (elements, if height == 1 { 0 } else { width }, usize::from(width != 1))
}

/// A product in a wider type than its own, by tiles of the result that bound the copies.
fn wide_product<T: Gemm>(
    lhs: Matrix<'_, T>,
    rhs: Matrix<'_, T>,
    bias: Option<&[T]>,
    Sizes { m, k, n }: Sizes,
    out: &mut [MaybeUninit<T>],
    threads: bool,
) {
    // At least as many rows and columns as make the copies cheap beside the product.
    let tile_columns = (WIDENED / k).max(256).min(n);
    let tile_rows = (WIDENED / k.max(tile_columns)).max(256).min(m);
    let bias: Option<Vec<T::Factor>> = bias.map(|bias| bias.iter().map(|x| x.to_compute()).collect());
    let shared = Shared::new(out);
    let mut wide = Vec::with_capacity(tile_rows * tile_columns);
    for first in (0..n).step_by(tile_columns) {
        let columns = first..(first + tile_columns).min(n);
        let width = columns.len();
        let bias = bias.as_ref().map(|bias| &bias[columns.clone()]);
        let (right, right_row, right_column) = widened(rhs, 0..k, columns);
        for top in (0..m).step_by(tile_rows) {
            let rows = top..(top + tile_rows).min(m);
            let sizes = Sizes { m: rows.len(), k, n: width };
            let (left, left_row, left_column) = widened(lhs, rows, 0..k);
            let tile: &mut [MaybeUninit<T::Factor>] = &mut wide.spare_capacity_mut()[..sizes.m * width];
            call_gemm(
                (left.as_ptr(), left_row, left_column),
                (right.as_ptr(), right_row, right_column),
                bias,
                sizes,
                tile,
                threads,
            );
            // SAFETY: gemm has written every element of the tile.
            let tile = unsafe { &*(std::ptr::from_ref(&*tile) as *const [T::Factor]) };
            for_each_range(sizes.m, if threads { GRAIN_MEMORY.div_ceil(width) } else { sizes.m }, |lines| {
                vectorize(
                    #[inline(always)]
                    || {
                        for line in lines {
                            let at = (top + line) * n + first;
                            // SAFETY: each line of the tile is written once, and `out` is borrowed for the whole call.
                            let out = unsafe { shared.slice(at..at + width) };
                            for (cell, x) in out.iter_mut().zip(&tile[line * width..][..width]) {
                                cell.write(T::from_compute(*x));
                            }
                        }
                    },
                );
            });
        }
    }
}

fn large<T: Gemm>(
    lhs: Matrix<'_, T>,
    rhs: Matrix<'_, T>,
    bias: Option<&[T]>,
    sizes: Sizes,
    out: &mut [MaybeUninit<T>],
    threads: bool,
) {
    if size_of::<T>() != size_of::<T::Factor>() {
        return wide_product(lhs, rhs, bias, sizes, out, threads);
    }
    // SAFETY: a type that is as large as its computing type is that type, f32 or f64.
    let (out, bias) = unsafe {
        (
            &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<T::Factor>]),
            bias.map(|bias| &*(std::ptr::from_ref(bias) as *const [T::Factor])),
        )
    };
    call_gemm(
        (lhs.data.as_ptr().cast(), lhs.row, lhs.column),
        (rhs.data.as_ptr().cast(), rhs.row, rhs.column),
        bias,
        sizes,
        out,
        threads,
    );
}

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
fn call_gemm<F: Compute>(
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
            gemm::gemm::<F>(
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
                gemm::Parallelism::None,
            );
        }
    };
    let work = m.saturating_mul(n).saturating_mul(k);
    let bands = if threads { num_threads().min(work / ONE_THREAD).max(1) } else { 1 };
    if bands == 1 {
        return band(0..m, 0..n);
    }
    // Borders at multiples of the kernels' tiles.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::set_num_threads;

    fn data(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919) % 1009) as f32 / 500.0 - 1.0).collect()
    }

    fn check(m: usize, k: usize, n: usize) {
        let (a, b, bias) = (data(m * k + 3), data(k * n + 3), data(n));
        for left in [[k, 1], [1, m]] {
            for right in [[n, 1], [1, k]] {
                let (left_shape, right_shape) = ([m, k], [k, n]);
                let lhs = Strided::new(&a, 3, &left_shape, &left);
                let rhs = Strided::new(&b, 3, &right_shape, &right);
                let (plain, added) = (matmul(lhs, rhs), matmul_add(lhs, rhs, &bias));
                for i in 0..m {
                    for j in 0..n {
                        let expected: f64 = (0..k)
                            .map(|p| {
                                f64::from(a[3 + i * left[0] + p * left[1]])
                                    * f64::from(b[3 + p * right[0] + j * right[1]])
                            })
                            .sum();
                        let tolerance = 1e-6 * (4.0 + k as f64);
                        assert!((f64::from(plain[i * n + j]) - expected).abs() < tolerance, "{m} {k} {n}");
                        let expected = expected + f64::from(bias[j]);
                        assert!((f64::from(added[i * n + j]) - expected).abs() < tolerance, "{m} {k} {n}");
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_and_layouts() {
        for (m, k, n) in [
            (1, 1, 1),
            (100, 2, 10),
            (5, 3, 33),
            (7, 40, 16),
            (70, 80, 90),
            (1, 300, 500),
            (500, 300, 1),
            (130, 70, 300),
            (300, 70, 130),
            (2, 1, 3),
            (40, 500, 2),
        ] {
            check(m, k, n);
        }
    }

    #[test]
    fn nothing_to_sum_and_nothing_at_all() {
        let empty: [f32; 0] = [];
        let (a, b) = (Strided::new(&empty, 0, &[2, 0], &[0, 1]), Strided::new(&empty, 0, &[0, 3], &[3, 1]));
        assert_eq!(matmul(a, b), [0.0; 6]);
        assert_eq!(matmul_add(a, b, &[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        let a = Strided::new(&empty, 0, &[0, 2], &[2, 1]);
        assert!(matmul(a, Strided::new(&[1.0, 2.0], 0, &[2, 1], &[1, 1])).is_empty());
    }

    #[test]
    fn batches_broadcast_and_do_not_depend_on_threads() {
        let (a, b) = (data(6 * 20 * 30), data(6 * 30 * 40));
        let cases: [([usize; 4], [usize; 4]); 4] = [
            ([1800, 600, 30, 1], [3600, 1200, 40, 1]),
            ([1800, 600, 30, 1], [0, 0, 40, 1]),
            ([0, 600, 30, 1], [1200, 0, 40, 1]),
            ([600, 1200, 1, 20], [0, 1200, 1, 30]),
        ];
        for (left, right) in cases {
            let lhs = Strided::new(&a, 0, &[2, 3, 20, 30], &left);
            let rhs = Strided::new(&b, 0, &[2, 3, 30, 40], &right);
            let together = matmul(lhs, rhs);
            set_num_threads(1);
            let alone = matmul(lhs, rhs);
            set_num_threads(0);
            assert_eq!(together, alone);
            for i in 0..2 {
                for j in 0..3 {
                    let lhs = Strided::new(&a, i * left[0] + j * left[1], &[20, 30], &left[2..]);
                    let rhs = Strided::new(&b, i * right[0] + j * right[1], &[30, 40], &right[2..]);
                    for (x, y) in matmul(lhs, rhs).iter().zip(&together[(i * 3 + j) * 800..]) {
                        assert!((x - y).abs() < 1e-5);
                    }
                }
            }
        }
    }

    #[test]
    fn small_types_are_rounded_once() {
        for (m, k, n) in [(3, 5000, 4), (100, 200, 70), (1, 5000, 3)] {
            let (a, b) = (vec![bf16::ONE; m * k], vec![bf16::from_f32(0.5); k * n]);
            let (left_shape, right_shape) = ([m, k], [k, n]);
            let out = matmul(Strided::new(&a, 0, &left_shape, &[k, 1]), Strided::new(&b, 0, &right_shape, &[n, 1]));
            assert!(out.iter().all(|x| *x == bf16::from_f32(k as f32 * 0.5)));
            let (a, b) = (vec![f16::ONE; m * k], vec![f16::from_f32(0.5); k * n]);
            let out = matmul(Strided::new(&a, 0, &left_shape, &[k, 1]), Strided::new(&b, 0, &right_shape, &[n, 1]));
            assert!(out.iter().all(|x| *x == f16::from_f32(k as f32 * 0.5)));
        }
        // More than one tile each way, and an operand that is expanded: only its distinct elements are copied.
        let (m, k, n) = (300, 1 << 15, 290);
        let (left_shape, right_shape) = ([m, k], [k, n]);
        let (a, b): (Vec<f16>, Vec<f16>) = (
            (0..m).map(|i| f16::from_f32(i as f32)).collect(),
            (0..n).map(|j| f16::from_f32((j % 7) as f32 / k as f32)).collect(),
        );
        let (lhs, rhs) = (Strided::new(&a, 0, &left_shape, &[1, 0]), Strided::new(&b, 0, &right_shape, &[0, 1]));
        let bias: Vec<f16> = (0..n).map(|j| f16::from_f32(j as f32)).collect();
        for (at, x) in matmul_add(lhs, rhs, &bias).into_iter().enumerate() {
            assert_eq!(x, f16::from_f32((at / n * (at % n % 7) + at % n) as f32));
        }
        let x = [1.0f64, 2.0, 3.0, 4.0];
        let x = Strided::new(&x, 0, &[2, 2], &[2, 1]);
        assert_eq!(matmul(x, x), [7.0, 10.0, 15.0, 22.0]);
    }
}
