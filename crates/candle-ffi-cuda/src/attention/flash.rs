//! Attention in tiles, by tensor cores (`flash.cuh`): for halves whose heads fit in, the matrix of scores is never made.

use super::{Attention, Chunk, Rows};
use crate::array::{address, empty};
use crate::copy::copied;
use crate::device::multiprocessors;
use crate::launch::{Launch, Module};
use crate::ptx;
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Tensor};

/// Elements of 16 bytes: what kernels read and write at once.
const PACK: usize = 8;
/// Threads of a block.
const THREADS: u32 = 128;

/// A block has so few queries to share the keys among, that their tiles are mostly empty, or there are so few blocks, that half
/// of the device is idle: with so many keys, which a block goes through alone, products by cuBLAS use more of the device.
const FEW_QUERIES: usize = 16;
const MANY_KEYS: usize = 1024;

/// `Flash` in flash.cuh.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Flash {
    query: [i64; 3],
    key: [i64; 3],
    value: [i64; 3],
    out: [i64; 3],
    grad: [i64; 3],
    query_grad: [i64; 3],
    key_grad: [i64; 3],
    value_grad: [i64; 3],
    group: i32,
    width: i32,
    value_width: i32,
    scale: f32,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Flash {}

/// A kernel, and the tiles that a block of it has.
struct Kernel {
    /// For positive scales without mask and dropout, and for all others.
    names: [&'static str; 2],
    rows: usize,
    columns: usize,
}

/// The kernels for heads up to a width.
pub(super) struct Kernels {
    width: usize,
    /// The modules of `f16` and `bf16`.
    modules: [Module; 2],
    forward: Kernel,
    queries: Kernel,
    keys: Kernel,
}

/// As the files `flash_*.cu` have them: the number of rows is 64 times the first number of a kernel's two.
macro_rules! kernels {
    ($width:literal, $f16:ident, $bf16:ident, [$($forward:literal),*], [$($queries:literal),*], [$($keys:literal),*]) => {
        Kernels {
            width: $width,
            modules: [ptx::$f16, ptx::$bf16],
            forward: kernels!("flash_forward_", $width, $($forward),*),
            queries: kernels!("flash_queries_", $width, $($queries),*),
            keys: kernels!("flash_keys_", $width, $($keys),*),
        }
    };
    ($name:literal, $width:literal, $rows:literal, $columns:literal) => {
        Kernel {
            names: [concat!($name, $width), concat!($name, $width, "_any")],
            rows: 64 * $rows,
            columns: $columns,
        }
    };
}

const KERNELS: [Kernels; 4] = [
    kernels!(32, FLASH_F16_32, FLASH_BF16_32, [2, 64], [2, 32], [2, 32]),
    kernels!(64, FLASH_F16_64, FLASH_BF16_64, [2, 64], [2, 32], [1, 64]),
    kernels!(96, FLASH_F16_96, FLASH_BF16_96, [2, 32], [1, 64], [1, 32]),
    kernels!(128, FLASH_F16_128, FLASH_BF16_128, [2, 32], [1, 32], [1, 32]),
];

impl Kernels {
    /// Those that can compute this attention.
    pub(super) fn that_fit(of: &Attention<'_>) -> Option<&'static Self> {
        let widest = of.width.max(of.value_width);
        let packs = [of.width, of.value_width].iter().all(|width| *width > 0 && width % PACK == 0);
        let halves = matches!(of.dtype, DType::F16 | DType::BF16);
        let some =
            of.batch > 0 && of.heads > 0 && of.queries > 0 && of.keys > 0 && of.heads.is_multiple_of(of.kv_heads);
        // Kernels count rows and blocks in 32 bits.
        const MOST: usize = (i32::MAX / 2) as usize;
        let counted = [of.queries, of.keys]
            .iter()
            .all(|&rows| rows < MOST && of.batch.saturating_mul(of.heads).saturating_mul(rows.div_ceil(64)) < MOST);
        if !(halves && packs && some && counted) {
            return None;
        }
        // Built for a capability below 8.0, the modules are empty.
        if ptx::CAPABILITY < 80 { None } else { KERNELS.iter().find(|kernels| widest <= kernels.width) }
    }

    /// Whether they are faster than products by cuBLAS.
    pub(super) fn are_worth_it(&self, of: &Attention<'_>) -> bool {
        let blocks = of.queries.div_ceil(self.forward.rows) * of.heads * of.batch;
        let few = of.queries < FEW_QUERIES || 2 * blocks < multiprocessors(of.device);
        !few || of.keys < MANY_KEYS
    }

    fn module(&self, dtype: DType) -> Module {
        self.modules[usize::from(dtype == DType::BF16)]
    }

    /// Shared memory of the forward's tiles, one of queries, one of keys and one of values. Rows are a pack longer than
    /// the head is wide.
    fn forward_shared(&self) -> usize {
        2 * (self.forward.rows + 2 * self.forward.columns) * (self.width + PACK)
    }

    /// The same of the backward's: two of rows, two of columns twice, and three numbers for each column.
    fn gradient_shared(&self, kernel: &Kernel) -> usize {
        2 * (2 * kernel.rows + 4 * kernel.columns) * (self.width + PACK) + 24 * kernel.columns
    }
}

/// What kernels are given besides arrays.
struct Call<'a> {
    attention: &'a Attention<'a>,
    kernels: &'static Kernels,
    inputs: [Tensor; 3],
    flash: Flash,
    rows: Rows,
}

impl<'a> Call<'a> {
    fn new(attention: &'a Attention<'a>, kernels: &'static Kernels) -> Result<Self> {
        let inputs = [aligned(&attention.query)?, aligned(&attention.key)?, aligned(&attention.value)?];
        let [query, key, value] = inputs.each_ref().map(strides);
        let whole = Chunk { first_batch: 0, batches: attention.batch, first_query: 0, queries: attention.queries };
        let flash = Flash {
            query,
            key,
            value,
            group: attention.group() as i32,
            width: attention.width as i32,
            value_width: attention.value_width as i32,
            scale: attention.options.scale as f32,
            ..Flash::default()
        };
        Ok(Self { attention, kernels, inputs, flash, rows: attention.rows(whole)? })
    }

    /// A kernel with its first arguments.
    fn launch(&self, kernel: &Kernel) -> Result<Launch> {
        let (attention, options) = (self.attention, self.attention.options);
        let plain = options.mask.is_none() && options.dropout.is_none() && self.flash.scale.is_normal();
        let name = kernel.names[usize::from(!(plain && self.flash.scale > 0.0))];
        let module = self.kernels.module(attention.dtype);
        let mut launch = Launch::of(attention.device, module, name, attention.dtype)?;
        for input in &self.inputs {
            launch.tensor(input)?;
        }
        Ok(launch)
    }

    /// # Safety
    ///
    /// As for [`Launch::run`]; `count` is how many rows each of so many heads has.
    unsafe fn run(&self, mut launch: Launch, kernel: &Kernel, count: usize, heads: usize, shared: usize) -> Result<()> {
        let blocks = count.div_ceil(kernel.rows) * heads * self.attention.batch;
        launch.value(self.flash).value(self.rows);
        // SAFETY: the caller's word.
        unsafe { launch.run([blocks as u32, 1, 1], [THREADS, 1, 1], shared as u32) }
    }
}

/// The result and its statistics.
pub(super) fn forward(attention: &Attention<'_>, kernels: &'static Kernels, query: &Tensor) -> Result<[Tensor; 2]> {
    let &Attention { batch, heads, queries, value_width, .. } = attention;
    let out = attention.like(query, [batch, heads, queries, value_width], attention.dtype)?;
    let statistics = empty(attention.device, (batch, heads, queries, 2), attention.wide)?;
    let mut call = Call::new(attention, kernels)?;
    call.flash.out = strides(&out);
    let kernel = &kernels.forward;
    let mut launch = call.launch(kernel)?;
    launch.optional(attention.options.mask)?.tensor(&out)?.tensor(&statistics)?;
    // SAFETY: as `flash_forward` is declared; sizes and strides are those of the tensors, whose rows begin at packs.
    unsafe { call.run(launch, kernel, queries, heads, kernels.forward_shared()) }?;
    Ok([out, statistics])
}

/// The gradients of query, key and value.
pub(super) fn backward(
    attention: &Attention<'_>,
    kernels: &'static Kernels,
    [grad, out, statistics]: [&Tensor; 3],
    like: [&Tensor; 3],
) -> Result<[Tensor; 3]> {
    let &Attention { batch, heads, kv_heads, queries, keys, width, value_width, dtype, .. } = attention;
    let query_grad = attention.like(like[0], [batch, heads, queries, width], dtype)?;
    let key_grad = attention.like(like[1], [batch, kv_heads, keys, width], dtype)?;
    let value_grad = attention.like(like[2], [batch, kv_heads, keys, value_width], dtype)?;
    let grad = aligned(grad)?;
    let along = attention.along(&grad, out)?;
    let mut call = Call::new(attention, kernels)?;
    call.flash.grad = strides(&grad);
    call.flash.query_grad = strides(&query_grad);
    call.flash.key_grad = strides(&key_grad);
    call.flash.value_grad = strides(&value_grad);
    let sides = [
        (&kernels.queries, queries, heads, [&query_grad; 2]),
        (&kernels.keys, keys, kv_heads, [&key_grad, &value_grad]),
    ];
    for (kernel, count, heads, [first, second]) in sides {
        let mut launch = call.launch(kernel)?;
        launch.tensor(&grad)?.optional(attention.options.mask)?.tensor(statistics)?.tensor(&along)?;
        launch.tensor(first)?.tensor(second)?;
        // SAFETY: as `flash_queries` and `flash_keys` are declared, of which the first does not touch its second result;
        // sizes and strides are those of the tensors, whose rows begin at packs.
        unsafe { call.run(launch, kernel, count, heads, kernels.gradient_shared(kernel)) }?;
    }
    Ok([query_grad, key_grad, value_grad])
}

/// With every row at a multiple of 16 bytes.
fn aligned(x: &Tensor) -> Result<Tensor> {
    let (dims, strides) = (x.dims(), x.layout().stride());
    let in_packs = (0..3).all(|dim| dims[dim] < 2 || strides[dim].is_multiple_of(PACK));
    if in_packs && address(x)?.is_multiple_of(16) { Ok(x.clone()) } else { copied(x) }
}

/// From one batch, head and row to the next.
fn strides(x: &Tensor) -> [i64; 3] {
    let strides = x.layout().stride();
    [strides[0] as i64, strides[1] as i64, strides[2] as i64]
}
