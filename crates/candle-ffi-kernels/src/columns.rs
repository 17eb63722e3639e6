//! Batch normalisation of short planes: the samples are rows of `channels * inner` columns, of which each `inner`
//! neighbours share a mean and a deviation.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, Shared, for_each_range};
use crate::planes::{Normalized, Planes, at};
use crate::reduce::sum_columns;
use crate::simd::{inlined, vectorize};

/// Columns that are worked on together.
const WIDTH: usize = 64;
/// Rows that are added in the computing type before their sum goes to f64.
const ROWS: usize = 64;

/// Some channels, and the columns that are theirs.
struct Strip {
    channels: Range<usize>,
    first: usize,
    width: usize,
}

/// Calls `f` with the strips of an array, in several threads when it is large.
#[inline(always)]
fn for_each_strip(planes: Planes, f: impl Fn(Strip) + Sync) {
    let own = (WIDTH / planes.inner.max(1)).max(1);
    let strips = planes.channels.div_ceil(own);
    for_each_range(strips, GRAIN_MATH.div_ceil((planes.batch * own * planes.inner).max(1)), |range| {
        for strip in range {
            let channels = strip * own..((strip + 1) * own).min(planes.channels);
            let (first, width) = (channels.start * planes.inner, channels.len() * planes.inner);
            vectorize(
                #[inline(always)]
                || f(Strip { channels: channels.clone(), first, width }),
            );
        }
    });
}

/// One value for each column of a strip, from one for each of its channels.
#[inline(always)]
fn spread<C: Compute>(inner: usize, values: impl Iterator<Item = C>) -> [C; WIDTH] {
    let mut columns = [C::ZERO; WIDTH];
    for (columns, value) in columns.chunks_mut(inner).zip(values) {
        columns.fill(value);
    }
    columns
}

/// The sums of the columns of each channel.
#[inline(always)]
fn by_channel(columns: &[f64], inner: usize) -> impl Iterator<Item = f64> {
    columns.chunks(inner).map(|columns| columns.iter().sum())
}

#[inline(always)]
fn write_rows<C: Compute>(
    x: &[C],
    out: Shared<MaybeUninit<C>>,
    row: usize,
    strip: &Strip,
    [center, scale, shift]: &[[C; WIDTH]; 3],
) {
    let width = strip.width;
    let (center, scale, shift) = (&center[..width], &scale[..width], &shift[..width]);
    for start in (strip.first..x.len()).step_by(row) {
        // SAFETY: strips have columns of their own, and the caller's vector outlives the loop.
        let (out, x) = (unsafe { &mut out.slice(start..start + width)[..width] }, &x[start..][..width]);
        for j in 0..width {
            out[j].write((x[j] - center[j]) * scale[j] + shift[j]);
        }
    }
}

pub(crate) fn normalize<C: Compute>(
    x: &[C],
    planes: Planes,
    weight: Option<&[C]>,
    bias: Option<&[C]>,
    eps: f64,
) -> Normalized<C> {
    let (inner, row) = (planes.inner, planes.channels * planes.inner);
    let mut out = Vec::with_capacity(x.len());
    let [mut mean, mut var, mut rstd] = [(); 3].map(|()| vec![C::ZERO; planes.channels]);
    let shared_out = Shared::new(&mut out.spare_capacity_mut()[..x.len()]);
    let shared = [&mut mean, &mut var, &mut rstd].map(|values| Shared::new(values));
    let n = (planes.batch * inner) as f64;
    if !x.is_empty() {
        for_each_strip(
            planes,
            #[inline(always)]
            |strip| {
                // SAFETY: each channel belongs to one strip, and the vectors outlive the loop.
                let [mean, var, rstd] = shared.each_ref().map(|shared| unsafe { shared.slice(strip.channels.clone()) });
                let mut totals = [0.0; WIDTH];
                let totals = &mut totals[..strip.width];
                let identity = inlined(
                    #[inline(always)]
                    |x: C, _| x,
                );
                sum_columns(x, strip.first, planes.batch, row, totals, identity);
                for (mean, total) in mean.iter_mut().zip(by_channel(totals, inner)) {
                    *mean = C::of(total / n);
                }
                let center = spread(inner, mean.iter().copied());
                let square = inlined(
                    #[inline(always)]
                    |x: C, j: usize| (x - center[j]) * (x - center[j]),
                );
                totals.fill(0.0);
                sum_columns(x, strip.first, planes.batch, row, totals, square);
                for ((var, rstd), total) in var.iter_mut().zip(rstd.iter_mut()).zip(by_channel(totals, inner)) {
                    *var = C::of(total / n);
                    *rstd = C::of(1.0 / (total / n + eps).sqrt());
                }
                let scale = strip.channels.clone().zip(&*rstd).map(|(c, rstd)| *rstd * at(weight, c, C::ONE));
                let shift = strip.channels.clone().map(|c| at(bias, c, C::ZERO));
                write_rows(x, shared_out, row, &strip, &[center, spread(inner, scale), spread(inner, shift)]);
            },
        );
    }
    // SAFETY: every column of every row has been written.
    unsafe { out.set_len(x.len()) };
    Normalized { out, mean, var, rstd }
}

pub(crate) fn affine<C: Compute>(
    x: &[C],
    planes: Planes,
    mean: &[C],
    rstd: &[C],
    weight: Option<&[C]>,
    bias: Option<&[C]>,
) -> Vec<C> {
    let (inner, row) = (planes.inner, planes.channels * planes.inner);
    let mut out = Vec::with_capacity(x.len());
    let shared = Shared::new(&mut out.spare_capacity_mut()[..x.len()]);
    if !x.is_empty() {
        for_each_strip(
            planes,
            #[inline(always)]
            |strip| {
                let center = spread(inner, strip.channels.clone().map(|c| mean[c]));
                let scale = spread(inner, strip.channels.clone().map(|c| rstd[c] * at(weight, c, C::ONE)));
                let shift = spread(inner, strip.channels.clone().map(|c| at(bias, c, C::ZERO)));
                write_rows(x, shared, row, &strip, &[center, scale, shift]);
            },
        );
    }
    // SAFETY: every column of every row has been written.
    unsafe { out.set_len(x.len()) };
    out
}

pub(crate) fn normalize_grad<C: Compute>(
    grad: &[C],
    x: &[C],
    planes: Planes,
    mean: &[C],
    rstd: &[C],
    weight: Option<&[C]>,
    fixed: bool,
) -> (Vec<C>, Vec<C>, Vec<C>) {
    let (inner, row) = (planes.inner, planes.channels * planes.inner);
    let mut dx = Vec::with_capacity(x.len());
    let [mut dweight, mut dbias] = [(); 2].map(|()| vec![C::ZERO; planes.channels]);
    let shared_dx = Shared::new(&mut dx.spare_capacity_mut()[..x.len()]);
    let shared = [&mut dweight, &mut dbias].map(|values| Shared::new(values));
    let share = if fixed { 0.0 } else { 1.0 / (planes.batch * inner) as f64 };
    if !x.is_empty() {
        for_each_strip(
            planes,
            #[inline(always)]
            |strip| {
                // SAFETY: each channel belongs to one strip, and the vectors outlive the loop.
                let [dweight, dbias] = shared.each_ref().map(|shared| unsafe { shared.slice(strip.channels.clone()) });
                let center = spread(inner, strip.channels.clone().map(|c| mean[c]));
                let (sums, products) = sums_of_columns(grad, x, &strip, row, &center);
                let (mut constant, mut slope) = ([C::ZERO; WIDTH], [C::ZERO; WIDTH]);
                let parts = by_channel(&sums[..strip.width], inner).zip(by_channel(&products[..strip.width], inner));
                for (i, (sum, product)) in parts.enumerate() {
                    let channel = strip.channels.start + i;
                    let scale = rstd[channel];
                    let along = product * scale.to_f64();
                    (dbias[i], dweight[i]) = (C::of(sum), C::of(along));
                    let factor = at(weight, channel, C::ONE).to_f64() * share;
                    constant[i * inner..][..inner].fill(C::of(sum * factor) * scale);
                    slope[i * inner..][..inner].fill(C::of(along * factor) * scale * scale);
                }
                let factor = spread(inner, strip.channels.clone().map(|c| rstd[c] * at(weight, c, C::ONE)));
                let width = strip.width;
                let (center, factor) = (&center[..width], &factor[..width]);
                let (constant, slope) = (&constant[..width], &slope[..width]);
                for start in (strip.first..x.len()).step_by(row) {
                    // SAFETY: strips have columns of their own, and the vector outlives the loop.
                    let dx = unsafe { &mut shared_dx.slice(start..start + width)[..width] };
                    let (grad, x) = (&grad[start..][..width], &x[start..][..width]);
                    for j in 0..width {
                        dx[j].write(grad[j] * factor[j] - constant[j] - (x[j] - center[j]) * slope[j]);
                    }
                }
            },
        );
    }
    // SAFETY: every column of every row has been written.
    unsafe { dx.set_len(x.len()) };
    (dx, dweight, dbias)
}

/// For each column of a strip the sums of `g` and of `g (x - center)`.
#[inline(always)]
fn sums_of_columns<C: Compute>(
    grad: &[C],
    x: &[C],
    strip: &Strip,
    row: usize,
    center: &[C; WIDTH],
) -> ([f64; WIDTH], [f64; WIDTH]) {
    let width = strip.width;
    let (mut totals, mut total_products) = ([0.0; WIDTH], [0.0; WIDTH]);
    for (grad, x) in grad.chunks(ROWS * row).zip(x.chunks(ROWS * row)) {
        let (mut sums, mut products) = ([C::ZERO; WIDTH], [C::ZERO; WIDTH]);
        let (sums, products, center) = (&mut sums[..width], &mut products[..width], &center[..width]);
        for (grad, x) in grad.chunks_exact(row).zip(x.chunks_exact(row)) {
            let (grad, x) = (&grad[strip.first..][..width], &x[strip.first..][..width]);
            for j in 0..width {
                sums[j] += grad[j];
                products[j] += grad[j] * (x[j] - center[j]);
            }
        }
        for j in 0..width {
            totals[j] += sums[j].to_f64();
            total_products[j] += products[j].to_f64();
        }
    }
    (totals, total_products)
}
