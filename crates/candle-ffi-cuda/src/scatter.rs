//! Writing and adding through `i64` indices, which may repeat.

use crate::array::device;
use crate::copy::{copied, fill, in_dtype};
use crate::index::first_places;
use crate::launch::Launch;
use crate::{is_float, ptx};
use candle_core::{DType, Layout, Result, Tensor, bail};
use candle_ffi_kernels::index::Scatter;

/// With no more indices a line, a thread goes along each line in order.
const SHORT: usize = 64;
/// So too with more of them where there are so many lines that a thread for each has the device work.
const LONG: usize = 1024;
const MANY: usize = 1 << 16;

/// A view of the other dimensions, at the first place along `dim`.
fn without(tensor: &Tensor, dim: usize) -> Result<Tensor> {
    if tensor.rank() == 0 { Ok(tensor.clone()) } else { tensor.narrow(dim, 0, 1) }
}

/// How far the next element along `dim` is.
fn step(layout: &Layout, dim: usize) -> i64 {
    layout.stride().get(dim).map_or(0, |&stride| stride as i64)
}

/// `x` with `src[…, i, …]` put, or joined with what is there, at `[…, index[…, i, …], …]` along `dim`. Indices that are not
/// there are passed over.
pub fn scatter(op: Scatter, x: &Tensor, dim: usize, index: &Tensor, src: &Tensor) -> Result<Option<Tensor>> {
    let dtype = x.dtype();
    let known = is_float(dtype) || matches!(dtype, DType::U8 | DType::U32 | DType::I16 | DType::I32 | DType::I64);
    if !known || src.dtype() != dtype || index.dtype() != DType::I64 {
        return Ok(None);
    }
    if index.shape() != src.shape() || index.rank() != x.rank() {
        bail!("index, source and array disagree in shape");
    }
    let (count, size) = (index.elem_count(), x.dims().get(dim).copied().unwrap_or(1));
    if count == 0 || size == 0 {
        return copied(x).map(Some);
    }
    let (device, k) = (device(x)?, index.dims().get(dim).copied().unwrap_or(1));
    let code: u32 = match op {
        Scatter::Assign => 0,
        Scatter::Add => 1,
        Scatter::Mul => 2,
        Scatter::Max => 3,
        Scatter::Min => 4,
    };
    let short = k <= if count / k >= MANY { LONG } else { SHORT };
    if !short && op == Scatter::Add && matches!(dtype, DType::F16 | DType::BF16) {
        return sum_of_halves(x, dim, index, src).map(Some);
    }
    // Bytes cannot be exchanged alone. Wider numbers wrap alike.
    if !short && op != Scatter::Assign && dtype == DType::U8 {
        let [x, src] = [in_dtype(x, DType::I32)?, in_dtype(src, DType::I32)?];
        return scatter(op, &x, dim, index, &src)?.map(|wide| in_dtype(&wide, dtype)).transpose();
    }
    // A copy in any case.
    let result = copied(x)?;
    // Which index is the last is counted in 32 bits.
    let uncounted = op == Scatter::Assign && u32::try_from(count).is_err();
    if short || uncounted {
        let [index_line, src_line] = [without(index, dim)?, without(src, dim)?];
        let result_line = first_places(&result, dim, index_line.shape())?;
        let mut launch = Launch::of(device, ptx::SCATTER, "scatter_lines", dtype)?;
        launch.value(code).strided(&result_line)?.value(step(result.layout(), dim)).value(size as i64);
        launch.strided(&index_line)?.value(step(index.layout(), dim));
        launch.strided(&src_line)?.value(step(src.layout(), dim)).value(k as i64);
        // SAFETY: as the kernels of scatter.cu are declared; the views have a place for each line.
        unsafe { launch.over(count / k) }?;
        return Ok(Some(result));
    }
    let places = first_places(&result, dim, index.shape())?;
    let step = step(result.layout(), dim);
    if op != Scatter::Assign {
        let mut launch = Launch::of(device, ptx::SCATTER, "scatter_each", dtype)?;
        launch.value(code).strided(&places)?.value(step).value(size as i64).strided(index)?.strided(src)?;
        // SAFETY: as the kernels are declared; the views have a place for each index.
        unsafe { launch.over(count) }?;
        return Ok(Some(result));
    }
    let last = fill(device, 0.0, result.dims(), DType::U32)?;
    let last_places = first_places(&last, dim, index.shape())?;
    let mut launch = Launch::plain(device, ptx::SCATTER, "scatter_last")?;
    launch.strided(&last_places)?.value(step).value(size as i64).strided(index)?;
    // SAFETY: as the kernel is declared; `last` lies as the result does.
    unsafe { launch.over(count) }?;
    let mut launch = Launch::of(device, ptx::SCATTER, "scatter_assign", dtype)?;
    launch.tensor(&last)?.strided(&places)?.value(step).value(size as i64).strided(index)?.strided(src)?;
    // SAFETY: as the kernels are declared.
    unsafe { launch.over(count) }?;
    Ok(Some(result))
}

/// `x` with halves added at the places of an index, rounded once.
fn sum_of_halves(x: &Tensor, dim: usize, index: &Tensor, src: &Tensor) -> Result<Tensor> {
    let sums = in_dtype(x, DType::F32)?;
    let places = first_places(&sums, dim, index.shape())?;
    let size = x.dims().get(dim).copied().unwrap_or(1);
    let mut launch = Launch::of(device(x)?, ptx::SCATTER, "scatter_sum", x.dtype())?;
    launch.strided(&places)?.value(step(sums.layout(), dim)).value(size as i64).strided(index)?.strided(src)?;
    // SAFETY: as the kernels of scatter.cu are declared; the views have a place for each index.
    unsafe { launch.over(index.elem_count()) }?;
    in_dtype(&sums, x.dtype())
}

/// `x` with `src[…, i, …]` added at `[…, index[i], …]` along `dim`.
pub fn index_add(x: &Tensor, dim: usize, index: &Tensor, src: &Tensor) -> Result<Option<Tensor>> {
    if src.rank() == 0 {
        return scatter(Scatter::Add, x, dim, &index.reshape(())?, src);
    }
    let mut dims = vec![1; src.rank()];
    dims[dim] = index.elem_count();
    scatter(Scatter::Add, x, dim, &index.reshape(dims)?.broadcast_as(src.shape())?, src)
}
