//! Softmax and its relatives along one dimension of a contiguous array seen as `[outer, n, inner]`.

use crate::profile;
use std::mem::MaybeUninit;

use crate::Float;
use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, Shared, build_units, for_each_range};
use crate::simd::{self, Kernel, inlined};

/// Independent accumulators of a loop over a row.
const LANES: usize = 32;
/// Columns that are worked on together when the dimension is not the last.
const COLUMNS: usize = 128;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Softmax,
    LogSoftmax,
    LogSumExp,
}

/// [`simd::lanes`] on values in the computing type.
#[inline(always)]
fn fold<T: Float>(
    row: &[T],
    initial: T::Compute,
    f: impl Fn(T::Compute, T::Compute) -> T::Compute,
    join: impl Fn(T::Compute, T::Compute) -> T::Compute,
) -> T::Compute {
    let f = inlined(
        #[inline(always)]
        |total: T::Compute, x: T| f(total, x.to_compute()),
    );
    simd::lanes::<LANES, _, _>(row, initial, f, join)
}

#[inline(always)]
fn larger<C: Compute>(a: C, b: C) -> C {
    // NaN need not win here: it comes back through the sum.
    if b > a { b } else { a }
}

/// The maximum to subtract: a row of minus infinities must not turn a logsumexp into NaN.
#[inline(always)]
fn finite_or<C: Compute>(max: C, mode: Mode) -> C {
    if mode == Mode::LogSumExp && max.abs() == -C::NEG_INFINITY { C::ZERO } else { max }
}

/// Rows of a last dimension. `out` has `n` values a row, or one for logsumexp.
struct Rows<'a, T> {
    x: &'a [T],
    out: &'a mut [MaybeUninit<T>],
    n: usize,
    mode: Mode,
}

impl<T: Float> Kernel for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Rows { x, out, n, mode } = self;
        let add = inlined(
            #[inline(always)]
            |a: T::Compute, b: T::Compute| a + b,
        );
        let width = if mode == Mode::LogSumExp { 1 } else { n };
        for (row, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(width)) {
            let max = finite_or(fold(row, T::Compute::NEG_INFINITY, larger, larger), mode);
            let exp = inlined(
                #[inline(always)]
                |sum: T::Compute, x: T::Compute| sum + (x - max).exp_flush::<FMA>(),
            );
            if mode == Mode::Softmax {
                if size_of::<T>() != size_of::<T::Compute>() {
                    // Computed twice, so that a small type is rounded once.
                    let factor = T::Compute::ONE / fold(row, T::Compute::ZERO, exp, add);
                    for (cell, x) in out.iter_mut().zip(row) {
                        cell.write(T::from_compute((x.to_compute() - max).exp_flush::<FMA>() * factor));
                    }
                    continue;
                }
                for (cell, x) in out.iter_mut().zip(row) {
                    cell.write(T::from_compute((x.to_compute() - max).exp_flush::<FMA>()));
                }
                // SAFETY: the loop above has written every element.
                let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [T]) };
                let factor = T::Compute::ONE / fold(out, T::Compute::ZERO, add, add);
                for cell in out {
                    *cell = T::from_compute(cell.to_compute() * factor);
                }
                continue;
            }
            let log_sum = fold(row, T::Compute::ZERO, exp, add).log::<FMA>();
            if mode == Mode::LogSumExp {
                out[0].write(T::from_compute(max + log_sum));
            } else {
                for (cell, x) in out.iter_mut().zip(row) {
                    cell.write(T::from_compute(x.to_compute() - max - log_sum));
                }
            }
        }
    }
}

/// A strip of columns in one plane, which starts at `base` in the result. Strips of several threads interleave.
struct Columns<'a, T> {
    x: &'a [T],
    out: Shared<MaybeUninit<T>>,
    base: usize,
    first: usize,
    width: usize,
    inner: usize,
    mode: Mode,
}

impl<T: Float> Kernel for Columns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Columns { x, out, base, first, width, inner, mode } = self;
        // SAFETY: the caller gives each strip to one thread, and the vector outlives the loop.
        let line = inlined(
            #[inline(always)]
            |row: usize| unsafe { out.slice(base + row * inner + first..base + row * inner + first + width) },
        );
        let (mut max, mut sum) = ([T::Compute::NEG_INFINITY; COLUMNS], [T::Compute::ZERO; COLUMNS]);
        let (max, sum) = (&mut max[..width], &mut sum[..width]);
        for row in x.chunks_exact(inner) {
            for (max, x) in max.iter_mut().zip(&row[first..][..width]) {
                *max = larger(*max, x.to_compute());
            }
        }
        for max in max.iter_mut() {
            *max = finite_or(*max, mode);
        }
        for row in x.chunks_exact(inner) {
            for ((sum, max), x) in sum.iter_mut().zip(&*max).zip(&row[first..][..width]) {
                *sum += (x.to_compute() - *max).exp_flush::<FMA>();
            }
        }
        for sum in sum.iter_mut() {
            *sum = if mode == Mode::Softmax { T::Compute::ONE / *sum } else { sum.log::<FMA>() };
        }
        if mode == Mode::LogSumExp {
            for ((cell, max), sum) in line(0).iter_mut().zip(max).zip(sum) {
                cell.write(T::from_compute(*max + *sum));
            }
            return;
        }
        for (i, row) in x.chunks_exact(inner).enumerate() {
            for (((cell, x), max), sum) in line(i).iter_mut().zip(&row[first..][..width]).zip(&*max).zip(&*sum) {
                let shifted = x.to_compute() - *max;
                let value = if mode == Mode::Softmax { shifted.exp_flush::<FMA>() * *sum } else { shifted - *sum };
                cell.write(T::from_compute(value));
            }
        }
    }
}

fn forward<T: Float>(x: &[T], outer: usize, n: usize, inner: usize, mode: Mode) -> Vec<T> {
    assert_eq!(x.len(), outer * n * inner, "the length disagrees with the shape");
    let len = if mode == Mode::LogSumExp { outer * inner } else { x.len() };
    if x.is_empty() {
        return vec![T::from_f64(f64::NEG_INFINITY); len];
    }
    if inner == 1 {
        let width = len / outer;
        // SAFETY: the kernel writes every element of its rows.
        return unsafe {
            build_units(len, width, GRAIN_MATH / n.max(width) * width, |start, out| {
                let (first, rows) = (start / width, out.len() / width);
                simd::run(Rows { x: &x[first * n..][..rows * n], out, n, mode });
            })
        };
    }
    let mut result = Vec::with_capacity(len);
    let shared = Shared::new(&mut result.spare_capacity_mut()[..len]);
    let strips = inner.div_ceil(COLUMNS);
    for_each_range(outer * strips, GRAIN_MATH.div_ceil(n * COLUMNS.min(inner)), |tasks| {
        for task in tasks {
            let (plane, first) = (task / strips, task % strips * COLUMNS);
            let x = &x[plane * n * inner..][..n * inner];
            let (base, width) = (plane * (len / outer), COLUMNS.min(inner - first));
            simd::run(Columns { x, out: shared, base, first, width, inner, mode });
        }
    });
    // SAFETY: every strip of every plane has been written.
    unsafe { result.set_len(len) };
    result
}

/// exp(x) divided by its sum.
pub fn softmax<T: Float>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("softmax");
    forward(x, outer, n, inner, Mode::Softmax)
}

/// The logarithm of the softmax.
pub fn log_softmax<T: Float>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("log_softmax");
    forward(x, outer, n, inner, Mode::LogSoftmax)
}

/// The logarithm of the sum of exp(x); the result is `[outer, inner]`.
pub fn logsumexp<T: Float>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("logsumexp");
    forward(x, outer, n, inner, Mode::LogSumExp)
}

/// The gradient of the input from the output and its gradient, for some planes.
struct Gradient<'a, T, const LOG: bool> {
    out: &'a [T],
    grad: &'a [T],
    result: &'a mut [MaybeUninit<T>],
    n: usize,
    inner: usize,
}

impl<T: Float, const LOG: bool> Kernel for Gradient<'_, T, LOG> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Gradient { out, grad, result, n, inner } = self;
        let rule = inlined(
            #[inline(always)]
            |y: T, g: T, sum: T::Compute| {
                let (y, g) = (y.to_compute(), g.to_compute());
                T::from_compute(if LOG { g - y.exp_flush::<FMA>() * sum } else { y * (g - sum) })
            },
        );
        let term = inlined(
            #[inline(always)]
            |y: T, g: T| if LOG { g.to_compute() } else { y.to_compute() * g.to_compute() },
        );
        let plane = n * inner;
        for ((out, grad), result) in
            out.chunks_exact(plane).zip(grad.chunks_exact(plane)).zip(result.chunks_exact_mut(plane))
        {
            if inner == 1 {
                let mut sums = [T::Compute::ZERO; LANES];
                let ((ys, y_rest), (gs, g_rest)) = (out.as_chunks::<LANES>(), grad.as_chunks::<LANES>());
                for (y, g) in ys.iter().zip(gs) {
                    for i in 0..LANES {
                        sums[i] += term(y[i], g[i]);
                    }
                }
                for ((sum, y), g) in sums.iter_mut().zip(y_rest).zip(g_rest) {
                    *sum += term(*y, *g);
                }
                let sum: T::Compute = sums.into_iter().sum();
                for ((cell, y), g) in result.iter_mut().zip(out).zip(grad) {
                    cell.write(rule(*y, *g, sum));
                }
                continue;
            }
            for first in (0..inner).step_by(COLUMNS) {
                let width = COLUMNS.min(inner - first);
                let mut sums = [T::Compute::ZERO; COLUMNS];
                for (y, g) in out.chunks_exact(inner).zip(grad.chunks_exact(inner)) {
                    for ((sum, y), g) in sums.iter_mut().zip(&y[first..][..width]).zip(&g[first..][..width]) {
                        *sum += term(*y, *g);
                    }
                }
                for ((y, g), result) in
                    out.chunks_exact(inner).zip(grad.chunks_exact(inner)).zip(result.chunks_exact_mut(inner))
                {
                    let result = &mut result[first..][..width];
                    for (((cell, y), g), sum) in result.iter_mut().zip(&y[first..]).zip(&g[first..]).zip(&sums) {
                        cell.write(rule(*y, *g, *sum));
                    }
                }
            }
        }
    }
}

fn backward<T: Float, const LOG: bool>(out: &[T], grad: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    assert_eq!(out.len(), outer * n * inner, "the length disagrees with the shape");
    assert_eq!(out.len(), grad.len(), "output and gradient differ in length");
    if out.is_empty() {
        return Vec::new();
    }
    // SAFETY: the kernel writes every element of its planes.
    unsafe {
        build_units(out.len(), n * inner, GRAIN_MATH, |start, result| {
            let range = start..start + result.len();
            simd::run(Gradient::<_, LOG> { out: &out[range.clone()], grad: &grad[range], result, n, inner });
        })
    }
}

/// The gradient of the input of [`softmax`] from its output and the gradient of that.
pub fn softmax_grad<T: Float>(out: &[T], grad: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("softmax_grad");
    backward::<_, false>(out, grad, outer, n, inner)
}

/// The gradient of the input of [`log_softmax`] from its output and the gradient of that.
pub fn log_softmax_grad<T: Float>(out: &[T], grad: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("log_softmax_grad");
    backward::<_, true>(out, grad, outer, n, inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    const SHAPES: [(usize, usize, usize); 6] =
        [(50, 1000, 1), (3, 10, 1), (2, 7, 130), (1, 1, 1), (1, 300, 3), (40, 50, 64)];

    #[test]
    fn values_and_gradients() {
        for (outer, n, inner) in SHAPES {
            let len = outer * n * inner;
            let x: Vec<f32> = (0..len).map(|i| ((i * 7919) % 1009) as f32 / 100.0 - 5.0).collect();
            let g: Vec<f32> = (0..len).map(|i| ((i * 31) % 17) as f32 / 17.0 - 0.4).collect();
            let soft = softmax(&x, outer, n, inner);
            let log = log_softmax(&x, outer, n, inner);
            let lse = logsumexp(&x, outer, n, inner);
            let (soft_grad, log_grad) =
                (softmax_grad(&soft, &g, outer, n, inner), log_softmax_grad(&log, &g, outer, n, inner));
            for (k, lse) in lse.iter().enumerate() {
                let at = |i: usize| (k / inner * n + i) * inner + k % inner;
                let total: f64 = (0..n).map(|i| f64::from(x[at(i)]).exp()).sum();
                assert!((f64::from(*lse) - total.ln()).abs() < 2e-6 * (1.0 + total.ln().abs()));
                let p = |i: usize| f64::from(x[at(i)]).exp() / total;
                let dot: f64 = (0..n).map(|i| p(i) * f64::from(g[at(i)])).sum();
                let sum: f64 = (0..n).map(|i| f64::from(g[at(i)])).sum();
                for i in 0..n {
                    assert!((f64::from(soft[at(i)]) - p(i)).abs() < 1e-6 * (1e-3 + p(i)));
                    assert!((f64::from(log[at(i)]) - p(i).ln()).abs() < 3e-6 * (1.0 + p(i).ln().abs()));
                    let g = f64::from(g[at(i)]);
                    assert!((f64::from(soft_grad[at(i)]) - p(i) * (g - dot)).abs() < 1e-6);
                    assert!((f64::from(log_grad[at(i)]) - (g - p(i) * sum)).abs() < 3e-6 * (1.0 + sum.abs()));
                }
            }
        }
    }

    #[test]
    fn special_rows() {
        let inf = f32::INFINITY;
        for inner in [1, 2] {
            let x = vec![-inf; 4 * inner];
            assert!(softmax(&x, 1, 4, inner).iter().all(|x| x.is_nan()));
            assert!(log_softmax(&x, 1, 4, inner).iter().all(|x| x.is_nan()));
            assert!(logsumexp(&x, 1, 4, inner).iter().all(|x| *x == -inf));
        }
        assert_eq!(logsumexp(&[inf, 1.0], 1, 2, 1), [inf]);
        assert_eq!(softmax(&[-inf, 1.0, 1.0], 1, 3, 1), [0.0, 0.5, 0.5]);
        assert!(softmax(&[f32::NAN, 1.0], 1, 2, 1).iter().all(|x| x.is_nan()));
        assert_eq!(softmax(&[1e4f32, 1e4], 1, 2, 1), [0.5, 0.5]);
        assert!(softmax::<f32>(&[], 3, 0, 1).is_empty());
        assert_eq!(logsumexp::<f32>(&[], 2, 0, 1), [-inf, -inf]);
        assert_eq!(softmax(&[bf16::ONE; 4], 1, 4, 1), [bf16::from_f32(0.25); 4]);
    }
}
