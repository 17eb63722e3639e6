//! Memory of the caller.
//!
//! A tensor can use the caller's memory in place, and the caller can look at a tensor's memory in place.
//! What either writes the other sees; writes from outside are not counted as changes in place.

use crate::adopted::{self, Deleter};
use crate::callback::CandleFreeCallback;
use crate::data::storage;
use crate::dtype::{CandleDType, dtype_of};
use crate::error::{CandleError, CandleStatus};
use crate::handle::look;
use crate::panic::guard;
use crate::pointer::{Plain, elements_at, output, slice, slice_optional};
use crate::tensor::CandleTensor;
use candle_core::CpuStorage;
use candle_ffi_core::{DType, Error, ErrorCode, Result, Tensor, data::checked_shape_in_place};
use std::ffi::c_void;

/// Makes a tensor on the CPU of the `byte_len` bytes at `data`, in place.
///
/// `deleter` is called with `user_data` when the last tensor that uses the memory is gone, on any thread,
/// at once for a tensor without elements; NULL for memory that outlives them all. `strides` may be NULL for
/// elements in row-major order; else it has `rank` distances in bytes, which must be those of a row-major
/// order of the dimensions in some other order. `user_data` may be NULL. Fails with
/// `CANDLE_ERROR_INVALID_ARGUMENT` for other strides, for memory that is not aligned for `dtype` and for bools
/// that are neither 0 nor 1: `candle_tensor_from_data` copies these. When it fails the memory stays the
/// caller's and `deleter` is not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_from_blob(
    data: *mut c_void,
    byte_len: usize,
    shape: *const i64,
    rank: usize,
    strides: *const i64,
    dtype: CandleDType,
    deleter: CandleFreeCallback,
    user_data: *mut c_void,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_from_blob(data, byte_len, shape, rank, strides, dtype, deleter, user_data, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "from_blob", || {
            let out = output(out, "out")?;
            let bytes = slice(data.cast::<u8>().cast_const(), byte_len, "data")?;
            let shape = slice(shape, rank, "shape")?;
            let strides = slice_optional(strides, rank, "strides")?;
            let dtype = dtype_of(dtype, "dtype")?;
            let (dims, count) = checked_shape_in_place(shape, dtype)?;
            let needed = count * dtype.size_in_bytes();
            if needed != byte_len {
                let message = format!("byte_len is {byte_len}, but a {dtype} tensor of shape {shape:?}");
                return Err(Error::argument(format!("{message} without gaps has {needed} bytes")));
            }
            let block = Block { data: data.cast(), dims: &dims, strides, dtype };
            let order = match block.order() {
                Ok(order) => order,
                Err(reason) => {
                    return Err(Error::argument(format!(
                        "{reason}, so the memory cannot be used in place; a copy can"
                    )));
                }
            };
            if let Some(reason) = block.obstacle(bytes) {
                return Err(Error::argument(format!("{reason}, so the memory cannot be used in place; a copy can")));
            }
            out.put(block.adopt(&order, Deleter { call: deleter, argument: user_data })?);
            Ok(())
        })
    }
}

/// Memory that a tensor could use in place.
pub(crate) struct Block<'a> {
    /// The first element, which is also the lowest.
    pub(crate) data: *mut u8,
    pub(crate) dims: &'a [usize],
    /// In bytes.
    pub(crate) strides: Option<&'a [i64]>,
    pub(crate) dtype: DType,
}

impl Block<'_> {
    /// The dimensions from the slowest to the fastest, or why the elements are not dense.
    pub(crate) fn order(&self) -> Result<Vec<usize>, String> {
        let mut order: Vec<usize> = (0..self.dims.len()).collect();
        let Some(strides) = self.strides else { return Ok(order) };
        if self.dims.contains(&0) {
            return Ok(order);
        }
        let is_row_major = |order: &[usize]| {
            let mut expected = self.dtype.size_in_bytes().cast_signed() as i64;
            order.iter().rev().filter(|&&dim| self.dims[dim] != 1).all(|&dim| {
                let fits = strides[dim] == expected;
                expected = expected.wrapping_mul(self.dims[dim].cast_signed() as i64);
                fits
            })
        };
        if !is_row_major(&order) {
            // Stable, so that dimensions of size 1, whose strides say nothing, end up anywhere.
            order.sort_by_key(|&dim| std::cmp::Reverse(if self.dims[dim] == 1 { i64::MAX } else { strides[dim] }));
        }
        if is_row_major(&order) {
            return Ok(order);
        }
        Err(format!(
            "strides {strides:?} in bytes are not those of a dense {} array of shape {:?} in any order",
            self.dtype, self.dims
        ))
    }

    /// Why the memory, whose bytes these are, cannot be used as it is.
    pub(crate) fn obstacle(&self, bytes: &[u8]) -> Option<String> {
        if bytes.is_empty() {
            return None;
        }
        if !self.data.addr().is_multiple_of(self.dtype.size_in_bytes()) {
            return Some(format!("`data` is not aligned for {}", self.dtype));
        }
        // All at once: a loop without an exit is a loop of vectors.
        if self.dtype == DType::Bool && bytes.iter().fold(0, |all, byte| all | byte) > 1 {
            return Some("a bool is neither 0 nor 1".to_owned());
        }
        None
    }

    /// The sizes in the order in which the dimensions lie in memory, and the order that brings them back.
    pub(crate) fn laid_out(&self, order: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let mut back = vec![0; order.len()];
        for (at, &dim) in order.iter().enumerate() {
            back[dim] = at;
        }
        (order.iter().map(|&dim| self.dims[dim]).collect(), back)
    }

    /// A tensor in this memory, of which the deleter is told when it is gone. On failure nobody is told.
    ///
    /// # Safety
    /// The memory holds the elements, has no [`Self::obstacle`], and stays until the deleter is called.
    pub(crate) unsafe fn adopt(&self, order: &[usize], deleter: Deleter) -> Result<Tensor> {
        let (dims, back) = self.laid_out(order);
        let count: usize = dims.iter().product();
        if count == 0 {
            // SAFETY: there is no byte to write.
            let empty = unsafe { storage(self.dtype, 0, |_| ()) };
            let tensor = Tensor::from_shared_storage(empty, &dims, &back, self.dtype)?;
            // SAFETY: the memory is not looked at again.
            unsafe { deleter.run() };
            return Ok(tensor);
        }
        let byte_len = count * self.dtype.size_in_bytes();
        if !adopted::adopt(self.data, byte_len, deleter) {
            return Err(Error::new(ErrorCode::OutOfMemory, "there is no memory to remember the deleter in"));
        }
        // SAFETY: `count` aligned elements, which the allocator knows as adopted.
        let storage = unsafe { self.storage(count) };
        // The shape and dtype are the storage's: this does not fail.
        Tensor::from_shared_storage(storage, &dims, &back, self.dtype)
    }

    /// # Safety
    /// As [`elements_at`].
    unsafe fn storage(&self, count: usize) -> CpuStorage {
        unsafe fn at<T: Plain>(data: *mut u8, count: usize) -> Vec<T> {
            // SAFETY: passed on from the caller.
            unsafe { elements_at(data.cast(), count) }
        }
        // SAFETY: passed on from the caller.
        unsafe {
            match self.dtype {
                DType::Bool | DType::UInt8 => CpuStorage::U8(at(self.data, count)),
                DType::Int16 => CpuStorage::I16(at(self.data, count)),
                DType::UInt32 => CpuStorage::U32(at(self.data, count)),
                DType::Int32 => CpuStorage::I32(at(self.data, count)),
                DType::Int64 => CpuStorage::I64(at(self.data, count)),
                DType::Float8E4M3 => CpuStorage::F8E4M3(at(self.data, count)),
                DType::Float16 => CpuStorage::F16(at(self.data, count)),
                DType::BFloat16 => CpuStorage::BF16(at(self.data, count)),
                DType::Float32 => CpuStorage::F32(at(self.data, count)),
                DType::Float64 => CpuStorage::F64(at(self.data, count)),
            }
        }
    }
}

/// The address of the first element of a tensor on the CPU; the others lie as `candle_tensor_strides` says.
///
/// It is valid as long as any handle on the same storage lives and `candle_tensor_set_data` gives it no
/// other. Without elements it must not be read. Fails with `CANDLE_ERROR_DEVICE` on another device.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_data_ptr(
    tensor: *const CandleTensor,
    out: *mut *mut c_void,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_data_ptr(tensor, out, error));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "data_ptr", || {
            let out = output(out, "out")?;
            out.set(look(tensor, "tensor")?.data_pointer()?.cast());
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(dims: &[usize], strides: &[i64]) -> Option<Vec<usize>> {
        Block { data: std::ptr::null_mut(), dims, strides: Some(strides), dtype: DType::Float32 }.order().ok()
    }

    #[test]
    fn dense_strides_of_any_order_are_known() {
        assert_eq!(order(&[2, 3], &[12, 4]), Some(vec![0, 1]));
        assert_eq!(order(&[2, 3], &[4, 8]), Some(vec![1, 0]));
        assert_eq!(order(&[2, 3, 4], &[4, 32, 8]), Some(vec![1, 2, 0]));
        assert_eq!(order(&[1, 3, 1], &[-7, 4, 1 << 40]), Some(vec![0, 1, 2]));
        assert_eq!(order(&[], &[]), Some(vec![]));
        assert_eq!(order(&[0, 3], &[1, 1]), Some(vec![0, 1]));
        for strides in [[16, 4], [12, -4], [0, 4], [4, 4], [8, 4], [i64::MIN, 4]] {
            assert_eq!(order(&[2, 3], &strides), None, "{strides:?}");
        }
    }
}
