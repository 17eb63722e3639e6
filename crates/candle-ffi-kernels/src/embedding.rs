//! Bags of rows.

use crate::Float;
use crate::parallel::{GRAIN_MEMORY, build_units};
use crate::profile;

/// For each bag and column, the row with the largest number (the first of equal ones): of rows of `width` elements, bag
/// `b` has those from `ends[b - 1]` to before `ends[b]`. Row 0 for an empty bag.
pub fn bag_argmax<T: Float>(rows: &[T], width: usize, ends: &[usize]) -> Vec<i64> {
    let _span = profile::kernel("bag_argmax");
    assert_eq!(rows.len(), ends.last().map_or(0, |end| end * width), "the bags disagree with the rows");
    let len = ends.len() * width;
    if len == 0 {
        return Vec::new();
    }
    // SAFETY: the first loop writes every element of each bag.
    unsafe {
        build_units(len, width, GRAIN_MEMORY / 4, |start, out| {
            for (i, out) in out.chunks_exact_mut(width).enumerate() {
                let bag = start / width + i;
                let first = if bag == 0 { 0 } else { ends[bag - 1] };
                for cell in &mut *out {
                    cell.write(if first < ends[bag] { first as i64 } else { 0 });
                }
                // SAFETY: written above.
                let best = &mut *(std::ptr::from_mut(out) as *mut [i64]);
                for row in (first + 1).max(1)..ends[bag] {
                    for (column, best) in best.iter_mut().enumerate() {
                        let (x, y) = (rows[row * width + column], rows[*best as usize * width + column]);
                        if x.to_compute() > y.to_compute() {
                            *best = row as i64;
                        }
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::bag_argmax;

    #[test]
    fn the_first_of_the_largest_in_each_bag() {
        let rows = [1.0f32, 5.0, 3.0, 5.0, 0.0, -1.0];
        assert_eq!(bag_argmax(&rows, 2, &[2, 2, 3]), [1, 0, 0, 0, 2, 2]);
        assert_eq!(bag_argmax::<f32>(&[], 2, &[0]), [0, 0]);
        assert!(bag_argmax::<f32>(&[], 2, &[]).is_empty());
    }
}
