//! Bags of rows.

use super::copy::{contiguous, from_vec};
use super::dispatch::{self, with_float};
use super::host;
use crate::value::Value;
use crate::{DType, Result, shape};
use candle_ffi_kernels::embedding as kernels;

/// For each bag and column of a matrix of rows, the row with the largest number; bag `b` ends before row `ends[b]`.
pub(crate) fn bag_argmax(rows: &Value, ends: &[usize]) -> Result<Value> {
    if !rows.is_cpu() {
        on_cuda!(bag_argmax(rows, ends));
        return host::round_trip_one("bag_argmax", [rows], |[rows]| bag_argmax(&rows, ends));
    }
    let rows = contiguous(rows)?;
    let dims = [ends.len(), rows.dims()[1]];
    shape::check_allocation(&dims, DType::Int64)?;
    with_float!(rows.dtype, T => dispatch::with_slice::<T, _>(&rows, |data| {
        Ok(from_vec(kernels::bag_argmax(data, dims[1], ends), &dims, DType::Int64))
    }))
}
