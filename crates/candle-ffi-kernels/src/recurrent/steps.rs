//! Which rows belong to which step, and which threads take which of them.

use std::ops::Range;

use crate::parallel::num_threads;

/// The steps of a direction, over rows that lie one after the other.
pub struct Steps {
    /// For each step, how many sequences it has, never more than the step before; and where its rows begin.
    steps: Vec<(usize, usize)>,
    reverse: bool,
    rows: usize,
}

impl Steps {
    /// Steps with these numbers of sequences, from the first to the last or in reverse.
    pub fn new(sizes: &[usize], reverse: bool) -> Self {
        assert!(sizes.is_sorted_by(|before, after| before >= after), "more sequences at a later step: {sizes:?}");
        let mut rows = 0;
        let steps = sizes
            .iter()
            .map(|&size| {
                rows += size;
                (size, rows - size)
            })
            .collect();
        Self { steps, reverse, rows }
    }

    /// How many rows all steps have.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many sequences there are.
    pub fn sequences(&self) -> usize {
        self.steps.first().map_or(0, |step| step.0)
    }

    /// The rows of some sequences, step by step in the order of the direction.
    pub(super) fn forward(&self, sequences: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        self.walk(sequences.clone(), self.reverse)
    }

    /// The same, the last step first.
    pub(super) fn backward(&self, sequences: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        self.walk(sequences.clone(), !self.reverse)
    }

    fn walk(&self, sequences: Range<usize>, reverse: bool) -> impl Iterator<Item = Range<usize>> {
        let count = self.steps.len();
        (0..count).filter_map(move |at| {
            let (size, start) = self.steps[if reverse { count - 1 - at } else { at }];
            let end = sequences.end.min(size);
            (sequences.start < end).then(|| start + sequences.start..start + end)
        })
    }

    /// How the sequences are shared out: so many at a time, where each step of one costs `work` multiply-adds.
    pub(super) fn share(&self, work: usize) -> usize {
        /// Fewer rows than these read the weights as often and use the registers badly.
        const FEWEST: usize = 4;
        /// Multiply-adds that are not worth a second thread.
        const ONE_THREAD: usize = 128 * 1024;
        let (all, threads) = (self.sequences(), num_threads());
        if threads == 1 || all < 2 * FEWEST || self.rows.saturating_mul(work) <= 2 * ONE_THREAD {
            return all.max(1);
        }
        // Sequences of unequal lengths are evened out by smaller parts.
        let uneven = self.steps.last().is_some_and(|step| step.0 < all);
        let parts = if uneven { 4 * threads } else { threads };
        let least = if uneven { 2 * FEWEST } else { FEWEST };
        all.div_ceil(parts).max(least).min(all)
    }

    /// The state of `width` elements before each row's step: that of the step before, or the initial one.
    pub fn before<T: Copy + Default>(&self, states: Columns<'_, T>, initial: &[T], width: usize) -> Vec<T> {
        let mut current = initial.to_vec();
        let mut result = vec![T::default(); self.rows * width];
        for rows in self.forward(&(0..self.sequences())) {
            let count = rows.len() * width;
            result[rows.start * width..][..count].copy_from_slice(&current[..count]);
            for (row, state) in rows.zip(current.chunks_exact_mut(width.max(1))) {
                state.copy_from_slice(states.row(row, width));
            }
        }
        result
    }
}

/// Some columns of a matrix: those of one direction.
#[derive(Clone, Copy)]
pub struct Columns<'a, T> {
    /// The matrix.
    pub data: &'a [T],
    /// The length of its rows.
    pub stride: usize,
    /// The first of the columns.
    pub first: usize,
}

impl<'a, T> Columns<'a, T> {
    pub(super) fn row(&self, row: usize, width: usize) -> &'a [T] {
        &self.data[row * self.stride + self.first..][..width]
    }
}

/// Some columns of a matrix that is written.
pub struct ColumnsMut<'a, T> {
    /// The matrix.
    pub data: &'a mut [T],
    /// The length of its rows.
    pub stride: usize,
    /// The first of the columns.
    pub first: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_packed_steps() {
        let steps = Steps::new(&[3, 2, 2, 1], false);
        let rows = |from, to| steps.forward(&(from..to)).map(|rows| (rows.start, rows.end)).collect::<Vec<_>>();
        assert_eq!(rows(0, 3), [(0, 3), (3, 5), (5, 7), (7, 8)]);
        assert_eq!(rows(1, 3), [(1, 3), (4, 5), (6, 7)]);
        assert_eq!(rows(2, 3), [(2, 3)]);
        assert_eq!(steps.backward(&(1..3)).next(), Some(6..7));
        assert_eq!((steps.rows(), steps.sequences()), (8, 3));
    }

    #[test]
    fn states_before_each_step() {
        let states = [1, 2, 3, 4, 5, 6];
        let columns = Columns { data: &states, stride: 1, first: 0 };
        assert_eq!(Steps::new(&[3, 2, 1], false).before(columns, &[-1, -2, -3], 1), [-1, -2, -3, 1, 2, 4]);
        assert_eq!(Steps::new(&[3, 2, 1], true).before(columns, &[-1, -2, -3], 1), [4, 5, -3, 6, -2, -1]);
    }
}
