//! Matrix products: `gemm` for the large ones, loops of our own for tiny ones and for vectors.
//!
//! f16 and bf16 are multiplied as f32 and rounded once.

mod banded;
mod dot;
mod tiny;
mod vector;
mod wide;

use crate::profile;
use std::mem::MaybeUninit;

use half::{bf16, f16};

pub(crate) use banded::{Panel, in_this_thread};

use crate::Float;
use crate::parallel::{Shared, for_each_range, num_threads};
use crate::simd::Lanes;
use crate::strided::{Strided, Walk, count};

/// A type with a matrix product.
pub trait Gemm: Float<Compute = Self::Factor> {
    /// The type that is multiplied and added in.
    type Factor: Lanes;
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
/// The longest vector that is copied to be multiplied by a matrix.
const VECTOR: usize = 64 << 20;

/// `[…, m, k] × […, k, n] → […, m, n]` with equal leading dimensions (stride 0 where broadcast) and any strides.
pub fn matmul<T: Gemm>(lhs: Strided<'_, T>, rhs: Strided<'_, T>) -> Vec<T> {
    let _span = profile::kernel("matmul");
    product(lhs, rhs, None)
}

/// [`matmul`] plus a bias of `n` elements on each row.
pub fn matmul_add<T: Gemm>(lhs: Strided<'_, T>, rhs: Strided<'_, T>, bias: &[T]) -> Vec<T> {
    let _span = profile::kernel("matmul_add");
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
pub(crate) struct Sizes {
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
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
        return vector::matrix_vector(lhs, &vector, m, bias.map(|bias| (bias, 0)), out, threads);
    }
    if m == 1 && k <= VECTOR && (rhs.column == 1 || rhs.row == 1) {
        let vector: Vec<T::Compute> = (0..k).map(|p| lhs.data[p * lhs.column].to_compute()).collect();
        let transposed = Matrix { data: rhs.data, row: rhs.column, column: rhs.row };
        return vector::matrix_vector(transposed, &vector, n, bias.map(|bias| (bias, 1)), out, threads);
    }
    if tiny::is_tiny(sizes) {
        return tiny::tiny(lhs, rhs, bias, sizes, out);
    }
    large(lhs, rhs, bias, sizes, out, threads);
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
        return wide::wide_product(lhs, rhs, bias, sizes, out, threads);
    }
    // SAFETY: a type that is as large as its computing type is that type, f32 or f64.
    let (out, bias) = unsafe {
        (
            &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<T::Factor>]),
            bias.map(|bias| &*(std::ptr::from_ref(bias) as *const [T::Factor])),
        )
    };
    if dot::suits(lhs, rhs, sizes) {
        // SAFETY: as above.
        let (left, right) = unsafe { (same_type(lhs), same_type(rhs)) };
        return dot::by_rows(left, right, bias, sizes, out, threads);
    }
    banded::in_bands(
        (lhs.data.as_ptr().cast(), lhs.row, lhs.column),
        (rhs.data.as_ptr().cast(), rhs.row, rhs.column),
        bias,
        sizes,
        out,
        threads,
    );
}

/// The matrix in its computing type, which is its own.
///
/// # Safety
/// `T` is `F`.
unsafe fn same_type<T, F>(matrix: Matrix<'_, T>) -> Matrix<'_, F> {
    // SAFETY: promised by the caller.
    let data = unsafe { &*(std::ptr::from_ref(matrix.data) as *const [F]) };
    Matrix { data, row: matrix.row, column: matrix.column }
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
            (7, 300, 50),
            (33, 270, 11),
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
