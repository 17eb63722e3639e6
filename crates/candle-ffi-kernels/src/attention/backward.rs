//! The gradients of attention.

use super::scores::{Block, Slopes};
use super::{Inputs, Options, RowStrides, Sizes, blocks, panel, transposed};
use crate::matmul::{self, Panel, in_this_thread};
use crate::parallel::{Shared, for_each_range};
use crate::profile;
use crate::simd::{self, Kernel, Lanes};
use crate::strided::Strided;

/// The gradients of query, key and value, each with its strides from `rows`. `grad` and `out` are the gradient of the
/// result and the result, `[batch, heads, queries, value_width]` with contiguous rows; `statistics` came with it.
pub fn backward<T: Lanes>(
    grad: Strided<'_, T>,
    out: Strided<'_, T>,
    statistics: &[T],
    inputs: Inputs<'_, T>,
    sizes: Sizes,
    options: Options<'_, T>,
    rows: [RowStrides; 3],
) -> [Vec<T>; 3] {
    let _span = profile::kernel("attention_grad");
    inputs.check(sizes);
    let Sizes { batch, heads, kv_heads, queries, keys, width, value_width } = sizes;
    for view in [grad, out] {
        assert_eq!(view.shape, [batch, heads, queries, value_width]);
        view.checked_len();
        assert!(value_width < 2 || view.strides[3] == 1, "rows of a gradient are not contiguous");
    }
    assert_eq!(statistics.len(), 2 * batch * heads * queries);
    let statistics = statistics.as_chunks::<2>().0;
    let zeros = |heads: usize, length: usize, width: usize| vec![T::ZERO; batch * heads * length * width];
    let mut gradients =
        [zeros(heads, queries, width), zeros(kv_heads, keys, width), zeros(kv_heads, keys, value_width)];
    if batch * heads * queries * keys == 0 {
        return gradients;
    }
    let (block_queries, block_keys) = blocks(sizes, options.causal);
    let [query_grad, key_grad, value_grad] = gradients.each_mut().map(|gradient| Shared::new(gradient));
    // Heads that share keys and values add to the same gradients, so one task does them all.
    let group = heads / kv_heads;
    for_each_range(batch * kv_heads, super::grain(group * queries, sizes), |tasks| {
        let mut buffers = [vec![T::ZERO; block_queries * block_keys], vec![T::ZERO; block_queries * block_keys]];
        let (mut along, mut kept) = (vec![T::ZERO; queries], vec![T::ZERO; block_keys]);
        for task in tasks {
            let (batch, kv_head) = (task / kv_heads, task % kv_heads);
            for head in kv_head * group..(kv_head + 1) * group {
                simd::run(Along { grad, out, batch, head, along: &mut along });
                let statistics = &statistics[(batch * heads + head) * queries..][..queries];
                for start in (0..keys).step_by(block_keys) {
                    let keys = start..(start + block_keys).min(keys);
                    let mut added = head > kv_head * group;
                    for first in (0..queries).step_by(block_queries) {
                        let lines = first..(first + block_queries).min(queries);
                        if options.causal && lines.end <= keys.start {
                            continue;
                        }
                        let (m, n) = (lines.len(), keys.len());
                        let block = Block { batch, head, queries: lines.clone(), keys: keys.clone() };
                        let [scores, slopes] = buffers.each_mut().map(|buffer| &mut buffer[..m * n]);
                        block.products(&inputs, sizes, options.scale, scores);
                        let grad = panel(grad, batch, head, first);
                        weight_slopes(grad, panel(inputs.value, batch, kv_head, start), (m, value_width, n), slopes);
                        simd::run(Slopes {
                            block: &block,
                            sizes,
                            options: &options,
                            scores,
                            slopes,
                            statistics: &statistics[lines.clone()],
                            along: &along[lines],
                            kept: &mut kept,
                        });
                        let weights = Panel { start: scores.as_ptr(), row: n, column: 1 };
                        let slopes = Panel { start: slopes.as_ptr(), row: n, column: 1 };
                        let at = |strides: RowStrides, head: usize, row: usize| {
                            batch * strides[0] + head * strides[1] + row * strides[2]
                        };
                        let (query, key) =
                            (panel(inputs.query, batch, head, first), panel(inputs.key, batch, kv_head, start));
                        // SAFETY: a task writes the gradients of its own heads, the panels are rows of checked views
                        // and of the buffers, and the gradients outlive the loop.
                        unsafe {
                            if value_width > 0 {
                                let out = value_grad.pointer().add(at(rows[2], kv_head, start));
                                let sizes = matmul::Sizes { m: n, k: m, n: value_width };
                                in_this_thread(out, rows[2][2], added, T::ONE, transposed(weights), grad, sizes);
                            }
                            if width > 0 {
                                let out = key_grad.pointer().add(at(rows[1], kv_head, start));
                                let sizes = matmul::Sizes { m: n, k: m, n: width };
                                let scale = options.scale;
                                in_this_thread(out, rows[1][2], added, scale, transposed(slopes), query, sizes);
                                let out = query_grad.pointer().add(at(rows[0], head, first));
                                let sizes = matmul::Sizes { m, k: n, n: width };
                                in_this_thread(out, rows[0][2], start > 0, scale, slopes, key, sizes);
                            }
                        }
                        added = true;
                    }
                }
            }
        }
    });
    gradients
}

/// The gradient of the weights: `grad × valueᵀ`, for `(m, k, n)`.
fn weight_slopes<T: Lanes>(grad: Panel<T>, value: Panel<T>, (m, k, n): (usize, usize, usize), out: &mut [T]) {
    if k == 0 {
        return out.fill(T::ZERO);
    }
    assert_eq!(out.len(), m * n);
    // SAFETY: both panels are rows of checked views, and the buffer is exclusive.
    unsafe {
        in_this_thread(out.as_mut_ptr(), n, false, T::ONE, grad, transposed(value), matmul::Sizes { m, k, n });
    }
}

/// For each query of a head the product of its result and the gradient of that: the part of the gradient along the
/// weights, which softmax takes away.
struct Along<'a, T> {
    grad: Strided<'a, T>,
    out: Strided<'a, T>,
    batch: usize,
    head: usize,
    along: &'a mut [T],
}

impl<T: Lanes> Kernel for Along<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Along { grad, out, batch, head, along } = self;
        let width = grad.shape[3];
        let start = |view: Strided<'_, T>, row: usize| {
            view.offset + batch * view.strides[0] + head * view.strides[1] + row * view.strides[2]
        };
        for (i, along) in along.iter_mut().enumerate() {
            let (grad, out) = (&grad.data[start(grad, i)..][..width], &out.data[start(out, i)..][..width]);
            let mut sums = [T::ZERO; 16];
            let ((left, left_rest), (right, right_rest)) = (grad.as_chunks::<16>(), out.as_chunks::<16>());
            for (x, y) in left.iter().zip(right) {
                for i in 0..16 {
                    sums[i] = x[i].fma::<FMA>(y[i], sums[i]);
                }
            }
            let mut total = sums.into_iter().fold(T::ZERO, |a, b| a + b);
            for (x, y) in left_rest.iter().zip(right_rest) {
                total += *x * *y;
            }
            *along = total;
        }
    }
}
