//! Triangles of matrices.

use crate::Element;
use crate::parallel::{GRAIN_MEMORY, build_units};
use crate::profile;
use crate::strided::copy_to_uninit;

/// Matrices of `rows` rows with zeros above a diagonal (`lower`) or below it. Diagonal 0 is the main one, positive ones lie
/// above it.
pub fn triangle<T: Element>(x: &[T], rows: usize, columns: usize, diagonal: i64, lower: bool) -> Vec<T> {
    let _span = profile::kernel("triangle");
    if x.is_empty() {
        return Vec::new();
    }
    assert_eq!(x.len() % (rows * columns), 0, "the length disagrees with the shape");
    // SAFETY: both parts of every row are written.
    unsafe {
        build_units(x.len(), columns, GRAIN_MEMORY, |start, out| {
            for (i, out) in out.chunks_exact_mut(columns).enumerate() {
                let first = start + i * columns;
                let row = (first / columns % rows) as i64;
                let border =
                    diagonal.saturating_add(row).saturating_add(i64::from(lower)).clamp(0, columns as i64) as usize;
                let (left, right) = out.split_at_mut(border);
                let x = &x[first..][..columns];
                let (kept, from, zeros) = if lower { (left, 0, right) } else { (right, border, left) };
                copy_to_uninit(&x[from..from + kept.len()], kept);
                zeros.iter_mut().for_each(|cell| {
                    cell.write(T::default());
                });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides() {
        let x: Vec<i32> = (1..=12).collect();
        assert_eq!(triangle(&x, 2, 3, 0, true), [1, 0, 0, 4, 5, 0, 7, 0, 0, 10, 11, 0]);
        assert_eq!(triangle(&x, 2, 3, 1, false), [0, 2, 3, 0, 0, 6, 0, 8, 9, 0, 0, 12]);
        assert_eq!(triangle(&x, 4, 3, -9, true), [0; 12]);
        assert_eq!(triangle(&x, 4, 3, i64::MIN, false), x);
        assert_eq!(triangle(&x, 4, 3, i64::MAX, true), x);
    }
}
