//! Reductions along one dimension of a contiguous array seen as `[outer, n, inner]`; results are `[outer, inner]`.
//!
//! Sums add blocks of bounded length in the computing type and the blocks in f64, with borders that depend on the
//! shape alone: the same result for any number of threads, and a smaller error than PyTorch's.

mod extreme;
mod fold;
mod sum;
#[cfg(test)]
mod tests;

pub use extreme::{argmax, argmin, max, min};
pub use fold::{all, any, prod, prod_integer, sum_integer};
pub use sum::{mean, sum, var};
pub(crate) use sum::{sum_columns, sum_row};

/// Independent accumulators of a sum over a row: four AVX-512 registers of f32.
const LANES: usize = 64;
/// Elements that are added in the computing type before their sum goes to f64.
const BLOCK: usize = 4096;
/// Columns that are reduced together when the reduced dimension is not the last.
const COLUMNS: usize = 512;
/// Elements of a part of a long reduction, which may be a task of its own.
const PART: usize = 128 * 1024;

fn check_len(len: usize, outer: usize, n: usize, inner: usize) {
    assert_eq!(len, outer * n * inner, "the length disagrees with the shape");
}
