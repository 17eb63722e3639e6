//! Reading and writing through `i64` indices.

use crate::array::{address, device, empty};
use crate::copy::contiguous;
use crate::copying;
use crate::launch::Launch;
use crate::ptx;
use crate::reduce::Plan;
use crate::report;
use candle_core::{DType, Result, Shape, Tensor, bail};

/// Looks for indices outside `0..size`, without waiting: see [`crate::report`]. False where the layout is too much for kernels.
pub fn check_inside(index: &Tensor, size: usize) -> Result<bool> {
    if index.elem_count() == 0 {
        return Ok(true);
    }
    let dims: Vec<usize> = (0..index.rank()).collect();
    let Some(plan) = Plan::of(index, &dims)? else { return Ok(false) };
    let found = report::slot(device(index)?, size)?;
    let arguments = |launch: &mut Launch| {
        launch.tensor(index)?.value(size as i64).value(found);
        Ok(())
    };
    // SAFETY: as the kernel is declared; it has one result.
    unsafe { plan.run(device(index)?, ptx::INDEX_CHECK, "index_check", DType::I64, arguments) }?;
    Ok(true)
}

/// What the kernels that move elements take one of so many bytes for.
fn unit(bytes: usize) -> Option<DType> {
    match bytes {
        1 => Some(DType::U8),
        2 => Some(DType::I16),
        4 => Some(DType::U32),
        8 => Some(DType::I64),
        _ => None,
    }
}

/// `out[…, i, …] = x[…, index[…, i, …], …]` along `dim`; the index may be smaller in the other dimensions. Where an index is
/// not there nothing is written.
pub fn gather(x: &Tensor, dim: usize, index: &Tensor) -> Result<Option<Tensor>> {
    let (Some(unit), DType::I64) = (unit(x.dtype().size_in_bytes()), index.dtype()) else { return Ok(None) };
    if x.rank() != index.rank() {
        bail!("index and array disagree in shape");
    }
    let result = empty(device(x)?, index.shape(), x.dtype())?;
    if index.elem_count() == 0 || x.elem_count() == 0 {
        return Ok(Some(result));
    }
    let size = x.dims().get(dim).copied().unwrap_or(1);
    let step = x.stride().get(dim).map_or(0, |&stride| stride as i64);
    let places = first_places(x, dim, index.shape())?;
    let mut launch = Launch::of(device(x)?, ptx::INDEX, "index_gather", unit)?;
    launch.strided(&places)?.value(step).value(size as i64).strided(index)?.tensor(&result)?;
    // SAFETY: as the kernels of index.cu are declared; they move elements of this size, and read inside x alone.
    unsafe { launch.over(index.elem_count()) }?;
    Ok(Some(result))
}

/// A view of another shape, which may be smaller but for `dim`, at the first place along `dim` everywhere.
pub(crate) fn first_places(x: &Tensor, dim: usize, shape: &Shape) -> Result<Tensor> {
    let mut first = x.clone();
    for (at, &size) in shape.dims().iter().enumerate() {
        first = first.narrow(at, 0, if at == dim { 1 } else { size })?;
    }
    first.broadcast_as(shape)
}

/// The entries of `x` along `dim` at the places of a one-dimensional index.
pub fn index_select(x: &Tensor, dim: usize, index: &Tensor) -> Result<Option<Tensor>> {
    let bytes = x.dtype().size_in_bytes();
    let (Some(unit), DType::I64) = (unit(bytes), index.dtype()) else { return Ok(None) };
    let (x, index) = (contiguous(x)?, contiguous(index)?);
    let k = index.elem_count();
    let mut dims = x.dims().to_vec();
    let (size, inner) = match dims.get_mut(dim) {
        Some(entry) => (std::mem::replace(entry, k), x.dims()[dim + 1..].iter().product::<usize>()),
        None => bail!("dimension {dim} is not there"),
    };
    let result = empty(device(&x)?, dims, x.dtype())?;
    let count = result.elem_count();
    if count == 0 || x.elem_count() == 0 {
        return Ok(Some(result));
    }
    // Rows are moved in the largest pieces that they consist of.
    let aligned = |tensor: &Tensor| Ok::<_, candle_core::Error>(address(tensor)? % 16 == 0);
    let wide = (inner * bytes).is_multiple_of(16) && aligned(&x)? && aligned(&result)?;
    let per_piece = if wide { 16 / bytes } else { 1 };
    let mut launch = if wide {
        Launch::plain(device(&x)?, ptx::INDEX, "index_rows_uint4")?
    } else {
        Launch::of(device(&x)?, ptx::INDEX, "index_rows", unit)?
    };
    launch.tensor(&x)?.value(size as i64).value((inner / per_piece) as i64);
    launch.tensor(&index)?.value(k as i64).tensor(&result)?;
    // SAFETY: as the kernels of index.cu are declared; they read inside x alone.
    unsafe { launch.over(count / per_piece) }?;
    Ok(Some(result))
}

/// For each bag and column of rows `[rows, width]`, the row with the largest number, the first of equal ones; bag `b` ends
/// before row `ends[b]`.
pub fn bag_argmax(rows: &Tensor, ends: &[usize]) -> Result<Option<Tensor>> {
    if !crate::is_float(rows.dtype()) {
        return Ok(None);
    }
    let (rows, (height, width)) = (contiguous(rows)?, rows.dims2()?);
    if ends.last().is_some_and(|&end| end > height) || ends.windows(2).any(|pair| pair[0] > pair[1]) {
        bail!("the bags disagree with the rows");
    }
    let result = empty(device(&rows)?, (ends.len(), width), DType::I64)?;
    if result.elem_count() == 0 {
        return Ok(Some(result));
    }
    let ends: Vec<i64> = ends.iter().map(|&end| end as i64).collect();
    let ends = copying::sent(&ends, device(&rows)?)?;
    let mut launch = Launch::of(device(&rows)?, ptx::INDEX, "index_bag_argmax", rows.dtype())?;
    launch.tensor(&rows)?.value(width as i64).tensor(&ends)?.tensor(&result)?;
    // SAFETY: as the kernels of index.cu are declared; the bags end inside the rows.
    unsafe { launch.over(result.elem_count()) }?;
    Ok(Some(result))
}
