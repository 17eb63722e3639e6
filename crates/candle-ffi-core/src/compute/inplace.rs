//! Changes to a value's own storage. Callers have checked dtypes, shapes and versions.

use super::copy;
use super::dispatch::{self, CpuElement, with_element, with_number};
use super::elementwise::{Binary, binary};
use crate::value::Value;
use crate::{Error, ErrorCode, Result};
use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout};
use candle_ffi_kernels as kernels;
use candle_ffi_kernels::{Strided, StridedMut};
use std::sync::Mutex;

/// A change of one storage, given a look at none or one other. Candle takes the locks.
pub(super) struct Change<F>(Mutex<Option<F>>);

impl<F> Change<F> {
    pub(super) fn new(change: F) -> Self {
        Self(Mutex::new(Some(change)))
    }

    fn take(&self) -> candle_core::Result<F> {
        let mut change = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change.take().ok_or_else(|| candle_core::Error::Msg("an in-place change was run twice".to_owned()))
    }
}

pub(super) struct Change1<F>(pub(super) Change<F>);
pub(super) struct Change2<F>(pub(super) Change<F>);

impl<F: FnOnce(&mut CpuStorage, &Layout) -> Result<()>> InplaceOp1 for Change1<F> {
    fn name(&self) -> &'static str {
        "in-place change"
    }

    fn cpu_fwd(&self, dst: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        self.0.take()?(dst, layout).map_err(candle_core::Error::wrap)
    }
}

impl<F: FnOnce((&mut CpuStorage, &Layout), (&CpuStorage, &Layout)) -> Result<()>> InplaceOp2 for Change2<F> {
    fn name(&self) -> &'static str {
        "in-place change"
    }

    fn cpu_fwd(
        &self,
        dst: &mut CpuStorage,
        dst_layout: &Layout,
        src: &CpuStorage,
        src_layout: &Layout,
    ) -> candle_core::Result<()> {
        self.0.take()?((dst, dst_layout), (src, src_layout)).map_err(candle_core::Error::wrap)
    }
}

fn slice_mut<T: CpuElement>(storage: &mut CpuStorage) -> Result<&mut [T]> {
    T::slice_mut(storage).ok_or_else(dispatch::wrong_storage)
}

fn strided_mut<'a, T: CpuElement>(storage: &'a mut CpuStorage, layout: &'a Layout) -> Result<StridedMut<'a, T>> {
    let data = slice_mut::<T>(storage)?;
    Ok(StridedMut { data, offset: layout.start_offset(), shape: layout.dims(), strides: layout.stride() })
}

pub(super) fn contiguous_mut<'a, T: CpuElement>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [T]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::internal("a strided value reached an in-place kernel for contiguous ones"))?;
    Ok(&mut slice_mut::<T>(storage)?[start..end])
}

/// The source with a storage of its own: copied where it shares that of the destination.
fn apart(dst: &Value, src: &Value) -> Result<Value> {
    if dst.array.layout().has_internal_overlap() {
        let message = "several elements of an expanded tensor share their memory, so it cannot be changed in place; use a clone()";
        return Err(Error::new(ErrorCode::ModifiedInPlace, message));
    }
    if src.shares_storage_with(dst) { copy::copy(src) } else { Ok(src.clone()) }
}

/// The same, seen in the destination's shape.
fn source_for(dst: &Value, src: &Value) -> Result<Value> {
    apart(dst, src)?.broadcast_to(dst.dims())
}

/// `dst = src`, of the same dtype; `src` broadcasts.
pub(crate) fn copy_into(dst: &Value, src: &Value) -> Result<()> {
    if dst.num_elements() == 0 {
        return Ok(());
    }
    if !dst.is_cpu() {
        // One element on the host need not be moved by itself.
        let src = if src.num_elements() == 1 { src.clone() } else { src.to_device(dst.device())? };
        let src = apart(dst, &src)?;
        on_cuda!(copy_into(dst, &src));
        return set_on_device(dst, &src.to_device(dst.device())?.broadcast_to(dst.dims())?);
    }
    let src = source_for(dst, &src.to_device(dst.device())?)?;
    with_element!(dst.dtype, T => Ok(dst.array.inplace_op2(&src.array, &Change2(Change::new(
        |(dst, dst_layout): (&mut CpuStorage, &Layout), (src, src_layout): (&CpuStorage, &Layout)| {
            kernels::copy::copy_into(strided_mut::<T>(dst, dst_layout)?, dispatch::strided::<T>(src, src_layout)?);
            Ok(())
        },
    )))?))
}

/// `dst = dst op src`, of the same dtype; `src` broadcasts.
pub(crate) fn binary_into(op: Binary, dst: &Value, src: &Value) -> Result<()> {
    if dst.num_elements() == 0 {
        return Ok(());
    }
    if !dst.is_cpu() {
        let src = apart(dst, src)?;
        on_cuda!(binary_into(op, dst, &src));
        let src = src.to_device(dst.device())?.broadcast_to(dst.dims())?;
        return set_on_device(dst, &binary(op, dst, &src)?);
    }
    let src = source_for(dst, src)?;
    with_number!(dst.dtype, T => Ok(dst.array.inplace_op2(&src.array, &Change2(Change::new(
        |(dst, dst_layout): (&mut CpuStorage, &Layout), (src, src_layout): (&CpuStorage, &Layout)| {
            let src: Strided<'_, T> = dispatch::strided(src, src_layout)?;
            Ok(kernels::binary::binary_in_place(op, strided_mut::<T>(dst, dst_layout)?, src)?)
        },
    )))?))
}

/// Candle writes into a contiguous tensor only.
fn set_on_device(dst: &Value, src: &Value) -> Result<()> {
    if !dst.is_contiguous() {
        let message = format!("a strided view on {} cannot be changed in place; use a contiguous() copy", dst.device());
        return Err(Error::new(ErrorCode::Unsupported, message));
    }
    let count = dst.num_elements();
    if count == 0 {
        return Ok(());
    }
    let flat = dst.array.reshape(count)?;
    Ok(flat.slice_set(&src.array.contiguous()?.reshape(count)?, 0, 0)?)
}
