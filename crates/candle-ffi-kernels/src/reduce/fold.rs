//! Reductions with an associative operation.

use super::{COLUMNS, PART, check_len};
use crate::copy::map;
use crate::element::{Float, Integer};
use crate::math::Compute;
use crate::parallel::{GRAIN_MATH, GRAIN_MEMORY, build, for_each_chunk};
use crate::profile;
use crate::simd::{inlined, lanes, vectorize};
use std::mem::MaybeUninit;

/// Independent accumulators: fewer than of a sum, since the loops are longer, and more would not stay in registers.
const FEW_LANES: usize = 32;

/// Reduces with an associative operation: `f` accumulates an element, `join` two accumulators.
#[inline(always)]
fn fold<T: Copy + Sync, A: Copy + Send + Sync>(
    x: &[T],
    shape: (usize, usize, usize),
    initial: impl Fn(T) -> A + Copy + Sync,
    empty: A,
    f: impl Fn(A, T) -> A + Copy + Sync,
    join: impl Fn(A, A) -> A + Copy + Sync,
) -> Vec<A> {
    let fold_row = inlined(
        #[inline(always)]
        |row: &[T]| lanes::<FEW_LANES, _, _>(row, initial(row[0]), f, join),
    );
    fold_with(x, shape, initial, empty, f, join, fold_row)
}

/// The same with a function of its own for a row.
#[inline(always)]
pub(super) fn fold_with<T: Copy + Sync, A: Copy + Send + Sync>(
    x: &[T],
    (outer, n, inner): (usize, usize, usize),
    initial: impl Fn(T) -> A + Copy + Sync,
    empty: A,
    f: impl Fn(A, T) -> A + Copy + Sync,
    join: impl Fn(A, A) -> A + Copy + Sync,
    fold_row: impl Fn(&[T]) -> A + Copy + Sync,
) -> Vec<A> {
    check_len(x.len(), outer, n, inner);
    if n == 0 {
        return vec![empty; outer * inner];
    }
    if inner == 1 && outer < 8 && n > PART {
        // A few long rows: in parts, whose results are reduced again.
        let parts = n.div_ceil(PART);
        let mut result = Vec::with_capacity(outer);
        for row in x.chunks(n) {
            let mut partial = vec![empty; parts];
            for_each_chunk(&mut partial, 1, |part, cell| {
                let row = &row[part * PART..((part + 1) * PART).min(n)];
                cell[0] = vectorize(
                    #[inline(always)]
                    || fold_row(row),
                );
            });
            result.push(partial[1..].iter().fold(partial[0], |a, b| join(a, *b)));
        }
        return result;
    }
    // SAFETY: the loops write every element.
    unsafe {
        build(outer * inner, GRAIN_MATH.div_ceil(n), |start, out| {
            vectorize(
                #[inline(always)]
                || {
                    if inner == 1 {
                        for (i, cell) in out.iter_mut().enumerate() {
                            let row = &x[(start + i) * n..][..n];
                            cell.write(fold_row(row));
                        }
                    } else {
                        for_each_strip(start, out, inner, |plane, first, cells| {
                            let x = &x[plane * n * inner..][..n * inner];
                            fold_columns(x, first, inner, initial, f, cells);
                        });
                    }
                },
            );
        })
    }
}

/// Calls `f(plane, first column, cells)` for the pieces of at most [`COLUMNS`] cells that lie in one plane.
#[inline(always)]
pub(super) fn for_each_strip<A>(
    start: usize,
    out: &mut [MaybeUninit<A>],
    inner: usize,
    mut f: impl FnMut(usize, usize, &mut [MaybeUninit<A>]),
) {
    let mut done = 0;
    while done < out.len() {
        let (plane, first) = ((start + done) / inner, (start + done) % inner);
        let width = (inner - first).min(out.len() - done).min(COLUMNS);
        f(plane, first, &mut out[done..done + width]);
        done += width;
    }
}

#[inline(always)]
fn fold_columns<T: Copy, A: Copy>(
    x: &[T],
    first: usize,
    inner: usize,
    initial: impl Fn(T) -> A,
    f: impl Fn(A, T) -> A,
    cells: &mut [MaybeUninit<A>],
) {
    let width = cells.len();
    let line = &x[first..][..width];
    let mut totals = [initial(line[0]); COLUMNS];
    let totals = &mut totals[..width];
    for j in 0..width {
        totals[j] = initial(line[j]);
    }
    for row in x.chunks_exact(inner) {
        let line = &row[first..][..width];
        for j in 0..width {
            totals[j] = f(totals[j], line[j]);
        }
    }
    for j in 0..width {
        cells[j].write(totals[j]);
    }
}

/// The sum of integers as `i64`, wrapping.
pub fn sum_integer<T: Integer>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<i64> {
    let _span = profile::kernel("sum_integer");
    fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| 0,
        0,
        #[inline(always)]
        |total: i64, x: T| total.wrapping_add(x.to_i64()),
        i64::wrapping_add,
    )
}

/// The product of integers as `i64`, wrapping.
pub fn prod_integer<T: Integer>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<i64> {
    let _span = profile::kernel("prod_integer");
    fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| 1,
        1,
        #[inline(always)]
        |total: i64, x: T| total.wrapping_mul(x.to_i64()),
        i64::wrapping_mul,
    )
}

/// The product.
pub fn prod<T: Float>(x: &[T], outer: usize, n: usize, inner: usize) -> Vec<T> {
    let _span = profile::kernel("prod");
    let result = fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| T::Compute::ONE,
        T::Compute::ONE,
        #[inline(always)]
        |total: T::Compute, x: T| total * x.to_compute(),
        #[inline(always)]
        |a: T::Compute, b: T::Compute| a * b,
    );
    map(&result, GRAIN_MEMORY, T::from_compute)
}

/// Whether any bool is set; of none, 0.
pub fn any(x: &[u8], outer: usize, n: usize, inner: usize) -> Vec<u8> {
    let _span = profile::kernel("any");
    fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| 0,
        0,
        #[inline(always)]
        |total: u8, x: u8| total | u8::from(x != 0),
        #[inline(always)]
        |a, b| a | b,
    )
}

/// Whether all bools are set; of none, 1.
pub fn all(x: &[u8], outer: usize, n: usize, inner: usize) -> Vec<u8> {
    let _span = profile::kernel("all");
    fold(
        x,
        (outer, n, inner),
        #[inline(always)]
        |_| 1,
        1,
        #[inline(always)]
        |total: u8, x: u8| total & u8::from(x != 0),
        #[inline(always)]
        |a, b| a & b,
    )
}
