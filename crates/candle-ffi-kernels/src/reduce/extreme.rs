//! The largest and the smallest element, and where it stands.

use super::fold::{fold_with, for_each_strip};
use super::{BLOCK, COLUMNS, LANES};
use crate::element::Number;
use crate::parallel::{GRAIN_MATH, build};
use crate::profile;
use crate::simd::{inlined, lanes, vectorize};

/// The extreme of a row by a choice that does not care for NaN, which is looked for on its own: two short loops are
/// faster than one with both tests.
#[inline(always)]
fn extreme<T: Number>(row: &[T], choose: impl Fn(T, T) -> T + Copy) -> T {
    let mut result = row[0];
    for block in row.chunks(BLOCK) {
        let mut nan = false;
        if !T::INTEGER {
            for x in block {
                nan |= x.is_nan();
            }
        }
        if nan {
            return block.iter().copied().find(|x| x.is_nan()).unwrap_or(result);
        }
        result = lanes::<LANES, _, _>(block, result, choose, choose);
    }
    result
}

/// The largest element; NaN where there is one. Of none, 0: the caller refuses it.
pub fn max<T: Number>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("max");
    let keep = inlined(
        #[inline(always)]
        |x: T| x,
    );
    let fold_row = inlined(
        #[inline(always)]
        |row: &[T]| extreme(row, T::larger),
    );
    fold_with(x, (outer, n, inner), keep, T::default(), T::maximum, T::maximum, fold_row)
}

/// The smallest element; NaN where there is one. Of none, 0: the caller refuses it.
pub fn min<T: Number>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("min");
    let keep = inlined(
        #[inline(always)]
        |x: T| x,
    );
    let fold_row = inlined(
        #[inline(always)]
        |row: &[T]| extreme(row, T::smaller),
    );
    fold_with(x, (outer, n, inner), keep, T::default(), T::minimum, T::minimum, fold_row)
}

/// The index of the first element equal to an extreme value, along each row or column.
fn first_index<T: Number>(x: &[T], values: &[T], n: usize, inner: usize) -> Vec<i64> {
    // SAFETY: the loops write every element.
    unsafe {
        build(values.len(), GRAIN_MATH.div_ceil(n.max(1)), |start, out| {
            if inner == 1 {
                for (i, cell) in out.iter_mut().enumerate() {
                    let value = values[start + i];
                    let row = &x[(start + i) * n..][..n];
                    cell.write(position(row, value) as i64);
                }
                return;
            }
            vectorize(
                #[inline(always)]
                || {
                    for_each_strip(start, out, inner, |plane, first, cells| {
                        let values = &values[plane * inner + first..][..cells.len()];
                        let mut found = [-1i64; COLUMNS];
                        let found = &mut found[..cells.len()];
                        // From the last row up, so that the first match is what remains.
                        for row in (0..n).rev() {
                            let line = &x[(plane * n + row) * inner + first..][..values.len()];
                            for j in 0..values.len() {
                                let equal = line[j].widen() == values[j].widen() || line[j].is_nan();
                                found[j] = if equal { row as i64 } else { found[j] };
                            }
                        }
                        for (cell, found) in cells.iter_mut().zip(found) {
                            cell.write(*found);
                        }
                    });
                },
            );
        })
    }
}

/// Where `value` stands first; where the first NaN is, if `value` is NaN.
fn position<T: Number>(row: &[T], value: T) -> usize {
    const STEP: usize = 256;
    let (nan, value) = (value.is_nan(), value.widen());
    for (i, part) in row.chunks(STEP).enumerate() {
        let any = vectorize(
            #[inline(always)]
            || {
                let mut any = false;
                for x in part {
                    any |= if nan { x.is_nan() } else { x.widen() == value };
                }
                any
            },
        );
        if any && let Some(j) = part.iter().position(|x| if nan { x.is_nan() } else { x.widen() == value }) {
            return i * STEP + j;
        }
    }
    0
}

/// The largest element and its first index; NaN wins. Of none, 0: the caller refuses it.
pub fn argmax<T: Number>(x: &[T], outer: usize, n: usize, inner: usize) -> (Vec<T>, Vec<i64>) {
    let _span = profile::kernel("argmax");
    let values = max(x, outer, n, inner);
    let indices = if n == 0 { vec![0; values.len()] } else { first_index(x, &values, n, inner) };
    (values, indices)
}

/// The smallest element and its first index; NaN wins. Of none, 0: the caller refuses it.
pub fn argmin<T: Number>(x: &[T], outer: usize, n: usize, inner: usize) -> (Vec<T>, Vec<i64>) {
    let _span = profile::kernel("argmin");
    let values = min(x, outer, n, inner);
    let indices = if n == 0 { vec![0; values.len()] } else { first_index(x, &values, n, inner) };
    (values, indices)
}
