//! Elementwise arithmetic of two arrays of one shape.

use crate::profile;
use std::mem::MaybeUninit;

use crate::copy::{contiguous, map};
use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, GRAIN_MEMORY, Shared, build, for_each_part, for_each_range};
use crate::simd::vectorize;
use crate::strided::{BLOCK, Buffer, Reader, Strided, StridedMut, Walk};
use crate::{Element, Error, Float, Number, Result};

/// An operation on two numbers. Integers wrap; the larger or smaller of NaN and a number is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a b
    Mul,
    /// a / b; of integers, truncated
    Div,
    /// The larger
    Maximum,
    /// The smaller
    Minimum,
    /// a to the power of b
    Pow,
    /// The remainder with the sign of b
    Remainder,
    /// a / b rounded toward minus infinity
    FloorDivide,
}

/// A view as a reader; a large transposed one is copied first, as that is faster than to jump for each element.
pub(crate) fn reader<'a, T: Element>(view: Strided<'a, T>, owned: &'a mut Vec<T>) -> Reader<'a, T> {
    if is_transposed(view) {
        *owned = contiguous(view);
        return Reader::Direct(owned);
    }
    Reader::new(view)
}

/// Whether a view is large and jumps from each element to the next. One that repeats its elements to more than its
/// storage is none: its copy might not fit where the view does.
fn is_transposed<T>(view: Strided<'_, T>) -> bool {
    const COPIED: usize = 1 << 24;
    let inner = view.shape.iter().zip(view.strides).rfind(|(size, _)| **size != 1);
    inner.is_some_and(|(_, stride)| *stride > 1) && (4 * BLOCK + 1..=view.data.len().max(COPIED)).contains(&view.len())
}

/// Applies an `#[inline(always)]` function to pairs of elements.
#[inline(always)]
pub(crate) fn zip<A: Element, B: Element, R: Copy + Send>(
    lhs: Strided<'_, A>,
    rhs: Strided<'_, B>,
    grain: usize,
    f: impl Fn(A, B) -> R + Copy + Sync,
) -> Vec<R> {
    assert_eq!(lhs.shape, rhs.shape, "operands differ in shape");
    let len = lhs.len();
    let (mut own_lhs, mut own_rhs) = (Vec::new(), Vec::new());
    if len == 0 {
        return Vec::new();
    }
    let (lhs, rhs) = (reader(lhs, &mut own_lhs), reader(rhs, &mut own_rhs));
    let longest = lhs.longest().min(rhs.longest());
    // SAFETY: `zip_slices` writes every element.
    unsafe {
        build(len, grain, |start, out| {
            if longest == usize::MAX
                && let (Reader::Direct(a), Reader::Direct(b)) = (&lhs, &rhs)
            {
                return zip_slices(&a[start..start + out.len()], &b[start..start + out.len()], out, f);
            }
            let (mut buffer_lhs, mut buffer_rhs) = (Buffer::new(), Buffer::new());
            let mut position = start;
            for out in out.chunks_mut(longest) {
                let a = lhs.block(position, out.len(), &mut buffer_lhs);
                let b = rhs.block(position, out.len(), &mut buffer_rhs);
                position += out.len();
                zip_slices(a, b, out, f);
            }
        })
    }
}

#[inline(always)]
pub(crate) fn zip_slices<A: Copy, B: Copy, R: Copy>(
    lhs: &[A],
    rhs: &[B],
    out: &mut [MaybeUninit<R>],
    f: impl Fn(A, B) -> R + Copy,
) {
    let (lhs, rhs) = (&lhs[..out.len()], &rhs[..out.len()]);
    vectorize(
        #[inline(always)]
        || {
            for ((cell, a), b) in out.iter_mut().zip(lhs).zip(rhs) {
                cell.write(f(*a, *b));
            }
        },
    );
}

/// Something to do with an operation chosen at run time.
trait Visitor<T, R> {
    fn visit(self, f: impl Fn(T, T) -> T + Copy + Sync) -> R;
}

#[inline(always)]
fn visit<T: Number, R>(op: Binary, visitor: impl Visitor<T, R>) -> R {
    match op {
        Binary::Add => visitor.visit(T::add),
        Binary::Sub => visitor.visit(T::sub),
        Binary::Mul => visitor.visit(T::mul),
        Binary::Div => visitor.visit(T::div),
        Binary::Maximum => visitor.visit(T::maximum),
        Binary::Minimum => visitor.visit(T::minimum),
        Binary::Pow => visitor.visit(T::pow),
        Binary::Remainder => visitor.visit(T::remainder),
        Binary::FloorDivide => visitor.visit(T::floor_divide),
    }
}

fn grain(op: Binary) -> usize {
    match op {
        Binary::Add | Binary::Sub | Binary::Mul | Binary::Maximum | Binary::Minimum => GRAIN_MEMORY,
        Binary::Div => GRAIN_MEMORY / 2,
        Binary::Pow | Binary::Remainder | Binary::FloorDivide => GRAIN_MATH / 4,
    }
}

/// Integers have no quotient by zero; this looks for one before anything is computed.
fn check_divisor<T: Number>(op: Binary, rhs: Strided<'_, T>) -> Result<()> {
    if !T::INTEGER || !matches!(op, Binary::Div | Binary::Remainder | Binary::FloorDivide) || rhs.is_empty() {
        return Ok(());
    }
    let zero = T::default();
    rhs.checked_len();
    let found = if rhs.is_scalar() {
        rhs.data[rhs.offset] == zero
    } else {
        let walk = Walk::new(rhs.shape, [rhs.offset], [rhs.strides]);
        let stride = walk.dims()[0].1[0].max(1);
        let mut found = false;
        walk.runs(0, rhs.len(), |_, run, [offset]| {
            found |= rhs.data[offset..].iter().step_by(stride).take(run).any(|x| *x == zero);
        });
        found
    };
    if found { Err(Error::DivisionByZero) } else { Ok(()) }
}

/// A power by a common exponent, where it is a product or a root. These are the exact powers, or as near.
fn simple_power<T: Number>(lhs: Strided<'_, T>, exponent: f64) -> Option<Vec<T>> {
    Some(match exponent {
        2.0 => zip(
            lhs,
            lhs,
            GRAIN_MEMORY,
            #[inline(always)]
            |x: T, _| x.mul(x),
        ),
        3.0 => zip(
            lhs,
            lhs,
            GRAIN_MEMORY,
            #[inline(always)]
            |x: T, _| x.mul(x).mul(x),
        ),
        1.0 => contiguous(lhs),
        _ => return None,
    })
}

struct Fresh<'a, T> {
    lhs: Strided<'a, T>,
    rhs: Strided<'a, T>,
    grain: usize,
}

impl<T: Number> Visitor<T, Vec<T>> for Fresh<'_, T> {
    #[inline(always)]
    fn visit(self, f: impl Fn(T, T) -> T + Copy + Sync) -> Vec<T> {
        zip(self.lhs, self.rhs, self.grain, f)
    }
}

/// `lhs op rhs` for each pair of elements. The shapes are equal; a broadcast dimension has stride 0.
///
/// # Errors
/// [`Error::DivisionByZero`] when an integer is divided by zero.
pub fn binary<T: Number>(op: Binary, lhs: Strided<'_, T>, rhs: Strided<'_, T>) -> Result<Vec<T>> {
    let _span = profile::kernel("binary");
    check_divisor(op, rhs)?;
    if op == Binary::Pow
        && !T::INTEGER
        && !rhs.is_empty()
        && rhs.is_scalar()
        && let Some(result) = simple_power(lhs, rhs.data[rhs.offset].to_f64())
    {
        return Ok(result);
    }
    if is_transposed(rhs) && !is_transposed(lhs) {
        // The copy that a transposed operand needs anyway becomes the result.
        let mut result = contiguous(rhs);
        let reader = Reader::new(lhs);
        for_each_part(&mut result, 1, grain(op), |start, part| in_blocks(op, part, start, &reader, true));
        return Ok(result);
    }
    if is_transposed(lhs) {
        let mut result = contiguous(lhs);
        let mut owned = Vec::new();
        let reader = reader(rhs, &mut owned);
        for_each_part(&mut result, 1, grain(op), |start, part| in_blocks(op, part, start, &reader, false));
        return Ok(result);
    }
    Ok(visit(op, Fresh { lhs, rhs, grain: grain(op) }))
}

/// `part = part op other` (or `other op part`), where `part` starts at `position` of the whole.
fn in_blocks<T: Number>(op: Binary, part: &mut [T], mut position: usize, other: &Reader<'_, T>, swapped: bool) {
    // A copy keeps input and output apart, so that one loop serves both uses and vectorises.
    let (mut copy, mut buffer) = ([T::default(); BLOCK], Buffer::new());
    for out in part.chunks_mut(BLOCK) {
        let own = &mut copy[..out.len()];
        own.copy_from_slice(out);
        let other = other.block(position, own.len(), &mut buffer);
        position += own.len();
        // SAFETY: initialised memory may be seen as memory that perhaps is not; only values are written to it.
        let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<T>]) };
        let (lhs, rhs) = if swapped { (other, &*own) } else { (&*own, other) };
        visit(op, InPlace { out, lhs, rhs });
    }
}

/// Where an operation in place reads and writes: contiguous memory and a copy of it.
struct InPlace<'a, T> {
    out: &'a mut [MaybeUninit<T>],
    lhs: &'a [T],
    rhs: &'a [T],
}

impl<T: Number> Visitor<T, ()> for InPlace<'_, T> {
    #[inline(always)]
    fn visit(self, f: impl Fn(T, T) -> T + Copy + Sync) {
        zip_slices(self.lhs, self.rhs, self.out, f);
    }
}

/// `dst = dst op rhs` for each pair of elements. On an error `dst` is as it was.
///
/// # Errors
/// [`Error::DivisionByZero`] when an integer is divided by zero.
pub fn binary_in_place<T: Number>(op: Binary, mut dst: StridedMut<'_, T>, rhs: Strided<'_, T>) -> Result<()> {
    let _span = profile::kernel("binary_in_place");
    assert_eq!(dst.shape, rhs.shape, "operands differ in shape");
    check_divisor(op, rhs)?;
    let len = dst.checked_len();
    if len == 0 {
        return Ok(());
    }
    let mut owned = Vec::new();
    let reader = reader(rhs, &mut owned);
    let block = |out: &mut [T], position: usize| in_blocks(op, out, position, &reader, false);
    if let Some(data) = dst.as_contiguous_mut() {
        for_each_part(data, 1, grain(op), |start, part| block(part, start));
        return Ok(());
    }
    let walk = Walk::new(dst.shape, [dst.offset], [dst.strides]);
    let stride = walk.dims()[0].1[0];
    let shared = Shared::new(dst.data);
    // Runs with gaps may interleave, and so stay in one thread.
    for_each_range(len, if stride == 1 { grain(op) } else { len }, |range| {
        walk.runs(range.start, range.end, |position, run, [offset]| {
            // SAFETY: the view was checked, and different elements of it are different memory.
            let target = unsafe { shared.slice(offset..offset + (run - 1) * stride + 1) };
            if stride == 1 {
                return block(target, position);
            }
            let mut values = [T::default(); BLOCK];
            for (i, part) in target.chunks_mut(BLOCK * stride).enumerate() {
                let count = part.len().div_ceil(stride);
                let values = &mut values[..count];
                for (value, cell) in values.iter_mut().zip(part.iter().step_by(stride)) {
                    *value = *cell;
                }
                block(values, position + i * BLOCK);
                for (value, cell) in values.iter().zip(part.iter_mut().step_by(stride)) {
                    *cell = *value;
                }
            }
        });
    });
    Ok(())
}

/// `x` where positive, else `weight · x`. The shapes are equal; a broadcast dimension has stride 0.
pub fn prelu<T: Float>(x: Strided<'_, T>, weight: Strided<'_, T>) -> Vec<T> {
    let _span = profile::kernel("prelu");
    zip(
        x,
        weight,
        GRAIN_MEMORY,
        #[inline(always)]
        |x, w| {
            let (wide, w) = (x.to_compute(), w.to_compute());
            if wide > T::Compute::ZERO { x } else { T::from_compute(wide * w) }
        },
    )
}

/// Each element, brought into `min..=max`. NaN stays, and a bound of NaN gives NaN. A bound beyond the range of the type
/// comes saturated: see [`Number::saturating_from_f64`].
pub fn clamp<T: Number>(src: &[T], min: Option<T>, max: Option<T>) -> Vec<T> {
    let _span = profile::kernel("clamp");
    match (min, max) {
        (Some(min), Some(max)) => map(
            src,
            GRAIN_MEMORY,
            #[inline(always)]
            move |x: T| x.maximum(min).minimum(max),
        ),
        (Some(min), None) => map(
            src,
            GRAIN_MEMORY,
            #[inline(always)]
            move |x: T| x.maximum(min),
        ),
        (None, Some(max)) => map(
            src,
            GRAIN_MEMORY,
            #[inline(always)]
            move |x: T| x.minimum(max),
        ),
        (None, None) => src.to_vec(),
    }
}

/// 1 strictly between the bounds, where `clamp` lets the gradient pass as in PyTorch.
pub fn clamp_mask<T: Number>(src: &[T], min: Option<T>, max: Option<T>) -> Vec<u8> {
    let _span = profile::kernel("clamp_mask");
    let (min, max) = (min.map(T::widen), max.map(T::widen));
    map(
        src,
        GRAIN_MEMORY,
        #[inline(always)]
        move |x: T| {
            let x = x.widen();
            u8::from(min.is_none_or(|min| x > min) && max.is_none_or(|max| x < max))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};

    fn flat<'a, T>(data: &'a [T], shape: &'a [usize; 1]) -> Strided<'a, T> {
        Strided::new(data, 0, shape, &[1])
    }

    #[test]
    fn arithmetic_of_every_kind_of_type() {
        let f = |op, a: f32, b: f32| binary(op, flat(&[a], &[1]), flat(&[b], &[1])).map(|v| v[0]);
        assert_eq!(f(Binary::Add, 1.0, 2.0), Ok(3.0));
        assert_eq!(f(Binary::Div, 1.0, 0.0), Ok(f32::INFINITY));
        assert_eq!(f(Binary::Pow, 2.0, 10.0), Ok(1024.0));
        assert_eq!(f(Binary::Pow, 3.0, 2.0), Ok(9.0));
        assert_eq!(f(Binary::Remainder, -7.0, 3.0), Ok(2.0));
        assert!(f(Binary::Maximum, f32::NAN, 3.0).is_ok_and(f32::is_nan));
        let i = |op, a: i64, b: i64| binary(op, flat(&[a], &[1]), flat(&[b], &[1])).map(|v| v[0]);
        assert_eq!(i(Binary::FloorDivide, -7, 2), Ok(-4));
        assert_eq!(i(Binary::FloorDivide, 7, 0), Err(Error::DivisionByZero));
        assert_eq!(i(Binary::Remainder, 7, 0), Err(Error::DivisionByZero));
        assert_eq!(i(Binary::Mul, i64::MAX, 2), Ok(-2));
        let h = [f16::from_f32(1.5)];
        assert_eq!(binary(Binary::Mul, flat(&h, &[1]), flat(&h, &[1])), Ok(vec![f16::from_f32(2.25)]));
        let h = [bf16::from_f32(1.5)];
        assert_eq!(binary(Binary::Sub, flat(&h, &[1]), flat(&h, &[1])), Ok(vec![bf16::ZERO]));
    }

    #[test]
    fn broadcasts_and_strides() {
        let a: Vec<i32> = (0..150_000).collect();
        let b: Vec<i32> = (0..150_000).map(|x| x * 7).collect();
        let shape = [300, 500];
        let cases: &[[usize; 2]] = &[[500, 1], [0, 1], [1, 0], [0, 0], [1, 300]];
        for x in cases {
            for y in cases {
                let (lhs, rhs) = (Strided::new(&a, 0, &shape, x), Strided::new(&b, 0, &shape, y));
                let expected: Vec<i32> = (0..150_000)
                    .map(|i| (i / 500, i % 500))
                    .map(|(i, j)| a[i * x[0] + j * x[1]] - b[i * y[0] + j * y[1]])
                    .collect();
                assert_eq!(binary(Binary::Sub, lhs, rhs), Ok(expected), "{x:?} {y:?}");
            }
        }
    }

    #[test]
    fn in_place_through_any_view() {
        for strides in [[500, 1], [1, 300], [1000, 2]] {
            let mut a: Vec<i64> = (0..400_000).collect();
            let b: Vec<i64> = (0..500).collect();
            let shape = [300, 500];
            let mut expected = a.clone();
            for i in 0..300 {
                for j in 0..500 {
                    expected[3 + i * strides[0] + j * strides[1]] += b[j];
                }
            }
            let dst = StridedMut { data: &mut a, offset: 3, shape: &shape, strides: &strides };
            assert_eq!(binary_in_place(Binary::Add, dst, Strided::new(&b, 0, &shape, &[0, 1])), Ok(()));
            assert!(a == expected, "{strides:?}");
        }
        let mut a = [1i32, 2];
        let dst = StridedMut { data: &mut a, offset: 0, shape: &[2], strides: &[1] };
        assert!(binary_in_place(Binary::FloorDivide, dst, flat(&[1, 0], &[2])).is_err());
        assert_eq!(a, [1, 2]);
    }

    #[test]
    fn clamps() {
        let x = [f32::NAN, -2.0, 0.5, 3.0];
        assert_eq!(clamp(&x, Some(-1.0), Some(1.0))[1..], [-1.0, 0.5, 1.0]);
        assert!(clamp(&x, Some(-1.0), Some(1.0))[0].is_nan());
        assert_eq!(clamp_mask(&x, Some(-1.0), None), [0, 0, 1, 1]);
        assert_eq!(clamp(&[5i32], None, Some(3)), [3]);
    }
}
