//! Results that share memory with what is read for them, or with each other: a device computes all of it at the same time, so
//! that anything may come out.

use super::Blas;
use super::product::{Matrix, Product};
use crate::driver::report;

/// Bits for the elements between two addresses, each of `grain` bytes.
struct Places {
    low: u64,
    high: u64,
    grain: u64,
    bits: Vec<u64>,
}

/// So many elements are looked at one by one; results that are farther apart than that are only looked at as wholes.
const MOST: u64 = 1 << 30;

impl Matrix {
    fn is_empty(&self) -> bool {
        self.rows == 0 || self.columns == 0
    }

    /// The addresses of the first byte, and behind the last one.
    fn span(&self) -> (u64, u64) {
        let size = self.number.size() as i64;
        let ends = [(self.rows as i64 - 1) * self.row, (self.columns as i64 - 1) * self.column];
        let low = ends.iter().filter(|end| **end < 0).sum::<i64>() * size;
        let high = ends.iter().filter(|end| **end > 0).sum::<i64>() * size + size;
        (self.address.wrapping_add_signed(low), self.address.wrapping_add_signed(high))
    }

    fn elements(&self) -> impl Iterator<Item = u64> {
        let (matrix, size) = (*self, self.number.size() as i64);
        (0..self.columns as i64).flat_map(move |column| {
            (0..matrix.rows as i64)
                .map(move |row| matrix.address.wrapping_add_signed((row * matrix.row + column * matrix.column) * size))
        })
    }
}

impl Places {
    fn range(&self, element: u64, size: usize) -> std::ops::Range<u64> {
        let start = (element - self.low) / self.grain;
        start..start + (size as u64).div_ceil(self.grain)
    }

    /// Whether an element of a matrix is in one of the places. They are all `taken` then.
    fn meets(&mut self, matrix: &Matrix, take: bool) -> bool {
        let mut met = false;
        let size = matrix.number.size();
        for element in matrix.elements().filter(|element| (self.low..self.high).contains(element)) {
            for place in self.range(element, size) {
                let (word, bit) = ((place / 64) as usize, 1 << (place % 64));
                let Some(word) = self.bits.get_mut(word) else { continue };
                met |= *word & bit != 0;
                *word |= if take { bit } else { 0 };
            }
        }
        met
    }
}

fn touch(one: (u64, u64), other: (u64, u64)) -> bool {
    one.0 < other.1 && other.0 < one.1
}

/// An error if a result of these products, which are computed together, shares an element with another result or with a
/// factor.
pub(super) fn check(products: &[Product]) -> Result<(), Blas> {
    let results: Vec<&Matrix> = products.iter().map(|product| &product.c).filter(|c| !c.is_empty()).collect();
    let read = |product: &Product| if product.alpha == 0.0 { Vec::new() } else { vec![product.a, product.b] };
    let factors: Vec<Matrix> = products.iter().flat_map(read).filter(|factor| !factor.is_empty()).collect();
    let mut spans: Vec<(u64, u64)> = results.iter().map(|c| c.span()).collect();
    spans.sort_unstable();
    let (Some(low), Some(high)) = (spans.first().map(|span| span.0), spans.iter().map(|span| span.1).max()) else {
        return Ok(());
    };
    let apart = spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    let clear = |factor: &Matrix| {
        let span = factor.span();
        // Those that end after its beginning are all that may touch it, and of those the first one does if any does.
        let first = spans.partition_point(|other| other.1 <= span.0);
        !spans.get(first).is_some_and(|other| touch(*other, span))
    };
    if apart && factors.iter().all(clear) {
        return Ok(());
    }
    let grain = results.iter().copied().chain(&factors).map(|matrix| matrix.number.size() as u64).min().unwrap_or(1);
    if (high - low) / grain > MOST {
        return Ok(());
    }
    let mut places = Places { low, high, grain, bits: vec![0; ((high - low) / grain).div_ceil(64) as usize + 1] };
    if results.iter().any(|c| places.meets(c, true)) {
        return Err(refuse("results of one call share memory"));
    }
    if factors.iter().any(|factor| places.meets(factor, false)) {
        return Err(refuse("a result shares memory with a factor"));
    }
    Ok(())
}

fn refuse(what: &str) -> Blas {
    report(format_args!("a product of matrices: {what}, and a device writes and reads in any order"));
    Blas::EXECUTION_FAILED
}
