//! Batch and group normalisation: statistics over groups of planes, in two passes so that a large mean costs no digits.
//!
//! An array `[batch, channels, inner]` consists of `batch * channels` planes of `inner` elements. The planes of a group
//! share a mean and a deviation; each plane has the weight and bias of its channel. Sums add blocks in the computing type
//! and the blocks in f64, with borders that depend on the shape alone.

use crate::profile;
use std::mem::MaybeUninit;
use std::ops::Range;

use crate::columns;
use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, Shared, for_each_range};
use crate::reduce::sum_row;
use crate::simd::{inlined, vectorize};

/// Elements that are added in the computing type before their sum goes to f64.
const BLOCK: usize = 4096;
/// Independent accumulators of a sum of two things over a row.
const LANES: usize = 32;
/// Planes with fewer elements than this are worked on in columns where the grouping allows it.
const SHORT: usize = 32;

/// The planes of an array, and how they are grouped.
#[derive(Clone, Copy, Debug)]
pub struct Planes {
    /// The number of samples.
    pub batch: usize,
    /// The number of planes of a sample.
    pub channels: usize,
    /// The number of elements of a plane.
    pub inner: usize,
    /// `None`: a channel's planes of all samples are a group. `Some(n)`: the planes of a sample are `n` groups.
    pub groups: Option<usize>,
}

/// What normalisation gives; one number a group but for `out`.
pub struct Normalized<C> {
    /// The normalised elements.
    pub out: Vec<C>,
    /// The mean.
    pub mean: Vec<C>,
    /// The mean of the squared distances from the mean.
    pub var: Vec<C>,
    /// 1/√(variance + eps).
    pub rstd: Vec<C>,
}

impl Planes {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.batch * self.channels * self.inner
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of groups.
    pub fn groups(&self) -> usize {
        self.groups.map_or(self.channels, |groups| self.batch * groups)
    }

    /// The number of elements of a group.
    fn group_len(&self) -> usize {
        self.planes(0).count() * self.inner
    }

    /// The planes of a group.
    #[inline(always)]
    fn planes(&self, group: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        let (first, step, count) = match self.groups {
            None => (group, self.channels, self.batch),
            Some(groups) => {
                let own = self.channels / groups;
                (group * own, 1, own)
            }
        };
        (0..count).map(move |i| first + i * step)
    }

    #[inline(always)]
    fn range(&self, plane: usize) -> Range<usize> {
        plane * self.inner..(plane + 1) * self.inner
    }

    /// Whether the array is better seen as rows of all channels, with columns to be normalised.
    fn as_columns(&self) -> bool {
        self.groups.is_none() && self.inner < SHORT && self.batch > 1
    }

    fn grain(&self) -> usize {
        GRAIN_MATH.div_ceil(self.group_len().max(1))
    }
}

#[inline(always)]
pub(crate) fn at<C: Compute>(values: Option<&[C]>, channel: usize, absent: C) -> C {
    values.map_or(absent, |values| values[channel])
}

/// `(x - mean) rstd weight + bias` with the mean and deviation of each group.
pub fn normalize<C: Compute>(
    x: &[C],
    planes: Planes,
    weight: Option<&[C]>,
    bias: Option<&[C]>,
    eps: f64,
) -> Normalized<C> {
    let _span = profile::kernel("plane_norm");
    check(x, planes, weight, bias);
    if planes.as_columns() {
        return columns::normalize(x, planes, weight, bias, eps);
    }
    let (groups, len) = (planes.groups(), x.len());
    let mut out = Vec::with_capacity(len);
    let [mut mean, mut var, mut rstd] = [(); 3].map(|()| vec![C::ZERO; groups]);
    let shared_out = Shared::new(&mut out.spare_capacity_mut()[..len]);
    let shared = [&mut mean, &mut var, &mut rstd].map(|values| Shared::new(values));
    let n = planes.group_len() as f64;
    for_each_range(groups, planes.grain(), |range| {
        vectorize(
            #[inline(always)]
            || {
                for group in range {
                    let (center, variance) = moments(x, planes, group, n);
                    let scale = C::of(1.0 / (variance + eps).sqrt());
                    for (shared, value) in shared.iter().zip([center, C::of(variance), scale]) {
                        // SAFETY: each group belongs to one task, and the vectors outlive the loop.
                        unsafe { shared.slice(group..group + 1)[0] = value };
                    }
                    for plane in planes.planes(group) {
                        let range = planes.range(plane);
                        let channel = plane % planes.channels;
                        // SAFETY: each plane belongs to one group, and the vector outlives the loop.
                        let out = unsafe { shared_out.slice(range.clone()) };
                        affine_row(
                            &x[range],
                            center,
                            scale * at(weight, channel, C::ONE),
                            at(bias, channel, C::ZERO),
                            out,
                        );
                    }
                }
            },
        );
    });
    // SAFETY: every plane of every group has been written.
    unsafe { out.set_len(len) };
    Normalized { out, mean, var, rstd }
}

/// The mean and variance of a group.
#[inline(always)]
fn moments<C: Compute>(x: &[C], planes: Planes, group: usize, n: f64) -> (C, f64) {
    let identity = inlined(
        #[inline(always)]
        |x: C| x,
    );
    let total = planes.planes(group).fold(0.0, |total, plane| total + sum_row(&x[planes.range(plane)], identity));
    let center = C::of(total / n);
    let square = inlined(
        #[inline(always)]
        |x: C| (x - center) * (x - center),
    );
    let total = planes.planes(group).fold(0.0, |total, plane| total + sum_row(&x[planes.range(plane)], square));
    (center, total / n)
}

#[inline(always)]
fn affine_row<C: Compute>(x: &[C], center: C, scale: C, shift: C, out: &mut [MaybeUninit<C>]) {
    for (cell, x) in out.iter_mut().zip(x) {
        cell.write((*x - center) * scale + shift);
    }
}

/// `(x - mean) rstd weight + bias` with a given mean and reciprocal deviation of each group.
pub fn affine<C: Compute>(
    x: &[C],
    planes: Planes,
    mean: &[C],
    rstd: &[C],
    weight: Option<&[C]>,
    bias: Option<&[C]>,
) -> Vec<C> {
    let _span = profile::kernel("plane_affine");
    check(x, planes, weight, bias);
    assert_eq!((mean.len(), rstd.len()), (planes.groups(), planes.groups()), "one mean and rstd a group");
    if planes.as_columns() {
        return columns::affine(x, planes, mean, rstd, weight, bias);
    }
    let mut out = Vec::with_capacity(x.len());
    let shared = Shared::new(&mut out.spare_capacity_mut()[..x.len()]);
    for_each_range(planes.groups(), planes.grain(), |range| {
        vectorize(
            #[inline(always)]
            || {
                for group in range {
                    for plane in planes.planes(group) {
                        let channel = plane % planes.channels;
                        let scale = rstd[group] * at(weight, channel, C::ONE);
                        let range = planes.range(plane);
                        // SAFETY: each plane belongs to one group, and the vector outlives the loop.
                        let out = unsafe { shared.slice(range.clone()) };
                        affine_row(&x[range], mean[group], scale, at(bias, channel, C::ZERO), out);
                    }
                }
            },
        );
    });
    // SAFETY: every plane of every group has been written.
    unsafe { out.set_len(x.len()) };
    out
}

/// The gradients of input, weight and bias, the latter two as if there were both. With `fixed` the statistics are
/// constants that do not depend on the input.
pub fn normalize_grad<C: Compute>(
    grad: &[C],
    x: &[C],
    planes: Planes,
    mean: &[C],
    rstd: &[C],
    weight: Option<&[C]>,
    fixed: bool,
) -> (Vec<C>, Vec<C>, Vec<C>) {
    let _span = profile::kernel("plane_norm_grad");
    check(x, planes, weight, None);
    assert_eq!((grad.len(), mean.len(), rstd.len()), (x.len(), planes.groups(), planes.groups()), "lengths disagree");
    if planes.as_columns() {
        return columns::normalize_grad(grad, x, planes, mean, rstd, weight, fixed);
    }
    let mut dx = Vec::with_capacity(x.len());
    // For each plane the sums of the gradient and of its products with the normalised elements.
    let mut sums = vec![[0.0f64; 2]; planes.batch * planes.channels];
    let (shared_dx, shared_sums) = (Shared::new(&mut dx.spare_capacity_mut()[..x.len()]), Shared::new(&mut sums));
    let share = if fixed { 0.0 } else { 1.0 / planes.group_len() as f64 };
    for_each_range(planes.groups(), planes.grain(), |range| {
        vectorize(
            #[inline(always)]
            || {
                for group in range {
                    let (center, scale) = (mean[group], rstd[group]);
                    let (mut total, mut along) = (0.0, 0.0);
                    for plane in planes.planes(group) {
                        let (sum, product) = sums_of_row(&grad[planes.range(plane)], &x[planes.range(plane)], center);
                        let product = product * scale.to_f64();
                        // SAFETY: each plane belongs to one group, and the vector outlives the loop.
                        unsafe { shared_sums.slice(plane..plane + 1)[0] = [sum, product] };
                        let factor = at(weight, plane % planes.channels, C::ONE).to_f64();
                        total += factor * sum;
                        along += factor * product;
                    }
                    let constant = C::of(total * share) * scale;
                    let slope = C::of(along * share) * scale * scale;
                    for plane in planes.planes(group) {
                        let factor = scale * at(weight, plane % planes.channels, C::ONE);
                        let range = planes.range(plane);
                        // SAFETY: as above.
                        let dx = unsafe { shared_dx.slice(range.clone()) };
                        for ((cell, g), x) in dx.iter_mut().zip(&grad[range.clone()]).zip(&x[range]) {
                            cell.write(*g * factor - constant - (*x - center) * slope);
                        }
                    }
                }
            },
        );
    });
    // SAFETY: every plane of every group has been written.
    unsafe { dx.set_len(x.len()) };
    let mut totals = vec![[0.0f64; 2]; planes.channels];
    for sample in sums.chunks_exact(planes.channels.max(1)) {
        for (total, sum) in totals.iter_mut().zip(sample) {
            *total = [total[0] + sum[0], total[1] + sum[1]];
        }
    }
    let of = |which: usize| totals.iter().map(|total| C::of(total[which])).collect();
    (dx, of(1), of(0))
}

/// The sums of `g` and of `g (x - center)`.
#[inline(always)]
fn sums_of_row<C: Compute>(grad: &[C], x: &[C], center: C) -> (f64, f64) {
    let (mut total, mut total_product) = (0.0, 0.0);
    for (grad, x) in grad.chunks(BLOCK).zip(x.chunks(BLOCK)) {
        let (mut sums, mut products) = ([C::ZERO; LANES], [C::ZERO; LANES]);
        let ((gs, g_rest), (xs, x_rest)) = (grad.as_chunks::<LANES>(), x.as_chunks::<LANES>());
        for (g, x) in gs.iter().zip(xs) {
            for j in 0..LANES {
                sums[j] += g[j];
                products[j] += g[j] * (x[j] - center);
            }
        }
        for (j, (g, x)) in g_rest.iter().zip(x_rest).enumerate() {
            sums[j] += *g;
            products[j] += *g * (*x - center);
        }
        total += sums.into_iter().sum::<C>().to_f64();
        total_product += products.into_iter().sum::<C>().to_f64();
    }
    (total, total_product)
}

fn check<C>(x: &[C], planes: Planes, weight: Option<&[C]>, bias: Option<&[C]>) {
    assert_eq!(x.len(), planes.len(), "the length disagrees with the shape");
    let of_channels = |values: Option<&[C]>| values.is_none_or(|values| values.len() == planes.channels);
    assert!(of_channels(weight) && of_channels(bias), "weight or bias of another size");
    assert!(
        planes.groups.is_none_or(|groups| groups > 0 && planes.channels.is_multiple_of(groups)),
        "groups of unequal size"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(len: usize, seed: usize) -> Vec<f64> {
        (0..len).map(|i| ((i * 7919 + seed * 131) % 1009) as f64 / 300.0 - 1.0).collect()
    }

    fn shapes() -> [Planes; 5] {
        let of = |batch, channels, inner, groups| Planes { batch, channels, inner, groups };
        [of(3, 4, 37, None), of(5, 6, 1, None), of(2, 6, 35, Some(3)), of(1, 2, 3, Some(1)), of(7, 3, 4, None)]
    }

    #[test]
    fn groups_have_mean_zero_and_variance_one() {
        for planes in shapes() {
            let x = data(planes.len(), 1);
            let found = normalize(&x, planes, None, None, 0.0);
            for group in 0..planes.groups() {
                let (mean, var) = moments(&found.out, planes, group, planes.group_len() as f64);
                assert!(mean.abs() < 1e-12 && (var - 1.0).abs() < 1e-9, "{planes:?}");
            }
            let (w, b) = (data(planes.channels, 2), data(planes.channels, 3));
            let scaled = normalize(&x, planes, Some(&w), Some(&b), 1e-5);
            assert_eq!(affine(&x, planes, &scaled.mean, &scaled.rstd, Some(&w), Some(&b)), scaled.out);
        }
    }

    #[test]
    fn gradients_equal_differences() {
        for planes in shapes() {
            let (x, g) = (data(planes.len(), 1), data(planes.len(), 2));
            let (w, b) = (data(planes.channels, 3), data(planes.channels, 4));
            let found = normalize(&x, planes, Some(&w), Some(&b), 1e-3);
            for fixed in [false, true] {
                let loss = |x: &[f64], w: &[f64], b: &[f64]| -> f64 {
                    let out = if fixed {
                        affine(x, planes, &found.mean, &found.rstd, Some(w), Some(b))
                    } else {
                        normalize(x, planes, Some(w), Some(b), 1e-3).out
                    };
                    out.iter().zip(&g).map(|(y, g)| y * g).sum()
                };
                let (dx, dw, db) = normalize_grad(&g, &x, planes, &found.mean, &found.rstd, Some(&w), fixed);
                let step = 1e-5;
                let difference = |which: usize, i: usize| {
                    let mut values = [x.clone(), w.clone(), b.clone()];
                    values[which][i] += step;
                    let above = loss(&values[0], &values[1], &values[2]);
                    values[which][i] -= 2.0 * step;
                    (above - loss(&values[0], &values[1], &values[2])) / (2.0 * step)
                };
                for i in (0..x.len()).step_by(7) {
                    assert!((dx[i] - difference(0, i)).abs() < 1e-4, "{planes:?} {fixed} {i}");
                }
                for i in 0..planes.channels {
                    assert!((dw[i] - difference(1, i)).abs() < 1e-4 && (db[i] - difference(2, i)).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn nothing() {
        let planes = Planes { batch: 0, channels: 2, inner: 3, groups: None };
        let found = normalize::<f32>(&[], planes, None, None, 1e-5);
        assert!(found.out.is_empty() && found.mean.len() == 2);
        assert_eq!(normalize_grad::<f32>(&[], &[], planes, &[0.0; 2], &[1.0; 2], None, false).1, [0.0, 0.0]);
    }
}
