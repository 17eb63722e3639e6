//! Data of the host.
//!
//! Elements are copied in and out; bools are bytes, where any but 0 is true.

use crate::device::{CandleDeviceKind, device_of};
use crate::dtype::{CandleDType, dtype_of};
use crate::error::{CandleError, CandleStatus};
use crate::handle::borrow;
use crate::panic::guard;
use crate::pointer::{bytes_of, elements_of_bytes, output, slice, slice_optional, slice_output};
use crate::tensor::CandleTensor;
use candle_core::CpuStorage;
use candle_ffi_core::{DType, Error, ErrorCode, Result, Tensor, data::checked_shape};
use std::ffi::c_void;
use std::mem::MaybeUninit;

/// Makes a tensor from a copy of `byte_len` bytes at `data`.
///
/// `strides` may be NULL for elements in row-major order; else it has `rank` distances in bytes. `data` is
/// the lowest address of the elements: along a dimension with a negative stride the first element lies at
/// the far end. Data may be unaligned. Fails with `CANDLE_ERROR_INVALID_ARGUMENT` when `byte_len` is not what the shape
/// needs, or smaller than what the strides reach.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_from_data(
    data: *const c_void,
    byte_len: usize,
    shape: *const i64,
    rank: usize,
    strides: *const i64,
    dtype: CandleDType,
    device: CandleDeviceKind,
    device_index: i32,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_from_data(data, byte_len, shape, rank, strides, dtype, device, device_index, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "from_data", || {
            let out = output(out, "out")?;
            let bytes = slice(data.cast::<u8>(), byte_len, "data")?;
            let shape = slice(shape, rank, "shape")?;
            let strides = slice_optional(strides, rank, "strides")?;
            let dtype = dtype_of(dtype, "dtype")?;
            let device = device_of(device, device_index)?;
            let (dims, count) = checked_shape(shape, dtype)?;
            let storage = match strides {
                Some(strides) => {
                    let runs = Runs::new(&dims, strides, dtype.size_in_bytes(), bytes.len())?;
                    storage(dtype, count, |room| runs.copy(bytes, room))
                }
                None => {
                    let needed = count * dtype.size_in_bytes();
                    if needed != byte_len {
                        return Err(wrong_length(byte_len, needed, shape, dtype));
                    }
                    storage(dtype, count, |room| _ = room.write_copy_of_slice(bytes))
                }
            };
            out.put(Tensor::from_storage(storage, &dims, dtype, device)?);
            Ok(())
        })
    }
}

#[cold]
fn wrong_length(byte_len: usize, needed: usize, shape: &[i64], dtype: DType) -> Error {
    Error::argument(format!("byte_len is {byte_len}, but a {dtype} tensor of shape {shape:?} has {needed} bytes"))
}

/// A storage of `count` elements, whose bytes `fill` writes.
///
/// # Safety
/// `fill` writes every byte.
pub(crate) unsafe fn storage(dtype: DType, count: usize, fill: impl FnOnce(&mut [MaybeUninit<u8>])) -> CpuStorage {
    // SAFETY: passed on from the caller.
    unsafe {
        match dtype {
            DType::Bool => {
                let mut bytes: Vec<u8> = elements_of_bytes(count, fill);
                bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
                CpuStorage::U8(bytes)
            }
            DType::UInt8 => CpuStorage::U8(elements_of_bytes(count, fill)),
            DType::Int16 => CpuStorage::I16(elements_of_bytes(count, fill)),
            DType::UInt32 => CpuStorage::U32(elements_of_bytes(count, fill)),
            DType::Int32 => CpuStorage::I32(elements_of_bytes(count, fill)),
            DType::Int64 => CpuStorage::I64(elements_of_bytes(count, fill)),
            DType::Float8E4M3 => CpuStorage::F8E4M3(elements_of_bytes(count, fill)),
            DType::Float16 => CpuStorage::F16(elements_of_bytes(count, fill)),
            DType::BFloat16 => CpuStorage::BF16(elements_of_bytes(count, fill)),
            DType::Float32 => CpuStorage::F32(elements_of_bytes(count, fill)),
            DType::Float64 => CpuStorage::F64(elements_of_bytes(count, fill)),
        }
    }
}

/// Elements that lie apart: along each dimension, how many there are and how far in bytes.
pub(crate) struct Runs {
    dims: Vec<(usize, isize)>,
    start: usize,
    size: usize,
}

impl Runs {
    /// Checks that all elements lie within `byte_len` bytes.
    pub(crate) fn new(dims: &[usize], strides: &[i64], size: usize, byte_len: usize) -> Result<Self> {
        let (mut start, mut reach) = (0usize, size);
        if dims.contains(&0) {
            return Ok(Self { dims: Vec::new(), start, size });
        }
        let mut kept = Vec::with_capacity(dims.len());
        for (&dim, &stride) in dims.iter().zip(strides).filter(|&(&dim, _)| dim != 1) {
            let beyond =
                || Error::argument(format!("strides {strides:?} for shape {dims:?} reach beyond byte_len {byte_len}"));
            let stride = isize::try_from(stride).map_err(|_| beyond())?;
            let span = (dim - 1).checked_mul(stride.unsigned_abs()).ok_or_else(beyond)?;
            reach = reach.checked_add(span).filter(|&reach| reach <= byte_len).ok_or_else(beyond)?;
            if stride < 0 {
                start += span;
            }
            kept.push((dim, stride));
        }
        if reach > byte_len {
            return Err(Error::argument(format!("byte_len is {byte_len}, but one element has {size} bytes")));
        }
        Ok(Self { dims: kept, start, size })
    }

    /// Copies the elements in row-major order; `room` has exactly as many bytes as they.
    pub(crate) fn copy(&self, bytes: &[u8], room: &mut [MaybeUninit<u8>]) {
        let (count, stride) = self.dims.last().copied().unwrap_or((1, self.size.cast_signed()));
        let outer = self.dims.split_last().map_or(&[][..], |(_, outer)| outer);
        let mut position = vec![0usize; outer.len()];
        let mut offset = self.start;
        for row in room.chunks_exact_mut(count * self.size) {
            match self.size {
                1 => copy_row::<1>(bytes, offset, stride, row),
                2 => copy_row::<2>(bytes, offset, stride, row),
                4 => copy_row::<4>(bytes, offset, stride, row),
                _ => copy_row::<8>(bytes, offset, stride, row),
            }
            for (at, &(dim, stride)) in position.iter_mut().zip(outer).rev() {
                *at += 1;
                offset = offset.wrapping_add_signed(stride);
                if *at < dim {
                    break;
                }
                offset = offset.wrapping_add_signed(stride.wrapping_mul(-dim.cast_signed()));
                *at = 0;
            }
        }
    }
}

/// Copies one run of elements of `SIZE` bytes.
fn copy_row<const SIZE: usize>(bytes: &[u8], start: usize, stride: isize, row: &mut [MaybeUninit<u8>]) {
    if stride == SIZE.cast_signed() {
        row.write_copy_of_slice(&bytes[start..start + row.len()]);
        return;
    }
    let mut offset = start;
    for element in row.as_chunks_mut::<SIZE>().0 {
        element.write_copy_of_slice(&bytes[offset..offset + SIZE]);
        offset = offset.wrapping_add_signed(stride);
    }
}

/// Copies the elements in row-major order into `byte_len` bytes, which must be exactly what they need.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_copy_to(
    tensor: *const CandleTensor,
    buffer: *mut c_void,
    byte_len: usize,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_copy_to(tensor, buffer, byte_len, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "copy_to", || {
            let tensor = borrow(tensor, "tensor")?;
            let room = slice_output(buffer.cast::<u8>(), byte_len, "buffer")?;
            let needed = tensor.num_elements() * tensor.dtype().size_in_bytes();
            if byte_len < needed {
                let message = format!("byte_len is {byte_len}, but the elements have {needed} bytes");
                return Err(Error::new(ErrorCode::BufferTooSmall, message));
            }
            if byte_len > needed {
                return Err(Error::argument(format!("byte_len is {byte_len}, but the elements have {needed} bytes")));
            }
            tensor.with_storage(|storage, range| {
                let bytes = match storage {
                    CpuStorage::U8(data) => bytes_of(&data[range]),
                    CpuStorage::U32(data) => bytes_of(&data[range]),
                    CpuStorage::I16(data) => bytes_of(&data[range]),
                    CpuStorage::I32(data) => bytes_of(&data[range]),
                    CpuStorage::I64(data) => bytes_of(&data[range]),
                    CpuStorage::BF16(data) => bytes_of(&data[range]),
                    CpuStorage::F16(data) => bytes_of(&data[range]),
                    CpuStorage::F32(data) => bytes_of(&data[range]),
                    CpuStorage::F64(data) => bytes_of(&data[range]),
                    CpuStorage::F8E4M3(data) => bytes_of(&data[range]),
                    _ => return Err(Error::internal("a tensor is stored as what no dtype is")),
                };
                room.write_copy_of_slice(bytes);
                Ok(())
            })
        })
    }
}

/// A number as a tensor of rank 0 that does not promote what it meets, as Python's floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_from_double(
    value: f64,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_from_double(value, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "from_double", || {
            output(out, "out")?.put(Tensor::from_number(value));
            Ok(())
        })
    }
}

/// An integer as a tensor of rank 0 that does not promote what it meets, as Python's integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_from_int64(
    value: i64,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_from_int64(value, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "from_int64", || {
            output(out, "out")?.put(Tensor::from_integer(value));
            Ok(())
        })
    }
}

/// A truth as a tensor of rank 0 that does not promote what it meets, as Python's bools.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_from_bool(
    value: i32,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_from_bool(value, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "from_bool", || {
            output(out, "out")?.put(Tensor::from_bool(value != 0));
            Ok(())
        })
    }
}

/// The only element as a double; fails with `CANDLE_ERROR_SHAPE` when there is not exactly one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_item_double(
    tensor: *const CandleTensor,
    out: *mut f64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_item_double(tensor, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "item", || {
            let out = output(out, "out")?;
            out.set(borrow(tensor, "tensor")?.to_number()?);
            Ok(())
        })
    }
}

/// The only element as an integer, a float cut towards zero; fails with `CANDLE_ERROR_SHAPE` when there is
/// not exactly one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_item_int64(
    tensor: *const CandleTensor,
    out: *mut i64,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_item_int64(tensor, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "item", || {
            let out = output(out, "out")?;
            out.set(borrow(tensor, "tensor")?.to_integer()?);
            Ok(())
        })
    }
}
