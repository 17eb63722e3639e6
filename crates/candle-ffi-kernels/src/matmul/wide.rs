//! Products in a wider type than that of the matrices: f16 and bf16 are multiplied as f32 and rounded once.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::banded::in_bands;
use super::{Gemm, Matrix, Sizes};
use crate::copy::{contiguous, map};
use crate::parallel::{GRAIN_MEMORY, Shared, for_each_range};
use crate::simd::{inlined, vectorize};
use crate::strided::Strided;

/// Elements of a copy in a wider type, where that is not less than a strip of the matrix.
const WIDENED: usize = 4 << 20;

/// A part of a matrix in the type that is multiplied, contiguous but for a dimension of equal elements, which has one
/// element and stride 0. The elements come with the strides.
fn widened<T: Gemm>(
    matrix: Matrix<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> (Vec<T::Factor>, usize, usize) {
    let once = |stride: usize, len: usize| if stride == 0 { 1 } else { len };
    let (height, width) = (once(matrix.row, rows.len()), once(matrix.column, columns.len()));
    let (shape, strides) = ([height, width], [matrix.row, matrix.column]);
    let offset = rows.start * matrix.row + columns.start * matrix.column;
    let view = Strided::new(matrix.data, offset, &shape, &strides);
    let widen = inlined(
        #[inline(always)]
        |x: T| x.to_compute(),
    );
    let elements = match view.as_contiguous() {
        Some(data) => map(data, GRAIN_MEMORY, widen),
        None => map(&contiguous(view), GRAIN_MEMORY, widen),
    };
    (elements, if height == 1 { 0 } else { width }, usize::from(width != 1))
}

/// A product in a wider type than its own, by tiles of the result that bound the copies.
pub(super) fn wide_product<T: Gemm>(
    lhs: Matrix<'_, T>,
    rhs: Matrix<'_, T>,
    bias: Option<&[T]>,
    Sizes { m, k, n }: Sizes,
    out: &mut [MaybeUninit<T>],
    threads: bool,
) {
    // At least as many rows and columns as make the copies cheap beside the product.
    let tile_columns = (WIDENED / k).max(256).min(n);
    let tile_rows = (WIDENED / k.max(tile_columns)).max(256).min(m);
    let bias: Option<Vec<T::Factor>> = bias.map(|bias| bias.iter().map(|x| x.to_compute()).collect());
    let shared = Shared::new(out);
    let mut wide = Vec::with_capacity(tile_rows * tile_columns);
    for first in (0..n).step_by(tile_columns) {
        let columns = first..(first + tile_columns).min(n);
        let width = columns.len();
        let bias = bias.as_ref().map(|bias| &bias[columns.clone()]);
        let (right, right_row, right_column) = widened(rhs, 0..k, columns);
        for top in (0..m).step_by(tile_rows) {
            let rows = top..(top + tile_rows).min(m);
            let sizes = Sizes { m: rows.len(), k, n: width };
            let (left, left_row, left_column) = widened(lhs, rows, 0..k);
            let tile: &mut [MaybeUninit<T::Factor>] = &mut wide.spare_capacity_mut()[..sizes.m * width];
            in_bands(
                (left.as_ptr(), left_row, left_column),
                (right.as_ptr(), right_row, right_column),
                bias,
                sizes,
                tile,
                threads,
            );
            // SAFETY: gemm has written every element of the tile.
            let tile = unsafe { &*(std::ptr::from_ref(&*tile) as *const [T::Factor]) };
            for_each_range(sizes.m, if threads { GRAIN_MEMORY.div_ceil(width) } else { sizes.m }, |lines| {
                vectorize(
                    #[inline(always)]
                    || {
                        for line in lines {
                            let at = (top + line) * n + first;
                            // SAFETY: each line of the tile is written once, and `out` is borrowed for the whole call.
                            let out = unsafe { shared.slice(at..at + width) };
                            for (cell, x) in out.iter_mut().zip(&tile[line * width..][..width]) {
                                cell.write(T::from_compute(*x));
                            }
                        }
                    },
                );
            });
        }
    }
}
