//! Scores of a block of queries and keys, and what becomes of them.

use std::ops::Range;

use super::{Dropout, Inputs, Options, Sizes, panel, transposed};
use crate::math::Compute;
use crate::matmul::{self, in_this_thread};
use crate::random::scaled_mask;
use crate::simd::{self, Kernel, Lanes, inlined};
use crate::strided::Strided;

/// A block of one head's weights.
#[derive(Clone)]
pub(super) struct Block {
    pub(super) batch: usize,
    pub(super) head: usize,
    pub(super) queries: Range<usize>,
    pub(super) keys: Range<usize>,
}

impl Block {
    /// Writes `scale · q kᵀ` into a buffer: rows of as many elements as there are keys.
    pub(super) fn products<T: Lanes>(&self, inputs: &Inputs<'_, T>, sizes: Sizes, scale: T, scores: &mut [T]) {
        let (m, n) = (self.queries.len(), self.keys.len());
        let scores = &mut scores[..m * n];
        if sizes.width == 0 {
            return scores.fill(T::ZERO);
        }
        let query = panel(inputs.query, self.batch, self.head, self.queries.start);
        let key = panel(inputs.key, self.batch, sizes.kv_head(self.head), self.keys.start);
        // SAFETY: the views were checked to hold these rows; the buffer is exclusive and has m × n elements.
        unsafe {
            let sizes = matmul::Sizes { m, k: sizes.width, n };
            in_this_thread(scores.as_mut_ptr(), n, false, scale, query, transposed(key), sizes);
        }
    }

    /// How many keys of the block a query takes.
    #[inline(always)]
    pub(super) fn reach(&self, row: usize, causal: bool) -> usize {
        let keys = self.keys.len();
        if causal { (self.queries.start + row + 1).saturating_sub(self.keys.start).min(keys) } else { keys }
    }

    /// The mask of a row, if there is one: where it starts, and its stride.
    #[inline(always)]
    pub(super) fn mask_row<'a, T: Copy>(&self, mask: Option<Strided<'a, T>>, row: usize) -> Option<(&'a [T], usize)> {
        mask.map(|mask| {
            let places = [self.batch, self.head, self.queries.start + row, self.keys.start];
            let at: usize = places.iter().zip(mask.strides).map(|(place, stride)| place * stride).sum();
            (&mask.data[mask.offset + at..], mask.strides[3])
        })
    }

    /// Writes what a row's weights are multiplied with when some are dropped.
    pub(super) fn draw_row<T: Lanes>(&self, dropout: Dropout, sizes: Sizes, row: usize, out: &mut [T]) {
        let line = (self.batch * sizes.heads + self.head) * sizes.queries + self.queries.start + row;
        let at = dropout.offset.wrapping_add((line * sizes.keys + self.keys.start) as u64);
        let scale = if dropout.p < 1.0 { 1.0 / (1.0 - dropout.p) } else { 0.0 };
        scaled_mask(dropout.seed, at, 1.0 - dropout.p, T::of(scale), out);
    }
}

/// Adds the mask to a row of scores and shuts what a query must not take.
#[inline(always)]
pub(super) fn masked<T: Compute>(row: &mut [T], mask: Option<(&[T], usize)>, reach: usize) {
    match mask {
        Some((mask, 1)) => {
            for (score, mask) in row.iter_mut().zip(mask) {
                *score += *mask;
            }
        }
        Some((mask, stride)) => {
            for (j, score) in row.iter_mut().enumerate() {
                *score += mask[j * stride];
            }
        }
        None => {}
    }
    if let Some(shut) = row.get_mut(reach..) {
        shut.fill(T::NEG_INFINITY);
    }
}

/// One step of the running softmax: scores become `exp(score - maximum)`, maxima and sums go on.
pub(super) struct Step<'a, T> {
    pub(super) block: &'a Block,
    pub(super) options: &'a Options<'a, T>,
    pub(super) scores: &'a mut [T],
    /// For each query, the maximum and the sum so far.
    pub(super) maxima: &'a mut [T],
    pub(super) sums: &'a mut [T],
    /// For each query, what its earlier result is to be multiplied with.
    pub(super) factors: &'a mut [T],
}

/// Independent accumulators of a loop over a row.
const LANES: usize = 32;

impl<T: Lanes> Kernel for Step<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Step { block, options, scores, maxima, sums, factors } = self;
        let larger = inlined(
            #[inline(always)]
            |a: T, b: T| if b > a { b } else { a },
        );
        let add = inlined(
            #[inline(always)]
            |a: T, b: T| a + b,
        );
        for (i, row) in scores.chunks_exact_mut(block.keys.len()).enumerate() {
            masked(row, block.mask_row(options.mask, i), block.reach(i, options.causal));
            let before = maxima[i];
            let max = larger(before, simd::lanes::<LANES, _, _>(row, T::NEG_INFINITY, larger, larger));
            // Nothing is taken so far: the weights are zero, not NaN.
            let shift = if max == T::NEG_INFINITY { T::ZERO } else { max };
            for score in row.iter_mut() {
                *score = (*score - shift).exp_flush::<FMA>();
            }
            factors[i] = (before - shift).exp_flush::<FMA>();
            sums[i] = sums[i] * factors[i] + simd::lanes::<LANES, _, _>(row, T::ZERO, add, add);
            maxima[i] = max;
        }
    }
}

/// The weights of a block and the gradient of its scores, from the scores and the gradient of the weights.
pub(super) struct Slopes<'a, T> {
    pub(super) block: &'a Block,
    pub(super) sizes: Sizes,
    pub(super) options: &'a Options<'a, T>,
    /// The scores, which become the weights that the values were multiplied with.
    pub(super) scores: &'a mut [T],
    /// The gradient of the weights, which becomes that of the scores.
    pub(super) slopes: &'a mut [T],
    /// For each query what [`super::forward`] gave.
    pub(super) statistics: &'a [[T; 2]],
    /// For each query, the product of its result and the gradient of that.
    pub(super) along: &'a [T],
    /// A buffer for a row.
    pub(super) kept: &'a mut [T],
}

impl<T: Lanes> Kernel for Slopes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Slopes { block, sizes, options, scores, slopes, statistics, along, kept } = self;
        let width = block.keys.len();
        for (i, (row, slopes)) in scores.chunks_exact_mut(width).zip(slopes.chunks_exact_mut(width)).enumerate() {
            masked(row, block.mask_row(options.mask, i), block.reach(i, options.causal));
            let ([max, log_sum], along) = (statistics[i], along[i]);
            if let Some(dropout) = options.dropout {
                let kept = &mut kept[..width];
                block.draw_row(dropout, sizes, i, kept);
                for ((score, slope), kept) in row.iter_mut().zip(slopes).zip(kept) {
                    let weight = (*score - max - log_sum).exp_flush::<FMA>();
                    *slope = weight * (*slope * *kept - along);
                    *score = weight * *kept;
                }
                continue;
            }
            for (score, slope) in row.iter_mut().zip(slopes) {
                let weight = (*score - max - log_sum).exp_flush::<FMA>();
                *slope = weight * (*slope - along);
                *score = weight;
            }
        }
    }
}
