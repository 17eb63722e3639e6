//! The innermost loops, with their sums in registers.

#![expect(clippy::needless_range_loop, reason = "iterators that are not inlined would put the sums into memory")]

use pulp::{Simd, WithSimd};

use crate::registers::{lanes, load, store};
use crate::simd::Lanes;

/// Taps and channels that are added up before their sum is.
const BLOCK: usize = 256;
/// The most rows of a tile.
pub(super) const ROWS: usize = 8;

/// `out[m, j] = bias[m] + Σ_k weights[k, m] · x[offsets[k] + j]` for `M` rows of `V` vectors.
pub(super) struct Tile<'a, T, const M: usize, const V: usize> {
    x: *const T,
    offsets: &'a [usize],
    weights: *const T,
    bias: &'a [T; ROWS],
    out: *mut T,
    pitch: usize,
}

impl<T: Lanes, const M: usize, const V: usize> WithSimd for Tile<'_, T, M, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut weights = self.weights;
        // Sums of many numbers lose digits: those of a block are added up first.
        for (block, offsets) in self.offsets.chunks(BLOCK).enumerate() {
            let mut sums = [[T::splat(simd, T::ZERO); V]; M];
            for &offset in offsets {
                // SAFETY: `run_tile`'s caller promises these elements.
                unsafe {
                    let x = self.x.add(offset);
                    let mut columns = [T::splat(simd, T::ZERO); V];
                    for v in 0..V {
                        columns[v] = load::<T, S>(x.add(v * lanes::<T, S>()));
                    }
                    for m in 0..M {
                        let weight = T::splat(simd, *weights.add(m));
                        for v in 0..V {
                            sums[m][v] = T::multiply_add(simd, weight, columns[v], sums[m][v]);
                        }
                    }
                    weights = weights.add(M);
                }
            }
            for m in 0..M {
                let bias = T::splat(simd, self.bias[m]);
                for v in 0..V {
                    // SAFETY: as above; blocks after the first find what that one has written.
                    unsafe {
                        let out = self.out.add(m * self.pitch + v * lanes::<T, S>());
                        let before = if block == 0 { bias } else { load::<T, S>(out) };
                        store::<T, S>(out, T::plus(simd, before, sums[m][v]));
                    }
                }
            }
        }
    }
}

/// Computes one tile.
///
/// # Safety
/// `x` may be read for `vectors` vectors from each offset, `weights` for `rows` elements per offset, `out` may be
/// written for `vectors` vectors in each of `rows` rows of distance `pitch`; `(rows, vectors)` is one of the arms.
pub(super) unsafe fn run_tile<T: Lanes>(
    (rows, vectors): (usize, usize),
    x: *const T,
    offsets: &[usize],
    weights: *const T,
    bias: &[T; ROWS],
    (out, pitch): (*mut T, usize),
) {
    macro_rules! run {
        ($m:literal, $v:literal) => {
            pulp::Arch::new().dispatch(Tile::<T, $m, $v> { x, offsets, weights, bias, out, pitch })
        };
    }
    match (rows, vectors) {
        (8, 3) => run!(8, 3),
        (8, 2) => run!(8, 2),
        (8, 1) => run!(8, 1),
        (6, 3) => run!(6, 3),
        (6, 2) => run!(6, 2),
        (6, 1) => run!(6, 1),
        (4, 3) => run!(4, 3),
        (4, 2) => run!(4, 2),
        (4, 1) => run!(4, 1),
        (3, 6) => run!(3, 6),
        (3, 3) => run!(3, 3),
        (3, 2) => run!(3, 2),
        (3, 1) => run!(3, 1),
        (2, 6) => run!(2, 6),
        (2, 3) => run!(2, 3),
        (2, 2) => run!(2, 2),
        (2, 1) => run!(2, 1),
        (1, 8) => run!(1, 8),
        (1, 6) => run!(1, 6),
        (1, 3) => run!(1, 3),
        (1, 2) => run!(1, 2),
        (1, 1) => run!(1, 1),
        _ => unreachable!("no tile of {rows} rows and {vectors} vectors"),
    }
}

/// The tiles that `rows` rows are cut into, the largest first.
pub(super) fn cut_rows(rows: usize, largest: usize) -> Vec<usize> {
    let (mut left, mut tiles) = (rows, Vec::with_capacity(rows.div_ceil(largest) + 3));
    for size in [8, 6, 4, 3, 2, 1] {
        while size <= largest && left >= size {
            tiles.push(size);
            left -= size;
        }
    }
    tiles
}

/// Positions that follow each other on both sides of a product: `len` from `x` there and from `at` here.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) x: usize,
    pub(super) at: usize,
    pub(super) len: usize,
}

/// `out[m, c] (+)= Σ_p x[offsets[m] + p] · columns[p, c]` for `M` rows of `V` vectors.
pub(super) struct Outer<'a, T, const M: usize, const V: usize> {
    x: *const T,
    offsets: &'a [usize],
    columns: *const T,
    runs: &'a [Run],
    out: *mut T,
    pitch: usize,
}

impl<T: Lanes, const M: usize, const V: usize> WithSimd for Outer<'_, T, M, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = V * lanes::<T, S>();
        let mut sums = [[T::splat(simd, T::ZERO); V]; M];
        let mut offsets = [0; M];
        offsets.copy_from_slice(&self.offsets[..M]);
        for run in self.runs {
            // SAFETY: `run_outer`'s caller promises these elements.
            unsafe {
                let (mut x, mut at) = (self.x.add(run.x), self.columns.add(run.at * width));
                for _ in 0..run.len {
                    let mut columns = [T::splat(simd, T::ZERO); V];
                    for v in 0..V {
                        columns[v] = load::<T, S>(at.add(v * lanes::<T, S>()));
                    }
                    for m in 0..M {
                        let factor = T::splat(simd, *x.add(offsets[m]));
                        for v in 0..V {
                            sums[m][v] = T::multiply_add(simd, factor, columns[v], sums[m][v]);
                        }
                    }
                    x = x.add(1);
                    at = at.add(width);
                }
            }
        }
        for m in 0..M {
            for v in 0..V {
                // SAFETY: as above.
                unsafe {
                    let cell = self.out.add(m * self.pitch + v * lanes::<T, S>());
                    store::<T, S>(cell, T::plus(simd, load::<T, S>(cell), sums[m][v]));
                }
            }
        }
    }
}

/// Adds one tile of a product over positions.
///
/// # Safety
/// `x` may be read at each run from each of `rows` offsets, `columns` for `vectors` vectors at each position of a run,
/// `out` may be changed for `vectors` vectors in each of `rows` rows of distance `pitch`; `(rows, vectors)` is an arm.
pub(super) unsafe fn run_outer<T: Lanes>(
    (rows, vectors): (usize, usize),
    x: *const T,
    offsets: &[usize],
    columns: *const T,
    runs: &[Run],
    (out, pitch): (*mut T, usize),
) {
    macro_rules! run {
        ($m:literal, $v:literal) => {
            pulp::Arch::new().dispatch(Outer::<T, $m, $v> { x, offsets, columns, runs, out, pitch })
        };
    }
    match (rows, vectors) {
        (6, 4) => run!(6, 4),
        (4, 4) => run!(4, 4),
        (3, 4) => run!(3, 4),
        (2, 4) => run!(2, 4),
        (1, 4) => run!(1, 4),
        (8, 2) => run!(8, 2),
        (6, 2) => run!(6, 2),
        (4, 2) => run!(4, 2),
        (3, 2) => run!(3, 2),
        (2, 2) => run!(2, 2),
        (1, 2) => run!(1, 2),
        (8, 1) => run!(8, 1),
        (6, 1) => run!(6, 1),
        (4, 1) => run!(4, 1),
        (3, 1) => run!(3, 1),
        (2, 1) => run!(2, 1),
        (1, 1) => run!(1, 1),
        _ => unreachable!("no product of {rows} rows and {vectors} vectors"),
    }
}

/// `out[m, n] += Σ_q columns[m · pitch + q] · x[offsets[n] + q]` for `M` rows and `N` offsets over whole vectors.
pub(super) struct Dots<'a, T, const M: usize, const N: usize> {
    x: *const T,
    offsets: &'a [usize],
    columns: *const T,
    pitch: usize,
    vectors: usize,
    out: *mut T,
    step: usize,
}

impl<T: Lanes, const M: usize, const N: usize> WithSimd for Dots<'_, T, M, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut sums = [[T::splat(simd, T::ZERO); M]; N];
        let mut offsets = [0; N];
        offsets.copy_from_slice(&self.offsets[..N]);
        for q in 0..self.vectors {
            // SAFETY: `run_dots`'s caller promises these elements.
            unsafe {
                let at = q * lanes::<T, S>();
                let mut columns = [T::splat(simd, T::ZERO); M];
                for m in 0..M {
                    columns[m] = load::<T, S>(self.columns.add(m * self.pitch + at));
                }
                let x = self.x.add(at);
                for n in 0..N {
                    let x = load::<T, S>(x.add(offsets[n]));
                    for m in 0..M {
                        sums[n][m] = T::multiply_add(simd, x, columns[m], sums[n][m]);
                    }
                }
            }
        }
        for n in 0..N {
            for m in 0..M {
                // SAFETY: as above.
                unsafe { *self.out.add(n * self.step + m) += T::total(simd, sums[n][m]) };
            }
        }
    }
}

/// Adds the products of `rows` rows with `offsets.len()` shifted sources; `out` has `step` elements per offset.
///
/// # Safety
/// `columns` may be read for `vectors` vectors in each of `rows` rows of distance `pitch`, `x` for as many from each
/// offset, `out` may be changed at each row and offset; `(rows, offsets)` is one of the arms.
pub(super) unsafe fn run_dots<T: Lanes>(
    rows: usize,
    x: *const T,
    offsets: &[usize],
    (columns, pitch): (*const T, usize),
    vectors: usize,
    (out, step): (*mut T, usize),
) {
    macro_rules! run {
        ($m:literal, $n:literal) => {
            pulp::Arch::new().dispatch(Dots::<T, $m, $n> { x, offsets, columns, pitch, vectors, out, step })
        };
    }
    match (rows, offsets.len()) {
        (3, 8) => run!(3, 8),
        (3, 4) => run!(3, 4),
        (3, 2) => run!(3, 2),
        (3, 1) => run!(3, 1),
        (1, 9) => run!(1, 9),
        (1, 8) => run!(1, 8),
        (1, 4) => run!(1, 4),
        (1, 2) => run!(1, 2),
        (1, 1) => run!(1, 1),
        (rows, count) => unreachable!("no dots of {rows} rows and {count} offsets"),
    }
}
