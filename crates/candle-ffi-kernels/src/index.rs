//! Reading and writing through indices. All indices are checked before anything is written.

use crate::profile;
use std::mem::MaybeUninit;

use crate::binary::reader;
use crate::parallel::{GRAIN_MATH, GRAIN_MEMORY, Shared, build_units, for_each_range};
use crate::strided::{BLOCK, Buffer, Reader, Strided, copy_to_uninit};
use crate::{Element, Error, Number, Result};

fn check_slice(index: &[i64], size: usize) -> Result<()> {
    // Read as unsigned, a negative index is too large as well.
    match index.iter().find(|index| **index as u64 >= size as u64) {
        Some(&index) => Err(Error::IndexOutOfRange { index, size }),
        None => Ok(()),
    }
}

fn check_view(index: &Reader<'_, i64>, len: usize, size: usize) -> Result<()> {
    let mut buffer = Buffer::new();
    let step = index.longest().min(len.max(1));
    (0..len)
        .step_by(step)
        .try_for_each(|start| check_slice(index.block(start, step.min(len - start), &mut buffer), size))
}

/// Calls `f(linear position, place of the element with index 0 along `dim`)` for `range` of an index of `shape`.
#[inline]
fn places(
    range: std::ops::Range<usize>,
    shape: &[usize],
    strides: &[usize],
    dim: usize,
    mut f: impl FnMut(usize, usize),
) {
    if range.is_empty() {
        return;
    }
    let rank = shape.len();
    let mut counters = vec![0; rank];
    let (mut rest, mut place) = (range.start, 0);
    for d in (0..rank).rev() {
        counters[d] = rest % shape[d];
        rest /= shape[d];
        if d != dim {
            place += counters[d] * strides[d];
        }
    }
    for position in range {
        f(position, place);
        for d in (0..rank).rev() {
            let stride = if d == dim { 0 } else { strides[d] };
            counters[d] += 1;
            if counters[d] < shape[d] {
                place += stride;
                break;
            }
            counters[d] = 0;
            place -= (shape[d] - 1) * stride;
        }
    }
}

fn check_shapes(index: &[usize], indexed: &[usize], dim: usize) {
    assert_eq!(index.len(), indexed.len(), "index and array differ in rank");
    let fits = index.iter().zip(indexed).enumerate().all(|(d, (index, size))| d == dim || index <= size);
    assert!(fits, "the index is larger than the array");
}

/// `out[i][j][k] = src[index[i][j][k]][j][k]` for `dim` 0, and so on; the index may be smaller than `src` elsewhere.
///
/// # Errors
/// [`Error::IndexOutOfRange`]
pub fn gather<T: Element>(src: Strided<'_, T>, dim: usize, index: Strided<'_, i64>) -> Result<Vec<T>> {
    let _span = profile::kernel("gather");
    let len = index.len();
    if index.shape.is_empty() {
        check_slice(&index.data[index.offset..=index.offset], 1)?;
        return Ok(vec![src.data[src.offset]]);
    }
    check_shapes(index.shape, src.shape, dim);
    if len == 0 {
        return Ok(Vec::new());
    }
    let mut owned = Vec::new();
    let indices = reader(index, &mut owned);
    check_view(&indices, len, src.shape[dim])?;
    src.checked_len();
    let step = src.strides[dim];
    // SAFETY: the loop writes every element.
    Ok(unsafe {
        build_units(len, BLOCK, GRAIN_MATH, |start, out| {
            let mut buffer = Buffer::new();
            let mut position = start;
            for out in out.chunks_mut(BLOCK) {
                let block = indices.block(position, out.len(), &mut buffer);
                places(position..position + out.len(), index.shape, src.strides, dim, |at, place| {
                    let i = at - position;
                    out[i].write(src.data[src.offset + place + block[i] as usize * step]);
                });
                position += out.len();
            }
        })
    })
}

/// What happens to an element that an index meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scatter {
    /// The source replaces it; of several, the last.
    Assign,
    /// The source is added.
    Add,
    /// It is multiplied by the source.
    Mul,
    /// The larger of both; NaN where there is one.
    Max,
    /// The smaller of both; NaN where there is one.
    Min,
}

/// `dst[index[i][j][k]][j][k] = src[i][j][k]` for `dim` 0, and so on, or `+=` or another operation. `dst` is contiguous, of
/// `shape`. Indices may repeat: one thread works in order, so that results do not depend on threads.
///
/// # Errors
/// [`Error::IndexOutOfRange`]; `dst` is then as it was.
pub fn scatter<T: Number>(
    op: Scatter,
    dst: &mut [T],
    shape: &[usize],
    dim: usize,
    index: Strided<'_, i64>,
    src: Strided<'_, T>,
) -> Result<()> {
    let _span = profile::kernel("scatter");
    match op {
        Scatter::Assign => scatter_by(dst, shape, dim, index, src, |_, x| x),
        Scatter::Add => scatter_by(dst, shape, dim, index, src, T::add),
        Scatter::Mul => scatter_by(dst, shape, dim, index, src, T::mul),
        Scatter::Max => scatter_by(dst, shape, dim, index, src, T::maximum),
        Scatter::Min => scatter_by(dst, shape, dim, index, src, T::minimum),
    }
}

fn scatter_by<T: Number>(
    dst: &mut [T],
    shape: &[usize],
    dim: usize,
    index: Strided<'_, i64>,
    src: Strided<'_, T>,
    join: impl Fn(T, T) -> T,
) -> Result<()> {
    assert_eq!(index.shape, src.shape, "index and source differ in shape");
    let len = index.len();
    if shape.is_empty() {
        check_slice(&index.data[index.offset..=index.offset], 1)?;
        dst[0] = join(dst[0], src.data[src.offset]);
        return Ok(());
    }
    check_shapes(index.shape, shape, dim);
    if len == 0 {
        return Ok(());
    }
    let (mut own_index, mut own_src) = (Vec::new(), Vec::new());
    let (indices, values) = (reader(index, &mut own_index), reader(src, &mut own_src));
    check_view(&indices, len, shape[dim])?;
    let mut strides = vec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d];
    }
    let (mut index_buffer, mut value_buffer) = (Buffer::new(), Buffer::new());
    for start in (0..len).step_by(BLOCK) {
        let end = (start + BLOCK).min(len);
        let block = indices.block(start, end - start, &mut index_buffer);
        let values = values.block(start, end - start, &mut value_buffer);
        places(start..end, index.shape, &strides, dim, |at, place| {
            let i = at - start;
            let cell = &mut dst[place + block[i] as usize * strides[dim]];
            *cell = join(*cell, values[i]);
        });
    }
    Ok(())
}

/// `out[o][i] = src[o][index[i]]` for rows of `inner` elements; `src` is contiguous `[outer, n, inner]`.
///
/// # Errors
/// [`Error::IndexOutOfRange`]
pub fn index_select<T: Element>(src: &[T], outer: usize, n: usize, inner: usize, index: &[i64]) -> Result<Vec<T>> {
    let _span = profile::kernel("index_select");
    assert_eq!(src.len(), outer * n * inner, "the length disagrees with the shape");
    check_slice(index, n)?;
    let (count, len) = (index.len(), outer * index.len() * inner);
    if len == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: every row is written.
    Ok(unsafe {
        build_units(len, inner, GRAIN_MEMORY / 4, |start, out: &mut [MaybeUninit<T>]| {
            for (i, out) in out.chunks_exact_mut(inner).enumerate() {
                let row = start / inner + i;
                let from = (row / count * n + index[row % count] as usize) * inner;
                if inner == 1 {
                    out[0].write(src[from]);
                } else {
                    copy_to_uninit(&src[from..from + inner], out);
                }
            }
        })
    })
}

/// `dst[o][index[i]] += src[o][i]` for rows of `inner` elements; `dst` is contiguous `[outer, n, inner]`, `src`
/// `[outer, index.len(), inner]`. Repeated indices are added in their order.
///
/// # Errors
/// [`Error::IndexOutOfRange`]; `dst` is then as it was.
pub fn index_add<T: Number>(
    dst: &mut [T],
    outer: usize,
    n: usize,
    inner: usize,
    index: &[i64],
    src: &[T],
) -> Result<()> {
    let _span = profile::kernel("index_add");
    assert_eq!(dst.len(), outer * n * inner, "the length disagrees with the shape");
    assert_eq!(src.len(), outer * index.len() * inner, "the length disagrees with the shape");
    check_slice(index, n)?;
    if src.is_empty() {
        return Ok(());
    }
    let shared = Shared::new(dst);
    // Planes are independent; within one the order of the additions is that of the index.
    for_each_range(outer, (GRAIN_MEMORY / 4).div_ceil(index.len() * inner), |planes| {
        for plane in planes {
            // SAFETY: planes are disjoint and `dst` is borrowed for the whole call.
            let dst = unsafe { shared.slice(plane * n * inner..(plane + 1) * n * inner) };
            let src = &src[plane * index.len() * inner..][..index.len() * inner];
            for (row, src) in index.iter().zip(src.chunks_exact(inner)) {
                for (cell, x) in dst[*row as usize * inner..][..inner].iter_mut().zip(src) {
                    *cell = cell.add(*x);
                }
            }
        }
    });
    Ok(())
}

/// A row of `classes` for each index, 1 at its place and 0 elsewhere.
///
/// # Errors
/// [`Error::IndexOutOfRange`]
pub fn one_hot(index: &[i64], classes: usize) -> Result<Vec<i64>> {
    let _span = profile::kernel("one_hot");
    check_slice(index, classes)?;
    let mut result = vec![0; index.len() * classes];
    for (row, index) in result.chunks_exact_mut(classes.max(1)).zip(index) {
        row[*index as usize] = 1;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathers_and_scatters() {
        let src: Vec<i32> = (0..24).collect();
        let src = Strided::new(&src, 0, &[2, 3, 4], &[12, 4, 1]);
        let index = [2i64, 0, 1, 1, 0, 2, 2, 2];
        let index = Strided::new(&index, 0, &[2, 2, 2], &[4, 2, 1]);
        let out = gather(src, 1, index);
        assert_eq!(out, Ok(vec![8, 1, 4, 5, 12, 21, 20, 21]));
        let mut dst = vec![0; 24];
        let ones = [1];
        let ones = Strided::new(&ones, 0, &[2, 2, 2], &[0, 0, 0]);
        assert_eq!(scatter(Scatter::Add, &mut dst, &[2, 3, 4], 1, index, ones), Ok(()));
        assert_eq!((dst[8], dst[21], dst.iter().sum::<i32>()), (1, 2, 8));
        let transposed = Strided::new(src.data, 0, &[4, 3, 2], &[1, 4, 12]);
        let index = [1i64; 3];
        let index = Strided::new(&index, 0, &[1, 3, 1], &[3, 1, 1]);
        assert_eq!(gather(transposed, 2, index), Ok(vec![12, 16, 20]));
    }

    #[test]
    fn scatters_join_what_meets() {
        let (index, src) = ([1i64, 1, 0], [5.0f32, 3.0, f32::NAN]);
        let (index, src) = (Strided::new(&index, 0, &[3], &[1]), Strided::new(&src, 0, &[3], &[1]));
        let result = |op| {
            let mut dst = [2.0f32, 4.0];
            scatter(op, &mut dst, &[2], 0, index, src).map(|()| (dst[0].is_nan(), dst[1]))
        };
        assert_eq!(result(Scatter::Assign), Ok((true, 3.0)));
        assert_eq!(result(Scatter::Mul), Ok((true, 60.0)));
        assert_eq!(result(Scatter::Max), Ok((true, 5.0)));
        assert_eq!(result(Scatter::Min), Ok((true, 3.0)));
    }

    #[test]
    fn large_gathers_equal_a_loop() {
        let n = 300;
        let src: Vec<f32> = (0..n * n).map(|i| i as f32).collect();
        let index: Vec<i64> = (0..n * n).map(|i| ((i * 7919) % n) as i64).collect();
        let (shape, transposed) = ([n, n], [1, n]);
        for dim in 0..2 {
            let view = Strided::new(&src, 0, &shape, &transposed);
            let out = gather(view, dim, Strided::new(&index, 0, &shape, &[n, 1]));
            let expected = (0..n * n).map(|at| {
                let (i, j, k) = (at / n, at % n, index[at] as usize);
                src[if dim == 0 { k + j * n } else { i + k * n }]
            });
            assert_eq!(out, Ok(expected.collect()));
        }
    }

    #[test]
    fn rows() {
        let src = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(index_select(&src, 1, 3, 2, &[2, 0, 2]), Ok(vec![5.0, 6.0, 1.0, 2.0, 5.0, 6.0]));
        assert_eq!(index_select(&src, 2, 3, 1, &[1]), Ok(vec![2.0, 5.0]));
        let mut dst = [0.0f32; 6];
        assert_eq!(index_add(&mut dst, 1, 3, 2, &[1, 1], &[1.0, 2.0, 3.0, 4.0]), Ok(()));
        assert_eq!(dst, [0.0, 0.0, 4.0, 6.0, 0.0, 0.0]);
        assert_eq!(one_hot(&[1, 0], 3), Ok(vec![0, 1, 0, 1, 0, 0]));
        assert_eq!(one_hot(&[], 0), Ok(vec![]));
    }

    #[test]
    fn bad_indices_are_refused_and_nothing_is_written() {
        let src = [1.0f32, 2.0];
        assert_eq!(index_select(&src, 1, 2, 1, &[2]), Err(Error::IndexOutOfRange { index: 2, size: 2 }));
        assert_eq!(one_hot(&[-1], 3), Err(Error::IndexOutOfRange { index: -1, size: 3 }));
        let mut dst = [0.0f32; 2];
        let index = [0i64, 5];
        let result = scatter(
            Scatter::Add,
            &mut dst,
            &[2],
            0,
            Strided::new(&index, 0, &[2], &[1]),
            Strided::new(&src, 0, &[2], &[1]),
        );
        assert_eq!(result, Err(Error::IndexOutOfRange { index: 5, size: 2 }));
        assert!(index_add(&mut dst, 1, 2, 1, &index, &src).is_err());
        assert_eq!(dst, [0.0, 0.0]);
        assert!(gather(Strided::new(&src, 0, &[2], &[1]), 0, Strided::new(&[-1], 0, &[1], &[1])).is_err());
    }
}
