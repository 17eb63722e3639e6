//! Layer and RMS normalisation over the last dimension, in two passes so that a large mean costs no digits.

use crate::profile;
use std::mem::MaybeUninit;

use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, Shared, for_each_range};
use crate::reduce::sum_row;
use crate::simd::{inlined, vectorize};
use crate::{Element, Float};

/// Rows whose contributions to the gradients of weight and bias are added first; the same for any thread count.
const ROWS: usize = 64;

/// What a row is divided by the deviation from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Center {
    /// Its mean, as in layer normalisation.
    Mean,
    /// Zero, as in RMS normalisation.
    Zero,
}

/// `(x - center) rstd weight + bias` for `rows` rows of `n` elements, with the center and the reciprocal deviation from it,
/// 1/√(mean square + eps), of each row in the type that is computed in.
pub fn layer_norm<T: Float>(
    x: &[T],
    rows: usize,
    n: usize,
    center: Center,
    weight: Option<&[T]>,
    bias: Option<&[T]>,
    eps: f64,
) -> (Vec<T>, Vec<T::Compute>, Vec<T::Compute>) {
    let _span = profile::kernel("layer_norm");
    assert_eq!(x.len(), rows * n, "the length disagrees with the shape");
    assert!(weight.is_none_or(|w| w.len() == n) && bias.is_none_or(|b| b.len() == n), "weight or bias of another size");
    let (mut out, mut means, mut rstds) =
        (Vec::with_capacity(x.len()), Vec::with_capacity(rows), Vec::with_capacity(rows));
    let shared = (
        Shared::new(&mut out.spare_capacity_mut()[..x.len()]),
        Shared::new(&mut means.spare_capacity_mut()[..rows]),
        Shared::new(&mut rstds.spare_capacity_mut()[..rows]),
    );
    for_each_range(rows, GRAIN_MATH.div_ceil(n.max(1)), |range| {
        // SAFETY: ranges of different tasks are disjoint and the vectors outlive the loop.
        let (out, means, rstds) = unsafe {
            (
                shared.0.slice(range.start * n..range.end * n),
                shared.1.slice(range.clone()),
                shared.2.slice(range.clone()),
            )
        };
        vectorize(
            #[inline(always)]
            || {
                for i in 0..means.len() {
                    let row = &x[(range.start + i) * n..][..n];
                    let out = &mut out[i * n..][..n];
                    let identity = inlined(
                        #[inline(always)]
                        |x: T::Compute| x,
                    );
                    let mean = match center {
                        Center::Mean => T::Compute::of(sum_row(row, identity) / n as f64),
                        Center::Zero => T::Compute::ZERO,
                    };
                    let square = inlined(
                        #[inline(always)]
                        |x: T::Compute| (x - mean) * (x - mean),
                    );
                    let rstd = T::Compute::of(1.0 / (sum_row(row, square) / n as f64 + eps).sqrt());
                    means[i].write(mean);
                    rstds[i].write(rstd);
                    match (weight, bias) {
                        (Some(weight), Some(bias)) => {
                            for (((cell, x), w), b) in out.iter_mut().zip(row).zip(weight).zip(bias) {
                                let normal = (x.to_compute() - mean) * rstd;
                                cell.write(T::from_compute(normal * w.to_compute() + b.to_compute()));
                            }
                        }
                        (Some(weight), None) => {
                            for ((cell, x), w) in out.iter_mut().zip(row).zip(weight) {
                                cell.write(T::from_compute((x.to_compute() - mean) * rstd * w.to_compute()));
                            }
                        }
                        (None, Some(bias)) => {
                            for ((cell, x), b) in out.iter_mut().zip(row).zip(bias) {
                                cell.write(T::from_compute((x.to_compute() - mean) * rstd + b.to_compute()));
                            }
                        }
                        (None, None) => {
                            for (cell, x) in out.iter_mut().zip(row) {
                                cell.write(T::from_compute((x.to_compute() - mean) * rstd));
                            }
                        }
                    }
                }
            },
        );
    });
    // SAFETY: each row has written its elements, its mean and its rstd.
    unsafe {
        out.set_len(x.len());
        means.set_len(rows);
        rstds.set_len(rows);
    }
    (out, means, rstds)
}

/// The gradients of input, weight and bias. Without a weight its gradient is what a weight of ones would get.
#[expect(clippy::too_many_arguments, reason = "what the forward pass was given and gave")]
pub fn layer_norm_grad<T: Float>(
    grad: &[T],
    x: &[T],
    mean: &[T::Compute],
    rstd: &[T::Compute],
    rows: usize,
    n: usize,
    center: Center,
    weight: Option<&[T]>,
) -> (Vec<T>, Vec<T>, Vec<T>) {
    let _span = profile::kernel("layer_norm_grad");
    assert_eq!(x.len(), rows * n, "the length disagrees with the shape");
    assert_eq!((grad.len(), mean.len(), rstd.len()), (rows * n, rows, rows), "lengths disagree");
    assert!(weight.is_none_or(|w| w.len() == n), "weight of another size");
    if x.is_empty() {
        return (Vec::new(), vec![T::default(); n], vec![T::default(); n]);
    }
    let ones;
    let weight = match weight {
        Some(weight) => weight,
        None => {
            ones = vec![T::from_i32(1); n];
            &ones
        }
    };
    let blocks = rows.div_ceil(ROWS);
    // For each block of rows, its part of the gradient of the weight and then of the bias.
    let mut parts = vec![T::Compute::ZERO; blocks * 2 * n];
    let mut dx = Vec::with_capacity(x.len());
    let (shared_parts, shared_dx) = (Shared::new(&mut parts), Shared::new(&mut dx.spare_capacity_mut()[..x.len()]));
    for_each_range(blocks, GRAIN_MATH.div_ceil(ROWS * n), |range| {
        for block in range {
            let block_rows = block * ROWS..((block + 1) * ROWS).min(rows);
            // SAFETY: blocks are disjoint and the vectors outlive the loop.
            let (sums, dx): (&mut [T::Compute], &mut [MaybeUninit<T>]) = unsafe {
                (
                    shared_parts.slice(block * 2 * n..(block + 1) * 2 * n),
                    shared_dx.slice(block_rows.start * n..block_rows.end * n),
                )
            };
            let (dweight, dbias) = sums.split_at_mut(n);
            vectorize(
                #[inline(always)]
                || {
                    for (i, dx) in block_rows.clone().zip(dx.chunks_exact_mut(n)) {
                        let (x, grad) = (&x[i * n..][..n], &grad[i * n..][..n]);
                        row_grad(x, grad, center, weight, (mean[i], rstd[i]), dx, dweight, dbias);
                    }
                },
            );
        }
    });
    // SAFETY: each row has written its elements.
    unsafe { dx.set_len(x.len()) };
    let mut totals = vec![0.0f64; 2 * n];
    for part in parts.chunks_exact(2 * n) {
        for (total, x) in totals.iter_mut().zip(part) {
            *total += x.to_f64();
        }
    }
    let dbias = totals[n..].iter().map(|x| T::from_f64(*x)).collect();
    (dx, totals[..n].iter().map(|x| T::from_f64(*x)).collect(), dbias)
}

#[expect(clippy::too_many_arguments, reason = "the inputs of a row, and where its gradients go")]
#[inline(always)]
fn row_grad<T: Float>(
    x: &[T],
    grad: &[T],
    center: Center,
    weight: &[T],
    (mean, rstd): (T::Compute, T::Compute),
    dx: &mut [MaybeUninit<T>],
    dweight: &mut [T::Compute],
    dbias: &mut [T::Compute],
) {
    const LANES: usize = 32;
    let n = x.len();
    let (mut sums, mut products) = ([T::Compute::ZERO; LANES], [T::Compute::ZERO; LANES]);
    let whole = n / LANES * LANES;
    for first in (0..whole).step_by(LANES) {
        let (x, grad, weight) = (&x[first..][..LANES], &grad[first..][..LANES], &weight[first..][..LANES]);
        for j in 0..LANES {
            let g = grad[j].to_compute() * weight[j].to_compute();
            sums[j] += g;
            products[j] += g * (x[j].to_compute() - mean) * rstd;
        }
    }
    for j in whole..n {
        let g = grad[j].to_compute() * weight[j].to_compute();
        sums[j - whole] += g;
        products[j - whole] += g * (x[j].to_compute() - mean) * rstd;
    }
    let share = T::Compute::ONE / T::Compute::of(n as f64);
    let sum = match center {
        Center::Mean => sums.into_iter().sum::<T::Compute>() * share,
        Center::Zero => T::Compute::ZERO,
    };
    let product = products.into_iter().sum::<T::Compute>() * share;
    let (grad, weight, dx) = (&grad[..n], &weight[..n], &mut dx[..n]);
    let (dweight, dbias) = (&mut dweight[..n], &mut dbias[..n]);
    for j in 0..n {
        let (g, normal) = (grad[j].to_compute(), (x[j].to_compute() - mean) * rstd);
        dx[j].write(T::from_compute(rstd * (g * weight[j].to_compute() - sum - normal * product)));
        dweight[j] += g * normal;
        dbias[j] += g;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(len: usize, seed: usize) -> Vec<f64> {
        (0..len).map(|i| ((i * 7919 + seed * 131) % 1009) as f64 / 300.0 - 1.0).collect()
    }

    #[test]
    fn normalises_far_from_zero() {
        let x = [10000.0f32, 10001.0, 10002.0, 10003.0];
        let (out, mean, rstd) = layer_norm(&x, 1, 4, Center::Mean, None, None, 1e-5);
        assert!((out[0] + 1.341_64).abs() < 1e-4 && (out[3] - 1.341_64).abs() < 1e-4);
        assert!(mean[0] == 10001.5 && (rstd[0] - 0.894_42).abs() < 1e-4);
    }

    #[test]
    fn gradients_equal_differences() {
        for center in [Center::Mean, Center::Zero] {
            gradients_of(center);
        }
    }

    fn gradients_of(center: Center) {
        let (rows, n) = (70, 37);
        let (x, g, w, b) = (data(rows * n, 1), data(rows * n, 2), data(n, 3), data(n, 4));
        let loss = |x: &[f64], w: &[f64], b: &[f64]| -> f64 {
            let (out, ..) = layer_norm(x, rows, n, center, Some(w), Some(b), 1e-5);
            out.iter().zip(&g).map(|(y, g)| y * g).sum()
        };
        let (_, mean, rstd) = layer_norm(&x, rows, n, center, Some(&w), Some(&b), 1e-5);
        let (dx, dw, db) = layer_norm_grad(&g, &x, &mean, &rstd, rows, n, center, Some(&w));
        let step = 1e-5;
        let difference = |which: usize, i: usize| {
            let mut values = [x.clone(), w.clone(), b.clone()];
            values[which][i] += step;
            let above = loss(&values[0], &values[1], &values[2]);
            values[which][i] -= 2.0 * step;
            (above - loss(&values[0], &values[1], &values[2])) / (2.0 * step)
        };
        for i in (0..rows * n).step_by(101) {
            assert!((dx[i] - difference(0, i)).abs() < 1e-5);
        }
        for i in 0..n {
            assert!((dw[i] - difference(1, i)).abs() < 1e-5 && (db[i] - difference(2, i)).abs() < 1e-5);
        }
        let ones = vec![1.0; n];
        assert_eq!(
            layer_norm_grad(&g, &x, &mean, &rstd, rows, n, center, None),
            layer_norm_grad(&g, &x, &mean, &rstd, rows, n, center, Some(&ones))
        );
    }

    #[test]
    fn nothing() {
        assert_eq!(layer_norm::<f32>(&[], 0, 3, Center::Mean, None, None, 1e-5), (vec![], vec![], vec![]));
        assert_eq!(
            layer_norm_grad::<f32>(&[], &[], &[], &[], 0, 1, Center::Mean, None),
            (vec![], vec![0.0], vec![0.0])
        );
    }
}
