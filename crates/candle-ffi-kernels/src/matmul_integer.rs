//! Matrix products of integers, which wrap around as all integer arithmetic here.

use crate::Integer;
use crate::parallel::{GRAIN_MEMORY, for_each_chunk, num_threads};
use crate::profile;
use crate::simd::vectorize;
use crate::strided::{Strided, count};

/// Rows and columns of the right matrix that are copied together where its rows are not contiguous.
const DEPTH: usize = 32;
const WIDTH: usize = 128;
/// Rows of the result, where there are as many, that share such a copy.
const ROWS: usize = 32;

/// `[…, m, k] × […, k, n] → […, m, n]` with equal leading dimensions (stride 0 where broadcast) and any strides.
pub fn matmul_integer<T: Integer>(lhs: Strided<'_, T>, rhs: Strided<'_, T>) -> Vec<T> {
    let _span = profile::kernel("matmul_integer");
    let rank = lhs.shape.len();
    assert!(rank >= 2 && rhs.shape.len() == rank, "a matrix product of ranks {rank} and {}", rhs.shape.len());
    let batch = &lhs.shape[..rank - 2];
    let (m, k, n) = (lhs.shape[rank - 2], lhs.shape[rank - 1], rhs.shape[rank - 1]);
    assert_eq!(batch, &rhs.shape[..rank - 2], "leading dimensions differ");
    assert_eq!(k, rhs.shape[rank - 2], "inner dimensions differ");
    let rows = count(&[count(batch), m]);
    let mut result = vec![T::default(); count(&[rows, n])];
    if result.is_empty() || k == 0 {
        return result;
    }
    lhs.checked_len();
    rhs.checked_len();
    // A task is a number of whole rows of the result, of at least about `GRAIN_MEMORY` products.
    let few = ROWS.min(rows.div_ceil(num_threads()));
    let task_rows = (GRAIN_MEMORY / n.saturating_mul(k)).max(few);
    for_each_chunk(&mut result, task_rows * n, |start, chunk| {
        let (mut row, mut chunk) = (start / n, chunk);
        while !chunk.is_empty() {
            // The rows of one matrix of the batch.
            let (plane, first) = (row / m, row % m);
            let height = (m - first).min(chunk.len() / n);
            let (out, rest) = chunk.split_at_mut(height * n);
            let left = start_of(lhs, batch, plane) + first * lhs.strides[rank - 2];
            rows_of_one(
                &lhs.data[left..],
                lhs.strides,
                &rhs.data[start_of(rhs, batch, plane)..],
                rhs.strides,
                k,
                n,
                out,
            );
            (row, chunk) = (row + height, rest);
        }
    });
    result
}

/// Where a matrix of the batch starts.
fn start_of<T>(view: Strided<'_, T>, batch: &[usize], mut plane: usize) -> usize {
    let mut at = view.offset;
    for (size, stride) in batch.iter().zip(view.strides).rev() {
        at += plane % size * stride;
        plane /= size;
    }
    at
}

/// Adds rows of one product to `out`. The last two strides are those of the matrices; elements of the left one are
/// read where they stand, and so are contiguous rows of the right one; others are copied by tiles.
fn rows_of_one<T: Integer>(
    lhs: &[T],
    lhs_strides: &[usize],
    rhs: &[T],
    rhs_strides: &[usize],
    k: usize,
    n: usize,
    out: &mut [T],
) {
    let rank = lhs_strides.len();
    let (left_row, left_column) = (lhs_strides[rank - 2], lhs_strides[rank - 1]);
    let (right_row, right_column) = (rhs_strides[rank - 2], rhs_strides[rank - 1]);
    let direct = right_column == 1 || n == 1;
    let mut tile = [T::default(); DEPTH * WIDTH];
    for top in (0..k).step_by(DEPTH) {
        let depth = DEPTH.min(k - top);
        for first in (0..n).step_by(if direct { n } else { WIDTH }) {
            let width = if direct { n } else { WIDTH.min(n - first) };
            if !direct {
                for (p, line) in tile.chunks_exact_mut(WIDTH).take(depth).enumerate() {
                    let at = (top + p) * right_row + first * right_column;
                    for (j, cell) in line[..width].iter_mut().enumerate() {
                        *cell = rhs[at + j * right_column];
                    }
                }
            }
            vectorize(
                #[inline(always)]
                || {
                    for (i, out) in out.chunks_exact_mut(n).enumerate() {
                        let out = &mut out[first..first + width];
                        for p in 0..depth {
                            let factor = lhs[i * left_row + (top + p) * left_column];
                            let line = if direct { &rhs[(top + p) * right_row..] } else { &tile[p * WIDTH..] };
                            for (sum, &x) in out.iter_mut().zip(&line[..width]) {
                                *sum = sum.add(factor.mul(x));
                            }
                        }
                    }
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_equal_the_definition_and_wrap() {
        let (a, b): (Vec<i32>, Vec<i32>) =
            ((0..12).map(|i| i * 7 - 20).collect(), (0..12).map(|i| i * 5 - 9).collect());
        let lhs = Strided::new(&a, 0, &[2, 2, 3], &[6, 3, 1]);
        let rhs = Strided::new(&b, 0, &[2, 3, 2], &[0, 1, 3]);
        let product = matmul_integer(lhs, rhs);
        for (at, &value) in product.iter().enumerate() {
            let (g, i, j) = (at / 4, at / 2 % 2, at % 2);
            assert_eq!(value, (0..3).map(|l| a[g * 6 + i * 3 + l] * b[j * 3 + l]).sum::<i32>());
        }
        let bytes = [200u8];
        let one = Strided::new(&bytes, 0, &[1, 1], &[1, 1]);
        assert_eq!(matmul_integer(one, one), [200u8.wrapping_mul(200)]);
        let none = Strided::new(&bytes[..0], 0, &[2, 0], &[0, 1]);
        let other = Strided::new(&bytes[..0], 0, &[0, 3], &[3, 1]);
        assert_eq!(matmul_integer(none, other), [0; 6]);
    }
    #[test]
    fn layouts_do_not_matter_and_expanded_operands_are_not_copied() {
        let data: Vec<i64> = (0..200 * 300).map(|i| i * 7919 % 1009 - 500).collect();
        let (m, k, n) = (70, 65, 150);
        let (left_shape, right_shape) = ([2, m, k], [2, k, n]);
        for left in [[m * k, k, 1], [0, 1, m], [5, 0, 1], [0, 3, 0]] {
            for right in [[k * n, n, 1], [0, 1, k], [3, 2, 130], [0, 0, 1], [1, 1, 0]] {
                let lhs = Strided::new(&data, 4, &left_shape, &left);
                let rhs = Strided::new(&data, 9, &right_shape, &right);
                for (at, value) in matmul_integer(lhs, rhs).into_iter().enumerate() {
                    let (g, i, j) = (at / (m * n), at / n % m, at % n);
                    let a = |p: usize| data[4 + g * left[0] + i * left[1] + p * left[2]];
                    let b = |p: usize| data[9 + g * right[0] + p * right[1] + j * right[2]];
                    assert_eq!(value, (0..k).map(|p| a(p) * b(p)).sum::<i64>(), "{left:?} {right:?}");
                }
            }
        }
        let one = [3u8];
        let k = 1 << 24;
        let (left_shape, right_shape) = ([1, k], [k, 1]);
        let lhs = Strided::new(&one, 0, &left_shape, &[0, 0]);
        assert_eq!(matmul_integer(lhs, Strided::new(&one, 0, &right_shape, &[0, 0])), [0]);
    }
}
