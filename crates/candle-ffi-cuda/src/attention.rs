//! Attention: `softmax(scale · q kᵀ + mask) v`, without the matrix of all scores: for halves whose heads are not too wide in
//! tiles, by one kernel ([`flash`]); for the others a chunk of the scores at a time, which cuBLAS multiplies, with one
//! kernel between the products. Results are the same but for rounding, and the gradient may go the other way.
//!
//! Halves are multiplied as such and summed in float32; weights are rounded to them before they meet the values. In tiles
//! these weights are not divided by their sum yet, nor scaled for what is dropped: the result is, before it is rounded.

mod flash;

use crate::array::{address, device, empty};
use crate::copy::{contiguous, in_dtype};
use crate::gemm::{Gemm, Matrix};
use crate::launch::{BLOCK, Launch};
use crate::matmul::fill_rows;
use crate::{is_float, ptx, wide};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CudaDevice, DType, Result, Tensor};

/// The scores of a chunk take no more memory than this, unless those of one query for each head need more.
const ROOM: usize = 256 << 20;

/// Rows of so many keys or more are worked on by a block each, shorter ones by a warp.
const LONG_ROW: usize = 1024;

/// How an attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionWay {
    /// In tiles where that is possible and worth it, else in chunks.
    Best,
    /// In tiles wherever that is possible.
    Tiles,
    /// In chunks of scores that take no more bytes, unless those of one query for each head need more.
    Chunks(usize),
}

/// What an attention does besides the products and the softmax.
pub struct AttentionOptions<'a> {
    /// The factor of the products.
    pub scale: f64,
    /// Whether query `i` takes keys up to `i` only.
    pub causal: bool,
    /// `[batch, heads, queries, keys]` in any strides: bools (`u8`), true for what takes part, or numbers that are added,
    /// in float64 for inputs of that, else in float32.
    pub mask: Option<&'a Tensor>,
    /// The weights that are dropped.
    pub dropout: Option<AttentionDropout<'a>>,
}

/// Weights are dropped by the draws of a generator, in row-major order.
#[derive(Clone, Copy)]
pub struct AttentionDropout<'a> {
    /// The seed.
    pub seed: u64,
    /// The draw of the first weight.
    pub offset: u64,
    /// Where a graph finds the seed, and what is to be added to the offset: of `draw`.
    pub place: Option<&'a Tensor>,
    /// The probability of zero.
    pub p: f64,
}

/// `Rows` in attention.cu.
#[repr(C)]
#[derive(Clone, Copy)]
struct Rows {
    heads: i64,
    queries: i64,
    keys: i64,
    first_batch: i64,
    first_query: i64,
    chunk_queries: i64,
    mask_strides: [i64; 4],
    seed: u64,
    offset: u64,
    place: u64,
    threshold: u64,
    kept: f64,
    causal: i32,
    mask_kind: i32,
    dropout: i32,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Rows {}

/// The strides of batch, head and row.
#[repr(C)]
#[derive(Clone, Copy)]
struct Strides([i64; 3]);

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Strides {}

/// Some queries of some batches.
#[derive(Clone, Copy)]
struct Chunk {
    first_batch: usize,
    batches: usize,
    first_query: usize,
    queries: usize,
}

/// The matrices of all batches and heads.
#[derive(Clone, Copy)]
struct Side {
    matrix: Matrix,
    /// Elements from one batch to the next, and from one head to the next.
    batch: usize,
    head: usize,
    /// Whether the heads are those of keys and values.
    shared: bool,
}

impl Side {
    /// Elements from one head of keys to the next, of a group's heads from each group's first to the next one's.
    fn step(&self, group: usize) -> usize {
        if self.shared { self.head } else { self.head * group }
    }

    fn after(self, elements: usize, dtype: DType) -> Self {
        Self { matrix: self.matrix.after(elements, dtype), ..self }
    }
}

/// An attention whose dtype has kernels.
struct Attention<'a> {
    device: &'a CudaDevice,
    way: AttentionWay,
    options: &'a AttentionOptions<'a>,
    dtype: DType,
    /// In which scores are.
    wide: DType,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    batch: usize,
    heads: usize,
    kv_heads: usize,
    queries: usize,
    keys: usize,
    width: usize,
    value_width: usize,
}

/// The result for `[batch, heads, queries, width]`, `[batch, kv_heads, keys, width]` and
/// `[batch, kv_heads, keys, value_width]`; and for each query the maximum of its scores and the logarithm of the sum of the
/// exponentials of their distances from it, zero and infinite where it takes no key, in the dtype of the scores. None for dtypes without a kernel.
pub fn attention(inputs: [&Tensor; 3], options: &AttentionOptions<'_>) -> Result<Option<[Tensor; 2]>> {
    attention_by(AttentionWay::Best, inputs, options)
}

/// The same in a way that the caller chooses; also None where that way is none for these inputs.
pub fn attention_by(
    way: AttentionWay,
    inputs: [&Tensor; 3],
    options: &AttentionOptions<'_>,
) -> Result<Option<[Tensor; 2]>> {
    let Some(attention) = Attention::new(way, inputs, options)? else { return Ok(None) };
    match attention.tiles() {
        Some(kernels) => flash::forward(&attention, kernels, inputs[0]).map(Some),
        None if way == AttentionWay::Tiles => Ok(None),
        None => attention.forward(inputs[0]).map(Some),
    }
}

/// The gradients of query, key and value; `out` and `statistics` are what [`attention`] gave.
pub fn attention_grad(
    grad: &Tensor,
    out: &Tensor,
    statistics: &Tensor,
    inputs: [&Tensor; 3],
    options: &AttentionOptions<'_>,
) -> Result<Option<[Tensor; 3]>> {
    attention_grad_by(AttentionWay::Best, [grad, out, statistics], inputs, options)
}

/// The same of the gradient of a result, the result and its statistics, in a way that the caller chooses; also None where that
/// way is none for these inputs.
pub fn attention_grad_by(
    way: AttentionWay,
    [grad, out, statistics]: [&Tensor; 3],
    inputs: [&Tensor; 3],
    options: &AttentionOptions<'_>,
) -> Result<Option<[Tensor; 3]>> {
    let Some(attention) = Attention::new(way, inputs, options)? else { return Ok(None) };
    if grad.dtype() != attention.dtype || out.dtype() != attention.dtype || statistics.dtype() != attention.wide {
        return Ok(None);
    }
    let (grad, out, statistics) = (rows(grad)?, rows(out)?, contiguous(statistics)?);
    match attention.tiles() {
        Some(kernels) => flash::backward(&attention, kernels, [&grad, &out, &statistics], inputs).map(Some),
        None if way == AttentionWay::Tiles => Ok(None),
        None => attention.backward(&grad, &out, &statistics, inputs).map(Some),
    }
}

impl<'a> Attention<'a> {
    fn new(
        way: AttentionWay,
        [query, key, value]: [&'a Tensor; 3],
        options: &'a AttentionOptions<'a>,
    ) -> Result<Option<Self>> {
        let dtype = query.dtype();
        if !is_float(dtype) {
            return Ok(None);
        }
        let wide = wide(dtype);
        let fits = |mask: &Tensor| mask.dtype() == DType::U8 || mask.dtype() == wide;
        if key.dtype() != dtype || value.dtype() != dtype || !options.mask.is_none_or(fits) {
            return Ok(None);
        }
        let ((batch, heads, queries, width), (_, kv_heads, keys, value_width)) = (query.dims4()?, value.dims4()?);
        if kv_heads == 0 {
            return Ok(None);
        }
        Ok(Some(Self {
            device: device(query)?,
            way,
            options,
            dtype,
            wide,
            query: rows(query)?,
            key: rows(key)?,
            value: rows(value)?,
            batch,
            heads,
            kv_heads,
            queries,
            keys,
            width,
            value_width,
        }))
    }

    /// The kernels that compute it in tiles, if any do.
    fn tiles(&self) -> Option<&'static flash::Kernels> {
        match self.way {
            AttentionWay::Chunks(_) => None,
            AttentionWay::Best => flash::Kernels::that_fit(self).filter(|kernels| kernels.are_worth_it(self)),
            AttentionWay::Tiles => flash::Kernels::that_fit(self),
        }
    }

    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// All scores, in parts that there is room for.
    fn chunks(&self) -> Vec<Chunk> {
        let room = if let AttentionWay::Chunks(room) = self.way { room } else { ROOM };
        let row = self.heads * self.keys * self.wide.size_in_bytes();
        let batches = (room / (row * self.queries).max(1)).clamp(1, self.batch.max(1));
        let queries = if batches > 1 { self.queries } else { (room / row.max(1)).clamp(1, self.queries.max(1)) };
        let mut chunks = Vec::new();
        for first_batch in (0..self.batch).step_by(batches) {
            for first_query in (0..self.queries).step_by(queries.max(1)) {
                chunks.push(Chunk {
                    first_batch,
                    batches: batches.min(self.batch - first_batch),
                    first_query,
                    queries: queries.min(self.queries - first_query),
                });
            }
        }
        chunks
    }

    /// Room for the scores of the largest chunk.
    fn room(&self, chunks: &[Chunk], dtype: DType) -> Result<Tensor> {
        let count = chunks.iter().map(|chunk| chunk.batches * self.heads * chunk.queries * self.keys).max();
        empty(self.device, count.unwrap_or(0), dtype)
    }

    fn rows(&self, chunk: Chunk) -> Result<Rows> {
        let mut mask_strides = [0; 4];
        if let Some(mask) = self.options.mask {
            mask_strides.iter_mut().zip(mask.layout().stride()).for_each(|(to, stride)| *to = *stride as i64);
        }
        let dropout = self.options.dropout.unwrap_or(AttentionDropout { seed: 0, offset: 0, place: None, p: 0.0 });
        // As the CPU has it, bit for bit.
        const TWO_TO_53: f64 = 9_007_199_254_740_992.0;
        Ok(Rows {
            heads: self.heads as i64,
            queries: self.queries as i64,
            keys: self.keys as i64,
            first_batch: chunk.first_batch as i64,
            first_query: chunk.first_query as i64,
            chunk_queries: chunk.queries as i64,
            mask_strides,
            seed: dropout.seed,
            offset: dropout.offset,
            place: dropout.place.map_or(Ok(0), address)?,
            threshold: ((1.0 - dropout.p).clamp(0.0, 1.0) * TWO_TO_53) as u64,
            kept: if dropout.p < 1.0 { 1.0 / (1.0 - dropout.p) } else { 0.0 },
            causal: i32::from(self.options.causal),
            mask_kind: self.options.mask.map_or(0, |mask| if mask.dtype() == DType::U8 { 1 } else { 2 }),
            dropout: i32::from(self.options.dropout.is_some()),
        })
    }

    /// A chunk of queries, of their results, or of the gradients of either.
    fn of_queries(&self, x: &Tensor, chunk: Chunk) -> Result<Side> {
        let side = side(x, false)?;
        let row = x.layout().stride()[2];
        Ok(side.after(chunk.first_batch * side.batch + chunk.first_query * row, x.dtype()))
    }

    /// Keys, values, or gradients of either, as rows or transposed.
    fn of_keys(&self, x: &Tensor, chunk: Chunk, transposed: bool) -> Result<Side> {
        let side = if transposed { transpose(x)? } else { side(x, true)? };
        Ok(side.after(chunk.first_batch * side.batch, x.dtype()))
    }

    /// A chunk of what is like the scores, which lies for itself.
    fn of_scores(&self, x: &Tensor, chunk: Chunk, transposed: bool) -> Result<Side> {
        let at = address(x)?;
        let matrix = if transposed { Matrix::columns(at, self.keys) } else { Matrix::rows(at, self.keys) };
        let head = chunk.queries * self.keys;
        Ok(Side { matrix, batch: self.heads * head, head, shared: false })
    }

    /// The products of all batches of a chunk and heads. Those of a group that write to shared heads add up.
    fn products(&self, gemm: Gemm, batches: usize, [lhs, rhs, out]: [Side; 3]) -> Result<()> {
        let (group, kv_heads) = (self.group(), self.kv_heads);
        for member in 0..group {
            let keep = if out.shared && member > 0 { 1.0 } else { gemm.keep };
            let own = |side: Side, dtype: DType| side.after(if side.shared { 0 } else { member * side.head }, dtype);
            let sides = [(own(lhs, gemm.dtype), gemm.dtype), (own(rhs, gemm.dtype), gemm.dtype)];
            let sides = [sides[0], sides[1], (own(out, gemm.result), gemm.result)];
            let even = sides.iter().all(|(side, _)| side.batch == kv_heads * side.step(group));
            // How often cuBLAS is called, and for how many matrices each time: heads, or one head of all batches.
            let (calls, count, by_head) = match kv_heads >= batches {
                _ if batches == 1 || even => (1, batches * kv_heads, true),
                true => (batches, kv_heads, true),
                false => (kv_heads, batches, false),
            };
            let gemm = Gemm { keep, batch: count, ..gemm };
            for call in 0..calls {
                let [lhs, rhs, out] = sides.map(|(side, dtype)| {
                    let (each, step) =
                        if by_head { (side.batch, side.step(group)) } else { (side.step(group), side.batch) };
                    side.matrix.after(call * each, dtype).every(step)
                });
                // SAFETY: sizes and strides are those of the tensors and of the chunk.
                unsafe { gemm.run(self.device, lhs, rhs, out) }?;
            }
        }
        Ok(())
    }

    /// `scale · q kᵀ`
    fn scores(&self, chunk: Chunk, scores: &Tensor) -> Result<()> {
        if self.width == 0 {
            return fill_rows(None, scores, 1, 1);
        }
        let sizes = [chunk.queries, self.keys, self.width];
        let gemm = Gemm { result: self.wide, scale: self.options.scale, ..Gemm::new(sizes, self.dtype) };
        let sides = [
            self.of_queries(&self.query, chunk)?,
            self.of_keys(&self.key, chunk, true)?,
            self.of_scores(scores, chunk, false)?,
        ];
        self.products(gemm, chunk.batches, sides)
    }

    fn forward(&self, query: &Tensor) -> Result<[Tensor; 2]> {
        let out = self.like(query, [self.batch, self.heads, self.queries, self.value_width], self.dtype)?;
        let statistics = empty(self.device, (self.batch, self.heads, self.queries, 2), self.wide)?;
        let chunks = self.chunks();
        let scores = self.room(&chunks, self.wide)?;
        let weights = if self.wide == self.dtype { scores.clone() } else { self.room(&chunks, self.dtype)? };
        if self.keys == 0 && out.elem_count() > 0 {
            fill_rows(None, &out, 1, 1)?;
        }
        for chunk in chunks {
            if self.keys > 0 {
                self.scores(chunk, &scores)?;
            }
            let count = chunk.batches * self.heads * chunk.queries;
            let block = if self.keys >= LONG_ROW { [BLOCK, 1, 1] } else { [32, BLOCK / 32, 1] };
            let blocks = count.div_ceil(block[1] as usize).min(1 << 16) as u32;
            let mut launch = Launch::of(self.device, ptx::ATTENTION, "attention_softmax", self.dtype)?;
            launch.tensor(&scores)?.optional(self.options.mask)?.tensor(&weights)?.tensor(&statistics)?;
            // SAFETY: as the kernel is declared; scores and weights have the chunk's rows.
            unsafe { launch.value(self.rows(chunk)?).value(count).run([blocks, 1, 1], block, 0) }?;
            if self.keys > 0 {
                let sides = [
                    self.of_scores(&weights, chunk, false)?,
                    self.of_keys(&self.value, chunk, false)?,
                    self.of_queries(&out, chunk)?,
                ];
                let gemm = Gemm::new([chunk.queries, self.value_width, self.keys], self.dtype);
                self.products(gemm, chunk.batches, sides)?;
            }
        }
        Ok([out, statistics])
    }

    fn backward(
        &self,
        grad: &Tensor,
        out: &Tensor,
        statistics: &Tensor,
        [query, key, value]: [&Tensor; 3],
    ) -> Result<[Tensor; 3]> {
        let chunks = self.chunks();
        // What is added up is rounded once.
        let parts = self.group() > 1 || chunks.iter().any(|chunk| chunk.queries < self.queries);
        let summed = if parts { self.wide } else { self.dtype };
        let query_grad = self.like(query, [self.batch, self.heads, self.queries, self.width], self.dtype)?;
        let key_grad = self.like(key, [self.batch, self.kv_heads, self.keys, self.width], summed)?;
        let value_grad = self.like(value, [self.batch, self.kv_heads, self.keys, self.value_width], summed)?;
        if self.batch * self.heads * self.queries * self.keys == 0 {
            for gradient in [&query_grad, &key_grad, &value_grad] {
                fill_rows(None, gradient, 1, 1)?;
            }
            return Ok([query_grad, in_dtype(&key_grad, self.dtype)?, in_dtype(&value_grad, self.dtype)?]);
        }
        let along = self.along(grad, out)?;
        let (scores, slopes) = (self.room(&chunks, self.wide)?, self.room(&chunks, self.wide)?);
        let [weights, score_grads] = if self.wide == self.dtype {
            [scores.clone(), slopes.clone()]
        } else {
            [self.room(&chunks, self.dtype)?, self.room(&chunks, self.dtype)?]
        };
        for chunk in chunks {
            let of_grad = self.of_queries(grad, chunk)?;
            self.scores(chunk, &scores)?;
            if self.value_width == 0 {
                fill_rows(None, &slopes, 1, 1)?;
            } else {
                let sizes = [chunk.queries, self.keys, self.value_width];
                let gemm = Gemm { result: self.wide, ..Gemm::new(sizes, self.dtype) };
                let sides = [of_grad, self.of_keys(&self.value, chunk, true)?, self.of_scores(&slopes, chunk, false)?];
                self.products(gemm, chunk.batches, sides)?;
            }
            let count = chunk.batches * self.heads * chunk.queries * self.keys;
            let mut launch = Launch::of(self.device, ptx::ATTENTION, "attention_slopes", self.dtype)?;
            launch.tensor(&scores)?.tensor(&slopes)?.optional(self.options.mask)?.tensor(statistics)?.tensor(&along)?;
            launch.tensor(&weights)?.tensor(&score_grads)?.value(self.rows(chunk)?);
            // SAFETY: as the kernel is declared; the four have the chunk's rows.
            unsafe { launch.over(count) }?;
            let keep = if chunk.first_query > 0 { 1.0 } else { 0.0 };
            let scale = self.options.scale;
            let down = |width: usize| Gemm {
                keep,
                result: summed,
                ..Gemm::new([self.keys, width, chunk.queries], self.dtype)
            };
            let sides = [self.of_scores(&weights, chunk, true)?, of_grad, self.of_keys(&value_grad, chunk, false)?];
            self.products(down(self.value_width), chunk.batches, sides)?;
            let sides = [
                self.of_scores(&score_grads, chunk, true)?,
                self.of_queries(&self.query, chunk)?,
                self.of_keys(&key_grad, chunk, false)?,
            ];
            self.products(Gemm { scale, ..down(self.width) }, chunk.batches, sides)?;
            let sides = [
                self.of_scores(&score_grads, chunk, false)?,
                self.of_keys(&self.key, chunk, false)?,
                self.of_queries(&query_grad, chunk)?,
            ];
            let gemm = Gemm { scale, ..Gemm::new([chunk.queries, self.width, self.keys], self.dtype) };
            self.products(gemm, chunk.batches, sides)?;
        }
        Ok([query_grad, in_dtype(&key_grad, self.dtype)?, in_dtype(&value_grad, self.dtype)?])
    }

    /// For each query the product of its result and the gradient of that.
    fn along(&self, grad: &Tensor, out: &Tensor) -> Result<Tensor> {
        let along = empty(self.device, (self.batch, self.heads, self.queries), self.wide)?;
        let count = along.elem_count();
        let mut launch = Launch::of(self.device, ptx::ATTENTION, "attention_along", self.dtype)?;
        for x in [grad, out] {
            let strides = x.layout().stride();
            launch.tensor(x)?.value(Strides([strides[0] as i64, strides[1] as i64, strides[2] as i64]));
        }
        launch.tensor(&along)?;
        for size in [self.heads, self.queries, self.value_width, count] {
            launch.value(size);
        }
        let blocks = (count * 32).div_ceil(BLOCK as usize).min(1 << 16) as u32;
        // SAFETY: as the kernel is declared; a warp for each row of tensors of these shapes.
        unsafe { launch.run([blocks, 1, 1], [BLOCK, 1, 1], 0) }?;
        Ok(along)
    }

    /// A new tensor of these sizes whose dimensions are in memory in the order of those of `like`, so that a transposed
    /// view stays the cheap one that it was.
    fn like(&self, like: &Tensor, dims: [usize; 4], dtype: DType) -> Result<Tensor> {
        let strides = like.layout().stride();
        let mut order = [0, 1, 2];
        order.sort_by_key(|&dim| std::cmp::Reverse(strides[dim]));
        let fresh = empty(self.device, (dims[order[0]], dims[order[1]], dims[order[2]], dims[3]), dtype)?;
        let mut back = [0, 1, 2, 3];
        for (place, dim) in order.into_iter().enumerate() {
            back[dim] = place;
        }
        fresh.permute(back)
    }
}

/// With adjacent elements in each row, and rows that do not overlap.
fn rows(x: &Tensor) -> Result<Tensor> {
    let (dims, strides) = (x.dims(), x.layout().stride());
    let adjacent = dims[3] < 2 || strides[3] == 1;
    let apart = dims[2] < 2 || strides[2] >= dims[3].max(1);
    if adjacent && apart { Ok(x.clone()) } else { contiguous(x) }
}

fn side(x: &Tensor, shared: bool) -> Result<Side> {
    let (dims, strides) = (x.dims(), x.layout().stride());
    let leading = if dims[2] < 2 { dims[3] } else { strides[2] };
    Ok(Side { matrix: Matrix::rows(address(x)?, leading), batch: strides[0], head: strides[1], shared })
}

/// Keys or values, their rows seen as columns.
fn transpose(x: &Tensor) -> Result<Side> {
    let (dims, strides) = (x.dims(), x.layout().stride());
    let leading = if dims[2] < 2 { dims[3] } else { strides[2] };
    Ok(Side { matrix: Matrix::columns(address(x)?, leading), batch: strides[0], head: strides[1], shared: true })
}
