//! Matrix products on any strides.

use super::copy::{contiguous, from_vec};
use super::dispatch::{with_float, with_integer};
use super::host;
use super::locked::lock;
use crate::shape::Dims;
use crate::value::Value;
use crate::{Result, shape};
use candle_ffi_kernels::matmul as kernels;
use candle_ffi_kernels::matmul_integer::matmul_integer;

fn result_dims(lhs: &Value, rhs: &Value) -> Dims {
    let mut dims = lhs.shape();
    if let (Some(last), Some(&columns)) = (dims.last_mut(), rhs.dims().last()) {
        *last = columns;
    }
    dims
}

/// `[…batch, m, k] × […batch, k, n]` with equal batch dimensions (expanded ones cost nothing on the CPU).
pub(crate) fn matmul(lhs: &Value, rhs: &Value) -> Result<Value> {
    let dims = result_dims(lhs, rhs);
    if !host::on_cpu(&[lhs, rhs]) {
        shape::check_size(&dims, lhs.dtype)?;
        on_cuda!(matmul(lhs, rhs));
        // Candle refuses most strides of the batch, and products with nothing in them.
        if lhs.num_elements() == 0 || rhs.num_elements() == 0 {
            return super::fill(0.0, &dims, lhs.dtype, lhs.device());
        }
        if !lhs.dtype.is_float() {
            return host::round_trip_one("matmul", [lhs, rhs], |[lhs, rhs]| matmul(&lhs, &rhs));
        }
        return Ok(Value::new(lhs.array.contiguous()?.matmul(&rhs.array.contiguous()?)?, lhs.dtype));
    }
    shape::check_allocation(&dims, lhs.dtype)?;
    let locked = lock([lhs, rhs]);
    if lhs.dtype.is_integer() {
        return with_integer!(lhs.dtype, T => {
            Ok(from_vec(matmul_integer(locked.strided::<T>(0)?, locked.strided(1)?), &dims, lhs.dtype))
        });
    }
    with_float!(lhs.dtype, T => Ok(from_vec(kernels::matmul(locked.strided::<T>(0)?, locked.strided(1)?), &dims, lhs.dtype)))
}

/// `lhs × rhs + bias` with the bias added to each row, for `[m, k] × [k, n] + [n]`.
pub(crate) fn matmul_add(lhs: &Value, rhs: &Value, bias: &Value) -> Result<Value> {
    if !host::on_cpu(&[lhs, rhs, bias]) {
        shape::check_size(&result_dims(lhs, rhs), lhs.dtype)?;
        on_cuda!(matmul_add(lhs, rhs, bias));
        return super::binary(super::Binary::Add, &matmul(lhs, rhs)?, bias);
    }
    let dims = result_dims(lhs, rhs);
    shape::check_allocation(&dims, lhs.dtype)?;
    let bias = contiguous(bias)?;
    let locked = lock([lhs, rhs, &bias]);
    with_float!(lhs.dtype, T => {
        let result = kernels::matmul_add(locked.strided::<T>(0)?, locked.strided(1)?, locked.slice(2)?);
        Ok(from_vec(result, &dims, lhs.dtype))
    })
}
