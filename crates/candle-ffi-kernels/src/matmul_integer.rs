//! Matrix products of integers, which wrap around as all integer arithmetic here.

use crate::Integer;
use crate::copy::contiguous;
use crate::parallel::{GRAIN_MEMORY, for_each_chunk};
use crate::simd::vectorize;
use crate::strided::Strided;

/// `[…, m, k] × […, k, n] → […, m, n]` with equal leading dimensions (stride 0 where broadcast) and any strides.
pub fn matmul_integer<T: Integer>(lhs: Strided<'_, T>, rhs: Strided<'_, T>) -> Vec<T> {
    let rank = lhs.shape.len();
    let (m, k, n) = (lhs.shape[rank - 2], lhs.shape[rank - 1], rhs.shape[rank - 1]);
    let batch: usize = lhs.shape[..rank - 2].iter().product();
    let mut result = vec![T::default(); batch * m * n];
    if result.is_empty() || k == 0 {
        return result;
    }
    let (lhs, rhs) = (contiguous(lhs), contiguous(rhs));
    // A task is a number of whole rows of the result, of at least about `GRAIN_MEMORY` products.
    let rows = (GRAIN_MEMORY / (n * k)).max(1);
    for_each_chunk(&mut result, rows * n, |start, chunk| {
        for (at, out) in chunk.chunks_exact_mut(n).enumerate() {
            let row = start / n + at;
            let matrix = &rhs[row / m * k * n..][..k * n];
            vectorize(
                #[inline(always)]
                || {
                    for (&factor, line) in lhs[row * k..][..k].iter().zip(matrix.chunks_exact(n)) {
                        for (sum, &x) in out.iter_mut().zip(line) {
                            *sum = sum.add(factor.mul(x));
                        }
                    }
                },
            );
        }
    });
    result
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
}
