//! A matrix that many small products share, copied once into the order in which they read it.

use pulp::{Arch, Simd, WithSimd};

use super::Real;
use crate::Strided;
use crate::matmul::matmul;
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

/// A right matrix of `k` rows and `n` columns: panels of some columns, each with its `k` lines one after the other; or,
/// for a single product, which a copy would not pay for, the matrix itself.
pub(super) struct Packed<'a, T> {
    panels: Vec<T>,
    matrix: Option<(&'a [T], [usize; 2])>,
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

impl<'a, T: Real> Packed<'a, T> {
    /// The matrix whose element `(p, j)` stands at `p * row + j * column`, for so many products.
    pub(super) fn new(matrix: &'a [T], [k, n]: [usize; 2], [row, column]: [usize; 2], products: usize) -> Self {
        assert!(k * n <= matrix.len(), "a matrix of {} elements is no {k} × {n}", matrix.len());
        if products == 1 {
            return Self { panels: Vec::new(), matrix: Some((matrix, [row, column])), k, n, width: 1 };
        }
        let width = Arch::new().dispatch(Width::<T>(std::marker::PhantomData));
        let mut panels = vec![T::ZERO; n.div_ceil(width) * width * k];
        let shared = Shared::new(&mut panels);
        let grain = (GRAIN_MEMORY / (width * k).max(1)).max(1);
        for_each_range(if k == 0 { 0 } else { n.div_ceil(width) }, grain, |range| {
            for panel in range {
                // SAFETY: panels are disjoint.
                let lines = unsafe { shared.slice(panel * width * k..(panel + 1) * width * k) };
                let columns = panel * width..((panel + 1) * width).min(n);
                if column == 1 {
                    for (p, line) in lines.chunks_exact_mut(width).enumerate() {
                        line[..columns.len()].copy_from_slice(&matrix[p * row + columns.start..][..columns.len()]);
                    }
                } else {
                    for (at, j) in columns.enumerate() {
                        for (p, line) in lines.chunks_exact_mut(width).enumerate() {
                            line[at] = matrix[p * row + j * column];
                        }
                    }
                }
            }
        });
        Self { panels, matrix: None, k, n, width }
    }

    /// `start + left × self` for rows of `left` (`k` long, one after the other) into rows of `out` (`n` long).
    pub(super) fn multiply(&self, left: &[T], start: Start<'_, T>, out: &mut [T], threads: bool) {
        let rows = if self.n == 0 { 0 } else { out.len() / self.n };
        assert_eq!((left.len(), out.len()), (rows * self.k, rows * self.n), "lengths disagree with the matrix");
        if let Some((matrix, strides)) = self.matrix {
            let (shape, left_shape, left_strides) = ([self.k, self.n], [rows, self.k], [self.k, 1]);
            let right = Strided::new(matrix, 0, &shape, &strides);
            let product = matmul(Strided::new(left, 0, &left_shape, &left_strides), right);
            for (row, product) in out.chunks_exact_mut(self.n.max(1)).zip(product.chunks_exact(self.n.max(1))) {
                for (j, (cell, sum)) in row.iter_mut().zip(product).enumerate() {
                    *cell = start.of(*cell, j) + *sum;
                }
            }
            return;
        }
        let panels = self.n.div_ceil(self.width);
        let grain = if threads { ONE_THREAD.div_ceil((rows * self.k * self.width).max(1)) } else { panels };
        let out = Shared::new(out);
        for_each_range(panels, grain, |panels| {
            Arch::new().dispatch(Band { packed: self, left, start, rows, panels, out });
        });
    }
}

/// Some panels of a product.
struct Band<'a, T> {
    packed: &'a Packed<'a, T>,
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
        let Packed { panels, k, n, width, .. } = self.packed;
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

    fn check<T: Real>(tolerance: f64) {
        let cast = |x: &[f64]| x.iter().map(|x| T::of(*x)).collect::<Vec<T>>();
        for (rows, k, n) in [(1, 1, 1), (3, 7, 5), (15, 40, 33), (9, 130, 128), (2, 0, 3), (0, 3, 4), (16, 64, 70)] {
            let (left, right, bias, own) = (data(rows * k), data(k * n), data(n), data(rows * n));
            for (strides, products) in [([n, 1], 2), ([1, k], 2), ([n, 1], 1), ([1, k], 1)] {
                let right_typed = cast(&right);
                let packed = Packed::new(&right_typed, [k, n], strides, products);
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
