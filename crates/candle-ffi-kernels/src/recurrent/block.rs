//! Blocks of one row, which fit registers, and what all cells do with rows.

use super::Columns;
use crate::math::Compute;
use crate::simd::vectorize;

/// Elements that are computed together.
pub(super) const BLOCK: usize = 16;

/// The block of a row that begins at `at`.
#[inline(always)]
pub(super) fn load<T: Compute, const N: usize>(row: &[T], at: usize) -> [T; N] {
    row[at..at + N].as_chunks::<N>().0[0]
}

/// Writes a block of a row.
#[inline(always)]
pub(super) fn store<T: Compute, const N: usize>(row: &mut [T], at: usize, block: [T; N]) {
    row[at..at + N].as_chunks_mut::<N>().0[0] = block;
}

/// The gradients that come to the results of a direction; what nobody has used has none.
pub struct Incoming<'a, T> {
    /// Of the outputs of all steps.
    pub out: Option<Columns<'a, T>>,
    /// Of the last state.
    pub h_n: Option<&'a [T]>,
    /// Of the last cell state of an LSTM.
    pub c_n: Option<&'a [T]>,
}

/// A state's gradient for some sequences, at the end of their last step.
pub(super) fn last<T: Compute>(grad: Option<&[T]>, sequences: std::ops::Range<usize>, width: usize) -> Vec<T> {
    grad.map_or_else(
        || vec![T::ZERO; sequences.len() * width],
        |grad| grad[sequences.start * width..sequences.end * width].to_vec(),
    )
}

/// Adds the gradients of a step's outputs to those of its states.
pub(super) fn add_outputs<T: Compute>(
    state: &mut [T],
    grad: Option<Columns<'_, T>>,
    rows: std::ops::Range<usize>,
    width: usize,
) {
    let Some(grad) = grad else { return };
    vectorize(
        #[inline(always)]
        || {
            for (state, row) in state.chunks_exact_mut(width.max(1)).zip(rows) {
                for (x, y) in state.iter_mut().zip(grad.row(row, width)) {
                    *x += *y;
                }
            }
        },
    );
}
