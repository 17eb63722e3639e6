//! Running sums and products along one dimension of a contiguous array seen as `[outer, n, inner]`.

use crate::math::Compute;
use crate::parallel::{GRAIN_MEMORY, Shared, for_each_range};
use crate::profile;

/// What runs along the dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The sum of the elements so far.
    Sum,
    /// The sum of the elements from here on.
    SumFromEnd,
    /// The product of the elements so far.
    Prod,
}

/// A type whose sums and products run in another one, as PyTorch's do.
pub trait Running: Copy + Send + Sync + Default {
    /// The type to add and multiply in.
    type Total: Copy;
    /// 0, or 1 for a product.
    fn start(product: bool) -> Self::Total;
    /// The sum or product with another element, and what it is in `Self`.
    fn next(total: Self::Total, x: Self, product: bool) -> (Self::Total, Self);
}

macro_rules! floats {
    ($($T:ty),*) => {$(
        impl Running for $T {
            type Total = f64;

            #[inline(always)]
            fn start(product: bool) -> f64 {
                if product { 1.0 } else { 0.0 }
            }

            #[inline(always)]
            fn next(total: f64, x: Self, product: bool) -> (f64, Self) {
                let x = f64::from(x);
                let total = if product { total * x } else { total + x };
                (total, Self::of(total))
            }
        }
    )*};
}

floats!(f32, f64);

impl Running for i64 {
    type Total = i64;

    #[inline(always)]
    fn start(product: bool) -> i64 {
        i64::from(product)
    }

    #[inline(always)]
    fn next(total: i64, x: Self, product: bool) -> (i64, Self) {
        let total = if product { total.wrapping_mul(x) } else { total.wrapping_add(x) };
        (total, total)
    }
}

/// Neighbouring columns that are run along together.
const COLUMNS: usize = 64;
/// The same for rows: their additions do not wait for each other.
const ROWS: usize = 8;

/// The running sum or product.
pub fn scan<T: Running>(x: &[T], outer: usize, n: usize, inner: usize, scan: Scan) -> Vec<T> {
    let _span = profile::kernel("scan");
    assert_eq!(x.len(), outer * n * inner, "the length disagrees with the shape");
    let mut out = Vec::with_capacity(x.len());
    let shared = Shared::new(&mut out.spare_capacity_mut()[..x.len()]);
    let product = scan == Scan::Prod;
    let strips = inner.div_ceil(COLUMNS);
    let (groups, width) = if inner == 1 { (outer.div_ceil(ROWS), ROWS) } else { (outer * strips, COLUMNS.min(inner)) };
    for_each_range(if x.is_empty() { 0 } else { groups }, GRAIN_MEMORY.div_ceil((n * width).max(1)), |range| {
        for group in range {
            let (first, count, lane) = if inner == 1 {
                (group * ROWS * n, ROWS.min(outer - group * ROWS), n)
            } else {
                let column = group % strips * COLUMNS;
                (group / strips * n * inner + column, COLUMNS.min(inner - column), 1)
            };
            let mut totals = [T::start(product); COLUMNS];
            for i in 0..n {
                let row = first + if scan == Scan::SumFromEnd { n - 1 - i } else { i } * inner;
                for (j, total) in totals[..count].iter_mut().enumerate() {
                    let at = row + j * lane;
                    let (next, value) = T::next(*total, x[at], product);
                    *total = next;
                    // SAFETY: each line belongs to one task, and the vector outlives the loop.
                    unsafe { shared.slice(at..at + 1)[0].write(value) };
                }
            }
        }
    });
    // SAFETY: every element of every line has been written.
    unsafe { out.set_len(x.len()) };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_along_the_dimension() {
        let x = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(scan(&x, 2, 3, 1, Scan::Sum), [1.0, 3.0, 6.0, 4.0, 9.0, 15.0]);
        assert_eq!(scan(&x, 1, 3, 2, Scan::Sum), [1.0, 2.0, 4.0, 6.0, 9.0, 12.0]);
        assert_eq!(scan(&x, 2, 3, 1, Scan::SumFromEnd), [6.0, 5.0, 3.0, 15.0, 11.0, 6.0]);
        assert_eq!(scan(&[2i64, 3, i64::MAX], 1, 3, 1, Scan::Prod), [2, 6, 6i64.wrapping_mul(i64::MAX)]);
        assert!(scan::<f64>(&[], 0, 3, 2, Scan::Sum).is_empty() && scan::<f64>(&[], 2, 0, 2, Scan::Sum).is_empty());
        let ones = vec![1i64; 11 * 5 * 70];
        let along = |outer, n, inner| scan(&ones, outer, n, inner, Scan::Sum);
        assert!((0..3850).all(|at| along(11, 5, 70)[at] == (at / 70 % 5 + 1) as i64));
        assert!((0..3850).all(|at| along(11, 350, 1)[at] == (at % 350 + 1) as i64));
        let long = vec![0.1f32; 1 << 20];
        assert!((scan(&long, 1, 1 << 20, 1, Scan::Sum)[(1 << 20) - 1] - 104_857.6).abs() < 0.01);
    }
}
