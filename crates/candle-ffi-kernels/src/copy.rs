//! Contiguous copies, casts and fills.

use crate::profile;
use std::mem::MaybeUninit;

use crate::Element;
use crate::parallel::{GRAIN_MATH, GRAIN_MEMORY, Shared, build, for_each_part, for_each_range};
use crate::simd::vectorize;
use crate::strided::{Strided, StridedMut, Walk, copy_to_uninit};

/// The elements of a view in row-major order.
pub fn contiguous<T: Element>(src: Strided<'_, T>) -> Vec<T> {
    let _span = profile::kernel("contiguous");
    let len = src.checked_len();
    let mut result = Vec::with_capacity(len);
    contiguous_to(src, &mut result.spare_capacity_mut()[..len]);
    // SAFETY: `contiguous_to` writes every element.
    unsafe { result.set_len(len) };
    result
}

/// Copies `src` over `dst`; the shapes are equal.
pub fn copy_into<T: Element>(dst: StridedMut<'_, T>, src: Strided<'_, T>) {
    let _span = profile::kernel("copy_into");
    assert_eq!(dst.shape, src.shape, "copy between different shapes");
    let len = dst.checked_len();
    src.checked_len();
    if len == 0 {
        return;
    }
    // Walked in the order of the destination's memory, a permuted destination is a contiguous one.
    let mut order: Vec<usize> = (0..dst.shape.len()).collect();
    order.sort_by_key(|&d| std::cmp::Reverse(dst.strides[d]));
    let pick = |values: &[usize]| order.iter().map(|&d| values[d]).collect::<Vec<_>>();
    let (shape, to, from) = (pick(dst.shape), pick(dst.strides), pick(src.strides));
    let src = Strided::new(src.data, src.offset, &shape, &from);
    if Strided::new(&*dst.data, dst.offset, &shape, &to).is_contiguous() {
        let target = &mut dst.data[dst.offset..dst.offset + len];
        // SAFETY: initialised memory may be seen as memory that perhaps is not; only values are written to it.
        let target = unsafe { &mut *(std::ptr::from_mut(target) as *mut [MaybeUninit<T>]) };
        contiguous_to(src, target);
        return;
    }
    let walk = Walk::new(&shape, [dst.offset, src.offset], [&to, src.strides]);
    let [to, from] = walk.dims()[0].1;
    let target = Shared::new(dst.data);
    // Runs with gaps may interleave, and so stay in one thread.
    for_each_range(len, if to == 1 { GRAIN_MEMORY } else { len }, |range| {
        walk.runs(range.start, range.end, |_, run, [at, source]| {
            // SAFETY: views were checked, and different elements of `dst` are different memory.
            let target = unsafe { target.slice(at..at + (run - 1) * to + 1) };
            if (to, from) == (1, 1) {
                target.copy_from_slice(&src.data[source..source + run]);
            } else {
                for (i, cell) in target.iter_mut().step_by(to).enumerate() {
                    *cell = src.data[source + i * from];
                }
            }
        });
    });
}

/// Writes the elements of a checked view, in row-major order, to `target`.
fn contiguous_to<T: Element>(src: Strided<'_, T>, target: &mut [MaybeUninit<T>]) {
    if target.is_empty() {
        return;
    }
    if let Some(data) = src.as_contiguous() {
        for_each_part(target, 1, GRAIN_MEMORY, |start, part| copy_to_uninit(&data[start..start + part.len()], part));
        return;
    }
    let walk = Walk::new(src.shape, [src.offset], [src.strides]);
    let (inner, [stride]) = walk.dims()[0];
    if stride > 1
        && let Some(across) = walk.dims()[1..].iter().position(|(size, [stride])| *stride == 1 && *size >= 4)
    {
        transpose_to(src.data, &walk, across + 1, target);
        return;
    }
    for_each_part(target, 1, if inner < 16 { GRAIN_MATH } else { GRAIN_MEMORY }, |start, part| {
        walk.runs(start, start + part.len(), |position, run, [offset]| {
            let part = &mut part[position - start..][..run];
            match stride {
                0 => part.fill(MaybeUninit::new(src.data[offset])),
                1 => copy_to_uninit(&src.data[offset..offset + run], part),
                _ => {
                    for (cell, value) in part.iter_mut().zip(src.data[offset..].iter().step_by(stride)) {
                        cell.write(*value);
                    }
                }
            }
        });
    });
}

/// The edge of the squares in which a transposition works: both sides stay in the first-level cache.
const TILE: usize = 32;

/// Copies where the source is contiguous along dimension `across` of the walk and not along the innermost one.
fn transpose_to<T: Element>(data: &[T], walk: &Walk<1>, across: usize, target: &mut [MaybeUninit<T>]) {
    let dims = walk.dims();
    let (columns, [column_stride]) = dims[0];
    let rows = dims[across].0;
    let row_step: usize = dims[..across].iter().map(|(size, _)| size).product();
    // All other dimensions, each with its stride in the source and its step in the target.
    let mut step = 1;
    let mut others = Vec::new();
    for (d, &(size, [stride])) in dims.iter().enumerate() {
        if d != 0 && d != across {
            others.push((size, stride, step));
        }
        step *= size;
    }
    let planes: usize = others.iter().map(|(size, ..)| size).product();
    let strips = rows.div_ceil(TILE);
    let offset = walk.offset();
    let shared = Shared::new(target);
    for_each_range(planes * strips, GRAIN_MATH.div_ceil(TILE * columns), |range| {
        for task in range {
            let (mut plane, first_row) = (task / strips, task % strips * TILE);
            let (mut source, mut at) = (offset + first_row, first_row * row_step);
            for &(size, stride, step) in &others {
                source += plane % size * stride;
                at += plane % size * step;
                plane /= size;
            }
            let height = TILE.min(rows - first_row);
            for first_column in (0..columns).step_by(TILE) {
                let width = TILE.min(columns - first_column);
                let source = &data[source + first_column * column_stride..][..(width - 1) * column_stride + height];
                let mut tile = [[MaybeUninit::<T>::uninit(); TILE]; TILE];
                if (height, width) == (TILE, TILE) {
                    vectorize(
                        #[inline(always)]
                        || {
                            for column in 0..TILE {
                                let source = &source[column * column_stride..][..TILE];
                                for row in 0..TILE {
                                    tile[row][column].write(source[row]);
                                }
                            }
                        },
                    );
                } else {
                    for column in 0..width {
                        for row in 0..height {
                            tile[row][column].write(source[column * column_stride + row]);
                        }
                    }
                }
                for (row, line) in tile.iter().enumerate().take(height) {
                    let at = at + row * row_step + first_column;
                    // SAFETY: each element of the target belongs to one strip of one plane.
                    unsafe { shared.slice(at..at + width) }.copy_from_slice(&line[..width]);
                }
            }
        }
    });
}

/// Converts each element: C's casts, as PyTorch on x86 does them.
pub fn cast<S: Element, D: Element>(src: &[S]) -> Vec<D> {
    let _span = profile::kernel("cast");
    map(src, GRAIN_MEMORY, S::cast::<D>)
}

/// 1 for each element that is not 0 (NaN is not 0), else 0.
pub fn cast_to_bool<S: Element>(src: &[S]) -> Vec<u8> {
    let _span = profile::kernel("cast_to_bool");
    let zero = S::from_i32(0).widen();
    map(
        src,
        GRAIN_MEMORY,
        #[inline(always)]
        move |x: S| u8::from(x.widen() != zero),
    )
}

/// `len` times `value`.
pub fn fill<T: Element>(value: T, len: usize) -> Vec<T> {
    let _span = profile::kernel("fill");
    // SAFETY: `fill` writes every element.
    unsafe { build(len, GRAIN_MEMORY, |_, part| part.fill(MaybeUninit::new(value))) }
}

/// `f(0), f(1), …`.
pub fn from_fn<T: Element>(len: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let _span = profile::kernel("from_fn");
    // SAFETY: the loop writes every element.
    unsafe {
        build(len, GRAIN_MATH, |start, part| {
            for (i, cell) in part.iter_mut().enumerate() {
                cell.write(f(start + i));
            }
        })
    }
}

/// Applies an `#[inline(always)]` function to each element, vectorised.
#[inline(always)]
pub(crate) fn map<S: Copy + Sync, D: Copy + Send>(src: &[S], grain: usize, f: impl Fn(S) -> D + Copy + Sync) -> Vec<D> {
    // SAFETY: the loop writes every element.
    unsafe {
        build(src.len(), grain, |start, part| {
            let src = &src[start..start + part.len()];
            vectorize(
                #[inline(always)]
                || {
                    for (cell, value) in part.iter_mut().zip(src) {
                        cell.write(f(*value));
                    }
                },
            );
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(src: Strided<'_, u32>) -> Vec<u32> {
        let walk_all = |index: usize| {
            let (mut rest, mut at) = (index, src.offset);
            for (size, stride) in src.shape.iter().zip(src.strides).rev() {
                at += rest % size * stride;
                rest /= size;
            }
            src.data[at]
        };
        (0..src.len()).map(walk_all).collect()
    }

    #[test]
    fn any_strides_become_contiguous() {
        let data: Vec<u32> = (0..200_000).collect();
        let cases: &[(&[usize], &[usize])] = &[
            (&[], &[]),
            (&[0, 3], &[3, 1]),
            (&[300, 200], &[1, 300]),
            (&[33, 65], &[1, 40]),
            (&[4, 70, 90], &[6300, 1, 70]),
            (&[90, 4, 70], &[1, 6300, 90]),
            (&[5, 6, 7, 8], &[1, 5, 30, 210]),
            (&[50, 60], &[0, 1]),
            (&[50, 60], &[1, 0]),
            (&[50, 60], &[0, 0]),
            (&[50, 60], &[121, 2]),
            (&[400, 450], &[450, 1]),
        ];
        for (shape, strides) in cases {
            let view = Strided::new(&data, 7, shape, strides);
            assert_eq!(contiguous(view), naive(view), "{shape:?} {strides:?}");
        }
    }

    #[test]
    fn copies_into_permuted_and_sliced_destinations() {
        let src: Vec<u32> = (0..300 * 200).collect();
        for strides in [[200, 1], [1, 300], [400, 2], [2, 600]] {
            let mut dst = vec![u32::MAX; 130_000];
            let shape = [300, 200];
            let from = Strided::new(&src, 0, &shape, &[200, 1]);
            copy_into(StridedMut { data: &mut dst, offset: 5, shape: &shape, strides: &strides }, from);
            assert_eq!(naive(Strided::new(&dst, 5, &shape, &strides)), src);
            assert_eq!(dst.iter().filter(|x| **x == u32::MAX).count(), 130_000 - src.len());
        }
    }

    #[test]
    fn casts_and_fills() {
        assert_eq!(cast::<f32, u8>(&[-1.0, 300.0, 2.9]), [255, 44, 2]);
        assert_eq!(cast_to_bool(&[0.0f32, -0.0, f32::NAN, 0.1]), [0, 0, 1, 1]);
        assert_eq!(fill(3i64, 70_000), vec![3i64; 70_000]);
        assert_eq!(from_fn(3, |i| i as f64), [0.0, 1.0, 2.0]);
        assert!(cast::<f32, f64>(&[]).is_empty());
    }
}
