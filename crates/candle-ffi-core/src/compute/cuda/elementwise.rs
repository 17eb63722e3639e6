//! Elementwise operations.

use super::together;
use crate::Result;
use crate::compute::Unary;
use crate::value::Value;

pub(in crate::compute) fn unary(op: Unary, x: &Value) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    Ok(candle_ffi_cuda::unary(op, &x.array)?.map(|array| Value::new(array, x.dtype)))
}
