//! Attention: `softmax(scale · q kᵀ + mask) v`, in blocks of queries and keys, so that the matrix of all weights is
//! never made. The forward pass keeps a running maximum and sum for each query (Dao, Fu, Ermon, Rudra and Ré,
//! "FlashAttention", 2022); the gradient makes the weights again, from that maximum and the logarithm of that sum. They are
//! two numbers, as a maximum that a mask has brought far below zero would leave no digits of the logarithm.

mod backward;
mod forward;
mod scores;

pub use crate::simd::Lanes;
pub use backward::backward;
pub use forward::forward;

use crate::strided::Strided;

/// The sizes of an attention. `kv_heads` divides `heads`: that many neighbours share a head of keys and values.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Independent batches.
    pub batch: usize,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Queries of a head.
    pub queries: usize,
    /// Keys of a head.
    pub keys: usize,
    /// Elements of a query and of a key.
    pub width: usize,
    /// Elements of a value.
    pub value_width: usize,
}

/// What is done to the scores besides the softmax.
#[derive(Clone, Copy)]
pub struct Options<'a, T> {
    /// The factor of the products.
    pub scale: T,
    /// Whether query `i` takes keys up to `i` only.
    pub causal: bool,
    /// `[batch, heads, queries, keys]`, with stride 0 where it is broadcast; added to the scores.
    pub mask: Option<Strided<'a, T>>,
    /// Weights that are dropped.
    pub dropout: Option<Dropout>,
}

/// Weights are dropped by the draws of a generator, in row-major order.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// The seed.
    pub seed: u64,
    /// The draw of the first weight.
    pub offset: u64,
    /// The probability of zero.
    pub p: f64,
}

/// Inputs `[batch, heads, length, width]`, whose last stride is 1 (or whose rows have one element).
#[derive(Clone, Copy)]
pub struct Inputs<'a, T> {
    /// Queries.
    pub query: Strided<'a, T>,
    /// Keys.
    pub key: Strided<'a, T>,
    /// Values.
    pub value: Strided<'a, T>,
}

/// The strides of batch, head and row in a result whose rows are contiguous.
pub type RowStrides = [usize; 3];

/// Scores that are worked on together.
const BLOCK: usize = 256 * 256;

/// The lengths of a block of queries and of a block of keys.
fn blocks(sizes: Sizes, causal: bool) -> (usize, usize) {
    let even = |length: usize, most: usize| {
        let length = length.max(1);
        length.div_ceil(length.div_ceil(most))
    };
    // What lies above the diagonal is skipped by whole blocks.
    let keys = even(sizes.keys, if causal { 128 } else { 512 });
    (even(sizes.queries, if causal { 128 } else { (BLOCK / keys).min(256) }), keys)
}

/// How many units of so many queries make a task for a thread.
fn grain(queries: usize, sizes: Sizes) -> usize {
    const WORK: usize = 64 * 64 * 64;
    let work = queries.saturating_mul(sizes.keys).saturating_mul(sizes.width + sizes.value_width);
    (WORK / work.max(1)).max(1)
}

impl Sizes {
    fn kv_head(self, head: usize) -> usize {
        head / (self.heads / self.kv_heads)
    }
}

impl<T: Lanes> Inputs<'_, T> {
    fn check(&self, sizes: Sizes) {
        let Sizes { batch, heads, kv_heads, queries, keys, width, value_width } = sizes;
        assert_eq!(self.query.shape, [batch, heads, queries, width]);
        assert_eq!(self.key.shape, [batch, kv_heads, keys, width]);
        assert_eq!(self.value.shape, [batch, kv_heads, keys, value_width]);
        assert!(heads.is_multiple_of(kv_heads), "{heads} heads do not share {kv_heads}");
        for input in [self.query, self.key, self.value] {
            input.checked_len();
            assert!(input.shape[3] < 2 || input.strides[3] == 1, "rows of an input are not contiguous");
        }
    }
}

/// The matrix of one head from a row on.
fn panel<T>(input: Strided<'_, T>, batch: usize, head: usize, row: usize) -> crate::matmul::Panel<T> {
    let [by_batch, by_head, by_row] = [input.strides[0], input.strides[1], input.strides[2]];
    let at = input.offset + batch * by_batch + head * by_head + row * by_row;
    crate::matmul::Panel { start: input.data[at..].as_ptr(), row: by_row, column: 1 }
}

fn transposed<T>(panel: crate::matmul::Panel<T>) -> crate::matmul::Panel<T> {
    crate::matmul::Panel { start: panel.start, row: panel.column, column: panel.row }
}

#[cfg(test)]
mod tests;
