//! The result of attention.

use super::scores::{Block, Step};
use super::{Inputs, Options, RowStrides, Sizes, blocks, panel};
use crate::math::Compute;
use crate::matmul::{self, in_this_thread};
use crate::parallel::{Shared, for_each_range};
use crate::profile;
use crate::simd::{self, Kernel, Lanes};

/// The result, `[batch, heads, queries, value_width]` with strides `rows`, and for each query two statistics: the maximum of
/// its scores, and the logarithm of the sum of the exponentials of their distances from it. Where it takes no key its result
/// is zero, and they are zero and infinite.
pub fn forward<T: Lanes>(
    inputs: Inputs<'_, T>,
    sizes: Sizes,
    options: Options<'_, T>,
    rows: RowStrides,
) -> (Vec<T>, Vec<T>) {
    let _span = profile::kernel("attention");
    inputs.check(sizes);
    let Sizes { batch, heads, queries, keys, value_width, .. } = sizes;
    let lines = batch * heads * queries;
    let mut out = vec![T::ZERO; lines * value_width];
    let mut statistics = [T::ZERO, T::of(f64::INFINITY)].repeat(lines);
    if lines == 0 || keys == 0 {
        return (out, statistics);
    }
    let (block_queries, block_keys) = blocks(sizes, options.causal);
    let parts = queries.div_ceil(block_queries);
    let (shared, shared_statistics) = (Shared::new(&mut out), Shared::new(&mut statistics));
    for_each_range(batch * heads * parts, super::grain(block_queries, sizes), |tasks| {
        let mut scores = vec![T::ZERO; block_queries * block_keys];
        let mut state = vec![T::ZERO; 3 * block_queries + block_keys];
        for task in tasks {
            let (head, first) = (task / parts, task % parts * block_queries);
            let (batch, head) = (head / heads, head % heads);
            let lines = first..(first + block_queries).min(queries);
            let count = lines.len();
            let (maxima, rest) = state.split_at_mut(block_queries);
            let (sums, rest) = rest.split_at_mut(block_queries);
            let (factors, kept) = rest.split_at_mut(block_queries);
            let (maxima, sums, factors) = (&mut maxima[..count], &mut sums[..count], &mut factors[..count]);
            maxima.fill(T::NEG_INFINITY);
            sums.fill(T::ZERO);
            let place = batch * rows[0] + head * rows[1] + first * rows[2];
            // SAFETY: the rows of different tasks are disjoint, and both vectors outlive the loop.
            let line = |i: usize| unsafe {
                let at = place + i * rows[2];
                shared.slice(at..at + value_width)
            };
            let end = if options.causal { lines.end.min(keys) } else { keys };
            for start in (0..end).step_by(block_keys) {
                let block = Block { batch, head, queries: lines.clone(), keys: start..(start + block_keys).min(keys) };
                let width = block.keys.len();
                let scores = &mut scores[..count * width];
                block.products(&inputs, sizes, options.scale, scores);
                simd::run(Step { block: &block, options: &options, scores, maxima, sums, factors });
                if let Some(dropout) = options.dropout {
                    for (i, row) in scores.chunks_exact_mut(width).enumerate() {
                        block.draw_row(dropout, sizes, i, &mut kept[..width]);
                        row.iter_mut().zip(&*kept).for_each(|(weight, kept)| *weight *= *kept);
                    }
                }
                if value_width == 0 {
                    continue;
                }
                if start > 0 {
                    (0..count).for_each(|i| simd::run(Scale { row: line(i), factor: factors[i] }));
                }
                let weights = matmul::Panel { start: scores.as_ptr(), row: width, column: 1 };
                let value = panel(inputs.value, batch, sizes.kv_head(head), start);
                // SAFETY: as for `line`; the value's view was checked to hold these rows.
                unsafe {
                    let sizes = matmul::Sizes { m: count, k: width, n: value_width };
                    in_this_thread(shared.pointer().add(place), rows[2], start > 0, T::ONE, weights, value, sizes);
                }
            }
            let first = (batch * heads + head) * queries + first;
            // SAFETY: as for `line`.
            let statistics = unsafe { shared_statistics.slice(2 * first..2 * (first + count)) };
            for (i, statistics) in statistics.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                if sums[i] == T::ZERO {
                    continue;
                }
                simd::run(Scale { row: line(i), factor: T::ONE / sums[i] });
                *statistics = [maxima[i], sums[i].log::<false>()];
            }
        }
    });
    (out, statistics)
}

/// Multiplies a row by a number.
struct Scale<'a, T> {
    row: &'a mut [T],
    factor: T,
}

impl<T: Compute> Kernel for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for x in self.row {
            *x *= self.factor;
        }
    }
}
