//! The average of each window. Windows are boxes, so rows are added first and then parts of the sum's row.

use super::{Windows, row_grain, sizes, zeroed};
use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, build_units};
use crate::profile;
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
    let _span = profile::kernel("avg_pool");
    let axes = &Windows::joined(axes);
    let (input, output) = sizes(axes);
    let inside: usize = input.iter().product();
    assert_eq!(x.len(), planes * inside, "the length disagrees with the shape");
    let row = output[2];
    let rows = planes * output[0] * output[1];
    if rows * row == 0 {
        return Vec::new();
    }
    if let Some(divisor) = whole_plane(axes) {
        let divisor = T::of(divisor);
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
            vectorize(
                #[inline(always)]
                || {
                    for (i, out) in out.chunks_exact_mut(row).enumerate() {
                        let number = start / row + i;
                        let plane = number / (output[0] * output[1]);
                        let (d, h) = (number / output[1] % output[0], number % output[1]);
                        let plane = &x[plane * inside..][..inside];
                        average_row(plane, axes, d, h, &mut sums, out);
                    }
                },
            );
        })
    }
}

/// What the sum of a plane is divided by, where the plane is the only window.
fn whole_plane(axes: &[Windows; 3]) -> Option<f64> {
    let (input, output) = sizes(axes);
    let only = output == [1; 3] && input[..2] == [1, 1] && axes[2].span(0) == (0, input[2]);
    only.then(|| axes.iter().map(|axis| axis.divisor(0)).product())
}

#[inline(always)]
fn average_row<T: Compute>(
    plane: &[T],
    axes: &[Windows; 3],
    d: usize,
    h: usize,
    sums: &mut [T],
    out: &mut [MaybeUninit<T>],
) {
    let [depth, height, width] = axes;
    let size = width.input();
    let ((front, back), (above, below)) = (depth.span(d), height.span(h));
    let lines = (back - front) * (below - above);
    if lines == 0 {
        out.fill(MaybeUninit::new(T::ZERO));
        return;
    }
    let line = |number: usize| {
        let (d, h) = (front + number / (below - above), above + number % (below - above));
        &plane[(d * height.input() + h) * size..][..size]
    };
    let mut sum = line(0);
    if lines > 1 {
        let (a, b, sums) = (sum, line(1), &mut sums[..size]);
        for i in 0..size {
            sums[i] = a[i] + b[i];
        }
        for number in 2..lines {
            let x = line(number);
            for i in 0..size {
                sums[i] += x[i];
            }
        }
        sum = sums;
    }
    let outer = depth.divisor(d) * height.divisor(h);
    let whole = width.whole();
    if !whole.outputs.is_empty() {
        let start = width.span(whole.outputs.start).0;
        let divisor = T::of(outer * width.divisor(whole.outputs.start));
        average_whole(&sum[start..], whole.kernel, whole.stride, divisor, &mut out[whole.outputs.clone()]);
    }
    for w in width.others() {
        let (start, end) = width.span(w);
        let span = &sum[start..end];
        let average = if span.is_empty() { T::ZERO } else { sum_span(span) / T::of(outer * width.divisor(w)) };
        out[w].write(average);
    }
}

/// The averages of neighbouring windows of a line, of which the first begins with it.
#[inline(always)]
fn average_whole<T: Compute>(line: &[T], kernel: usize, stride: usize, divisor: T, out: &mut [MaybeUninit<T>]) {
    let count = out.len();
    match (kernel, stride) {
        (2, 2) => {
            let pairs = &line.as_chunks::<2>().0[..count];
            for i in 0..count {
                out[i].write((pairs[i][0] + pairs[i][1]) / divisor);
            }
        }
        (2, 1) => {
            let (a, b) = (&line[..count], &line[1..][..count]);
            for i in 0..count {
                out[i].write((a[i] + b[i]) / divisor);
            }
        }
        (3, 1) => {
            let (a, b, c) = (&line[..count], &line[1..][..count], &line[2..][..count]);
            for i in 0..count {
                out[i].write((a[i] + b[i] + c[i]) / divisor);
            }
        }
        _ => {
            for (i, cell) in out.iter_mut().enumerate() {
                cell.write(sum_span(&line[i * stride..][..kernel]) / divisor);
            }
        }
    }
}

/// The gradient of [`average`].
pub fn average_grad<T: Compute>(grad: &[T], planes: usize, axes: &[Windows; 3]) -> Vec<T> {
    let _span = profile::kernel("avg_pool_grad");
    let axes = &Windows::joined(axes);
    let (input, output) = sizes(axes);
    let (inside, outside) = (input.iter().product::<usize>(), output.iter().product::<usize>());
    assert_eq!(grad.len(), planes * outside, "the length disagrees with the shape");
    if let Some(divisor) = whole_plane(axes) {
        let divisor = T::of(divisor);
        // SAFETY: the loop writes every element.
        return unsafe {
            build_units(planes * inside, inside, GRAIN_MEMORY, |start, cells| {
                for (cells, grad) in cells.chunks_exact_mut(inside).zip(&grad[start / inside..]) {
                    cells.fill(MaybeUninit::new(*grad / divisor));
                }
            })
        };
    }
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
            [Windows::single(), Windows::adaptive(6, 1), Windows::adaptive(7, 1)],
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
