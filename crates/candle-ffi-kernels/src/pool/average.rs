//! The average of each window. Windows are boxes, so rows are added first and then parts of the sum's row.

use super::{Windows, in_blocks, row_grain, sizes, with_stride, zeroed};
use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, build_units};
use crate::reduce::sum_row;
use crate::simd::{inlined, lanes, vectorize};
use std::mem::MaybeUninit;

/// Spans at least so long are added in many lanes, in blocks.
const LONG: usize = 512;

#[inline(always)]
fn sum_span<T: Compute>(span: &[T]) -> T {
    if span.len() >= LONG {
        let same = inlined(
            #[inline(always)]
            |x: T| x,
        );
        return T::of(sum_row(span, same));
    }
    let add = inlined(
        #[inline(always)]
        |a: T, b: T| a + b,
    );
    lanes::<16, _, _>(span, T::ZERO, add, add)
}

/// The average of each window, and 0 for an empty one.
pub fn average<T: Compute>(x: &[T], planes: usize, axes: &[Windows; 3]) -> Vec<T> {
    let axes = &Windows::joined(axes);
    let (input, output) = sizes(axes);
    let inside: usize = input.iter().product();
    assert_eq!(x.len(), planes * inside, "the length disagrees with the shape");
    let row = output[2];
    let rows = planes * output[0] * output[1];
    if rows * row == 0 {
        return Vec::new();
    }
    if output == [1; 3] && input == [1, 1, inside] && axes[2].span(0) == (0, inside) {
        let divisor = T::of(axes.iter().map(|axis| axis.divisor(0)).product());
        // SAFETY: the loop writes every element.
        return unsafe {
            build_units(planes, 1, GRAIN_MEMORY.div_ceil(inside), |start, out| {
                vectorize(
                    #[inline(always)]
                    || {
                        for (cell, plane) in out.iter_mut().zip(x[start * inside..].chunks_exact(inside)) {
                            cell.write(sum_span(plane) / divisor);
                        }
                    },
                );
            })
        };
    }
    // SAFETY: the loop writes every element.
    unsafe {
        build_units(rows * row, row, row_grain(axes).saturating_mul(row), |start, out| {
            let mut sums = vec![T::ZERO; input[2]];
            with_stride!(axes[2].whole().stride, S => vectorize(
                #[inline(always)]
                || {
                    for (i, out) in out.chunks_exact_mut(row).enumerate() {
                        let number = start / row + i;
                        let plane = number / (output[0] * output[1]);
                        let (d, h) = (number / output[1] % output[0], number % output[1]);
                        let plane = &x[plane * inside..][..inside];
                        average_row::<T, S>(plane, axes, d, h, &mut sums, out);
                    }
                },
            ));
        })
    }
}

#[inline(always)]
fn average_row<T: Compute, const S: usize>(
    plane: &[T],
    axes: &[Windows; 3],
    d: usize,
    h: usize,
    sums: &mut [T],
    out: &mut [MaybeUninit<T>],
) {
    let [depth, height, width] = axes;
    let size = width.input();
    let mut lines = depth
        .elements(d)
        .flat_map(|d| height.elements(h).map(move |h| (d * height.input() + h) * size))
        .map(|first| &plane[first..][..size]);
    let Some(first) = lines.next() else {
        out.fill(MaybeUninit::new(T::ZERO));
        return;
    };
    let mut sum = first;
    if let Some(second) = lines.next() {
        for ((sum, a), b) in sums.iter_mut().zip(first).zip(second) {
            *sum = *a + *b;
        }
        for line in lines {
            for (sum, x) in sums.iter_mut().zip(line) {
                *sum += *x;
            }
        }
        sum = sums;
    }
    let outer = depth.divisor(d) * height.divisor(h);
    let whole = width.whole();
    in_blocks!(whole.outputs.clone(), |block, L| {
        let stride = if S == 0 { whole.stride } else { S };
        let start = width.span(block).0;
        let mut total = [T::ZERO; L];
        for k in 0..whole.kernel {
            let source = &sum[start + k..][..(L - 1) * stride + 1];
            for j in 0..L {
                total[j] += source[j * stride];
            }
        }
        let divisor = T::of(outer * width.divisor(block));
        for (cell, total) in out[block..block + L].iter_mut().zip(total) {
            cell.write(total / divisor);
        }
    });
    for w in width.others() {
        let (start, end) = width.span(w);
        let span = &sum[start..end];
        let average = if span.is_empty() { T::ZERO } else { sum_span(span) / T::of(outer * width.divisor(w)) };
        out[w].write(average);
    }
}

/// The gradient of [`average`].
pub fn average_grad<T: Compute>(grad: &[T], planes: usize, axes: &[Windows; 3]) -> Vec<T> {
    let axes = &Windows::joined(axes);
    let (input, output) = sizes(axes);
    let (inside, outside) = (input.iter().product::<usize>(), output.iter().product::<usize>());
    assert_eq!(grad.len(), planes * outside, "the length disagrees with the shape");
    // SAFETY: `zeroed` writes every element.
    unsafe {
        build_units(planes * inside, inside, GRAIN_MEMORY, |start, cells| {
            let (mut shares, mut line) = (vec![T::ZERO; output[2]], vec![T::ZERO; input[2]]);
            vectorize(
                #[inline(always)]
                || {
                    for (i, cells) in cells.chunks_exact_mut(inside).enumerate() {
                        let plane = start / inside + i;
                        let grad = &grad[plane * outside..][..outside];
                        plane_grad(grad, axes, &mut shares, &mut line, zeroed(cells));
                    }
                },
            );
        })
    }
}

#[inline(always)]
fn plane_grad<T: Compute>(grad: &[T], axes: &[Windows; 3], shares: &mut [T], line: &mut [T], dx: &mut [T]) {
    let [depth, height, width] = axes;
    if grad.is_empty() {
        return;
    }
    let size = width.input();
    for (number, grad) in grad.chunks_exact(width.output()).enumerate() {
        let (d, h) = (number / height.output(), number % height.output());
        let outer = depth.divisor(d) * height.divisor(h);
        for (w, (share, grad)) in shares.iter_mut().zip(grad).enumerate() {
            *share = *grad / T::of(outer * width.divisor(w));
        }
        let lines = depth.elements(d).flat_map(|d| height.elements(h).map(move |h| (d * height.input() + h) * size));
        let mut ahead = lines.clone();
        if let (Some(only), None) = (ahead.next(), ahead.next()) {
            add_spans(shares, width, &mut dx[only..][..size]);
            continue;
        }
        line.fill(T::ZERO);
        add_spans(shares, width, line);
        for first in lines {
            for (cell, x) in dx[first..][..size].iter_mut().zip(&*line) {
                *cell += *x;
            }
        }
    }
}

/// Adds each share to the elements of its window.
#[inline(always)]
fn add_spans<T: Compute>(shares: &[T], width: &Windows, line: &mut [T]) {
    let whole = width.whole();
    let (outputs, kernel) = (whole.outputs.clone(), whole.kernel);
    if whole.stride == 1 && !outputs.is_empty() {
        let (start, count) = (width.span(outputs.start).0, outputs.len());
        for k in 0..kernel {
            for (cell, share) in line[start + k..][..count].iter_mut().zip(&shares[outputs.clone()]) {
                *cell += *share;
            }
        }
    } else if (whole.stride, kernel) == (2, 2) && !outputs.is_empty() {
        let start = width.span(outputs.start).0;
        let pairs = line[start..][..2 * outputs.len()].as_chunks_mut::<2>().0;
        for (pair, share) in pairs.iter_mut().zip(&shares[outputs]) {
            pair[0] += *share;
            pair[1] += *share;
        }
    } else {
        for w in outputs {
            let (start, end) = width.span(w);
            line[start..end].iter_mut().for_each(|cell| *cell += shares[w]);
        }
    }
    for w in width.others() {
        let (start, end) = width.span(w);
        line[start..end].iter_mut().for_each(|cell| *cell += shares[w]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(input: usize, [kernel, stride, padding]: [usize; 3], ceil: usize, count_padding: bool) -> Windows {
        let output = (input + 2 * padding - kernel + ceil) / stride + 1;
        Windows::grid(input, output, [kernel, stride, padding, 1], count_padding)
    }

    /// As PyTorch says it, one output after the other, for a plane.
    fn naive(x: &[f64], axes: &[Windows; 3]) -> Vec<f64> {
        let (input, output) = sizes(axes);
        let mut found = Vec::new();
        for i in 0..output.iter().product() {
            let of = [i / (output[1] * output[2]), i / output[2] % output[1], i % output[2]];
            let (mut sum, mut any) = (0.0, false);
            for d in axes[0].elements(of[0]) {
                for h in axes[1].elements(of[1]) {
                    for w in axes[2].elements(of[2]) {
                        sum += x[(d * input[1] + h) * input[2] + w];
                        any = true;
                    }
                }
            }
            let divisor: f64 = (0..3).map(|a| axes[a].divisor(of[a])).product();
            found.push(if any { sum / divisor } else { 0.0 });
        }
        found
    }

    #[test]
    fn averages_and_gradients_equal_the_definition() {
        let cases = [
            [Windows::single(), grid(8, [2, 2, 0], 0, true), grid(60, [2, 2, 0], 0, true)],
            [Windows::single(), grid(9, [3, 2, 1], 1, true), grid(24, [3, 2, 1], 1, true)],
            [Windows::single(), grid(9, [3, 2, 1], 1, false), grid(24, [3, 2, 1], 1, false)],
            [grid(4, [2, 1, 1], 0, false), grid(7, [3, 1, 1], 0, true), grid(31, [5, 1, 2], 0, false)],
            [Windows::single(), grid(5, [3, 3, 0], 0, true), grid(41, [4, 4, 2], 3, true)],
            [Windows::adaptive(5, 2), Windows::adaptive(6, 1), Windows::adaptive(7, 1)],
            [Windows::single(), Windows::adaptive(7, 3), Windows::adaptive(100, 3)],
            [Windows::single().with_divisor(-3.0), grid(4, [2, 2, 0], 0, true), Windows::adaptive(4, 2)],
        ];
        for axes in cases {
            let (input, output) = sizes(&axes);
            let (inside, outside) = (input.iter().product::<usize>(), output.iter().product::<usize>());
            let x: Vec<f64> = (0..2 * inside).map(|i| ((i * 7919) % 1009) as f64 / 100.0).collect();
            let got = average(&x, 2, &axes);
            let expected = [naive(&x[..inside], &axes), naive(&x[inside..], &axes)].concat();
            assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{axes:?}");
            // The sum of gradient times input is that of output times weight.
            let weights: Vec<f64> = (0..2 * outside).map(|i| ((i * 31) % 17) as f64 - 8.0).collect();
            let dx = average_grad(&weights, 2, &axes);
            for probe in 0..2 * inside {
                let mut unit = vec![0.0; 2 * inside];
                unit[probe] = 1.0;
                let moved = average(&unit, 2, &axes);
                let expected: f64 = moved.iter().zip(&weights).map(|(a, b)| a * b).sum();
                assert!((dx[probe] - expected).abs() < 1e-12, "{axes:?}");
            }
        }
    }

    #[test]
    fn nothing() {
        let none = [Windows::single(), Windows::single(), Windows::adaptive(4, 0)];
        assert!(average::<f32>(&[1.0; 4], 1, &none).is_empty());
        assert_eq!(average_grad::<f32>(&[], 1, &none), [0.0; 4]);
    }
}
