//! Convolutions.

use super::together;
use crate::Result;
use crate::compute::ConvResult;
use crate::value::Value;
use candle_ffi_kernels::conv::Geometry;

pub(in crate::compute) fn conv(
    result: ConvResult,
    first: &Value,
    second: &Value,
    bias: Option<&Value>,
    geometry: &Geometry,
    dims: &[usize],
) -> Result<Option<Value>> {
    if !together(&[first, second, bias.unwrap_or(first)]) {
        return Ok(None);
    }
    let (one, other, bias) = (&first.array, &second.array, bias.map(|bias| &bias.array));
    let array = match result {
        ConvResult::Small => candle_ffi_cuda::conv(geometry, one, other, bias, dims)?,
        ConvResult::Large => candle_ffi_cuda::conv_transpose(geometry, one, other, bias, dims)?,
        ConvResult::Weight => candle_ffi_cuda::conv_weight_grad(geometry, one, other, dims)?,
    };
    Ok(array.map(|array| Value::new(array, first.dtype)))
}
