//! Tensors.
//!
//! A handle on an n-dimensional array. Handles are cheap: `candle_tensor_share` and many operations give
//! a new handle on the same storage.

use crate::device::CandleDeviceKind;
use crate::dtype::CandleDType;
use crate::error::{CandleError, CandleStatus};
use crate::handle::{Kind, Lookable, Opaque, borrow_mut, free, into_handle, look};
use crate::panic::{guard, neutral};
use crate::pointer::{output, slice_output};
use candle_ffi_core::{Error, ErrorCode, Tensor, profile};

/// An n-dimensional array that can take part in a graph of operations.
pub struct CandleTensor {
    _opaque: [u8; 0],
}

impl Opaque for CandleTensor {
    type Value = Tensor;
    const KIND: Kind = Kind::Tensor;

    #[inline]
    fn borrowed(tensor: &Tensor) {
        profile::inputs([tensor]);
    }
}

impl Lookable for CandleTensor {}

/// A new handle, or NULL for none.
pub(crate) fn tensor_or_null(tensor: Option<Tensor>) -> *mut CandleTensor {
    tensor.map_or(std::ptr::null_mut(), into_handle)
}

/// Frees a tensor handle; the storage goes with its last user. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_free(tensor: *mut CandleTensor) {
    forward!(candle_tensor_free(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral((), || unsafe {
        free(tensor);
        Ok(())
    });
}

/// A second handle on the same tensor: its values, its gradient, its place in the graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_share(
    tensor: *const CandleTensor,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_share(tensor, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "share", || {
            let out = output(out, "out")?;
            out.put(look(tensor, "tensor")?.clone());
            Ok(())
        })
    }
}

/// The number of dimensions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_rank(tensor: *const CandleTensor) -> usize {
    forward!(candle_tensor_rank(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(look(tensor, "tensor")?.rank()) })
}

/// The number of elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_num_elements(tensor: *const CandleTensor) -> usize {
    forward!(candle_tensor_num_elements(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(look(tensor, "tensor")?.num_elements()) })
}

/// Copies the sizes into `shape`, which has room for `capacity` of them; see `candle_tensor_rank`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_shape(
    tensor: *const CandleTensor,
    shape: *mut i64,
    capacity: usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_shape(tensor, shape, capacity, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "shape", || {
            let tensor = look(tensor, "tensor")?;
            copy_sizes(&tensor.dims(), slice_output(shape, capacity, "shape")?)
        })
    }
}

/// Copies the distances in elements between neighbours of each dimension, as `candle_tensor_shape`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_strides(
    tensor: *const CandleTensor,
    strides: *mut i64,
    capacity: usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_strides(tensor, strides, capacity, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "strides", || {
            let tensor = look(tensor, "tensor")?;
            copy_sizes(&tensor.strides(), slice_output(strides, capacity, "strides")?)
        })
    }
}

fn copy_sizes(sizes: &[usize], room: &mut [std::mem::MaybeUninit<i64>]) -> candle_ffi_core::Result<()> {
    if room.len() < sizes.len() {
        return Err(Error::new(
            ErrorCode::BufferTooSmall,
            format!("there is room for {} sizes, but the tensor has {} dimensions", room.len(), sizes.len()),
        ));
    }
    for (slot, &size) in room.iter_mut().zip(sizes) {
        slot.write(i64::try_from(size).map_err(|_| Error::internal("a size does not fit in int64_t"))?);
    }
    Ok(())
}

/// The type of the elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_dtype(tensor: *const CandleTensor) -> CandleDType {
    forward!(candle_tensor_dtype(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(look(tensor, "tensor")?.dtype().code()) })
}

/// The kind of device that the elements are on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_device(tensor: *const CandleTensor) -> CandleDeviceKind {
    forward!(candle_tensor_device(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(look(tensor, "tensor")?.device().kind() as CandleDeviceKind) })
}

/// The index of the device among its kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_device_index(tensor: *const CandleTensor) -> i32 {
    forward!(candle_tensor_device_index(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(i32::try_from(look(tensor, "tensor")?.device().index()).unwrap_or(i32::MAX)) })
}

/// 1 when the elements lie in row-major order without gaps, else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_is_contiguous(tensor: *const CandleTensor) -> i32 {
    forward!(candle_tensor_is_contiguous(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(look(tensor, "tensor")?.is_contiguous().into()) })
}

/// How often the storage has been changed in place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_version(tensor: *const CandleTensor) -> u32 {
    forward!(candle_tensor_version(tensor));
    // SAFETY: the caller keeps the contract of the header.
    neutral(0, || unsafe { Ok(look(tensor, "tensor")?.version()) })
}

/// Replaces the values of a tensor by those of another, and keeps everything else; not part of any graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_set_data(
    tensor: *mut CandleTensor,
    source: *const CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_set_data(tensor, source, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "set_data", || {
            let tensor = borrow_mut(tensor, "tensor")?;
            let source = tensor.beside(source, "source")?;
            tensor.set_data(&source)
        })
    }
}
