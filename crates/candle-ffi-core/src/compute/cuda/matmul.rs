//! Matrix products.

use super::together;
use crate::Result;
use crate::value::Value;

pub(in crate::compute) fn matmul(lhs: &Value, rhs: &Value) -> Result<Option<Value>> {
    if !together(&[lhs, rhs]) {
        return Ok(None);
    }
    Ok(candle_ffi_cuda::matmul(&lhs.array, &rhs.array, None)?.map(|array| Value::new(array, lhs.dtype)))
}

pub(in crate::compute) fn matmul_add(lhs: &Value, rhs: &Value, bias: &Value) -> Result<Option<Value>> {
    if !together(&[lhs, rhs, bias]) {
        return Ok(None);
    }
    Ok(candle_ffi_cuda::matmul(&lhs.array, &rhs.array, Some(&bias.array))?.map(|array| Value::new(array, lhs.dtype)))
}
