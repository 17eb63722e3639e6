//! What clipping gradients needs: the square of their norm, in one pass.

use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, for_each_part};
use crate::profile;
use crate::simd::{lanes, vectorize};
use crate::{Element, Float};

/// The elements whose squares are added in the type that is computed in; beyond that in `f64`.
const CHUNK: usize = 4096;

/// The sum of the squares of all elements: the same for any number of threads.
pub fn sum_of_squares<T: Float>(x: &[T]) -> f64 {
    let _span = profile::kernel("sum_of_squares");
    let mut sums = vec![0.0f64; x.len().div_ceil(CHUNK)];
    for_each_part(&mut sums, 1, GRAIN_MEMORY / CHUNK, |first, part| {
        for (at, sum) in part.iter_mut().enumerate() {
            let start = (first + at) * CHUNK;
            let row = &x[start..(start + CHUNK).min(x.len())];
            let total = vectorize(
                #[inline(always)]
                || {
                    lanes::<32, T, T::Compute>(
                        row,
                        T::Compute::ZERO,
                        #[inline(always)]
                        |total, x| {
                            let x = x.to_compute();
                            total + x * x
                        },
                        #[inline(always)]
                        |a, b| a + b,
                    )
                },
            );
            *sum = total.to_f64();
        }
    });
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_squares_are_added() {
        for len in [0, 1, 7, 4095, 4097, 300_000] {
            let x: Vec<f32> = (0..len).map(|i| (i % 5) as f32 - 2.0).collect();
            let expected: f64 = x.iter().map(|x| f64::from(x * x)).sum();
            assert_eq!(sum_of_squares(&x), expected, "{len}");
        }
        assert_eq!(sum_of_squares(&[half::f16::from_f32_const(300.0); 2]), 180_000.0);
        assert!(sum_of_squares(&[1.0f64, f64::NAN]).is_nan());
        assert_eq!(sum_of_squares(&[f32::INFINITY]), f64::INFINITY);
    }
}
