//! Filling, copying, converting: whatever moves elements.

use crate::array::{Strides, address, device, empty};
use crate::bits::{converted, moved_as};
use crate::launch::Launch;
use crate::operand::{Joint, number};
use crate::transfer::download;
use crate::{capture, ptx};
use candle_core::{CudaDevice, DType, Result, Shape, Tensor};

/// A tensor with every element the same number, converted as PyTorch converts one.
pub fn fill(device: &CudaDevice, number: f64, dims: &[usize], dtype: DType) -> Result<Tensor> {
    let result = empty(device, dims, dtype)?;
    fill_with(converted(number, dtype)?, &result)?;
    Ok(result)
}

/// Writes one element over all of a contiguous tensor.
fn fill_with(bits: u64, dst: &Tensor) -> Result<()> {
    let mut launch = Launch::of(device(dst)?, ptx::COPY, "fill", moved_as(dst.dtype()))?;
    launch.value(bits).tensor(dst)?;
    // SAFETY: as `fill` of copy.cu is declared.
    unsafe { launch.over_packs(dst.elem_count(), 16 / dst.dtype().size_in_bytes()) }
}

/// The same elements in row-major order without gaps; no copy where they are so already.
pub fn contiguous(x: &Tensor) -> Result<Tensor> {
    if x.is_contiguous() { Ok(x.clone()) } else { copied(x) }
}

/// A copy in row-major order.
pub fn copied(x: &Tensor) -> Result<Tensor> {
    let result = empty(device(x)?, x.shape(), x.dtype())?;
    if moved(&result, x)? {
        return Ok(result);
    }
    // Candle follows strides of any number, which it sends to the device.
    capture::refuse(device(x)?, "strides of so many dimensions cannot be followed")?;
    let _pass = capture::enter(device(x)?)?;
    x.copy()?.contiguous()
}

/// `dst = src`, of the same dtype; `src` broadcasts, and is on the same device or one element on the host. False where the
/// strides are beyond the kernels. No two elements of `dst` may share their memory.
pub fn copy_into(dst: &Tensor, src: &Tensor) -> Result<bool> {
    if dst.layout().has_internal_overlap() {
        return Ok(false);
    }
    match number(src) {
        Some(bits) if dst.is_contiguous() => fill_with(bits, dst).map(|()| true),
        Some(bits) => {
            let one = empty(device(dst)?, (), dst.dtype())?;
            fill_with(bits, &one)?;
            moved(dst, &one)
        }
        None => moved(dst, src),
    }
}

/// The tensor itself, or a contiguous copy where its strides are beyond the kernels.
pub(crate) fn followed(x: &Tensor) -> Result<Tensor> {
    if Strides::of(x.layout()).is_some() { Ok(x.clone()) } else { copied(x) }
}

/// Writes `src`, as it broadcasts, over `dst`.
fn moved(dst: &Tensor, src: &Tensor) -> Result<bool> {
    let (count, dtype) = (dst.elem_count(), moved_as(dst.dtype()));
    if count == 0 {
        return Ok(true);
    }
    // Walked in the order of the target's memory, a permuted target is a contiguous one.
    let mut order: Vec<usize> = (0..dst.rank()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(dst.stride()[at]));
    let source_stride = |at: usize| {
        let own = (at + src.rank()).checked_sub(dst.rank())?;
        (src.dims()[own] != 1).then(|| src.stride()[own])
    };
    let entries = order.iter().map(|&at| (dst.dims()[at], [source_stride(at).unwrap_or(0), dst.stride()[at]]));
    let Some(joint) = Joint::<2>::new(entries) else { return Ok(false) };
    let (device, from, to) = (device(dst)?, address(src)?, address(dst)?);
    if joint.entries().eq([(joint.size(0), [1, 1])]) {
        let mut launch = Launch::of(device, ptx::COPY, "copy", dtype)?;
        launch.value(from).value(to);
        // SAFETY: as `copy` of copy.cu is declared; both run on for `count` elements.
        unsafe { launch.over_packs(count, 16 / dtype.size_in_bytes()) }?;
        return Ok(true);
    }
    if let Some(turned) = Transposed::of(&joint) {
        turned.launch(Launch::of(device, ptx::COPY, "copy_transposed", dtype)?, from, to)?;
        return Ok(true);
    }
    let mut launch = Launch::of(device, ptx::COPY, "copy_strided", dtype)?;
    launch.value(from).value(to).value(joint);
    // SAFETY: as `copy_strided` of copy.cu is declared; the strides are those of both tensors.
    unsafe { launch.over(count) }?;
    Ok(true)
}

/// A copy whose source is contiguous along another dimension than its target.
struct Transposed {
    planes: Joint<2>,
    plane_count: usize,
    rows: u32,
    columns: u32,
    column_stride: i64,
    row_step: i64,
}

impl Transposed {
    /// What is worth a square at a time.
    const LEAST: u32 = 8;

    fn of(joint: &Joint<2>) -> Option<Self> {
        let entries: Vec<_> = joint.entries().collect();
        let (&(columns, [column_stride, step]), outer) = entries.split_last()?;
        if step != 1 || column_stride < 2 || columns < Self::LEAST {
            return None;
        }
        let across = outer.iter().position(|&(size, [stride, _])| stride == 1 && size >= Self::LEAST)?;
        let (rows, [_, row_step]) = outer[across];
        let others = outer.iter().enumerate().filter(|(at, _)| *at != across).map(|(_, entry)| *entry);
        let plane_count = others.clone().map(|(size, _)| size as usize).product();
        let strides = |steps: [i64; 2]| steps.map(|step| usize::try_from(step).unwrap_or_default());
        let planes = Joint::new(others.map(|(size, steps)| (size as usize, strides(steps))))?;
        Some(Self { planes, plane_count, rows, columns, column_stride, row_step })
    }

    fn launch(&self, mut launch: Launch, from: u64, to: u64) -> Result<()> {
        const TILE: usize = 32;
        const MOST_BLOCKS: usize = 1 << 16;
        let squares = |size: u32| (size as usize).div_ceil(TILE);
        let tasks = self.plane_count.saturating_mul(squares(self.rows)).saturating_mul(squares(self.columns));
        launch.value(from).value(to).value(self.planes).value(self.plane_count);
        launch.value(self.rows).value(self.columns).value(self.column_stride).value(self.row_step);
        // SAFETY: as `copy_transposed` of copy.cu is declared; sizes and strides are those of both tensors.
        unsafe { launch.run([tasks.min(MOST_BLOCKS) as u32, 1, 1], [TILE as u32, 8, 1], 0) }
    }
}

/// The elements in another dtype, as PyTorch converts them.
pub fn cast(x: &Tensor, dtype: DType) -> Result<Option<Tensor>> {
    let name = match x.dtype() {
        DType::U8 => "cast_u8",
        DType::U32 => "cast_u32",
        DType::I16 => "cast_i16",
        DType::I32 => "cast_i32",
        DType::I64 => "cast_i64",
        DType::F16 => "cast_f16",
        DType::BF16 => "cast_bf16",
        DType::F32 => "cast_f32",
        DType::F64 => "cast_f64",
        DType::F8E4M3 => "cast_f8",
        _ => return Ok(None),
    };
    if x.dtype() == dtype {
        return Ok(Some(x.clone()));
    }
    converted_by(name, dtype, x, dtype).map(Some)
}

/// A tensor of a dtype with kernels in another one of those.
pub(crate) fn in_dtype(x: &Tensor, dtype: DType) -> Result<Tensor> {
    match cast(x, dtype)? {
        Some(converted) => Ok(converted),
        None => x.to_dtype(dtype),
    }
}

/// 1 for each element that is not 0 (NaN is not 0), else 0; bytes.
pub fn cast_to_bool(x: &Tensor) -> Result<Tensor> {
    converted_by("cast_bool", x.dtype(), x, DType::U8)
}

/// By the kernel `name` for `suffix`, into a tensor of `dtype`.
fn converted_by(name: &'static str, suffix: DType, x: &Tensor, dtype: DType) -> Result<Tensor> {
    let x = followed(x)?;
    let result = empty(device(&x)?, x.shape(), dtype)?;
    let mut launch = Launch::of(device(&x)?, ptx::CAST, name, suffix)?;
    launch.strided(&x)?.tensor(&result)?;
    let wider = x.dtype().size_in_bytes().max(dtype.size_in_bytes());
    // SAFETY: as the kernels of cast.cu are declared; the result has as many elements as x.
    unsafe { launch.over_packs(x.elem_count(), 16 / wider) }?;
    Ok(result)
}

/// Matrices, the last two dimensions, with zeros above a diagonal (`lower`) or below it.
pub fn triangle(x: &Tensor, diagonal: i64, lower: bool) -> Result<Option<Tensor>> {
    let &[.., rows, columns] = x.dims() else { return Ok(None) };
    let (Ok(rows), Ok(columns)) = (u32::try_from(rows), u32::try_from(columns)) else { return Ok(None) };
    let x = contiguous(x)?;
    let result = empty(device(&x)?, x.shape(), x.dtype())?;
    let mut launch = Launch::of(device(&x)?, ptx::COPY, "triangle", moved_as(x.dtype()))?;
    launch.tensor(&x)?.tensor(&result)?.value(rows).value(columns).value(diagonal).value(u32::from(lower));
    // SAFETY: as `triangle` of copy.cu is declared; both are contiguous and of one shape.
    unsafe { launch.over(x.elem_count()) }?;
    Ok(Some(result))
}

/// A new last dimension of `classes`, one where the `int64` index says and zero elsewhere. None where an index is no
/// class, which the caller reports. That has to be known before the result is used, so that the host waits for the
/// stream, as PyTorch does here.
pub fn one_hot(index: &Tensor, classes: usize) -> Result<Option<Tensor>> {
    let (DType::I64, Ok(width)) = (index.dtype(), u32::try_from(classes)) else { return Ok(None) };
    let index = contiguous(index)?;
    let device = device(&index)?;
    let mut dims = index.dims().to_vec();
    dims.push(classes);
    let result = empty(device, Shape::from(dims), DType::I64)?;
    if result.elem_count() == 0 {
        return Ok((index.elem_count() == 0).then_some(result));
    }
    let wrong = fill(device, 0.0, &[], DType::U32)?;
    let mut launch = Launch::plain(device, ptx::COPY, "one_hot")?;
    launch.tensor(&index)?.tensor(&result)?.value(width).tensor(&wrong)?;
    // SAFETY: as `one_hot` of copy.cu is declared; each index has a row of `classes`.
    unsafe { launch.over(result.elem_count()) }?;
    Ok((download::<u32>(&wrong)?[0] == 0).then_some(result))
}
