//! The largest element of each window, and where it stands.

use super::{Windows, row_grain, sizes, vectors, zeroed};
use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, Shared, build_units, for_each_range};
use crate::profile;
use crate::simd::{inlined, lanes, vectorize};
use crate::{Element, Error, Number, Result};
use std::mem::MaybeUninit;

/// Numbers of which the largest can be chosen.
#[expect(private_interfaces, reason = "only this crate implements the trait")]
pub trait Ordered: Number + PartialOrd {
    /// No number is less.
    const LEAST: Self;

    /// Computes rows of outputs in vectors, where there is such a way, and says whether there is.
    #[doc(hidden)]
    fn rows<const PLACES: bool>(_: &Search<'_, Self>, _: &mut [MaybeUninit<Self>], _: &mut [MaybeUninit<u32>]) -> bool {
        false
    }
}

#[expect(private_interfaces, reason = "only this crate implements the trait")]
impl Ordered for f32 {
    const LEAST: Self = Self::NEG_INFINITY;

    fn rows<const PLACES: bool>(
        search: &Search<'_, Self>,
        out: &mut [MaybeUninit<Self>],
        at: &mut [MaybeUninit<u32>],
    ) -> bool {
        vectors::rows::<PLACES>(search, out, at)
    }
}

impl Ordered for f64 {
    const LEAST: Self = Self::NEG_INFINITY;
}

impl Ordered for i64 {
    const LEAST: Self = Self::MIN;
}

/// Rows at least so long are searched in two passes, which vectorise, rather than in one.
const LONG: usize = 64;

/// The largest element of each window; with `places` also its position in its plane, else no positions. The first of
/// equal ones counts, and NaN is larger than any number. A plane has less than 2³² elements.
pub fn maximum<T: Ordered>(x: &[T], planes: usize, axes: &[Windows; 3], places: bool) -> (Vec<T>, Vec<u32>) {
    let _span = profile::kernel("max_pool");
    let axes = &Windows::joined(axes);
    let (input, output) = sizes(axes);
    let (inside, row) = (input.iter().product::<usize>(), output[2]);
    assert_eq!(x.len(), planes * inside, "the length disagrees with the shape");
    assert!(u32::try_from(inside).is_ok(), "a plane is too large for its positions");
    let rows = planes * output[0] * output[1];
    let len = rows * row;
    let (mut out, mut at) = (Vec::with_capacity(len), Vec::with_capacity(if places { len } else { 0 }));
    if len == 0 {
        return (out, at);
    }
    let shared_out = Shared::new(&mut out.spare_capacity_mut()[..len]);
    let shared_at = Shared::new(&mut at.spare_capacity_mut()[..if places { len } else { 0 }]);
    for_each_range(rows, row_grain(axes), |range| {
        let cells = range.start * row..range.end * row;
        // SAFETY: ranges of different tasks are disjoint and the vectors outlive the loop.
        let out = unsafe { shared_out.slice(cells.clone()) };
        let at: &mut [MaybeUninit<u32>] = if places {
            // SAFETY: as above.
            unsafe { shared_at.slice(cells) }
        } else {
            &mut []
        };
        let search = Search { x, axes, inside, first: range.start };
        if places {
            search.rows::<true>(out, at);
        } else {
            search.rows::<false>(out, at);
        }
    });
    // SAFETY: each row has written its outputs, and their positions where those are asked for.
    unsafe {
        out.set_len(len);
        at.set_len(if places { len } else { 0 });
    }
    (out, at)
}

pub(super) struct Search<'a, T> {
    pub(super) x: &'a [T],
    pub(super) axes: &'a [Windows; 3],
    /// Elements of a plane.
    pub(super) inside: usize,
    /// The first row of outputs.
    pub(super) first: usize,
}

impl<T: Ordered> Search<'_, T> {
    fn rows<const PLACES: bool>(&self, out: &mut [MaybeUninit<T>], at: &mut [MaybeUninit<u32>]) {
        if T::rows::<PLACES>(self, out, at) {
            return;
        }
        let [depth, height, width] = self.axes;
        let (row, each) = (width.output(), depth.output() * height.output());
        for (i, out) in out.chunks_exact_mut(row).enumerate() {
            let number = self.first + i;
            let (d, h) = (number % each / height.output(), number % height.output());
            let plane = &self.x[number / each * self.inside..][..self.inside];
            let at = if PLACES { &mut at[i * row..][..row] } else { &mut [] };
            for w in 0..row {
                self.one::<PLACES>(plane, [d, h, w], out, at);
            }
        }
    }

    /// The outputs of a row whose windows are cut.
    pub(super) fn others<const PLACES: bool>(
        &self,
        plane: &[T],
        d: usize,
        h: usize,
        out: &mut [MaybeUninit<T>],
        at: &mut [MaybeUninit<u32>],
    ) {
        for w in self.axes[2].others() {
            self.one::<PLACES>(plane, [d, h, w], out, at);
        }
    }

    /// One output of a row.
    pub(super) fn one<const PLACES: bool>(
        &self,
        plane: &[T],
        [d, h, w]: [usize; 3],
        out: &mut [MaybeUninit<T>],
        at: &mut [MaybeUninit<u32>],
    ) {
        let [depth, height, width] = self.axes;
        let (start, end) = width.span(w);
        let origin = (depth.span(d).0 * height.input() + height.span(h).0) * width.input();
        let (mut best, mut place) = (T::LEAST, origin + start);
        for d in depth.elements(d) {
            for h in height.elements(h) {
                let line = (d * height.input() + h) * width.input();
                if width.dilation() == 1 && end - start >= LONG {
                    let row = &plane[line + start..line + end];
                    let found = vectorize(
                        #[inline(always)]
                        || largest(row, best),
                    );
                    if let Some((value, at)) = found {
                        (best, place) = (value, line + start + at);
                    }
                    continue;
                }
                let mut w = start;
                while w < end {
                    let x = plane[line + w];
                    if x > best || x.is_nan() {
                        (best, place) = (x, line + w);
                    }
                    w += width.dilation();
                }
            }
        }
        out[w].write(best);
        if PLACES {
            // A dilated window may have all its elements in the padding; its gradient must still go somewhere.
            at[w].write(place.min(self.inside - 1) as u32);
        }
    }
}

/// The first of the largest elements of a row, or its last NaN, where it takes the place of `best`.
#[inline(always)]
fn largest<T: Ordered>(row: &[T], best: T) -> Option<(T, usize)> {
    let larger = inlined(
        #[inline(always)]
        |a: T, b: T| a.maximum(b),
    );
    let found = lanes::<32, _, _>(row, T::LEAST, larger, larger);
    if found.is_nan() {
        return row.iter().rposition(|x| x.is_nan()).map(|at| (row[at], at));
    }
    if found > best {
        return row.iter().position(|x| *x == found).map(|at| (found, at));
    }
    None
}

/// The gradient of [`maximum`]: zeros, with each gradient added at the position that was chosen in its plane.
pub fn spread<T: Compute>(grad: &[T], places: &[u32], planes: usize, inside: usize) -> Vec<T> {
    let _span = profile::kernel("max_pool_grad");
    assert_eq!(grad.len(), places.len(), "gradients and positions differ in number");
    let outside = grad.len().checked_div(planes).unwrap_or(0);
    assert_eq!(grad.len(), planes * outside, "the length disagrees with the shape");
    // SAFETY: all is written.
    unsafe {
        build_units(planes * inside, inside, GRAIN_MEMORY, |start, cells| {
            for (i, cells) in cells.chunks_exact_mut(inside).enumerate() {
                let plane = start / inside + i;
                let from = plane * outside..(plane + 1) * outside;
                let cells = zeroed(cells);
                for (g, at) in grad[from.clone()].iter().zip(&places[from]) {
                    cells[*at as usize] += *g;
                }
            }
        })
    }
}

/// The way back of [`maximum`]: zeros, with each value at its position in its plane. Of values with one position the last
/// one stays.
///
/// # Errors
/// [`Error::IndexOutOfRange`]
pub fn place<T: Element>(x: &[T], places: &[i64], planes: usize, inside: usize) -> Result<Vec<T>> {
    let _span = profile::kernel("max_unpool");
    assert_eq!(x.len(), places.len(), "values and positions differ in number");
    if let Some(&index) = places.iter().find(|at| **at as u64 >= inside as u64) {
        return Err(Error::IndexOutOfRange { index, size: inside });
    }
    let outside = x.len().checked_div(planes).unwrap_or(0);
    // SAFETY: all is written.
    Ok(unsafe {
        build_units(planes * inside, inside, GRAIN_MEMORY, |start, cells| {
            for (i, cells) in cells.chunks_exact_mut(inside.max(1)).enumerate() {
                let plane = start / inside + i;
                cells.fill(MaybeUninit::new(T::default()));
                let from = plane * outside..(plane + 1) * outside;
                for (value, at) in x[from.clone()].iter().zip(&places[from]) {
                    cells[*at as usize].write(*value);
                }
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(len: usize) -> Vec<f64> {
        (0..len).map(|i| ((i * 7919) % 1009) as f64 - 500.0).collect()
    }

    /// As PyTorch says it, one output after the other.
    fn naive(x: &[f64], planes: usize, axes: &[Windows; 3]) -> (Vec<f64>, Vec<u32>) {
        let [input, output] = [axes.each_ref().map(Windows::input), axes.each_ref().map(Windows::output)];
        let (mut values, mut places) = (Vec::new(), Vec::new());
        for plane in x.chunks_exact(input.iter().product()).take(planes) {
            for i in 0..output.iter().product() {
                let of = [i / (output[1] * output[2]), i / output[2] % output[1], i % output[2]];
                let (mut best, mut place) = (f64::NEG_INFINITY, None);
                for d in axes[0].elements(of[0]) {
                    for h in axes[1].elements(of[1]) {
                        for w in axes[2].elements(of[2]) {
                            let at = (d * input[1] + h) * input[2] + w;
                            if place.is_none() || plane[at] > best || plane[at].is_nan() {
                                (best, place) = (plane[at], Some(at as u32));
                            }
                        }
                    }
                }
                values.push(best);
                places.extend(place);
            }
        }
        (values, places)
    }

    #[test]
    fn equals_the_definition() {
        let grid = |input: usize, [kernel, stride, padding, dilation]: [usize; 4]| {
            let output = (input + 2 * padding - (kernel - 1) * dilation - 1) / stride + 1;
            Windows::grid(input, output, [kernel, stride, padding, dilation], true)
        };
        let cases = [
            [Windows::single(), grid(8, [2, 2, 0, 1]), grid(60, [2, 2, 0, 1])],
            [Windows::single(), grid(9, [3, 2, 1, 1]), grid(23, [3, 2, 1, 1])],
            [grid(4, [2, 1, 1, 2]), grid(7, [3, 1, 1, 1]), grid(11, [3, 1, 1, 2])],
            [grid(3, [2, 1, 0, 1]), grid(5, [2, 3, 1, 1]), grid(41, [4, 4, 2, 1])],
            [Windows::adaptive(5, 2), Windows::adaptive(6, 1), Windows::adaptive(70, 1)],
            [Windows::single(), Windows::adaptive(7, 3), Windows::adaptive(10, 4)],
            [Windows::single(), Windows::single(), grid(300, [100, 50, 0, 1])],
            [Windows::single(), grid(5, [3, 1, 1, 1]), grid(40, [3, 3, 1, 1])],
            [Windows::single(), grid(5, [2, 1, 0, 2]), grid(41, [3, 2, 1, 2])],
            [grid(5, [3, 2, 1, 1]), grid(6, [1, 1, 0, 1]), grid(37, [2, 4, 0, 1])],
            [Windows::single(), grid(6, [2, 2, 0, 1]), grid(14, [2, 2, 0, 1])],
        ];
        for axes in cases {
            let inside: usize = axes.iter().map(Windows::input).product();
            let mut x = data(3 * inside);
            x[inside + 3] = f64::NEG_INFINITY;
            let (values, places) = maximum(&x, 3, &axes, true);
            assert_eq!((values.clone(), places), naive(&x, 3, &axes));
            assert_eq!(maximum(&x, 3, &axes, false), (values.clone(), vec![]));
            let single: Vec<f32> = x.iter().map(|x| *x as f32).collect();
            let (found, at) = maximum(&single, 3, &axes, true);
            assert_eq!((found.iter().map(|x| f64::from(*x)).collect(), at), naive(&x, 3, &axes));
            assert_eq!(maximum(&single, 3, &axes, false).0, found);
        }
    }

    #[test]
    fn nan_wins_and_the_first_of_equals_counts() {
        let row = |width: usize| [Windows::single(), Windows::single(), Windows::adaptive(width, 1)];
        let mut x = vec![1.0f32; 100];
        assert_eq!(maximum(&x, 1, &row(100), true), (vec![1.0], vec![0]));
        x[30] = f32::NAN;
        x[70] = f32::NAN;
        let (value, place) = maximum(&x, 1, &row(100), true);
        assert!(value[0].is_nan() && place == [70]);
        let (value, place) = maximum(&x[28..32], 1, &row(4), true);
        assert!(value[0].is_nan() && place == [2]);
        assert_eq!(maximum(&[f32::NEG_INFINITY; 4], 1, &row(4), true).1, [0]);
        assert_eq!(maximum(&[i64::MIN, 3, 3], 1, &row(3), true), (vec![3], vec![1]));
    }

    #[test]
    fn windows_of_padding_alone_are_the_least_number() {
        for axes in [
            [Windows::single(), Windows::grid(1, 1, [2, 1, 1, 2], true), Windows::grid(40, 20, [2, 2, 0, 1], true)],
            [Windows::grid(1, 1, [2, 1, 1, 2], true), Windows::grid(3, 2, [2, 1, 0, 1], true), Windows::adaptive(8, 4)],
        ] {
            let inside: usize = axes.iter().map(Windows::input).product();
            let (values, places) = maximum(&vec![1.0f32; inside], 1, &axes, true);
            assert!(values.iter().all(|x| *x == f32::NEG_INFINITY) && !values.is_empty());
            assert!(places.iter().all(|place| (*place as usize) < inside));
        }
    }

    #[test]
    fn values_go_where_they_came_from() {
        assert_eq!(spread(&[1.0f32, 2.0, 4.0, 8.0], &[1, 1, 0, 2], 2, 3), [0.0, 3.0, 0.0, 4.0, 0.0, 8.0]);
        assert_eq!(place(&[1.0f32, 2.0], &[2, 0], 2, 3).unwrap(), [0.0, 0.0, 1.0, 2.0, 0.0, 0.0]);
        assert!(place(&[1.0f32], &[3], 1, 3).is_err() && place(&[1.0f32], &[-1], 1, 3).is_err());
        assert!(spread::<f32>(&[], &[], 0, 3).is_empty());
    }
}
