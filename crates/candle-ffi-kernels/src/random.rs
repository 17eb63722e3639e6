//! Random numbers by counting: Philox 4×32-10. Element `i` of a result depends on `(seed, offset + i)` alone, so
//! threads do not matter. Each function consumes `len` draws: the next call starts at `offset + len`.
//!
//! Nothing here uses a fused multiply-add or the platform's mathematics, so every machine has the same numbers.

use crate::profile;
use std::mem::MaybeUninit;

use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, build_units};
use crate::simd::vectorize;
use crate::{Element, Float};

/// Elements that are drawn in one vectorised loop.
const BLOCK: usize = 256;

/// Separate sequences of one seed.
const BITS: u32 = 0;
const BITS_FOR_WIDE_NORMALS: u32 = 1;

/// Counters that are worked on together.
const LANES: usize = 16;

/// Philox 4×32-10 (Salmon, Moraes, Dror and Shaw, 2011) of consecutive counters, under a key.
#[inline(always)]
fn philox_lanes(seed: u64, counter: u64, sequence: u32) -> [[u32; LANES]; 4] {
    let counters: [u64; LANES] = std::array::from_fn(|lane| counter.wrapping_add(lane as u64));
    let (mut w0, mut w1) = (counters.map(|counter| counter as u32), counters.map(|counter| (counter >> 32) as u32));
    let (mut w2, mut w3) = ([sequence; LANES], [0u32; LANES]);
    let mut key = [seed as u32, (seed >> 32) as u32];
    for _ in 0..10 {
        for lane in 0..LANES {
            let a = u64::from(w0[lane]) * 0xd251_1f53;
            let b = u64::from(w2[lane]) * 0xcd9e_8d57;
            w0[lane] = (b >> 32) as u32 ^ w1[lane] ^ key[0];
            w2[lane] = (a >> 32) as u32 ^ w3[lane] ^ key[1];
            w1[lane] = b as u32;
            w3[lane] = a as u32;
        }
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    [w0, w1, w2, w3]
}

/// The words of one counter.
fn philox(seed: u64, counter: u64, sequence: u32) -> [u32; 4] {
    philox_lanes(seed, counter, sequence).map(|lanes| lanes[0])
}

/// The 64 random bits of draws `first…`: two draws share one counter.
#[inline(always)]
fn draw(seed: u64, first: u64, bits: &mut [u64; BLOCK]) {
    // The draw before an odd first one is made as well, and left out.
    let skipped = (first % 2) as usize;
    let mut pairs = [0; BLOCK + 2 * LANES];
    for (i, part) in pairs.chunks_exact_mut(2 * LANES).enumerate() {
        let words = philox_lanes(seed, (first / 2).wrapping_add((i * LANES) as u64), BITS);
        for lane in 0..LANES {
            part[2 * lane] = u64::from(words[1][lane]) << 32 | u64::from(words[0][lane]);
            part[2 * lane + 1] = u64::from(words[3][lane]) << 32 | u64::from(words[2][lane]);
        }
    }
    bits.copy_from_slice(&pairs[skipped..skipped + BLOCK]);
}

/// A vector made of the random bits of each element by an `#[inline(always)]` function.
#[inline(always)]
fn from_bits<T: Copy + Send>(seed: u64, offset: u64, len: usize, f: impl Fn(u64) -> T + Sync + Copy) -> Vec<T> {
    // SAFETY: the loop writes every element.
    unsafe {
        build_units(len, BLOCK, GRAIN_MATH, |start, out: &mut [MaybeUninit<T>]| {
            vectorize(
                #[inline(always)]
                || {
                    let mut position = offset.wrapping_add(start as u64);
                    for out in out.chunks_mut(BLOCK) {
                        let mut bits = [0; BLOCK];
                        draw(seed, position, &mut bits);
                        for (cell, bits) in out.iter_mut().zip(&bits) {
                            cell.write(f(*bits));
                        }
                        position = position.wrapping_add(out.len() as u64);
                    }
                },
            );
        })
    }
}

const TWO_TO_MINUS_24: f64 = 1.0 / 16_777_216.0;
const TWO_TO_MINUS_32: f64 = 1.0 / 4_294_967_296.0;
const TWO_TO_MINUS_53: f64 = 1.0 / 9_007_199_254_740_992.0;

fn is_wide<T: Float>() -> bool {
    size_of::<T::Compute>() == 8
}

/// Uniform in `[low, high)`.
pub fn uniform<T: Float>(seed: u64, offset: u64, len: usize, low: f64, high: f64) -> Vec<T> {
    let _span = profile::kernel("uniform");
    let (start, range, end) = (T::Compute::of(low), T::Compute::of(high - low), T::Compute::of(high));
    let wide = is_wide::<T>();
    from_bits(
        seed,
        offset,
        len,
        #[inline(always)]
        move |bits| {
            let unit = if wide { (bits >> 11) as f64 * TWO_TO_MINUS_53 } else { (bits >> 40) as f64 * TWO_TO_MINUS_24 };
            let value = T::from_compute(start + range * T::Compute::of(unit));
            // Rounding may reach the excluded end.
            if value.to_compute() >= end { T::from_compute(start) } else { value }
        },
    )
}

/// Normal, by the method of Box and Muller: one value from each draw.
pub fn normal<T: Float>(seed: u64, offset: u64, len: usize, mean: f64, std: f64) -> Vec<T> {
    let _span = profile::kernel("normal");
    let (center, scale) = (T::Compute::of(mean), T::Compute::of(std));
    if is_wide::<T>() {
        return crate::copy::from_fn(len, |i| {
            let words = philox(seed, offset.wrapping_add(i as u64), BITS_FOR_WIDE_NORMALS);
            let unit = |high: u32, low: u32| (u64::from(high) << 32 | u64::from(low)) >> 11;
            let radius = f64::sqrt(-2.0 * libm::log((unit(words[1], words[0]) as f64 + 1.0) * TWO_TO_MINUS_53));
            let angle = std::f64::consts::TAU * (unit(words[3], words[2]) as f64 * TWO_TO_MINUS_53);
            T::from_compute(center + scale * T::Compute::of(radius * libm::cos(angle)))
        });
    }
    from_bits(
        seed,
        offset,
        len,
        #[inline(always)]
        move |bits| {
            // In (0, 1], so that the logarithm is finite.
            let first = ((bits >> 32) as f64 + 1.0) * TWO_TO_MINUS_32;
            let second = (bits as u32) as f64 * TWO_TO_MINUS_32;
            let radius = f32::sqrt(-2.0 * Compute::log::<false>(first as f32));
            let value = radius * Compute::cos::<false>((std::f64::consts::TAU * second) as f32);
            T::from_compute(center + scale * T::Compute::from_f32(value))
        },
    )
}

/// Integers in `low..high`, which is not empty.
pub fn integers(seed: u64, offset: u64, len: usize, low: i64, high: i64) -> Vec<i64> {
    let _span = profile::kernel("integers");
    let range = high.wrapping_sub(low) as u64;
    from_bits(
        seed,
        offset,
        len,
        #[inline(always)]
        move |bits| low.wrapping_add(below(bits, range) as i64),
    )
}

/// Maps 64 random bits to `0..range` by a product; the bias is below 2^-64 times the range.
#[inline(always)]
fn below(bits: u64, range: u64) -> u64 {
    ((u128::from(bits) * u128::from(range)) >> 64) as u64
}

/// A random order of `0..n`, by the method of Fisher and Yates.
pub fn permutation(seed: u64, offset: u64, n: usize) -> Vec<i64> {
    let _span = profile::kernel("permutation");
    let bits = from_bits(
        seed,
        offset,
        n,
        #[inline(always)]
        |bits| bits,
    );
    let mut result: Vec<i64> = (0..n as i64).collect();
    for i in (1..n).rev() {
        result.swap(i, below(bits[i], i as u64 + 1) as usize);
    }
    result
}

/// 1 with the given probability, else 0.
pub fn bernoulli_mask(seed: u64, offset: u64, len: usize, keep_probability: f64) -> Vec<u8> {
    let _span = profile::kernel("bernoulli_mask");
    let threshold = (keep_probability.clamp(0.0, 1.0) / TWO_TO_MINUS_53) as u64;
    from_bits(
        seed,
        offset,
        len,
        #[inline(always)]
        move |bits| u8::from(bits >> 11 < threshold),
    )
}

/// `scale` with the given probability, else 0: draws `offset…` of [`bernoulli_mask`], into a buffer.
pub(crate) fn scaled_mask<C: Compute>(seed: u64, offset: u64, keep_probability: f64, scale: C, out: &mut [C]) {
    let threshold = (keep_probability.clamp(0.0, 1.0) / TWO_TO_MINUS_53) as u64;
    vectorize(
        #[inline(always)]
        || {
            for (block, out) in out.chunks_mut(BLOCK).enumerate() {
                let mut bits = [0; BLOCK];
                draw(seed, offset.wrapping_add((block * BLOCK) as u64), &mut bits);
                for (cell, bits) in out.iter_mut().zip(&bits) {
                    *cell = if bits >> 11 < threshold { scale } else { C::ZERO };
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::set_num_threads;
    use half::f16;

    #[test]
    fn philox_equals_the_reference() {
        // The known answers that come with the authors' implementation.
        assert_eq!(philox(0, 0, 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    }

    #[test]
    fn elements_depend_on_their_place_alone() {
        let all: Vec<f32> = normal(7, 0, 100_001, 0.0, 1.0);
        set_num_threads(1);
        assert_eq!(all, normal::<f32>(7, 0, 100_001, 0.0, 1.0));
        set_num_threads(0);
        for start in [1, 2, 255, 777] {
            assert_eq!(all[start..start + 600], normal::<f32>(7, start as u64, 600, 0.0, 1.0));
        }
        assert_ne!(all[..10], normal::<f32>(8, 0, 10, 0.0, 1.0));
        let wide: Vec<f64> = normal(7, 0, 1000, 0.0, 1.0);
        assert_eq!(wide[5..], normal::<f64>(7, 5, 995, 0.0, 1.0));
    }

    fn moments(x: &[f64]) -> (f64, f64) {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64)
    }

    #[test]
    fn distributions_have_their_moments() {
        let n = 400_000;
        let wide = |x: Vec<f32>| x.into_iter().map(f64::from).collect::<Vec<_>>();
        for x in [wide(normal(1, 0, n, 2.0, 3.0)), normal(1, 0, n, 2.0, 3.0)] {
            let (mean, variance) = moments(&x);
            assert!((mean - 2.0).abs() < 0.02 && (variance - 9.0).abs() < 0.1, "{mean} {variance}");
        }
        for x in [wide(uniform(1, 0, n, -1.0, 3.0)), uniform(1, 0, n, -1.0, 3.0)] {
            let (mean, variance) = moments(&x);
            assert!((mean - 1.0).abs() < 0.02 && (variance - 16.0 / 12.0).abs() < 0.01, "{mean} {variance}");
            assert!(x.iter().all(|x| (-1.0..3.0).contains(x)));
        }
        let x: Vec<f16> = uniform(1, 0, n, 0.0, 1.0);
        assert!(x.iter().all(|x| x.to_f64_const() < 1.0));
        let kept = bernoulli_mask(3, 0, n, 0.3).iter().map(|x| usize::from(*x)).sum::<usize>();
        assert!(kept.abs_diff(n * 3 / 10) < 1500, "{kept}");
        assert!(bernoulli_mask(3, 0, n, 1.0).iter().all(|x| *x == 1));
        assert!(bernoulli_mask(3, 0, n, 0.0).iter().all(|x| *x == 0));
    }

    #[test]
    fn integers_and_permutations() {
        let x = integers(5, 0, 60_000, -3, 3);
        for value in -3..3 {
            let count = x.iter().filter(|x| **x == value).count();
            assert!(count.abs_diff(10_000) < 500, "{count}");
        }
        assert!(x.iter().all(|x| (-3..3).contains(x)));
        let mut order = permutation(5, 10, 1000);
        assert_ne!(order[..5], [0, 1, 2, 3, 4]);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..1000));
        assert!(permutation(5, 0, 0).is_empty());
    }
}
