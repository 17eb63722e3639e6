//! From values to the kernels of `candle-ffi-cuda`. `Ok(None)`: there is none for these dtypes, or the device is not CUDA.

use super::Unary;
use crate::Result;
use crate::value::Value;

/// Whether all values are on one CUDA device.
fn together(values: &[&Value]) -> bool {
    let location = |value: &Value| value.array.device().location();
    values.iter().all(|value| value.array.device().is_cuda() && location(value) == location(values[0]))
}

pub(super) fn unary(op: Unary, x: &Value) -> Result<Option<Value>> {
    if !together(&[x]) {
        return Ok(None);
    }
    Ok(candle_ffi_cuda::unary(op, &x.array)?.map(|array| Value::new(array, x.dtype)))
}
