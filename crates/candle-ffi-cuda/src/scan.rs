//! Running sums and products along a dimension, and what counting flags gives.

use crate::array::{device, empty};
use crate::copy::contiguous;
use crate::device::blocks_wanted;
use crate::launch::Launch;
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

/// Threads of a block (`THREADS` in `scan.cu`), of which each looks at so many elements in one step (`EACH`).
const THREADS: usize = 256;
const EACH: usize = 4;
/// Lines without gaps that are not longer are each for lanes of one warp.
const ROW: usize = 512;
/// Where the elements of a line are not neighbours, a thread goes along each of shorter lines, or of more lines.
const SHORT: usize = 64;
const MANY: usize = 1 << 17;
/// Elements of a chunk at least, for 32 lines at once of each of them; and chunks of a line at most: one block adds them up.
const CHUNK: usize = 8192;
const COLUMN_CHUNK: usize = CHUNK / 32;
const MOST_CHUNKS: usize = THREADS;
/// As many blocks there are in a row of the grid at most; kernels go on in steps of the grid.
const MOST_BLOCKS: usize = 1 << 15;

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
    let names = Names { rows: "scan_rows", chunks: "scan_chunks", dtype: Some(x.dtype()) };
    run(&x, &result, names, code, (outer, n, inner))?;
    Ok(Some(result))
}

/// What the kernels for lines without gaps are called; without a dtype, they are of these very names.
#[derive(Clone, Copy)]
struct Names {
    rows: &'static str,
    chunks: &'static str,
    dtype: Option<DType>,
}

/// Runs along the lines of a contiguous array into a result.
fn run(x: &Tensor, result: &Tensor, names: Names, op: u32, (outer, n, inner): (usize, usize, usize)) -> Result<()> {
    let (device, lines) = (device(x)?, outer * inner);
    if lines == 0 || n == 0 {
        return Ok(());
    }
    let start = |name| match names.dtype {
        Some(dtype) => Launch::of(device, ptx::SCAN, name, dtype),
        None => Launch::plain(device, ptx::SCAN, name),
    };
    // Lines that a block works on together, and what a chunk of them is at least.
    let (kernel, block, together, least) = match inner {
        1 => (names.chunks, [THREADS as u32, 1, 1], 1, CHUNK),
        _ => ("scan_columns", [32, (THREADS / 32) as u32, 1], 32, COLUMN_CHUNK),
    };
    let groups = lines.div_ceil(together);
    let wanted = blocks_wanted(device).div_ceil(groups).min(MOST_CHUNKS);
    let chunk = n.div_ceil(wanted).max(least).next_multiple_of(EACH);
    let chunks = Chunks {
        lines: lines as i64,
        n: n as i64,
        inner: inner as i64,
        chunk: chunk as i64,
        chunks: n.div_ceil(chunk) as i64,
    };
    if inner == 1 && n <= ROW {
        let x_threads = n.div_ceil(EACH).next_power_of_two().min(32);
        let y_threads = THREADS / x_threads;
        let blocks = lines.div_ceil(y_threads).min(MOST_BLOCKS) as u32;
        let mut launch = start(names.rows)?;
        launch.value(op).tensor(x)?.tensor(result)?.value(chunks);
        // SAFETY: as the kernels of scan.cu are declared; both arrays are contiguous and of these sizes.
        return unsafe { launch.run([blocks, 1, 1], [x_threads as u32, y_threads as u32, 1], 0) };
    }
    if inner > 1 && (n <= SHORT || lines >= MANY) {
        let mut launch = start("scan_along")?;
        launch.value(op).tensor(x)?.tensor(result)?.value(chunks);
        // SAFETY: as above.
        return unsafe { launch.over(lines) };
    }
    let grid = [chunks.chunks as u32, groups.min(MOST_BLOCKS) as u32, 1];
    let mut carries = None;
    if chunks.chunks > 1 {
        let total = if names.dtype.is_some_and(is_float) { DType::F64 } else { DType::I64 };
        let totals = empty(device, chunks.chunks as usize * lines, total)?;
        let mut launch = start(kernel)?;
        launch.value(op).tensor(x)?.tensor(result)?.optional(None)?.tensor(&totals)?.value(chunks);
        // SAFETY: as the kernels are declared; there is a total for each chunk of each line.
        unsafe { launch.run(grid, block, 0) }?;
        let mut launch = Launch::of(device, ptx::SCAN, "scan_carry", total)?;
        launch.value(op).tensor(&totals)?.value(chunks);
        // SAFETY: as the kernels are declared; no line has more chunks than a block has threads.
        unsafe { launch.run([lines.min(MOST_BLOCKS) as u32, 1, 1], [THREADS as u32, 1, 1], 0) }?;
        carries = Some(totals);
    }
    let mut launch = start(kernel)?;
    launch.value(op).tensor(x)?.tensor(result)?.optional(carries.as_ref())?.optional(None)?.value(chunks);
    // SAFETY: as the kernels are declared.
    unsafe { launch.run(grid, block, 0) }
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
    let names = Names { rows: "scan_rows_flags", chunks: "scan_chunks_flags", dtype: None };
    run(&flags, &upto, names, 0, (1, count, 1))?;
    let found = usize::try_from(download::<i64>(&upto.narrow(0, count - 1, 1)?)?[0]).unwrap_or(0);
    let positions = empty(device, found, DType::I64)?;
    let mut launch = Launch::plain(device, ptx::SCAN, "scan_positions")?;
    launch.tensor(&flags)?.tensor(&upto)?.tensor(&positions)?;
    // SAFETY: as the kernel is declared; as many positions are written as were counted.
    unsafe { launch.over(count) }?;
    Ok(Some(positions))
}
