//! Rows of the host's data.
//!
//! What a data loader does for each batch, in one pass from the caller's memory to the tensor's.

use crate::data::storage;
use crate::device::{CandleDeviceKind, device_of};
use crate::dtype::{CandleDType, dtype_of};
use crate::error::{CandleError, CandleStatus};
use crate::panic::guard;
use crate::pointer::{output, slice};
use crate::tensor::CandleTensor;
use candle_ffi_core::{Error, ErrorCode, Result, Tensor, data::checked_shape};
use std::ffi::c_void;
use std::mem::MaybeUninit;

/// Makes a tensor `[num_indices, *row_shape]` of the rows `indices` of an array of `num_rows` rows.
///
/// The elements of a row lie in row-major order; `row_stride` is the distance in bytes between neighbouring
/// rows. As in `candle_tensor_from_data`, `data` is the lowest address, also with a negative stride, and may be
/// unaligned. Fails with `CANDLE_ERROR_INDEX` when an index is negative or not below `num_rows`, and with
/// `CANDLE_ERROR_INVALID_ARGUMENT` when the rows reach beyond `byte_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn candle_tensor_from_rows(
    data: *const c_void,
    byte_len: usize,
    num_rows: usize,
    row_stride: i64,
    row_shape: *const i64,
    row_rank: usize,
    indices: *const i64,
    num_indices: usize,
    dtype: CandleDType,
    device: CandleDeviceKind,
    device_index: i32,
    out: *mut *mut CandleTensor,
    error: *mut *mut CandleError,
) -> CandleStatus {
    forward!(candle_tensor_from_rows(
        data,
        byte_len,
        num_rows,
        row_stride,
        row_shape,
        row_rank,
        indices,
        num_indices,
        dtype,
        device,
        device_index,
        out,
        error
    ));
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guard(error, "gather_rows", || {
            let out = output(out, "out")?;
            let bytes = slice(data.cast::<u8>(), byte_len, "data")?;
            let row_shape = slice(row_shape, row_rank, "row_shape")?;
            let indices = slice(indices, num_indices, "indices")?;
            let dtype = dtype_of(dtype, "dtype")?;
            let device = device_of(device, device_index)?;
            let (_, row_count) = checked_shape(row_shape, dtype)?;
            let rows = Rows::new(bytes, num_rows, row_stride, row_count * dtype.size_in_bytes())?;
            rows.check(indices)?;
            let mut shape = Vec::with_capacity(row_rank + 1);
            shape.push(i64::try_from(num_indices).map_err(|_| Error::internal("a length beyond int64_t"))?);
            shape.extend_from_slice(row_shape);
            let (dims, count) = checked_shape(&shape, dtype)?;
            let storage = storage(dtype, count, |room| rows.copy(indices, room));
            out.put(Tensor::from_storage(storage, &dims, dtype, device)?);
            Ok(())
        })
    }
}

/// Rows of `size` bytes that lie within `bytes`.
struct Rows<'a> {
    bytes: &'a [u8],
    count: usize,
    /// Where row 0 begins.
    start: usize,
    stride: isize,
    size: usize,
}

impl<'a> Rows<'a> {
    /// Checks that all rows lie within `bytes`.
    fn new(bytes: &'a [u8], count: usize, stride: i64, size: usize) -> Result<Self> {
        if count == 0 || size == 0 {
            return Ok(Self { bytes, count, start: 0, stride: 0, size });
        }
        let beyond = || {
            let message = format!("{count} rows of {size} bytes, {stride} bytes apart, reach beyond byte_len");
            Error::argument(format!("{message} {}", bytes.len()))
        };
        // One row has no neighbour.
        let stride = if count == 1 { 0 } else { isize::try_from(stride).map_err(|_| beyond())? };
        let span = (count - 1).checked_mul(stride.unsigned_abs()).ok_or_else(beyond)?;
        span.checked_add(size).filter(|&reach| reach <= bytes.len()).ok_or_else(beyond)?;
        Ok(Self { bytes, count, start: if stride < 0 { span } else { 0 }, stride, size })
    }

    fn check(&self, indices: &[i64]) -> Result<()> {
        let inside = |index: &i64| usize::try_from(*index).is_ok_and(|index| index < self.count);
        // All at once first: a loop without an exit is a loop of vectors.
        if indices.iter().fold(true, |all, index| all & inside(index)) {
            return Ok(());
        }
        let (position, index) = indices.iter().enumerate().find(|(_, index)| !inside(index)).unwrap_or((0, &0));
        let message = format!("index {index} at position {position} is out of range for {} rows", self.count);
        Err(Error::new(ErrorCode::Index, message))
    }

    /// Copies the rows of checked indices; `room` has exactly as many bytes as they.
    fn copy(&self, indices: &[i64], room: &mut [MaybeUninit<u8>]) {
        match self.size {
            0 => {}
            1 => self.copy_small::<1>(indices, room),
            2 => self.copy_small::<2>(indices, room),
            4 => self.copy_small::<4>(indices, room),
            8 => self.copy_small::<8>(indices, room),
            size => {
                for (row, &index) in room.chunks_exact_mut(size).zip(indices) {
                    row.write_copy_of_slice(self.row(index));
                }
            }
        }
    }

    /// Rows of a size that the compiler knows: a load and a store each.
    fn copy_small<const SIZE: usize>(&self, indices: &[i64], room: &mut [MaybeUninit<u8>]) {
        for (row, &index) in room.as_chunks_mut::<SIZE>().0.iter_mut().zip(indices) {
            row.write_copy_of_slice(&self.row(index)[..SIZE]);
        }
    }

    #[inline]
    fn row(&self, index: i64) -> &[u8] {
        // Checked: the row lies within the bytes, so no product is too large.
        #[expect(clippy::cast_possible_truncation, reason = "an index below the number of rows")]
        let start = self.start.wrapping_add_signed(self.stride.wrapping_mul(index as isize));
        &self.bytes[start..start + self.size]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(rows: &Rows<'_>, indices: &[i64]) -> Vec<u8> {
        rows.check(indices).unwrap();
        let mut out = vec![MaybeUninit::new(0u8); rows.size * indices.len()];
        rows.copy(indices, &mut out);
        // SAFETY: initialised from the start.
        out.iter().map(|byte| unsafe { byte.assume_init() }).collect()
    }

    #[test]
    fn rows_lie_apart_overlap_and_run_backwards() {
        let bytes: Vec<u8> = (0..12).collect();
        assert_eq!(gathered(&Rows::new(&bytes, 4, 3, 3).unwrap(), &[3, 0, 3]), [9, 10, 11, 0, 1, 2, 9, 10, 11]);
        assert_eq!(gathered(&Rows::new(&bytes, 4, -3, 3).unwrap(), &[0, 3]), [9, 10, 11, 0, 1, 2]);
        assert_eq!(gathered(&Rows::new(&bytes, 11, 1, 2).unwrap(), &[10, 0]), [10, 11, 0, 1]);
        assert_eq!(gathered(&Rows::new(&bytes, 1000, 0, 4).unwrap(), &[999]), [0, 1, 2, 3]);
        assert_eq!(gathered(&Rows::new(&bytes, 1, i64::MIN, 12).unwrap(), &[0]), bytes);
        assert_eq!(gathered(&Rows::new(&[], 5, 0, 0).unwrap(), &[4, 4]), [0u8; 0]);
    }

    #[test]
    fn what_lies_beyond_is_refused() {
        let bytes = [0u8; 12];
        for (count, stride, size) in
            [(5, 3, 3), (4, 3, 4), (2, i64::MAX, 1), (2, i64::MIN, 1), (usize::MAX, 2, 1), (1, 0, 13)]
        {
            assert!(Rows::new(&bytes, count, stride, size).is_err(), "{count} {stride} {size}");
        }
        let rows = Rows::new(&bytes, 4, 3, 3).unwrap();
        assert!(rows.check(&[0, 3]).is_ok());
        for wrong in [4, -1, i64::MIN, i64::MAX] {
            let error = rows.check(&[0, wrong]).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Index);
            assert!(error.to_string().contains("position 1"), "{error}");
        }
        assert!(Rows::new(&bytes, 0, 3, 3).unwrap().check(&[0]).is_err());
    }
}
