//! Products of few rows with a transposed right matrix, as in a layer that is given a small batch: each element is a
//! product of two contiguous lines, and nothing is copied.

use std::mem::MaybeUninit;

use pulp::{Arch, Simd, WithSimd};

use super::{Matrix, ONE_THREAD, Sizes};
use crate::parallel::{Shared, for_each_range};
use crate::simd::Lanes;

/// The most rows for which reading the right matrix without a copy pays.
const ROWS: usize = 96;
/// The shortest lines for which the sums across a register pay.
const LINE: usize = 256;
/// Lines of the left and of the right matrix that are multiplied together: what fits 16 and 32 registers.
const LEFT: usize = 4;
const LEFT_OF_MANY: usize = 8;
const RIGHT: usize = 3;

/// Whether [`by_rows`] is the quickest for such a product.
pub(super) fn suits<T>(lhs: Matrix<'_, T>, rhs: Matrix<'_, T>, Sizes { m, k, n }: Sizes) -> bool {
    lhs.column == 1 && rhs.row == 1 && m <= ROWS && k >= LINE && n >= RIGHT
}

/// The product, in bands of the right matrix's lines.
pub(super) fn by_rows<F: Lanes>(
    lhs: Matrix<'_, F>,
    rhs: Matrix<'_, F>,
    bias: Option<&[F]>,
    Sizes { m, k, n }: Sizes,
    out: &mut [MaybeUninit<F>],
    threads: bool,
) {
    let out = Shared::new(out);
    let strips = n.div_ceil(RIGHT);
    let grain = if threads { (ONE_THREAD / (m * k * RIGHT)).max(1) } else { strips };
    for_each_range(strips, grain, |strips| {
        let columns = strips.start * RIGHT..(strips.end * RIGHT).min(n);
        Arch::new().dispatch(Band { lhs, rhs, bias, m, k, n, columns, out });
    });
}

/// Some columns of the result.
struct Band<'a, F> {
    lhs: Matrix<'a, F>,
    rhs: Matrix<'a, F>,
    bias: Option<&'a [F]>,
    m: usize,
    k: usize,
    n: usize,
    columns: std::ops::Range<usize>,
    out: Shared<MaybeUninit<F>>,
}

impl<F: Lanes> WithSimd for Band<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut row = 0;
        while row < self.m {
            match self.m - row {
                LEFT_OF_MANY.. if S::REGISTER_COUNT >= 32 => {
                    self.rows::<S, LEFT_OF_MANY>(simd, row);
                    row += LEFT_OF_MANY;
                }
                LEFT.. => {
                    self.rows::<S, LEFT>(simd, row);
                    row += LEFT;
                }
                2.. => {
                    self.rows::<S, 2>(simd, row);
                    row += 2;
                }
                _ => {
                    self.rows::<S, 1>(simd, row);
                    row += 1;
                }
            }
        }
    }
}

impl<F: Lanes> Band<'_, F> {
    /// All columns of `R` rows, which stay in the nearest cache.
    #[inline(always)]
    fn rows<S: Simd, const R: usize>(&self, simd: S, row: usize) {
        let mut column = self.columns.start;
        while column < self.columns.end {
            if self.columns.end - column >= RIGHT {
                self.tile::<S, R, RIGHT>(simd, row, column);
                column += RIGHT;
            } else {
                self.tile::<S, R, 1>(simd, row, column);
                column += 1;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const C: usize>(&self, simd: S, row: usize, column: usize) {
        // Plain loops: closures that are not inlined would be compiled without the instruction set.
        let (mut left, mut right) = ([(&[][..], &[][..]); R], [(&[][..], &[][..]); C]);
        for (i, line) in left.iter_mut().enumerate() {
            *line = F::vectors::<S>(&self.lhs.data[(row + i) * self.lhs.row..][..self.k]);
        }
        for (j, line) in right.iter_mut().enumerate() {
            *line = F::vectors::<S>(&self.rhs.data[(column + j) * self.rhs.column..][..self.k]);
        }
        let count = left[0].0.len();
        let mut sums = [[F::zeros(simd); C]; R];
        let mut line = [F::zeros(simd); C];
        for p in 0..count {
            for j in 0..C {
                line[j] = right[j].0[p];
            }
            for i in 0..R {
                let factor = left[i].0[p];
                for j in 0..C {
                    sums[i][j] = F::multiply_add(simd, factor, line[j], sums[i][j]);
                }
            }
        }
        let mut totals = [[F::ZERO; C]; R];
        for i in 0..R {
            for j in 0..C {
                totals[i][j] = F::total(simd, sums[i][j]);
            }
        }
        if !left[0].1.is_empty() {
            for i in 0..R {
                for j in 0..C {
                    for (x, y) in left[i].1.iter().zip(right[j].1) {
                        totals[i][j] += *x * *y;
                    }
                }
            }
        }
        let mut bias = [F::ZERO; C];
        if let Some(given) = self.bias {
            bias.copy_from_slice(&given[column..column + C]);
        }
        for (i, totals) in totals.iter().enumerate() {
            let at = (row + i) * self.n + column;
            // SAFETY: each column belongs to one band, and the result is borrowed for the whole product.
            let out = unsafe { self.out.slice(at..at + C) };
            for j in 0..C {
                out[j].write(totals[j] + bias[j]);
            }
        }
    }
}
