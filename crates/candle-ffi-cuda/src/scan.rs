//! Running sums and products along a dimension, and what counting flags gives.

use crate::array::{device, empty};
use crate::copy::contiguous;
use crate::launch::{BLOCK, Launch};
use crate::transfer::download;
use crate::{is_float, ptx};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Tensor};
use candle_ffi_kernels::scan::Scan;

/// `Chunks` in `scan.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Chunks {
    lines: i64,
    n: i64,
    inner: i64,
    chunk: i64,
    chunks: i64,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Chunks {}

/// With shorter lines, or more of them, a thread goes along each.
const SHORT: usize = 64;
const MANY: usize = 1 << 14;
/// Elements of a chunk at least, and chunks of a line at most: one thread adds them up.
const CHUNK: usize = 8192;
const MOST_CHUNKS: usize = 256;
/// As many blocks keep a large device busy.
const ENOUGH_BLOCKS: usize = 512;

/// The running sum or product of any number dtype along `dim`.
pub fn scan(x: &Tensor, dim: usize, op: Scan) -> Result<Option<Tensor>> {
    let known =
        is_float(x.dtype()) || matches!(x.dtype(), DType::U8 | DType::U32 | DType::I16 | DType::I32 | DType::I64);
    if !known {
        return Ok(None);
    }
    let x = contiguous(x)?;
    let result = empty(device(&x)?, x.shape(), x.dtype())?;
    let product = |sizes: &[usize]| sizes.iter().product::<usize>();
    let (outer, n, inner) = match x.dims().get(dim) {
        Some(&n) => (product(&x.dims()[..dim]), n, product(&x.dims()[dim + 1..])),
        None => (1, 1, 1),
    };
    let code = match op {
        Scan::Sum => 0,
        Scan::SumFromEnd => 1,
        Scan::Prod => 2,
    };
    run(&x, &result, ["scan_along", "scan_chunks"], Some(x.dtype()), code, (outer, n, inner))?;
    Ok(Some(result))
}

/// Runs along the lines of a contiguous array into a result; without a dtype the kernels are of these very names.
fn run(
    x: &Tensor,
    result: &Tensor,
    [along, chunked]: [&'static str; 2],
    dtype: Option<DType>,
    op: u32,
    (outer, n, inner): (usize, usize, usize),
) -> Result<()> {
    let (device, lines) = (device(x)?, outer * inner);
    if lines == 0 || n == 0 {
        return Ok(());
    }
    let start = |name| match dtype {
        Some(dtype) => Launch::of(device, ptx::SCAN, name, dtype),
        None => Launch::plain(device, ptx::SCAN, name),
    };
    let wanted = ENOUGH_BLOCKS.div_ceil(lines).min(MOST_CHUNKS);
    let chunk = n.div_ceil(wanted).max(CHUNK);
    let chunks = Chunks {
        lines: lines as i64,
        n: n as i64,
        inner: inner as i64,
        chunk: chunk as i64,
        chunks: n.div_ceil(chunk) as i64,
    };
    if n <= SHORT || lines >= MANY {
        let mut launch = start(along)?;
        launch.value(op).tensor(x)?.tensor(result)?.value(chunks);
        // SAFETY: as the kernels of scan.cu are declared; both arrays are contiguous and of these sizes.
        return unsafe { launch.over(lines) };
    }
    let grid = [chunks.chunks as u32, lines.min(1 << 15) as u32, 1];
    let mut carries = None;
    if chunks.chunks > 1 {
        let total = if dtype.is_some_and(is_float) { DType::F64 } else { DType::I64 };
        let totals = empty(device, chunks.chunks as usize * lines, total)?;
        let mut launch = start(chunked)?;
        launch.value(op).tensor(x)?.tensor(result)?.optional(None)?.tensor(&totals)?.value(chunks);
        // SAFETY: as the kernels are declared; there is a total for each chunk of each line.
        unsafe { launch.run(grid, [BLOCK, 1, 1], 0) }?;
        let mut launch = Launch::of(device, ptx::SCAN, "scan_carry", total)?;
        launch.value(op).tensor(&totals)?.value(chunks);
        // SAFETY: as the kernels are declared.
        unsafe { launch.over(lines) }?;
        carries = Some(totals);
    }
    let mut launch = start(chunked)?;
    launch.value(op).tensor(x)?.tensor(result)?.optional(carries.as_ref())?.optional(None)?.value(chunks);
    // SAFETY: as the kernels are declared.
    unsafe { launch.run(grid, [BLOCK, 1, 1], 0) }
}

/// The flat `i64` positions of the bools that are set, ascending. It waits for the device, which alone knows how many there
/// are.
pub fn positions(flags: &Tensor) -> Result<Option<Tensor>> {
    if flags.dtype() != DType::U8 {
        return Ok(None);
    }
    let (flags, count) = (contiguous(flags)?, flags.elem_count());
    let device = device(&flags)?;
    if count == 0 {
        return Ok(Some(empty(device, 0, DType::I64)?));
    }
    let upto = empty(device, count, DType::I64)?;
    run(&flags, &upto, ["scan_along_flags", "scan_chunks_flags"], None, 0, (1, count, 1))?;
    let found = usize::try_from(download::<i64>(&upto.narrow(0, count - 1, 1)?)?[0]).unwrap_or(0);
    let positions = empty(device, found, DType::I64)?;
    let mut launch = Launch::plain(device, ptx::SCAN, "scan_positions")?;
    launch.tensor(&flags)?.tensor(&upto)?.tensor(&positions)?;
    // SAFETY: as the kernel is declared; as many positions are written as were counted.
    unsafe { launch.over(count) }?;
    Ok(Some(positions))
}
