//! Resampling: each output is a weighted sum of a few elements along each of up to three spatial dimensions.
//!
//! Arrays are contiguous `[planes, depth, height, width]`.

use crate::profile;
use std::mem::MaybeUninit;

use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, build_units};
use crate::simd::vectorize;

/// The elements that each output along one dimension is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    input: usize,
    /// Elements for each output.
    count: usize,
    /// The elements of the first output, then of the second, and so on.
    places: Vec<usize>,
    /// The weight of each; with a single element for each output all are 1.
    weights: Vec<f64>,
}

impl Taps {
    /// The taps of outputs that are `count` elements each; every place is below `input`.
    pub fn new(input: usize, count: usize, places: Vec<usize>, weights: Vec<f64>) -> Self {
        assert!(count > 0 && places.len().is_multiple_of(count), "places are no multiple of their number");
        assert!(places.len() == weights.len() || count == 1 && weights.is_empty(), "a weight is missing");
        assert!(places.iter().all(|place| *place < input), "a place outside the dimension");
        Self { input, count, places, weights }
    }

    /// Outputs that are one element each.
    pub fn picks(input: usize, places: Vec<usize>) -> Self {
        Self::new(input, 1, places, Vec::new())
    }

    /// The size of the dimension.
    pub fn input(&self) -> usize {
        self.input
    }

    /// The number of outputs.
    pub fn output(&self) -> usize {
        self.places.len() / self.count
    }

    /// The number of elements of each output.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The weights of all elements of all outputs; none where all are 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The elements of all outputs.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    fn is_identity(&self) -> bool {
        self.count == 1
            && self.places.len() == self.input
            && self.places.iter().enumerate().all(|(i, place)| i == *place)
    }
}

/// Taps with weights in the type of the elements, and how they lie: `[outer, dimension, inner]`.
struct Pass<'a, T> {
    taps: &'a Taps,
    weights: Vec<T>,
    outer: usize,
    inner: usize,
}

impl<T: Compute> Pass<'_, T> {
    fn input_len(&self) -> usize {
        self.outer * self.taps.input * self.inner
    }

    fn output_len(&self) -> usize {
        self.outer * self.taps.output() * self.inner
    }
}

/// The passes of a resampling in order, the last dimension first, without those that change nothing.
fn passes<T: Compute>(axes: &[Taps; 3]) -> Vec<Pass<'_, T>> {
    let mut sizes = axes.each_ref().map(Taps::input);
    let mut found = Vec::new();
    for at in (0..3).rev() {
        let taps = &axes[at];
        if !taps.is_identity() {
            let weights = taps.weights.iter().map(|weight| T::of(*weight)).collect();
            let (outer, inner) = (sizes[..at].iter().product(), sizes[at + 1..].iter().product());
            found.push(Pass { taps, weights, outer, inner });
        }
        sizes[at] = taps.output();
    }
    found
}

/// The sizes of a plane before and after.
fn lengths(axes: &[Taps; 3]) -> (usize, usize) {
    (axes.iter().map(Taps::input).product(), axes.iter().map(Taps::output).product())
}

/// `out[p, d, h, w] = Σ weight · x[p, place, place, place]`.
pub fn resample<T: Compute>(x: &[T], planes: usize, axes: &[Taps; 3]) -> Vec<T> {
    let _span = profile::kernel("resample");
    let (inside, outside) = lengths(axes);
    assert_eq!(x.len(), planes * inside, "the length disagrees with the shape");
    let passes = passes::<T>(axes);
    let Some((last, others)) = passes.split_last() else { return x.to_vec() };
    // SAFETY: the last pass writes every element.
    unsafe {
        build_units(planes * outside, outside, GRAIN_MATH, |start, cells| {
            let (mut from, mut to): (Vec<T>, Vec<T>) = (Vec::new(), Vec::new());
            for (i, cells) in cells.chunks_exact_mut(outside).enumerate() {
                let plane = start / outside + i;
                let x = &x[plane * inside..][..inside];
                for (number, pass) in others.iter().enumerate() {
                    to.clear();
                    to.reserve(pass.output_len());
                    gather(
                        pass,
                        if number == 0 { x } else { &from },
                        &mut to.spare_capacity_mut()[..pass.output_len()],
                    );
                    to.set_len(pass.output_len());
                    std::mem::swap(&mut from, &mut to);
                }
                gather(last, if others.is_empty() { x } else { &from }, cells);
            }
        })
    }
}

/// The transpose of [`resample`], which is its gradient: `dx[p, place, place, place] += weight · grad[p, d, h, w]`.
pub fn resample_grad<T: Compute>(grad: &[T], planes: usize, axes: &[Taps; 3]) -> Vec<T> {
    let _span = profile::kernel("resample_grad");
    let (inside, outside) = lengths(axes);
    assert_eq!(grad.len(), planes * outside, "the length disagrees with the shape");
    let passes = passes::<T>(axes);
    let Some((first, others)) = passes.split_first() else { return grad.to_vec() };
    // SAFETY: every element is zeroed before the first pass adds to it.
    unsafe {
        build_units(planes * inside, inside, GRAIN_MATH, |start, cells| {
            let (mut from, mut to): (Vec<T>, Vec<T>) = (Vec::new(), Vec::new());
            for (i, cells) in cells.chunks_exact_mut(inside).enumerate() {
                let plane = start / inside + i;
                let grad = &grad[plane * outside..][..outside];
                // The transposes in reverse order.
                for (number, pass) in others.iter().rev().enumerate() {
                    to.clear();
                    to.resize(pass.input_len(), T::ZERO);
                    scatter(pass, if number == 0 { grad } else { &from }, &mut to);
                    std::mem::swap(&mut from, &mut to);
                }
                cells.fill(MaybeUninit::new(T::ZERO));
                let cells = &mut *(std::ptr::from_mut(cells) as *mut [T]);
                scatter(first, if others.is_empty() { grad } else { &from }, cells);
            }
        })
    }
}

/// Writes every element of `out`.
fn gather<T: Compute>(pass: &Pass<'_, T>, x: &[T], out: &mut [MaybeUninit<T>]) {
    let (taps, inner) = (pass.taps, pass.inner);
    let (input, output) = (taps.input * inner, taps.output() * inner);
    if output == 0 {
        return;
    }
    vectorize(
        #[inline(always)]
        || {
            for (x, out) in x.chunks_exact(input).zip(out.chunks_exact_mut(output)) {
                if inner == 1 {
                    gather_row(pass, x, out);
                    continue;
                }
                for (i, out) in out.chunks_exact_mut(inner).enumerate() {
                    let line = |k: usize| &x[taps.places[i * taps.count + k] * inner..][..inner];
                    if taps.count == 1 {
                        for (cell, x) in out.iter_mut().zip(line(0)) {
                            cell.write(*x);
                        }
                        continue;
                    }
                    let weights = &pass.weights[i * taps.count..][..taps.count];
                    if taps.count == 4 {
                        let (a, b, c, d) = (line(0), line(1), line(2), line(3));
                        for j in 0..inner {
                            let low = a[j] * weights[0] + b[j] * weights[1];
                            out[j].write(low + c[j] * weights[2] + d[j] * weights[3]);
                        }
                        continue;
                    }
                    for ((cell, a), b) in out.iter_mut().zip(line(0)).zip(line(1)) {
                        cell.write(*a * weights[0] + *b * weights[1]);
                    }
                    for (k, weight) in weights.iter().enumerate().skip(2) {
                        for (cell, x) in out.iter_mut().zip(line(k)) {
                            // SAFETY: the loop above has written the cell.
                            let sum = unsafe { cell.assume_init() };
                            cell.write(sum + *x * *weight);
                        }
                    }
                }
            }
        },
    );
}

#[inline(always)]
fn gather_row<T: Compute>(pass: &Pass<'_, T>, x: &[T], out: &mut [MaybeUninit<T>]) {
    let taps = pass.taps;
    match taps.count {
        1 => {
            for (cell, place) in out.iter_mut().zip(&taps.places) {
                cell.write(x[*place]);
            }
        }
        2 => {
            let (places, weights) = (taps.places.as_chunks::<2>().0, pass.weights.as_chunks::<2>().0);
            for ((cell, places), weights) in out.iter_mut().zip(places).zip(weights) {
                cell.write(x[places[0]] * weights[0] + x[places[1]] * weights[1]);
            }
        }
        count => {
            let taps = taps.places.chunks_exact(count).zip(pass.weights.chunks_exact(count));
            for (cell, (places, weights)) in out.iter_mut().zip(taps) {
                let products = places.iter().zip(weights).map(|(place, weight)| x[*place] * *weight);
                cell.write(products.sum());
            }
        }
    }
}

/// Adds to `dx`.
fn scatter<T: Compute>(pass: &Pass<'_, T>, grad: &[T], dx: &mut [T]) {
    let (taps, inner) = (pass.taps, pass.inner);
    let (input, output) = (taps.input * inner, taps.output() * inner);
    if output == 0 {
        return;
    }
    vectorize(
        #[inline(always)]
        || {
            for (grad, dx) in grad.chunks_exact(output).zip(dx.chunks_exact_mut(input)) {
                for (i, grad) in grad.chunks_exact(inner).enumerate() {
                    for k in i * taps.count..(i + 1) * taps.count {
                        let cells = &mut dx[taps.places[k] * inner..][..inner];
                        let weight = if taps.count == 1 { T::ONE } else { pass.weights[k] };
                        for (cell, g) in cells.iter_mut().zip(grad) {
                            *cell += *g * weight;
                        }
                    }
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taps(input: usize, count: usize, output: usize) -> Taps {
        let places = (0..output * count).map(|i| (i * 5 + i / 3) % input).collect();
        let weights = (0..output * count).map(|i| ((i * 7) % 5) as f64 / 4.0 - 0.4).collect();
        if count == 1 { Taps::picks(input, places) } else { Taps::new(input, count, places, weights) }
    }

    fn entry(taps: &Taps, output: usize, input: usize) -> f64 {
        (0..taps.count)
            .map(|k| output * taps.count + k)
            .filter(|k| taps.places[*k] == input)
            .map(|k| if taps.count == 1 { 1.0 } else { taps.weights[k] })
            .sum()
    }

    #[test]
    fn is_the_product_of_three_matrices_and_its_transpose() {
        let same = |size: usize| Taps::picks(size, (0..size).collect());
        let cases = [
            [same(1), taps(3, 2, 5), taps(4, 2, 7)],
            [taps(2, 4, 3), taps(3, 1, 4), taps(5, 3, 2)],
            [taps(2, 1, 3), same(3), taps(5, 4, 6)],
            [same(2), taps(6, 3, 4), same(3)],
            [same(2), same(3), same(4)],
        ];
        for axes in cases {
            let (inside, outside) = lengths(&axes);
            let x: Vec<f64> = (0..2 * inside).map(|i| ((i * 37) % 11) as f64 - 5.0).collect();
            let g: Vec<f64> = (0..2 * outside).map(|i| ((i * 31) % 7) as f64 - 3.0).collect();
            let (mut expected, mut gradient) = (vec![0.0; 2 * outside], vec![0.0; 2 * inside]);
            let at = |sizes: [usize; 3], i: usize| [i / (sizes[1] * sizes[2]), i / sizes[2] % sizes[1], i % sizes[2]];
            for p in 0..2 {
                for o in 0..outside {
                    for i in 0..inside {
                        let (to, from) =
                            (at(axes.each_ref().map(Taps::output), o), at(axes.each_ref().map(Taps::input), i));
                        let weight: f64 = (0..3).map(|a| entry(&axes[a], to[a], from[a])).product();
                        expected[p * outside + o] += weight * x[p * inside + i];
                        gradient[p * inside + i] += weight * g[p * outside + o];
                    }
                }
            }
            let close =
                |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-10);
            assert!(close(&resample(&x, 2, &axes), &expected));
            assert!(close(&resample_grad(&g, 2, &axes), &gradient));
        }
    }
}
