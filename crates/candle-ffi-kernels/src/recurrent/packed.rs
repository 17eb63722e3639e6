//! A matrix that many small products share, copied once into the order in which they read it.

use pulp::{Arch, Simd, WithSimd};

use crate::parallel::{GRAIN_MEMORY, Shared, for_each_range};
use crate::simd::Lanes;

/// Registers in a line of a panel.
const REGISTERS: usize = 2;
/// The most rows that are computed together.
const ROWS: usize = 8;
/// The widest panel, in elements: two registers of 16.
const WIDEST: usize = 32;
/// Multiply-adds from which a product of one step is worth a second thread.
const ONE_THREAD: usize = 64 * 64 * 64;

/// What a product starts from.
#[derive(Clone, Copy)]
pub(super) enum Start<'a, T> {
    /// What the result holds already.
    Own,
    /// Zero.
    Zero,
    /// The same for each row.
    Bias(&'a [T]),
}

impl<T: Lanes> Start<'_, T> {
    #[inline(always)]
    fn of(self, own: T, column: usize) -> T {
        match self {
            Start::Own => own,
            Start::Zero => T::ZERO,
            Start::Bias(bias) => bias[column],
        }
    }
}

/// A right matrix of `k` rows and `n` columns: panels of some columns, each with its `k` lines one after the other.
pub(super) struct Packed<T> {
    panels: Vec<T>,
    k: usize,
    n: usize,
    width: usize,
}

/// The width of a panel on this machine.
struct Width<T>(std::marker::PhantomData<T>);

impl<T: Lanes> WithSimd for Width<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        REGISTERS * size_of::<T::Vector<S>>() / size_of::<T>()
    }
}

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Row by row.
    Rows,
    /// Column by column.
    Columns,
}

impl<T: Lanes> Packed<T> {
    /// A copy of a matrix.
    pub(super) fn new(matrix: &[T], [k, n]: [usize; 2], order: Order) -> Self {
        assert_eq!(k * n, matrix.len(), "a matrix of {} elements is no {k} × {n}", matrix.len());
        let width = Arch::new().dispatch(Width::<T>(std::marker::PhantomData));
        let mut panels = vec![T::ZERO; n.div_ceil(width) * width * k];
        let shared = Shared::new(&mut panels);
        let grain = (GRAIN_MEMORY / (width * k).max(1)).max(1);
        for_each_range(if k == 0 { 0 } else { n.div_ceil(width) }, grain, |range| {
            for panel in range {
                // SAFETY: panels are disjoint.
                let lines = unsafe { shared.slice(panel * width * k..(panel + 1) * width * k) };
                let columns = panel * width..((panel + 1) * width).min(n);
                if order == Order::Rows {
                    for (p, line) in lines.chunks_exact_mut(width).enumerate() {
                        line[..columns.len()].copy_from_slice(&matrix[p * n..][columns.clone()]);
                    }
                    continue;
                }
                let mut at = 0;
                while at + GROUP <= columns.len() {
                    transpose::<T, GROUP>(&matrix[(columns.start + at) * k..], k, lines, width, at);
                    at += GROUP;
                }
                for at in at..columns.len() {
                    transpose::<T, 1>(&matrix[(columns.start + at) * k..], k, lines, width, at);
                }
            }
        });
        Self { panels, k, n, width }
    }

    /// `start + left × self` for rows of `left` (`k` long, one after the other) into rows of `out` (`n` long).
    pub(super) fn multiply(&self, left: &[T], start: Start<'_, T>, out: &mut [T], threads: bool) {
        let rows = out.len().checked_div(self.n).unwrap_or(0);
        assert_eq!((left.len(), out.len()), (rows * self.k, rows * self.n), "lengths disagree with the matrix");
        let panels = self.n.div_ceil(self.width);
        let grain = if threads { ONE_THREAD.div_ceil((rows * self.k * self.width).max(1)) } else { panels };
        let out = Shared::new(out);
        for_each_range(panels, grain, |panels| {
            Arch::new().dispatch(Band { packed: self, left, start, rows, panels, out });
        });
    }
}

/// Columns that are copied together: so many lines are read at a time.
const GROUP: usize = 8;

/// Copies `N` columns, one after the other in `source`, into as many elements of each line from `at` on.
#[inline(always)]
fn transpose<T: Lanes, const N: usize>(source: &[T], k: usize, lines: &mut [T], width: usize, at: usize) {
    let mut columns = [&source[..0]; N];
    for (j, column) in columns.iter_mut().enumerate() {
        *column = &source[j * k..][..k];
    }
    for p in 0..k {
        let group = &mut lines[p * width + at..][..N].as_chunks_mut::<N>().0[0];
        for j in 0..N {
            group[j] = columns[j][p];
        }
    }
}

/// Some panels of a product.
struct Band<'a, T> {
    packed: &'a Packed<T>,
    left: &'a [T],
    start: Start<'a, T>,
    rows: usize,
    panels: std::ops::Range<usize>,
    out: Shared<T>,
}

impl<T: Lanes> WithSimd for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for panel in self.panels.clone() {
            let mut row = 0;
            while row < self.rows {
                match self.rows - row {
                    // With 16 registers, 8 rows of 2 would leave none for the factors.
                    8.. if S::REGISTER_COUNT >= 32 => row += self.tile::<S, ROWS>(simd, row, panel),
                    4.. => row += self.tile::<S, 4>(simd, row, panel),
                    2.. => row += self.tile::<S, 2>(simd, row, panel),
                    _ => row += self.tile::<S, 1>(simd, row, panel),
                }
            }
        }
    }
}

impl<T: Lanes> Band<'_, T> {
    /// `R` rows of one panel; gives `R`.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&self, simd: S, row: usize, panel: usize) -> usize {
        let Packed { panels, k, n, width } = self.packed;
        let (k, n, width) = (*k, *n, *width);
        let lines = T::vectors::<S>(&panels[panel * width * k..][..width * k]).0.as_chunks::<REGISTERS>().0;
        let mut left = [&self.left[..0]; R];
        for (i, left) in left.iter_mut().enumerate() {
            *left = &self.left[(row + i) * k..][..lines.len()];
        }
        let one = T::splat(simd, T::ONE);
        let mut sums = [[T::zeros(simd); REGISTERS]; R];
        for (p, line) in lines.iter().enumerate() {
            for i in 0..R {
                let factor = T::splat(simd, left[i][p]);
                for j in 0..REGISTERS {
                    sums[i][j] = T::multiply_add(simd, factor, line[j], sums[i][j]);
                }
            }
        }
        let first = panel * width;
        let count = width.min(n - first);
        for (i, sums) in sums.into_iter().enumerate() {
            let at = (row + i) * n + first;
            // SAFETY: panels and rows are disjoint, and the result is borrowed for the whole product.
            let out = unsafe { self.out.slice(at..at + count) };
            if count == width {
                let bias = if let Start::Bias(bias) = self.start { &bias[first..first + width] } else { &[] };
                let (cells, bias) = (T::vectors_mut::<S>(out).0, T::vectors::<S>(bias).0);
                for j in 0..REGISTERS {
                    cells[j] = match self.start {
                        Start::Own => T::multiply_add(simd, one, cells[j], sums[j]),
                        Start::Zero => sums[j],
                        Start::Bias(_) => T::multiply_add(simd, one, bias[j], sums[j]),
                    };
                }
                continue;
            }
            let mut line = [T::ZERO; WIDEST];
            T::vectors_mut::<S>(&mut line[..width]).0.copy_from_slice(&sums);
            for (j, (cell, sum)) in out.iter_mut().zip(line).enumerate() {
                *cell = self.start.of(*cell, first + j) + sum;
            }
        }
        R
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(len: usize) -> Vec<f64> {
        (0..len).map(|i| ((i * 7919) % 1009) as f64 / 500.0 - 1.0).collect()
    }

    fn check<T: Lanes>(tolerance: f64) {
        let cast = |x: &[f64]| x.iter().map(|x| T::of(*x)).collect::<Vec<T>>();
        for (rows, k, n) in [(1, 1, 1), (3, 7, 5), (15, 40, 33), (9, 130, 128), (2, 0, 3), (0, 3, 4), (16, 64, 70)] {
            let (left, right, bias, own) = (data(rows * k), data(k * n), data(n), data(rows * n));
            for (order, strides) in [(Order::Rows, [n, 1]), (Order::Columns, [1, k])] {
                let packed = Packed::new(&cast(&right), [k, n], order);
                for (start, threads) in [(0, false), (1, true), (2, false)] {
                    let bias_typed = cast(&bias);
                    let how = [Start::Own, Start::Zero, Start::Bias(&bias_typed)][start];
                    let mut out = cast(&own);
                    packed.multiply(&cast(&left), how, &mut out, threads);
                    for (at, x) in out.iter().enumerate() {
                        let (i, j) = (at / n, at % n);
                        let sum: f64 = (0..k).map(|p| left[i * k + p] * right[p * strides[0] + j * strides[1]]).sum();
                        let expected = sum + [own[at], 0.0, bias[j]][start];
                        assert!((x.to_f64() - expected).abs() < tolerance, "{rows} {k} {n}");
                    }
                }
            }
        }
    }

    #[test]
    fn products_equal_sums() {
        check::<f64>(1e-12);
        check::<f32>(1e-4);
    }
}
