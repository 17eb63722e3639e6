//! Views with strides, and how kernels walk them.

use std::mem::MaybeUninit;

/// A read-only array: element strides, never negative, 0 where a dimension is broadcast.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a, T> {
    /// The storage.
    pub data: &'a [T],
    /// Where the first element stands.
    pub offset: usize,
    /// The size of each dimension.
    pub shape: &'a [usize],
    /// The distance of neighbours along each dimension.
    pub strides: &'a [usize],
}

/// An array to write to. No two index tuples may name the same element.
#[derive(Debug)]
pub struct StridedMut<'a, T> {
    /// The storage.
    pub data: &'a mut [T],
    /// Where the first element stands.
    pub offset: usize,
    /// The size of each dimension.
    pub shape: &'a [usize],
    /// The distance of neighbours along each dimension.
    pub strides: &'a [usize],
}

fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        if size != 1 {
            if stride != expected {
                return false;
            }
            expected *= size;
        }
    }
    true
}

/// The number of elements of a shape. Panics where it does not fit: a wrapped product would be taken for a small array.
#[inline]
pub(crate) fn count(shape: &[usize]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    let product = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    assert!(product.is_some(), "a view has too many elements");
    product.unwrap_or_default()
}

/// Panics unless every element lies in a storage of `available` elements: the kernels rely on it.
fn check(available: usize, offset: usize, shape: &[usize], strides: &[usize]) -> usize {
    assert_eq!(shape.len(), strides.len(), "shape and strides differ in rank");
    let len = count(shape);
    if len > 0 {
        let last = shape
            .iter()
            .zip(strides)
            .try_fold(offset, |last, (size, stride)| last.checked_add((size - 1).checked_mul(*stride)?));
        assert!(last.is_some_and(|last| last < available), "a view reaches beyond its storage");
    }
    len
}

/// Panics unless each dimension steps over all that the finer ones span, so that no element is named twice: writing
/// through a view relies on it. Every slice and permutation of a contiguous array passes. The view is in bounds.
fn check_distinct(shape: &[usize], strides: &[usize]) {
    let mut dims: Vec<(usize, usize)> =
        strides.iter().zip(shape).filter(|(_, size)| **size > 1).map(|(stride, size)| (*stride, *size)).collect();
    dims.sort_unstable();
    let mut span = 0;
    for (stride, size) in dims {
        assert!(stride > span, "a view to write to names an element twice");
        span += (size - 1) * stride;
    }
}

impl<'a, T> Strided<'a, T> {
    /// A view of `data`.
    #[inline]
    pub fn new(data: &'a [T], offset: usize, shape: &'a [usize], strides: &'a [usize]) -> Self {
        Strided { data, offset, shape, strides }
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        count(self.shape)
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the elements stand one after the other in row-major order.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.shape.contains(&0) || is_contiguous(self.shape, self.strides)
    }

    /// The elements as a slice, where they are contiguous.
    #[inline]
    pub fn as_contiguous(&self) -> Option<&'a [T]> {
        let len = self.len();
        if len == 0 {
            return Some(&[]);
        }
        is_contiguous(self.shape, self.strides).then(|| &self.data[self.offset..self.offset + len])
    }

    /// Whether all elements are one and the same.
    #[inline]
    pub fn is_scalar(&self) -> bool {
        self.shape.iter().zip(self.strides).all(|(&size, &stride)| stride == 0 || size == 1)
    }

    /// Checks the bounds of the view and returns its length.
    #[inline]
    pub(crate) fn checked_len(&self) -> usize {
        check(self.data.len(), self.offset, self.shape, self.strides)
    }
}

impl<T> StridedMut<'_, T> {
    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        count(self.shape)
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as a slice, where they are contiguous.
    #[inline]
    pub fn as_contiguous_mut(&mut self) -> Option<&mut [T]> {
        let len = self.len();
        if len == 0 {
            return Some(&mut []);
        }
        is_contiguous(self.shape, self.strides).then(|| &mut self.data[self.offset..self.offset + len])
    }

    /// Checks the bounds of the view, and that no element is named twice, and returns its length.
    #[inline]
    pub(crate) fn checked_len(&self) -> usize {
        let len = check(self.data.len(), self.offset, self.shape, self.strides);
        if len > 1 && !is_contiguous(self.shape, self.strides) {
            check_distinct(self.shape, self.strides);
        }
        len
    }
}

/// The dimensions of `N` arrays of one shape, after merging neighbours that are one dimension to all of them.
/// The innermost comes first; each entry is a size and a stride per array.
#[derive(Clone, Debug)]
pub(crate) struct Walk<const N: usize> {
    dims: Vec<(usize, [usize; N])>,
    offsets: [usize; N],
    len: usize,
}

impl<const N: usize> Walk<N> {
    pub(crate) fn new(shape: &[usize], offsets: [usize; N], strides: [&[usize]; N]) -> Self {
        let mut dims: Vec<(usize, [usize; N])> = Vec::with_capacity(shape.len().max(1));
        for (d, &size) in shape.iter().enumerate().rev() {
            if size == 1 {
                continue;
            }
            let own = std::array::from_fn(|i| strides[i][d]);
            if let Some((inner_size, inner)) = dims.last_mut()
                && (0..N).all(|i| own[i] == inner[i] * *inner_size)
            {
                *inner_size *= size;
                continue;
            }
            dims.push((size, own));
        }
        if dims.is_empty() {
            dims.push((1, [1; N]));
        }
        Walk { dims, offsets, len: count(shape) }
    }

    /// Where the first element of the first array stands.
    pub(crate) fn offset(&self) -> usize {
        self.offsets[0]
    }

    /// The merged dimensions, innermost first.
    pub(crate) fn dims(&self) -> &[(usize, [usize; N])] {
        &self.dims
    }

    /// Calls `f(position, length, offsets)` for each run along the innermost dimension that makes up the elements
    /// `start..end` in row-major order.
    #[inline]
    pub(crate) fn runs(&self, start: usize, end: usize, mut f: impl FnMut(usize, usize, [usize; N])) {
        debug_assert!(end <= self.len);
        if start >= end {
            return;
        }
        let (inner_size, inner) = self.dims[0];
        let outer = &self.dims[1..];
        let mut counters = [0usize; 16];
        let mut spilled = Vec::new();
        let counters = if outer.len() <= 16 {
            &mut counters[..outer.len()]
        } else {
            spilled.resize(outer.len(), 0);
            &mut spilled[..]
        };
        let mut offsets = self.offsets;
        let mut within = start % inner_size;
        let mut rest = start / inner_size;
        for (counter, (size, strides)) in counters.iter_mut().zip(outer) {
            *counter = rest % size;
            rest /= size;
            for i in 0..N {
                offsets[i] += *counter * strides[i];
            }
        }
        let mut position = start;
        loop {
            let length = (inner_size - within).min(end - position);
            f(position, length, std::array::from_fn(|i| offsets[i] + within * inner[i]));
            position += length;
            if position >= end {
                return;
            }
            within = 0;
            for (counter, (size, strides)) in counters.iter_mut().zip(outer) {
                *counter += 1;
                if *counter < *size {
                    for i in 0..N {
                        offsets[i] += strides[i];
                    }
                    break;
                }
                *counter = 0;
                for i in 0..N {
                    offsets[i] -= (size - 1) * strides[i];
                }
            }
        }
    }
}

/// The number of elements that are brought together before a vectorised loop runs over them.
pub(crate) const BLOCK: usize = 1024;

/// Serves the elements of a view in row-major order, in contiguous blocks.
pub(crate) enum Reader<'a, T> {
    /// The view is contiguous already.
    Direct(&'a [T]),
    /// The view repeats one element.
    Scalar(T),
    /// Everything else is copied together.
    Gather(&'a [T], Walk<1>),
}

/// Room for one block of a reader.
pub(crate) struct Buffer<T> {
    cells: [MaybeUninit<T>; BLOCK],
    filled: bool,
}

impl<T: Copy> Buffer<T> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Buffer { cells: [MaybeUninit::uninit(); BLOCK], filled: false }
    }
}

impl<'a, T: Copy> Reader<'a, T> {
    pub(crate) fn new(view: Strided<'a, T>) -> Self {
        if let Some(data) = view.as_contiguous() {
            Reader::Direct(data)
        } else if view.is_scalar() {
            Reader::Scalar(view.data[view.offset])
        } else {
            view.checked_len();
            Reader::Gather(view.data, Walk::new(view.shape, [view.offset], [view.strides]))
        }
    }

    /// The elements `start..start + length`; `length` is at most [`BLOCK`] unless the view is contiguous.
    #[inline]
    pub(crate) fn block<'b>(&'b self, start: usize, length: usize, buffer: &'b mut Buffer<T>) -> &'b [T] {
        match self {
            Reader::Direct(data) => return &data[start..start + length],
            Reader::Scalar(value) => {
                if !buffer.filled {
                    buffer.cells.fill(MaybeUninit::new(*value));
                    buffer.filled = true;
                }
            }
            Reader::Gather(data, walk) => {
                let target = &mut buffer.cells[..length];
                let stride = walk.dims()[0].1[0];
                walk.runs(start, start + length, |position, run, [offset]| {
                    let target = &mut target[position - start..][..run];
                    match stride {
                        0 => target.fill(MaybeUninit::new(data[offset])),
                        1 => copy_to_uninit(&data[offset..offset + run], target),
                        _ => {
                            let source = &data[offset..offset + (run - 1) * stride + 1];
                            for (cell, value) in target.iter_mut().zip(source.iter().step_by(stride)) {
                                cell.write(*value);
                            }
                        }
                    }
                });
            }
        }
        // SAFETY: the first `length` cells have been written.
        unsafe { std::slice::from_raw_parts(buffer.cells[..length].as_ptr().cast(), length) }
    }

    /// The longest block that can be served at once.
    #[inline]
    pub(crate) fn longest(&self) -> usize {
        if matches!(self, Reader::Direct(_)) { usize::MAX } else { BLOCK }
    }
}

/// Copies into memory that is not initialised.
#[inline(always)]
pub(crate) fn copy_to_uninit<T: Copy>(source: &[T], target: &mut [MaybeUninit<T>]) {
    assert_eq!(source.len(), target.len());
    // SAFETY: both are valid for that many elements, and `&mut` cannot overlap `&`.
    unsafe { std::ptr::copy_nonoverlapping(source.as_ptr(), target.as_mut_ptr().cast(), source.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contiguous_dimensions_merge() {
        let walk = Walk::new(&[2, 3, 4], [0], [&[12, 4, 1]]);
        assert_eq!(walk.dims(), [(24, [1])]);
        let walk = Walk::new(&[2, 3, 4], [0, 0], [&[12, 4, 1], &[0, 0, 1]]);
        assert_eq!(walk.dims(), [(4, [1, 1]), (6, [4, 0])]);
        assert!(Strided::new(&[0u8; 0], 0, &[3, 0], &[7, 7]).is_contiguous());
    }

    #[test]
    fn a_reader_serves_row_major_order() {
        let data: Vec<u32> = (0..61).collect();
        let view = Strided::new(&data, 3, &[4, 3, 5], &[1, 19, 4]);
        let mut expected = Vec::new();
        for i in 0..4 {
            for j in 0..3 {
                for k in 0..5 {
                    expected.push(data[3 + i + 19 * j + 4 * k]);
                }
            }
        }
        let reader = Reader::new(view);
        for start in 0..60 {
            for length in 0..=60 - start {
                assert_eq!(reader.block(start, length, &mut Buffer::new()), &expected[start..start + length]);
            }
        }
    }

    #[test]
    fn views_that_cannot_be_written_to_are_refused() {
        let len = |shape: &[usize], strides: &[usize]| {
            StridedMut { data: &mut [0u8; 24], offset: 0, shape, strides }.checked_len()
        };
        for strides in [[6, 3, 1], [1, 2, 6], [12, 1, 5], [0, 3, 1]] {
            assert_eq!(len(&[if strides[0] == 0 { 1 } else { 2 }, 2, 3], &strides) % 6, 0);
        }
        for (shape, strides) in [([2, 3], [0, 1]), ([2, 3], [2, 1]), ([3, 2], [1, 1]), ([2, 2], [1, 0])] {
            assert!(std::panic::catch_unwind(|| len(&shape, &strides)).is_err(), "{shape:?} {strides:?}");
        }
        assert_eq!(len(&[usize::MAX, usize::MAX, 0], &[0, 0, 0]), 0);
        let huge = [usize::MAX / 2 + 1, 2];
        assert!(std::panic::catch_unwind(|| Strided::new(&[0u8], 0, &huge, &[0, 0]).len()).is_err());
        let far = || Strided::new(&[0u8], 0, &[3], &[usize::MAX / 2 + 1]).checked_len();
        assert!(std::panic::catch_unwind(far).is_err());
    }

    #[test]
    #[should_panic(expected = "beyond its storage")]
    fn a_view_out_of_bounds_is_refused() {
        Strided::new(&[1u8, 2], 0, &[2], &[2]).checked_len();
    }
}
