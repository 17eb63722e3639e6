//! Order along a dimension: NaN is the largest, and equal elements stay in their order.

use crate::array::{device, empty};
use crate::copy::contiguous;
use crate::launch::Launch;
use crate::{is_float, ptx};
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Tensor};
use candle_ffi_kernels::sort::Part;

/// `Order` in `sort.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Order {
    lines: i64,
    n: i64,
    inner: i64,
    first: i64,
    k: i64,
    descending: u32,
}

// SAFETY: plain numbers in C layout.
unsafe impl DeviceRepr for Order {}

/// Elements that one block sorts (`TILE` in `sort.cu`).
const TILE: usize = 1024;

/// The `i64` positions along `dim` of the elements in ascending or descending order, or of a part of that.
pub fn argsort(x: &Tensor, dim: usize, descending: bool, part: Part) -> Result<Option<Tensor>> {
    let dtype = x.dtype();
    let known = is_float(dtype) || matches!(dtype, DType::U8 | DType::U32 | DType::I16 | DType::I32 | DType::I64);
    let x = contiguous(x)?;
    let product = |sizes: &[usize]| sizes.iter().product::<usize>();
    let (outer, n, inner) = match x.dims().get(dim) {
        Some(&n) => (product(&x.dims()[..dim]), n, product(&x.dims()[dim + 1..])),
        None => (1, 1, 1),
    };
    let (k, lines) = (part.len(n), outer * inner);
    if !known || u32::try_from(n).is_err() || (k > n && x.elem_count() > 0) {
        return Ok(None);
    }
    let mut dims = x.dims().to_vec();
    if let Some(size) = dims.get_mut(dim) {
        *size = k;
    }
    let device = device(&x)?;
    let result = empty(device, dims, DType::I64)?;
    if result.elem_count() == 0 || x.elem_count() == 0 {
        return Ok(Some(result));
    }
    let first = if let Part::Nth(place) = part { place } else { 0 };
    let order = Order {
        lines: lines as i64,
        n: n as i64,
        inner: inner as i64,
        first: first as i64,
        k: k as i64,
        descending: u32::from(descending),
    };
    // The number of a line's elements in one tile, or more of them than one.
    let tile = n.next_power_of_two().min(TILE);
    let tiles_of_line = n.div_ceil(tile);
    let long = matches!(dtype, DType::I64 | DType::F64);
    let words = lines * n * if long { 2 } else { 1 };
    let keys = || empty(device, words, DType::I64);
    let (mut from, mut to) = if tiles_of_line > 1 { (Some(keys()?), Some(keys()?)) } else { (None, None) };
    let blocks = (lines * tiles_of_line).div_ceil(TILE / tile).min(1 << 16) as u32;
    let mut launch = Launch::of(device, ptx::SORT, "sort_tiles", dtype)?;
    launch.tensor(&x)?.value(order).value(tile as i64).value(tiles_of_line as i64);
    launch.optional(from.as_ref())?.tensor(&result)?;
    // SAFETY: as the kernels of sort.cu are declared; there is a key for each element, and a position for each wanted one.
    unsafe { launch.run([blocks, 1, 1], [(TILE / 2) as u32, 1, 1], 0) }?;
    let mut width = tile;
    while width < n {
        let last = 2 * width >= n;
        let name = if long { "sort_merge_long" } else { "sort_merge_short" };
        let mut launch = Launch::plain(device, ptx::SORT, name)?;
        launch.optional(from.as_ref())?.optional(to.as_ref())?.value(order).value(width as i64);
        launch.optional(last.then_some(&result))?;
        // SAFETY: as the kernels are declared.
        unsafe { launch.over(lines * n) }?;
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    Ok(Some(result))
}
